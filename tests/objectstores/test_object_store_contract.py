"""The store in a bucket keeps the contract of all stores: in memory, and on a real server."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore, ObjectStore, S3Store

from backfill.objectstores import ObjectSnapshotStore
from backfill.protocols import SnapshotStore
from backfill.stores._layout import district_file
from backfill.testing.contracts import SnapshotStoreContract


class _InABucket(SnapshotStoreContract):
    """What both have in common."""

    durable = True
    objects: ObjectStore

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return a store below a prefix of the test's own."""
        self.prefix = f"stores/{place.name}"
        return ObjectSnapshotStore(self.objects, self.prefix, clock=self.clock)

    def raw_record(self, store: SnapshotStore, day: date, district: str, /) -> bytes | None:
        """Return the content of the object."""
        key = self.key_of(store, day, district)
        return None if key is None else bytes(self.objects.get(key).bytes())

    def tear(self, store: SnapshotStore, day: date, district: str, /) -> None:
        """Cut the object in half."""
        key = self.key_of(store, day, district)
        assert key is not None
        self.objects.put(key, bytes(self.objects.get(key).bytes())[:100])

    def key_of(self, store: SnapshotStore, day: date, district: str) -> str | None:
        """Return the key of a live record."""
        assert isinstance(store, ObjectSnapshotStore)
        found = store._generations.pointer(day)
        if found is None or district not in store.entries(day):
            return None
        return f"{self.prefix}/generations/{day}/{found[0].generation}/{district_file(district)}"


class TestInMemory(_InABucket):
    """A bucket in memory."""

    examples = 30

    @pytest.fixture(autouse=True)
    def bucket(self) -> None:
        """Make an empty one."""
        self.objects = MemoryStore()


class TestOnAServer(_InABucket):
    """A bucket of a real server."""

    examples, changes = 3, 10

    @pytest.fixture(autouse=True)
    def bucket(self, bucket_options: dict[str, Any]) -> None:
        """Make an empty one."""
        self.objects = S3Store(**bucket_options)
