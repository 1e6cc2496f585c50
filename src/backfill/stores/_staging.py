"""Where drafts grow unseen, and how what dead processes have left there is told from what live ones are using.

Each draft has a directory of its own, and holds a lock on a file in it for as long as it lives; the system lets the lock go
when the process ends, however it ends. Making a directory and judging one exclude each other by one more lock, so that no
directory is judged between its making and its locking.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from backfill.stores._atomic import FileSystem, remove_tree
from backfill.stores._layout import Layout
from backfill.stores._locks import Locks, lock_of, try_lock

IN_USE = "in-use"


class Workspace:
    """One draft's directory.

    Attributes:
        path: The directory.
    """

    def __init__(self, path: Path, lock: FileLock, files: FileSystem) -> None:
        self.path = path
        self._lock = lock
        self._files = files
        self._pid = os.getpid()

    def discard(self) -> None:
        """Remove the directory and all in it; nothing happens the second time, or in a process forked off meanwhile.

        What cannot be removed is left to the next sweep: a draft that is left must not hide why it was left.
        """
        if os.getpid() == self._pid:
            with suppress(OSError):  # see above: the next sweep does it
                remove_tree(self._files, self.path)
            self._lock.release()


class Staging:
    """The staging area of one store. Any thread.

    Args:
        layout: Where it is.
        files: The file system.
        locks: Keeps making and judging apart.
    """

    def __init__(self, layout: Layout, files: FileSystem, locks: Locks) -> None:
        self._layout = layout
        self._files = files
        self._locks = locks

    def claim(self) -> Workspace:
        """Return a new directory, held by its lock until it is discarded."""
        path = self._layout.staging / uuid.uuid4().hex
        lock = lock_of(path / IN_USE)
        with self._locks.staging():
            self._files.make_directory(path)
            lock.acquire(timeout=0)
        return Workspace(path, lock, self._files)

    def sweep(self) -> list[str]:
        """Remove what processes that ended have left; return the names of what is gone."""
        dead: list[Workspace] = []
        with self._locks.staging():
            self._files.make_directory(self._layout.staging)
            for name in self._files.names(self._layout.staging):
                path = self._layout.staging / name
                lock = lock_of(path / IN_USE)
                if path.is_dir() and try_lock(lock):
                    dead.append(Workspace(path, lock, self._files))
        for workspace in dead:  # their locks keep other sweeps off, so the area is free for new drafts meanwhile
            workspace.discard()
        return [workspace.path.name for workspace in dead if not workspace.path.exists()]
