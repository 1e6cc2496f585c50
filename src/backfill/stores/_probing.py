"""Asks whether somebody holds a lock, without leaving a trace: no file is made, none is written, no time of a file changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backfill.protocols import Clock

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where these tests do not run
    fcntl = None  # type: ignore[assignment] # typed as the module, absent on Windows

_PAUSE = 0.02
_PATIENCE = 1.0


def is_held(lock: Path) -> bool:
    """Return whether somebody holds the lock on a file; true as well where that cannot be told."""
    with _shared(lock) as free:
        return not free


@contextmanager
def keeping_out(lock: Path, clock: Clock) -> Iterator[bool]:
    """Keep those who need the lock waiting while the body runs; yields whether that came about, within a second."""
    started = clock.monotonic()
    never = threading.Event()
    while True:
        with _shared(lock) as free:
            if free or clock.monotonic() - started >= _PATIENCE:
                yield free
                return
        clock.wait(never, _PAUSE)


@contextmanager
def _shared(lock: Path) -> Iterator[bool]:
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError as error:
        yield isinstance(error, FileNotFoundError)  # nobody has ever held it; or we may not even look
        return
    try:
        yield fcntl is not None and _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(
            descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB
        )  # shared, so that those who look do not take one another for writers
    except OSError:
        return False
    return True
