"""What the author of a snapshot store says of it, so that it can be tested."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import ClassVar

from backfill.jsonvalues import JsonValue
from backfill.model import SnapshotInfo
from backfill.protocols import Snapshot, SnapshotDraft, SnapshotStore
from backfill.testing.contracts._asserting import present
from backfill.testing.contracts._suite import Contract, skip
from backfill.testing.samples import contribution


class StoreHooks(Contract):
    """One method that must be given, and what may be.

    Attributes:
        durable: Whether `make_store` with the same folder opens what was stored there before.
    """

    durable: ClassVar[bool] = False

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return an empty store. *place* is an empty folder for those that need one, `clock` the time for those that take one."""
        raise NotImplementedError

    def raw_record(self, store: SnapshotStore, day: date, district: str, /) -> bytes | None:
        """Return the bytes kept of a record, read beside the store; ``None`` = there are none. May be left out."""
        del store, day, district
        skip("nobody says how to look beside the store", "define raw_record(store, day, district)")

    def tear(self, store: SnapshotStore, day: date, district: str, /) -> None:
        """Damage what is kept of a record, beside the store: cut its file, flip a bit. May be left out."""
        del store, day, district
        skip("nobody says how to damage what is stored", "define tear(store, day, district)")

    def new_store(self) -> SnapshotStore:
        """Return the store; the second time, another over the same folder."""
        store = self.make_store(self.place)
        self.closing(store)
        return store

    def need_durable(self) -> None:
        """Leave the test out where nothing outlives the store."""
        if not self.durable:
            skip("nothing is said to outlive this store", "set durable = True if make_store opens the same folder again")


def state_of(store: SnapshotStore, day: date) -> Mapping[str, JsonValue] | None:
    """Return the data of each district of the day, in the order of the store; ``None`` = the day is not stored."""
    if day not in set(store.days()):
        return None
    snapshot = store.read(day)
    return data_of(snapshot)


def data_of(snapshot: Snapshot) -> Mapping[str, JsonValue]:
    """Return the data of each district of a snapshot."""
    return {district: snapshot.district(district).data for district in snapshot.districts}


def committed(draft: SnapshotDraft, *districts: str, job_id: str = "job-1", day: date | None = None) -> SnapshotInfo:
    """Commit a draft that holds records of *districts*; return what the store says of it."""
    said = contribution(districts, job_id=job_id) if day is None else contribution(districts, job_id=job_id, day=day)
    return present(draft.commit(said), f"what commit says of a draft that holds {districts}")
