"""Looking at jobs: one by one, all of them, their failures, their events; and forgetting the old ones."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from backfill import (
    BackfillReport,
    BackfillRequest,
    BackfillService,
    BackfillStatus,
    DataUnavailable,
    InvalidRequest,
    Job,
    JobNotFound,
    PermanentSourceError,
    TransientSourceError,
)
from backfill.clock import SystemClock
from backfill.errors import JobFailed
from backfill.jobstores import MemoryJobStore
from backfill.model import (
    CellState,
    DayPublished,
    DistrictError,
    FetchStatus,
    JobEvent,
    JobState,
    StatusChanged,
    UnitFailed,
    UnitsSettled,
)
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from service_doubles import (
    PATIENCE,
    GatedSource,
    NoDoor,
    PlainJobs,
    adds_up,
    ask,
    day,
    serving,
    stored,
    until,
)

BUSY = TransientSourceError("busy", kind="busy")


# --- one job ----------------------------------------------------------------------------------------------------------


def test_a_job_of_this_process_is_found_again() -> None:
    """A job that runs is found by its identifier, with the future of its first handle; ended, with its final report. [R1.3]"""
    source = GatedSource()
    with serving(source) as service:
        job = service.initiate_backfill(ask(1, "A"))
        again = service.get_job(job.backfill_id)
        assert again.backfill_id == job.backfill_id
        assert again.future is job.future
        assert again.future.running()
        source.gate.set()
        report = again.wait(PATIENCE)
        until(lambda: service.get_job(job.backfill_id).future is not job.future)  # no longer kept in memory twice
        ended = service.get_job(job.backfill_id)
        assert ended.wait(0) == ended.report() == ended.future.result() == report
        assert ended.status is BackfillStatus.COMPLETE
        assert not ended.cancel()


def test_a_job_of_another_service_is_found_in_the_job_store() -> None:
    """A service that shares the job store, as after a restart, shows the jobs of the other one, running or ended. [R1.3, R4.2]"""
    jobs = MemoryJobStore()
    source = GatedSource(lambda _on, name: name == "B")
    with serving(source, jobs=jobs) as one, serving(ScriptedSource(), jobs=jobs) as other:
        ended = one.initiate_backfill(ask(1, "A"))
        report = ended.wait(PATIENCE)
        running = one.initiate_backfill(ask(2, "B", concurrency=1))
        source.await_arrivals()
        assert other.get_job(ended.backfill_id).wait(0) == report
        found = other.get_job(running.backfill_id)
        assert found.status is BackfillStatus.PROCESSING
        assert found.future.running()
        assert found.report().progress.pending == 2
        with pytest.raises(TimeoutError):
            found.wait(0)
        heard: list[JobEvent] = []
        unsubscribe = found.subscribe(heard.append)
        assert found.cancel(), "it is asked for; the owner learns of it when it looks"
        assert not found.cancel()
        live = one._host.find(running.backfill_id)
        until(lambda: live is not None and live.context.cancel.is_set())
        source.gate.set()
        assert running.wait(PATIENCE).status is BackfillStatus.CANCELLED
        until(lambda: bool(heard) and isinstance(heard[-1].change, StatusChanged))
        unsubscribe()
        assert found.report() == running.report()


LOOKS: dict[str, Callable[[BackfillService, str], object]] = {
    "get_job": BackfillService.get_job,
    "get_backfill_status": BackfillService.get_backfill_status,
    "errors": BackfillService.errors,
    "cancel_backfill": BackfillService.cancel_backfill,
    "retry_failed": BackfillService.retry_failed,
}


@pytest.mark.parametrize("jobs", [MemoryJobStore, PlainJobs])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_job_that_does_not_exist_is_an_error_with_a_remedy(
    look: Callable[[BackfillService, str], object], jobs: Callable[[], MemoryJobStore]
) -> None:
    """Every method that takes an identifier says that there is no such job, as a LookupError too, and how to find those there are. [R1.3]"""
    said = re.escape("no job 'nobody'; list_backfills() shows the jobs there are")
    with serving(ScriptedSource(), jobs=jobs()) as service, pytest.raises(JobNotFound, match=said) as caught:
        look(service, "nobody")
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("jobs", [MemoryJobStore, PlainJobs])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_what_is_no_identifier_is_refused(
    look: Callable[[BackfillService, object], object], jobs: Callable[[], MemoryJobStore]
) -> None:
    """A handle, a list or nothing in the place of an identifier is refused with what to pass, and nothing hangs. [R1.3]"""
    with serving(ScriptedSource(), jobs=jobs()) as service:
        job = service.initiate_backfill(ask(1, "A"))
        for value in (job, ["x"], None, 7, b"x"):
            with pytest.raises(InvalidRequest, match="not a job's identifier; pass its backfill_id"):
                look(service, value)
        with pytest.raises(InvalidRequest, match="backfill_id=None:"):
            look(service, None)


@pytest.mark.parametrize("timeout", ["x", -1, float("nan"), float("inf"), True, 1e30])
def test_no_number_of_seconds_is_waited_for(timeout: float) -> None:
    """A time to wait that is none is refused, whether the job has ended or not. [R1.3]"""
    source = GatedSource()
    with serving(source) as service:
        job = service.initiate_backfill(ask(1, "A"))
        for _turn in range(2):
            with pytest.raises(InvalidRequest, match="timeout="):
                job.wait(timeout)
            source.gate.set()
            assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE


def test_a_handle_shows_itself_whatever_happens() -> None:
    """A handle's text names the job, with its state where that can be had: not after a clean-up, nor when the job store fails. [R1.3]"""
    with serving(ScriptedSource(), clock=(clock := VirtualClock())) as service:
        job = service.initiate_backfill(ask(1, "A"))
        job.wait(PATIENCE)
        until(lambda: repr(job) == f"<Job {job.backfill_id}: complete>")
        clock.advance(1)
        assert service.cleanup_old_jobs(older_than=timedelta(0), keep=0) == 1
        assert repr(job) == f"<Job {job.backfill_id}>"

    class Broken(MemoryJobStore):
        def load(self, job_id: str, /) -> JobState:
            raise OSError("the disk has gone")

    with serving(ScriptedSource(), jobs=Broken()) as service:
        job = service.initiate_backfill(ask(1, "A"))
        job.wait(PATIENCE)
        until(lambda: repr(job) == f"<Job {job.backfill_id}>")


