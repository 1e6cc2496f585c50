"""The raw archive: what goes in comes out, for ever, by whoever asks; and nothing else does."""

from __future__ import annotations

import gzip
import hashlib
import multiprocessing
import os
import pickle
import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import DamagedFile, ServiceUnusable, StoreUnavailable
from backfill.fetching import RawArchive
from backfill.fetching import index as index_module
from backfill.fetching.blobs import Blobs
from backfill.fetching.memory import MemoryArchive
from fetching_doubles import NOW, document, failure

DAY = timedelta(days=1)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[RawArchive]:
    """An archive in a folder that is not there yet."""
    with closing(RawArchive(tmp_path / "raw")) as made:
        yield made


def contents(archive: RawArchive, *, refused: bool = False) -> list[bytes]:
    """Return the contents of all documents."""
    return [each.content for each in archive.documents(refused=refused)]


def blob(tmp_path: Path) -> Path:
    """Return the only content there is."""
    (path,) = (tmp_path / "raw" / "contents").rglob("*.gz")
    return path


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's rights while the block runs, if this is root, who may write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_document_comes_out_as_it_went_in(archive: RawArchive) -> None:
    """Content, address, time, status and headers are the same; it says that it comes from the archive. [B4]"""
    kept = document("figures", name="club~61", status=203, headers={"etag": '"1"', "content-type": "text/csv"})
    archive.put(kept)
    got = archive.get("club~61")
    assert got is not None
    assert (got.content, got.sha256, got.url, got.name, got.status) == (kept.content, kept.sha256, kept.url, "club~61", 203)
    assert (got.fetched_at, dict(got.headers), got.from_archive, got.parsed) == (NOW, dict(kept.headers), True, None)
    assert archive.get("club~62") is None


