"""What threads wait with, as the scheduler has it: locks, conditions, events, queues, and the threads themselves.

Each stands in for the class of the standard library that has its name, and does what that does; but it waits in virtual time. They need no
protection of their own, since only one thread runs at a time. Outside a simulation nothing ever waits here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from backfill.testing.simulation.scheduler import SimulatedTask, at_work, current

T = TypeVar("T")

_tasks: WeakKeyDictionary[threading.Thread, SimulatedTask] = WeakKeyDictionary()


def _step(what: str) -> None:
    scheduler = at_work()
    if scheduler is not None:
        scheduler.step(what)


def _wait(ready: Callable[[], bool], timeout: float | None, what: str) -> bool:
    scheduler = at_work()
    return ready() if scheduler is None else scheduler.wait_until(ready, timeout, what=what)


def _moment() -> float:
    scheduler = at_work()
    return 0.0 if scheduler is None else scheduler.now


def _has_ended() -> bool:
    scheduler = current()
    return scheduler is not None and scheduler.here.has_ended


class Lock:
    """As `threading.Lock`, or `threading.RLock` if *again* says that its holder may take it again."""

    def __init__(self, *, again: bool = False) -> None:
        self._again = again
        self._holder: int | None = None
        self._depth = 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self.release()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; return whether it was free in time."""
        me = threading.get_ident()
        if self._again and self._holder == me:
            self._depth += 1
            return True
        _step("lock")
        if self._holder is not None and not (
            blocking and _wait(lambda: self._holder is None, None if timeout < 0 else timeout, "wait for a lock")
        ):
            return False
        self._holder, self._depth = me, 1
        return True

    def release(self) -> None:
        """Let go of it, once."""
        if not self._depth:
            if _has_ended():  # on its way out a thread may leave a wait without the lock that it gave away there
                return
            message = "release unlocked lock"
            raise RuntimeError(message)
        self._depth -= 1
        if not self._depth:
            self._holder = None

    def locked(self) -> bool:
        """Return whether somebody has it."""
        return self._holder is not None

    def release_all(self) -> int:
        """Let go however often it was taken; return how often that was."""
        depth, self._depth, self._holder = self._depth, 0, None
        return depth

    def acquire_all(self, depth: int) -> None:
        """Take the lock as often as it was."""
        self.acquire()
        self._depth = depth


def make_rlock() -> Lock:
    """Stand in for `threading.RLock`."""
    return Lock(again=True)


class Condition:
    """As `threading.Condition`."""

    def __init__(self, lock: Lock | None = None) -> None:
        self._lock = lock or make_rlock()
        self._waiting: list[list[bool]] = []
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Give the lock away until it is notified, for so many seconds at most; return whether it was."""
        told = [False]
        self._waiting.append(told)
        depth = self._lock.release_all()
        try:
            return _wait(lambda: told[0], timeout, "wait for a condition")
        finally:
            self._waiting = [other for other in self._waiting if other is not told]
            self._lock.acquire_all(depth)

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """Wait until *predicate* holds, for so many seconds at most; return what it returned last."""
        until = None if timeout is None else _moment() + timeout
        while not (result := predicate()):
            left = None if until is None else until - _moment()
            if left is not None and left <= 0:
                break
            self.wait(left)
        return result

    def notify(self, n: int = 1) -> None:
        """Wake so many of those that wait."""
        for told in self._waiting[:n]:
            told[0] = True
        del self._waiting[:n]

    def notify_all(self) -> None:
        """Wake all of them."""
        self.notify(len(self._waiting))


class Event:
    """As `threading.Event`."""

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._is_set

    def set(self) -> None:
        """Let all go on that wait for it."""
        self._is_set = True

    def clear(self) -> None:
        """Have those wait that come from now on."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, for so many seconds at most; return whether it is."""
        _step("event")
        return _wait(self.is_set, timeout, "wait for an event")


class Semaphore:
    """As `threading.Semaphore`."""

    def __init__(self, value: int = 1) -> None:
        self._value = value

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take one; return whether there was one in time."""
        _step("semaphore")
        if self._value <= 0 and not (blocking and _wait(lambda: self._value > 0, timeout, "wait for a semaphore")):
            return False
        self._value -= 1
        return True

    def release(self, n: int = 1) -> None:
        """Give so many back."""
        self._value += n


class SimpleQueue(Generic[T]):
    """As `queue.SimpleQueue`."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()

    def put(self, item: T) -> None:
        """Add an item."""
        self._items.append(item)

    def get(self) -> T:
        """Return the oldest item; wait until there is one."""
        _step("queue")
        _wait(lambda: bool(self._items), None, "wait for a queue")
        return self._items.popleft()


class Thread(threading.Thread):
    """As `threading.Thread`; started by a simulated thread it is one, in the same process."""

    def __init__(self, **options: Any) -> None:
        scheduler = current()
        self._made = id(self) if scheduler is None else next(scheduler.thread_numbers)  # first: the real one looks at the hash
        super().__init__(**options)

    def __hash__(self) -> int:  # by address, a set of threads would have another order in every run
        return self._made


def start(thread: threading.Thread) -> None:
    """Stand in for `threading.Thread.start`."""
    scheduler = current()
    if scheduler is not None:
        scheduler.step("start a thread")
        task, run = scheduler.begin(thread.name), thread.run
        thread.run = lambda: scheduler.carry_out(task, run)  # type: ignore[method-assign] # this thread's alone
        _tasks[thread] = task
    threading.Thread.start(thread)


def join(thread: threading.Thread, timeout: float | None = None) -> None:
    """Stand in for `threading.Thread.join`."""
    task = _tasks.get(thread)
    if task is None or current() is None:
        threading.Thread.join(thread, timeout)
    else:
        _step("join")
        _wait(lambda: task.is_over, timeout, "wait for a thread")


def is_alive(thread: threading.Thread) -> bool:
    """Stand in for `threading.Thread.is_alive`."""
    task = _tasks.get(thread)
    return threading.Thread.is_alive(thread) if task is None else not task.is_over


THREAD_METHODS: Mapping[str, Callable[..., object]] = {"start": start, "join": join, "is_alive": is_alive}
"""What every class of threads does otherwise in a simulation."""

for _name, _method in THREAD_METHODS.items():
    setattr(Thread, _name, _method)
