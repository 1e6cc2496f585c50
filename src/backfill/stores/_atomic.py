"""The few things a file store asks of the file system, and how a directory takes another's place.

`FileSystem` is the seam: every change that a store makes goes through one of its methods, so that a test can let any of them
fail, or end the process there.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_BINARY: int = getattr(os, "O_BINARY", 0)
_DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)

_NO_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_LINK = _NO_EXCHANGE | {errno.EPERM, errno.EXDEV, errno.EMLINK}


class FileSystem:
    """The real one. Stateless; any thread. Errors are the system's own ``OSError``."""

    def read(self, path: Path) -> bytes:
        """Return what the file holds."""
        return path.read_bytes()

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory, ascending."""
        return sorted(os.listdir(path))  # noqa: PTH208 - names are what is wanted

    def make_directory(self, path: Path) -> None:
        """Make the directory and those above it, where they are missing."""
        path.mkdir(parents=True, exist_ok=True)

    def create(self, path: Path, content: bytes) -> None:
        """Make a new file that holds *content*, on the disk when this returns; after an error there is none."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            try:
                _write_all(descriptor, content)
                self.sync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            with suppress(OSError):  # why it could not be written is what must be told
                path.unlink()  # half a file would use the space that is wanting
            raise

    def overwrite(self, path: Path, content: bytes) -> None:
        """Make the file hold *content*. Neither atomic nor on the disk: for notes that can be done without."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o666)
        try:
            _write_all(descriptor, content)
        finally:
            os.close(descriptor)

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name."""
        os.link(source, target)

    def rename(self, source: Path, target: Path) -> None:
        """Move a file or directory; a directory only to where none with files in it stands."""
        os.replace(source, target)  # noqa: PTH105 - beside its relatives

    def exchange(self, one: Path, other: Path) -> None:
        """Let two directories change places in one instant (Linux; elsewhere an ``OSError`` that says it cannot)."""
        renameat2 = _find_renameat2()
        if renameat2 is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one))
        if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(one), None, str(other))

    def sync(self, descriptor: int) -> None:
        """Bring an open file's content to the disk."""
        _sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Bring the directory's list of names to the disk, where the platform lets a directory be opened."""
        if not _DIRECTORY:
            return
        descriptor = os.open(path, os.O_RDONLY | _DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory."""
        path.rmdir()


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]  # a nearly full disk takes a part without any error; the next write tells


@cache
def _find_renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # no such call here: exchanged by renaming instead
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function


def link_or_copy(files: FileSystem, source: Path, target: Path) -> None:
    """Give *target* the content of *source*: a second name where the file system has such a thing, else a copy."""
    try:
        files.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        files.create(target, files.read(source))


def replace_directory(files: FileSystem, live: Path, new: Path, aside: Path) -> None:
    """Put *new* in the place of *live*, and what stood there in the place of *new*.

    In one instant where the platform can. Elsewhere *live* is missing between two renames, while what it held stands at
    *aside*: readers look there too, and the next writer puts it back if the process ends in between.
    """
    try:
        files.exchange(new, live)
    except OSError as error:
        if error.errno not in _NO_EXCHANGE:
            raise
        files.rename(live, aside)
        try:
            files.rename(new, live)
        except BaseException:
            files.rename(aside, live)
            raise
        files.rename(aside, new)


def remove_tree(files: FileSystem, path: Path) -> None:
    """Remove a file, or a directory and all in it; what somebody else removes meanwhile is as good."""
    with suppress(FileNotFoundError):  # see above: it is gone
        if path.is_symlink() or not path.is_dir():
            files.unlink(path)
            return
        for name in files.names(path):
            remove_tree(files, path / name)
        files.remove_directory(path)
