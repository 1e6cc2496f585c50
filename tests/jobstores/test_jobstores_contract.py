"""Job stores keep the contract that is shipped for all of them: the one in memory, one that can do little, one that lasts."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.protocols import JobStore
from backfill.testing.contracts import JobStoreContract
from jobstores.sqlite_cases import store_elsewhere
from service_doubles import PlainJobs


class TestMemoryJobStore(JobStoreContract):
    """The job store in memory."""

    examples = 50

    def make_store(self, place: Path, /) -> JobStore:
        """Return an empty store."""
        return MemoryJobStore(clock=self.clock)

    def elsewhere(self, store: JobStore, /) -> JobStore:
        """Return the store: the life of a thread cannot be seen from any other."""
        return store


class TestSqliteJobStore(JobStoreContract):
    """The job store in a file."""

    durable, examples = True, 10

    def make_store(self, place: Path, /) -> JobStore:
        """Return a store."""
        return SqliteJobStore(place / "jobs.sqlite3", clock=self.clock)

    def elsewhere(self, store: JobStore, /) -> JobStore:
        """Return the store as a process on another machine has it."""
        assert isinstance(store, SqliteJobStore)
        return store_elsewhere(store._path, self.clock)


class TestPlainJobs(JobStoreContract):
    """A job store with the required methods only."""

    examples = 3

    def make_store(self, place: Path, /) -> JobStore:
        """Return an empty store."""
        return PlainJobs()


class Door(PlainJobs):
    """One of several ways to the same jobs, which are kept elsewhere. It can be closed, and the jobs stay."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        super().__init__()
        self.create, self.load, self.apply, self.list, self.delete = jobs.create, jobs.load, jobs.apply, jobs.list, jobs.delete
        self.events, self.errors, self.outcomes = jobs.events, jobs.errors, jobs.outcomes

    def close(self) -> None:
        """Do nothing."""


class TestJobsThatLast(JobStoreContract):
    """A job store whose jobs outlive it."""

    durable, examples = True, 5

    @cached_property
    def _jobs(self) -> dict[Path, MemoryJobStore]:
        return {}

    def make_store(self, place: Path, /) -> JobStore:
        """Return another way to the jobs of the folder."""
        return Door(self._jobs.setdefault(place, MemoryJobStore()))


class TestPlainJobsThatLast(TestJobsThatLast):
    """The same without events, errors and outcomes."""

    examples = 3

    def make_store(self, place: Path, /) -> JobStore:
        """Return another way to the jobs of the folder."""
        door = Door(self._jobs.setdefault(place, MemoryJobStore()))
        del door.events, door.errors, door.outcomes
        return door