@settings(max_examples=20, deadline=None)
@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_every_content_survives_the_round_trip(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    """Whatever bytes are archived, in whatever order, come out in that order. [B4]"""
    with closing(RawArchive(tmp_path_factory.mktemp("raw"))) as archive:
        for body in bodies:
            archive.put(document(body))
        assert contents(archive) == bodies


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    """Neither making an archive nor asking an empty one leaves a trace."""
    with closing(RawArchive(tmp_path / "raw")) as archive:
        assert archive.get("x") is None
        assert list(archive.documents()) == []
    assert list(tmp_path.iterdir()) == []
    assert repr(archive) == f"RawArchive({str(tmp_path / 'raw')!r})"


def test_the_newest_that_is_recent_enough_serves(archive: RawArchive) -> None:
    """Of several answers the newest counts, whatever the order and the time zone they were archived in."""
    for number, moment in ((2, NOW + DAY), (1, NOW), (3, (NOW + DAY / 2).astimezone(timezone(timedelta(hours=14))))):
        archive.put(document(f"{number}", name="x", fetched_at=moment))
    got = archive.get("x", NOW + DAY)
    assert got is not None
    assert (got.content, got.fetched_at) == (b"2", NOW + DAY)
    assert archive.get("x", NOW + DAY + timedelta(microseconds=1)) is None


def test_a_content_can_be_asked_for_by_its_hash(archive: RawArchive) -> None:
    """An older content is found by its hash, and of several times it was fetched the one that is asked for. [B3, B4]"""
    old = document("old", name="x", fetched_at=NOW)
    for each in (old, document("old", name="x", fetched_at=NOW + DAY), document("new", name="x", fetched_at=NOW + 2 * DAY)):
        archive.put(each)
    got = archive.get("x", sha256=old.sha256)
    exact = archive.get("x", sha256=old.sha256, fetched_at=NOW)
    assert got is not None
    assert exact is not None
    assert (got.fetched_at, exact.fetched_at) == (NOW + DAY, NOW)
    assert archive.get("x", sha256="0" * 64) is None


def test_refused_answers_are_kept_but_never_replayed(archive: RawArchive) -> None:
    """What a check refused can be looked at, and is nobody's answer."""
    archive.put(document("refused", name="x"), usable=False)
    assert archive.get("x") is None
    assert (contents(archive), contents(archive, refused=True)) == ([], [b"refused"])


def test_documents_can_be_gone_through_by_name(archive: RawArchive) -> None:
    """All answers of one identity, in the order in which they came; also while more are added, and over many pages."""
    for number in range(1201):
        archive.put(document("a" if number % 2 else "b", name=f"{number % 2}"))
    seen = 0
    for each in archive.documents("1"):
        assert each.content == b"a"
        if seen == 0:
            archive.put(document("a", name="1"))
        seen += 1
    assert seen == 601


def test_equal_contents_are_kept_once_and_reproducibly(archive: RawArchive, tmp_path: Path) -> None:
    """The same bytes, whenever and for whatever name, are one file, and the file is the same each time."""
    archive.put(document("figures", name="x"))
    first = blob(tmp_path).read_bytes()
    archive.put(document("figures", name="y", fetched_at=NOW + DAY))
    assert blob(tmp_path).name == f"{hashlib.sha256(b'figures').hexdigest()[2:]}.gz"
    blob(tmp_path).unlink()
    archive.put(document("figures", name="z"))
    assert blob(tmp_path).read_bytes() == first
    assert first[4:8] == b"\x00\x00\x00\x00"  # the time in a gzip header


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"rubbish"),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(gzip.compress(b"other figures")),
        lambda path: path.write_bytes(path.read_bytes()[:10] + b"\xff" * 12),
    ],
    ids=["missing", "rubbish", "cut", "empty", "another", "broken stream"],
)
def test_a_damaged_content_is_found_out_and_mended(archive: RawArchive, tmp_path: Path, damage: object) -> None:
    """The hash is verified at each reading; archiving the content again writes the file anew. [B4]"""
    archive.put(document("figures", name="x"))
    path = blob(tmp_path)
    damage(path)  # type: ignore[operator] # a function
    error = failure(lambda: archive.get("x"), DamagedFile)
    assert error.path == str(path)
    archive.put(document("figures", name="x"))
    got = archive.get("x")
    assert got is not None
    assert got.content == b"figures"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up while a content is written is StoreUnavailable, and no piece of the file stays. [B2]"""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with closing(RawArchive(tmp_path)) as archive:
        monkeypatch.setattr("backfill.fetching.blobs.os.fsync", full)
        error = failure(lambda: archive.put(document()), StoreUnavailable)
    assert "No space left" in str(error)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """Something else where the folder should be is StoreUnavailable, with the place and the remedy."""
    (tmp_path / "raw").write_text("in the way")
    with closing(RawArchive(tmp_path / "raw")) as archive:
        assert str(tmp_path) in str(failure(lambda: archive.put(document()), StoreUnavailable))
        assert archive.get("x") is None


def test_a_content_that_cannot_be_read(archive: RawArchive, tmp_path: Path) -> None:
    """A file that the system does not let us read is not damaged: StoreUnavailable."""
    archive.put(document(name="x"))
    path = blob(tmp_path)
    path.unlink()
    path.mkdir()
    assert "archive cannot be read" in str(failure(lambda: archive.get("x"), StoreUnavailable))


def test_an_index_that_is_none(tmp_path: Path) -> None:
    """A file that is no index is DamagedFile; one that a newer package wrote says so; one that cannot be opened is unavailable."""
    index = tmp_path / "index.sqlite3"
    index.write_bytes(b"rubbish" * 1000)
    with closing(RawArchive(tmp_path)) as archive:
        assert failure(lambda: archive.get("x"), DamagedFile).path == str(index)
    index.unlink()
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with closing(RawArchive(tmp_path)) as archive:
        assert "update backfill" in str(failure(lambda: archive.get("x"), DamagedFile))
    index.unlink()
    index.mkdir()
    with closing(RawArchive(tmp_path)) as archive:
        assert str(index) in str(failure(lambda: archive.get("x"), StoreUnavailable))


def test_an_index_in_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the contents could be written but the index's folder not, the error is StoreUnavailable as well."""
    monkeypatch.setattr("backfill.fetching.blobs.Blobs.write", lambda *_: None)
    (tmp_path / "raw").write_text("in the way")
    with closing(RawArchive(tmp_path / "raw")) as archive:
        assert "folder cannot be used" in str(failure(lambda: archive.put(document()), StoreUnavailable))


