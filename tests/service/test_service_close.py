"""Closing: nothing new starts, what is in flight ends, what the service made it lets go of; whoever closes it, and whenever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

import pytest

from backfill import BackfillService, BackfillStatus, InvalidRequest, Job
from backfill.clock import SystemClock
from backfill.errors import ServiceUnusable
from backfill.model import DayPublished, JobEvent, UnitContext
from backfill.protocols import Fetch, Fetcher
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from service_doubles import (
    PATIENCE,
    FailingStore,
    GatedSource,
    NoDoor,
    adds_up,
    ask,
    backfill_threads,
    day,
    stored,
    together,
    until,
)

REASON = "the service was closed before the job had ended"


def service_of(source: ScriptedSource, store: MemorySnapshotStore | None = None, **options: object) -> BackfillService:
    """Return a service on a virtual clock that a test closes itself."""
    defaults = {"fetch": NoDoor(), "clock": VirtualClock()}
    return BackfillService(source, store or MemorySnapshotStore(), **defaults | options)  # type: ignore[arg-type] # options of any kind


class OwnDoor(NoDoor):
    """The door that a service makes for itself: closed, it refuses; asked by a source, it answers."""

    def bind(self, unit: UnitContext, /) -> Fetch:
        """Return a door that answers unless it was closed, as a `PoliteFetcher` does."""

        def fetch(*_args: object, **_options: object) -> None:
            if unit.job.cancel.is_set():
                from backfill.errors import Cancelled  # noqa: PLC0415 - used here only

                raise Cancelled("the job was cancelled")
            if self.closed:
                raise ServiceUnusable("this door was closed")

        return fetch  # type: ignore[return-value] # it never returns a document


@pytest.fixture
def own_door(monkeypatch: pytest.MonkeyPatch) -> OwnDoor:
    """Have the service make this door when it is given none."""
    door = OwnDoor()
    monkeypatch.setattr("backfill.servicebase.default_fetcher", lambda _clock: door)
    return door


# --- what closing does ------------------------------------------------------------------------------------------------


def test_closing_cancels_what_runs_and_what_waits_and_leaves_no_thread() -> None:
    """The unit in flight ends and is published, the rest of its job and the queued jobs are cancelled with the reason, and no thread stays. [R10.2, R4.4]"""
    store = MemorySnapshotStore()
    source = GatedSource()
    service = service_of(source, store)
    running, waiting = service.initiate_backfill(ask(3, "A", concurrency=1)), service.initiate_backfill(ask(2, "B"))
    source.await_arrivals()
    closing = threading.Thread(target=service.close)
    closing.start()
    assert waiting.wait(PATIENCE).status is BackfillStatus.CANCELLED
    source.gate.set()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert backfill_threads() == []
    report = running.wait(0)
    assert (report.status, report.status_reason, report.progress.completed, report.progress.pending) == (
        "cancelled",
        REASON,
        1,
        2,
    )
    assert waiting.report().status_reason == REASON
    assert stored(store) == {day(0): ("A",)}


def test_closing_after_all_is_done_finishes_every_job_first() -> None:
    """With wait=True the running and the queued jobs end as they would have, and nothing new is accepted meanwhile. [R10.2]"""
    source = GatedSource()
    service = service_of(source)
    jobs = [service.initiate_backfill(ask(2, name)) for name in "ABC"]
    source.await_arrivals()
    closing = threading.Thread(target=lambda: service.close(wait=True))
    closing.start()
    until(lambda: _refuses(service))
    assert [job.status for job in jobs] == ["processing", "queued", "queued"]
    source.gate.set()
    closing.join(PATIENCE)
    assert [job.wait(0).status for job in jobs] == ["complete"] * 3
    assert backfill_threads() == []


def _refuses(service: BackfillService) -> bool:
    try:
        service.plan(ask(1, "A"))
    except ServiceUnusable:
        return True
    return False


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("timeout", [0, 0.01, -5])
def test_closing_gives_up_after_its_time(own_door: OwnDoor, timeout: float, *, wait: bool) -> None:
    """Units that do not end in time are a TimeoutError; they end later, still behind an open door, and it is closed after them. [R10.2]"""

    class Slow(GatedSource):
        def collect_district(self, on: date, name: str, fetch: Fetch, /) -> object:
            figures = super().collect_district(on, name, fetch)
            fetch("https://example.org/late")
            return figures

    source = Slow()
    service = service_of(source, fetch=None)
    job = service.initiate_backfill(ask(2, "A", concurrency=1))
    source.await_arrivals()
    with pytest.raises(TimeoutError, match=rf"units in flight did not end within {max(0, timeout):g} s; the service is closed"):
        service.close(wait=wait, timeout=timeout)
    assert not own_door.closed
    source.gate.set()
    report = job.wait(PATIENCE)
    assert (report.status, report.progress.failed, report.progress.pending) == ("cancelled", 0, 2), "cancelled, and not failed"
    until(lambda: bool(own_door.closed))
    service.close(timeout=PATIENCE)
    assert backfill_threads() == []


def test_the_door_stays_open_for_the_jobs_that_closing_waits_for(own_door: OwnDoor) -> None:
    """With wait=True the queued jobs find the door open, one after the other; then it is closed. [R10.2]"""

    class Asking(GatedSource):
        def collect_district(self, on: date, name: str, fetch: Fetch, /) -> object:
            fetch("https://example.org/x")
            return super().collect_district(on, name, fetch)

    source = Asking()
    service = service_of(source, fetch=None)
    jobs = [service.initiate_backfill(ask(1, name)) for name in "ABC"]
    source.await_arrivals()
    source.gate.set()
    service.close(wait=True)
    assert [job.wait(0).status for job in jobs] == ["complete"] * 3
    assert own_door.closed


def test_only_what_the_service_made_is_closed(own_door: OwnDoor) -> None:
    """A door that was handed in stays open; the service's own is closed, if it was ever made. [R10.2]"""
    given = NoDoor()
    for fetch in (given, None):
        service = service_of(ScriptedSource(), fetch=fetch)
        service.run_backfill(ask(1, "A"))
        service.close()
    assert (given.closed, own_door.closed > 0) == (0, True)
    own_door.closed = 0
    service_of(ScriptedSource(), fetch=None).close()
    assert own_door.closed == 0, "a service that never did anything has made none"


