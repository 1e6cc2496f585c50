"""The contract of job stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backfill.protocols import JobStore
from backfill.testing.contracts._given import refuse_no_factory
from backfill.testing.contracts._job_asking import AskingContract
from backfill.testing.contracts._job_keeping import KeepingContract
from backfill.testing.contracts._job_owning import OwningContract
from backfill.testing.contracts._job_sharing import SharedJobsContract
from backfill.testing.contracts._job_telling import TellingContract
from backfill.testing.contracts._suite import ContractReport, prove


class JobStoreContract(KeepingContract, SharedJobsContract, TellingContract, OwningContract, AskingContract):
    """Everything that a job store must do, and what it may be able to do besides.

    .. code-block:: python

        class TestMyJobStore(JobStoreContract):
            durable = True

            def make_store(self, place):
                return MyJobStore(place / "jobs.db")
    """


def check_job_store(make_store: Callable[[Path], JobStore], /, *, durable: bool = False) -> ContractReport:
    """Run the contract of job stores, without any test framework.

    Args:
        make_store: Returns an empty store; it is given an empty folder, and called with the same again where the store is *durable*.
        durable: Whether a store over the same folder has the jobs of a former one.

    Raises:
        InvalidRequest: *make_store* is no factory.
        ExceptionGroup: Tests failed: what each of them raised, with a note that names it.
    """
    refuse_no_factory("make_store", make_store, Path(), write="check_job_store(lambda place: MyJobStore(place))")
    return prove(type("Checked", (JobStoreContract,), {"make_store": staticmethod(make_store), "durable": durable}))
