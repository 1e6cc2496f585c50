"""One writer a day, across threads and processes; who waits in vain is told for whom."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout

from backfill.errors import DayLocked
from backfill.jsonvalues import dumps
from backfill.protocols import Clock
from backfill.stores._atomic import FileSystem
from backfill.stores._fields import Fields
from backfill.stores._layout import Layout

_FIRST_PAUSE = 0.001  # seconds: a commit takes milliseconds
_LONGEST_PAUSE = 0.05


class Locks:
    """The locks of one store. Any thread; the system releases what a process held when it ends.

    Args:
        layout: Where they are.
        files: How notes are written.
        clock: Waits.
        timeout: Seconds to wait for a day.
    """

    def __init__(self, layout: Layout, files: FileSystem, clock: Clock, timeout: float) -> None:
        self._layout = layout
        self._files = files
        self._clock = clock
        self._timeout = timeout

    @contextmanager
    def day(self, day: date, holder: str, *, timeout: float | None = None) -> Iterator[None]:
        """Hold the day while the body runs; *holder* is told to those who wait, at most *timeout* seconds (``None`` = the store's).

        Raises:
            DayLocked: Another held it for too long.
        """
        path = self._layout.lock(day)
        note = path.with_suffix(".json")  # beside the lock, since some versions of the lock empty its file
        with self._held(path, note, str(day), self._timeout if timeout is None else timeout):
            self._leave_note(note, holder)
            yield

    @contextmanager
    def staging(self) -> Iterator[None]:
        """Hold the staging area as a whole while the body runs.

        Raises:
            DayLocked: Another held it for too long.
        """
        path = self._layout.locks / "staging.lock"
        with self._held(path, path.with_suffix(".json"), "the staging area", self._timeout):
            yield

    @contextmanager
    def _held(self, path: Path, note: Path, what: str, timeout: float) -> Iterator[None]:
        self._files.make_directory(path.parent)
        lock = lock_of(path)
        never = threading.Event()
        started, pause = self._clock.monotonic(), _FIRST_PAUSE
        while not try_lock(lock):
            waited = self._clock.monotonic() - started
            if waited >= timeout:
                raise DayLocked(self._refusal(what, note, timeout))
            self._clock.wait(never, min(pause, timeout - waited))
            pause = min(pause * 2, _LONGEST_PAUSE)
        try:
            yield
        finally:
            lock.release()

    def _leave_note(self, note: Path, holder: str) -> None:
        facts = {"holder": holder, "pid": os.getpid(), "host": socket.gethostname(), "since": self._clock.now().isoformat()}
        with suppress(OSError):  # a courtesy: a full disk must not keep anybody from deleting a day
            self._files.overwrite(note, dumps(facts))

    def _refusal(self, what: str, note: Path, timeout: float) -> str:
        try:
            facts = Fields.of(self._files.read(note))
            who = f"{facts.text('holder')} (process {facts.count('pid')} on {facts.text('host')}, since {facts.text('since')})"
        except (OSError, ValueError):  # the note is a courtesy: the lock itself tells that somebody has it
            who = "another writer"
        return (
            f"{what} is held by {who} for longer than the {timeout:g} s allowed; try again when it has ended, or end that process"
        )


def lock_of(path: Path) -> FileLock:
    """Return the lock on a file, not taken yet; any thread may release it."""
    return FileLock(path, thread_local=False)


def try_lock(lock: FileLock) -> bool:
    """Take *lock* if nobody holds it; return whether it is held now."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True