# --- when, how often, and by whom -------------------------------------------------------------------------------------


def test_closing_twice_or_from_many_threads_is_closing_once() -> None:
    """A second call, calls at the same time, and one after a time-out are all fine. [R10.2]"""
    source = GatedSource()
    service = service_of(source)
    job = service.initiate_backfill(ask(3, "A", "B"))
    source.await_arrivals()
    with pytest.raises(TimeoutError):
        service.close(timeout=0)
    source.gate.set()
    together(*[service.close] * 8, *[lambda: service.close(wait=True, timeout=PATIENCE)] * 8)
    service.close()
    assert job.wait(0).status.is_final
    assert backfill_threads() == []


def test_a_closed_service_starts_nothing_and_shows_everything() -> None:
    """What would start work is refused with the remedy; what only looks works as before. [R10.2]"""
    service = service_of(ScriptedSource({(day(0), "A"): 1}))
    with service as entered:
        assert entered is service
        job = service.initiate_backfill(ask(1, "A"), idempotency_key="key")
        plan = service.plan(ask(1, "A"))
        report = job.wait(PATIENCE)
    starts: list[Callable[[], object]] = [
        lambda: service.plan(ask(1, "A")),
        lambda: service.initiate_backfill(ask(1, "A")),
        lambda: service.initiate_backfill(plan),
        lambda: service.initiate_backfill(ask(1, "A"), idempotency_key="key"),
        lambda: service.run_backfill(ask(1, "A")),
        lambda: service.retry_failed(job.backfill_id),
        service.__enter__,
    ]
    for start in starts:
        with pytest.raises(ServiceUnusable, match="this service is closed; make a new one"):
            start()
    assert service.get_job(job.backfill_id).wait(0) == job.report() == report
    assert len(service.list_backfills()) == 1
    assert service.errors(job.backfill_id) == []
    assert len(service.events()) == len(job.events()) == 4
    assert not job.cancel()
    assert service.coverage(day(0), day(0)).counts
    assert service.cleanup_old_jobs() == 0
    job.subscribe(print)()


