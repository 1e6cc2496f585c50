"""The archive's index: one row for each answer received, in a SQLite file.

Not in write-ahead mode, which needs memory shared by all who have the file open: an archive is also read by workers on other
machines, and from media that cannot be written to.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from attrs import define, field, frozen

from backfill.errors import DamagedFile, ServiceUnusable, StoreUnavailable

VERSION = 1
_BUSY_SECONDS = 60.0
_PAGE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    seq        INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    fetched_at TEXT NOT NULL,
    status     INTEGER NOT NULL,
    headers    TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    usable     INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_by_name ON answers (name, usable, fetched_at);
"""
_COLUMNS = "name, url, fetched_at, status, headers, sha256, usable"
_INSERT = f"INSERT INTO answers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names


@frozen
class Row:
    """What is noted of one answer.

    Attributes:
        name: The document's identity.
        url: Its address, without secrets.
        fetched_at: In ISO form, UTC, to the microsecond, so that text order is the order of time.
        status: HTTP status.
        headers: Of the answer, as JSON, without secrets; ``etag`` and ``last-modified`` among them.
        sha256: Of its content.
        usable: Whether the check accepted it.
    """

    name: str
    url: str
    fetched_at: str
    status: int
    headers: str
    sha256: str
    usable: bool = field(converter=bool)


