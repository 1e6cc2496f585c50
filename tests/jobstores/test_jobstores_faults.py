"""Files that are no job stores, disks that are full, folders that cannot be written: refused by name, rule and remedy."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backfill.errors import DamagedFile, StoreUnavailable
from backfill.jobstores import SqliteJobStore, _schema
from backfill.jobstores import _database as database
from backfill.jobstores._owners import this_machine
from backfill.model import Change, DayListed, Finding, Found, UnitAttempted, UnitFailed, UnitsSettled, UnitState
from foundation_samples import DAY, NOW, make_error, make_spec
from jobstores.jobstore_cases import DONE, WORKING
from jobstores.jobstore_owners import TTL
from own_process import mounts, run


@pytest.fixture
def path(quick_folder: Path) -> Path:
    """Return the name of a file that is not there yet."""
    return quick_folder / "jobs.sqlite3"


@pytest.fixture
def kept(path: Path) -> Path:
    """Return a file with one job of some history."""
    with SqliteJobStore(path) as store:
        store.create(make_spec(rows=[(DAY, ("61", "F", "01"))]), idempotency_key="key")
        changes: list[Change] = [
            WORKING,
            DONE,
            UnitFailed(make_error("F")),
            UnitAttempted(make_error("01")),
            Found(Finding("odd", "x")),
        ]
        store.apply("j1", changes, at=NOW)
    return path


def changed(path: Path, *statements: str) -> None:
    """Change a file behind the store's back."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


LATE = UnitsSettled(DAY, {"01": UnitState.COMPLETED})

READS: tuple[Callable[[SqliteJobStore], object], ...] = (
    lambda store: store.load("j1"),
    lambda store: store.list(),
    lambda store: store.events(),
    lambda store: store.outcomes(DAY, DAY),
)


def refused(path: Path, call: Callable[[SqliteJobStore], object], kind: type[DamagedFile | StoreUnavailable]) -> str:
    """Return what a call of a store says when it is refused."""
    with SqliteJobStore(path) as store, pytest.raises(kind) as caught:
        call(store)
    assert str(path) in str(caught.value)
    return str(caught.value)


# --- no job store -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [*READS, lambda store: store.create(make_spec("j2"))])
def test_a_file_that_is_no_database(path: Path, call: Callable[[SqliteJobStore], object]) -> None:
    """A file of something else is refused by name, and left as it is. [B2, R4.2]"""
    path.write_text("not a database, " * 100)
    said = refused(path, call, DamagedFile)
    assert "file is not a database" in said
    assert "move it away" in said
    assert path.read_text() == "not a database, " * 100


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs (a)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"])
def test_the_database_of_another_program(path: Path, statement: str) -> None:
    """A database that is none of ours is refused by name, and gets none of our tables. [B2]"""
    changed(path, statement)
    said = refused(path, lambda store: store.create(make_spec()), DamagedFile)
    assert "is the database of another program, not a job store; name another file" in said
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'jobs'").fetchone() == (0,)


def test_a_file_of_a_later_release(kept: Path) -> None:
    """A file that a later release has written is refused, since part of it might be misread. [B2]"""
    changed(kept, f"PRAGMA user_version = {_schema.VERSION + 1}")
    said = refused(kept, READS[0], DamagedFile)
    assert f"is a job store of version {_schema.VERSION + 1}, and this release knows versions up to {_schema.VERSION}" in said
    assert said.endswith("update backfill")


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    """An empty file, as a process leaves that was killed while it made one, becomes a store. [B2]"""
    path.touch()
    with SqliteJobStore(path) as store:
        assert store.list() == []
        store.create(make_spec())


