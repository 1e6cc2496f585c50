"""A door made of any function that fetches: a user's own, or a test's."""

from __future__ import annotations

import sys

from backfill.clock import SystemClock
from backfill.errors import PermanentSourceError, TransientSourceError
from backfill.fetching.call import BoundFetch, Call
from backfill.fetching.trying import DEFAULT_RETRY, checked, retrying
from backfill.model import Document, RetryPolicy, UnitContext
from backfill.protocols import Clock, Fetch


class BareFetcher:
    """A `Fetcher` around a bare `Fetch`: adds retries, the check, the cancel flag and provenance. No limits, no archive.

    Time-outs and broken connections that the function raises count as transient, those of `requests` too.

    Args:
        fetch: The function. It is never handed the caller's check, since that is run here.
        clock: Waits; ``None`` = the system's.
        retry: How often to try again.
    """

    def __init__(self, fetch: Fetch, clock: Clock | None = None, retry: RetryPolicy = DEFAULT_RETRY) -> None:
        self._fetch = fetch
        self._door = retrying(checked(self._ask), policy=retry, clock=clock or SystemClock())

    def __repr__(self) -> str:
        return f"BareFetcher({self._fetch!r})"

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        """Return the door for one unit."""
        return BoundFetch(self._door, unit)

    def close(self) -> None:
        """Do nothing: the function belongs to whoever passed it."""

    def _ask(self, call: Call) -> Document:
        asked = call.request
        try:
            answer: object = self._fetch(
                asked.url,
                method=asked.method,
                params=asked.params or None,
                headers=asked.headers or None,
                body=asked.body,
                check=None,
                name=asked.name or None,
            )
        except OSError as error:
            kind = _network_kind(error)
            if kind is None:
                raise
            message = f"{call.identity}: no answer ({type(error).__name__}); another attempt may succeed"
            failure = TransientSourceError(message, kind=kind, stage="fetch")
        else:
            if isinstance(answer, Document):
                return answer
            message = f"{call.identity}: fetch returned {type(answer).__name__}; return a Document, for instance Document.of(url, content)"
            raise PermanentSourceError(message, kind="source_bug", stage="fetch")
        raise failure  # out here, since the library's own text may show secrets


def _network_kind(error: OSError) -> str | None:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionError):
        return "connection"
    requests = sys.modules.get("requests")  # who raises its exceptions has loaded it
    if requests is not None and isinstance(error, requests.Timeout):
        return "timeout"
    if requests is not None and isinstance(error, requests.ConnectionError):
        return "connection"
    return None
