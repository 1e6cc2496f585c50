"""Snapshots in memory: what a store does, without files. The reference for every other store, and the default of examples."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType, TracebackType
from typing import Self

from attrs import evolve, field, frozen

from backfill.clock import SystemClock
from backfill.errors import StoreError
from backfill.jsonvalues import JsonValue, loads
from backfill.model import (
    Contribution,
    DistrictRecord,
    EncodedRecord,
    RecordHeader,
    SnapshotInfo,
    SnapshotMetadata,
    StoredDay,
    SummaryHeader,
    combine_day,
)
from backfill.model.checks import as_date
from backfill.protocols import Clock
from backfill.serialization import decode_record
from backfill.stores._layout import checked_district, checked_summary
from backfill.stores._missing import no_day, no_district, no_summary
from backfill.stores._staged import complete, refuse_other_day, refuse_twins, stage_record, stage_summary


@frozen
class _Day:
    """A stored day; replaced as a whole, so that who reads it sees one state."""

    stored: StoredDay
    records: Mapping[str, bytes] = field(repr=False)
    summaries: Mapping[str, bytes] = field(repr=False)


class MemorySnapshotStore:
    """Keeps snapshots as encoded bytes: what is read is made anew each time, and shares nothing with what was put. Any thread.

    Args:
        clock: Tells when a day was stored; ``None`` = the system's.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._days: dict[date, _Day] = {}
        self._writing = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemorySnapshotStore: {len(self._days)} days>"

    def begin(self, day: date, /, *, job_id: str) -> _Draft:
        """Return a draft of the day. Takes no lock."""
        return _Draft(self, as_date("day", day), job_id)

    def read(self, day: date, /) -> _Snapshot:
        """Return the stored day.

        Raises:
            SnapshotNotFound: The store has none.
        """
        found = self._days.get(as_date("day", day))
        if found is None:
            raise no_day(day)
        return _Snapshot(found)

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        """Return what is said of each record of the day; empty when it is not stored."""
        found = self._days.get(as_date("day", day))
        return MappingProxyType(found.stored.entries if found else {})

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the stored days from *start* to *end* (inclusive), ascending."""
        first, last = start or date.min, end or date.max
        return (day for day in sorted(self._days) if first <= day <= last)

    def delete(self, day: date, /) -> None:
        """Remove a day; nothing happens when it is not stored."""
        with self._writing:
            self._days.pop(as_date("day", day), None)

    def publish(
        self,
        day: date,
        records: Mapping[str, EncodedRecord],
        summaries: Mapping[str, tuple[SummaryHeader, bytes]],
        contribution: Contribution,
    ) -> SnapshotInfo | None:
        """Merge a draft into its day. For drafts."""
        with self._writing:
            old = self._days.get(day)
            refuse_twins({*records, *(old.stored.entries if old else ())}, {*summaries, *(old.stored.summaries if old else ())})
            headers = complete({district: record.header for district, record in records.items()}, contribution)
            summary_headers = {name: header for name, (header, _content) in summaries.items()}
            merged = combine_day(old.stored if old else None, headers, summary_headers, contribution, self._now())
            if merged is None:
                return None
            self._days[day] = _Day(
                merged.day,
                {**(old.records if old else {}), **{name: records[name].content for name in merged.fresh}},
                {**(old.summaries if old else {}), **{name: summaries[name][1] for name in merged.fresh_summaries}},
            )
            return merged.info

    def _now(self) -> datetime:
        return self._clock.now()


class _Draft:
    def __init__(self, store: MemorySnapshotStore, day: date, job_id: str) -> None:
        self._store = store
        self._day = day
        self._job_id = job_id
        self._records: dict[str, EncodedRecord] = {}
        self._summaries: dict[str, tuple[SummaryHeader, bytes]] = {}
        self._spelled: dict[str, str] = {}
        self._open = True
        self._changing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._open = False

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Stage one district's record."""
        encoded = stage_record(record, self._day, self._job_id)
        with self._changing:
            self._check_open()
            refuse_twins((self._spelled.setdefault(encoded.district_id.casefold(), encoded.district_id), encoded.district_id), ())
            self._records[encoded.district_id] = encoded

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Stage a summary of the day as a whole."""
        staged = stage_summary(name, payload, as_of, self._job_id)
        with self._changing:
            self._check_open()
            refuse_twins((), {*self._summaries, name})
            self._summaries[name] = staged

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        """Merge with what is live now, and publish as a whole."""
        refuse_other_day(contribution, self._day)
        with self._changing:
            self._check_open()
            info = self._store.publish(self._day, self._records, self._summaries, contribution)
            self._open = False
            return info

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(f"this draft of {self._day} was committed or left already; begin({self._day}, …) makes another")


class _Snapshot:
    def __init__(self, found: _Day) -> None:
        self._found = found

    def __repr__(self) -> str:
        return f"<Snapshot {self.day}: {len(self.districts)} districts, {self._found.stored.metadata.status}>"

    def _repr_html_(self) -> str:
        from backfill.display.stored import snapshot_html  # noqa: PLC0415 - only a notebook pays for it

        return snapshot_html(self.metadata, self.districts, self.summaries)

    @property
    def day(self) -> date:
        """The day."""
        return self._found.stored.metadata.day

    @property
    def metadata(self) -> SnapshotMetadata:
        """What is said of the day as a whole."""
        said = self._found.stored.metadata
        return evolve(said, operations=tuple(dict(operation) for operation in said.operations))

    @property
    def districts(self) -> tuple[str, ...]:
        """The districts stored, in text order."""
        return tuple(self._found.stored.entries)

    @property
    def summaries(self) -> Mapping[str, SummaryHeader]:
        """What is said of each summary of the day, by name, in text order."""
        return MappingProxyType(self._found.stored.summaries)

    def district(self, district: str, /) -> DistrictRecord:
        """Return one district's record."""
        header = self._found.stored.entries.get(checked_district(district))
        if header is None:
            raise no_district(self.day, district, self.districts)
        return decode_record(self._found.records[district], settled=header.settled)

    def summary(self, name: str, /) -> JsonValue:
        """Return a summary of the day."""
        content = self._found.summaries.get(checked_summary(name))
        if content is None:
            raise no_summary(self.day, name, self._found.stored.summaries)
        return loads(content)
