"""A small job on a root of its own, from a source that writes down what it is asked; and how such a root is looked after."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import NoReturn

from backfill import BackfillService, Job
from backfill.jobstores import SqliteJobStore
from backfill.model import BackfillReport, BackfillStatus, DayPublished, UnitState
from backfill.protocols import Fetch, JobStore
from backfill.stores import PerDistrictFileSnapshotStore, check
from backfill.stores._atomic import FileSystem
from backfill.testing.files import UnsyncedFiles
from service_doubles import NoDoor, ask, days

EXIT = 9
DAYS = 2
DISTRICTS = ("A", "B")
KEY = "the job"
PRELOADED = ["backfill", "backfill.jobstores.sqlite", "backfill.testing.files", "backfill.testing.jobs"]
"""What the fork server loads once for all its children: modules that are installed, since it does not know the tests' folder."""


class LoggedSource:
    """A source that appends a line to a file for each unit that it is asked for, over all processes."""

    name = "logged"

    def __init__(self, log: Path, before: Callable[[date, str], None] = lambda _day, _district: None) -> None:
        self._log = log
        self._before = before

    def collect_district(self, day: date, district: str, _fetch: Fetch, /) -> object:
        """Return a small payload."""
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{day} {district} {os.getpid()}\n".encode())
        os.close(descriptor)
        self._before(day, district)
        return {"day": day.isoformat(), "district": district}


def collected(root: Path) -> Counter[tuple[str, str]]:
    """Return how often each (day, district) was asked for on this root, by whichever process."""
    log = root / "collected"
    lines = log.read_text("ascii").splitlines() if log.exists() else []
    return Counter((line.split()[0], line.split()[1]) for line in lines)


def open_small(
    root: Path,
    *,
    files: FileSystem | None = None,
    jobs: JobStore | None = None,
    before: Callable[[date, str], None] = lambda _day, _district: None,
    lock_timeout: float = 30.0,
    made_by: type[BackfillService] = BackfillService,
) -> BackfillService:
    """Return a service on *root*; its job store is the caller's to close."""
    root.mkdir(exist_ok=True)
    store = PerDistrictFileSnapshotStore(root / "snapshots", files=files or UnsyncedFiles(), lock_timeout=lock_timeout)
    return made_by(
        LoggedSource(root / "collected", before), store, jobs=jobs or SqliteJobStore(root / "jobs.sqlite3"), fetch=NoDoor()
    )


def start_small(service: BackfillService, *, count: int = DAYS) -> Job:
    """Ask for the job, or for the one that was asked for before."""
    return service.initiate_backfill(ask(count, *DISTRICTS, concurrency=1), idempotency_key=KEY)


def run_small(service: BackfillService, *, count: int = DAYS) -> BackfillReport:
    """Ask for the job, or for the one that was asked for before, and wait until it rests."""
    return start_small(service, count=count).wait(60)


def go_on(root: Path, *, rested: bool = False) -> BackfillReport:
    """Open the root anew, finish what was interrupted, ask for the job again, and look whether everything is there, once."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, open_small(root, jobs=jobs) as service:
        for job in service.resume_jobs():
            job.wait(60)
        report = run_small(service)
        if report.status is BackfillStatus.PAUSED:
            assert service.resume_backfill(report.backfill_id)
            report = run_small(service)
    look_after(root, rested=rested)
    return report


def look_after(root: Path, *, count: int = DAYS, rested: bool = False) -> None:
    """See that the one job is complete, each day stored whole, published and noted once: in two parts at most, if the job rested."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs:
        (state,) = jobs.list()
        assert state.status is BackfillStatus.COMPLETE, state.status_reason
        assert state.counts[UnitState.COMPLETED] == state.total == count * len(DISTRICTS)
        noted = [event.change.day for event in jobs.events() if isinstance(event.change, DayPublished)]
        assert sorted(set(noted) if rested else noted) == list(days(count)), noted
    store = PerDistrictFileSnapshotStore(root / "snapshots")
    for day in days(count):
        snapshot = store.read(day)
        assert snapshot.districts == DISTRICTS
        for name in DISTRICTS:
            assert snapshot.district(name).data == {"day": day.isoformat(), "district": name}
        assert rested or len(snapshot.metadata.operations) == 1, "a day was published twice"
    assert list(store.days()) == list(days(count))
    assert not check(root / "snapshots", data=True).damaged_days


def end_process() -> NoReturn:
    """End this process, without a word."""
    os._exit(EXIT)
