"""Which documents were archived a moment ago, so that a look into the archive need not be repeated to know it."""

from __future__ import annotations

import threading
from collections import OrderedDict

_MOST = 1024


class Kept:
    """Remembers the last documents that were archived, in their order. Any thread; never waits.

    Attributes:
        count: How many were archived so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()
        self._last: OrderedDict[str, int] = OrderedDict()
        self._forgotten = 0

    def add(self, identity: str) -> None:
        """Note that a document of this identity was archived."""
        with self._lock:
            self.count += 1
            self._last[identity] = self.count
            self._last.move_to_end(identity)
            if len(self._last) > _MOST:
                _identity, self._forgotten = self._last.popitem(last=False)

    def may_have(self, identity: str, *, since: int) -> bool:
        """Whether a document of this identity may have been archived since *since* had been, a former `count`."""
        with self._lock:
            return self._last.get(identity, self._forgotten) > since
