"""When the next request may be sent. Pure: no clock, no lock, no thread.

Two rules together. A *schedule* gives each request a slot ``1 / rate`` seconds after the one before; who comes late may catch up by
two slots at most, so that late threads cost no throughput and nobody sends a burst. A *log* of the last N departures lets a request
pass only when, with those that were allowed to go and have not left yet, fewer than N lie in the window that ends now. So no window
holds more than N departures, however the slots fell and however long a busy machine takes from being allowed to leaving.

Where several processes share a schedule, each of them with its first in line, a *queue* of those has them take turns: each request has
a place, one behind the last of the same process, and is told to come back when its own slot is due. Nobody waits for one that is not there
by then.
"""

from __future__ import annotations

import math
from collections import deque

CATCH_UP = 2
MARGIN = 0.005
"""Seconds by which a window is kept longer than it must be, since what leaves in step may arrive a moment out of it."""

LONGEST_UNDER_WAY = 30.0
"""Seconds after which a request that was allowed to go counts as one that left: whoever took the turn has died, or was stopped."""

ABSENT = 0.5
"""Intervals after which one that does not come for its slot is passed over; coming later it is first again."""

LONGEST_ABSENT = 1.0
"""Seconds after which it has lost its place: it was stopped, or has died."""


class Schedule:
    """The state of one limit: N requests in any N / rate seconds, where N is the rate rounded up.

    Args:
        rate: Requests a second; ``None`` = no limit, so that only parking holds a request back.

    Attributes:
        due: The moment of the next slot.
        departures: The moments at which the last requests left, oldest first.
        under_way: The moments at which requests were allowed to go that have not left yet, by the name of their turn.
        most: How many departures are kept: as many as the fastest of those who share the log needs.
        parked_until: Until when nothing may be sent, because the host asked for it.
        waiting: The places of those that were told to come back, since when they have asked, and when they will come, by a name of
            their own.
        dealt: The place that was dealt last.
        places: The next place of each of those whose last one is not behind that.
    """

    def __init__(self, rate: float | None) -> None:
        self.interval = 0.0 if rate is None else 1.0 / rate
        self.count = self.most = 0 if rate is None else math.ceil(rate)
        self.window = self.count * self.interval
        self.due = self.parked_until = -math.inf
        self.departures: deque[float] = deque()
        self.under_way: dict[str, float] = {}
        self.waiting: dict[str, tuple[int, float, float]] = {}
        self.dealt = 0
        self.places: dict[str, int] = {}

    def ready_at(self, now: float) -> float:
        """Return the first moment at which a request may be sent, as far as is known *now*."""
        for turn in [turn for turn, moment in self.under_way.items() if moment + LONGEST_UNDER_WAY <= now]:
            self.leave(turn, now)
        if not self.count:
            return self.parked_until
        free = self.count - len(self.under_way)
        if free <= 0:  # none of them has left, so none can be a window old before one has passed from now
            return max(self.due, now + self.window + MARGIN, self.parked_until)
        oldest = self.departures[-free] if len(self.departures) >= free else -math.inf
        return max(self.due, oldest + self.window + MARGIN, self.parked_until)

    def queue(self, queuer: str, now: float, ready: float) -> float:
        """Return the moment at which *queuer* may send: *ready*, and its turn is dealt; or at which it should ask again, and it keeps its place.

        Args:
            queuer: The name of one that asks.
            now: The moment.
            ready: The first moment at which a request may be sent.
        """
        if not self.count:
            return ready
        new = max(self.dealt, self.places.get(queuer, 0)), now, now
        place, asked, _back = self.waiting.pop(queuer, new)
        patience = min(ABSENT * self.interval, LONGEST_ABSENT)
        mine, others = (place, asked, queuer), self.waiting.items()
        before = [back for name, (its, since, back) in others if (its, since, name) < mine and now <= back + patience]
        expected = sum(back <= now for back in before)
        if ready <= now and (not expected or self._after(expected, now) <= now):
            self.dealt = max(self.dealt, place)
            self.places[queuer] = place + 1
            self.places = {name: following for name, following in self.places.items() if following > self.dealt}
            return ready
        back = self._after(len(before), max(ready, now))
        self.waiting = {name: known for name, known in others if now <= known[2] + LONGEST_ABSENT}
        self.waiting[queuer] = place, asked, back
        return back

    def _after(self, number: int, moment: float) -> float:
        """Return when a request may be sent, from *moment* on, if so many others go before it, each as soon as it may."""
        due, log = self.due, [*self.departures, *[moment] * len(self.under_way)]
        for _other in range(number):
            due = max(due, moment - CATCH_UP * self.interval) + self.interval
            log.append(moment)
            oldest = log[-self.count] if len(log) >= self.count else -math.inf
            moment = max(moment, due, oldest + self.window + MARGIN)
        return moment

    def grant(self, turn: str, now: float) -> None:
        """Note that the request of *turn* is allowed to go at *now*; `leave` must follow."""
        self.due = max(self.due, now - CATCH_UP * self.interval) + self.interval
        self.under_way[turn] = now

    def leave(self, turn: str, now: float) -> None:
        """Note that the request of *turn* has left, at *now* at the latest."""
        self.under_way.pop(turn, None)
        self.departures.append(now)
        while len(self.departures) > self.most:
            self.departures.popleft()

    def park(self, until: float) -> None:
        """Let nothing pass before *until*."""
        self.parked_until = max(self.parked_until, until)
