"""Places for streams of events: each takes memory and a connection for as long as its client likes, so there are so many and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backfill.web.trouble import Trouble


class Slots:
    """Counts the streams that are open, and refuses more than there may be. Of one event loop's thread, or of several: any thread.

    Args:
        most: So many at once.
        each: So many at once of one who asks, where it is known who does.

    Attributes:
        closed: Whether every stream is to end as soon as it notices, because the server does.
    """

    def __init__(self, most: int, *, each: int) -> None:
        self._most = most
        self._each = each
        self._taken: dict[object, str | None] = {}
        self.closed = False

    @property
    def taken(self) -> int:
        """How many streams are open."""
        return len(self._taken)

    @contextmanager
    def take(self, principal: str | None) -> Iterator[None]:
        """Keep a place for the time of the ``with``, for who asks; ``None`` = nobody knows who.

        Raises:
            Trouble: None is free.
        """
        if len(self._taken) >= self._most:
            raise _too_many(f"{self._most} streams are open, and there may be no more")
        if principal is not None and list(self._taken.values()).count(principal) >= self._each:
            raise _too_many(f"{self._each} streams of whoever asks are open, and there may be no more")
        place = object()
        self._taken[place] = principal
        try:
            yield
        finally:
            self._taken.pop(place, None)


def _too_many(detail: str) -> Trouble:
    remedy = "close one, or ask GET /backfills/{backfillId} from time to time instead"
    return Trouble("too-many-streams", detail, remedy, headers={"Retry-After": "15"})
