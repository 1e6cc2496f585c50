"""The one queue: order, how many at once, threads that cannot be had, and waiting for the end of it all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillStatus
from backfill.engine.jobs import LiveJob
from backfill.engine.queue import JobQueue
from backfill.errors import ServiceUnusable
from backfill.model import JobEvent, UnitsSettled, UnitState
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedSource
from engine_doubles import bounded
from engine_running import live_job
from planning_doubles import ask
from service_doubles import PATIENCE, GatedSource, backfill_threads, day, serving, stored, together, until


def jobs(count: int) -> list[LiveJob]:
    """Return so many jobs."""
    return [live_job(ask(1, "A"), ScriptedSource(), job_id=f"j{number}") for number in range(count)]


class Worker:
    """Runs jobs by noting them; those that are gated wait until they are let go.

    Args:
        gated: The jobs that wait.
    """

    def __init__(self, *gated: LiveJob) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.threads: set[threading.Thread] = set()
        self.most = 0
        self.at: dict[str, Callable[[], object]] = {}
        self._gates = {live.spec.job_id: threading.Event() for live in gated}
        self._lock = threading.Lock()
        self._running = 0

    def __call__(self, live: LiveJob) -> None:
        """Run a job."""
        name = live.spec.job_id
        with self._lock:
            self.begun.append(name)
            self.threads.add(threading.current_thread())
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            if name in self._gates:
                assert self._gates[name].wait(PATIENCE), "the test never opened the gate"
            self.at.get(name, lambda: None)()
            live.start()
            live.note([UnitsSettled(planned.day, {"A": UnitState.COMPLETED}) for planned in live.spec.plan.days])
            live.finish()
        finally:
            with self._lock:
                self._running -= 1
                self.ended.append(name)

    def open(self, *names: str) -> None:
        """Let these jobs go on (none = all)."""
        for name in names or self._gates:
            self._gates[name].set()


class Threads:
    """Makes `threading.Thread.start` fail as the test says, as it does when there are too many, or the interpreter is ending."""

    def __init__(self, start: Callable[[threading.Thread], None]) -> None:
        self.fail = False
        self.refused = 0
        self._start = start

    def start(self, thread: threading.Thread) -> None:
        """Start a thread, or fail."""
        if self.fail and thread.name.startswith("backfill"):
            self.refused += 1
            raise RuntimeError("can't start new thread")
        self._start(thread)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threads]:
    """Hand out the switch that makes threads scarce."""
    scarce = Threads(threading.Thread.start)

    def start(thread: threading.Thread) -> None:
        scarce.start(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    yield scarce
    scarce.fail = False


# --- order ------------------------------------------------------------------------------------------------------------


@bounded
@given(count=st.integers(1, 9), active=st.integers(1, 4))
def test_p1_jobs_begin_in_the_order_in_which_they_came(count: int, active: int) -> None:
    """First in, first out, so many at once and never more; when all is done no thread is left. [P1, R4.1, R1.4]"""
    run = Worker()
    queue = JobQueue(run, max_active=active)
    added = jobs(count)
    for live in added:
        queue.add(live)
    assert queue.join(PATIENCE)
    if active == 1:
        assert run.begun == [live.spec.job_id for live in added]
    assert sorted(run.begun) == sorted(live.spec.job_id for live in added)
    assert run.most <= active
    assert all(live.future.done() for live in added)
    assert not any(thread.is_alive() for thread in run.threads)
    assert queue.waiting() == ()


def test_as_many_run_as_may() -> None:
    """So many jobs are under way together as the queue allows, and the next waits, in its place, until one has ended. [R4.1]"""
    added = jobs(5)
    run = Worker(*added[:2])
    queue = JobQueue(run, max_active=2)
    for live in added:
        queue.add(live)
    until(lambda: len(run.begun) == 2)
    assert set(run.begun) == {"j0", "j1"}
    assert queue.waiting() == tuple(added[2:])
    assert not queue.join(0)
    run.open()
    assert queue.join(PATIENCE)
    assert run.begun[2:3] == ["j2"]


def test_threads_are_named_after_their_jobs_and_hold_no_interpreter_up() -> None:
    """A thread says which job it works on, and does not keep a program from ending. [R10.2]"""
    names: list[tuple[str, bool]] = []

    def run(live: LiveJob) -> None:
        me = threading.current_thread()
        names.append((me.name, me.daemon))

    queue = JobQueue(run, max_active=1)
    for live in jobs(2):
        queue.add(live)
    assert queue.join(PATIENCE)
    assert names == [("backfill-j0", True), ("backfill-j1", True)]


def test_an_empty_queue_has_no_thread_and_nothing_to_wait_for() -> None:
    """Before the first job there is nothing to join. [R10.2]"""
    queue = JobQueue(Worker(), max_active=1)
    assert queue.join()
    assert not backfill_threads()


@pytest.mark.parametrize("raised", [ValueError("a bug"), SystemExit(1), KeyboardInterrupt()])
def test_a_job_that_breaks_does_not_stop_the_next(raised: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever running a job raises, it ends in error for whoever waits for it, and those behind it have their turn. [R4.1, R6.1]"""
    added = jobs(3)
    run = Worker(*added[:1])

    def fail() -> None:
        raise raised

    run.at["j0"] = fail
    queue = JobQueue(run, max_active=1)
    for live in added:
        queue.add(live)
    run.open()
    assert queue.join(PATIENCE)
    assert [live.future.result(0).status for live in added] == ["error", "complete", "complete"]
    assert type(raised).__name__ in str(added[0].future.result(0).error)
    assert "a job could not be run" in caplog.text


# --- threads that cannot be had ---------------------------------------------------------------------------------------