def test_a_report_raises_for_failures_if_asked_to() -> None:
    """A complete job's report passes; one with failures raises, with their number, the commonest cause and what to do. [R6.4]"""
    script = {(day(0), "A"): 1, (day(0), "B"): BUSY, (day(0), "C"): BUSY, (day(0), "D"): PermanentSourceError("gone")}
    with serving(ScriptedSource(script)) as service:
        report = service.run_backfill(ask(1, "A"))
        assert report.raise_for_failures() is report
        job = service.initiate_backfill(ask(1, "A", "B", "C", "D", skip_existing=False))
        with pytest.raises(
            JobFailed, match=r"ended as partial_success: 3 units failed; most often busy while fetch: busy"
        ) as caught:
            job.wait(PATIENCE).raise_for_failures()
        assert (caught.value.backfill_id, caught.value.failed) == (job.backfill_id, 3)
        assert f"retry_failed({job.backfill_id!r})" in str(caught.value)


# --- all jobs ---------------------------------------------------------------------------------------------------------


def _three_jobs(service: BackfillService, clock: VirtualClock) -> list[Job]:
    """Run a job that completes, one that partly fails and one that fails as a whole, a minute apart."""
    jobs = []
    for names in (("A",), ("A", "B"), ("B",)):
        jobs.append(service.initiate_backfill(ask(2, *names, skip_existing=False, retry_failures=False)))
        jobs[-1].wait(PATIENCE)
        clock.advance(60)
    return jobs


def test_jobs_are_listed_newest_first_without_their_details() -> None:
    """The list holds every job, newest first, with counts and causes but without single failures, findings and districts. [R1.3, R4.1]"""
    clock = VirtualClock()
    with serving(ScriptedSource(lambda _on, name: 1 if name == "A" else BUSY), clock=clock) as service:
        jobs = _three_jobs(service, clock)
        reports = service.list_backfills()
        assert [report.backfill_id for report in reports] == [job.backfill_id for job in reversed(jobs)]
        assert [report.status for report in reports] == ["error", "partial_success", "complete"]
        assert [report.errors_total for report in reports] == [2, 2, 0]
        assert all(report.errors == () and report.findings == () for report in reports)
        assert all(report.progress.district_progress == {} for report in reports)
        assert [group.kind for group in reports[0].error_summary] == ["busy"]
        assert [report.backfill_id for report in service.list_backfills(limit=1)] == [jobs[2].backfill_id]


