"""A job in this process: noted first, then told; cancelled once; ended whatever happens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest
from attrs import evolve

from backfill.engine.jobs import LiveJob
from backfill.errors import JobNotFound
from backfill.jobstores import MemoryJobStore
from backfill.model import (
    BackfillReport,
    BackfillStatus,
    Change,
    DistrictError,
    FetchStatus,
    Found,
    JobEvent,
    Stage,
    StatusChanged,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from collect_doubles import Mute, raising
from day_driver import NOTE
from engine_doubles import DAY, NOW, running
from engine_running import live_job
from planning_doubles import ask
from service_doubles import FailingJobs, together


class Jammed(BaseException):
    """What is no `Exception`."""


RAISED = (ValueError("no"), SystemExit(1), Jammed(), KeyboardInterrupt(), GeneratorExit(), Mute())


def of(*districts: str, jobs: MemoryJobStore | None = None, **options: object) -> LiveJob:
    """Return a job of one day of these districts; options are those of `live_job`."""
    return live_job(ask(1, *districts), ScriptedSource(), jobs=jobs, **options)  # type: ignore[arg-type] # options of any kind


def settled(*districts: str, state: UnitState = UnitState.COMPLETED) -> UnitsSettled:
    """Return the change that settles these districts."""
    return UnitsSettled(DAY, dict.fromkeys(districts, state))


def failed(district: str) -> UnitFailed:
    """Return the failure of one district."""
    return UnitFailed(DistrictError(district, DAY, Stage.FETCH, "gone", "it is gone", 1, is_retryable=False, timestamp=NOW))


def in_thread(call: Callable[[], object]) -> None:
    """Carry out *call* in a thread that is not the main one, as the runner does, and raise what it raises."""
    together(call)


# --- noting and telling -----------------------------------------------------------------------------------------------


def test_a_job_begins_as_it_was_accepted() -> None:
    """Before its turn a job is queued, all of its units pending, nothing known of its time; its options are those of its request. [R4.3]"""
    live = live_job(ask(2, "A", "B", retry_failures=False, enable_caching=False, min_interval=1.5), ScriptedSource())
    report = live.report()
    assert (live.status, report.status, report.started_at, report.completed_at) == ("queued", "queued", None, None)
    assert (report.progress.total, report.progress.pending) == (4, 4)
    assert (live.context.retry, live.context.reuse, live.context.min_interval) == (False, False, 1.5)
    assert (live.context.job_id, live.context.created_at) == ("j1", NOW)
    assert live.future.running()
    assert not live.future.cancel(), "a host that gives up waiting does not cancel the job"


def test_what_happens_is_noted_first_and_then_told() -> None:
    """A subscriber hears each change once, in the order of the job store, when the store and the report have it already. [R4.3, R9.5]"""
    jobs = MemoryJobStore()
    live = of("A", "B", jobs=jobs)
    heard: list[tuple[JobEvent, int, int]] = []
    live.subscribe(lambda event: heard.append((event, jobs.load("j1").counts[UnitState.PENDING], live.report().progress.pending)))
    live.start()
    live.note([settled("A"), Found(NOTE)])
    live.note([failed("B")])
    live.finish()
    assert [event for event, *_ in heard] == list(jobs.events(job_id="j1"))
    assert [(stored, shown) for _, stored, shown in heard] == [(2, 2), (1, 1), (1, 1), (0, 0), (0, 0)]
    assert [event.seq for event, *_ in heard] == sorted({event.seq for event, *_ in heard})


def test_what_cannot_be_noted_has_not_happened() -> None:
    """If the job store refuses changes, the job stays as it was, nobody is told, and who noted them learns why. [R4.3, B2]"""
    refused = OSError("database is locked")
    jobs = FailingJobs(lambda changes: refused if settled("A") in changes else None)
    live = of("A", "B", jobs=jobs)
    heard: list[JobEvent] = []
    live.start()
    live.subscribe(heard.append)
    with pytest.raises(OSError, match="locked"):
        live.note([settled("B"), settled("A")], current=(DAY,))
    assert live.report().progress.pending == 2
    assert live.report().progress.current == ()
    assert heard == []


def test_the_days_in_work_are_shown_though_nothing_has_changed() -> None:
    """Which days are in work is no change of the job: it is seen in the report, and stored nowhere. [R9.5]"""
    jobs = FailingJobs()
    live = of("A", jobs=jobs)
    live.start()
    jobs.failure = lambda _changes: AssertionError("nothing is to be noted")
    live.note([], current=(DAY,))
    assert live.report().progress.current == (DAY,)
    live.note([])
    assert live.report().progress.current == (DAY,)


def test_each_subscription_is_its_own() -> None:
    """One function subscribed twice hears twice, and once after one of the two ended; ending one again does nothing. [R9.5]"""
    live = of("A")
    heard: list[JobEvent] = []
    first, second = live.subscribe(heard.append), live.subscribe(heard.append)
    live.start()
    assert len(heard) == 2
    first()
    first()
    live.note([settled("A")])
    assert len(heard) == 3
    second()
    live.finish()
    assert len(heard) == 3


def test_a_subscriber_may_leave_and_others_may_join_while_they_are_told() -> None:
    """Subscriptions may change from within a callback; who joins hears what comes after. [R9.5]"""
    live = of("A")
    heard: list[str] = []

    def once(event: JobEvent) -> None:
        leave()
        heard.append(f"once {type(event.change).__name__}")
        live.subscribe(lambda later: heard.append(f"later {type(later.change).__name__}"))

    leave = live.subscribe(once)
    live.start()
    live.note([settled("A")])
    assert heard == ["once StatusChanged", "later UnitsSettled"]


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: type(raised).__name__)
def test_a_subscriber_that_raises_stops_nobody(raised: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a callback raises in a thread of the job, the job goes on, the others are told, and the log has it. [R9.5]"""
    live = of("A")
    heard: list[JobEvent] = []
    live.subscribe(raising(raised))
    live.subscribe(heard.append)
    with caplog.at_level(logging.ERROR, "backfill"):
        in_thread(live.start)
        in_thread(lambda: live.note([settled("A")]))
        in_thread(live.finish)
    assert [type(event.change) for event in heard] == [StatusChanged, UnitsSettled, StatusChanged]
    assert live.future.result(0).status is BackfillStatus.COMPLETE
    assert caplog.text.count("a subscriber raised; the job goes on") == 3


