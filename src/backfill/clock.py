"""The system's clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime


class SystemClock:
    """The time of this machine. "Today" is the date in UTC, so that it does not depend on where the program runs."""

    def __repr__(self) -> str:
        return "SystemClock()"

    def today(self) -> date:
        """Return the date in UTC."""
        return self.now().date()

    def now(self) -> datetime:
        """Return the time (aware, UTC)."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back, shared by the processes of one machine."""
        return time.monotonic()

    def wait(self, event: threading.Event, timeout: float, /) -> bool:
        """Wait until *event* is set, or for *timeout* seconds; return whether it is set."""
        return event.wait(timeout)
