"""Contents by their hash: written once, whole or not at all, and never changed."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from backfill.errors import DamagedFile

_LEFT_OVER = 3600.0
"""Seconds after which what is still being written belongs to a process that was killed."""

_EFFORT = 4
"""Of zlib's levels: a table of figures is a fifteenth larger than with its highest, and takes a twentieth of the time."""


def packed(content: bytes) -> bytes:
    """Return *content* as it is kept: compressed, the same bytes each time, since no time is in it."""
    return gzip.compress(content, _EFFORT, mtime=0)


class Blobs:
    """A folder of compressed contents, each under the SHA-256 of what it holds. Any thread, any process.

    Args:
        root: The folder; made when it is first written to.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._begun = root / ".writing"  # what a killed process leaves is all in one small folder
        self._is_tidy = False
        self._lasting: set[Path] = set()

    def path(self, sha256: str) -> Path:
        """Return where the content with this hash is, if it is there."""
        return self._root / sha256[:2] / f"{sha256[2:]}.gz"

    def read(self, sha256: str) -> bytes:
        """Return the content with this hash.

        Raises:
            DamagedFile: The file is missing, or holds something else.
            OSError: It cannot be read.
        """
        path = self.path(sha256)
        is_missing, content = False, None
        try:
            content = gzip.decompress(path.read_bytes())
        except FileNotFoundError:  # told below, as a content that is gone
            is_missing = True
        except (gzip.BadGzipFile, EOFError, zlib.error):  # it holds something else, which is said below
            pass
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            rule = f"should hold the content whose SHA-256 is {sha256}"
            remedy = "fetch the document again with enable_caching=False, which writes the file anew"
            raise DamagedFile(str(path), rule, remedy, is_missing=is_missing)
        return content

    def write(self, sha256: str, content: bytes) -> None:
        """Keep *content*; does nothing when it is there already, and mends a damaged file. On disk when it returns.

        Raises:
            OSError: It cannot be written; nothing is left behind.
        """
        path = self.path(sha256)
        if self._holds(path, sha256):
            return
        if path.parent not in self._lasting:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._begun.mkdir(exist_ok=True)
            self._tidy()
        temporary = self._begun / f"{path.name}.{uuid4().hex}"
        try:
            with temporary.open("xb") as file:
                file.write(packed(content))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        if path.parent not in self._lasting:  # made a moment ago, by us or by another who has not come as far as this
            _sync_folder(self._root)
            self._lasting.add(path.parent)

    def _holds(self, path: Path, sha256: str) -> bool:
        if not path.exists():
            return False
        try:
            self.read(sha256)
        except DamagedFile:
            return False
        return True

    def _tidy(self) -> None:
        """Remove what killed processes had begun to write, once."""
        if not self._is_tidy:
            self._is_tidy = True
            for left in self._begun.iterdir():
                with suppress(OSError):  # another was quicker, or may and will do it
                    if left.stat().st_mtime < time.time() - _LEFT_OVER:
                        left.unlink()


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":  # pragma: no branch - Windows opens no folder, and syncs names by itself
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