def test_ctrl_c_in_the_main_thread_passes_and_loses_nothing() -> None:
    """Somebody who interrupts the cancelling of a job has cancelled it all the same, and who waits for it is let go. [R4.4]"""
    live = of("A")
    woken: list[bool] = []
    live.wake = lambda: woken.append(True)
    live.subscribe(raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        live.cancel("enough")
    assert live.future.result(0).status is BackfillStatus.CANCELLED
    assert woken == [True]


def test_a_subscriber_may_wait_for_somebody_who_looks_at_the_job() -> None:
    """A callback that waits for another thread, which asks for the report, subscribes and cancels, does not wait for ever. [R9.5]"""
    live = of("A", "B")
    reports: list[BackfillReport] = []

    def look() -> None:
        reports.append(live.report())
        live.subscribe(lambda _event: None)()
        live.cancel("seen enough")

    live.subscribe(lambda _event: in_thread(look))
    live.start()
    assert reports[0].status is BackfillStatus.PROCESSING
    assert live.context.cancel.is_set()


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "cancelled", "error", "status", "reason"),
    [
        ([settled("A", "B")], False, None, "complete", None),
        ([settled("A"), settled("B", state=UnitState.SKIPPED)], False, None, "complete", None),
        ([settled("A", "B", state=UnitState.UNAVAILABLE)], False, None, "complete", None),
        ([settled("A"), failed("B")], False, None, "partial_success", "1 of 2 units failed"),
        ([settled("A", state=UnitState.UNAVAILABLE), failed("B")], False, None, "partial_success", "1 of 2 units failed"),
        ([failed("A"), failed("B")], False, None, "error", "2 of 2 units failed"),
        ([settled("A")], True, None, "cancelled", "enough"),
        ([failed("A")], True, None, "cancelled", "enough"),
        ([settled("A", "B")], True, None, "complete", None),
        ([settled("A"), failed("B")], True, None, "partial_success", "1 of 2 units failed"),
        ([settled("A")], False, "the disk is full", "error", "the disk is full"),
        ([settled("A")], True, "the disk is full", "error", "the disk is full"),
        ([settled("A", "B")], False, "the disk is full", "error", "the disk is full"),
    ],
)
def test_the_final_state_follows_from_the_units(
    changes: list[Change], cancelled: bool, error: str | None, status: str, reason: str | None
) -> None:
    """Only skipped and unavailable is complete, some failed is partial, all failed is an error, undone is cancelled; what stopped the job comes first. [R4.3, R4.4, R6.4]"""
    jobs = MemoryJobStore()
    live = of("A", "B", jobs=jobs)
    live.start()
    live.note(changes, current=(DAY,))
    if cancelled:
        assert live.cancel("enough")
    live.finish(error=error)
    report = live.future.result(0)
    assert (report.status, report.status_reason) == (status, reason)
    assert report.error == (reason if status == "error" else None)
    assert report.progress.current == ()
    assert report.completed_at == NOW
    assert report == live.report()
    assert live.is_noted
    assert jobs.load("j1").status == status


