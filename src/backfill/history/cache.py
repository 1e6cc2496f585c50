"""Keeps the figures of stored records in one file, so that a history over years opens those files only that have changed since."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TypeAlias, cast

from backfill.jsonvalues import JsonValue, dumps, loads

VERSION = 1

Figures: TypeAlias = Mapping[str, JsonValue]
"""The figures of one record: every value that is neither a list nor in one, by its path."""

DayFigures: TypeAlias = Mapping[str, tuple[str, Figures]]
"""Of each district of a day the SHA-256 of its record, and its figures."""


class HistoryCache:
    """A SQLite file beside a store; it may be removed at any time, and is then made anew. Any thread, any process.

    Args:
        path: The file; ``None`` = in memory, for as long as this object lives.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._days: dict[date, DayFigures] = {}

    def load(self, start: date, end: date) -> dict[date, DayFigures]:
        """Return what is known of the days of a range. What cannot be read is not known."""
        if self._path is None:
            with self._lock:
                return {day: held for day, held in self._days.items() if start <= day <= end}
        try:
            with self._lock, closing(self._open(self._path)) as connection:
                query = "SELECT day, figures FROM days WHERE day BETWEEN ? AND ?"
                rows = connection.execute(query, (start.isoformat(), end.isoformat())).fetchall()
        except (sqlite3.Error, OSError):
            return {}
        return {day: held for day, held in (_decoded(*row) for row in rows) if held}

    def save(self, days: Mapping[date, DayFigures]) -> None:
        """Keep what was read. What cannot be written is read again the next time."""
        if self._path is None:
            with self._lock:
                self._days.update(days)
            return
        try:
            with self._lock, closing(self._open(self._path)) as connection, connection:
                rows = [
                    (day.isoformat(), dumps({name: [sha256, figures] for name, (sha256, figures) in held.items()}))
                    for day, held in days.items()
                ]
                connection.executemany("INSERT OR REPLACE INTO days VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError):  # a cache that cannot be written is one that is not there
            return

    def _open(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(path)
        except sqlite3.OperationalError:
            raise  # it is locked, a folder, or nobody may write it: it may hold what is right
        except sqlite3.DatabaseError:  # no database, or a damaged one: it is made anew
            for name in ("", "-journal", "-wal", "-shm"):
                path.with_name(path.name + name).unlink(missing_ok=True)
            return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10.0)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        columns = [name for _at, name, *_more in connection.execute("PRAGMA table_info(days)")]
        if version != VERSION or columns != ["day", "figures"]:
            connection.executescript(
                f"DROP TABLE IF EXISTS days; CREATE TABLE days (day TEXT PRIMARY KEY, figures BLOB NOT NULL) WITHOUT ROWID;"
                f"PRAGMA user_version = {VERSION};"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _decoded(day: object, figures: object) -> tuple[date, DayFigures]:
    """Return what a row holds; nothing where it holds what it must not, so that it is read anew and replaced."""
    if not isinstance(day, str) or not isinstance(figures, bytes):
        return date.min, {}
    try:
        on, held = date.fromisoformat(day), loads(figures)
    except ValueError:
        return date.min, {}
    if not isinstance(held, dict) or not all(map(_is_sound, held.values())):
        return on, {}
    pairs = cast("dict[str, tuple[str, Figures]]", held)
    return on, {name: (sha256, of_record) for name, (sha256, of_record) in pairs.items()}


def _is_sound(held: JsonValue) -> bool:
    match held:
        case [str(), dict(figures)]:
            return not any(isinstance(value, list | dict) for value in figures.values())
    return False
