"""Rows that were seen before: whether a report repeats that of another day, also of one that another process has read."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections import OrderedDict
from contextlib import suppress
from datetime import date
from pathlib import Path

from backfill.model import Document
from backfill.toastmasters.kinds import ReportKind

VERSION = 1

_REMEMBERED = 8192
"""So many reports at most are remembered where there is no file."""

_BUSY_SECONDS = 10.0


class SeenRows:
    """The day on which each report's rows were seen first: eight bytes of their hash, and the day. Any thread, any process.

    The file is a note that can be done without: removed or damaged, it begins anew, and what was seen before then is not noticed. It
    goes with pickle to other processes, which write to it as well.

    Args:
        path: The file, made with the first row; ``None`` = in memory, for the newest reports.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._days: OrderedDict[int, date] = OrderedDict()
        self._connection: sqlite3.Connection | None = None
        self._pid: int | None = None

    def __reduce__(self) -> tuple[type[SeenRows], tuple[Path | None]]:
        """Pickle where the file is."""
        return type(self), (self._path,)

    def first_day(self, kind: ReportKind, district: str | None, day: date, document: Document) -> date:
        """Return the day whose report of this kind and district had the rows of *document* first: *day*, if none had."""
        key = _key(kind, district, document)
        with self._lock:
            if self._path is None:
                return self._remembered(key, day)
            with suppress(sqlite3.Error, OSError, ValueError):  # begun anew below: it is a help, and no record
                return self._kept(self._opened(self._path), key, day)
            self._forget()
        return day

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            self._let_go()

    # --- within -------------------------------------------------------------------------------------------------------

    def _remembered(self, key: int, day: date) -> date:
        first = self._days.setdefault(key, day)
        self._days.move_to_end(key)
        if len(self._days) > _REMEMBERED:
            self._days.popitem(last=False)
        return first

    def _kept(self, connection: sqlite3.Connection, key: int, day: date) -> date:
        query = "SELECT day FROM rows WHERE key = ?"
        found = connection.execute(query, (key,)).fetchone()
        if found is None:
            connection.execute("INSERT OR IGNORE INTO rows VALUES (?, ?)", (key, day.toordinal()))
            found = connection.execute(query, (key,)).fetchone()  # another process may have been quicker
        return date.fromordinal(found[0])

    def _opened(self, path: Path) -> sqlite3.Connection:
        if self._connection is None or self._pid != os.getpid():
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._connection, self._pid = connection, os.getpid()
            connection.execute("PRAGMA synchronous = OFF")  # what a power cut takes is noticed one time less
            connection.execute("PRAGMA journal_mode = WAL")
            if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                connection.executescript(
                    "BEGIN IMMEDIATE; DROP TABLE IF EXISTS rows; CREATE TABLE rows (key INTEGER PRIMARY KEY, day INTEGER NOT NULL);"
                    f"PRAGMA user_version = {VERSION}; COMMIT"
                )
        return self._connection

    def _forget(self) -> None:
        """Take away a file that cannot be used, so that the next use makes another."""
        self._let_go()
        if self._path is not None:
            with suppress(OSError):  # the next use tries again
                if self._path.read_bytes()[:6] not in {b"SQLite", b""}:
                    self._path.unlink()

    def _let_go(self) -> None:
        if self._connection is not None and self._pid == os.getpid():
            with suppress(sqlite3.Error):  # it is let go all the same
                self._connection.close()
        self._connection = None


def _key(kind: ReportKind, district: str | None, document: Document) -> int:
    rows = document.content.rstrip().rpartition(b"\n")[0]  # all but the footer
    digest = hashlib.sha256(f"{kind}~{district or ''}\n".encode())
    digest.update(rows)
    return int.from_bytes(digest.digest()[:8], "big", signed=True)
