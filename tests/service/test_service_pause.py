"""Pausing and going on, in every state of a job, here and from another service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from backfill import BackfillStatus, InvalidRequest, Job, PermanentSourceError
from backfill.errors import HostDown, JobNotFound, StoreUnavailable
from backfill.jobstores import MemoryJobStore
from backfill.model import Change, JobEvent, StatusChanged, Wanted
from backfill.testing.source import ScriptedSource
from durable_doubles import Quick, Still, asked, each_kind, housing, rest, settled, statuses
from service_doubles import PATIENCE, FailingStore, GatedSource, PlainJobs, ask, backfill_threads, day, days, stored, until

PAUSED, QUEUED, PROCESSING = BackfillStatus.PAUSED, BackfillStatus.QUEUED, BackfillStatus.PROCESSING


def names(*changes: Change) -> list[str]:
    """Return the names of changes."""
    return [type(change).__name__ for change in changes]


# --- here -----------------------------------------------------------------------------------------------------------------


@each_kind
def test_a_job_at_work_pauses_and_goes_on(kind: str, tmp_path: Path) -> None:
    """Paused at work, what is in flight ends and is stored, the rest stays pending; resumed, nothing is collected twice. [R4.3, B2]"""
    source = GatedSource(lambda on, _name: on == day(1))
    with housing(kind, tmp_path) as house:
        job = house.open(source).initiate_backfill(ask(4, "A", "B", concurrency=2))
        source.await_arrivals(2)
        assert [job.pause(), job.pause()] == [True, False]
        assert job.status is PROCESSING, "its units are in flight"
        source.gate.set()
        report = rest(job)
        assert (report.status, report.status_reason) == (PAUSED, "paused on request")
        assert (report.progress.completed, report.progress.pending) == (4, 4)
        assert stored(house.store) == dict.fromkeys(days(2), ("A", "B"))
        assert [job.pause(), job.resume(), rest(job).status] == [False, True, "complete"]
        assert [job.resume(), job.pause(), job.cancel()] == [False] * 3, "it has ended"
        assert statuses(job) == ["processing", "paused", "queued", "processing", "complete"]
    assert set(asked(source).values()) == {1}
    assert stored(house.store) == dict.fromkeys(days(4), ("A", "B"))


@each_kind
def test_a_queued_job_pauses_at_once_and_queues_again(kind: str, tmp_path: Path) -> None:
    """Before its turn a job is paused when the call returns; resumed, it waits for its turn at the end of the queue. [R4.1, R4.3]"""
    source = GatedSource(lambda _on, name: name == "A")
    with housing(kind, tmp_path) as house:
        service = house.open(source)
        first, second, third = (service.initiate_backfill(ask(1, name)) for name in "ABC")
        source.await_arrivals()
        assert second.pause()
        assert (second.status, second.wait(0).status) == (PAUSED, PAUSED)
        assert second.resume()
        assert second.status is QUEUED
        source.gate.set()
        assert [rest(job).status for job in (first, second, third)] == ["complete"] * 3
    assert [districts for _, _, districts in source.calls] == [("A",), ("C",), ("B",)]


@each_kind
def test_a_paused_job_can_be_cancelled_and_stays_so(kind: str, tmp_path: Path) -> None:
    """Cancelled while it rests, a job has ended when the call returns; nothing brings it back. [R4.4]"""
    with housing(kind, tmp_path) as house:
        service = house.open(GatedSource())
        service.initiate_backfill(ask(1, "A"))
        job = service.initiate_backfill(ask(1, "B"))
        assert [job.pause(), job.cancel(), job.cancel(), job.resume(), job.pause()] == [True, True, False, False, False]
        assert (job.status, job.report().status_reason) == ("cancelled", "cancelled on request")
        assert job.wait(0).status == "cancelled"
        service._source.gate.set()  # type: ignore[attr-defined] # the gate of the first


@each_kind
def test_resumed_while_it_is_being_paused_a_job_goes_on_without_resting(kind: str, tmp_path: Path) -> None:
    """Taken back before its units in flight have ended, a pause never shows; who waits, waits for the end. [R4.3]"""
    source = GatedSource(lambda on, _name: on == day(0))
    with housing(kind, tmp_path) as house:
        job = house.open(source).initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        assert [job.resume(), job.pause(), job.resume(), job.resume()] == [False, True, True, False]
        source.gate.set()
        assert rest(job).status == "complete"
        assert statuses(job) == ["processing", "complete"]
    assert set(asked(source).values()) == {1}


@each_kind
def test_of_pause_and_cancel_cancel_counts(kind: str, tmp_path: Path) -> None:
    """Cancelled while it is being paused, a job is cancelled; pausing and resuming change nothing after that. [R4.4]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        job = house.open(source).initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        assert [job.pause(), job.cancel(), job.pause(), job.resume()] == [True, True, False, False]
        source.gate.set()
        report = rest(job)
        assert (report.status, report.progress.completed, report.progress.pending) == ("cancelled", 1, 2)


