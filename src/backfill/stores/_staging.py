"""Where drafts grow unseen, and how what dead processes have left there is told from what live ones are using.

Each draft has a directory of its own, and holds a lock on a file in it for as long as it lives; the system lets the lock go
when the process ends, however it ends. Making a directory and judging one exclude each other by one more lock, so that no
directory is judged between its making and its locking.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import define, field
from filelock import FileLock

from backfill.protocols import Clock
from backfill.stores._atomic import FileSystem, remove_tree
from backfill.stores._layout import Layout
from backfill.stores._locks import Locks, lock_of, try_lock
from backfill.stores._probing import is_held, keeping_out

IN_USE = "in-use"


@define
class Swept:
    """What a sweep has done.

    Attributes:
        gone: The names of what is removed.
        kept: Why the others could not be, by name.
    """

    gone: list[str] = field(factory=list)
    kept: dict[str, OSError] = field(factory=dict)


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

    def discard(self) -> OSError | None:
        """Remove the directory and all in it; nothing happens the second time, or in a process forked off meanwhile.

        What cannot be removed is left to the next sweep: a draft that is left must not hide why it was left. Returns why.
        """
        why: OSError | None = None
        if os.getpid() == self._pid:
            try:
                remove_tree(self._files, self.path)
            except OSError as error:  # see above: the next sweep does it
                why = error
            self._lock.release()
        return why


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

    def sweep(self) -> Swept:
        """Remove what processes that ended have left; return the names of what is gone, and of what could not be removed."""
        dead: list[Workspace] = []
        swept = Swept()
        with self._locks.staging():
            self._files.make_directory(self._layout.staging)
            for name in self._files.names(self._layout.staging):
                path = self._layout.staging / name
                lock = lock_of(path / IN_USE)
                try:
                    if path.is_dir() and try_lock(lock):
                        dead.append(Workspace(path, lock, self._files))
                except OSError as error:  # perhaps another user's: it must not keep the others
                    if not is_held(path / IN_USE):
                        swept.kept[name] = error
        for workspace in dead:  # their locks keep other sweeps off, so the area is free for new drafts meanwhile
            why = workspace.discard()
            if why is not None:
                swept.kept[workspace.path.name] = why
            elif not workspace.path.exists():
                swept.gone.append(workspace.path.name)
        return swept


def ended_drafts(layout: Layout, files: FileSystem, clock: Clock) -> Iterator[str]:
    """Iterate over the names of the drafts whose writers have ended, and of whatever else lies there. Writes nothing.

    None, while the area is locked for long: a draft might be taken for one that was left before its writer locks it.
    """
    with keeping_out(layout.locks / "staging.lock", clock) as alone, suppress(FileNotFoundError):  # no area: nothing in it
        for name in files.names(layout.staging) if alone else ():
            path = layout.staging / name
            if not path.is_dir() or not is_held(path / IN_USE):
                yield name
