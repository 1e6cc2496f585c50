"""What the system says of files, told in the words of `backfill.errors`."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backfill.errors import BackfillError, StoreError, StoreUnavailable

_FULL = "free some space there, and run the rest again"
_MISSING = "it is not there, and cannot be made: make it, or choose another directory"
_DENIED = "let this user write there, or choose another directory"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "mount it writable, or choose another directory",
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ENOTDIR: "choose a directory",
}
"""For these nothing can be stored at all: a job pauses, instead of failing once for each district."""


@contextmanager
def translated(root: Path, doing: str) -> Iterator[None]:
    """Turn an ``OSError`` of the body into a `StoreUnavailable` or `StoreError` that names *root*, what was done and the remedy."""
    try:
        yield
    except BackfillError:
        raise  # DayLocked is a TimeoutError, and so an OSError as well
    except OSError as error:
        where = f" ({os.fspath(error.filename)!r})" if isinstance(error.filename, str | os.PathLike) else ""
        said = f"{root}: {error.strerror or error} while {doing}{where}"
        remedy = _MISSING if error.errno == errno.ENOENT and not root.is_dir() else _REMEDIES.get(error.errno or 0)
        if remedy is None:
            raise StoreError(f"{said}; what was stored stays stored, so try again") from error
        raise StoreUnavailable(f"{said}; {remedy}: what was stored stays stored") from error
