"""The owners of jobs: one lock a job tells at once whether an owner on this machine lives, leases tell it of others."""

from __future__ import annotations

import platform
import sqlite3
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from backfill.filelocks import HeldLock, try_hold
from backfill.jobstores._codec import encode_name, encode_time
from backfill.jobstores._rows import JobRow
from backfill.model import Ownership

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_UPDATE = "UPDATE jobs SET epoch = ?, owner = ?, machine = ?, expires = ? WHERE number = ?"


def this_machine() -> str:
    """Return what the processes have in common that see each other's locks: a running kernel, else a host's name."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()


class OwnerLocks:
    """The locks of the jobs that this process owns through one store. Any thread.

    Args:
        folder: Where the locks are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._held: dict[str, tuple[HeldLock, int]] = {}

    def take(self, job: JobRow, epoch: int) -> bool:
        """Take the lock of a job under the number of a new lease; return whether that could be done."""
        with self._lock:
            held = None if job.job_id in self._held else try_hold(self._path(job))
            if held is not None:
                self._held[job.job_id] = held, epoch
            return held is not None

    def is_free(self, job: JobRow) -> bool:
        """Return whether nobody has the lock of a job."""
        with self._lock:
            held = None if job.job_id in self._held else try_hold(self._path(job))
            if held is not None:
                held.release()
            return held is not None

    def drop(self, job_id: str, epoch: int) -> None:
        """Let go of the lock of a job, if it is held under this number."""
        with self._lock:
            held, number = self._held.get(job_id, (None, 0))
            if held is not None and number == epoch:
                del self._held[job_id]
                held.release()

    def drop_lost(self, job: JobRow) -> None:
        """Let go of the lock of a job, if it is held under another number than that of its newest owner."""
        _, number = self._held.get(job.job_id, (None, 0))
        if number != job.ownership.epoch:
            self.drop(job.job_id, number)

    def forget(self, job: JobRow) -> None:
        """Remove the lock of a job that nobody will own again. Whoever still holds it does no harm by that."""
        with suppress(OSError):  # another has it open, where that keeps it from being removed, or it was removed before
            self._path(job).unlink()

    def close(self) -> None:
        """Let go of all locks."""
        with self._lock:
            while self._held:
                self._held.popitem()[1][0].release()

    def _path(self, job: JobRow) -> Path:
        return self._folder / f"job-{job.number}.lock"


class Owners:
    """Who owns which job, in the file and by locks.

    Locks are taken and looked at within transactions that write, of which there is one at a time over all processes: so nobody
    takes another's look for an owner.

    Args:
        locks: The folder of the locks.
    """

    def __init__(self, locks: Path) -> None:
        self.locks = OwnerLocks(locks)
        self.machine = this_machine()

    def is_gone(self, job: JobRow, now: datetime) -> bool:
        """Return whether a job has no owner, or one that is no more."""
        ownership = job.ownership
        self.locks.drop_lost(job)
        if ownership.owner is None:
            return True
        if ownership.machine == self.machine:
            return self.locks.is_free(job)
        return ownership.has_expired(now)

    def acquire(self, connection: sqlite3.Connection, job: JobRow, ownership: Ownership) -> bool:
        """Give a job whose owner is gone to the owner that *ownership* names; ``False`` = its lock is held all the same.

        So it is by the former owner's process, on another machine that shares its locks, or after its clock was set.
        """
        if not self.locks.take(job, ownership.epoch):
            return False
        write_ownership(connection, job.number, ownership)
        connection.execute("DELETE FROM claims WHERE job = ?", (job.number,))
        return True

    def release(self, connection: sqlite3.Connection, job: JobRow) -> None:
        """Let a job go. The lock goes first, so that nobody finds a job without an owner locked."""
        self.locks.drop(job.job_id, job.ownership.epoch)
        write_ownership(connection, job.number, job.ownership.released())
        connection.execute("DELETE FROM claims WHERE job = ?", (job.number,))


def write_ownership(connection: sqlite3.Connection, job: int, ownership: Ownership) -> None:
    """Write who owns a job."""
    owner = None if ownership.owner is None else encode_name(ownership.owner)
    expires = None if ownership.expires is None else encode_time(ownership.expires)
    connection.execute(_UPDATE, (ownership.epoch, owner, ownership.machine, expires, job))
