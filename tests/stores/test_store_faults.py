"""Disks that are full, read-only, slow to say so, or of another make: what was stored stays stored."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill.errors import DamagedFile, StoreError, StoreUnavailable
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.stores._atomic import FileSystem, _find_renameat2, remove_tree
from backfill.testing.files import CrashingFiles, PlainFiles, UnsyncedFiles
from backfill.testing.samples import DAY, contribution, record, store_records
from own_process import mounts, run

KINDS = [UnsyncedFiles, PlainFiles]
BEFORE = {"61": "before", "F": "before"}
AFTER = {"61": "after", "F": "before", "U": "after"}


@pytest.fixture
def root() -> Iterator[Path]:
    """Return where the store is, a short way off."""
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


def content_of(root: Path) -> dict[str, object]:
    """Return what a newly opened store reads."""
    store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
    if not list(store.days()):
        return {}
    snapshot = store.read(DAY)
    assert set(store.entries(DAY)) == set(snapshot.districts)
    return {name: snapshot.district(name).data for name in snapshot.districts}


def change(store: PerDistrictFileSnapshotStore) -> None:
    """Replace one district, add another."""
    store_records(store, record("61", "after"), record("U", "after"), job_id="job-2")


def prepare(root: Path) -> None:
    """Store a first state."""
    store_records(PerDistrictFileSnapshotStore(root, files=UnsyncedFiles()), record("61", "before"), record("F", "before"))


@pytest.mark.parametrize("kind", KINDS)
def test_files_reach_the_disk_before_they_go_live(root: Path, kind: type[UnsyncedFiles]) -> None:
    """Everything that a day consists of is synced before it takes its place, and the new place right after. [B2]"""
    prepare(root)
    counting = CrashingFiles(kind())
    change(PerDistrictFileSnapshotStore(root, files=counting))
    log = [(name, *args) for name, args in counting.log]
    live = root / "2024-01-31"
    placed = next(n for n, entry in enumerate(log) if entry[0] in {"exchange", "rename"} and live in entry)
    written = [n for n, entry in enumerate(log) if entry[0] == "create"]
    synced = [n for n, entry in enumerate(log) if entry[0] == "sync_directory"]
    assert max(written) < synced[0] < placed < synced[1]
    assert str(log[synced[0]][1]).endswith(".day")
    assert log[synced[1]][1] == root


def test_real_files_are_synced(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real file system brings every file that it creates to the disk, and directories when it is told to. [B2]"""
    synced: list[str] = []

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr("backfill.stores._atomic._sync", note)
    monkeypatch.setattr(os, "fsync", note)
    store_records(PerDistrictFileSnapshotStore(root), record("61"))
    assert synced == ["0.json", "metadata.json", "manifest.json", "1.day", root.name]


def test_failed_exchange_leaves_the_day(root: Path) -> None:
    """An exchange that fails for a reason of its own is told, and the draft can be committed again."""
    prepare(root)
    files = UnsyncedFiles()
    store = PerDistrictFileSnapshotStore(root, files=files)
    with store.begin(DAY, job_id="job-2") as draft:
        draft.put(record("U"))
        files.exchange = _fail  # type: ignore[method-assign] # a fault for one moment
        with pytest.raises(StoreError, match="Input/output error while publishing 2024-01-31") as caught:
            draft.commit(contribution(["U"]))
        assert not isinstance(caught.value, StoreUnavailable)
        assert content_of(root) == BEFORE
        del files.exchange  # the class's own again
        assert draft.commit(contribution(["U"])) is not None
    assert set(content_of(root)) == {"61", "F", "U"}


def _fail(one: Path, other: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO), str(one))


def test_failed_link_is_told(root: Path) -> None:
    """A link that fails for another reason than not being supported is an error, not a reason to copy."""
    prepare(root)
    files = UnsyncedFiles()
    files.link = _fail  # type: ignore[method-assign,assignment] # a fault for the whole test
    with pytest.raises(StoreError, match="Input/output error"):
        change(PerDistrictFileSnapshotStore(root, files=files))
    assert content_of(root) == BEFORE


