"""File systems for tests of the file store: one that does not wait for the disk, one that can do less, one that crashes.

They go where the real one goes: ``PerDistrictFileSnapshotStore(root, files=CrashingFiles(at=7))``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from backfill.stores._atomic import FileSystem
from backfill.testing.doubles import Faults, Operation


class UnsyncedFiles(FileSystem):
    """A file system that does not wait for the disk: what no test could see, and most of the time that tests would take."""

    def sync(self, descriptor: int) -> None:
        """Do nothing."""

    def sync_directory(self, path: Path) -> None:
        """Do nothing."""


class PlainFiles(UnsyncedFiles):
    """A file system that can neither exchange directories nor link files, as some network shares."""

    def exchange(self, one: Path, other: Path) -> None:  # noqa: ARG002 - refused whatever it is
        """Refuse."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one))

    def link(self, source: Path, target: Path) -> None:  # noqa: ARG002 - as above
        """Refuse, if the file is there."""
        source.stat()
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source))


class Crash(BaseException):
    """The process ended here: nothing that follows happens."""


class CrashingFiles(FileSystem):
    """A file system on which the world ends at a chosen operation, or on which one operation fails.

    A crash point is the number of an operation. To try them all, count the operations of what is to be tested once, and then
    crash at each:

    .. code-block:: python

        counting = CrashingFiles()
        change(PerDistrictFileSnapshotStore(root, files=counting))
        for at in range(len(counting.log)):
            with suppress(Crash):  # it is the crash that was asked for
                change(PerDistrictFileSnapshotStore(another_root(), files=CrashingFiles(at=at)))

    Raised, a `Crash` runs the ``finally`` clauses on its way, but they change nothing any more: every later operation fails as
    well. For a process that really ends, hand it ``go_wrong=lambda: os._exit(9)``.

    Args:
        files: The file system that does the work; ``None`` = one that does not wait for the disk.
        at: The number of the operation, from 0; ``None`` = none, they are only counted.
        go_wrong: Returns what is raised instead of that operation.
        forever: Whether all later operations go wrong as well.
        torn: The share of a file that is there when the operation is to create it: 0 = an empty file; ``None`` = no file.

    Attributes:
        log: The operations so far, with their arguments.
    """

    def __init__(
        self,
        files: FileSystem | None = None,
        at: int | None = None,
        go_wrong: Callable[[], BaseException] = Crash,
        *,
        forever: bool = True,
        torn: float | None = None,
    ) -> None:
        self._files = files or UnsyncedFiles()
        self._faults = Faults(at, go_wrong, forever=forever)
        self._torn = torn

    @property
    def log(self) -> list[Operation]:
        """The operations so far, with their arguments."""
        return self._faults.log

    def read(self, path: Path) -> bytes:
        """Read a file."""
        self._step("read", path)
        return self._files.read(path)

    def names(self, path: Path) -> list[str]:
        """List a directory."""
        self._step("names", path)
        return self._files.names(path)

    def make_directory(self, path: Path) -> None:
        """Make a directory."""
        self._step("make_directory", path)
        self._files.make_directory(path)

    def create(self, path: Path, content: bytes) -> None:
        """Create a file, or the part of it that is torn off."""
        if self._torn is not None and self._faults.is_next():
            path.write_bytes(content[: int(len(content) * self._torn)])
        self._step("create", path, content)
        self._files.create(path, content)

    def overwrite(self, path: Path, content: bytes) -> None:
        """Overwrite a file, or the part of it that is torn off."""
        if self._torn is not None and self._faults.is_next():
            path.write_bytes(content[: int(len(content) * self._torn)])
        self._step("overwrite", path, content)
        self._files.overwrite(path, content)

    def link(self, source: Path, target: Path) -> None:
        """Link a file."""
        self._step("link", source, target)
        self._files.link(source, target)

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file or directory."""
        self._step("rename", source, target)
        self._files.rename(source, target)

    def exchange(self, one: Path, other: Path) -> None:
        """Exchange two directories."""
        self._step("exchange", one, other)
        self._files.exchange(one, other)

    def sync_directory(self, path: Path) -> None:
        """Sync a directory."""
        self._step("sync_directory", path)
        self._files.sync_directory(path)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        self._step("unlink", path)
        self._files.unlink(path)

    def remove_directory(self, path: Path) -> None:
        """Remove a directory."""
        self._step("remove_directory", path)
        self._files.remove_directory(path)

    def _step(self, name: str, *arguments: object) -> None:
        error = self._faults.note(name, *arguments)
        if error is not None:
            raise error