@each_kind
def test_a_handle_shows_the_newest_rest(kind: str, tmp_path: Path) -> None:
    """Paused, resumed and paused anew, a job's handle returns the report of the second pause, not that of the first. [R4.3]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        job = house.open(source).initiate_backfill(ask(5, "A", concurrency=1))
        source.await_arrivals()
        job.pause()
        source.gate.set()
        first = rest(job)
        source.gate.clear()
        job.resume()
        source.await_arrivals()
        job.pause()
        source.gate.set()
        until(lambda: job.status is PAUSED)
        second = rest(job)
    assert (first.progress.completed, second.progress.completed) == (1, 2)


@each_kind
def test_an_event_is_heard_once_over_a_pause(kind: str, tmp_path: Path) -> None:
    """Who subscribed before a pause hears what happens after it, each event once and in order. [R9.5]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        job = house.open(source).initiate_backfill(ask(2, "A", concurrency=1))
        heard: list[JobEvent] = []
        source.await_arrivals()
        leave = job.subscribe(heard.append)
        job.pause()
        source.gate.set()
        rest(job)
        later: list[JobEvent] = []
        job.subscribe(later.append)
        job.resume()
        rest(job)
        until(lambda: len(heard) == len(job.events()) - 1)
        until(lambda: bool(later) and later[-1] == heard[-1])
        leave()
    assert [event.seq for event in heard] == sorted({event.seq for event in heard})
    assert names(*(event.change for event in heard))[-1] == "StatusChanged"


@each_kind
def test_a_job_pauses_when_too_much_has_failed(kind: str, tmp_path: Path) -> None:
    """With max_failures a job pauses when so many units have failed since it was started or resumed; the rest is done after that. [R6.4]"""
    source = ScriptedSource(lambda _on, name: PermanentSourceError("gone", kind="gone") if name == "A" else {"n": 1})
    with housing(kind, tmp_path) as house:
        job = house.open(source).initiate_backfill(ask(5, "A", concurrency=1, max_failures=2))
        first = rest(job)
        assert first.status is PAUSED
        assert first.progress.failed in {2, 3}, "one more was in flight, at most"
        assert str(first.status_reason).endswith("units failed since it was started or resumed, and max_failures=2")
        job.resume()
        second = rest(job)
        while second.status is PAUSED:
            job.resume()
            second = rest(job)
        assert (second.status, second.progress.failed, second.errors_total) == ("error", 5, 5)
    assert set(asked(source).values()) == {1}


@each_kind
def test_a_full_disk_pauses_and_room_lets_it_go_on(kind: str, tmp_path: Path) -> None:
    """A store that cannot be written pauses the job with its reason, and no unit fails; with room again the job is resumed and done. [R6.6, B2]"""
    full = threading.Event()
    full.set()

    def failure(call: str, on: date, _district: str | None) -> BaseException | None:
        return StoreUnavailable("the disk is full") if full.is_set() and on == day(2) and call in {"put", "commit"} else None

    source = ScriptedSource()
    with housing(kind, tmp_path, FailingStore(failure)) as house:
        service = house.open(source)
        report = service.run_backfill(ask(4, "A", concurrency=1), progress=False)
        assert (report.status, report.progress.failed, report.errors) == (PAUSED, 0, ())
        assert "the disk is full" in str(report.status_reason)
        assert report.progress.pending == 2
        full.clear()
        job = service.get_job(report.backfill_id)
        assert job.resume()
        assert rest(job).status == "complete"
    assert asked(source) == {(day(0), "A"): 1, (day(1), "A"): 1, (day(2), "A"): 2, (day(3), "A"): 1}


