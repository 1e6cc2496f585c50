"""Contracts as suites of tests: subclass one, say how the adapter is made, and have it tested as the built-in ones are.

.. code-block:: python

    class TestMyStore(SnapshotStoreContract):
        def make_store(self, place):
            return MyStore(place)

Run them with pytest, with ``unittest`` (add ``unittest.TestCase`` to the bases), or with neither: ``run_contract(TestMyStore)``
returns a report, and each ``check_…`` function does the same for a function that makes the adapter. They need no test framework;
only the tests that try any order of calls need hypothesis, and are skipped without it.
"""

from backfill.testing.contracts._suite import Contract, ContractReport, Result, list_tests, run_contract
from backfill.testing.contracts.archive import RawArchiveContract, check_raw_archive
from backfill.testing.contracts.fetch import FetchContract, HttpFetchContract, check_fetch, check_http_fetch
from backfill.testing.contracts.jobstore import JobStoreContract, check_job_store
from backfill.testing.contracts.scope import ScopeContract, check_scope
from backfill.testing.contracts.source import DataSourceContract, check_source
from backfill.testing.contracts.store import SnapshotStoreContract, check_snapshot_store

__all__ = [
    "Contract",
    "ContractReport",
    "DataSourceContract",
    "FetchContract",
    "HttpFetchContract",
    "JobStoreContract",
    "RawArchiveContract",
    "Result",
    "ScopeContract",
    "SnapshotStoreContract",
    "check_fetch",
    "check_http_fetch",
    "check_job_store",
    "check_raw_archive",
    "check_scope",
    "check_snapshot_store",
    "check_source",
    "list_tests",
    "run_contract",
]
