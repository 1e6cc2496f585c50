"""Places for streams of events: each takes memory and a connection for as long as its client likes, so there are so many and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backfill.web.trouble import Trouble


class Slots:
    """Counts the streams that are open, and refuses more than there may be. Of one event loop's thread, or of several: any thread.

    Args:
        most: So many at once.

    Attributes:
        closed: Whether every stream is to end as soon as it notices, because the server does.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: set[object] = set()
        self.closed = False

    @property
    def taken(self) -> int:
        """How many streams are open."""
        return len(self._taken)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Keep a place for the time of the ``with``.

        Raises:
            Trouble: None is free.
        """
        if len(self._taken) >= self._most:
            detail = f"{self._most} streams are open, and there may be no more"
            remedy = "close one, or ask GET /backfills/{backfillId} from time to time instead"
            raise Trouble("too-many-streams", detail, remedy, headers={"Retry-After": "15"})
        place = object()
        self._taken.add(place)
        try:
            yield
        finally:
            self._taken.discard(place)
