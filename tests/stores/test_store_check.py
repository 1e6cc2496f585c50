"""Looking over a root that was damaged in many ways, and putting right what a writer left in the middle."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from backfill.errors import InvalidRequest, StoreError, StoreUnavailable
from backfill.stores import CheckReport, PerDistrictFileSnapshotStore, Problem, RepairReport, check, repair
from backfill.stores import _check_day as check_day
from backfill.stores import _probing as probing
from backfill.stores._atomic import FileSystem
from backfill.stores._index import EntryIndex
from backfill.stores._layout import Layout
from backfill.stores._manifest import Manifest
from backfill.testing import VirtualClock
from backfill.testing.files import UnsyncedFiles
from backfill.testing.samples import DAY, contribution, failure, record, store_records
from stores.store_damages import DAMAGED, DAMAGES, INTERRUPTED, OTHER, UNKNOWN, flip, leave_a_draft, manifest_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a store with two days, one of them partial, one stored twice."""
    root = tmp_path / "snapshots"
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    for turn in ("first", "second"):
        with store.begin(DAY, job_id=turn) as draft:
            draft.put(record("61", turn))
            draft.put(record("F"))
            draft.put_summary("totals", {"turn": turn}, as_of=DAY)
            draft.commit(contribution(["61", "F", "U"], job_id=turn, errors=[failure("U")]))
    store_records(store, record("61", day=OTHER), day=OTHER)
    return root


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """Return everything below *root* with its content and times, those of reading left out."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [root, *root.rglob("*")]:
        facts = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = (
            facts.st_mode,
            facts.st_ino,
            facts.st_mtime_ns,
            facts.st_ctime_ns,
            facts.st_size,
            content,
        )
    return found


def test_a_root_in_order_has_no_problems(root: Path) -> None:
    """A store as its writers leave it is in order, partial days and former states included; the counts say what was looked at. [B2]"""
    report = check(root)
    assert report == CheckReport(str(root), days=2, files=8, hashed=0, problems=())
    assert report.ok
    assert str(report) == f"{root}: 2 days, 8 files, 0 of them read: nothing wrong"
    assert check(str(root), data=True) == CheckReport(str(root), days=2, files=8, hashed=4, problems=())
    assert list((root / ".retired").iterdir())


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_told_by_path_rule_and_remedy(root: Path, name: str) -> None:
    """Each kind of damage is found, named by its path, with what should be and what to do. [B3, R6.4]"""
    damage = DAMAGES[name]
    damage.do(root)
    before = tree(root)
    report = check(root, data=damage.data)
    assert tree(root) == before
    (problem,) = [one for one in report.problems if one.path == damage.path]
    assert problem.kind is damage.kind
    assert damage.rule in problem.rule
    assert problem.remedy
    assert str(problem) == f"{problem.kind}: {problem.path}: {problem.rule}; {problem.remedy}"
    assert str(problem) in str(report)
    assert not report.ok
    others = [one for one in report.problems if one is not problem]
    assert all(one.path == ".index/2024-02-29.json" for one in others), others  # the index of a day that was moved away
    if damage.data:
        assert check(root).ok


@pytest.mark.parametrize("name", DAMAGES)
def test_only_what_was_interrupted_is_repaired(root: Path, name: str) -> None:
    """What a writer left in the middle is put right; whatever else is wrong stays exactly as it is. [B2]"""
    damage = DAMAGES[name]
    damage.do(root)
    damaged = {path: facts for path, facts in tree(root).items() if not path.startswith(".")}
    done = repair(root)
    after = check(root, data=damage.data)
    if damage.repaired:
        assert after.ok, str(after)
        assert done.changed_anything
    else:
        assert [one.path for one in after.problems] == [damage.path]
        assert not done.changed_anything
        assert {path: facts for path, facts in tree(root).items() if not path.startswith(".")} == damaged


def test_repair_says_what_it_did(root: Path) -> None:
    """The report of a repair names the days and the left-overs, and is short when there was nothing to do. [R6.4]"""
    assert repair(root) == RepairReport(str(root))
    assert str(repair(root)) == f"{root}: nothing to repair"
    (root / "2024-02-29").rename(root / ".old-2024-02-29")
    shutil.copytree(root / "2024-01-31", root / ".old-2024-01-31")
    leave_a_draft(root)
    (root / ".index/notes").touch()
    done = repair(root)
    assert (done.rolled_back, done.rolled_forward) == ((OTHER,), (DAY,))
    assert done.removed == (".staging/0123456789abcdef", ".index/notes")
    assert str(done) == f"{root}: 1 days rolled back, 1 forward, 2 left-overs removed"
    store = PerDistrictFileSnapshotStore(root)
    assert [store.read(day).district("61").data for day in store.days()] == ["second", "figures"]


def test_former_states_are_kept_for_a_minute(root: Path) -> None:
    """A former state that a reader may still hold is no problem, and is not removed before its time. [B2]"""
    clock = VirtualClock()
    (root / ".retired").rename(root / ".former")
    store = PerDistrictFileSnapshotStore(root, clock=clock)
    store_records(store, record("61", "third"), job_id="third")
    shutil.rmtree(root / ".former")
    assert not repair(root, clock=clock).changed_anything
    clock.advance(61)
    assert check(root, clock=clock).ok
    (gone,) = repair(root, clock=clock).removed
    assert gone.startswith(".retired/2024-01-31~")


def test_problems_come_by_path_and_kind(root: Path) -> None:
    """Several problems are all told, in the order of their paths, and can be taken by kind; damaged days can be collected again. [B5]"""
    for name in ("file cut", "unknown file", "dead draft", "metadata lost", "stray file in the index"):
        DAMAGES[name].do(root)
    (root / "2024-02-29" / "district_61.json").unlink()
    report = check(root)
    assert [one.path for one in report.problems] == [
        ".index/notes",
        ".staging/0123456789abcdef",
        "2024-01-31/district_61.json",
        "2024-01-31/metadata.json",
        "2024-01-31/notes.txt",
        "2024-02-29/district_61.json",
    ]
    assert report.damaged_days == (DAY, OTHER)
    assert [one.path for one in report.of(UNKNOWN)] == ["2024-01-31/notes.txt"]
    assert str(report).startswith(f"{root}: 2 days, 8 files, 0 of them read: 3 damaged, 2 left-over, 1 unknown\n")
    assert report.problems[2] == Problem(
        DAMAGED, "2024-01-31/district_61.json", report.problems[2].rule, report.problems[2].remedy, DAY
    )


# --- reading the content --------------------------------------------------------------------------------------------------


def test_a_sample_is_a_share_and_the_same_each_time(tmp_path: Path) -> None:
    """A sample reads about that share of the files, the same each time, and more of them when it is larger. [B3]"""
    store = PerDistrictFileSnapshotStore(tmp_path, files=UnsyncedFiles())
    names = [f"{number:03d}" for number in range(200)]
    store_records(store, *(record(name) for name in names))
    read_of = {share: check(tmp_path, sample=share).hashed for share in (0, 0.1, 0.5, 1)}
    assert (read_of[0], read_of[1]) == (0, 200)
    assert 8 <= read_of[0.1] <= 35
    assert 75 <= read_of[0.5] <= 125
    for name in names:
        flip(tmp_path / str(DAY) / f"district_{name}.json")
    small, large = ({one.path for one in check(tmp_path, sample=share).problems} for share in (0.1, 0.5))
    assert small < large
    assert len(small) == read_of[0.1]
    assert {one.path for one in check(tmp_path, sample=0.1).problems} == small
    assert check(tmp_path, data=True, sample=0.1).hashed == read_of[0.1]


@pytest.mark.parametrize("sample", [-0.1, 1.5, float("nan"), True, "10 %"])
def test_a_sample_that_is_no_share_is_refused(root: Path, sample: object) -> None:
    """What is no number from 0 to 1 is refused by name."""
    with pytest.raises(InvalidRequest, match="a share is a number from 0 to 1"):
        check(root, sample=sample)  # type: ignore[arg-type] # that is what is tested


# --- roots that are none --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [check, repair])
def test_a_root_that_is_none_is_refused(tmp_path: Path, call: Callable[[Path], object]) -> None:
    """A root that does not exist, or is a file, is most likely a slip, and refused with what to name. [R6.4]"""
    (tmp_path / "file").touch()
    for name in ("nothing", "file"):
        with pytest.raises(StoreUnavailable, match="name the root of a store"):
            call(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"file"}


def test_the_folder_above_a_store_is_told_where_the_store_is(root: Path) -> None:
    """Who names the folder that the store is in is not told to move the days away. [B2, R10.5]"""
    (problem,) = check(root.parent).of(UNKNOWN)
    assert (problem.path, problem.remedy) == (root.name, f"it holds days, so it may be the root of a store: check {root}")


def test_an_empty_root_is_in_order(tmp_path: Path) -> None:
    """A directory without anything in it is an empty store, for both. [B2]"""
    assert check(tmp_path).ok
    assert not list(tmp_path.iterdir())
    assert not repair(tmp_path).changed_anything


def test_what_cannot_be_read_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that cannot be read is an error of the store, not a damaged file. [R6.4]"""

    def fail(files: FileSystem, path: Path) -> bytes:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(FileSystem, "read", fail)
    with pytest.raises(StoreError, match="Input/output error while looking over the store"):
        check(root)


