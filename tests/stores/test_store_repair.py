"""What repairing may not do: pass off a damaged state for the day, lose the whole one, or be silent about what stays."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from backfill.errors import DamagedFile
from backfill.stores import PerDistrictFileSnapshotStore, ProblemKind, check, repair
from backfill.stores._atomic import FileSystem
from backfill.stores._locks import Locks
from backfill.testing.files import UnsyncedFiles
from backfill.testing.samples import DAY, record, store_records
from stores.store_damages import DAMAGED, INTERRUPTED, leave_a_draft

ASIDE = f".old-{DAY}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a store with one day of two districts."""
    root = tmp_path / "snapshots"
    store_records(PerDistrictFileSnapshotStore(root, files=UnsyncedFiles()), record("61"), record("F"))
    return root


def kinds(root: Path) -> dict[str, ProblemKind]:
    """Return the kind of each problem, by path."""
    return {problem.path: problem.kind for problem in check(root).problems}


def read_only(_files: FileSystem, path: Path) -> None:
    """Refuse to change anything, as a disk does that is mounted read-only."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))


@pytest.mark.parametrize("torn", ["district_61.json", "metadata.json", "manifest.json", ""])
def test_the_whole_state_is_preferred_to_a_torn_day(root: Path, torn: str) -> None:
    """A state that was set aside whole takes the place of a day that is torn, or empty; the torn one is retired. [B2]"""
    live = root / str(DAY)
    shutil.copytree(live, root / ASIDE)
    for path in [live / torn] if torn else list(live.iterdir()):
        path.unlink()
    assert kinds(root)[ASIDE] is INTERRUPTED
    done = repair(root)
    assert (done.rolled_back, done.rolled_forward, done.left) == ((DAY,), (), ())
    assert check(root, data=True).ok
    assert [path.name.partition("~")[0] for path in (root / ".retired").iterdir()] == [str(DAY)]


def test_two_damaged_states_stay_where_they_are(root: Path) -> None:
    """Where neither of the two states is whole, both stay: one may hold what the other lacks. [B2]"""
    shutil.copytree(root / str(DAY), root / ASIDE)
    (root / str(DAY) / "district_61.json").unlink()
    (root / ASIDE / "district_F.json").unlink()
    done = repair(root)
    assert not done.changed_anything
    assert [(problem.kind, problem.path, problem.day) for problem in done.left] == [(DAMAGED, ASIDE, DAY)]
    assert str(done.left[0]) in str(done)
    assert kinds(root) == {ASIDE: DAMAGED, f"{DAY}/district_61.json": DAMAGED}


def test_a_file_in_the_days_place_is_not_moved(root: Path) -> None:
    """What is not the store's stays, and so does the state whose place it takes. [B2]"""
    (root / str(DAY)).rename(root / ASIDE)
    (root / str(DAY)).write_text("mine")
    assert not repair(root).changed_anything
    assert (root / str(DAY)).read_text() == "mine"
    assert (root / ASIDE).is_dir()


def test_a_damaged_state_heals_when_its_day_is_collected_again(root: Path) -> None:
    """No writer passes a damaged state off for a day: it is refused until what is damaged is collected again. [B2]"""
    (root / str(DAY) / "district_61.json").unlink()
    (root / str(DAY)).rename(root / ASIDE)
    assert not repair(root).rolled_back
    assert check(root).damaged_days == (DAY,)
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    with pytest.raises(DamagedFile):
        store_records(store, record("U"))
    assert check(root).damaged_days == (DAY,)
    store_records(store, record("61"))
    assert check(root, data=True).ok
    assert sorted(store.read(DAY).districts) == ["61", "F"]


@pytest.mark.parametrize("beside", [True, False])
def test_a_deleted_day_leaves_no_damaged_state(root: Path, *, beside: bool) -> None:
    """Deleting a day takes what was set aside of it as well, damaged or not. [B2]"""
    shutil.copytree(root / str(DAY), root / ASIDE)
    (root / str(DAY) / "district_61.json").unlink()
    (root / ASIDE / "district_F.json").unlink()
    if not beside:
        shutil.rmtree(root / str(DAY))
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    store.delete(DAY)
    assert list(store.days()) == []
    assert check(root).ok


def _leave_an_empty_day(root: Path) -> str:
    (root / "2024-03-31").mkdir()
    return "2024-03-31"


def _leave_a_draft(root: Path) -> str:
    leave_a_draft(root)
    return ".staging/0123456789abcdef"


def _leave_an_empty_draft(root: Path) -> str:
    (root / ".staging/abc").mkdir()
    return ".staging/abc"


def _leave_garbage(root: Path) -> str:
    (root / ".retired/garbage").mkdir(parents=True)
    return ".retired/garbage"


def _leave_an_index(root: Path) -> str:
    (root / ".index/notes").touch()
    return ".index/notes"


LEFT = [_leave_an_empty_day, _leave_a_draft, _leave_an_empty_draft, _leave_garbage, _leave_an_index]


@pytest.mark.parametrize("leave", LEFT)
def test_what_cannot_be_removed_is_told(root: Path, monkeypatch: pytest.MonkeyPatch, leave: Callable[[Path], str]) -> None:
    """What is left over and cannot be removed is told with the reason, and goes as soon as it can. [R6.4, B2]"""
    path = leave(root)
    with monkeypatch.context() as patch:
        patch.setattr(FileSystem, "unlink", read_only)
        patch.setattr(FileSystem, "remove_directory", read_only)
        done = repair(root)
    assert [(problem.kind, problem.path) for problem in done.left] == [(ProblemKind.LEFT_OVER, path)]
    assert os.strerror(errno.EROFS) in done.left[0].rule
    assert "nothing to repair" not in str(done)
    assert "1 left as they are" in str(done)
    again = repair(root)
    assert (again.removed, again.left) == ((path,), ())
    assert check(root).ok


@pytest.mark.parametrize("is_left", [True, False])
def test_staging_that_cannot_be_locked_is_looked_over(root: Path, monkeypatch: pytest.MonkeyPatch, *, is_left: bool) -> None:
    """On a disk that is mounted read-only nothing can be locked; what is left over is told, and nothing where nothing is. [R6.4]"""
    if is_left:
        _leave_a_draft(root)

    def refuse(_locks: Locks) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(Locks, "staging", refuse)
        done = repair(root)
    assert [problem.path for problem in done.left] == [".staging/0123456789abcdef"] * is_left
    assert ("nothing to repair" in str(done)) is not is_left


def test_a_staging_area_that_is_locked_for_long_is_told(root: Path) -> None:
    """What could not be looked over, since somebody else was at it, is not said to be in order. [R6.4]"""
    _leave_a_draft(root)
    with FileLock(root / ".locks/staging.lock"):
        done = repair(root)
    assert [problem.path for problem in done.left] == [".staging"]
    assert repair(root).removed == (".staging/0123456789abcdef",)


def test_a_draft_in_use_is_not_left_over(root: Path) -> None:
    """A draft that its writer still holds is neither removed nor told. [B2]"""
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    with store.begin(DAY, job_id="j") as draft:
        draft.put(record("61"))
        assert str(repair(root)) == f"{root}: nothing to repair"
