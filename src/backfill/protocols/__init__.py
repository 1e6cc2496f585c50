"""Everything that can be plugged in, as protocols: the whole of what an author of a source, store or scope needs to read.

A class fits by having the members; nothing is inherited or registered. What only some can do is a small protocol of its own,
found with ``isinstance``. Positional-only arguments may be named as you like.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from backfill.jsonvalues import JsonValue
from backfill.model import (
    BackfillScope,
    Collected,
    Contribution,
    DistrictRecord,
    Document,
    DocumentRequest,
    Edition,
    EncodedRecord,
    FetchStatus,
    Frequency,
    RecordHeader,
    SnapshotInfo,
    SnapshotMetadata,
    UnitContext,
)
from backfill.protocols.archived import Cumulative, DocumentDating, Replaying, Summarized
from backfill.protocols.jobs import (
    JobStore,
    OutlivesProcess,
    SupportsClaims,
    SupportsErrors,
    SupportsEvents,
    SupportsLeases,
    SupportsOutcomes,
    SupportsRequests,
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
    "SupportsLeases",
    "SupportsMaxConcurrency",
    "SupportsOffline",
    "SupportsOutcomes",
    "SupportsRequests",
    "SystemWideSource",
    "Versioned",
]

# --- the door out -----------------------------------------------------------------------------------------------------


@runtime_checkable
class Fetch(Protocol):
    """What a source sees of the outside world: ask for a document, get it or an exception."""

    def __call__(
        self,
        url: str,
        /,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Callable[[Document], object] | None = None,
        name: str | None = None,
    ) -> Document:
        """Return the document at *url*; blocks the calling thread while it waits its turn, retries and receives.

        Args:
            url: Absolute address.
            method: HTTP method.
            params: Query parameters to add.
            headers: Request headers to add.
            body: Request body.
            check: Looks at each answer before it is believed. It may raise ``TransientSourceError`` (ask again) or
                ``PermanentSourceError``; what it returns becomes ``document.parsed``.
            name: The document's identity; ``None`` derives it from method, address, parameters and body.

        Raises:
            DataUnavailable: The document does not exist (404, 410).
            TransientSourceError: Every attempt failed, the last in a way that another time may not.
            PermanentSourceError: It cannot be had by asking again.
            Cancelled: The job was cancelled meanwhile.
        """
        ...


@runtime_checkable
class Fetcher(Protocol):
    """What a service holds of the outside world: it hands each unit of work its own `Fetch`."""

    def bind(self, unit: UnitContext, /) -> Fetch:
        """Return the door for one unit: with its cancel flag, its job's options, and its recorder of provenance."""
        ...

    def close(self) -> None:
        """Let go of connections and files. May be called twice."""
        ...


@runtime_checkable
class SupportsFetchStatus(Protocol):
    """A fetcher that can say how it is doing."""

    def status(self) -> FetchStatus:
        """Return the state of limits, breakers and cache; never waits; any thread."""
        ...


@runtime_checkable
class SupportsOffline(Protocol):
    """A fetcher that has an archive to answer from."""

    def offline(self) -> Fetcher:
        """Return a fetcher that answers from the archive only, and raises `NotArchived` for the rest."""
        ...


# --- sources ----------------------------------------------------------------------------------------------------------


@runtime_checkable
class DataSource(Protocol):
    """Turns documents into one district's figures for one day. This is all that a custom source must have.

    It is called from as many threads at once as the job's concurrency allows. It opens no connection of its own: it asks
    *fetch*, behind which limits, retries, the archive and provenance live. It keeps no state that one call leaves for another.
    """

    @property
    def name(self) -> str:
        """A short name, stored with every snapshot."""
        ...

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return the district's figures for the day: a `Collected`, or a bare payload (as of the day itself, in full detail).

        Raises:
            DataUnavailable: Nothing was published for it.
            TransientSourceError: Failed, but may succeed when tried again (so are timeouts and connection errors).
            PermanentSourceError: Failed for good (so is any other exception, as kind ``source_bug``).
        """
        ...


@runtime_checkable
class SystemWideSource(Protocol):
    """A source with one call that serves every district of a day."""

    def collect_all(self, day: date, fetch: Fetch, /) -> Mapping[str, object]:
        """Return a value for each district of the day, as `DataSource.collect_district` would; a missing key = unavailable."""
        ...


@runtime_checkable
class BatchSource(Protocol):
    """A source with one call that serves several districts of a day."""

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Return a value for each of *districts*, or a `SourceError` in its place; a missing key = failed."""
        ...