def test_failed_second_rename_is_taken_back(root: Path) -> None:
    """Where directories cannot be exchanged, a new state that cannot take its place lets the former one return."""
    prepare(root)

    class Stubborn(PlainFiles):
        def rename(self, source: Path, target: Path) -> None:
            if ".retired" in source.parts and target.name == "2024-01-31":
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(source))
            super().rename(source, target)

    with pytest.raises(StoreError, match="Input/output error"):
        change(PerDistrictFileSnapshotStore(root, files=Stubborn()))
    assert (root / "2024-01-31" / "manifest.json").exists()
    assert content_of(root) == BEFORE


def test_platform_without_exchange(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C library has no such call, publishing goes the other way round."""

    def no_library(name: str | None, **options: object) -> object:
        raise OSError("no such library")

    _find_renameat2.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", no_library)
    prepare(root)
    change(PerDistrictFileSnapshotStore(root))
    assert content_of(root) == AFTER
    _find_renameat2.cache_clear()


def test_platform_without_open_directories(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a directory cannot be opened, its names reach the disk when the system sees fit."""
    monkeypatch.setattr("backfill.stores._atomic._DIRECTORY", 0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("a directory was opened"))
    prepare(root)
    change(PerDistrictFileSnapshotStore(root))
    assert content_of(root) == AFTER


def test_unremovable_leftover_keeps_nobody(root: Path) -> None:
    """A former state that cannot be removed keeps neither the others nor the job. [B2]"""
    (root / ".retired" / "1").mkdir(parents=True)
    (root / ".retired" / "2").mkdir()

    class Sticky(UnsyncedFiles):
        def remove_directory(self, path: Path) -> None:
            if path.name == "1":
                raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            super().remove_directory(path)

    change(PerDistrictFileSnapshotStore(root, files=Sticky()))
    assert [path.name for path in (root / ".retired").iterdir()] == ["1"]


def test_short_writes_are_completed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes only a part of the bytes is continued, since it is no error."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, bytes(content)[:100]))
    prepare(root)
    monkeypatch.undo()
    assert content_of(root) == BEFORE


def test_half_a_file_is_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be written to its end is removed at once, since its space may be what is wanting."""

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        FileSystem().create(root / "file", b"content")
    assert not list(root.iterdir())


def test_exchange_of_what_is_not_there(root: Path) -> None:
    """The system's refusal to exchange two directories names them both."""
    with pytest.raises(FileNotFoundError) as caught:
        FileSystem().exchange(root / "one", root / "other")
    assert (caught.value.filename, caught.value.filename2) == (str(root / "one"), str(root / "other"))


def test_state_put_back_while_it_is_looked_for(root: Path) -> None:
    """A reader that misses a state at both places, since it moves back between the two looks, looks once more. [B2]"""
    prepare(root)
    files = UnsyncedFiles()
    snapshot = PerDistrictFileSnapshotStore(root, files=files).read(DAY)
    looks: list[Path] = []

    def read(path: Path) -> bytes:
        looks.append(path)
        if len(looks) <= 2:  # live, then aside
            raise FileNotFoundError(path)
        return FileSystem.read(files, path)

    files.read = read  # type: ignore[method-assign] # a fault for one moment
    assert snapshot.district("61").data == "before"
    assert [path.parent.name for path in looks] == ["2024-01-31", ".old-2024-01-31", "2024-01-31"]


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json"])
def test_day_put_back_while_it_is_read(root: Path, name: str) -> None:
    """A day that comes back to its place between two looks of a reader is neither missing nor damaged. [B2]"""
    prepare(root)
    files = UnsyncedFiles()
    looks: list[Path] = []

    def read(path: Path) -> bytes:
        if path.name == name:
            looks.append(path)
            if len(looks) <= 2:  # live, then aside
                raise FileNotFoundError(path)
        return FileSystem.read(files, path)

    files.read = read  # type: ignore[method-assign] # a fault for one moment
    assert PerDistrictFileSnapshotStore(root, files=files).read(DAY).districts == ("61", "F")


def test_day_put_back_while_days_are_listed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day that comes back to its place between two looks of a listing is listed. [B2]"""
    prepare(root)
    looks: list[Path] = []
    exists = Path.exists

    def look(path: Path) -> bool:
        looks.append(path)
        return len(looks) > 2 and exists(path)

    monkeypatch.setattr(Path, "exists", look)
    found = list(PerDistrictFileSnapshotStore(root).days())
    monkeypatch.undo()
    assert found == [DAY]


def test_metadata_replaced_while_it_is_read(root: Path) -> None:
    """A reader whose manifest is replaced, and gone, before it reads the metadata starts again with the new one. [B2]"""
    prepare(root)
    files = UnsyncedFiles()
    changed: list[Path] = []

    def read(path: Path) -> bytes:
        if path.name == "metadata.json" and not changed:
            changed.append(path)
            change(PerDistrictFileSnapshotStore(root, files=UnsyncedFiles()))
            shutil.rmtree(root / ".retired")
        return FileSystem.read(files, path)

    files.read = read  # type: ignore[method-assign] # a change at one moment
    snapshot = PerDistrictFileSnapshotStore(root, files=files).read(DAY)
    assert {name: snapshot.district(name).data for name in snapshot.districts} == AFTER


def test_day_deleted_while_it_is_read(root: Path) -> None:
    """A day that is deleted between its manifest and its metadata was not there."""
    prepare(root)
    files = UnsyncedFiles()

    def read(path: Path) -> bytes:
        if path.name == "metadata.json":
            PerDistrictFileSnapshotStore(root, files=UnsyncedFiles()).delete(DAY)
        return FileSystem.read(files, path)

    files.read = read  # type: ignore[method-assign] # a change at one moment
    with pytest.raises(StoreError, match="no snapshot of 2024-01-31"):
        PerDistrictFileSnapshotStore(root, files=files).read(DAY)


def test_day_deleted_by_two(root: Path) -> None:
    """Two that delete one day at the same time are both right."""
    prepare(root)
    files = UnsyncedFiles()

    def rename(source: Path, target: Path) -> None:
        shutil.rmtree(source)
        FileSystem.rename(files, source, target)

    files.rename = rename  # type: ignore[method-assign] # another is quicker
    PerDistrictFileSnapshotStore(root, files=files).delete(DAY)
    assert content_of(root) == {}


def test_unreadable_files_are_errors_of_the_store(root: Path) -> None:
    """A disk that cannot be read is a store error with the path, never a bare one of the system, nor a damaged file."""
    prepare(root)
    files = UnsyncedFiles()
    store = PerDistrictFileSnapshotStore(root, files=files)
    snapshot = store.read(DAY)

    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    def fail_names(path: Path) -> list[str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    files.read = fail  # type: ignore[method-assign] # a fault for the rest of the test
    files.names = fail_names  # type: ignore[method-assign] # the same
    (root / ".index" / "2024-01-31.json").unlink()
    for call in (
        lambda: snapshot.district("61"),
        lambda: store.read(DAY),
        lambda: store.entries(DAY),
        lambda: list(store.days()),
    ):
        with pytest.raises(StoreError, match="Input/output error while") as caught:
            call()
        assert not isinstance(caught.value, DamagedFile)
        assert isinstance(caught.value.__cause__, OSError)


def test_removal_tolerates_others(root: Path) -> None:
    """Removing a tree does not mind what others remove meanwhile, and follows no link out of it."""
    (root / "tree" / "inner").mkdir(parents=True)
    (root / "tree" / "inner" / "file").touch()
    (root / "kept").mkdir()
    (root / "kept" / "file").touch()
    (root / "tree" / "link").symlink_to(root / "kept")
    remove_tree(FileSystem(), root / "tree")
    remove_tree(FileSystem(), root / "tree")
    assert [path.name for path in root.rglob("*")] == ["kept", "file"]


# --- real disks ---------------------------------------------------------------------------------------------------------


IMPORTS = """
import contextlib, os, resource, subprocess, sys, tempfile
from pathlib import Path
from backfill.testing.samples import DAY, contribution, record, store_records
from backfill.errors import StoreError, StoreUnavailable
from backfill.stores import PerDistrictFileSnapshotStore

def refused(kind, call):
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("not refused")

def files_below(root):
    return [path for path in Path(root).rglob("*.json") if ".staging" in path.parts]
"""

FULL = (
    IMPORTS
    + """
root = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", root], check=True)
store = PerDistrictFileSnapshotStore(root)
store_records(store, record("61", "x" * 30_000))
with store.begin(DAY, job_id="job-2") as draft:
    said = refused(StoreUnavailable, lambda: [draft.put(record(str(n), "y" * 30_000)) for n in range(20)])
    assert "No space left on device" in said and root in said and "free some space" in said, said
    assert files_below(root), "the puts that succeeded are still staged"
assert not files_below(root), "leaving the draft frees the space"
assert store.read(DAY).district("61").data == "x" * 30_000
store_records(store, record("F", "small"), job_id="job-3")
assert store.read(DAY).districts == ("61", "F")
filler = Path(root, "filler")
with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:  # until the disk is full
    while True:
        file.write(b"z" * 4096)
Path(root, ".index", "2024-01-31.json").unlink()
assert list(store.entries(DAY)) == ["61", "F"]
store.delete(DAY)
assert list(store.days()) == []
filler.unlink()
store_records(store, record("61", "again"), job_id="job-4")
subprocess.run(["mount", "-o", "remount,ro", root], check=True)
said = refused(StoreUnavailable, lambda: store_records(PerDistrictFileSnapshotStore(root), record("F")))
assert "Read-only file system" in said and "mount it writable" in said, said
assert store.read(DAY).district("61").data == "again"
Path(root).stat()
assert list(PerDistrictFileSnapshotStore(root).entries(DAY)) == ["61"]
print("ok")
"""
)

LIMITED = (
    IMPORTS
    + """
root = sys.argv[1]
store = PerDistrictFileSnapshotStore(root)
store_records(store, record("61"))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
with store.begin(DAY, job_id="job-2") as draft:
    said = refused(StoreError, lambda: draft.put(record("F", "x" * 30_000)))
    assert "File too large while staging district F" in said, said
    assert not files_below(root), "half a file is no use to anybody"
    draft.put(record("F", "small"))
    draft.commit(contribution(["F"]))
assert store.read(DAY).district("F").data == "small"
print("ok")
"""
)

FORKED = (
    IMPORTS
    + """
store = PerDistrictFileSnapshotStore(sys.argv[1])
draft = store.begin(DAY, job_id="job-1")
draft.put(record("61"))
if os.fork() == 0:
    sys.exit()
os.wait()
with draft:
    assert draft.commit(contribution()).districts == ("61",)
print("ok")
"""
)

DENIED = (
    IMPORTS
    + """
root = tempfile.mkdtemp()
os.chmod(root, 0o755)
store = PerDistrictFileSnapshotStore(root)
store_records(store, record("61"))
if os.getuid() == 0:
    os.setuid(65534)
else:
    os.chmod(root, 0o555)
try:
    said = refused(StoreUnavailable, lambda: store_records(PerDistrictFileSnapshotStore(root), record("F")))
    assert "Permission denied" in said and "let this user write there" in said, said
    assert store.read(DAY).districts == ("61",)
    assert list(store.entries(DAY)) == ["61"]
finally:
    if os.getuid() != 65534:
        os.chmod(root, 0o755)
print("ok")
"""
)


@pytest.mark.root
@mounts
def test_full_and_read_only_disks(root: Path) -> None:
    """On a full disk and on a read-only one the job is told to pause, and what was stored stays stored. [B2]"""
    run(FULL.replace("sys.argv[1]", repr(str(root))), "unshare", "-m")


def test_limited_file_size(root: Path) -> None:
    """A write that is cut short by a limit is found out, and leaves no half file. [B2]"""
    run(LIMITED.replace("sys.argv[1]", repr(str(root))))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_forked_process_leaves_drafts_alone(root: Path) -> None:
    """A process that is forked off while a draft is open, and ends, takes nothing of it along. [B2]"""
    run(FORKED.replace("sys.argv[1]", repr(str(root))))


def test_directory_of_another_user(root: Path) -> None:
    """A root where this user may not write is told as such when something is to be stored; reading goes on."""
    run(DENIED.replace("tempfile.mkdtemp()", repr(str(root))))
