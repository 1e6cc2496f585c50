"""Exclusive locks on files, by the operating system: they go when their holder does, however it ends."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":  # pragma: no cover - runs on Windows only
    import msvcrt
    import time

    _FAR = 1 << 30  # a locked byte cannot be read there, so lock one that holds nothing

    def _try_lock(file: int) -> bool:
        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        finally:
            os.lseek(file, 0, os.SEEK_SET)
        return True

    def _lock(file: int) -> None:
        while not _try_lock(file):
            time.sleep(0.001)  # the system's own waiting lock looks once a second

    def _unlock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: int) -> None:
        # not left to close(): a process forked meanwhile holds a copy of the descriptor, and would keep the lock for ever
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Open *path* for reading and writing, made if missing, with its folder; yield its descriptor with the lock held.

    The file is opened anew each time: the lock belongs to the opening, so threads exclude each other as processes do, and nothing
    stays open.

    Raises:
        OSError: It cannot be opened or locked.
    """
    file = _open(path)
    try:
        _lock(file)
        try:
            yield file
        finally:
            _unlock(file)
    finally:
        os.close(file)


class HeldLock:
    """A lock that is kept for long; made by `try_hold`. Any thread may release it; in a forked process it holds nothing."""

    def __init__(self, file: int) -> None:
        self._file: int | None = file
        self._pid = os.getpid()

    def release(self) -> None:
        """Let others have the lock. May be called twice."""
        with _forking:
            if self._file is not None and self._pid == os.getpid():
                _unlock(self._file)
                _kept.discard(self._file)
                os.close(self._file)
            self._file = None


def try_hold(path: Path) -> HeldLock | None:
    """Take the lock on *path*, made if missing, with its folder; ``None``: another holds it, be it a thread of this process. Never waits.

    Raises:
        OSError: It cannot be opened or locked.
    """
    with _forking:
        file = _open(path)
        try:
            if _try_lock(file):
                _kept.add(file)
                return HeldLock(file)
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        return None


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


_kept: set[int] = set()
_forking = threading.RLock()  # held while the process is forked, so that the child knows every descriptor that it has inherited


def _after_fork_in_child() -> (
    None
):  # pragma: no cover - in forked processes, where nothing is measured; tests look at what it does
    """Close what was inherited: the lock would otherwise outlive its holder for as long as the child lives."""
    for file in _kept:
        os.close(file)
    _kept.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):  # pragma: no branch - only Windows cannot fork
    os.register_at_fork(before=_forking.acquire, after_in_parent=_forking.release, after_in_child=_after_fork_in_child)
