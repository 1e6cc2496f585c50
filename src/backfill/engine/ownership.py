"""Who works on a job: the right to it, and how its owner is reached.

A job store without leases serves one process: whoever makes a job owns it, under number 0.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime

from backfill.errors import JobNotFound
from backfill.model import Change, JobEvent, Lease, Requests, Wanted
from backfill.protocols import JobStore, OutlivesProcess, SupportsClaims, SupportsLeases, SupportsRequests

logger = logging.getLogger("backfill.engine")

TTL = 20.0
"""Seconds without a renewal after which owners on other machines may take over."""

FIRST = 1
"""The number of a job's first owner; 0 stands for a job store without leases."""


def owner_text() -> str:
    """Return who we are, for people: host, process, and a word that tells two services of one process apart."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def do_last(jobs: JobStore) -> bool:
    """Return whether *jobs* outlive this process, so that others may come to know them."""
    return isinstance(jobs, OutlivesProcess) and jobs.outlives_process


class Tenure:
    """The right of this process to work on one job; everything is noted under its number. Any thread.

    Args:
        jobs: The job store.
        job_id: The job.
        lease: The lease; ``None`` = the job store has none.

    Attributes:
        job_id: The job.
    """

    def __init__(self, jobs: JobStore, job_id: str, lease: Lease | None) -> None:
        self._jobs = jobs
        self.job_id = job_id
        self._lease = lease
        self._days: set[date] = set()
        self._has_failed_to_release = False

    @property
    def epoch(self) -> int:
        """The number under which changes are noted."""
        return 0 if self._lease is None else self._lease.epoch

    @property
    def is_first(self) -> bool:
        """Whether nobody can have worked on the job before."""
        return self.epoch <= FIRST

    def apply(self, changes: Sequence[Change], *, at: datetime) -> Sequence[JobEvent]:
        """Note *changes*; return them as events.

        Raises:
            LeaseLost: The job belongs to another by now; nothing was noted.
        """
        return self._jobs.apply(self.job_id, changes, at=at, epoch=self.epoch)

    def renew(self) -> Requests:
        """Keep the job for another while; return what its owner is asked for.

        Raises:
            LeaseLost: It belongs to another by now.
        """
        if self._lease is None or not isinstance(self._jobs, SupportsLeases):
            return Requests()
        return self._jobs.renew(self._lease).requests

    def ask_for_pause(self) -> bool:
        """Have the job rest until somebody takes that back, whoever owns it then; return whether the job store can note that."""
        if not isinstance(self._jobs, SupportsRequests):
            return False
        self._jobs.request(self.job_id, Wanted.PAUSE)
        return True

    def release(self) -> bool:
        """Let the job go; return whether it is. Never raises: it can be tried again, and the end of this process frees the job anyway."""
        if self._lease is None or not isinstance(self._jobs, SupportsLeases):
            return True
        try:
            self._jobs.release(self._lease)
        except Exception:  # a full disk, for instance
            level = logging.DEBUG if self._has_failed_to_release else logging.WARNING  # it is tried again every other second
            logger.log(level, "the job could not be released", exc_info=True, extra={"job_id": self.job_id})
            self._has_failed_to_release = True
            return False
        return True

    def claim(self, day: date) -> bool:
        """Return whether *day* may be collected here; ``False`` = somebody who works under the same number collects it.

        Raises:
            LeaseLost: The job belongs to another by now.
        """
        if not isinstance(self._jobs, SupportsClaims) or day in self._days:
            return True
        if not self._jobs.claim_day(self.job_id, day, epoch=self.epoch):
            return False
        self._days.add(day)
        return True

    def give_back(self, day: date) -> None:
        """Let others have *day*. Never raises; if it cannot be noted the day stays ours, as long as the job is."""
        if isinstance(self._jobs, SupportsClaims):
            with suppress(Exception):  # a claim ends with the job at the latest
                self._jobs.release_day(self.job_id, day, epoch=self.epoch)
                self._days.discard(day)


def take(jobs: JobStore, job_id: str, owner: str) -> Tenure | None:
    """Return the right to work on a job that nobody works on; ``None`` = it has an owner, or has ended.

    Of a job store without leases, who asks must know that nobody does.

    Raises:
        JobNotFound: There is no such job.
    """
    if not isinstance(jobs, SupportsLeases):
        return Tenure(jobs, job_id, None)
    lease = jobs.acquire(job_id, owner, ttl=TTL)
    return None if lease is None else Tenure(jobs, job_id, lease)


def ask_for(jobs: JobStore, job_id: str, wanted: Wanted) -> bool:
    """Ask whoever owns a job for something; return whether that changed what is asked for.

    Raises:
        JobNotFound: There is no such job.
    """
    return isinstance(jobs, SupportsRequests) and jobs.request(job_id, wanted)


def note_request(jobs: JobStore, job_id: str, wanted: Wanted) -> bool | None:
    """Ask for something that is also done here, so that it holds though this process ends meanwhile.

    Return whether that changed what is asked for; ``None`` = the job store does not know of it. Never raises but `JobNotFound`.
    """
    if not isinstance(jobs, SupportsRequests):
        return None
    try:
        return jobs.request(job_id, wanted)
    except JobNotFound:
        raise
    except Exception:  # a full disk, for instance; it is done here all the same
        logger.warning("could not note that it was asked to %s", wanted, exc_info=True, extra={"job_id": job_id})
        return None
