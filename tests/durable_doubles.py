"""Doubles and short cuts for the tests of jobs that last: several services over one job store, as several processes would have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import ClassVar, cast

import pytest

from backfill import BackfillService, Job
from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.model import BackfillReport, JobEvent, StatusChanged, UnitsSettled, UnitState
from backfill.protocols import DataSource, JobStore, ScopeResolver, SnapshotStore
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.jobs import CapableJobStore
from backfill.testing.source import ScriptedSource
from service_doubles import PATIENCE, NoDoor, adds_up

KINDS = ("memory", "sqlite")
"""The job stores of this library."""

each_kind = pytest.mark.parametrize("kind", KINDS)


class Quick(BackfillService):
    """A service whose heart beats often, so that no test waits for it."""

    _heartbeat_seconds: ClassVar[float] = 0.005


class Still(BackfillService):
    """A service whose heart does not beat within any test: what others ask for it learns at the end only, or never."""

    _heartbeat_seconds: ClassVar[float] = 3600.0


class House:
    """One job store and one snapshot store that several services share, on one virtual clock.

    In a file each service has a job store of its own, as in a process of its own. In memory they share the one.

    Args:
        kind: Which job store.
        folder: Where its file is.
        store: The snapshot store; ``None`` = one in memory.
    """

    def __init__(self, kind: str, folder: Path, store: SnapshotStore | None = None) -> None:
        self.clock = VirtualClock()
        self.store = store or MemorySnapshotStore(clock=self.clock)
        self._path = folder / "jobs.sqlite3"
        self._memory = MemoryJobStore(clock=self.clock) if kind == "memory" else None
        self._services: list[BackfillService] = []
        self._files: dict[BackfillService, SqliteJobStore] = {}

    def jobs(self) -> MemoryJobStore | SqliteJobStore:
        """Return a job store, as a further process would have it."""
        return self._memory or SqliteJobStore(self._path, clock=self.clock)

    def capable_jobs(self) -> CapableJobStore:
        """Return such a job store, to be put into a double; the one in memory does not say whether it outlives its process."""
        return cast(CapableJobStore, self.jobs())

    def open(
        self,
        source: DataSource | None = None,
        made_by: type[BackfillService] = Quick,
        *,
        jobs: JobStore | None = None,
        scope: ScopeResolver | None = None,
        max_active_jobs: int = 1,
    ) -> BackfillService:
        """Return a service of a process of its own."""
        jobs = jobs or self.jobs()
        service = made_by(
            source or ScriptedSource(),
            self.store,
            scope,
            jobs=jobs,
            fetch=NoDoor(),
            clock=self.clock,
            max_active_jobs=max_active_jobs,
        )
        self._services.append(service)
        if isinstance(jobs, SqliteJobStore):
            self._files[service] = jobs
        return service

    def lose(self, service: BackfillService) -> None:
        """Have whatever *service* owns be free for others, as if its process had hung, or its machine had been cut off."""
        self.clock.advance(60)
        if service in self._files:
            self._files[service].close()

    def close(self) -> None:
        """Close every service."""
        for service in self._services:
            service.close(timeout=PATIENCE)
        for file in self._files.values():
            file.close()


@contextmanager
def housing(kind: str, folder: Path, store: SnapshotStore | None = None) -> Iterator[House]:
    """Hand out a house, and close its services afterwards whatever happens."""
    house = House(kind, folder, store)
    try:
        yield house
    finally:
        house.close()


def asked(source: ScriptedSource) -> Counter[tuple[date, str]]:
    """Return how often each (day, district) was collected by a call of its own."""
    return Counter((on, districts[0]) for method, on, districts in source.calls if method == "collect_district")


def rest(job: Job) -> BackfillReport:
    """Return the report with which *job* comes to rest, after looking whether it adds up."""
    report = job.wait(PATIENCE)
    assert adds_up(report)
    return report


def statuses(job: Job) -> list[str]:
    """Return the states that *job* went through, in order."""
    return [str(event.change.status) for event in job.events() if isinstance(event.change, StatusChanged)]


def settled(events: list[JobEvent]) -> Counter[tuple[date, str | None]]:
    """Return how often each unit was noted as completed."""
    return Counter(
        (event.change.day, district)
        for event in events
        if isinstance(event.change, UnitsSettled)
        for district, state in event.change.states.items()
        if state is UnitState.COMPLETED
    )
