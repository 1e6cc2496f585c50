"""File systems that fail, or end the world, at a chosen operation."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from stores.store_cases import UnsyncedFiles

OPERATIONS = (
    "read", "names", "make_directory", "create", "overwrite", "link", "rename", "exchange", "sync_directory", "unlink",
    "remove_directory",
)  # fmt: skip


class PlainFiles(UnsyncedFiles):
    """A file system that can neither exchange directories nor link files, as some network shares."""

    def exchange(self, one: Path, other: Path) -> None:
        """Refuse."""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one))

    def link(self, source: Path, target: Path) -> None:
        """Refuse, if the file is there."""
        source.stat()
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source))


class Crash(BaseException):
    """The process ended here: nothing that follows happens."""


class Recorder:
    """Notes every operation of a file system, and lets one of them go wrong.

    Args:
        at: The number of the operation, from 0.
        go_wrong: Called instead of that operation; what it returns is raised.
        forever: Whether all later operations go wrong as well.
    """

    def __init__(self, at: int = -1, go_wrong: Callable[[], BaseException] = Crash, *, forever: bool = True) -> None:
        self.log: list[tuple[str, tuple[object, ...]]] = []
        self.at = at
        self.go_wrong = go_wrong
        self.forever = forever

    def step(self, name: str, args: tuple[object, ...]) -> None:
        """Note the operation, and raise if it is the one."""
        number = len(self.log)
        self.log.append((name, args))
        if number == self.at or (self.forever and 0 <= self.at < number):
            if name == "create" and number == self.at and self.forever:
                path, content = args
                assert isinstance(path, Path)
                assert isinstance(content, bytes)
                path.write_bytes(content[: len(content) // 2])
            raise self.go_wrong()


def recorded(kind: type[UnsyncedFiles], recorder: Recorder) -> UnsyncedFiles:
    """Return a file system of a kind whose operations go through *recorder*."""

    def wrap(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: object) -> object:
            recorder.step(name, args)
            return method(*args)

        return call

    files = kind()
    for name in OPERATIONS:
        setattr(files, name, wrap(name, getattr(files, name)))
    return files