@each_kind
@pytest.mark.parametrize("method", ["one", "list"])
def test_a_host_that_is_down_pauses_and_is_asked_again(kind: str, method: str, tmp_path: Path) -> None:
    """A host that answers nobody is the fault of no unit: the job pauses with the reason, and its units are collected when it is back. [R6.4, R6.6]"""
    from backfill.testing.source import ScriptedCatalog  # noqa: PLC0415 - one of two kinds of source

    down = threading.Event()
    down.set()

    class Host(ScriptedCatalog):
        def list_districts(self, on: date, fetch: object, /) -> tuple[str, ...]:
            if method == "list" and down.is_set() and on == day(1):
                raise HostDown("nobody answers")
            return ("A", "B")

    def answer(on: date, _name: str) -> object:
        return HostDown("nobody answers") if method == "one" and down.is_set() and on == day(1) else {"n": 1}

    with housing(kind, tmp_path) as house:
        job = house.open(Host(answer)).initiate_backfill(ask(3, concurrency=1, retry_failures=False))
        report = rest(job)
        assert (report.status, report.progress.failed, report.progress.completed) == (PAUSED, 0, 2)
        assert "nobody answers" in str(report.status_reason)
        down.clear()
        job.resume()
        report = rest(job)
        assert (report.status, report.progress.completed, report.progress.total) == ("complete", 6, 6)


# --- from another service ---------------------------------------------------------------------------------------------------


@each_kind
def test_a_job_is_paused_resumed_and_cancelled_from_another_service(kind: str, tmp_path: Path) -> None:
    """Asked for elsewhere, the owner learns of it by its heartbeat: the job pauses, goes on where it is asked to, and ends. [R4.4, B2]"""
    source, other_source = GatedSource(lambda _on, name: name == "A"), GatedSource()
    with housing(kind, tmp_path) as house:
        owner, other = house.open(source), house.open(other_source)
        mine = owner.initiate_backfill(ask(4, "A", concurrency=1))
        source.await_arrivals()
        theirs = other.get_job(mine.backfill_id)
        assert [theirs.pause(), theirs.pause()] == [True, False]
        until(mine._service._host.find(mine.backfill_id).context.cancel.is_set)  # type: ignore[union-attr] # it runs here
        source.gate.set()
        assert (rest(theirs).status, rest(mine).status) == (PAUSED, PAUSED)
        assert theirs.resume(), "nobody works on it, so it goes on where it is resumed"
        other_source.await_arrivals()
        assert (mine.status, theirs.status) == (PROCESSING, PROCESSING)
        assert mine.cancel(), "through the job store"
        until(other._host.find(mine.backfill_id).context.cancel.is_set)  # type: ignore[union-attr] # it runs there
        other_source.gate.set()
        assert (rest(mine).status, rest(theirs).status) == ("cancelled", "cancelled")
    assert asked(source) == {(day(0), "A"): 1}
    assert asked(other_source) == {(day(1), "A"): 1}


@each_kind
def test_a_pause_taken_back_elsewhere_is_taken_back(kind: str, tmp_path: Path) -> None:
    """Resumed in another service before the owner has come to rest, the job goes on at its owner, however the pause was asked for. [R4.3, R4.4]"""
    for paused_at_owner_as_well in (False, True):
        source = GatedSource()
        with housing(kind, tmp_path / str(paused_at_owner_as_well)) as house:
            owner = house.open(source, Still if paused_at_owner_as_well else Quick)
            mine = owner.initiate_backfill(ask(2, "A", concurrency=1))
            source.await_arrivals()
            theirs = house.open().get_job(mine.backfill_id)
            assert theirs.pause()
            if paused_at_owner_as_well:
                assert mine.pause(), "the owner had not heard of it yet"
            until(owner._host.find(mine.backfill_id).context.cancel.is_set)  # type: ignore[union-attr] # it runs there
            assert theirs.resume()
            source.gate.set()
            assert rest(mine).status == "complete"
            assert statuses(mine) == ["processing", "complete"]


