"""Snapshot stores that are each broken in one way, and in no other: what a contract that is worth its name must find."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import cast

from attrs import evolve

from backfill.errors import InvalidRequest
from backfill.jsonvalues import JsonValue, dumps
from backfill.model import Contribution, DistrictRecord, EncodedRecord, RecordHeader, SnapshotInfo, SummaryHeader
from backfill.protocols import Snapshot, SnapshotDraft, SnapshotStore
from backfill.serialization import decode_record, encode_record
from backfill.stores import MemorySnapshotStore
from backfill.testing.contracts import SnapshotStoreContract
from backfill.testing.samples import contribution

Records = Mapping[str, EncodedRecord]
Summaries = Mapping[str, tuple[SummaryHeader, bytes]]


class TearsADay(MemorySnapshotStore):
    """Shows a day while it is changed: some districts new, some old."""

    def __init__(self) -> None:
        super().__init__()
        self._tearing = threading.RLock()

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        with self._tearing:
            old = self._days.get(day)
            info = super().publish(day, records, summaries, contribution)
            new = self._days.get(day)
            if old is not None and new is not None and info is not None and len(old.records) == len(new.records):
                first = min(old.records)
                self._days[day] = evolve(new, records={**new.records, first: old.records[first]})
                threading.Event().wait(0.002)
                self._days[day] = new
            return info


class ForgetsDeletes(MemorySnapshotStore):
    """Hides a day that is deleted, and merges with it when it is stored anew."""

    def __init__(self) -> None:
        super().__init__()
        self._hidden: dict[date, object] = {}

    def delete(self, day: date, /) -> None:
        found = self._days.get(day)
        super().delete(day)
        if found is not None:
            self._hidden[day] = found

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        if day in self._hidden:
            self._days[day] = self._hidden.pop(day)  # type: ignore[assignment] # a day of the store
        return super().publish(day, records, summaries, contribution)


class KeepsDeleted(MemorySnapshotStore):
    """Does nothing when a day is deleted."""

    def delete(self, day: date, /) -> None:
        self.entries(day)  # which refuses what is no day


class LiesAboutEntries(MemorySnapshotStore):
    """Says of every record that it is settled."""

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        return {name: evolve(header, settled=True) for name, header in super().entries(day).items()}


class ReturnsStaleData(MemorySnapshotStore):
    """Keeps what it has read once, whatever is stored since."""

    def __init__(self) -> None:
        super().__init__()
        self._read: dict[date, Snapshot] = {}

    def read(self, day: date, /) -> Snapshot:  # type: ignore[override] # what it keeps
        if day not in self._read:
            self._read[day] = super().read(day)
        return self._read[day]


class LosesAMerge(MemorySnapshotStore):
    """Merges with what was stored when the draft began, not with what is stored now."""

    def begin(self, day: date, /, *, job_id: str) -> SnapshotDraft:  # type: ignore[override] # a draft around the draft
        draft = super().begin(day, job_id=job_id)
        before = self._days.get(day)
        commit = draft.commit

        def commit_onto_the_past(said: Contribution, /) -> SnapshotInfo | None:
            if before is None:
                self._days.pop(day, None)
            else:
                self._days[day] = before
            return commit(said)

        draft.commit = commit_onto_the_past  # type: ignore[method-assign] # that is how it is broken
        return draft


class LeavesATrace(MemorySnapshotStore):
    """Stores what an abandoned draft holds."""

    def begin(self, day: date, /, *, job_id: str) -> SnapshotDraft:  # type: ignore[override] # a draft of its own
        store = self

        class Eager(type(super().begin(day, job_id=job_id))):  # type: ignore[misc] # a class made on the way
            def __exit__(
                self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
            ) -> None:
                if self._open and self._records:
                    self.commit(contribution(self._records, day=day, job_id=job_id))

        return cast("SnapshotDraft", Eager(store, super().begin(day, job_id=job_id)._day, job_id))


class ShowsDrafts(MemorySnapshotStore):
    """Lists the entries of what was put, and not committed yet."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[date, dict[str, RecordHeader]] = {}

    def begin(self, day: date, /, *, job_id: str) -> SnapshotDraft:  # type: ignore[override] # a draft that tells
        draft = super().begin(day, job_id=job_id)
        put = draft.put

        def put_and_tell(record: DistrictRecord | EncodedRecord, /) -> None:
            put(record)
            self._open[day] = {name: staged.header for name, staged in draft._records.items()}

        draft.put = put_and_tell  # type: ignore[method-assign] # that is how it is broken
        return draft

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        self._open.pop(day, None)
        return super().publish(day, records, summaries, contribution)

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        told = {**super().entries(day), **self._open.get(day, {})}
        return {name: told[name] for name in sorted(told)}


class SummaryOverwritesFull(MemorySnapshotStore):
    """Lets a summary record take the place of a full one."""

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        known = self.entries(day)
        _forget(
            self,
            day,
            [n for n, r in records.items() if n in known and r.header.detail == "summary" and known[n].detail == "full"],
        )
        return super().publish(day, records, summaries, contribution)


class OlderOverwritesNewer(MemorySnapshotStore):
    """Lets an older record take the place of a newer one."""

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        known = self.entries(day)
        older = [
            n for n, r in records.items() if n in known and r.header.detail == known[n].detail and r.header.as_of < known[n].as_of
        ]
        _forget(self, day, older)
        return super().publish(day, records, summaries, contribution)


