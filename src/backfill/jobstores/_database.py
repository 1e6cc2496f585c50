"""The file of a job store: its connections, its transactions, and what SQLite says told in the words of `backfill.errors`."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from backfill.errors import BackfillError, DamagedFile, ServiceUnusable, StoreUnavailable
from backfill.filelocks import locked
from backfill.jobstores import _schema
from backfill.jobstores._json import MISFITS

BUSY_SECONDS = 60.0
"""So long a writer waits for those of other processes: each takes milliseconds."""

_LARGEST_LOG = 16 << 20  # bytes that the write-ahead log keeps on the disk once it was written back
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}  # the last: a table or column is missing
_RESTORE = (
    "restore it from a copy, or move it away together with the files beside it whose names begin with its name: "
    "jobs and outcomes then begin anew, stored days stay"
)
_REMEDIES = {
    sqlite3.SQLITE_FULL: "free some space there",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable, or name another",
    sqlite3.SQLITE_CANTOPEN: "name a file in a folder that can be read and written",
    sqlite3.SQLITE_BUSY: f"end the process that has kept it locked for {BUSY_SECONDS:g} seconds",
}


class Database:
    """One file, opened at its first use, by one writing and one reading connection. Any thread; not over a fork.

    A reader sees what was committed before it began, and never waits for a writer.

    Args:
        path: The file; made, with its folder, by the first who writes.
        locks: The folder of the locks beside it.
    """

    def __init__(self, path: Path, locks: Path) -> None:
        self.path = path
        self._creation = locks / "creation.lock"
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._pid: int | None = None
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction: on the disk when the body is left, undone when an exception leaves it.

        Raises:
            ServiceUnusable: The file was opened before this process was forked.
            DamagedFile: The file is no job store that this release can read.
            StoreUnavailable: It cannot be written.
        """
        self._check_process()
        with self._writing, self._translated():
            self._check_place()
            if self._writer is None:
                self._writer = self._connect()
            with _transaction(self._writer, "BEGIN IMMEDIATE"):  # to begin reading and write later fails where two do so
                yield self._writer

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading one state of the file; an empty store where there is no file.

        Raises:
            ServiceUnusable: The file was opened before this process was forked.
            DamagedFile: The file is no job store that this release can read.
            StoreUnavailable: It cannot be read.
        """
        self._check_process()
        with self._reading, self._translated():
            self._check_place()
            if self._reader is None and not self.path.exists():
                yield from _nothing()
                return
            if self._reader is None and self._is_at_rest():
                with closing(self._connect_at_rest()) as connection:
                    yield connection
                return
            if self._reader is None:
                self._reader = self._connect()
            with _transaction(self._reader, "BEGIN"):
                yield self._reader

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Take what the body cannot make sense of for damage.

        Raises:
            DamagedFile: The body raised what reading a misfit raises.
        """
        try:
            yield
        except MISFITS as error:
            rule = f"does not hold what a job store holds ({type(error).__name__}: {error})"
            raise DamagedFile(str(self.path), rule, _RESTORE) from error

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        self._identity = None
        for lock, name in ((self._writing, "_writer"), (self._reading, "_reader")):
            with lock:
                connection: sqlite3.Connection | None = getattr(self, name)
                setattr(self, name, None)
                if connection is not None:
                    connection.close()

    @property
    def is_of_another_process(self) -> bool:
        """Whether the file was opened before this process was forked; nothing may be done with it here then, not even closing it."""
        return self._pid not in {None, os.getpid()}

    def _check_process(self) -> None:
        if self.is_of_another_process:
            message = f"the job store at {self.path} was opened before this process was forked; make a new one in this process"
            raise ServiceUnusable(message)

    def _check_place(self) -> None:
        """Refuse a file that was moved away: what went into it would be lost to all who look for it in its place."""
        if self._identity not in {None, _identity(self.path)}:
            message = f"{self.path}: the job store was moved away while it was in use; put it back, or close this store first"
            raise StoreUnavailable(message)

    def _is_at_rest(self) -> bool:
        """Return whether the file was closed cleanly, in a folder where this user can write nothing.

        SQLite makes a file beside it even to read; where there is one, its writer has not closed it, and it can be read with that.
        """
        beside = (self.path.with_name(self.path.name + ending) for ending in ("-wal", "-shm"))
        return not os.access(self.path.parent, os.W_OK) and not any(path.exists() for path in beside)

    def _connect_at_rest(self) -> sqlite3.Connection:
        """Return a connection for one look: the next is told when somebody else has opened the file meanwhile."""
        connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        try:
            is_new = _schema.is_new(connection, self.path)
        except BaseException:
            connection.close()
            raise
        if is_new:
            connection.close()
            raise PermissionError(errno.EACCES, "it holds nothing yet, and nothing can be written there", str(self.path))
        return connection

    def _connect(self) -> sqlite3.Connection:
        self._pid = os.getpid()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            if _schema.is_new(connection, self.path):
                with locked(self._creation):
                    self._create(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")  # where the system's fsync stops at the disk's own cache
            connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG}")
            self._identity = _identity(self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        if not _schema.is_new(connection, self.path):
            return  # another was quicker
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            message = f"{self.path}: this file system cannot hold a job store (no shared memory); choose a local disk"
            raise StoreUnavailable(message)
        _schema.create_tables(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except BackfillError:
            raise  # some of ours are OSErrors as well
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
            if code in _DAMAGED:
                raise DamagedFile(str(self.path), f"cannot be read as a job store ({error})", _RESTORE) from error
            if not isinstance(error, sqlite3.OperationalError):
                raise  # a slip of ours
            remedy = _REMEDIES.get(code, "see to the disk")
            message = f"{self.path}: the job store cannot be used ({error}); {remedy}: what was noted stays noted"
            raise StoreUnavailable(message) from error
        except OSError as error:
            message = f"{self.path}: the job store cannot be used ({error.strerror}); choose a folder that can be written"
            raise StoreUnavailable(message) from error


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has undone it already
            connection.execute("ROLLBACK")
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:  # moved away: that is the answer
        return None
    return found.st_dev, found.st_ino


def _nothing() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    try:
        _schema.create_tables(connection)
        yield connection
    finally:
        connection.close()