def test_an_old_sqlite(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite that does not know the tables' form is told from damage. [B2]"""
    monkeypatch.setattr(_schema, "LEAST_SQLITE", (9, 9))
    assert "need SQLite 9.9" in refused(path, lambda store: store.create(make_spec()), StoreUnavailable)


def test_who_comes_second_does_not_make_the_file_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that find an empty file, the second finds it made when its turn comes. [B2]"""
    first, second = SqliteJobStore(path), SqliteJobStore(path)
    create = database.Database._create

    def after_the_first(self: database.Database, connection: sqlite3.Connection) -> None:
        monkeypatch.setattr(database.Database, "_create", create)
        with closing(sqlite3.connect(path)) as other:  # not by the first store, which would wait for the lock that is held here
            first._database._create(other)
        create(self, connection)

    monkeypatch.setattr(database.Database, "_create", after_the_first)
    with first, second:
        second.create(make_spec())
        assert first.load("j1").total == 2


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_truncated_file(kept: Path, part: float) -> None:
    """A file that was cut short is refused by name with the remedy; no part of it passes for the whole. [B2]"""
    content = kept.read_bytes()
    kept.write_bytes(content[: int(len(content) * part)])
    said = refused(kept, READS[0], DamagedFile)
    assert "restore it from a copy" in said
    assert "stored days stay" in said


def test_a_missing_table(kept: Path) -> None:
    """A store without one of its tables is damaged. [B2]"""
    changed(kept, "DROP TABLE findings")
    assert "no such table" in refused(kept, READS[0], DamagedFile)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE jobs SET status = 'resting'",
        "UPDATE jobs SET created_at = 'yesterday'",
        "UPDATE specs SET spec = '{}'",
        "UPDATE days SET states = x'0101'",
        "UPDATE days SET states = x'010109'",
        "UPDATE days SET strategy = 'luck'",
        "UPDATE days SET list = 99",
        "UPDATE lists SET names = '[1]'",
        "UPDATE errors SET cause = '[]' WHERE number IS NOT NULL",
        "UPDATE errors SET detail = '[]' WHERE number IS NULL",
        "UPDATE findings SET finding = 'odd'",
        "DELETE FROM specs",
    ],
)
def test_a_job_that_is_not_what_it_must_be(kept: Path, statement: str) -> None:
    """Rows that hold what no release has written are damage, told by name, whatever it is that is wrong. [B2]"""
    changed(kept, statement)
    said = refused(kept, READS[0], DamagedFile)
    assert "does not hold what a job store holds" in said


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("UPDATE days SET states = x'01'", lambda store: store.apply("j1", [DayListed(DAY, ())], at=NOW)),
        ("UPDATE specs SET spec = ''", lambda store: store.create(make_spec("j2"), idempotency_key="key")),
        ("UPDATE jobs SET created_at = ''", lambda store: store.abandoned(NOW)),
        ("UPDATE jobs SET expires = ''", lambda store: store.acquire("j1", "me", ttl=TTL)),
        ("UPDATE events SET change = '[]'", lambda store: store.events()),
        ("UPDATE events SET at = ''", lambda store: store.events(job_id="j1")),
        ("UPDATE errors SET detail = ''", lambda store: store.errors("j1")),
        ("UPDATE outcome_names SET name = '[]' WHERE place = 1", lambda store: store.outcomes(DAY, DAY)),
        ("UPDATE outcome_names SET name = '[]' WHERE place = 1", lambda store: store.apply("j1", [LATE], at=NOW)),
        ("UPDATE outcomes SET states = x'00ff'", lambda store: store.outcomes(DAY, DAY)),
        ("UPDATE outcomes SET day = '2026-01-05?'", lambda store: store.outcomes(DAY, NOW.date())),
    ],
)
def test_every_call_tells_damage(kept: Path, statement: str, call: Callable[[SqliteJobStore], object]) -> None:
    """Whichever call meets with damage says so by name, and changes nothing. [B2]"""
    changed(kept, statement)
    refused(kept, call, DamagedFile)


def test_an_error_of_ours_is_not_told_as_the_disks(kept: Path) -> None:
    """What SQLite refuses because the store itself has slipped is passed on as it is. [R10.2]"""
    with SqliteJobStore(kept) as store:
        store.list()
        writer = store._database._connect()
        with closing(writer), pytest.raises(sqlite3.IntegrityError), store._database.writing() as connection:
            connection.execute("INSERT INTO specs VALUES (99, '')")
        with pytest.raises(sqlite3.ProgrammingError), store._database.writing() as connection:
            connection.execute("SELECT ?")
        assert store.create(make_spec("j2")).job_id == "j2"


# --- disks and folders ------------------------------------------------------------------------------------------------


def test_a_folder_that_is_a_file(path: Path) -> None:
    """Where no folder can be, no store can; the error says which and what to do. [B2]"""
    path.write_text("")
    said = refused(path / "jobs.sqlite3", lambda store: store.create(make_spec()), StoreUnavailable)
    assert "choose a folder that can be written" in said


def test_a_path_that_is_a_folder(path: Path) -> None:
    """A folder in the place of the file is told with the remedy. [B2]"""
    path.mkdir()
    assert "name a file in a folder" in refused(path, READS[0], StoreUnavailable)


def test_a_file_that_stays_locked(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another program keeps locked is told with the remedy; what was noted stays. [B2]"""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(kept, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = refused(kept, lambda store: store.apply("j1", [Found(Finding("odd", "y"))], at=NOW), StoreUnavailable)
        assert "end the process that has kept it locked" in said
        other.execute("ROLLBACK")
    with SqliteJobStore(kept) as store:
        assert len(store.load("j1").findings) == 1


def test_a_file_system_without_shared_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite cannot have its log, the store is refused rather than kept in a form that is not safe to share. [B2]"""
    connect = sqlite3.connect

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            return super().execute("SELECT 'delete'" if sql == "PRAGMA journal_mode = WAL" else sql, *values)  # type: ignore[arg-type] # any values

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, factory=Deaf, **options))
    assert "choose a local disk" in refused(path, lambda store: store.create(make_spec()), StoreUnavailable)


def test_who_reads_does_not_wait_for_who_writes(kept: Path) -> None:
    """While one process writes, others read what was there before. [R9.5]"""
    with SqliteJobStore(kept) as store, SqliteJobStore(kept) as other, store._database.writing() as connection:
        connection.execute("UPDATE jobs SET status = 'paused'")
        assert str(other.load("j1").status) == "processing"


def test_machines_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine is known by its running kernel, where that can be had, else by its name. [B2]"""
    from backfill.jobstores import _owners as owners  # noqa: PLC0415 - only here

    (tmp_path / "boot_id").write_text("some-boot\n")
    monkeypatch.setattr(owners, "_BOOT", tmp_path / "boot_id")
    assert this_machine() == "some-boot"
    monkeypatch.setattr(owners, "_BOOT", tmp_path / "none")
    monkeypatch.setattr("platform.node", lambda: "some-host")
    assert this_machine() == "some-host"


IMPORTS = """
import contextlib, os, subprocess, sys
from pathlib import Path
from backfill.errors import StoreUnavailable
from backfill.jobstores import SqliteJobStore
from backfill.model import DayPublished, Finding, Found, UnitsSettled, UnitState
from plain_samples import DAY, NOW, days, make_spec

def refused(call):
    try:
        call()
    except StoreUnavailable as error:
        return str(error)
    raise AssertionError("not refused")

root = Path({root!r})
path = root / "jobs.sqlite3"
"""

FULL = (
    IMPORTS
    + """
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(root)], check=True)
store = SqliteJobStore(path)
store.create(make_spec())
noted = 0

def fill():
    global noted
    while True:
        store.apply("j1", [Found(Finding("odd", str(noted) + "x" * 1000))], at=NOW)
        noted += 1

said = refused(fill)
assert "full" in said and "free some space there" in said and "stays noted" in said and str(path) in said, said
assert noted > 10
assert len(store.load("j1").findings) == len(store.events()) == noted
for call in (lambda: store.create(make_spec("j2", [(day, ("61",) * 1) for day in days(4000)])), lambda: store.acquire("j1", "me", ttl=9)):
    with contextlib.suppress(StoreUnavailable):  # whether there is room for it is not what counts
        call()
subprocess.run(["mount", "-o", "remount,size=8m", str(root)], check=True)
store.create(make_spec("j3"))
store.apply("j3", [UnitsSettled(DAY, {"61": UnitState.COMPLETED})], at=NOW)
store.close()
with SqliteJobStore(path) as store:
    assert len(store.load("j1").findings) == noted
    assert store.load("j3").counts[UnitState.COMPLETED] == 1
subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
with SqliteJobStore(path) as store:
    said = refused(lambda: store.apply("j3", [UnitsSettled(DAY, {"F": UnitState.COMPLETED})], at=NOW))
    assert "can be read and written" in said or "writable" in said, said
with SqliteJobStore(root / "new.sqlite3") as store:
    said = refused(lambda: store.create(make_spec()))
    assert str(root) in said, said
print("ok")
"""
)

DENIED = (
    IMPORTS
    + """
os.chmod(root, 0o755)
with SqliteJobStore(path) as store:
    store.create(make_spec())
if os.getuid() == 0:
    os.setuid(65534)
else:
    os.chmod(root, 0o555)
    os.chmod(path, 0o444)
try:
    with SqliteJobStore(path) as store:
        said = refused(lambda: store.apply("j1", [], at=NOW))
        assert "can be read and written" in said or "writable" in said, said
    with SqliteJobStore(root / "sub" / "new.sqlite3") as store:
        said = refused(lambda: store.create(make_spec()))
        assert "Permission denied" in said and "choose a folder that can be written" in said, said
finally:
    if os.getuid() != 65534:
        os.chmod(root, 0o755)
print("ok")
"""
)


READ_ONLY = (
    IMPORTS
    + """
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", root], check=True)
with SqliteJobStore(path) as store:
    store.create(make_spec())
    store.apply("j1", [], at=NOW)
subprocess.run(["mount", "-o", "remount,ro", root], check=True)
for _ in range(2):
    with SqliteJobStore(path) as store:
        assert store.load("j1").total == 2
        assert len(store.list()) == 1
        assert store.events() == []
        said = refused(lambda: store.create(make_spec("j2")))
        assert str(path) in said, said
        assert store.load("j1").total == 2
print("ok")
"""
)


@pytest.mark.root
@mounts
def test_a_store_that_was_closed_can_be_read_on_a_read_only_disk(tmp_path: Path) -> None:
    """Who only looks finds every job on a disk that cannot be written, though nobody has the file open; writing is refused. [B2, R4.1]"""
    run(READ_ONLY.replace("{root!r}", repr(str(tmp_path))), "unshare", "-m")


@pytest.mark.root
@mounts
def test_full_and_read_only_disks(tmp_path: Path) -> None:
    """On a full disk nothing that was noted is lost, and work goes on once there is room; a read-only one is told as such. [B2]"""
    run(FULL.replace("{root!r}", repr(str(tmp_path))), "unshare", "-m")


def test_a_folder_of_another_user() -> None:
    """A file and a folder where this user may not write are told as such, with the remedy. [B2]"""
    with tempfile.TemporaryDirectory() as root:  # those of pytest are for nobody else to enter
        run(DENIED.replace("{root!r}", repr(root)))


def test_an_interrupted_change_is_undone(kept: Path) -> None:
    """A change that is interrupted half-way, by whatever, leaves nothing, and the store goes on. [B2]"""
    with SqliteJobStore(kept) as store:
        with pytest.raises(KeyboardInterrupt), store._database.writing() as connection:
            interrupted(connection)
        assert store.load("j1").total == 3
        assert store.create(make_spec("j2")).job_id == "j2"


def test_a_file_that_is_moved_away_takes_nothing_more(kept: Path) -> None:
    """What is noted goes into the file in its place, or is refused; after closing, a store begins anew with what is there. [B2]"""
    with SqliteJobStore(kept) as store:
        assert store.load("j1").total == 3
        away = kept.rename(kept.with_name("away"))
        calls: tuple[Callable[[], object], ...] = (
            lambda: store.apply("j1", [LATE], at=NOW),
            lambda: store.load("j1"),
        )
        for call in calls:
            with pytest.raises(StoreUnavailable, match="moved away while it was in use; put it back"):
                call()
        assert not kept.exists()
        with SqliteJobStore(kept) as new:
            new.create(make_spec("j2", rows=[(DAY, ("42",))]))
        for call in calls:
            with pytest.raises(StoreUnavailable, match="moved away"):
                call()
        store.close()
        assert store.load("j2").rows[DAY].districts == ("42",)
    with SqliteJobStore(away) as store:
        assert store.load("j1").total == 3


def interrupted(connection: sqlite3.Connection) -> None:
    """Change something, and be interrupted."""
    connection.execute("DELETE FROM jobs")
    raise KeyboardInterrupt
