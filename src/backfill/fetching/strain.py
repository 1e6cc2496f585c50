"""Whether a host shows strain, and by how much it is asked less often for that. Pure: no clock, no lock, no thread.

Strain is an answer 429 or 503, or answers that take several times as long as they used to. Each sign doubles the distance between
requests, once in a few of these distances however many requests were under way; each answer without one shortens it a little. So
a host is given room at once, and is asked as often as before only after it has answered well for a while. The limit of the rate
is untouched: this only ever adds to the distance.
"""

from __future__ import annotations

import math

MOST = 16.0
"""A host is never asked less often than at the configured rate divided by this: whoever cannot bear that asks for a pause."""

EASING = 0.97
"""The distance after an answer without a sign, of what it was: halved after some twenty-three of them."""

ROUND = 4
"""So many distances are one round, in which further signs are those of requests that were under way already."""

_RECENT, _USUAL = 0.3, 0.02
"""Weights of an answer in the average of the last few, and in that of the usual."""

_SLOWER = 3.0
_AT_LEAST = 0.25
"""Answers are slow when the last few took three times as long as usual, and a quarter of a second more."""

_ENOUGH = 20
"""Answers before there is a usual."""


class Strain:
    """What one host shows.

    Args:
        interval: Seconds between requests at the configured rate; 0 = no limit, which nothing slows down.

    Attributes:
        factor: By how much the distance is longer now; 1 = not.
    """

    def __init__(self, interval: float) -> None:
        self.factor = 1.0
        self._interval = interval
        self._last = self._quiet_until = -math.inf
        self._recent = self._usual = 0.0
        self._seen = 0

    @property
    def ready_at(self) -> float:
        """The first moment at which the next request may be sent; the past while there is no strain."""
        return self._last + self._interval * self.factor if self.factor > 1 else -math.inf

    def granted(self, now: float) -> None:
        """Note that a request may go at *now*."""
        self._last = now

    def refused(self, now: float) -> None:
        """Note that the host said it has too much to do."""
        if self._interval and now >= self._quiet_until:
            self.factor = min(2 * self.factor, MOST)
            self._quiet_until = now + ROUND * self._interval * self.factor

    def answered(self, seconds: float, now: float) -> None:
        """Note that the host answered, and how long that took."""
        if not self._seen:
            self._recent = self._usual = seconds
        self._seen += 1
        self._recent += _RECENT * (seconds - self._recent)
        if self._seen > _ENOUGH and self._recent > max(_SLOWER * self._usual, self._usual + _AT_LEAST):
            self.refused(now)
        else:
            self.factor = max(1.0, self.factor * EASING)
        self._usual += (_USUAL if self._seen > _ENOUGH else 1 / self._seen) * (seconds - self._usual)
