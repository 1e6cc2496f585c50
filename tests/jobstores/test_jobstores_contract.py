"""The job store in memory keeps the contract that is shipped for all job stores."""

from __future__ import annotations

from pathlib import Path

from backfill.jobstores import MemoryJobStore
from backfill.protocols import JobStore
from backfill.testing.contracts import JobStoreContract


class TestMemoryJobStore(JobStoreContract):
    """The job store in memory."""

    examples = 50

    def make_store(self, place: Path, /) -> JobStore:
        """Return an empty store."""
        return MemoryJobStore()
