"""What the processes of the tests of job stores run."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from backfill.errors import LeaseLost
from backfill.jobstores import SqliteJobStore
from backfill.model import BackfillStatus, DayPublished, Finding, Found, StatusChanged, UnitsSettled, UnitState
from plain_samples import DAY, NOW, make_spec

UNITS = 500
NAMES = tuple(str(number) for number in range(UNITS))


def write_for_ever(path: Path, turn: int, reports: Connection) -> None:
    """Create a job and settle its units, one change after the other; report each once it is noted."""
    store = SqliteJobStore(path)
    job = f"turn-{turn}"
    store.create(make_spec(job, rows=[(DAY, NAMES)]), idempotency_key=job)
    lease = store.acquire(job, "killed", ttl=3600)
    assert lease is not None
    store.apply(job, [StatusChanged(BackfillStatus.PROCESSING, NOW)], at=NOW, epoch=lease.epoch)
    reports.send(-1)
    for number, name in enumerate(NAMES):
        settled = UnitsSettled(DAY, {name: UnitState.COMPLETED})
        store.apply(job, [settled, Found(Finding("unit", name))], at=NOW, epoch=lease.epoch)
        reports.send(number)
    threading.Event().wait()  # it is to be killed, however long that takes


def work_on_jobs(path: Path, worker: int, jobs: int, begin: Barrier) -> None:
    """Create jobs, settle their units, look at all, and share one job with the other workers."""
    store = SqliteJobStore(path)
    begin.wait(60)
    for number in range(jobs):
        name = f"{worker}-{number}"
        store.create(make_spec(name))
        for district in ("61", "F"):
            store.apply(name, [UnitsSettled(DAY, {district: UnitState.COMPLETED})], at=NOW)
        store.apply("shared", [Found(Finding("from", name))], at=NOW)
        assert store.load(name).counts[UnitState.COMPLETED] == 2
        assert any(state.spec.job_id == name for state in store.list(limit=1000))
    store.close()


def create_same(path: Path, worker: int, begin: Barrier, answers: Connection) -> None:
    """Create a job with a name and a key that the others use as well; report what came of it."""
    store = SqliteJobStore(path)
    begin.wait(60)
    try:
        store.create(make_spec("same"))
        created = True
    except ValueError:  # another process was first
        created = False
    answers.send((created, store.create(make_spec(f"keyed-{worker}"), idempotency_key="key").job_id))
    store.close()


def race_for(path: Path, worker: int, rounds: int, begin: Barrier, answers: Connection) -> None:
    """Try to acquire one job after the other at the same moment as the others; report the numbers of those that were had."""
    store = SqliteJobStore(path)
    won: list[int] = []
    for number in range(rounds):
        begin.wait(60)
        found = f"job-{number}" in store.abandoned(NOW)
        if store.acquire(f"job-{number}", str(worker), ttl=3600) is not None:
            assert found
            won.append(number)
    answers.send(won)
    begin.wait(60)  # whoever ends lets go of its jobs


def own(path: Path, reports: Connection, orders: Connection) -> None:
    """Acquire a job, report the lease, and note a publication for each order until one is refused."""
    store = SqliteJobStore(path)
    lease = store.acquire("j1", "owner", ttl=3600)
    reports.send(lease)
    while lease is not None:
        orders.recv()
        try:
            store.apply("j1", [DayPublished(DAY, is_partial=False, at=NOW)], at=NOW, epoch=lease.epoch)
        except LeaseLost as error:
            reports.send(error)
            return
        reports.send("noted")
