"""Keeps alive what this process owns, and learns at every beat what its owner is asked for elsewhere."""

from __future__ import annotations

import threading
from typing import Protocol

INTERVAL = 2.0
"""Real seconds between two beats: so long at most it takes until an owner learns of what was asked for elsewhere."""


class Beating(Protocol):
    """What is kept alive."""

    def beat(self) -> None:
        """Renew what must be renewed. Never raises."""
        ...


class Heartbeat:
    """One thread that beats for whatever was added, as long as there is anything. Any thread.

    It waits in real time, whatever the clock of a service says: that is what the owners of other processes go by.

    Args:
        interval: Seconds between two beats.
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._alive: dict[int, Beating] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._ending: list[threading.Thread] = []

    def add(self, kept: Beating) -> None:
        """Beat for *kept* from now on.

        Raises:
            RuntimeError: No thread can be had.
        """
        with self._lock:
            if self._thread is None:
                over = threading.Event()
                thread = threading.Thread(target=self._beat, args=(over,), name="backfill-heartbeat", daemon=True)
                thread.start()
                self._over, self._thread = over, thread
            self._alive[id(kept)] = kept

    def discard(self, kept: Beating) -> None:
        """Let *kept* be; nothing happens when it was let be before. With the last the thread ends."""
        with self._lock:
            self._alive.pop(id(kept), None)
            if not self._alive and self._thread is not None:
                self._over.set()
                self._ending = [thread for thread in self._ending if thread.is_alive()] + [self._thread]
                self._thread = None

    def join(self) -> None:
        """Wait for the thread that has nothing left to do; not for one that beats, nor for the caller's own."""
        with self._lock:
            ending = tuple(self._ending)
        for thread in ending:
            if thread is not threading.current_thread():
                thread.join()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(self._interval):
            with self._lock:
                alive = tuple(self._alive.values())
            for kept in alive:
                kept.beat()
