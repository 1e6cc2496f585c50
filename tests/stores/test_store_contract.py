"""Every store that is built in keeps the contract that is shipped for all of them."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path

from backfill.clock import SystemClock
from backfill.protocols import Clock, SnapshotStore
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.contracts import SnapshotStoreContract
from backfill.testing.doubles import FlakyStore, SlowStore
from backfill.testing.files import PlainFiles, UnsyncedFiles


class TestMemorySnapshotStore(SnapshotStoreContract):
    """The store in memory."""

    examples = 40

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return an empty store."""
        return MemorySnapshotStore(clock=self.clock)

    def raw_record(self, store: SnapshotStore, day: date, district: str, /) -> bytes | None:
        """Return the bytes that it holds."""
        assert isinstance(store, MemorySnapshotStore)
        return store._days[day].records.get(district) if day in store._days else None


class TestPerDistrictFileSnapshotStore(SnapshotStoreContract):
    """The store in files."""

    durable, examples = True, 40

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return a store."""
        return PerDistrictFileSnapshotStore(place, clock=self.clock, files=UnsyncedFiles())

    def raw_record(self, store: SnapshotStore, day: date, district: str, /) -> bytes | None:
        """Return the content of the file."""
        path = self.place / str(day) / f"district_{district}.json"
        return path.read_bytes() if path.exists() else None

    def tear(self, store: SnapshotStore, day: date, district: str, /) -> None:
        """Cut the file in half."""
        path = self.place / str(day) / f"district_{district}.json"
        path.write_bytes(path.read_bytes()[:100])


class TestWithoutExchangeAndLinks(TestPerDistrictFileSnapshotStore):
    """The store in files, on a file system that can neither exchange directories nor link files."""

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return a store."""
        return PerDistrictFileSnapshotStore(place, clock=self.clock, files=PlainFiles())


class TestOnTheSystemsClock(SnapshotStoreContract):
    """The store in memory on a clock that no test can move."""

    examples = 3

    @cached_property
    def clock(self) -> Clock:
        """Return the system's clock."""
        return SystemClock()

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return an empty store."""
        return MemorySnapshotStore(clock=self.clock)


class TestFlakyStore(SnapshotStoreContract):
    """A flaky store of which nothing is said to fail."""

    examples = 5

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return an empty store."""
        return FlakyStore(MemorySnapshotStore(clock=self.clock))


class TestSlowStore(SnapshotStoreContract):
    """A slow store, on the contract's clock."""

    changes, examples = 10, 5

    def make_store(self, place: Path, /) -> SnapshotStore:
        """Return an empty store."""
        return SlowStore(MemorySnapshotStore(clock=self.clock), 0.0001, clock=self.clock)