def test_leaving_the_block_by_an_error_closes_as_well() -> None:
    """An exception inside the with statement passes, after the service is closed and quiet. [R10.2]"""
    source = GatedSource(lambda on, _name: on == day(1))
    jobs: list[Job] = []

    def open_the_gate(service: BackfillService) -> None:
        until(lambda: _refuses(service))
        source.gate.set()

    def leave() -> None:
        with service_of(source) as service:
            jobs.append(service.initiate_backfill(ask(9, "A", concurrency=1)))
            source.await_arrivals()
            threading.Thread(target=open_the_gate, args=(service,)).start()
            raise LookupError("something of the host's")

    with pytest.raises(LookupError, match="something of the host's"):
        leave()
    assert jobs[0].wait(0).status_reason == REASON
    assert backfill_threads() == []


def test_a_subscriber_may_close_the_service() -> None:
    """Closed from a callback, with a job in the queue and another running, a service ends both, and nobody waits for himself. [R10.2]"""
    source = GatedSource()
    service = service_of(source, max_active_jobs=2)
    closed: list[str] = []
    jobs = [service.initiate_backfill(ask(5, name, concurrency=1)) for name in "ABC"]
    source.await_arrivals(2)

    def close(_event: JobEvent) -> None:
        service.close()
        closed.append(threading.current_thread().name)

    for job in jobs[:2]:
        job.subscribe(close)
    source.gate.set()
    reports = [job.wait(PATIENCE) for job in jobs]
    assert {report.status for report in reports} <= {BackfillStatus.CANCELLED, BackfillStatus.COMPLETE}
    assert reports[2].status is BackfillStatus.CANCELLED
    assert all(adds_up(report) for report in reports)
    assert closed
    service.close(timeout=PATIENCE)
    assert backfill_threads() == []


def test_a_source_may_close_the_service(own_door: OwnDoor) -> None:
    """Closed from within a call of the source, a service ends the job: that call's figures are stored, and the door is closed after it. [R10.2]"""
    store = MemorySnapshotStore()

    class Closing(GatedSource):
        def collect_district(self, on: date, name: str, fetch: Fetch, /) -> object:
            figures = super().collect_district(on, name, fetch)
            service.close(timeout=0)
            assert not own_door.closed
            return figures

    source = Closing()
    service = service_of(source, store, fetch=None)
    job, other = service.initiate_backfill(ask(3, "A", concurrency=1)), service.initiate_backfill(ask(1, "B"))
    source.gate.set()
    report = job.wait(PATIENCE)
    assert (report.status, report.progress.completed, report.progress.pending) == ("cancelled", 1, 2)
    assert other.wait(PATIENCE).status is BackfillStatus.CANCELLED
    service.close(timeout=PATIENCE)
    assert own_door.closed
    assert stored(store) == {day(0): ("A",)}
    assert backfill_threads() == []


def test_a_store_may_close_the_service() -> None:
    """Closed from within a commit, in the publishing thread, a service ends the job after that day. [R10.2]"""

    def failure(call: str, _day: date, _district: str | None) -> None:
        if call == "commit":
            service.close()

    store = FailingStore(failure)
    service = service_of(ScriptedSource(), store)
    report = service.initiate_backfill(ask(9, "A", concurrency=1)).wait(PATIENCE)
    assert report.status in {BackfillStatus.CANCELLED, BackfillStatus.COMPLETE}
    assert report.progress.completed == len(stored(store)) >= 1
    service.close(timeout=PATIENCE)
    assert backfill_threads() == []