@runtime_checkable
class DistrictCatalog(Protocol):
    """A source that knows which districts existed on a day."""

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        """Return the districts of the day."""
        ...


@runtime_checkable
class DistrictNaming(Protocol):
    """A source whose districts have a normal form of their own."""

    def normalize_district(self, text: str, /) -> str:
        """Return the normal form of *text*. Pure.

        Raises:
            InvalidRequest: It cannot name a district.
        """
        ...


@runtime_checkable
class EditionCatalog(Protocol):
    """A source that knows beforehand which days have an edition, and when it was given out."""

    def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
        """Return an edition for each day that *frequency* selects from *start* to *end*, gaps included. Pure, no fetch."""
        ...


@runtime_checkable
class LatestDay(Protocol):
    """A source whose newest day is not yesterday."""

    def latest_day(self, today: date, /) -> date:
        """Return the newest day that can have been published when it is *today* (UTC). Pure."""
        ...


@runtime_checkable
class RequestPlanner(Protocol):
    """A source that can name its documents beforehand. The door then opens for these and no others (P12)."""

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return the documents for one district, or for the day as a whole (``None``: list, system-wide call, summaries). Pure.

        Documents that are asked for only when another turns out to hold nothing are marked as `DocumentRequest.conditional`.
        """
        ...


@runtime_checkable
class DaySummarizer(Protocol):
    """A source that also makes summaries of the day as a whole."""

    def summarize_day(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
        """Return summaries by name; each becomes a file of that name beside the districts'."""
        ...


@runtime_checkable
class SupportsMaxConcurrency(Protocol):
    """A source that stands fewer calls at once than a job may ask for."""

    @property
    def max_concurrency(self) -> int:
        """Calls at once at most."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A source whose rules have a version; records made by other rules differ in content."""

    @property
    def calculation_version(self) -> str:
        """Changes when, and only when, the same documents would give other figures."""
        ...


# --- stores -----------------------------------------------------------------------------------------------------------


class Snapshot(Protocol):
    """One stored day. Reads lazily; what it has returned once it returns again."""

    @property
    def day(self) -> date:
        """The day."""
        ...

    @property
    def metadata(self) -> SnapshotMetadata:
        """What is said of the day as a whole."""
        ...

    @property
    def districts(self) -> tuple[str, ...]:
        """The districts stored, in text order."""
        ...

    def district(self, district: str, /) -> DistrictRecord:
        """Return one district's record.

        Raises:
            SnapshotNotFound: The snapshot does not hold it.
            DamagedFile: The file does not hold what the manifest says.
        """
        ...

    def summary(self, name: str, /) -> JsonValue:
        """Return a summary of the day.

        Raises:
            SnapshotNotFound: There is none of this name.
            DamagedFile: The file does not hold what the manifest says.
        """
        ...


class SnapshotDraft(Protocol):
    """A day in the making, seen by nobody. A context manager; leaving it without commit leaves no trace.

    `put` and `put_summary` may be called from several threads at once.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Stage one district's record; written at once, so that memory stays flat. The last one put of a district counts.

        Raises:
            StoreUnavailable: Nothing can be written at all (disk full, read-only).
        """
        ...

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Stage a summary of the day as a whole."""
        ...

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        """Lock the day, merge with what is live now, publish as a whole, unlock. ``None``: the day would hold nothing.

        Raises:
            DayLocked: Another writer held the day for too long.
            StoreUnavailable: Nothing can be written at all.
        """
        ...


@runtime_checkable
class SnapshotStore(Protocol):
    """Keeps one snapshot a day. Any thread; readers never see a day half changed."""

    def begin(self, day: date, /, *, job_id: str) -> SnapshotDraft:
        """Return a draft of the day. Takes no lock: drafts of several jobs may stand side by side."""
        ...

    def read(self, day: date, /) -> Snapshot:
        """Return the stored day.

        Raises:
            SnapshotNotFound: The store has none.
            DamagedFile: Its manifest or metadata cannot be read.
        """
        ...

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        """Return what the day's manifest says of each record; empty when the day is not stored."""
        ...

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the stored days from *start* to *end* (inclusive; ``None`` = no limit), ascending."""
        ...

    def delete(self, day: date, /) -> None:
        """Remove a day as a whole; nothing happens when it is not stored."""
        ...


@runtime_checkable
class SupportsWriteCheck(Protocol):
    """A store that can say whether it can be written, before anything is fetched for it."""

    def check_writable(self) -> None:
        """Raise `StoreUnavailable` if no day can be stored now. Changes nothing."""
        ...


# --- scope and time ---------------------------------------------------------------------------------------------------


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
