"""First in, first out: a queue for turns that are limited in pace and in number.

Only the first in the queue looks at the pace and at the number under way, so nobody is overtaken and nobody starves. Who gives up
(because its job was cancelled) leaves the queue from wherever it stands; since a turn is dealt only to the one that takes it, no
slot of the schedule is lost by that.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from backfill.errors import Cancelled
from backfill.fetching.pace import Pace
from backfill.protocols import Clock

_LOOK = 0.1
"""Seconds between looks at the cancel flag while waiting to be called; no wait for a *time* is cut into pieces."""

_LEAST = 0.0005
"""Seconds of the shortest wait: below it, rounding could make a wait that never ends."""


class Limiter:
    """Deals turns in the order of asking. Any thread.

    Args:
        pace: Says when the next turn may begin.
        concurrency: Turns at once.
        clock: Waits.
    """

    def __init__(self, pace: Pace, concurrency: int, clock: Clock) -> None:
        self._pace, self._concurrency, self._clock = pace, concurrency, clock
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._in_flight = 0
        self._name, self._numbers = uuid4().hex, itertools.count()

    @contextmanager
    def turn(self, cancel: threading.Event) -> Iterator[Callable[[], None]]:
        """Wait for a turn; it lasts as long as the block.

        Yields:
            What to call when that for which the turn was taken has left; the turn counts as new until then. Called again it does
            nothing, and the end of the block calls it.

        Raises:
            Cancelled: *cancel* was set before the turn came.
        """
        name = f"{self._name}-{next(self._numbers)}"
        self._enter(name, cancel)
        noted = False

        def left() -> None:
            nonlocal noted
            if not noted:
                noted = True
                self._pace.left(name)

        try:
            yield left
        finally:
            left()
            with self._lock:
                self._in_flight -= 1
                self._call_first()

    def status(self) -> tuple[int, int]:
        """Return how many turns are under way, and how many are waited for."""
        with self._lock:
            return self._in_flight, len(self._queue)

    def _enter(self, name: str, cancel: threading.Event) -> None:
        called = threading.Event()
        with self._lock:
            self._queue.append(called)
        granted = False
        try:
            while not granted:
                if cancel.is_set():
                    raise Cancelled("the job was cancelled while it waited for its turn")
                granted = self._try_once(name, called, cancel)
        finally:  # by whatever way it leaves, the one behind moves up
            with self._lock:
                self._in_flight += granted
                self._queue.remove(called)
                self._call_first()

    def _try_once(self, name: str, called: threading.Event, cancel: threading.Event) -> bool:
        with self._lock:
            called.clear()
            is_first = self._queue[0] is called and self._in_flight < self._concurrency
        if not is_first:
            self._clock.wait(called, _LOOK)
            return False
        wait = self._pace.take(name)  # not under our lock: it may have to wait for another process's look at a file
        if wait > 0:
            self._clock.wait(cancel, max(wait, _LEAST))
        return wait <= 0

    def _call_first(self) -> None:
        if self._queue:
            self._queue[0].set()