def test_a_thread_of_a_job_cannot_close_after_all_is_done() -> None:
    """Asked to wait for all jobs from a thread of one of them, closing is refused with the remedy, and nothing is closed. [R10.2]"""
    refused: list[InvalidRequest] = []

    class Waiting(ScriptedSource):
        def collect_district(self, on: date, name: str, fetch: Fetch, /) -> object:
            with pytest.raises(InvalidRequest, match="a thread of a job cannot wait for the jobs to end; leave it out") as caught:
                service.close(wait=True)
            refused.append(caught.value)
            return super().collect_district(on, name, fetch)

    service = service_of(Waiting())
    assert service.run_backfill(ask(2, "A")).status is BackfillStatus.COMPLETE
    assert [(error.field, error.value) for error in refused] == [("wait", True)] * 2
    service.close()


def test_a_job_may_close_another_service() -> None:
    """The subscriber of one service's job closes another service and waits for its jobs, as any thread does. [R10.2]"""
    other = service_of(ScriptedSource())
    source = GatedSource()
    service = service_of(source)
    job = service.initiate_backfill(ask(1, "A"))
    source.await_arrivals()
    others = other.initiate_backfill(ask(5, "A", "B"))
    ended: list[BackfillStatus] = []

    def close(event: JobEvent) -> None:
        if isinstance(event.change, DayPublished):
            other.close(wait=True)
            ended.append(others.wait(0).status)

    job.subscribe(close)
    source.gate.set()
    assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert ended == [BackfillStatus.COMPLETE]
    service.close()


@pytest.mark.parametrize("timeout", ["5", True, float("nan"), float("inf"), 1e300, object()])
def test_a_time_that_is_none_is_refused(timeout: object) -> None:
    """What is no number of seconds is refused by its name, and the service is not closed. [R10.2]"""
    service = service_of(ScriptedSource())
    with pytest.raises(InvalidRequest) as caught:
        service.close(timeout=timeout)  # type: ignore[arg-type] # a wrong type on purpose
    assert caught.value.field == "timeout"
    assert service.run_backfill(ask(1, "A")).status is BackfillStatus.COMPLETE
    service.close(timeout=1e9)


# --- no thread to be had ----------------------------------------------------------------------------------------------


def _no_more_threads(monkeypatch: pytest.MonkeyPatch, allowed: Callable[[threading.Thread], bool]) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if not allowed(thread):
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_a_job_for_which_no_thread_can_be_had_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no thread left a job is refused with the remedy and leaves nothing; later the same key is accepted. [R10.2]"""
    service = service_of(ScriptedSource())
    with monkeypatch.context() as patch:
        _no_more_threads(patch, lambda _thread: False)
        with pytest.raises(ServiceUnusable, match=r"no thread can be started for the job \(can't start new thread\)"):
            service.initiate_backfill(ask(1, "A"), idempotency_key="key")
        assert service.list_backfills() == []
    assert service.initiate_backfill(ask(1, "B"), idempotency_key="key").wait(PATIENCE).status is BackfillStatus.COMPLETE
    service.close(timeout=PATIENCE)


def test_queued_jobs_go_on_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no thread to be had but those there are, the queued jobs are carried out by them, one after the other, and closing ends. [R4.1, R10.2]"""
    source = GatedSource()
    service = service_of(source)
    jobs = [service.initiate_backfill(ask(1, name)) for name in "ABC"]
    source.await_arrivals()
    names = {thread.name for thread in threading.enumerate()}
    _no_more_threads(monkeypatch, lambda thread: thread.name in names)
    source.gate.set()
    assert [job.wait(PATIENCE).status for job in jobs] == ["complete"] * 3
    service.close(timeout=PATIENCE)
    assert backfill_threads() == []


def test_a_service_on_the_systems_clock_closes_its_polite_door() -> None:
    """A service with nothing but its defaults works, and after it is closed its door is, too. [R10.2]"""
    service = BackfillService(ScriptedSource(), MemorySnapshotStore(), clock=SystemClock())
    report = service.run_backfill(ask(1, "A"))
    assert report.status is BackfillStatus.COMPLETE
    assert report.performance_status is not None
    door = service._fetcher
    assert isinstance(door, Fetcher)
    service.close()
    with pytest.raises(ServiceUnusable, match="this PoliteFetcher was closed"):
        door.bind(UnitContext(None, day(0)))  # type: ignore[arg-type] # never looked at