@pytest.mark.parametrize(
    ("states", "found"),
    [
        (["complete"], [0]),
        ([BackfillStatus.ERROR, "partial_success"], [2, 1]),
        ((state for state in ("error",)), [2]),
        ({"queued", "processing", "cancelled"}, []),
        ([], []),
        (tuple(BackfillStatus), [2, 1, 0]),
    ],
)
def test_jobs_are_listed_by_state(states: Sequence[BackfillStatus | str], found: list[int]) -> None:
    """Any iterable of states, by name or member, picks the jobs that are in one of them. [R1.3]"""
    clock = VirtualClock()
    with serving(ScriptedSource(lambda _on, name: 1 if name == "A" else BUSY), clock=clock) as service:
        jobs = _three_jobs(service, clock)
        assert [report.backfill_id for report in service.list_backfills(states=states)] == [
            jobs[number].backfill_id for number in found
        ]


# --- failures ---------------------------------------------------------------------------------------------------------

MANY = BackfillRequest("2022-03-01", "2025-12-31", ["A"], order="oldest-first")
"""1,402 days."""


def _failing(on: date, _name: str) -> object:
    return PermanentSourceError(f"gone on {on}", kind="gone")


def test_failures_are_paged_through_oldest_first() -> None:
    """A report holds the newest thousand failures; page after page brings all of them, each once, in their order. [R6.2, R6.4]"""
    with serving(ScriptedSource(_failing)) as service:
        report = service.initiate_backfill(MANY).wait(PATIENCE)
        assert (report.errors_total, len(report.errors)) == (1402, 1000)
        assert [(group.kind, group.count) for group in report.error_summary] == [("gone", 1402)]
        pages: list[Sequence[DistrictError]] = []
        while page := service.errors(report.backfill_id, after=sum(map(len, pages)), limit=400):
            pages.append(page)
        assert list(map(len, pages)) == [400, 400, 400, 202]
        every = [error for page in pages for error in page]
        assert {error.day for error in every} == {date(2022, 3, 1) + timedelta(number) for number in range(1402)}
        assert tuple(every[402:]) == report.errors
        assert list(service.errors(report.backfill_id)) == every[:1000]
        assert list(service.errors(report.backfill_id, after=1401, limit=1)) == every[1401:]
        assert list(service.errors(report.backfill_id, after=5000)) == []


def test_failures_of_a_job_store_that_keeps_the_newest_only_are_paged_through_as_well() -> None:
    """Where the job store cannot page, the newest thousand are paged through. [R6.4]"""
    with serving(ScriptedSource(_failing), jobs=PlainJobs()) as service:
        report = service.initiate_backfill(MANY).wait(PATIENCE)
        assert report.errors_total == 1402
        assert service.errors(report.backfill_id) == report.errors
        assert service.errors(report.backfill_id, after=990, limit=4) == report.errors[990:994]
        assert service.errors(report.backfill_id, after=1000) == ()


# --- events -----------------------------------------------------------------------------------------------------------


def test_events_of_all_jobs_are_read_from_where_the_reader_was() -> None:
    """The log holds every change of every job in the order of its numbers; a reader asks for what came since, of all or of one job. [R4.3, R9.5]"""
    with serving(ScriptedSource({(day(0), "A"): 1, (day(0), "B"): BUSY})) as service:
        first = service.initiate_backfill(ask(1, "A"))
        first.wait(PATIENCE)
        seen = service.events()[-1].seq
        second = service.initiate_backfill(ask(1, "A", "B", skip_existing=False, retry_failures=False))
        second.wait(PATIENCE)
        every = service.events()
        assert [event.seq for event in every] == sorted({event.seq for event in every})
        assert {event.job_id for event in every} == {first.backfill_id, second.backfill_id}
        assert list(service.events(after=seen)) == [event for event in every if event.job_id == second.backfill_id]
        assert list(second.events()) == list(service.events(after=seen))
        assert list(first.events(after=seen)) == []
        assert list(service.events(after=every[-1].seq)) == []
        kinds = [type(event.change) for event in second.events()]
        assert kinds[0] is kinds[-1] is StatusChanged
        assert set(kinds) == {StatusChanged, UnitsSettled, UnitFailed, DayPublished}


def test_a_job_store_without_a_log_has_no_events() -> None:
    """Where the job store keeps no log there is nothing to read, and nothing else is missing. [R9.5]"""
    with serving(ScriptedSource(), jobs=PlainJobs()) as service:
        job = service.initiate_backfill(ask(1, "A"))
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
        assert (service.events(), job.events(after=3)) == ((), ())
        assert service.coverage(day(0), day(0)).counts[CellState.FULL] == 1


