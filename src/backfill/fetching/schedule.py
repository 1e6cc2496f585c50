"""When the next request may be sent. Pure: no clock, no lock, no thread.

Two rules together. A *schedule* gives each request a slot ``1 / rate`` seconds after the one before; who comes late may catch up by
two slots at most, so that late threads cost no throughput and nobody sends a burst. A *log* of the last N requests lets a request
pass only when the oldest of them is a full window old, so that no window ever holds more than N, however the slots fell.
"""

from __future__ import annotations

import math
from collections import deque

CATCH_UP = 2
MARGIN = 0.005
"""Seconds by which a window is kept longer than it must be, since a request leaves a moment after it was allowed to."""


class Schedule:
    """The state of one limit: N requests in any N / rate seconds, where N is the rate rounded up.

    Args:
        rate: Requests a second; ``None`` = no limit, so that only parking holds a request back.

    Attributes:
        due: The moment of the next slot.
        grants: The moments of the last N requests, oldest first.
        parked_until: Until when nothing may be sent, because the host asked for it.
    """

    def __init__(self, rate: float | None) -> None:
        self.interval = 0.0 if rate is None else 1.0 / rate
        self.count = 0 if rate is None else math.ceil(rate)
        self.window = self.count * self.interval
        self.due = self.parked_until = -math.inf
        self.grants: deque[float] = deque()

    def ready_at(self) -> float:
        """Return the first moment at which a request may be sent."""
        if not self.count:
            return self.parked_until
        oldest = self.grants[-self.count] if len(self.grants) >= self.count else -math.inf
        return max(self.due, oldest + self.window + MARGIN, self.parked_until)

    def grant(self, now: float) -> None:
        """Note that a request is sent at *now*."""
        self.due = max(self.due, now - CATCH_UP * self.interval) + self.interval
        most = max(self.count, len(self.grants))  # who shares this log at a higher rate needs more of it than we do
        self.grants.append(now)
        while len(self.grants) > most:
            self.grants.popleft()

    def park(self, until: float) -> None:
        """Let nothing pass before *until*."""
        self.parked_until = max(self.parked_until, until)
