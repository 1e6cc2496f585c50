"""The defaults that a service is made of when its caller names none. Loads what they need when they are made."""

from __future__ import annotations

from backfill.clock import SystemClock
from backfill.errors import InvalidRequest
from backfill.protocols import Clock, Fetch, Fetcher, JobStore, ScopeResolver


def default_clock() -> Clock:
    """Return the system's clock."""
    return SystemClock()


def default_jobs() -> JobStore:
    """Return a job store in memory."""
    from backfill.jobstores import MemoryJobStore  # noqa: PLC0415 - as all imports below: only who needs it pays for it

    return MemoryJobStore()


def default_scope() -> ScopeResolver:
    """Return the open scope: everything that the source lists for a day."""
    from backfill.scopes import OpenScope  # noqa: PLC0415

    return OpenScope()


def default_fetcher(clock: Clock) -> Fetcher:
    """Return the polite door out, with its own defaults."""
    from backfill.fetching import PoliteFetcher  # noqa: PLC0415

    return PoliteFetcher(clock=clock)


def as_fetcher(fetch: Fetcher | Fetch, clock: Clock) -> Fetcher:
    """Return *fetch*, wrapped if it is a bare `Fetch`.

    Raises:
        InvalidRequest: It is neither.
    """
    is_class = isinstance(fetch, type)  # PoliteFetcher without its brackets has all the members, too
    if isinstance(fetch, Fetcher) and not is_class:
        return fetch
    if is_class or not callable(fetch):
        raise InvalidRequest(
            "fetch", fetch, "neither a Fetcher nor a Fetch", "pass a PoliteFetcher, or a function that returns a Document"
        )
    from backfill.fetching import BareFetcher  # noqa: PLC0415

    return BareFetcher(fetch, clock=clock)