@define(eq=False)
class _Entry:
    """A row on its way to the disk.

    Attributes:
        values: Of its columns.
        called: Set when it is on the disk, when it cannot be brought there, or when its thread is to lead.
        is_noted: Whether it is on the disk.
        failure: Why it cannot be brought there.
    """

    values: tuple[object, ...]
    called: threading.Event = field(factory=threading.Event)
    is_noted: bool = False
    failure: sqlite3.Error | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing has become of it yet."""
        return not self.is_noted and self.failure is None


class Index:
    """The rows. Any thread, any process; an instance is used by the process that opened it.

    Args:
        path: The file; made with the first row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._waiting: list[_Entry] = []
        self._enqueuing = threading.Lock()
        self._is_led = False
        self._connection: sqlite3.Connection | None = None
        self._pid: int | None = None

    def add(self, row: Row) -> None:
        """Note one answer. On disk when it returns, with those that others wanted to note meanwhile: one sync serves them all.

        One thread leads: it writes all that wait, its own among them, and calls the others, who wait for nothing else. Whoever came
        too late for it leads next.
        """
        self._refuse_if_forked()
        entry = _Entry((row.name, row.url, row.fetched_at, row.status, row.headers, row.sha256, int(row.usable)))
        leads = False
        try:
            with self._enqueuing:  # within: an interrupt right after it must hand the lead on
                self._waiting.append(entry)
                leads, self._is_led = not self._is_led, True
            if not leads:
                entry.called.wait()
                leads = entry.is_open
            if leads:
                with self._opened(create=True) as connection:
                    self._note(cast("sqlite3.Connection", connection), entry)
        finally:
            self._leave(entry, led=leads)
        if entry.failure is not None:
            with self._translated():
                raise entry.failure

    def _note(self, connection: sqlite3.Connection, own: _Entry) -> None:
        """Note all that wait; if that fails, each alone, so that only the one at fault is told."""
        batch: list[_Entry] = []
        try:
            with self._enqueuing:  # within: an interrupt right after it must lose nobody's row
                batch, self._waiting = self._waiting, batch
            try:
                _write(connection, batch)
            except sqlite3.Error as error:
                if len(batch) == 1:
                    batch[0].failure = error
                    return
                for entry in batch:
                    try:
                        _write(connection, [entry])
                    except sqlite3.Error as reason:
                        entry.failure = reason
        finally:
            others = [entry for entry in batch if entry is not own]
            with self._enqueuing:  # those that an interrupt has left are noted by the next
                self._waiting = [each for each in others if each.is_open] + self._waiting
            for each in others:
                if not each.is_open:
                    each.called.set()

    def _leave(self, entry: _Entry, *, led: bool) -> None:
        """Wait no more; who led lets the next one lead."""
        with self._enqueuing:
            if entry in self._waiting:  # it was interrupted, or the file cannot be opened
                self._waiting.remove(entry)
            if led or (entry.called.is_set() and entry.is_open):  # the latter when it was interrupted as it was called to lead
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].called.set()

    def newest(self, name: str, *, since: str = "", sha256: str | None = None, fetched_at: str | None = None) -> Row | None:
        """Return the newest usable row of *name*.

        Args:
            name: The document's identity.
            since: Not older than this.
            sha256: Of this content.
            fetched_at: Rather the row of this moment than a newer one.
        """
        query = f"""
            SELECT {_COLUMNS} FROM answers
            WHERE name = ? AND usable = 1 AND fetched_at >= ? AND sha256 = ifnull(?, sha256)
            ORDER BY fetched_at = ifnull(?, '') DESC, fetched_at DESC, seq DESC LIMIT 1
        """  # noqa: S608 - our own names
        with self._opened() as connection:
            found = None if connection is None else connection.execute(query, (name, since, sha256, fetched_at)).fetchone()
        return None if found is None else _row(found)

    def newest_refused(self, name: str) -> Row | None:
        """Return the newest row of *name* that a check refused."""
        query = f"SELECT {_COLUMNS} FROM answers WHERE name = ? AND usable = 0 ORDER BY fetched_at DESC, seq DESC LIMIT 1"  # noqa: S608 - our own names
        with self._opened() as connection:
            found = None if connection is None else connection.execute(query, (name,)).fetchone()
        return None if found is None else _row(found)

    def remove(self, names: Iterable[str]) -> list[str]:
        """Remove all rows of *names*, and return the contents that no row has any more."""
        with self._opened() as connection:
            if connection is None:
                return []
            gone: set[str] = set()
            connection.execute("BEGIN IMMEDIATE")
            for name in names:
                gone.update(
                    sha
                    for (sha,) in connection.execute("DELETE FROM answers WHERE name = ? RETURNING sha256", (name,)).fetchall()
                )
            connection.execute("COMMIT")
            query = "SELECT 1 FROM answers WHERE sha256 = ? LIMIT 1"
            return sorted(sha for sha in gone if connection.execute(query, (sha,)).fetchone() is None)

    def names(self) -> list[str]:
        """Return every identity that has a usable row, in text order."""
        with self._opened() as connection:
            if connection is None:
                return []
            return [name for (name,) in connection.execute("SELECT DISTINCT name FROM answers WHERE usable = 1 ORDER BY name")]

    def rows(self, name: str | None = None) -> Iterator[Row]:
        """Iterate over all rows, or those of *name*, in the order in which they were added; nothing is locked meanwhile."""
        query = f"SELECT seq, {_COLUMNS} FROM answers WHERE seq > ? AND name = ifnull(?, name) ORDER BY seq LIMIT {_PAGE}"  # noqa: S608 - our own names
        last = 0
        while True:
            with self._opened() as connection:
                page = [] if connection is None else connection.execute(query, (last, name)).fetchall()
            if not page:
                return
            for seq, *found in page:
                last = seq
                yield _row(found)

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        if self._pid == os.getpid():
            with self._lock:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None

    @contextmanager
    def _opened(self, *, create: bool = False) -> Iterator[sqlite3.Connection | None]:
        """Lend the connection to one thread; ``None`` when there is no file yet, and none is to be made."""
        self._refuse_if_forked()
        with self._lock, self._translated():
            self._pid = os.getpid()
            if self._connection is None and (create or self._path.exists()):
                self._connection = self._connect()
            yield self._connection

    def _refuse_if_forked(self) -> None:
        if self._pid not in {None, os.getpid()}:
            message = f"the archive at {self._path} was opened before this process was forked; make a new RawArchive here"
            raise ServiceUnusable(message)

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            rule = f"is of version {version}, and this package knows versions up to {VERSION}"
            raise DamagedFile(str(self._path), rule, "update backfill")
        if version < VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = TRUNCATE")  # a file less to make and to remove for each answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            message = f"{self._path}: the archive's index cannot be used ({error}); make room, or make the folder writable"
            raise StoreUnavailable(message) from error
        except sqlite3.DatabaseError as error:
            rule = f"should hold the archive's index ({error})"
            raise DamagedFile(str(self._path), rule, "restore it from a backup, or start an archive elsewhere") from error
        except OSError as error:
            message = f"{self._path}: the archive's folder cannot be used ({error.strerror}); make it writable, or choose another"
            raise StoreUnavailable(message) from error


def _write(connection: sqlite3.Connection, batch: list[_Entry]) -> None:
    """Write all of *batch*, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_INSERT, [entry.values for entry in batch])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    for entry in batch:
        entry.is_noted = True


def _row(found: Sequence[Any]) -> Row:
    return Row(*found)
