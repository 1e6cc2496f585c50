"""A job store of which chosen operations fail, or in which the process ends, around any job store that can do everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Protocol

from backfill.errors import StoreError
from backfill.model import (
    BackfillStatus,
    Change,
    DistrictError,
    JobEvent,
    JobSpec,
    JobState,
    Lease,
    Renewal,
    UnitState,
    Wanted,
)
from backfill.protocols import (
    JobStore,
    OutlivesProcess,
    SupportsClaims,
    SupportsErrors,
    SupportsEvents,
    SupportsKeys,
    SupportsLeases,
    SupportsOutcomes,
    SupportsPages,
    SupportsRequests,
)
from backfill.testing.doubles import Faults, Operation


class CapableJobStore(
    JobStore,
    SupportsClaims,
    SupportsErrors,
    SupportsEvents,
    SupportsKeys,
    SupportsLeases,
    SupportsOutcomes,
    SupportsPages,
    SupportsRequests,
    Protocol,
):
    """A job store in which jobs are owned, watched and asked for things, as those of `backfill.jobstores`."""


class FlakyJobStore:
    """A job store of which chosen operations fail: what a disk, a lock or a network does to any job store now and then. Any thread.

    Operations have the names of the methods. Which number an operation has depends on the threads that use the store: the owner's
    heartbeat renews its lease beside the work.

    >>> from backfill.jobstores import MemoryJobStore
    >>> jobs = FlakyJobStore(MemoryJobStore(), at=1)
    >>> jobs.list()
    []
    >>> jobs.list()
    Traceback (most recent call last):
    backfill.errors.StoreError: the job store fails here, as the test says

    Args:
        jobs: The job store that does the work.
        at: The number of the operation that fails, from 0, or several; ``None`` = none.
        go_wrong: Returns what is raised; it may also end the process.
        forever: Whether all later operations fail as well.
        afterwards: Whether a failing operation happens all the same, and only its answer is lost.
        only: The operations that count and may fail; ``None`` = all.

    Attributes:
        fails: Whether every operation that counts fails from now on; a test may set it, and take it back.
        log: The operations that counted, with their arguments.
    """

    def __init__(
        self,
        jobs: CapableJobStore,
        at: int | Iterable[int] | None = None,
        go_wrong: Callable[[], BaseException] = lambda: StoreError("the job store fails here, as the test says"),
        *,
        forever: bool = False,
        afterwards: bool = False,
        only: Iterable[str] | None = None,
    ) -> None:
        self._jobs = jobs
        self._faults = Faults(at, go_wrong, forever=forever)
        self._go_wrong = go_wrong
        self._afterwards = afterwards
        self._only = None if only is None else frozenset(only)
        self.fails = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._jobs!r})"

    @property
    def log(self) -> list[Operation]:
        """The operations that counted, with their arguments."""
        return self._faults.log

    @property
    def outlives_process(self) -> bool:
        """Whether the jobs are still there when the process has ended."""
        return isinstance(self._jobs, OutlivesProcess) and self._jobs.outlives_process

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        """Keep a new job."""
        with self._step("create", spec, idempotency_key):
            return self._jobs.create(spec, idempotency_key=idempotency_key)

    def created_with(self, idempotency_key: str, /) -> JobSpec | None:
        """Return the job of a key."""
        with self._step("created_with", idempotency_key):
            return self._jobs.created_with(idempotency_key)

    def load(self, job_id: str, /) -> JobState:
        """Return a job's state."""
        with self._step("load", job_id):
            return self._jobs.load(job_id)

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Let the changes happen."""
        with self._step("apply", job_id, changes, at, epoch):
            return self._jobs.apply(job_id, changes, at=at, epoch=epoch)

    def list(self, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50) -> Sequence[JobState]:
        """Return jobs."""
        with self._step("list", states, limit):
            return self._jobs.list(states=states, limit=limit)

    def list_after(
        self, job_id: str, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50
    ) -> Sequence[JobState]:
        """Return jobs after one."""
        with self._step("list_after", job_id, states, limit):
            return self._jobs.list_after(job_id, states=states, limit=limit)

    def delete(self, job_id: str, /) -> None:
        """Forget a job."""
        with self._step("delete", job_id):
            self._jobs.delete(job_id)

    def events(self, after: int | None = None, /, *, job_id: str | None = None, limit: int = 1000) -> Sequence[JobEvent]:
        """Return events."""
        with self._step("events", after, job_id, limit):
            return self._jobs.events(after, job_id=job_id, limit=limit)

    def errors(self, job_id: str, /, *, after: int = 0, limit: int = 1000) -> Sequence[DistrictError]:
        """Return failures."""
        with self._step("errors", job_id, after, limit):
            return self._jobs.errors(job_id, after=after, limit=limit)

    def outcomes(self, start: date, end: date, /) -> Mapping[date, Mapping[str | None, UnitState]]:
        """Return the last outcomes."""
        with self._step("outcomes", start, end):
            return self._jobs.outcomes(start, end)

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        """Return the lease of a job."""
        with self._step("acquire", job_id, owner, ttl):
            return self._jobs.acquire(job_id, owner, ttl=ttl)

    def renew(self, lease: Lease, /) -> Renewal:
        """Return a renewed lease."""
        with self._step("renew", lease):
            return self._jobs.renew(lease)

    def release(self, lease: Lease, /) -> None:
        """Let a job go."""
        with self._step("release", lease):
            self._jobs.release(lease)

    def abandoned(self, now: datetime, /) -> Sequence[str]:
        """Return the jobs that need an owner."""
        with self._step("abandoned", now):
            return self._jobs.abandoned(now)

    def request(self, job_id: str, wanted: Wanted, /) -> bool:
        """Ask the owner of a job for something."""
        with self._step("request", job_id, wanted):
            return self._jobs.request(job_id, wanted)

    def claim_day(self, job_id: str, day: date, /, *, epoch: int) -> bool:
        """Claim a day."""
        with self._step("claim_day", job_id, day, epoch):
            return self._jobs.claim_day(job_id, day, epoch=epoch)

    def release_day(self, job_id: str, day: date, /, *, epoch: int) -> None:
        """Give a day back."""
        with self._step("release_day", job_id, day, epoch):
            self._jobs.release_day(job_id, day, epoch=epoch)

    @contextmanager
    def _step(self, name: str, *arguments: object) -> Iterator[None]:
        error = None
        if self._only is None or name in self._only:
            error = self._faults.note(name, *arguments) or (self._go_wrong() if self.fails else None)
        if error is not None and not self._afterwards:
            raise error
        yield
        if error is not None:
            raise error
