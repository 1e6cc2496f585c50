"""What keeps jobs, as protocols: the required methods in `JobStore`, and each further ability in a protocol of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class JobStore(Protocol):
    """Keeps jobs of every kind in one queue. Any thread."""

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        """Keep a new job; return it, or the one that was created with the same key before.

        What a durable store has returned from here, and from every other call that changes something, is on the disk.

        Raises:
            InvalidRequest: The key was used for another request before.
            ValueError: There is a job of this identifier, or a day or district stands twice in the plan.
        """
        ...

    def load(self, job_id: str, /) -> JobState:
        """Return a copy of the job's state.

        Raises:
            JobNotFound: There is none.
        """
        ...

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Let the changes happen, all or none; return them as events.

        Args:
            job_id: The job.
            changes: What happened, in this order.
            at: When (aware, UTC).
            epoch: The number of the lease under which the caller works on the job; 0 for a job that nobody ever acquired.

        Raises:
            JobNotFound: There is no such job.
            LeaseLost: *epoch* is not the number of the job's newest owner, or that owner has released it.
            ValueError: A change is not possible in the job's state.
        """
        ...

    def list(self, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50) -> Sequence[JobState]:
        """Return copies of jobs without their errors, findings and attempts, newest first; of two as old, the one created last."""
        ...

    def delete(self, job_id: str, /) -> None:
        """Forget a job; nothing happens when there is none. Its outcomes stay in the ledger."""
        ...


@runtime_checkable
class OutlivesProcess(Protocol):
    """A job store that says whether its jobs are still there when the process has ended.

    Of one that says so, jobs that are not done when their service is closed stay as they are, to be gone on with; of others they
    are cancelled.
    """

    @property
    def outlives_process(self) -> bool:
        """Whether they are."""
        ...


@runtime_checkable
class SupportsEvents(Protocol):
    """A job store that keeps what happened, in order."""

    def events(self, after: int | None = None, /, *, job_id: str | None = None, limit: int = 1000) -> Sequence[JobEvent]:
        """Return events after the one with sequence number *after* (``None`` = from the oldest kept), oldest first."""
        ...


@runtime_checkable
class SupportsKeys(Protocol):
    """A job store that can look a job up by its idempotency key.

    So that who repeats a request under its key gets its job before anything is planned: of a store that cannot, a repetition is
    known only when the job is created, and refused before that if it could not be accepted any more.
    """

    def created_with(self, idempotency_key: str, /) -> JobSpec | None:
        """Return the job that was created with this key; ``None`` = there is none, or it was forgotten."""
        ...


@runtime_checkable
class SupportsPages(Protocol):
    """A job store that lists jobs from any place on, so that a long list costs a page for each page."""

    def list_after(
        self, job_id: str, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50
    ) -> Sequence[JobState]:
        """Return jobs as `JobStore.list` does, those only that come after the job *job_id* in the list of all.

        Raises:
            JobNotFound: There is no such job.
        """
        ...


@runtime_checkable
class SupportsErrors(Protocol):
    """A job store that keeps every failure of a job, not the newest only."""

    def errors(self, job_id: str, /, *, after: int = 0, limit: int = 1000) -> Sequence[DistrictError]:
        """Return failures from the *after*-th on (counted from 0), oldest first.

        Raises:
            JobNotFound: There is no such job.
        """
        ...


@runtime_checkable
class SupportsOutcomes(Protocol):
    """A job store with a ledger of the last outcome of each (day, district), which no clean-up touches."""

    def outcomes(self, start: date, end: date, /) -> Mapping[date, Mapping[str | None, UnitState]]:
        """Return the last outcome of each unit from *start* to *end*; a ``None`` key = the day as a whole.

        Of jobs that rebuild, only what was completed counts; of those that make summaries anew, nothing.
        """
        ...


@runtime_checkable
class SupportsLeases(Protocol):
    """A job store in which a job has one owner at a time, over all threads and processes that share the store.

    A job can be acquired if it is not in a final state and

    - nobody owns it: it was never acquired, or its owner released it; or
    - its owner ran on this machine, in a store that can tell so, and its process has ended or closed the store, whatever the
      lease says; while that process lives the job cannot be acquired, however late it is with its renewals; or
    - its owner runs elsewhere, or the store cannot tell, and the lease has expired by the store's clock.

    All methods may be called from any thread, and by any process that shares the store; none waits for an owner.
    """

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        """Return the lease of a job that can be acquired (see above), or ``None``: it has an owner, perhaps this one, or has ended.

        Of several who ask at once exactly one gets it. From its return on, changes under an older number are refused with
        `LeaseLost`, and what the former owner had claimed is free.

        Args:
            job_id: The job.
            owner: Who asks, for people: host, process, service.
            ttl: Seconds without a renewal after which owners elsewhere may take over.

        Raises:
            JobNotFound: There is no such job.
            InvalidRequest: *ttl* is not a positive number of seconds.
        """
        ...

    def renew(self, lease: Lease, /) -> Renewal:
        """Return the lease with ``ttl`` seconds from now, and what the owner is asked for. Also after its expiry, if nobody took over.

        Raises:
            LeaseLost: Another has acquired the job since, the lease was released, or the job was forgotten.
        """
        ...

    def release(self, lease: Lease, /) -> None:
        """Let the job go, in whatever state it is; nothing happens when the lease is lost or was released before."""
        ...

    def abandoned(self, now: datetime, /) -> Sequence[str]:
        """Return the jobs that need an owner and can be acquired as of *now*, oldest first. Any of them may be gone a moment later.

        A job needs an owner when it is queued or in work; and when it is paused, once it is asked to be cancelled, or is no longer
        asked to pause.
        """
        ...


@runtime_checkable
class SupportsRequests(Protocol):
    """A job store through which any process reaches the owner of a job, wherever it runs."""

    def request(self, job_id: str, wanted: Wanted, /) -> bool:
        """Ask the owner of a job, or whoever owns it next, for something; return whether that changed what is asked for. Never waits.

        The owner learns of it by its next `SupportsLeases.renew`. What is asked for is a state and stays: ``PAUSE`` until ``RESUME``,
        ``CANCEL`` for good, after which the others change nothing. Nothing can be asked of a job that has ended.

        Raises:
            JobNotFound: There is no such job.
        """
        ...


@runtime_checkable
class SupportsClaims(Protocol):
    """A job store that gives out each day of a job once, so that no two threads or processes collect it at the same time."""

    def claim_day(self, job_id: str, day: date, /, *, epoch: int) -> bool:
        """Return whether the day is the caller's now; ``False`` = it is claimed already, under the same number.

        A claim ends when it is released, when its lease is, and when another acquires the job.

        Args:
            job_id: The job.
            day: One of its days.
            epoch: The number of the caller's lease, as for `JobStore.apply`.

        Raises:
            JobNotFound: There is no such job.
            LeaseLost: As for `JobStore.apply`: whoever has lost the job can claim nothing any more.
            ValueError: The job has ended, or has no such day.
        """
        ...

    def release_day(self, job_id: str, day: date, /, *, epoch: int) -> None:
        """Give a day back; nothing happens when it is not claimed under this number."""
        ...