def test_it_opens_again_after_it_was_closed(archive: RawArchive) -> None:
    """Closing lets go of files, twice if need be; the next use opens them."""
    archive.put(document(name="x"))
    archive.close()
    archive.close()
    assert archive.get("x") is not None


def test_threads_write_side_by_side(archive: RawArchive) -> None:
    """Eight threads archive at once, and every row is there."""
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        for turn in range(10):
            archive.put(document(f"{number}-{turn}", name=f"{turn}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(contents(archive))) == 80


def _write(archive: RawArchive, number: int) -> None:
    with closing(archive):
        for turn in range(20):
            archive.put(document(f"{number}-{turn}", name=f"{turn}"))


def test_processes_write_side_by_side(archive: RawArchive) -> None:
    """Pickled into processes, an archive is written by all of them at once, also when none has made it yet. [B8]"""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(archive, number)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(set(contents(archive))) == 40


def test_answers_that_wait_are_noted_together(archive: RawArchive) -> None:
    """Who waits while another writes is on the disk with one sync, and returns without writing again. [R9.3]"""
    archive.put(document("first", name="first"))
    index = archive._index
    statements: list[str] = []
    with index._opened() as connection:
        assert connection is not None
        connection.set_trace_callback(statements.append)
    index._lock.acquire()
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(archive.put, document(f"{number}", name=f"{number}")) for number in range(8)]
        while len(index._waiting) < 8:
            threading.Event().wait(0.001)
        index._lock.release()
    assert [one.exception() for one in done] == [None] * 8
    assert archive.names() == sorted(["first", *map(str, range(8))])
    assert statements.count("COMMIT") == 1


def test_one_row_that_cannot_be_noted_stops_no_other(archive: RawArchive) -> None:
    """If a batch fails, each of the others is noted when its turn comes. [P6]"""
    archive.put(document("first", name="first"))
    index = archive._index
    with index._opened() as connection:
        assert connection is not None
        connection.execute(
            "CREATE TRIGGER refused BEFORE INSERT ON answers WHEN new.name = 'bad' BEGIN SELECT raise(FAIL, 'no'); END"
        )
    index._lock.acquire()
    with ThreadPoolExecutor(4) as pool:
        done = {name: pool.submit(archive.put, document(name, name=name)) for name in ("a", "bad", "b", "c")}
        while len(index._waiting) < 4:
            threading.Event().wait(0.001)
        index._lock.release()
    assert isinstance(done.pop("bad").exception(), DamagedFile)
    assert [name for name, one in done.items() if one.exception()] == []
    assert archive.names() == ["a", "b", "c", "first"]


def test_a_thread_that_is_interrupted_as_it_writes_for_others_keeps_none_of_them_waiting(
    archive: RawArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own row is lost with it; the others are noted by the next, once each. [B2]"""
    archive.put(document("first", name="first"))
    index = archive._index
    write = index_module._write
    interrupted: list[str] = []

    def interrupting(connection: sqlite3.Connection, batch: list[index_module._Entry]) -> None:
        if not interrupted:
            interrupted.append(str(batch[0].values[0]))
            raise KeyboardInterrupt
        write(connection, batch)

    monkeypatch.setattr(index_module, "_write", interrupting)
    index._lock.acquire()
    with ThreadPoolExecutor(4) as pool:
        done = {name: pool.submit(archive.put, document(name, name=name)) for name in ("a", "b", "c", "d")}
        while len(index._waiting) < 4:
            threading.Event().wait(0.001)
        index._lock.release()
    assert len(interrupted) == 1
    assert {name for name, one in done.items() if isinstance(one.exception(), KeyboardInterrupt)} == set(interrupted)
    assert sorted(row.name for row in index.rows()) == sorted({"first", "a", "b", "c", "d"} - set(interrupted))
    archive.put(document("later", name="later"))


def test_it_can_be_pickled(archive: RawArchive) -> None:
    """Only the folder travels, so that workers read the same archive. [B8]"""
    archive.put(document(name="x"))
    with closing(pickle.loads(pickle.dumps(archive))) as copy:
        assert copy.get("x").content == b"figures"


def test_it_is_not_carried_over_a_fork(archive: RawArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a forked process the parent's connection is neither used nor closed; the error says what to do."""
    archive.put(document(name="x"))
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: -1)
        assert "new RawArchive" in str(failure(lambda: archive.get("x"), ServiceUnusable))
        archive.close()
    assert archive.get("x") is not None


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be made read-only there")
def test_a_read_only_archive_can_be_read() -> None:
    """An archive on media that cannot be written to answers all the same."""
    with TemporaryDirectory() as place:  # those of pytest are for nobody else to enter
        folder = Path(place) / "raw"
        with closing(RawArchive(folder)) as archive:
            archive.put(document(name="x"))
        (folder / "index.sqlite3").chmod(0o444)
        for each in (folder, Path(place)):
            each.chmod(0o555)
        try:
            with as_nobody(), closing(RawArchive(folder)) as archive:
                assert archive.get("x") is not None
                with pytest.raises(OSError, match="denied"):
                    (folder / "new").touch()
        finally:
            for each in (Path(place), folder):
                each.chmod(0o755)


def test_contents_are_written_under_their_hash(tmp_path: Path) -> None:
    """A content that is there, and whole, is not written again."""
    blobs = Blobs(tmp_path)
    digest = hashlib.sha256(b"figures").hexdigest()
    blobs.write(digest, b"figures")
    before = blobs.path(digest).stat().st_ino
    blobs.write(digest, b"figures")
    assert (blobs.path(digest).stat().st_ino, blobs.read(digest)) == (before, b"figures")


def test_what_killed_processes_leave_is_swept(tmp_path: Path) -> None:
    """What a process had begun to write when it was killed goes away with a later process's first document, but nothing younger. [B2]"""
    begun = tmp_path / ".writing"
    begun.mkdir()
    old, young = begun / "old.gz.1", begun / "young.gz.2"
    for left in (old, young):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    blobs = Blobs(tmp_path)
    for content in (b"one", b"two"):
        blobs.write(hashlib.sha256(content).hexdigest(), content)
        old.write_bytes(b"half")
        os.utime(old, (0, 0))
    assert {left.name for left in begun.iterdir()} == {"old.gz.1", "young.gz.2"}, "it looks once"
    Blobs(tmp_path).write(hashlib.sha256(b"three").hexdigest(), b"three")
    assert [left.name for left in begun.iterdir()] == ["young.gz.2"]


def test_the_memory_archive_is_bounded() -> None:
    """In memory the newest of each name is kept, and what was not asked for longest goes first."""
    archive = MemoryArchive(most_bytes=10)
    archive.put(document(b"aaaa", name="a", parsed="by somebody"))
    archive.put(document(b"bbbb", name="b"))
    archive.put(document(b"cc", name="c"), usable=False)
    got = archive.get("a", NOW)
    assert got is not None
    assert (got.content, got.from_archive, got.parsed) == (b"aaaa", True, None)
    archive.put(document(b"cccc", name="c"))
    assert [archive.get(name) is not None for name in "abc"] == [True, False, True]
    archive.put(document(b"CC", name="c"))
    archive.put(document(b"BBBB", name="b"))
    assert [archive.get(name) is not None for name in "abc"] == [True, True, True]
    assert archive.get("c", NOW + DAY) is None
    assert archive.get("c", sha256="0" * 64) is None
    archive.put(document(b"x" * 11, name="x"))
    assert archive.get("x") is None
    archive.close()
