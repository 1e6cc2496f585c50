"""The limit of one host at work: a schedule, wherever it is kept, and a clock."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeAlias
from uuid import uuid4

from backfill.errors import HostDown, StoreUnavailable
from backfill.fetching.schedule import Schedule
from backfill.fetching.strain import Strain
from backfill.protocols import Clock

_log = logging.getLogger(__name__)

Keeper: TypeAlias = Callable[[], AbstractContextManager[Schedule]]
"""Lends a schedule to one borrower at a time, for as long as it takes to look at it and change it."""


class Pace(Protocol):
    """Says when the next may go."""

    def take(self, turn: str, /) -> float:
        """Go now, and return 0; or return the seconds after which it is worth asking again."""
        ...

    def left(self, turn: str, /) -> None:
        """Note that what went under the name *turn* has left by now."""
        ...


class HostPace:
    """The pace of one host. Any thread.

    Args:
        keeper: Keeps the schedule: `kept_in_memory`, or `backfill.fetching.shared.kept_in_file`.
        clock: Says when it is now.
        name: The host.
        longest_wait: Seconds: while the host wants to be left alone for longer nobody waits for it.
    """

    def __init__(self, keeper: Keeper, clock: Clock, name: str = "the host", *, longest_wait: float = math.inf) -> None:
        self._keeper, self._clock = keeper, clock
        self._name, self._longest_wait = name, longest_wait
        self._queuer = uuid4().hex  # one place for all who ask here: they ask one after the other
        self._parked_until = -math.inf
        self._strain: Strain | None = None  # made with the first turn, which shows the interval
        self._changing = threading.Lock()

    def take(self, turn: str, /) -> float:
        """Go now, and return 0; or return the seconds after which it is worth asking again.

        Raises:
            HostDown: The host wants to be left alone for too long.
            StoreUnavailable: The schedule cannot be kept where processes share it.
        """
        with (
            self._changing,
            self._keeper() as schedule,
        ):  # in this order: nobody waits for a lock of ours with the processes' own in hand
            now = self._clock.monotonic()  # read under the lock: moments are noted in the order in which they were taken
            strain = self._strain = self._strain or Strain(schedule.interval)
            wait = schedule.queue(self._queuer, now, max(schedule.ready_at(now), strain.ready_at)) - now
            self._parked_until = schedule.parked_until
            self._refuse_to_wait(schedule.parked_until - now)
            if wait > 0:
                return wait
            schedule.grant(turn, now)
            strain.granted(now)
            return 0.0

    def left(self, turn: str, /) -> None:
        """Note that what went under the name *turn* has left by now; what cannot be noted counts as not having left."""
        try:
            with self._keeper() as schedule:
                schedule.leave(turn, self._clock.monotonic())
        except StoreUnavailable as error:  # whoever takes the next turn is stopped by the same; this answer is not lost
            _log.warning("%s", error)

    def penalise(self, seconds: float) -> None:
        """Let nothing pass for so long, for whoever shares the schedule.

        Raises:
            HostDown: That is too long to be waited for.
        """
        with self._keeper() as schedule:
            now = self._clock.monotonic()
            schedule.park(now + seconds)
            self._parked_until = schedule.parked_until
        self._refuse_to_wait(self._parked_until - now)

    def answered(self, seconds: float) -> None:
        """Note that the host answered one request, and how long that took."""
        with self._changing:
            if self._strain is not None:
                self._strain.answered(seconds, self._clock.monotonic())

    def strained(self) -> None:
        """Note that the host said it has too much to do."""
        with self._changing:
            if self._strain is not None:
                self._strain.refused(self._clock.monotonic())

    @property
    def slowdown(self) -> float:
        """By how much the host is asked less often, since it shows strain; 1 = not."""
        strain = self._strain
        return 1.0 if strain is None else strain.factor

    @property
    def parked_seconds(self) -> float:
        """For how long nothing will pass, as far as this process has heard."""
        return max(0.0, self._parked_until - self._clock.monotonic())

    def _refuse_to_wait(self, seconds: float) -> None:
        if seconds > self._longest_wait:
            message = (
                f"{self._name} asks to be left alone for another {seconds:.0f} s, and {self._longest_wait:g} s are waited for at most; "
                "resume the job when they are over"
            )
            raise HostDown(message, stage="fetch", max_attempts=1)


def kept_in_memory(rate: float | None) -> Keeper:
    """Return a keeper for the threads of one process."""
    schedule, lock = Schedule(rate), threading.Lock()

    @contextmanager
    def borrowed() -> Iterator[Schedule]:
        with lock:
            yield schedule

    return borrowed


class JobPace:
    """At least so many seconds between what one job sends. Used by one thread at a time.

    Args:
        interval: The seconds.
        clock: Says when it is now.
    """

    def __init__(self, interval: float, clock: Clock) -> None:
        self._interval, self._clock = interval, clock
        self._sent = -math.inf

    def take(self, _turn: str, /) -> float:
        """Return the seconds that are left to wait; `left` must follow when it is 0."""
        return max(0.0, self._sent + self._interval - self._clock.monotonic())

    def left(self, _turn: str, /) -> None:
        """Note that a request has left by now; from here the seconds count."""
        self._sent = self._clock.monotonic()