@each_kind
def test_a_cancellation_elsewhere_counts_while_a_job_is_being_paused(kind: str, tmp_path: Path) -> None:
    """Asked for in the last moment before a job pauses, a cancellation is done, though the heart has not beaten since. [R4.4]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        mine = house.open(source, Still).initiate_backfill(ask(2, "A", concurrency=1))
        source.await_arrivals()
        mine.pause()
        assert house.open().cancel_backfill(mine.backfill_id)
        source.gate.set()
        assert rest(mine).status == "cancelled"


@each_kind
def test_a_job_that_rests_elsewhere_is_cancelled_here(kind: str, tmp_path: Path) -> None:
    """A paused job that nobody works on any more is cancelled, or resumed, by whoever asks. [R4.4]"""
    with housing(kind, tmp_path) as house:
        gated = GatedSource()
        service = house.open(gated)
        first, second = service.initiate_backfill(ask(1, "A")), service.initiate_backfill(ask(1, "B"))
        second.pause()
        assert house.open().cancel_backfill(second.backfill_id)
        assert second.status == "cancelled"
        gated.gate.set()
        rest(first)


@each_kind
def test_queued_elsewhere_is_paused_by_its_owner(kind: str, tmp_path: Path) -> None:
    """A job that waits for its turn in another service is paused by that one, at its next heartbeat. [R4.4]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        owner = house.open(source)
        first, second = owner.initiate_backfill(ask(1, "A")), owner.initiate_backfill(ask(1, "B"))
        other = house.open()
        assert other.pause_backfill(second.backfill_id)
        assert rest(other.get_job(second.backfill_id)).status is PAUSED
        assert rest(second).status is PAUSED
        source.gate.set()
        assert rest(first).status == "complete"


@each_kind
def test_a_job_of_another_source_is_not_resumed_here(kind: str, tmp_path: Path) -> None:
    """A paused job is resumed by a service of its source only; it can be paused and cancelled by any. [R4.4]"""
    gated = GatedSource()
    with housing(kind, tmp_path) as house:
        owner = house.open(gated)
        first, second = owner.initiate_backfill(ask(1, "A")), owner.initiate_backfill(ask(1, "B"))
        second.pause()
        other = house.open(ScriptedSource(name="another"))
        with pytest.raises(InvalidRequest, match="the job collects from 'scripted'; resume it with a service of that source"):
            other.resume_backfill(second.backfill_id)
        assert other.cancel_backfill(second.backfill_id)
        gated.gate.set()
        rest(first)


@each_kind
def test_what_does_not_exist_cannot_be_paused(kind: str, tmp_path: Path) -> None:
    """Pausing, resuming and cancelling an identifier that does not exist say so. [R4.2]"""
    with housing(kind, tmp_path) as house:
        service = house.open()
        for call in (service.pause_backfill, service.resume_backfill, service.cancel_backfill, service.get_backfill_status):
            with pytest.raises(JobNotFound, match="nothing"):
                call("nothing")


@each_kind
def test_a_job_whose_owner_hangs_is_paused_in_the_job_store(kind: str, tmp_path: Path) -> None:
    """Of a job whose owner's lease is over, a pause is noted at once, and the former owner leaves it alone. [B2]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        hung = house.open(source, Still)
        mine = hung.initiate_backfill(ask(2, "A", concurrency=1))
        source.await_arrivals()
        house.lose(hung)
        other = house.open()
        assert other.pause_backfill(mine.backfill_id)
        assert other.get_backfill_status(mine.backfill_id).status is PAUSED
        source.gate.set()
        assert rest(mine).status is PAUSED
        assert other.resume_backfill(mine.backfill_id)
        assert rest(mine).status == "complete"
        assert settled(list(mine.events())) == {(day(0), "A"): 1, (day(1), "A"): 1}


class Prompt(MemoryJobStore):
    """A job store whose owners learn of what they are asked for before who asks has the answer."""

    beat: Callable[[], None] = staticmethod(lambda: None)

    def request(self, job_id: str, wanted: Wanted, /) -> bool:
        """Note it, and have the owner's heart beat."""
        changed = super().request(job_id, wanted)
        self.beat()
        return changed


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("call", ["pause", "cancel"])
def test_who_asks_is_told_that_it_changed_something_though_a_heartbeat_did_it(call: str, waits: bool, tmp_path: Path) -> None:
    """Done by the heartbeat that learnt of it a moment earlier, a pause or a cancellation has changed something all the same, once. [R4.4]"""
    source = GatedSource()
    with housing("memory", tmp_path) as house:
        jobs = Prompt(clock=house.clock)
        service = house.open(source, Still, jobs=jobs)
        first, second = service.initiate_backfill(ask(2, "A", concurrency=1)), service.initiate_backfill(ask(1, "B"))
        source.await_arrivals()
        job = second if waits else first
        live = service._host.find(job.backfill_id)
        assert live is not None
        jobs.beat = live.beat
        assert [getattr(job, call)(), getattr(job, call)()] == [True, False]
        source.gate.set()
        assert rest(job).status == {"pause": "paused", "cancel": "cancelled"}[call]