# --- beside writers -------------------------------------------------------------------------------------------------------


def test_what_living_writers_do_is_no_problem(root: Path) -> None:
    """A draft in the making, and a day whose writer holds its lock, are nobody's left-overs, for check and for repair. [B2, R11.2]"""
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("U"))
        (root / "2024-02-29").rename(root / ".old-2024-02-29")
        (root / ".index/2024-02-29.json").unlink()
        with FileLock(root / ".locks/2024-02-29.lock"):
            before = tree(root)
            assert check(root).ok
            assert tree(root) == before
            assert not repair(root).changed_anything
        assert [one.kind for one in check(root).problems] == [INTERRUPTED]
        info = draft.commit(contribution(["U"]))
    assert info is not None
    assert repair(root).rolled_back == (OTHER,)


def test_staging_that_is_locked_for_long_is_not_judged(root: Path) -> None:
    """Where a writer keeps the staging area to itself for longer than a second, drafts are not looked at. [B2]"""
    leave_a_draft(root)
    clock = VirtualClock()
    with FileLock(root / ".locks/staging.lock"):
        assert check(root, clock=clock).ok
    assert 1 <= clock.monotonic() < 1.1
    assert not check(root, clock=clock).ok


def test_locks_that_may_not_be_read_are_held(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be told is left alone: a lock that may not be opened, or a platform that cannot ask. [B2]"""
    leave_a_draft(root)
    opened = os.open

    def deny(path: object, flags: int, *rest: int) -> int:
        if str(path).endswith("in-use"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *rest)  # type: ignore[arg-type] # a path

    monkeypatch.setattr(os, "open", deny)
    assert check(root).ok
    monkeypatch.undo()
    monkeypatch.setattr(probing, "fcntl", None)
    assert check(root).ok
    monkeypatch.undo()
    assert not check(root).ok


def test_a_day_that_changes_meanwhile_is_looked_at_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day that is stored anew between its manifest and its files is no damaged day. [B2]"""
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    look = check_day.DayCheck._look_at_files
    turns: list[int] = []

    def change_first(
        self: check_day.DayCheck, looked: check_day.Looked, manifest: Manifest, sizes: dict[str, int | None]
    ) -> set[str]:
        if manifest.day == DAY and len(turns) < 2:
            turns.append(len(turns))
            store_records(store, record("61", f"turn {len(turns)}"), record(f"new-{len(turns)}"), job_id="busy")
        return look(self, looked, manifest, sizes)

    monkeypatch.setattr(check_day.DayCheck, "_look_at_files", change_first)
    assert check(root, data=True).ok
    assert turns == [0, 1]


def test_a_day_that_never_rests_is_told_as_it_was_last_seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is not looked at for ever: after a few times what was seen last is told."""
    (root / str(DAY) / "district_F.json").unlink()
    contents = iter(range(100))
    monkeypatch.setattr(
        check_day.DayCheck, "_manifest_content", lambda _self, day: manifest_of(root, day).read_bytes() + b" " * next(contents)
    )
    assert [one.path for one in check(root).problems] == ["2024-01-31/district_F.json"]


def test_a_day_that_is_deleted_meanwhile_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day that is gone between the listing and the look is not counted. [B2]"""
    names = FileSystem.names

    def delete_first(files: FileSystem, path: Path) -> list[str]:
        found = names(files, path)
        if path == root:
            PerDistrictFileSnapshotStore(root).delete(DAY)
        return found

    monkeypatch.setattr(FileSystem, "names", delete_first)
    report = check(root)
    assert (report.days, report.ok) == (1, True)


def test_an_index_that_is_being_written_is_looked_at_twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index file that is caught half written is no problem when it is whole at the second look. [B2]"""
    path = root / ".index/2024-01-31.json"
    good = path.read_bytes()
    manifest_of(root).touch()
    path.write_bytes(good[:20])
    is_whole = EntryIndex.is_whole

    def finish_after_the_first(self: EntryIndex, day: date) -> bool:
        found = is_whole(self, day)
        path.write_bytes(good)
        return found

    monkeypatch.setattr(EntryIndex, "is_whole", finish_after_the_first)
    assert check(root).ok


def test_an_index_of_a_damaged_day_is_no_second_problem(root: Path) -> None:
    """The index of a day whose manifest is damaged, at the same size and time, is not told besides."""
    path = manifest_of(root)
    facts = path.stat()
    content = path.read_bytes()
    path.write_bytes(b"[" + content[1:])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert [one.path for one in check(root).problems] == ["2024-01-31/manifest.json"]


def test_an_index_without_a_file_is_whole(root: Path) -> None:
    """Where nothing is kept nothing can be damaged."""
    index = EntryIndex(Layout(root), FileSystem())
    assert index.is_whole(date(2020, 1, 1))
    assert index.is_whole(DAY)


@pytest.mark.skipif(sys.platform == "win32", reason="a directory cannot be made read-only")
def test_checking_needs_no_right_to_write(root: Path) -> None:
    """A root that may not be written can be looked over all the same. [B2]"""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        assert check(root, data=True).ok
    finally:
        for path in folders:
            path.chmod(0o755)
