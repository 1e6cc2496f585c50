"""Everything that can be plugged in, as protocols: the whole of what an author of a source, store or scope needs to read.

A class fits by having the members; nothing is inherited or registered. What only some can do is a small protocol of its own,
found with ``isinstance``. Positional-only arguments may be named as you like.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from backfill.model import BackfillScope
from backfill.protocols.archived import Cumulative, DocumentDating, Replaying, Summarized
from backfill.protocols.doors import (
    Fetch,
    Fetcher,
    SupportsFetchStatus,
    SupportsOffline,
)
from backfill.protocols.jobs import (
    JobStore,
    OutlivesProcess,
    SupportsClaims,
    SupportsErrors,
    SupportsEvents,
    SupportsKeys,
    SupportsLeases,
    SupportsOutcomes,
    SupportsPages,
    SupportsRequests,
)
from backfill.protocols.sources import (
    BatchSource,
    DataSource,
    DaySummarizer,
    DistrictCatalog,
    DistrictNaming,
    EditionCatalog,
    LatestDay,
    RequestPlanner,
    SupportsMaxConcurrency,
    SystemWideSource,
    Versioned,
)
from backfill.protocols.stores import (
    Snapshot,
    SnapshotDraft,
    SnapshotStore,
    SupportsOutlines,
    SupportsRemnants,
    SupportsWriteCheck,
)

__all__ = [
    "BatchSource",
    "Clock",
    "Cumulative",
    "DataSource",
    "DaySummarizer",
    "DistrictCatalog",
    "DistrictNaming",
    "DocumentDating",
    "EditionCatalog",
    "Fetch",
    "Fetcher",
    "JobStore",
    "LatestDay",
    "OutlivesProcess",
    "Replaying",
    "RequestPlanner",
    "ScopeResolver",
    "Snapshot",
    "SnapshotDraft",
    "SnapshotStore",
    "Summarized",
    "SupportsClaims",
    "SupportsErrors",
    "SupportsEvents",
    "SupportsFetchStatus",
    "SupportsKeys",
    "SupportsLeases",
    "SupportsMaxConcurrency",
    "SupportsOffline",
    "SupportsOutcomes",
    "SupportsOutlines",
    "SupportsPages",
    "SupportsRemnants",
    "SupportsRequests",
    "SupportsWriteCheck",
    "SystemWideSource",
    "Versioned",
]


@runtime_checkable
class ScopeResolver(Protocol):
    """Says which districts a request may touch."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return the scope of a request for *requested* (``None`` = all). Pure; called once, before anything else.

        Raises:
            InvalidRequest: None of them is in scope.
        """
        ...


@runtime_checkable
class Clock(Protocol):
    """The only way to the time, and to waiting."""

    def today(self) -> date:
        """Return the date in UTC."""
        ...

    def now(self) -> datetime:
        """Return the time (aware, UTC)."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back; the zero is arbitrary."""
        ...

    def wait(self, event: threading.Event, timeout: float, /) -> bool:
        """Wait until *event* is set, or for *timeout* seconds; return whether it is set."""
        ...
