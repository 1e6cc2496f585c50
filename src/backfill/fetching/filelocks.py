"""An exclusive lock on a file, for moments. By the operating system, so that it goes when its holder does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":  # pragma: no cover - runs on Windows only
    import msvcrt
    import time

    _FAR = 1 << 30  # a locked byte cannot be read there, so lock one that holds nothing

    def _lock(file: int) -> None:
        while True:
            try:
                os.lseek(file, _FAR, os.SEEK_SET)
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            except PermissionError:
                time.sleep(0.001)  # the system's own waiting lock looks once a second
            else:
                os.lseek(file, 0, os.SEEK_SET)
                return

    def _unlock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

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
    try:
        file = _open(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _open(path)
    try:
        _lock(file)
        try:
            yield file
        finally:
            _unlock(file)
    finally:
        os.close(file)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
