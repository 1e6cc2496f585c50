"""What the processes of the tests of stores run."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.files import CrashingFiles
from backfill.testing.samples import contribution, record, store_records
from stores.store_changes import CHANGES, KINDS, open_store

PRELOADED = [
    "backfill.stores.per_district_file",
    "backfill.testing.files",
    "backfill.testing.samples",
    "multiprocessing.connection",
]
"""What the fork server loads once for all its children: modules that are installed, since it does not know the tests' folder."""

DISTRICTS = tuple(f"{number:02d}" for number in range(6))
EXIT = 9


def commit_own_districts(root: Path, worker: int, turns: int) -> None:
    """Commit one district of its own after the other to the one day that all workers share."""
    store = PerDistrictFileSnapshotStore(root)
    for turn in range(turns):
        store_records(store, record(f"{worker}-{turn}", turn), job_id=f"job-{worker}")


def rewrite_for_ever(root: Path, kind: str, first: int, reports: Connection) -> None:
    """Replace all districts of a day by the next number, and report each number once it is committed."""
    store = PerDistrictFileSnapshotStore(root, files=KINDS[kind]())
    turn = first
    while True:
        with store.begin(record().day, job_id=f"job-{turn}") as draft:
            for name in DISTRICTS:
                draft.put(record(name, turn))
            draft.commit(contribution(DISTRICTS, job_id=f"job-{turn}"))
        reports.send(turn)
        turn += 1


def change_and_exit(root: Path, name: str, kind: str, at: int, torn: float | None) -> None:
    """Bring a store into the state before a change, and end in the middle of it."""
    CHANGES[name].before(open_store(root))
    CHANGES[name].change(open_store(root, CrashingFiles(KINDS[kind](), at, _end, torn=torn)))


def _end() -> NoReturn:
    os._exit(EXIT)
