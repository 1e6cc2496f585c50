"""Every way in which a day changes, each with the state before and after: what crashes and errors are tried in the middle of."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from backfill.protocols import SnapshotStore
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.stores._atomic import FileSystem
from backfill.testing import VirtualClock
from backfill.testing.files import CrashingFiles, PlainFiles, UnsyncedFiles
from backfill.testing.samples import DAY, contribution, failure, record, store_records


class WithoutLinks(UnsyncedFiles):
    """A file system that can exchange directories, but not link files."""

    link = PlainFiles.link


class WithoutExchange(UnsyncedFiles):
    """A file system that can link files, but not exchange directories: macOS, older kernels."""

    exchange = PlainFiles.exchange


KINDS: dict[str, type[FileSystem]] = {
    "exchange and links": UnsyncedFiles,
    "exchange": WithoutLinks,
    "links": WithoutExchange,
    "neither": PlainFiles,
}


def _nothing(_store: SnapshotStore) -> None:
    pass


def _store_a_day(store: SnapshotStore) -> None:
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61", "before"))
        draft.put(record("F", "before"))
        draft.put_summary("totals", "before", as_of=DAY)
        draft.commit(contribution(["61", "F"]))


def _replace_all(store: SnapshotStore) -> None:
    with store.begin(DAY, job_id="job-2") as draft:
        draft.put(record("61", "after"))
        draft.put(record("F", "after"))
        draft.put_summary("totals", "after", as_of=DAY)
        draft.commit(contribution(["61", "F"], job_id="job-2"))


def _replace_some(store: SnapshotStore) -> None:
    store_records(store, record("61", "after"), record("U", "after"), job_id="job-2")


def _note_failures(store: SnapshotStore) -> None:
    with store.begin(DAY, job_id="job-2") as draft:
        draft.commit(contribution(["U"], job_id="job-2", errors=[failure("U")]))


def _delete(store: SnapshotStore) -> None:
    store.delete(DAY)


def _abandon(store: SnapshotStore) -> None:
    with store.begin(DAY, job_id="job-2") as draft:
        draft.put(record("61", "after"))
        draft.put(record("61", "after all"))


@frozen
class DayChange:
    """One way in which a day changes.

    Attributes:
        before: Brings a store into the state before.
        change: Changes it.
    """

    before: Callable[[SnapshotStore], None]
    change: Callable[[SnapshotStore], None]


CHANGES = {
    "first time": DayChange(_nothing, _store_a_day),
    "replace all": DayChange(_store_a_day, _replace_all),
    "replace some": DayChange(_store_a_day, _replace_some),
    "failures only": DayChange(_store_a_day, _note_failures),
    "delete": DayChange(_store_a_day, _delete),
    "abandon": DayChange(_store_a_day, _abandon),
}


def open_store(root: Path, files: FileSystem | None = None) -> PerDistrictFileSnapshotStore:
    """Return a store on a clock that stands still, so that the same change gives the same state."""
    return PerDistrictFileSnapshotStore(root, clock=VirtualClock(), files=files or UnsyncedFiles())


def state_of(root: Path) -> object:
    """Return all that a newly opened store reads of the day; ``None`` = it is not stored."""
    store = open_store(root)
    if DAY not in store.days():
        return None
    snapshot = store.read(DAY)
    records = {district: snapshot.district(district) for district in snapshot.districts}
    return records, dict(store.entries(DAY)), snapshot.metadata, snapshot.summary("totals")


def states_around(name: str, kind: type[FileSystem] = UnsyncedFiles) -> tuple[object, object, CrashingFiles]:
    """Return the state before the change and after it, and the operations that it takes."""
    counting = CrashingFiles(kind())
    with TemporaryDirectory() as folder:
        root = Path(folder)
        CHANGES[name].before(open_store(root))
        before = state_of(root)
        CHANGES[name].change(open_store(root, counting))
        return before, state_of(root), counting


def records_of(state: object) -> object:
    """Return the records of a state: not the entries and metadata, which name each attempt."""
    return state[0] if isinstance(state, tuple) else state


def full_disk() -> OSError:
    """Return what a full disk says."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
