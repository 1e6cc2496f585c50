"""Sources, as protocols: the required method in `DataSource`, and each further ability in a protocol of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol, runtime_checkable

from backfill.model import (
    Collected,
    DocumentRequest,
    Edition,
    Frequency,
)
from backfill.protocols.doors import Fetch


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
