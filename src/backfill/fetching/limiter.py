"""A queue for turns that are limited in pace and in number: first in, first out, and jobs in turn.

Each job is first in, first out by itself. Of several that wait at the same time each gets as many turns, however many units it has in
work: a turn's place is one behind the job's last, or that which was dealt last, whichever is later.

Only the first in the queue looks at the pace and at the number under way, so it is not overtaken, and nobody starves. Who gives up
(because its job was cancelled) leaves the queue from wherever it stands; since a turn is dealt only to the one that takes it, no
slot of the schedule is lost by that.
"""

from __future__ import annotations

import itertools
import threading
from bisect import insort
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from attrs import field, frozen

from backfill.errors import Cancelled
from backfill.fetching.pace import Pace
from backfill.protocols import Clock

_LOOK = 0.1
"""Seconds between looks at the cancel flag while waiting to be called; no wait for a *time* is cut into pieces."""

_LEAST = 0.0005
"""Seconds of the shortest wait: below it, rounding could make a wait that never ends."""


@frozen(order=True)
class _Waiter:
    """Who waits for a turn; in the order in which turns are dealt."""

    place: int
    number: int
    called: threading.Event = field(factory=threading.Event, order=False)


class Limiter:
    """Deals turns in the order of asking, and evenly between jobs. Any thread.

    Args:
        pace: Says when the next turn may begin.
        concurrency: Turns at once.
        clock: Waits.
    """

    def __init__(self, pace: Pace, concurrency: int, clock: Clock) -> None:
        self._pace, self._concurrency, self._clock = pace, concurrency, clock
        self._lock = threading.Lock()
        self._queue: list[_Waiter] = []
        self._dealt = 0
        self._places: dict[Hashable, int] = {}
        self._in_flight = 0
        self._name, self._numbers = uuid4().hex, itertools.count()

    @contextmanager
    def turn(self, cancel: threading.Event, of: Hashable = None) -> Iterator[Callable[[], None]]:
        """Wait for a turn; it lasts as long as the block.

        Args:
            cancel: Ends the wait.
            of: On whose behalf, a job for instance.

        Yields:
            What to call when that for which the turn was taken has left; the turn counts as new until then. Called again it does
            nothing, and the end of the block calls it.

        Raises:
            Cancelled: *cancel* was set before the turn came.
        """
        number = next(self._numbers)
        name = f"{self._name}-{number}"
        self._enter(name, number, cancel, of)
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

    def _enter(self, name: str, number: int, cancel: threading.Event, of: Hashable) -> None:
        with self._lock:
            place = max(self._dealt, self._places.get(of, 0))
            self._places[of] = place + 1
            waiter = _Waiter(place, number)
            insort(self._queue, waiter, lo=min(1, len(self._queue)))  # the first may be looking at the pace
        granted = False
        try:
            while not granted:
                if cancel.is_set():
                    raise Cancelled("the job was cancelled while it waited for its turn")
                granted = self._try_once(name, waiter, cancel)
        finally:  # by whatever way it leaves, the one behind moves up
            with self._lock:
                self._in_flight += granted
                self._queue.remove(waiter)
                if granted:
                    self._dealt = max(self._dealt, place)
                    self._places = {whose: following for whose, following in self._places.items() if following > self._dealt}
                self._call_first()

    def _try_once(self, name: str, waiter: _Waiter, cancel: threading.Event) -> bool:
        with self._lock:
            waiter.called.clear()
            is_first = self._queue[0] is waiter and self._in_flight < self._concurrency
        if not is_first:
            self._clock.wait(waiter.called, _LOOK)
            return False
        wait = self._pace.take(name)  # not under our lock: it may have to wait for another process's look at a file
        if wait > 0:
            self._clock.wait(cancel, max(wait, _LEAST))
        return wait <= 0

    def _call_first(self) -> None:
        if self._queue:
            self._queue[0].called.set()
