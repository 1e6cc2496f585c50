"""Both job stores keep the contract that is shipped for all job stores."""

from __future__ import annotations

from pathlib import Path

from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.protocols import JobStore
from backfill.testing.contracts import JobStoreContract


class TestMemoryJobStore(JobStoreContract):
    """The job store in memory."""

    examples = 50

    def make_store(self, place: Path, /) -> JobStore:
        """Return an empty store."""
        return MemoryJobStore()


class TestSqliteJobStore(JobStoreContract):
    """The job store in a file."""

    durable = True
    examples = 10  # each change is synced; test_jobstores_sqlite.py compares the two stores more thoroughly, in memory

    def make_store(self, place: Path, /) -> JobStore:
        """Return a store on the folder's file."""
        return SqliteJobStore(place / "jobs.sqlite3")
