"""A small file that is only ever replaced as a whole, durably, by one writer at a time, over threads and processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backfill.errors import StoreUnavailable

LOCK_SECONDS = 10.0

Stamp = tuple[int, int, int]
"""Tells one state of a file from another, without reading it."""


class WholeFile:
    """The file. Holds nothing open; any thread, any process.

    Args:
        path: Where it is; it, and the folder that it is in, are made by the first replacement.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> Stamp | None:
        """Return what tells the present state from others; ``None`` = there is no file.

        Raises:
            StoreUnavailable: It cannot be looked at.
        """
        with self._translated("read"):
            try:
                return _stamp(self.path.stat())
            except FileNotFoundError:  # no file, which is an answer
                return None

    def read(self) -> tuple[Stamp, bytes] | None:
        """Return what it holds, with the stamp of exactly that; ``None`` = there is no file.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        with self._translated("read"):
            try:
                with self.path.open("rb") as file:
                    return _stamp(os.fstat(file.fileno())), file.read()
            except FileNotFoundError:  # as above
                return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other writer away, in this process and in others, and make the folder if need be.

        Raises:
            StoreUnavailable: Another writer keeps the lock for too long, or the lock cannot be had.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - only who writes pays for it

        with self._translated("locked"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.with_name(self.path.name + ".lock"))
            try:
                lock.acquire(timeout=LOCK_SECONDS, poll_interval=0.01)  # real seconds: those of the process that holds it
            except Timeout as error:
                message = f"{self.path}: another process has kept it locked for {LOCK_SECONDS:g} seconds; try again, or end that process"
                raise StoreUnavailable(message) from error
        try:
            yield
        finally:
            lock.release()

    def replace(self, content: bytes) -> None:
        """Make it hold *content*, durably and as a whole; the caller holds the lock.

        Raises:
            StoreUnavailable: It cannot be written; the file is as it was.
        """
        temporary = self.path.with_name(f".{self.path.name}.tmp")  # one name, as there is one writer: a crash leaves one at most
        with self._translated("written"):
            try:
                with temporary.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            _sync_folder(self.path.parent)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = (
                f"{self.path}: cannot be {what} ({error}); "
                "make it a file in a folder that can be read and written, with room on its disk"
            )
            raise StoreUnavailable(message) from error


def _stamp(stat: os.stat_result) -> Stamp:
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # pragma: no branch - other systems cannot sync a folder, and need not
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
