"""The threads of a job, and the slots that all jobs share."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.slots import Slots
from backfill.engine.workers import Workers
from engine_doubles import bounded, running
from service_doubles import PATIENCE, until


def refuse_threads(monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> Callable[[], None]:
    """Let no more than *after* further threads start, as when there are too many; return what ends that."""
    start, left = threading.Thread.start, [after]

    def scarce(thread: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    return lambda: monkeypatch.setattr(threading.Thread, "start", start)


# --- workers ----------------------------------------------------------------------------------------------------------


@bounded
@given(count=st.integers(1, 5), tasks=st.integers(0, 20))
def test_p9_never_more_tasks_at_once_than_threads(count: int, tasks: int) -> None:
    """All that is submitted is done, once, begun in its order, by so many threads at most; closing waits for it and leaves none. [P9, R9.2]"""
    workers = Workers(count, "test")
    lock = threading.Lock()
    begun: list[int] = []
    busy = [0, 0]
    used: set[threading.Thread] = set()

    def task(number: int) -> None:
        with lock:
            begun.append(number)
            used.add(threading.current_thread())
            busy[0] += 1
            busy[1] = max(busy)
        with lock:
            busy[0] -= 1

    for number in range(tasks):
        workers.submit(lambda number=number: task(number))  # type: ignore[misc] # bound in the loop
    workers.close()
    assert sorted(begun) == list(range(tasks))
    if count == 1:
        assert begun == list(range(tasks))
    assert busy[1] <= count
    assert len(used) <= count
    assert not any(thread.is_alive() for thread in used)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_p9_as_many_tasks_at_once_as_threads(count: int) -> None:
    """So many tasks are under way together, each in a thread of its own, named and no hindrance to the interpreter's end. [P9, R9.2]"""
    workers = Workers(count, "test")
    together = threading.Barrier(count)
    threads: list[tuple[str, bool]] = []

    def task() -> None:
        together.wait(PATIENCE)  # broken unless so many are there
        me = threading.current_thread()
        threads.append((me.name, me.daemon))

    for _ in range(2 * count):
        workers.submit(task)
    workers.close()
    assert {name for name, _daemon in threads} <= {f"test-{number}" for number in range(count)}
    assert len(threads) == 2 * count
    assert all(daemon for _name, daemon in threads)


def test_threads_start_when_they_are_needed() -> None:
    """Without a task there is no thread; tasks that come one after the other are done by one. [R10.2]"""
    workers = Workers(4, "test")
    workers.close()
    used: set[str] = set()
    for _ in range(5):
        workers.submit(lambda: used.add(threading.current_thread().name))
        until(lambda: workers._unfinished == 0)
    workers.close()
    workers.close()
    assert used == {"test-0"}


def test_closing_waits_for_what_is_under_way() -> None:
    """Tasks that were submitted are done before closing returns, those that have not begun as well. [R4.4]"""
    workers = Workers(1, "test")
    gate = threading.Event()
    done: list[str] = []
    workers.submit(lambda: done.append(f"first {gate.wait(PATIENCE)}"))
    workers.submit(lambda: done.append("second"))
    with running(workers.close) as (closing,):
        assert done == []
        gate.set()
        closing.join(PATIENCE)
        assert done == ["first True", "second"]


def test_without_any_thread_the_caller_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """If not one thread can be started, each task is done at once by whoever submits it. [R9.2, R10.2]"""
    refuse_threads(monkeypatch)
    workers = Workers(3, "test")
    done: list[tuple[int, threading.Thread]] = []
    for number in range(3):
        workers.submit(lambda number=number: done.append((number, threading.current_thread())))  # type: ignore[misc] # bound in the loop
        assert len(done) == number + 1
    workers.close()
    assert done == [(number, threading.current_thread()) for number in range(3)]


def test_with_fewer_threads_than_wished_they_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no further thread can be started, those that there are do all, and none of it falls to the caller; later there are more. [R9.2]"""
    relent = refuse_threads(monkeypatch, after=1)
    workers = Workers(2, "test")
    gate = threading.Event()
    used: list[str] = []
    for _ in range(3):
        workers.submit(lambda: (gate.wait(PATIENCE), used.append(threading.current_thread().name)))  # type: ignore[arg-type,func-returns-value] # two calls in one expression
    assert used == []
    gate.set()
    until(lambda: len(used) == 3)
    assert used == ["test-0"] * 3
    until(lambda: workers._unfinished == 0)
    relent()
    both = threading.Barrier(2)
    for _ in range(2):
        workers.submit(lambda: (both.wait(PATIENCE), used.append(threading.current_thread().name)))  # type: ignore[arg-type,func-returns-value] # as above
    workers.close()
    assert sorted(used[3:]) == ["test-0", "test-1"]


def test_work_is_done_while_the_interpreter_ends() -> None:
    """Submitted when the interpreter is ending, where newer ones refuse to start threads, a task is carried out all the same. [R10.2, B2]"""
    script = """
        import atexit, threading
        from backfill.engine.workers import Workers

        def at_exit():
            workers = Workers(2, "late")
            workers.submit(lambda: print("done"))
            workers.close()
            def refuse(_thread):
                raise RuntimeError("can't create new thread at interpreter shutdown")
            threading.Thread.start = refuse
            workers.submit(lambda: print("done", threading.current_thread().name))
            workers.close()

        atexit.register(at_exit)
    """
    ended = subprocess.run([sys.executable, "-c", dedent(script)], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == ["done", "done", "MainThread"]
    assert ended.stderr == ""


# --- slots ------------------------------------------------------------------------------------------------------------


@bounded
@given(most=st.integers(1, 4), callers=st.integers(1, 8))
def test_p9_never_more_calls_at_once_than_slots(most: int, callers: int) -> None:
    """Whoever they belong to, so many calls are under way at once at most, and everybody gets a turn. [P9, R9.2]"""
    slots, lock = Slots(most), threading.Lock()
    busy = [0, 0]
    served: list[int] = []

    def call(number: int) -> None:
        with slots.taken(threading.Event()):
            with lock:
                busy[0] += 1
                busy[1] = max(busy)
            served.append(number)
            with lock:
                busy[0] -= 1

    with running(*(lambda number=number: call(number) for number in range(callers))):
        pass
    assert sorted(served) == list(range(callers))
    assert 1 <= busy[1] <= most


def test_without_a_number_nobody_waits() -> None:
    """A source that says nothing stands whatever the jobs ask for. [P9]"""
    slots = Slots()
    cancel = threading.Event()
    with slots.taken(cancel), slots.taken(cancel), slots.taken(cancel):
        pass


def test_a_slot_is_given_back_whatever_happens() -> None:
    """A call that raises leaves its slot to the next. [P9]"""
    slots = Slots(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="a bug"), slots.taken(threading.Event()):
            raise ValueError("a bug")


def test_who_is_cancelled_does_not_wait() -> None:
    """A job that is cancelled while it waits for a slot goes on without one, and gives back none that it does not hold. [P9, R4.4]"""
    slots = Slots(1)
    cancel, entered = threading.Event(), threading.Event()

    def wait_for_slot() -> None:
        with slots.taken(cancel):
            entered.set()

    free = slots._free
    assert free is not None
    with slots.taken(threading.Event()):
        with running(wait_for_slot):
            cancel.set()
            assert entered.wait(PATIENCE)
        with slots.taken(cancel):
            pass
        assert not free.acquire(blocking=False), "the one slot is still taken"
    assert free.acquire(blocking=False)
    assert not free.acquire(blocking=False), "and there is still one only"
