"""What a service is made of: its caller's collaborators, looked at, and the defaults where none is named.

Loads what the defaults need when they are made.
"""

from __future__ import annotations

import sys
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction
from os import PathLike
from typing import TypeVar

from backfill.clock import SystemClock
from backfill.errors import InvalidRequest
from backfill.model.checks import as_count, as_name
from backfill.protocols import Clock, DataSource, Fetch, Fetcher, JobStore, ScopeResolver, SnapshotStore, SupportsMaxConcurrency

T = TypeVar("T")

_CALLED = {"jobs": "job store"}
"""What one is called where the argument has another name."""

_IN_FILES: dict[type, str] = {
    SnapshotStore: "backfill.stores.PerDistrictFileSnapshotStore",
    JobStore: "backfill.jobstores.SqliteJobStore",
}
"""What is meant where somebody passes a path."""

_CALLS = ("collect_district", "collect_all", "collect_many", "list_districts", "summarize_day")
"""What a source may have that is called in threads."""


def default_clock() -> Clock:
    """Return the system's clock."""
    return SystemClock()


def default_jobs() -> JobStore:
    """Return a job store in memory."""
    from backfill.jobstores import MemoryJobStore  # noqa: PLC0415 - as all imports below: only who needs it pays for it

    return MemoryJobStore()


def default_scope() -> ScopeResolver:
    """Return the open scope: everything that the source lists for a day."""
    from backfill.scopes import OpenScope  # noqa: PLC0415 - only who needs the default loads it

    return OpenScope()


def default_fetcher(clock: Clock) -> Fetcher:
    """Return the polite door out, with its own defaults."""
    from backfill.fetching import PoliteFetcher  # noqa: PLC0415 - as above: loads requests

    return PoliteFetcher(clock=clock)


def as_collaborator(field: str, value: T, protocol: type, rule: str) -> T:
    """Return *value* if it has the members of *protocol*.

    Raises:
        InvalidRequest: It has not, or is a class where an instance is meant.
    """
    _refuse_class(field, value)
    if not isinstance(value, protocol):
        raise InvalidRequest(field, value, f"a {_CALLED.get(field, field)} {rule}", _meant(value, protocol))
    return value


def _meant(value: object, protocol: type) -> str:
    """Return what to write instead of *value*."""
    if isinstance(value, (str, PathLike)) and protocol in _IN_FILES:
        return f"write {_IN_FILES[protocol]}({str(value)!r})"
    if isfunction(value) and protocol is DataSource:
        return f'decorate it with @function_source("{value.__name__}")'
    return "pass an object that has them"


def as_source(value: DataSource) -> DataSource:
    """Return *value* if it is a source, with a name that can be stored.

    Raises:
        InvalidRequest: It is not.
    """
    source = as_collaborator("source", value, DataSource, "needs a name and collect_district(day, district, fetch)")
    as_name("source.name", source.name)
    for call in _CALLS:
        refuse_async(f"source.{call}", getattr(source, call, None))
    if isinstance(source, SupportsMaxConcurrency):
        as_count("source.max_concurrency", source.max_concurrency, least=1, most=sys.maxsize)
    return source


def refuse_async(field: str, function: object) -> None:
    """Raise if *function* is asynchronous.

    Raises:
        InvalidRequest: It is: called in a thread it would return something to be awaited, and nobody does.
    """
    if iscoroutinefunction(function) or isasyncgenfunction(function):
        remedy = "write `def` instead of `async def`, and asyncio.run(…) in it around what has to be awaited"
        raise InvalidRequest(field, function, "asynchronous, and sources are called from threads", remedy)


def as_fetcher(fetch: Fetcher | Fetch, clock: Clock) -> Fetcher:
    """Return *fetch*, wrapped if it is a bare `Fetch`.

    Raises:
        InvalidRequest: It is neither.
    """
    _refuse_class("fetch", fetch)
    if isinstance(fetch, Fetcher):
        return fetch
    if not callable(fetch):
        raise InvalidRequest(
            "fetch", fetch, "neither a Fetcher nor a Fetch", "pass a PoliteFetcher, or a function that returns a Document"
        )
    from backfill.fetching import BareFetcher  # noqa: PLC0415 - as above

    return BareFetcher(fetch, clock=clock)


def _refuse_class(field: str, value: object) -> None:
    if isinstance(value, type):  # it has all the members of its instances, so that nothing else would notice
        raise InvalidRequest(field, value, "a class, where an instance of it is meant", f"write {value.__name__}(…)")
