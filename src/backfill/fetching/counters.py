"""What the door has done so far, counted."""

from __future__ import annotations

import threading

from backfill.fetching.call import Call, Door
from backfill.model import Document, FetchStatus, HostStatus


class Counters:
    """Counts requests, retries, documents that cost no request, and bytes. Any thread; never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._retries = self._reused = self._shared = self._bytes = 0

    def sent(self, call: Call) -> None:
        """Count a request."""
        with self._lock:
            self._requests += 1
            self._retries += call.attempt > 1

    def reused(self) -> None:
        """Count a document that the archive served."""
        with self._lock:
            self._reused += 1

    def shared(self) -> None:
        """Count a document that another unit's request served."""
        with self._lock:
            self._shared += 1

    def received(self, size: int) -> None:
        """Count bytes of a body, as they came over the wire."""
        with self._lock:
            self._bytes += size

    def status(self, hosts: tuple[HostStatus, ...], rate: float | None) -> FetchStatus:
        """Return what was counted, beside the state of the *hosts*."""
        with self._lock:
            return FetchStatus(
                hosts=hosts,
                requests=self._requests,
                retries=self._retries,
                reused=self._reused,
                shared=self._shared,
                bytes_received=self._bytes,
                rate=rate,
            )


def counted(inner: Door, counters: Counters) -> Door:
    """Return a door that counts the requests that pass it."""

    def door(call: Call) -> Document:
        counters.sent(call)
        return inner(call)

    return door
