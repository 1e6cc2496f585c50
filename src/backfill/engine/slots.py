"""How many calls of a source are under way at once, over all jobs of a service (P9)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOOK = 0.02
"""Real seconds between two looks at the cancel flag, for who waits for another job's call to end."""


class Slots:
    """So many calls at once as the source stands, whichever jobs they belong to. Any thread.

    A job alone never waits here, since it has no more workers than there are slots.

    Args:
        most: How many; ``None`` = as many as there are workers.
    """

    def __init__(self, most: int | None = None) -> None:
        self._free = None if most is None else threading.Semaphore(most)

    @contextmanager
    def taken(self, cancel: threading.Event) -> Iterator[None]:
        """Hold a slot, waiting for one; without one when *cancel* is set, since the call will not be made then."""
        if self._free is None:
            yield
            return
        held = False
        while not held and not cancel.is_set():
            held = self._free.acquire(timeout=_LOOK)
        try:
            yield
        finally:
            if held:
                self._free.release()
