"""What the processes of the tests of stores run."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from backfill.stores import PerDistrictFileSnapshotStore
from stores.store_cases import contribution, record, store_records

DISTRICTS = tuple(f"{number:02d}" for number in range(6))


def commit_own_districts(root: Path, worker: int, turns: int) -> None:
    """Commit one district of its own after the other to the one day that all workers share."""
    store = PerDistrictFileSnapshotStore(root)
    for turn in range(turns):
        store_records(store, record(f"{worker}-{turn}", turn), job_id=f"job-{worker}")


def rewrite_for_ever(root: Path, first: int, reports: Connection) -> None:
    """Replace all districts of a day by the next number, and report each number once it is committed."""
    store = PerDistrictFileSnapshotStore(root)
    turn = first
    while True:
        with store.begin(record().day, job_id=f"job-{turn}") as draft:
            for name in DISTRICTS:
                draft.put(record(name, turn))
            draft.commit(contribution(DISTRICTS, job_id=f"job-{turn}"))
        reports.send(turn)
        turn += 1