def _forget(store: MemorySnapshotStore, day: date, districts: list[str]) -> None:
    found = store._days.get(day)
    if found is not None and districts:
        entries = {name: header for name, header in found.stored.entries.items() if name not in districts}
        store._days[day] = evolve(found, stored=evolve(found.stored, entries=entries))


class StoresHalfACommit(MemorySnapshotStore):
    """Stores what it can of a commit that it refuses."""

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        try:
            return super().publish(day, records, summaries, contribution)
        except InvalidRequest:
            stored = {name.casefold(): name for name in self.entries(day)}
            fitting = {name: one for name, one in records.items() if stored.get(name.casefold(), name) == name}
            super().publish(day, fitting, {}, contribution)
            raise


class LosesAThread(MemorySnapshotStore):
    """Reads, thinks, and writes back, while others do the same."""

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        before = self._days.get(day)
        threading.Event().wait(0.001)
        if before is not None:
            self._days[day] = before
        return super().publish(day, records, summaries, contribution)


class SharesItsData(MemorySnapshotStore):
    """Hands out what it keeps, and not a copy."""

    def __init__(self) -> None:
        super().__init__()
        self._handed: dict[bytes, DistrictRecord] = {}

    def read(self, day: date, /) -> Snapshot:  # type: ignore[override] # one that hands out the same again
        snapshot = super().read(day)
        handed, records = self._handed, snapshot._found.records  # of the same state, whatever threads do meanwhile
        district = snapshot.district

        def same_again(name: str, /) -> DistrictRecord:
            found = district(name)
            kept = handed.setdefault(records[name], found)
            return evolve(found, data=kept.data)

        snapshot.district = same_again  # type: ignore[method-assign] # that is how it is broken
        return snapshot


class SortsKeys(MemorySnapshotStore):
    """Gives the keys of the data in another order than they were put."""

    def read(self, day: date, /) -> Snapshot:  # type: ignore[override] # one that sorts
        snapshot = super().read(day)
        district = snapshot.district

        def sort(value: JsonValue) -> JsonValue:
            return {key: sort(value[key]) for key in sorted(value)} if isinstance(value, dict) else value

        snapshot.district = lambda name: evolve(district(name), data=sort(district(name).data))  # type: ignore[method-assign] # as above
        return snapshot


class ListsInTheOrderOfStoring(MemorySnapshotStore):
    """Lists days as they came."""

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        return (day for day in self._days if (start or date.min) <= day <= (end or date.max))


class TakesMoments(MemorySnapshotStore):
    """Takes a datetime for a day."""

    def read(self, day: date, /) -> Snapshot:  # type: ignore[override] # the same type, for any day
        return super().read(day.date() if isinstance(day, datetime) else day)


class ForgetsFailures(MemorySnapshotStore):
    """Does not say what failed."""

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        return super().publish(day, records, summaries, evolve(contribution, errors=()))


class TakesAlteredRecords(MemorySnapshotStore):
    """Believes an encoded record whatever its hash."""

    def begin(self, day: date, /, *, job_id: str) -> SnapshotDraft:  # type: ignore[override] # a draft that mends
        draft = super().begin(day, job_id=job_id)
        put = draft.put

        def mend(record: DistrictRecord | EncodedRecord, /) -> None:
            if isinstance(record, EncodedRecord):
                again = decode_record(record.content, settled=record.header.settled)
                record = encode_record(again, job_id=job_id, method=record.header.method)
            put(record)

        draft.put = mend  # type: ignore[method-assign] # that is how it is broken
        return draft


class KeepsAnotherEncoding(MemorySnapshotStore):
    """Keeps other bytes than those that were put."""

    def raw(self, day: date, district: str) -> bytes | None:
        """Return the bytes that lie beside the store."""
        found = self._days.get(day)
        return None if found is None else dumps(found.records[district].decode())


class KeepsItElsewhere(MemorySnapshotStore):
    """Lets nothing lie where its author says that it lies."""


class SaysNothing(MemorySnapshotStore):
    """Does not say what a commit did."""

    def publish(self, day: date, records: Records, summaries: Summaries, contribution: Contribution) -> SnapshotInfo | None:
        super().publish(day, records, summaries, contribution)
        return None


class PassesOnDamage(MemorySnapshotStore):
    """Hands out a damaged record as if nothing were the matter."""

    def damage(self, day: date, district: str) -> None:
        """Change what is kept."""
        found = self._days[day]
        content = found.records[district].replace(b"figures", b"FIGURES")
        self._days[day] = evolve(found, records={**found.records, district: content})


class OnceOnly(MemorySnapshotStore):
    """Is said to be durable, and is not."""


class BrokenStoreContract(SnapshotStoreContract):
    """The contract, hooked up to a broken store."""

    store: type[MemorySnapshotStore]

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return the store."""
        return self.store()

    def raw_record(self, store: SnapshotStore, day: date, district: str, /) -> bytes | None:
        """Look beside the store."""
        assert isinstance(store, MemorySnapshotStore)
        if isinstance(store, KeepsAnotherEncoding):
            return store.raw(day, district)
        is_there = day in store._days and not isinstance(store, KeepsItElsewhere)
        return store._days[day].records.get(district) if is_there else None

    def tear(self, store: SnapshotStore, day: date, district: str, /) -> None:
        """Damage what is kept."""
        if isinstance(store, PassesOnDamage):
            store.damage(day, district)
        else:
            super().tear(store, day, district)


class BrokenDurableContract(BrokenStoreContract):
    """The same, for a store that is said to be durable."""

    durable = True
