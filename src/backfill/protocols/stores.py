"""Where days are kept, as protocols: a store, a day in the making, and a stored day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from backfill.jsonvalues import JsonValue
from backfill.model import (
    Contribution,
    DayOutline,
    DistrictRecord,
    EncodedRecord,
    RecordHeader,
    SnapshotInfo,
    SnapshotMetadata,
)


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


@runtime_checkable
class SupportsOutlines(Protocol):
    """A store that knows its days in short, so that a coverage over years need not look at each of them."""

    def outlines(self, start: date | None = None, end: date | None = None, /) -> Mapping[date, DayOutline]:
        """Return the outline of each stored day from *start* to *end* (inclusive), ascending: what `SnapshotStore.entries` says, in short.

        Raises nothing for a day that is damaged: its outline says so (`DayOutline.damaged`).
        """
        ...


@runtime_checkable
class SupportsRemnants(Protocol):
    """A store that can tell a day of which something is left, and nothing says what, from one that was never stored."""

    def remnants(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the days from *start* to *end* (inclusive), ascending, of which files are there, and no manifest."""
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