def test_a_job_without_units_is_complete() -> None:
    """Nothing to do is done. [R4.3]"""
    plan = evolve(of("A").spec.plan, days=())
    live = live_job(plan, ScriptedSource())
    live.start()
    live.finish()
    report = live.future.result(0)
    assert (report.status, report.progress.total) == ("complete", 0)


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: type(raised).__name__)
@pytest.mark.parametrize("error", [None, "the disk is full"])
def test_an_end_that_cannot_be_noted_is_an_end_all_the_same(
    raised: BaseException, error: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """When the job store fails at the very end, who waits is told of an error, which names its cause, and the job is known not to be noted. [R4.3, R6.4]"""
    jobs = FailingJobs()
    live = of("A", jobs=jobs)
    live.start()
    live.note([settled("A")])
    jobs.failure = lambda _changes: raised
    with caplog.at_level(logging.ERROR, "backfill"):
        in_thread(lambda: live.finish(error=error))
    report = live.future.result(0)
    assert report.status is BackfillStatus.ERROR
    assert report.error is not None
    assert report.error.startswith(error or f"the end of the job cannot be noted ({type(raised).__name__}: ")
    assert report.progress.completed == 1
    assert not live.is_noted
    assert "the end of the job cannot be noted" in caplog.text


def test_a_job_that_was_forgotten_meanwhile_ends() -> None:
    """A job whose row was deleted under its feet ends with that as its reason. [R4.5]"""
    jobs = MemoryJobStore()
    live = of("A", jobs=jobs)
    live.start()
    jobs.delete("j1")
    with pytest.raises(JobNotFound):
        live.note([settled("A")])
    live.finish()
    assert "JobNotFound" in str(live.future.result(0).error)


def test_a_job_that_has_ended_stays_as_it_ended() -> None:
    """Finished again, after its cancellation say, a job changes nothing and raises nothing. [R4.4]"""
    jobs = MemoryJobStore()
    live = of("A", jobs=jobs)
    live.cancel("enough")
    live.finish(error="it cannot begin")
    assert (live.future.result(0).status, live.report().status_reason) == ("cancelled", "enough")
    assert live.is_noted
    assert jobs.load("j1").status_reason == "enough"
    assert not live.start()


def test_a_report_does_not_depend_on_the_door(caplog: pytest.LogCaptureFixture) -> None:
    """A door that cannot tell how it is doing leaves that out; the report is had, and the job ends. [R9.5, R6.4]"""

    def broken() -> FetchStatus:
        raise RuntimeError("no idea")

    live = of("A", performance=broken)
    live.start()
    with caplog.at_level(logging.ERROR, "backfill"):
        live.finish(error="stop")
    assert live.future.result(0).performance_status is None
    assert "no idea" in caplog.text


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_a_queued_job_is_cancelled_at_once() -> None:
    """Before its turn: the end is noted, told and handed to who waits, and its turn never comes. [R4.4]"""
    jobs = MemoryJobStore()
    live = of("A", jobs=jobs)
    heard: list[Change] = []
    live.subscribe(lambda event: heard.append(event.change))
    assert live.cancel("enough")
    assert heard == [StatusChanged(BackfillStatus.CANCELLED, NOW, "enough")]
    assert live.future.result(0).progress.pending == 1
    assert jobs.load("j1").status is BackfillStatus.CANCELLED
    assert not live.start()
    assert not live.cancel("again")


def test_a_job_at_work_is_asked_to_stop() -> None:
    """While it works: the flag is set, the coordinator is woken, and the state changes when it has stopped. [R4.4]"""
    live = of("A")
    woken: list[bool] = []
    live.wake = lambda: woken.append(live.context.cancel.is_set())
    live.start()
    assert [live.cancel("enough"), live.cancel("again")] == [True, False]
    assert woken == [True]
    assert live.status == "processing"
    assert not live.future.done()
    live.finish()
    assert live.future.result(0).status_reason == "enough"
    assert not live.cancel("too late")


def test_a_cancellation_that_cannot_be_noted_takes_effect_at_its_turn(caplog: pytest.LogCaptureFixture) -> None:
    """If the job store fails, a queued job is cancelled all the same: it stays where it is, and ends when its turn comes. [R4.4]"""
    jobs = FailingJobs(lambda changes: OSError("locked"))
    live = of("A", jobs=jobs)
    with caplog.at_level(logging.ERROR, "backfill"):
        assert live.cancel("enough")
    assert (live.status, live.future.done()) == ("queued", False)
    assert "it cannot be noted that the job was stopped" in caplog.text
    assert not live.cancel("again")
    jobs.failure = lambda changes: None
    assert live.start()
    live.finish()
    assert live.future.result(0).status is BackfillStatus.CANCELLED


def test_of_many_who_cancel_one_does() -> None:
    """However many threads cancel at once, it changed something for one of them, and is noted once. [R4.4]"""
    jobs = MemoryJobStore()
    live = of("A", jobs=jobs)
    barrier = threading.Barrier(8)

    def cancel() -> bool:
        barrier.wait(20)
        return live.cancel("enough")

    assert sorted(together(*[cancel] * 8)) == [False] * 7 + [True]
    assert len(jobs.events(job_id="j1")) == 1


def test_a_job_is_cancelled_or_begins() -> None:
    """Cancelled at the very moment when its turn comes, a job either never begins, or begins and knows that it is cancelled. [R4.4]"""
    for _ in range(50):
        jobs = MemoryJobStore()
        live = of("A", jobs=jobs)
        barrier = threading.Barrier(2)

        def cancel(live: LiveJob = live, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait(20)
            return live.cancel("enough")

        def start(live: LiveJob = live, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait(20)
            return live.start()

        cancelled, started = together(cancel, start)
        assert cancelled
        assert live.context.cancel.is_set()
        assert live.future.done() is not started
        assert live.status == ("processing" if started else "cancelled")


def test_whoever_waits_is_let_go_while_the_last_is_told() -> None:
    """The final report is handed out when all have been told of the end, and holds it. [R9.5]"""
    live = of("A")
    seen: list[bool] = []
    live.start()
    live.note([settled("A")])
    live.subscribe(lambda _event: seen.append(live.future.done()))
    with running(live.finish):
        assert live.future.result(20).status is BackfillStatus.COMPLETE
    assert seen == [False]


def test_time_is_measured_from_the_beginning_of_the_work() -> None:
    """How long the rest will take follows from the time since the job began to work, not since it was accepted. [R9.5]"""
    clock = VirtualClock(NOW)
    live = of("A", "B", clock=clock)
    clock.advance(1000)
    assert live.report().progress.eta_seconds is None
    live.start()
    clock.advance(30)
    live.note([settled("A")])
    report = live.report()
    assert report.progress.eta_seconds == 30
    assert report.started_at == clock.now().replace(minute=16, second=40)


class Watching(MemoryJobStore):
    """A job store that remembers under which time changes were noted."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[datetime] = []

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Remember the time."""
        self.times.append(at)
        return super().apply(job_id, changes, at=at, epoch=epoch)


def test_changes_are_noted_under_the_time_of_the_clock() -> None:
    """Every event is dated by the clock that the service was given. [R4.3]"""
    clock, jobs = VirtualClock(NOW), Watching()
    live = of("A", jobs=jobs, clock=clock)
    live.start()
    clock.advance(60)
    live.note([settled("A")])
    assert [(at - NOW).total_seconds() for at in jobs.times] == [0, 60]
