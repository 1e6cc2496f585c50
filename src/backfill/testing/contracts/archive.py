"""The contract of raw archives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backfill.fetching.reuse import Archive
from backfill.testing.contracts._archive_choosing import ChoosingContract
from backfill.testing.contracts._archive_keeping import KeepingContract
from backfill.testing.contracts._archive_sharing import SharingContract
from backfill.testing.contracts._given import refuse_no_factory
from backfill.testing.contracts._suite import ContractReport, prove


class RawArchiveContract(KeepingContract, ChoosingContract, SharingContract):
    """Everything that a raw archive must do, seen through the protocol only.

    .. code-block:: python

        class TestMyArchive(RawArchiveContract):
            durable = portable = True

            def make_archive(self, place):
                return MyArchive(place)
    """


def check_raw_archive(
    make_archive: Callable[[Path], Archive], /, *, durable: bool = False, portable: bool = False
) -> ContractReport:
    """Run the contract of raw archives, without any test framework.

    Args:
        make_archive: Returns an empty archive; it is given an empty folder, and called with the same again where it is *durable*.
        durable: Whether an archive over the same folder holds what a former one kept.
        portable: Whether it can be pickled.

    Raises:
        InvalidRequest: *make_archive* is no factory.
        ExceptionGroup: Tests failed: what each of them raised, with a note that names it.
    """
    refuse_no_factory("make_archive", make_archive, Path(), write="check_raw_archive(lambda place: MyArchive(place))")
    hooks = {"make_archive": staticmethod(make_archive), "durable": durable, "portable": portable}
    return prove(type("Checked", (RawArchiveContract,), hooks))
