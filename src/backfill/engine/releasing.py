"""Jobs that could not be let go when they should have been: for as long as they are held, nobody else can go on with them."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from backfill.engine.heartbeat import Heartbeat
from backfill.engine.ownership import Tenure

logger = logging.getLogger("backfill.engine")


class LateReleases:
    """Tenures whose release failed, such as on a full disk: tried again at every beat. Any thread.

    Args:
        heartbeat: Beats while there are any.
    """

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self._lock = threading.Lock()
        self._held: dict[str, Tenure] = {}

    def release(self, tenure: Tenure) -> None:
        """Let a job go: now, else as soon as that can be noted. Never raises."""
        if tenure.release():
            return
        with self._lock:
            self._held[tenure.job_id] = tenure
            with suppress(RuntimeError):  # no thread can be had: it is tried again when somebody here asks for the job
                self._heartbeat.add(self)

    def retry(self, job_id: str) -> None:
        """Try again to let a job go, since it is asked for here. Never raises."""
        with self._lock:
            held = self._held.get(job_id)
            if held is not None:
                self._try_again(held)

    def take_back(self, tenure: Tenure) -> None:
        """Do not let the job of *tenure* go, since its work goes on under it."""
        with self._lock:
            if self._held.get(tenure.job_id) is tenure:
                self._forget(tenure)

    def beat(self) -> None:
        """Try again. Never raises."""
        with self._lock:
            for tenure in tuple(self._held.values()):
                self._try_again(tenure)

    def close(self) -> None:
        """Try for the last time; what cannot be let go by then is free when this process has ended."""
        with self._lock:
            for tenure in tuple(self._held.values()):
                tenure.release()
                self._forget(tenure)

    def _try_again(self, tenure: Tenure) -> None:
        if tenure.release():
            self._forget(tenure)

    def _forget(self, tenure: Tenure) -> None:
        del self._held[tenure.job_id]
        if not self._held:
            self._heartbeat.discard(self)