# --- a job store of somebody's own, without leases ----------------------------------------------------------------------------


def test_a_job_store_without_leases_pauses_and_resumes(tmp_path: Path) -> None:
    """In a job store with the required methods only a job is paused, resumed and cancelled in the process that made it. [R4.3, R4.4]"""
    source = GatedSource()
    with housing("memory", tmp_path) as house:
        service = house.open(source, jobs=PlainJobs())
        job = service.initiate_backfill(ask(3, "A", concurrency=1))
        other = service.initiate_backfill(ask(1, "B"))
        source.await_arrivals()
        assert [job.pause(), other.pause(), other.cancel(), other.resume()] == [True, True, True, False]
        job.subscribe(lambda _event: None)
        source.gate.set()
        assert rest(job).status is PAUSED
        assert job.subscribe(lambda _event: None)() is None
        assert service.resume_jobs() == []
        assert [job.resume(), rest(job).status] == [True, "complete"]
        elsewhere = house.open(jobs=service._jobs)
        state = service._jobs.load(job.backfill_id)
        assert not elsewhere.resume_backfill(state.spec.job_id)
    assert set(asked(source).values()) == {1}


def test_an_unowned_job_without_leases_is_not_taken(tmp_path: Path) -> None:
    """Whether a queued job is worked on cannot be known without leases: another service cannot resume, pause or cancel it. [B2]"""
    source = GatedSource()
    with housing("memory", tmp_path) as house:
        jobs = PlainJobs()
        service = house.open(source, jobs=jobs)
        job = service.initiate_backfill(ask(1, "A"))
        source.await_arrivals()
        other = house.open(jobs=jobs)
        here = Job(other, job.backfill_id)
        assert [here.resume(), here.pause(), here.cancel()] == [False] * 3
        source.gate.set()
        assert rest(job).status == "complete"


# --- closing ----------------------------------------------------------------------------------------------------------------


@each_kind
def test_resumed_elsewhere_while_its_service_closes_a_job_does_not_begin_anew(kind: str, tmp_path: Path) -> None:
    """A service that is being closed does not go on with a job whose pause is taken back meanwhile: it is left, or in memory cancelled. [R10.2, B2]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        owner = house.open(source, Still)
        mine = owner.initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        mine.pause()
        closing = threading.Thread(target=owner.close)
        closing.start()
        until(lambda: owner._host._is_ending)
        other = house.open()
        assert other.resume_backfill(mine.backfill_id)
        source.gate.set()
        closing.join(PATIENCE)
        assert not closing.is_alive()
        assert asked(source) == {(day(0), "A"): 1}
        if kind == "memory":
            assert mine.status == "cancelled"
        else:
            assert mine.status is PROCESSING
            assert [job.backfill_id for job in other.resume_jobs()] == [mine.backfill_id]
            assert rest(other.get_job(mine.backfill_id)).status == "complete"
    assert backfill_threads() == []


def test_a_pause_outlives_its_service_and_a_resumption_needs_none(tmp_path: Path) -> None:
    """A paused job stays paused over restarts; asked to go on by a job store alone, it is gone on with by the next service. [R4.3, B2]"""
    source = GatedSource()
    with housing("sqlite", tmp_path) as house:
        owner = house.open(source)
        mine = owner.initiate_backfill(ask(2, "A", concurrency=1))
        source.await_arrivals()
        mine.pause()
        source.gate.set()
        rest(mine)
        owner.close()
        second = house.open()
        assert second.resume_jobs() == []
        house.jobs().request(mine.backfill_id, Wanted.RESUME)
        (resumed,) = second.resume_jobs()
        assert rest(resumed).status == "complete"
        assert [event.change.reason for event in resumed.events() if isinstance(event.change, StatusChanged)][2] == "resumed"
