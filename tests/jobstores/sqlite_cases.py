"""Job stores in files, as the tests of this folder need them."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from backfill.jobstores import SqliteJobStore
from backfill.jobstores._owners import OwnerLocks
from backfill.protocols import Clock

_numbers = count()


def store_elsewhere(path: Path, clock: Clock | None = None) -> SqliteJobStore:
    """Return a store on the same file as a process has it that runs on another machine: neither sees the other's locks."""
    store = SqliteJobStore(path, clock=clock)
    number = next(_numbers)
    store._owners.machine = f"machine {number}"
    store._owners.locks = OwnerLocks(path.with_name(f"{path.name}-locks-of-machine-{number}"))
    return store
