"""Following jobs that run elsewhere: what is told, when it ends, and what happens when it cannot be looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from backfill.engine.following import Follower
from backfill.engine.progress import build_report
from backfill.engine.telling import Subscribers
from backfill.errors import JobNotFound, ServiceUnusable, StoreUnavailable
from backfill.jobstores import MemoryJobStore
from backfill.model import (
    BackfillReport,
    BackfillStatus,
    Finding,
    Found,
    JobEvent,
    JobState,
    StatusChanged,
    UnitsSettled,
    UnitState,
)
from backfill.protocols import JobStore
from backfill.testing.jobs import FlakyJobStore
from foundation_samples import DAY, NOW, make_spec
from service_doubles import PATIENCE, PlainJobs, until

QUICK = 0.002
WORKING = StatusChanged(BackfillStatus.PROCESSING, NOW)
DONE = UnitsSettled(DAY, {"61": UnitState.COMPLETED, "F": UnitState.COMPLETED})
COMPLETE = StatusChanged(BackfillStatus.COMPLETE, NOW)


def report(state: JobState) -> BackfillReport:
    """Return a report of a state."""
    return build_report(state, performance=None)


@contextmanager
def following(jobs: JobStore, interval: float = QUICK) -> Iterator[Follower]:
    """Hand out a follower, and close it afterwards."""
    follower = Follower(jobs, report, interval)
    try:
        yield follower
    finally:
        follower.close()


@pytest.fixture
def jobs() -> MemoryJobStore:
    """Return a job store with one job that is in work."""
    store = MemoryJobStore()
    store.create(make_spec())
    store.apply("j1", [WORKING], at=NOW)
    return store


def followers() -> int:
    """Return how many threads follow."""
    return sum(thread.name == "backfill-follower" for thread in threading.enumerate())


def test_a_future_comes_when_the_job_rests(jobs: MemoryJobStore) -> None:
    """All who wait have the same future; it comes with the report of the job at rest, and then the thread ends. [R4.4, B2]"""
    watched = FlakyJobStore(jobs)
    with following(watched) as follower:
        future = follower.future("j1")
        assert follower.future("j1") is future
        jobs.apply("j1", [DONE], at=NOW)
        until(lambda: len(watched.log) > 2)
        assert not future.done()
        jobs.apply("j1", [COMPLETE], at=NOW)
        assert future.result(PATIENCE).status is BackfillStatus.COMPLETE
        until(lambda: not followers())
        assert follower.future("j1").result(PATIENCE).progress.completed == 2, "it begins again"


def test_a_job_that_is_forgotten_ends_the_waiting(jobs: MemoryJobStore) -> None:
    """Who waits for a job that is deleted meanwhile is told so. [R4.2]"""
    with following(jobs) as follower:
        future = follower.future("j1")
        jobs.delete("j1")
        with pytest.raises(JobNotFound, match="j1"):
            future.result(PATIENCE)


@pytest.mark.parametrize(("operation", "looks"), [("load", (0, 1)), ("events", (2, 3))])  # two looks find where the events end
def test_what_fails_once_is_looked_at_again(
    jobs: MemoryJobStore, operation: str, looks: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """A look that the job store refuses is logged, and the next one tells all that happened meanwhile. [B2]"""
    flaky = FlakyJobStore(jobs, looks, lambda: StoreUnavailable("the disk is away"), only={operation})
    told: list[JobEvent] = []
    with following(flaky) as follower:
        leave = follower.subscribe("j1", told.append)
        future = follower.future("j1")
        jobs.apply("j1", [DONE, COMPLETE], at=NOW)
        assert future.result(PATIENCE).status is BackfillStatus.COMPLETE
        until(lambda: len(told) == 2)
        leave()
    assert [event.change for event in told] == [DONE, COMPLETE]
    assert "a job of another process could not be looked at" in caplog.text


def test_events_are_told_once_and_in_order(jobs: MemoryJobStore) -> None:
    """Who subscribes hears of what happens from then on, each once, until the job has ended or he leaves. [R4.4]"""
    first: list[object] = []
    second: list[object] = []
    with following(jobs) as follower:
        follower.subscribe("j1", lambda event: first.append(event.change))
        leave = follower.subscribe("j1", lambda event: second.append(event.change))
        one, two, three = (Found(Finding("odd", str(number))) for number in range(3))
        jobs.apply("j1", [one], at=NOW)
        until(lambda: first == second == [one])
        leave()
        jobs.apply("j1", [two, three, DONE, COMPLETE], at=NOW)
        until(lambda: len(first) == 5)
        until(lambda: not followers())
    assert first == [one, two, three, DONE, COMPLETE]
    assert second == [one]


def test_subscribers_of_a_job_that_went_elsewhere_are_taken_over(jobs: MemoryJobStore) -> None:
    """Those who were told here are told from the job store: from where they were, or of what comes, if they have heard of nothing. [R4.4, B2]"""
    early, late = Subscribers("j1"), Subscribers("j1")
    heard: list[object] = []
    later: list[object] = []
    early.heard = jobs.events()[-1].seq - 1
    early.add(lambda event: heard.append(event.change))
    late.add(lambda event: later.append(event.change))
    with following(jobs) as follower:
        follower.take_over(early)
        follower.take_over(late)
        until(lambda: heard == [WORKING])
        jobs.apply("j1", [DONE], at=NOW)
        until(lambda: len(heard) == 2 and len(later) == 1)
    assert heard == [WORKING, DONE]
    assert later == [DONE]


def test_closing_ends_all_waiting(jobs: MemoryJobStore) -> None:
    """Closed, it tells those who wait why, follows nobody any more, and takes nobody over. [R10.2]"""
    follower = Follower(jobs, report, 3600)
    future = follower.future("j1")
    follower.subscribe("j1", lambda _event: None)
    follower.close()
    follower.close()
    with pytest.raises(ServiceUnusable, match="closed while somebody waited for job j1, which runs elsewhere"):
        future.result(0)
    calls: tuple[Callable[[], object], ...] = (
        lambda: follower.future("j1"),
        lambda: follower.subscribe("j1", lambda _event: None),
    )
    for call in calls:
        with pytest.raises(ServiceUnusable, match="this service is closed; make a new one"):
            call()
    follower.take_over(Subscribers("j1"))
    assert not followers()


def test_a_subscriber_may_close(jobs: MemoryJobStore) -> None:
    """Closed by whom it tells, it does not wait for its own thread."""
    follower = Follower(jobs, report, QUICK)
    closed = threading.Event()

    def close(_event: JobEvent) -> None:
        follower.close()
        closed.set()

    follower.subscribe("j1", close)
    jobs.apply("j1", [DONE], at=NOW)
    assert closed.wait(PATIENCE)
    until(lambda: not followers())


def test_no_thread_is_said(jobs: MemoryJobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be had nobody waits in vain. [R10.2]"""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with following(jobs) as follower, monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(ServiceUnusable, match=r"no thread can be had to watch the job \(can't start new thread\); end some"):
            follower.future("j1")
        patched.undo()
        jobs.apply("j1", [DONE, COMPLETE], at=NOW)
        assert follower.future("j1").result(PATIENCE).status is BackfillStatus.COMPLETE


def test_who_subscribed_to_a_job_at_rest_hears_of_its_going_on(jobs: MemoryJobStore) -> None:
    """A job that is not at work is looked at as long as somebody waits, and told of when it goes on."""
    jobs.apply("j1", [StatusChanged(BackfillStatus.PAUSED, NOW, "for a test")], at=NOW)
    told: list[object] = []
    with following(jobs) as follower:
        leave = follower.subscribe("j1", lambda event: told.append(event.change))
        jobs.apply("j1", [StatusChanged(BackfillStatus.QUEUED, NOW)], at=NOW)
        until(lambda: len(told) == 1)
        leave()
        until(lambda: not followers())


def test_a_job_store_without_events_tells_nothing() -> None:
    """Of a job store that keeps no events nothing can be told, but its jobs can be waited for."""
    jobs = PlainJobs()
    jobs.create(make_spec())
    jobs.apply("j1", [WORKING], at=NOW)
    told: list[JobEvent] = []
    with following(jobs) as follower:
        leave = follower.subscribe("j1", told.append)
        future = follower.future("j1")
        jobs.apply("j1", [DONE, COMPLETE], at=NOW)
        assert future.result(PATIENCE).status is BackfillStatus.COMPLETE
        leave()
    assert told == []