def test_a_subscriber_hears_every_event_once_and_in_order() -> None:
    """Two subscriptions of one function hear all that the log holds from then on; one that was ended hears nothing more. [R9.5]"""
    source = GatedSource()
    heard: list[JobEvent] = []
    others: list[JobEvent] = []
    with serving(source) as service:
        job = service.initiate_backfill(ask(2, "A", "B", concurrency=1))
        source.await_arrivals()
        unsubscribe = job.subscribe(heard.append)
        job.subscribe(heard.append)
        end_at_once = job.subscribe(others.append)
        end_at_once()
        end_at_once()
        source.gate.set()
        job.wait(PATIENCE)
        until(lambda: len(heard) == 2 * (len(job.events()) - 1))
        unsubscribe()
        assert heard[::2] == heard[1::2] == list(job.events())[1:]
        assert others == []
        late: list[JobEvent] = []
        job.subscribe(late.append)()
        assert late == [], "of an ended job there is nothing more to hear"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_a_subscriber_that_raises_hurts_nobody(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a subscriber raises is logged; the job, its end and the other subscribers go on. [R9.5, R6.1]"""
    source = GatedSource()
    heard: list[JobEvent] = []

    def angry(_event: JobEvent) -> None:
        raise error

    with serving(source) as service:
        job = service.initiate_backfill(ask(2, "A"))
        source.await_arrivals()
        job.subscribe(angry)
        job.subscribe(heard.append)
        source.gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
        assert isinstance(heard[-1].change, StatusChanged)
    told = [record for record in caplog.records if record.exc_info and record.exc_info[1] is error]
    assert len(told) == len(heard)
    assert {vars(record)["job_id"] for record in told} == {job.backfill_id}


def test_a_subscriber_may_ask_for_anything_from_any_thread() -> None:
    """A callback that has another thread ask for the report, the list and the events, and waits for it, waits for nobody. [R9.5]"""
    source = GatedSource()
    answers: list[tuple[BackfillReport, int]] = []
    with serving(source) as service, ThreadPoolExecutor(1) as other:
        job = service.initiate_backfill(ask(2, "A"))
        source.await_arrivals()

        def look(event: JobEvent) -> None:
            asked = other.submit(lambda: (job.report(), len(service.list_backfills())))
            answers.append(asked.result(PATIENCE))

        job.subscribe(look)
        source.gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert [count for _report, count in answers] == [1] * len(answers)
    assert all(adds_up(report) for report, _count in answers)


@pytest.mark.parametrize("callback", [None, "print", 3, []])
def test_a_subscriber_that_is_no_function_is_refused(callback: object) -> None:
    """What cannot be called is refused at once, and not once for every event. [R1.3]"""
    with serving(ScriptedSource()) as service:
        job = service.initiate_backfill(ask(1, "A"))
        with pytest.raises(InvalidRequest, match="not a function; pass a function that takes an event"):
            job.subscribe(callback)  # type: ignore[arg-type] # a wrong type on purpose


# --- progress ---------------------------------------------------------------------------------------------------------


def test_a_report_adds_up_whenever_another_thread_asks_for_it() -> None:
    """While a job works with eight threads, others sample its report without a pause: each one adds up, and none goes back. [R4.3, R9.5]"""
    outcomes = [{"n": 1}, DataUnavailable("nothing"), PermanentSourceError("gone", kind="gone"), TransientSourceError("busy")]
    names = [f"d{number}" for number in range(12)]
    source = ScriptedSource(lambda on, name: outcomes[(on.toordinal() + int(name[1:])) % 4])
    over = threading.Event()
    with serving(source) as service, ThreadPoolExecutor(3) as samplers:
        job = service.initiate_backfill(BackfillRequest("2025-12-01", "2026-01-10", names, concurrency=8, retry_failures=False))

        def sample() -> list[BackfillReport]:
            taken = [job.report()]
            while not over.is_set():
                taken.append(service.get_backfill_status(job.backfill_id))
            return [*taken, job.report()]

        sampling = [samplers.submit(sample) for _ in range(3)]
        final = job.wait(PATIENCE)
        over.set()
        samples = [taken.result(PATIENCE) for taken in sampling]
    assert final.progress.total == 41 * 12
    assert {final.progress.completed, final.progress.unavailable} == {41 * 3}
    assert final.progress.failed == 41 * 6
    for taken in samples:
        assert len(taken) > 10
        assert all(adds_up(report) for report in taken)
        done = [report.progress.total - report.progress.pending for report in taken]
        assert done == sorted(done)
        assert taken[-1].progress == final.progress


def test_a_door_that_cannot_say_how_it_is_doing_takes_nothing_with_it(caplog: pytest.LogCaptureFixture) -> None:
    """A fetcher whose status raises, or is no status, costs a report its performance and nothing else. [R9.5, R12.4]"""

    class Sulking(NoDoor):
        answer: object = FetchStatus(requests=7, rate=2.0)

        def status(self) -> object:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    door, source = Sulking(), GatedSource()
    with serving(source, fetch=door) as service:
        job = service.initiate_backfill(ask(1, "A"))
        source.await_arrivals()
        assert job.report().performance_status == FetchStatus(requests=7, rate=2.0)
        door.answer = "fine, thank you"
        assert job.report().performance_status is None
        door.answer = RuntimeError("not today")
        source.gate.set()
        report = job.wait(PATIENCE)
        assert (report.status, report.performance_status) == ("complete", None)
        assert service.plan(ask(1, "B")).seconds_at_rate is None
    assert "the door out cannot say how it is doing" in caplog.messages


# --- forgetting -------------------------------------------------------------------------------------------------------


def _aged_jobs(service: BackfillService, clock: VirtualClock) -> list[str]:
    """Run six jobs, ten days apart; the newest ends now."""
    identifiers = []
    for number in range(6):
        clock.advance(864000 if number else 0)
        job = service.initiate_backfill(ask(1, f"d{number}", retry_failures=False))
        job.wait(PATIENCE)
        identifiers.append(job.backfill_id)
    return identifiers


@pytest.mark.parametrize(
    ("older_than", "keep", "left"),
    [
        (timedelta(days=30), 100, 6),  # old, but among the newest
        (timedelta(days=30), 0, 4),  # 40 and 50 days old; 30 days are not more than 30
        (timedelta(days=30), 5, 5),  # two are old, one of them is beyond the newest five
        (timedelta(days=100), 0, 6),  # beyond the newest, but not old
        (timedelta(seconds=1), 0, 1),
        (timedelta(0), 2, 2),
        (timedelta.max, 0, 6),
    ],
)
def test_jobs_are_forgotten_that_are_both_old_and_beyond_the_newest(older_than: timedelta, keep: int, left: int) -> None:
    """A job goes when it is older than the age and not among the newest; its outcomes stay, so coverage does not forget. [R4.5]"""
    clock = VirtualClock()
    source = ScriptedSource(lambda _on, name: 1 if name != "d0" else BUSY)
    with serving(source, clock=clock) as service:
        identifiers = _aged_jobs(service, clock)
        before = service.coverage(day(0), day(0))
        assert service.cleanup_old_jobs(older_than=older_than, keep=keep) == 6 - left
        assert [report.backfill_id for report in service.list_backfills()] == identifiers[::-1][:left]
        assert service.coverage(day(0), day(0)) == before
        assert before.state(day(0), "d0") is CellState.FAILED
        assert before.counts[CellState.FULL] == 5
        assert service.cleanup_old_jobs(older_than=older_than, keep=keep) == 0
        for identifier in identifiers[: 6 - left]:
            with pytest.raises(JobNotFound):
                service.get_job(identifier)


def test_a_job_that_has_not_ended_is_never_forgotten() -> None:
    """A running and a queued job stay, however old they are, and are not counted among the newest that are kept. [R4.5]"""
    clock = VirtualClock()
    source = GatedSource(lambda _on, name: name == "slow")
    with serving(source, clock=clock) as service:
        ended = [service.initiate_backfill(ask(1, name)) for name in "AB"]
        for job in ended:
            job.wait(PATIENCE)
        running = service.initiate_backfill(ask(1, "slow"))
        source.await_arrivals()
        queued = service.initiate_backfill(ask(1, "C"))
        clock.advance(1e7)
        assert service.cleanup_old_jobs(keep=1) == 1
        left = {report.backfill_id for report in service.list_backfills()}
        assert left == {ended[1].backfill_id, running.backfill_id, queued.backfill_id}
        assert service.cleanup_old_jobs(older_than=timedelta(0), keep=0) == 1
        source.gate.set()
        assert queued.wait(PATIENCE).status is BackfillStatus.COMPLETE


def test_a_forgotten_key_is_free_again() -> None:
    """The idempotency key of a forgotten job may be used for another request. [R4.5]"""
    clock = VirtualClock()
    with serving(ScriptedSource(), clock=clock) as service:
        first = service.initiate_backfill(ask(1, "A"), idempotency_key="nightly")
        first.wait(PATIENCE)
        clock.advance(1)
        assert service.cleanup_old_jobs(older_than=timedelta(0), keep=0) == 1
        second = service.initiate_backfill(ask(1, "B"), idempotency_key="nightly")
        assert second.backfill_id != first.backfill_id
        assert first.wait(0).status is BackfillStatus.COMPLETE, "a handle keeps what it has"
        with pytest.raises(JobNotFound):
            first.report()


# --- the same request twice -------------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_job() -> None:
    """The same request under the same key is the same job, running or ended, asked for once or at once by many, as request or as plan. [R1.3]"""
    source = GatedSource()
    with serving(source) as service, ThreadPoolExecutor(8) as threads:
        request = ask(1, "A", "B")
        plan = service.plan(request)
        started: list[Future[Job]] = [
            threads.submit(service.initiate_backfill, asked, idempotency_key="click") for asked in (request, plan) * 4
        ]
        jobs = [job.result(PATIENCE) for job in started]
        assert len({job.backfill_id for job in jobs}) == 1
        source.gate.set()
        report = jobs[0].wait(PATIENCE)
        assert service.initiate_backfill(request, idempotency_key="click").wait(0) == report
        assert service.initiate_backfill(plan, idempotency_key="click").wait(0) == report, "outdated by now, but long accepted"
        assert service.initiate_backfill(request, idempotency_key="another").wait(PATIENCE).progress.skipped == 2
        assert len(service.list_backfills()) == 2
    assert len(source.calls) == 2


def test_a_key_that_was_used_for_something_else_is_refused() -> None:
    """Another request under a used key is refused by the name of the job that has it, and starts nothing. [R1.3]"""
    with serving(ScriptedSource()) as service:
        job = service.initiate_backfill(ask(1, "A"), idempotency_key="click")
        for other in (ask(1, "B"), ask(2, "A"), service.plan(ask(1, "A", "B"))):
            with pytest.raises(InvalidRequest, match=f"was used for another request before, by job {job.backfill_id}"):
                service.initiate_backfill(other, idempotency_key="click")
        assert len(service.list_backfills()) == 1


@pytest.mark.parametrize("key", ["", "   ", 7, b"click", True, ["click"], "a\nb", "\x00", "\ud800", "x" * 256])
def test_what_cannot_be_a_key_is_refused(key: object) -> None:
    """A key is a short printable text; anything else is refused, and nothing starts. [R1.3]"""
    with serving(source := ScriptedSource()) as service:
        with pytest.raises(InvalidRequest, match="not a name of 1 to 255 printable characters") as caught:
            service.initiate_backfill(ask(1, "A"), idempotency_key=key)  # type: ignore[arg-type] # a wrong type on purpose
        assert caught.value.field == "idempotency_key"
        assert service.list_backfills() == []
    assert source.calls == []


# --- waiting in one call ----------------------------------------------------------------------------------------------


def test_run_backfill_returns_the_final_report_and_shows_it_last() -> None:
    """A function that watches is called with reports that add up, the last of them the final one, which is returned. [R9.5]"""
    seen: list[BackfillReport] = []
    with serving(ScriptedSource()) as service:
        report = service.run_backfill(ask(3, "A", "B"), progress=seen.append)
        assert (report.status, report.progress.completed) == ("complete", 6)
        assert seen[-1] == report
        assert all(adds_up(shown) for shown in seen)
        assert service.run_backfill(service.plan(ask(1, "C"))).progress.completed == 1, "a plan can be run as well"


def test_a_watcher_that_raises_cancels_the_job() -> None:
    """What the watching function raises comes out of run_backfill, after the job is cancelled and quiet, with all published that was collected. [R4.4]"""
    store = MemorySnapshotStore()
    source = ScriptedSource(lambda _on, name: 1 if name == "A" else TransientSourceError("busy", retry_after=3600))

    def watch(_report: BackfillReport) -> None:
        until(lambda: len(source.calls) == 2)
        raise LookupError("enough")

    with serving(source, store, clock=SystemClock()) as service:
        with pytest.raises(LookupError, match="enough"):
            service.run_backfill(ask(9, "A", "B", concurrency=1), progress=watch)
        (report,) = service.list_backfills()
        assert (report.status, report.progress.completed, report.progress.pending) == ("cancelled", 1, 17)
    assert stored(store) == {day(0): ("A",)}
