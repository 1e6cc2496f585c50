"""The process ends at each operation of each change in turn, enumerated and not sampled: the day is the old one or the new one."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from backfill.errors import StoreUnavailable
from backfill.stores import check, repair
from backfill.testing import VirtualClock
from backfill.testing.doubles import Operation
from backfill.testing.files import Crash, CrashingFiles
from backfill.testing.samples import DAY, record, store_records
from stores.store_changes import CHANGES, KINDS, full_disk, open_store, records_of, state_of, states_around
from stores.store_workers import EXIT, PRELOADED, change_and_exit

HOUSE = {".index", ".locks", ".retired", ".staging"}

SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("exchange", "links")]

every_change = pytest.mark.parametrize("name", CHANGES)
every_kind = pytest.mark.parametrize("kind", ["exchange and links", "neither", *SLOW])

Point = tuple[int, float | None]
"""The number of an operation, and how much of a file it leaves."""


@pytest.fixture(autouse=True)
def quick_collections() -> Iterator[None]:
    """Let the many collections of garbage below look at what these tests make, and not at all that pytest has loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def points_of(log: list[Operation]) -> Iterator[Point]:
    """Iterate over the crash points: before each operation; where one writes a file, also with the file empty and half written."""
    for at, (operation, _arguments) in enumerate(log):
        yield at, None
        if operation in {"create", "overwrite"}:
            yield at, 0.0
            yield at, 0.5


def look_after_a_crash(root: Path, before: object, after: object, point: object) -> None:
    """See that one of the two states is there whole, and that nothing else is once the left-overs were swept."""
    found = state_of(root)
    assert found in (before, after), point
    repair(root, clock=VirtualClock())
    assert state_of(root) == found, point
    report = check(root, data=True, clock=VirtualClock())
    assert report.ok, (point, str(report))
    assert {path.name for path in root.iterdir()} <= {"2024-01-31", *HOUSE}, point
    assert not [*(root / ".staging").glob("*")], point


def let_another_go_on(root: Path, name: str, after: object, point: object) -> None:
    """See that the next writer makes the same change, and tidies up, without anybody's help."""
    again = open_store(root)
    CHANGES[name].change(again)
    other_day = DAY.replace(day=30)
    store_records(again, record(day=other_day), day=other_day)  # a deletion sweeps nothing, the next draft does
    assert records_of(state_of(root)) == records_of(after), point
    assert not [*(root / ".staging").iterdir()], point
    assert not [*root.glob(".old-*")], point


@every_change
@every_kind
def test_a_crash_at_every_operation_leaves_one_state(tmp_path: Path, name: str, kind: str) -> None:
    """Wherever a change ends, the day is what it was or what it became, whole, and what is left over is swept. [B2]"""
    before, after, counting = states_around(name, KINDS[kind])
    points = list(points_of(counting.log))
    (tmp_path / "before").mkdir()
    CHANGES[name].before(open_store(tmp_path / "before"))
    for number, (at, torn) in enumerate(points):
        root = shutil.copytree(tmp_path / "before", tmp_path / str(number))
        with pytest.raises(Crash) if torn is None else suppress(Crash):  # a write may be torn and go on
            CHANGES[name].change(open_store(root, CrashingFiles(KINDS[kind](), at, torn=torn)))
        gc.collect()  # lets go of the locks, as the system does when a process ends
        copy = shutil.copytree(root, tmp_path / f"{number}-again")
        look_after_a_crash(root, before, after, (at, torn, counting.log[at]))
        let_another_go_on(copy, name, after, (at, torn, counting.log[at]))
    sys.stdout.write(f"{name}, {kind}: {len(points)} crash points\n")
    assert len(points) == len({*points}) > 5


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=[] if (name, kind) == ("replace some", "exchange and links") else [pytest.mark.slow])
        for name in CHANGES
        for kind in ("exchange and links", "neither")
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server")
def test_a_process_that_ends_at_every_operation_leaves_one_state(tmp_path: Path, name: str, kind: str) -> None:
    """The same with processes that really end, without a word, at each operation in turn. [B2]"""
    before, after, counting = states_around(name, KINDS[kind])
    context = multiprocessing.get_context("forkserver")  # a child in a few milliseconds, without this process's threads
    context.set_forkserver_preload(PRELOADED)
    points = list(points_of(counting.log))
    for number, (at, torn) in enumerate(points):
        root = tmp_path / str(number)
        root.mkdir()
        child = context.Process(target=change_and_exit, args=(root, name, kind, at, torn))
        child.start()
        child.join(30)
        assert child.exitcode == EXIT, (at, counting.log[at])
        look_after_a_crash(root, before, after, (at, torn, counting.log[at]))
    sys.stdout.write(f"{name}, {kind}: {len(points)} processes ended\n")


@every_change
@every_kind
def test_an_error_at_every_operation_leaves_one_state(name: str, kind: str) -> None:
    """Whichever operation finds the disk full, it is told as that or did not matter, and the same store goes on. [B2, P6]"""
    before, after, counting = states_around(name, KINDS[kind])
    for at, (operation, arguments) in enumerate(counting.log):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            CHANGES[name].before(open_store(root))
            store = open_store(root, CrashingFiles(KINDS[kind](), at, full_disk, forever=False))
            try:
                CHANGES[name].change(store)
            except StoreUnavailable as error:
                told = str(error)
                assert "No space left on device" in told, (at, operation, arguments)
                assert "free some space" in told, (at, operation, arguments)
                assert state_of(root) in (before, after), (at, operation, arguments)
            else:
                assert state_of(root) == after, (at, operation, arguments)
            CHANGES[name].change(store)
            assert records_of(state_of(root)) == records_of(after), (at, operation, arguments)
            assert not (root / ".old-2024-01-31").exists()


def test_full_disks_are_told_and_not_swallowed() -> None:
    """Of the operations of publishing a day most matter: a full disk at one of them is told. [B2, P6]"""
    _before, _after, counting = states_around("replace some")
    told = 0
    for at in range(len(counting.log)):
        with tempfile.TemporaryDirectory() as folder:
            CHANGES["replace some"].before(open_store(Path(folder)))
            store = open_store(Path(folder), CrashingFiles(at=at, go_wrong=full_disk, forever=False))
            try:
                CHANGES["replace some"].change(store)
            except StoreUnavailable:  # counted: most are told so, the others did without what failed
                told += 1
    assert told > len(counting.log) / 2


def test_every_operation_of_a_file_system_is_a_crash_point() -> None:
    """Among the points are all operations that change anything: none of the seam is left out. [B2]"""
    seen = set()
    for name in CHANGES:
        for kind in KINDS.values():
            _before, _after, counting = states_around(name, kind)
            seen |= {operation for operation, _arguments in counting.log}
    assert seen == {
        "read", "names", "make_directory", "create", "overwrite", "link", "rename", "exchange", "sync_directory", "unlink",
        "remove_directory",
    }  # fmt: skip


def test_where_the_process_ends_is_told() -> None:
    """A file is left torn at the crash point alone, and the process ends with the number that is given. [B2]"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        crashing = CrashingFiles(at=1, torn=0.5)
        crashing.create(Path(folder) / "other", b"12345678")
        with pytest.raises(Crash):
            crashing.create(path, b"12345678")
        assert path.read_bytes() == b"1234"
        with pytest.raises(Crash):
            crashing.create(Path(folder) / "third", b"1")
        assert sorted(os.listdir(folder)) == ["file", "other"]  # noqa: PTH208 - names are what is wanted
