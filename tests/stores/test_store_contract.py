"""Both stores keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.protocols import SnapshotStore
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from stores.faulty_files import PlainFiles
from stores.store_cases import UnsyncedFiles, record, store_records
from stores.store_contract import ConcurrentStoreContract, SnapshotStoreContract


class TestMemorySnapshotStore(SnapshotStoreContract, ConcurrentStoreContract):
    """The store in memory."""

    @pytest.fixture
    def store(self, clock: VirtualClock) -> SnapshotStore:
        """Return an empty store."""
        return MemorySnapshotStore(clock=clock)

    @pytest.fixture
    def live_store(self) -> SnapshotStore:
        """Return an empty store on the system's clock."""
        return MemorySnapshotStore()

    def test_shows_how_much_it_holds(self, store: SnapshotStore) -> None:
        """Shown in a notebook, the store says how many days it holds."""
        store_records(store, record())
        assert repr(store) == "<MemorySnapshotStore: 1 days>"


class TestPerDistrictFileSnapshotStore(SnapshotStoreContract, ConcurrentStoreContract):
    """The store in files."""

    @pytest.fixture
    def store(self, tmp_path: Path, clock: VirtualClock) -> SnapshotStore:
        """Return an empty store."""
        return PerDistrictFileSnapshotStore(tmp_path / "snapshots", clock=clock, files=UnsyncedFiles())

    @pytest.fixture
    def live_store(self, tmp_path: Path) -> SnapshotStore:
        """Return an empty store on the system's clock."""
        return PerDistrictFileSnapshotStore(tmp_path / "snapshots", files=UnsyncedFiles())


class TestWithoutExchangeAndLinks(SnapshotStoreContract, ConcurrentStoreContract):
    """The store in files, on a file system that can neither exchange directories nor link files."""

    @pytest.fixture
    def store(self, tmp_path: Path, clock: VirtualClock) -> SnapshotStore:
        """Return an empty store."""
        return PerDistrictFileSnapshotStore(tmp_path / "snapshots", clock=clock, files=PlainFiles())

    @pytest.fixture
    def live_store(self, tmp_path: Path) -> SnapshotStore:
        """Return an empty store on the system's clock."""
        return PerDistrictFileSnapshotStore(tmp_path / "snapshots", files=PlainFiles())
