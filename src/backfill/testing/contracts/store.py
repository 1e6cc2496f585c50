"""The contract of snapshot stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backfill.protocols import SnapshotStore
from backfill.testing.contracts._given import refuse_no_factory
from backfill.testing.contracts._store_drafts import DraftsContract
from backfill.testing.contracts._store_merging import MergingContract
from backfill.testing.contracts._store_metadata import MetadataContract
from backfill.testing.contracts._store_reading import ReadingContract
from backfill.testing.contracts._store_sharing import SharingContract
from backfill.testing.contracts._suite import ContractReport, prove


class SnapshotStoreContract(ReadingContract, MetadataContract, DraftsContract, MergingContract, SharingContract):
    """Everything that a snapshot store must do, seen through the protocol only.

    .. code-block:: python

        class TestMyStore(SnapshotStoreContract):
            durable = True

            def make_store(self, place):
                return MyStore(place, clock=self.clock)
    """


def check_snapshot_store(make_store: Callable[[Path], SnapshotStore], /, *, durable: bool = False) -> ContractReport:
    """Run the contract of snapshot stores, without any test framework.

    Args:
        make_store: Returns an empty store; it is given an empty folder, and called with the same again where the store is *durable*.
        durable: Whether a store over the same folder holds what a former one stored.

    Raises:
        InvalidRequest: *make_store* is no factory.
        ExceptionGroup: Tests failed: what each of them raised, with a note that names it.
    """
    refuse_no_factory("make_store", make_store, Path(), write="check_snapshot_store(lambda place: MyStore(place))")
    return prove(type("Checked", (SnapshotStoreContract,), {"make_store": staticmethod(make_store), "durable": durable}))
