"""Virtual time: tests that wait hours in no time."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta


class VirtualClock:
    """A clock that moves only when somebody waits on it, or when a test moves it.

    With ``threads=1`` a wait moves the time to its end at once. With ``threads=n`` it moves when *n* threads wait, to the
    earliest of the moments they wait for, so that what *n* threads do comes in a definite order. Safe for several threads.

    Args:
        start: The time at first (aware).
        threads: How many threads will wait on it.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 15, 12, tzinfo=UTC), *, threads: int = 1) -> None:
        self._start = start
        self._elapsed = 0.0
        self._threads = threads
        self._waiting: list[float] = []
        self._moved = threading.Condition()
        self.waits: list[float] = []

    def __repr__(self) -> str:
        return f"<VirtualClock: {self.now().isoformat()}>"

    def today(self) -> date:
        """Return the virtual date in UTC."""
        return self.now().date()

    def now(self) -> datetime:
        """Return the virtual time (aware, UTC)."""
        return (self._start + timedelta(seconds=self._elapsed)).astimezone(UTC)

    def monotonic(self) -> float:
        """Return the virtual seconds since the start."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move the time on by *seconds*."""
        with self._moved:
            self._elapsed += seconds
            self._moved.notify_all()

    def leave(self) -> None:
        """Say that one of the threads will not wait any more."""
        with self._moved:
            self._threads -= 1
            self._move_if_all_wait()

    def wait(self, event: threading.Event, timeout: float, /) -> bool:
        """Wait in virtual time until *event* is set or *timeout* seconds have passed; return whether it is set."""
        with self._moved:
            until = self._elapsed + max(0.0, timeout)
            self.waits.append(timeout)
            if event.is_set():
                return True  # and no time passes, as on a real clock
            self._waiting.append(until)
            self._move_if_all_wait()
            while self._elapsed < until and not event.is_set():
                self._moved.wait(0.001)  # an event is set without notice, so look often; no test's outcome depends on how often
                self._move_if_all_wait()
            self._waiting.remove(until)
        return event.is_set()

    def _move_if_all_wait(self) -> None:
        if self._waiting and len(self._waiting) >= self._threads:
            earliest = min(self._waiting)
            self._elapsed = max(self._elapsed, earliest)
            self._moved.notify_all()