def test_a_job_for_which_there_is_no_thread_is_not_accepted(threads: Threads) -> None:
    """If not one thread can be had, whoever adds a job learns so, and the queue is as it was: no job is stuck in it. [R4.1]"""
    first, second = jobs(2)
    run = Worker()
    queue = JobQueue(run, max_active=2)
    threads.fail = True
    with pytest.raises(RuntimeError, match="can't start new thread"):
        queue.add(first)
    assert queue.waiting() == ()
    assert queue.join(0)
    threads.fail = False
    queue.add(second)
    assert queue.join(PATIENCE)
    assert run.begun == ["j1"]


def test_a_job_waits_for_the_thread_of_another(threads: Threads) -> None:
    """If no further thread can be had, a job waits for one that is at work, in its place; when threads are back, they are used. [R4.1]"""
    added = jobs(5)
    run = Worker(*added[:4])
    queue = JobQueue(run, max_active=3)
    queue.add(added[0])
    threads.fail = True
    for live in added[1:]:
        queue.add(live)
    assert threads.refused == 4
    assert queue.waiting() == tuple(added[1:])
    threads.fail = False
    run.open("j0")
    until(lambda: len(run.begun) == 4)
    assert set(run.begun) == {"j0", "j1", "j2", "j3"}
    assert queue.waiting() == (added[4],)
    run.open()
    assert queue.join(PATIENCE)
    assert run.begun[4] == "j4"
    assert run.most == 3


def test_one_thread_is_enough(threads: Threads) -> None:
    """If no other thread can be had, ever, the one there is does all the jobs, in their order. [R4.1]"""
    added = jobs(4)
    run = Worker(*added[:1])
    queue = JobQueue(run, max_active=3)
    queue.add(added[0])
    threads.fail = True
    for live in added[1:]:
        queue.add(live)
    run.open()
    assert queue.join(PATIENCE)
    assert run.begun == ["j0", "j1", "j2", "j3"]
    assert run.most == 1
    assert len(run.threads) == 1


def test_a_service_without_threads_accepts_nothing(threads: Threads) -> None:
    """Where no thread can be started, a request is refused with the reason and leaves no job behind; later it is accepted. [R4.1, R10.2]"""
    store = MemorySnapshotStore()
    with serving(ScriptedSource(), store) as service:
        threads.fail = True
        with pytest.raises(ServiceUnusable, match="no thread can be started"):
            service.initiate_backfill(ask(1, "A"), idempotency_key="once")
        assert service.list_backfills() == []
        threads.fail = False
        job = service.initiate_backfill(ask(1, "A"), idempotency_key="once")
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert stored(store) == {day(0): ("A",)}


# --- waiting for the end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [0, 2])
def test_a_job_does_not_wait_for_itself(behind: int) -> None:
    """Called in a job's own thread, by a subscriber say, waiting for the queue does not wait for that job, nor for those that wait for it. [R4.4]"""
    added = jobs(1 + behind)
    run = Worker(*added[:1])
    queue = JobQueue(run, max_active=1)
    answers: list[bool] = []
    run.at["j0"] = lambda: answers.append(queue.join(PATIENCE))
    for live in added:
        queue.add(live)
    run.open()
    assert queue.join(PATIENCE)
    assert answers == [True]
    assert len(run.ended) == len(added)


def test_a_job_waits_for_the_others() -> None:
    """In its own thread, too, a job that waits for the queue waits for those in other threads, and for what they have still to do. [R4.4]"""
    added = jobs(4)
    run = Worker(added[1])
    queue = JobQueue(run, max_active=2)
    seen: list[list[str]] = []

    def wait() -> None:
        assert not queue.join(0)
        run.open()
        assert queue.join(PATIENCE)
        seen.append(sorted(run.ended))

    started = threading.Event()

    def start() -> None:
        started.wait(PATIENCE)
        wait()

    run.at["j0"] = start
    for live in added:
        queue.add(live)
    until(lambda: "j1" in run.begun)
    started.set()
    assert queue.join(PATIENCE)
    assert seen == [["j1", "j2", "j3"]]


def test_many_may_wait_at_once() -> None:
    """However many threads wait for the queue, all of them are let go when it is empty. [R4.4]"""
    added = jobs(3)
    run = Worker(*added)
    queue = JobQueue(run, max_active=1)
    for live in added:
        queue.add(live)

    def wait() -> bool:
        return queue.join(PATIENCE)

    def open_gate() -> bool:
        run.open()
        return True

    assert together(*[wait] * 5, open_gate) == [True] * 6


def test_a_service_may_be_closed_by_a_subscriber_while_other_jobs_wait() -> None:
    """Closed from within a callback, in the thread of a job behind which others are queued, a service ends: those are cancelled. [R4.4, R10.2]"""
    store = MemorySnapshotStore()
    source = GatedSource(lambda on, _name: on == day(0))
    closed = threading.Event()
    with serving(source, store) as service:
        first = service.initiate_backfill(ask(5, "A", concurrency=1))
        others = [service.initiate_backfill(ask(1, "B")) for _ in range(2)]

        def close(_event: JobEvent) -> None:
            if not closed.is_set():
                closed.set()
                service.close(timeout=PATIENCE)

        source.await_arrivals()
        first.subscribe(close)
        source.gate.set()
        assert first.wait(PATIENCE).status is BackfillStatus.CANCELLED
        assert [job.wait(PATIENCE).status for job in others] == ["cancelled", "cancelled"]
    assert closed.is_set()
    assert {names for _call, _on, names in source.calls} == {("A",)}
    until(lambda: not backfill_threads())
    assert isinstance(next(iter(stored(store))), date)
