"""Jobs in the memory of one process: the default, and the reference for other job stores."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import dropwhile, islice, takewhile

from attrs import define, evolve, field

from backfill.clock import SystemClock
from backfill.errors import JobNotFound, LeaseLost
from backfill.jobstores._arguments import as_limit, as_most_events, as_start, as_ttl, as_wanted
from backfill.jobstores.ledger import OutcomeLedger, of_collection
from backfill.model import (
    BackfillStatus,
    Change,
    DistrictError,
    JobEvent,
    JobSpec,
    JobState,
    Lease,
    Ownership,
    Renewal,
    Requests,
    UnitFailed,
    UnitState,
    Wanted,
)
from backfill.model.lease import expiry
from backfill.protocols import Clock


@define
class _Kept:
    state: JobState
    key: str | None
    errors: list[DistrictError] = field(factory=list)
    ownership: Ownership = field(factory=Ownership)
    requests: Requests = field(factory=Requests)
    claims: set[date] = field(factory=set)

    @property
    def is_open(self) -> bool:
        return not self.state.status.is_final

    @property
    def needs_owner(self) -> bool:
        return self.requests.need_owner(self.state.status)


class MemoryJobStore:
    """Keeps jobs for as long as the process lives. Any thread; nothing waits for longer than a change takes.

    Its leases are for threads, of which it cannot tell whether they live: an owner is gone when its lease has expired.

    Args:
        max_events: So many events are kept, of all jobs together; older ones are forgotten.
        clock: Tells when leases expire; ``None`` = the system's.

    Raises:
        InvalidRequest: *max_events* is not a whole number from 1.
    """

    def __init__(self, *, max_events: int = 10_000, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._jobs: dict[str, _Kept] = {}
        self._ids_by_key: dict[str, str] = {}
        self._events: deque[JobEvent] = deque(maxlen=as_most_events(max_events))
        self._numbers = itertools.count(1)
        self._ledger = OutcomeLedger()

    def __repr__(self) -> str:
        return f"<MemoryJobStore: {len(self._jobs)} jobs>"

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        """Keep a new job; return it, or the one that was created with the same key before.

        Raises:
            InvalidRequest: The key was used for another request before.
            ValueError: There is a job of this identifier.
        """
        with self._lock:
            if idempotency_key is not None and idempotency_key in self._ids_by_key:
                known = self._jobs[self._ids_by_key[idempotency_key]].state.spec
                known.check_key(idempotency_key, spec.asked_for)
                return known
            if spec.job_id in self._jobs:
                message = f"there is a job {spec.job_id!r} already"
                raise ValueError(message)
            self._jobs[spec.job_id] = _Kept(JobState(spec), idempotency_key)
            if idempotency_key is not None:
                self._ids_by_key[idempotency_key] = spec.job_id
            return spec

    def created_with(self, idempotency_key: str, /) -> JobSpec | None:
        """Return the job that was created with this key; ``None`` = there is none, or it was forgotten."""
        with self._lock:
            job_id = self._ids_by_key.get(idempotency_key)
            return None if job_id is None else self._jobs[job_id].state.spec

    def load(self, job_id: str, /) -> JobState:
        """Return a copy of the job's state.

        Raises:
            JobNotFound: There is none.
        """
        with self._lock:
            return self._kept(job_id).state.copy()

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Let the changes happen, all or none; return them as events.

        Raises:
            JobNotFound: There is no such job.
            LeaseLost: *epoch* is not the number of the job's owner.
            ValueError: A change is not possible in the job's state.
        """
        with self._lock:
            kept = self._kept(job_id)
            kept.ownership.check(job_id, epoch)
            after = kept.state.copy()
            for change in changes:
                after.apply(change)
            kept.state = after
            kept.errors.extend(change.error for change in changes if isinstance(change, UnitFailed))
            for change in of_collection(kept.state.spec.operation, changes):
                self._ledger.note(change)
            events = [JobEvent(next(self._numbers), job_id, at, change) for change in changes]
            self._events.extend(events)
            return events

    def list(self, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50) -> Sequence[JobState]:
        """Return copies of jobs without their errors, findings and attempts, newest first; of two as old, the one created last."""
        return self._listed(None, states, limit)

    def list_after(
        self, job_id: str, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50
    ) -> Sequence[JobState]:
        """Return jobs as `list` does, those only that come after the job *job_id* in the list of all.

        Raises:
            JobNotFound: There is no such job.
        """
        return self._listed(job_id, states, limit)

    def _listed(self, after: str | None, states: Iterable[BackfillStatus] | None, limit: int) -> Sequence[JobState]:
        wanted = frozenset(BackfillStatus if states is None else states)
        most = as_limit(limit)
        with self._lock:
            newest: Iterable[JobState] = sorted(
                (kept.state for kept in reversed(self._jobs.values())), key=lambda state: state.spec.created_at, reverse=True
            )
            if after is not None:
                last = self._kept(after).state
                newest = islice(dropwhile(lambda state: state is not last, newest), 1, None)
            copies = [state.copy() for state in islice((state for state in newest if state.status in wanted), most)]
        for state in copies:
            state.errors.clear()
            state.findings.clear()
            state.attempts.clear()
        return copies

    def delete(self, job_id: str, /) -> None:
        """Forget a job, its events and its key; nothing happens when there is none. Its outcomes stay in the ledger."""
        with self._lock:
            kept = self._jobs.pop(job_id, None)
            if kept is None:
                return
            if kept.key is not None:
                del self._ids_by_key[kept.key]
            others = [event for event in self._events if event.job_id != job_id]
            self._events.clear()
            self._events.extend(others)

    def events(self, after: int | None = None, /, *, job_id: str | None = None, limit: int = 1000) -> Sequence[JobEvent]:
        """Return events after the one with sequence number *after* (``None`` = from the oldest kept), oldest first."""
        since = 0 if after is None else after
        with self._lock:  # from the newest backwards, since a reader that keeps up is behind by a few of many
            newer = list(takewhile(lambda event: event.seq > since, reversed(self._events)))
        mine = (event for event in reversed(newer) if job_id is None or event.job_id == job_id)
        return list(islice(mine, as_limit(limit)))

    def errors(self, job_id: str, /, *, after: int = 0, limit: int = 1000) -> Sequence[DistrictError]:
        """Return failures of a job from the *after*-th on (counted from 0), oldest first.

        Raises:
            JobNotFound: There is no such job.
        """
        start = as_start(after)
        with self._lock:
            return self._kept(job_id).errors[start : start + as_limit(limit)]

    def outcomes(self, start: date, end: date, /) -> Mapping[date, Mapping[str | None, UnitState]]:
        """Return the last outcome of each unit from *start* to *end*; a ``None`` key = the day as a whole."""
        with self._lock:
            return self._ledger.between(start, end)

    # --- owners ---------------------------------------------------------------------------------------------------------

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        """Return the lease of a job that is not final and that nobody owns, or whose lease has expired; else ``None``.

        Raises:
            JobNotFound: There is no such job.
            InvalidRequest: *ttl* is not a positive number of seconds.
        """
        seconds = as_ttl(ttl)
        with self._lock:
            kept, now = self._kept(job_id), self._clock.now()
            if not kept.is_open or not kept.ownership.has_expired(now):
                return None
            until = expiry(now, seconds)
            kept.ownership = kept.ownership.taken_by(owner, machine=None, until=until)
            kept.claims.clear()
            return Lease(job_id, owner, kept.ownership.epoch, seconds, until)

    def renew(self, lease: Lease, /) -> Renewal:
        """Return the lease with ``ttl`` seconds from now, and what the owner is asked for.

        Raises:
            LeaseLost: Another has acquired the job since, the lease was released, or the job was forgotten.
        """
        with self._lock:
            kept = self._jobs.get(lease.job_id)
            if kept is None:
                raise LeaseLost(lease.job_id, lease.epoch, 0)
            kept.ownership.check(lease.job_id, lease.epoch)
            until = expiry(self._clock.now(), lease.ttl)
            kept.ownership = evolve(kept.ownership, expires=until)
            return Renewal(evolve(lease, expires=until), kept.requests)

    def release(self, lease: Lease, /) -> None:
        """Let the job go; nothing happens when the lease is lost or was released before."""
        with self._lock:
            kept = self._jobs.get(lease.job_id)
            if kept is not None and kept.ownership.is_under(lease.epoch):
                kept.ownership = kept.ownership.released()
                kept.claims.clear()

    def abandoned(self, now: datetime, /) -> Sequence[str]:
        """Return the jobs that need an owner and have none, or one whose lease has expired, oldest first."""
        with self._lock:
            waiting = [kept for kept in self._jobs.values() if kept.needs_owner and kept.ownership.has_expired(now)]
        return [kept.state.spec.job_id for kept in sorted(waiting, key=lambda kept: kept.state.spec.created_at)]

    def request(self, job_id: str, wanted: Wanted, /) -> bool:
        """Ask the owner of a job, or whoever owns it next, for something; return whether that changed what is asked for.

        Raises:
            JobNotFound: There is no such job.
        """
        asked = as_wanted(wanted)
        with self._lock:
            kept = self._kept(job_id)
            before = kept.requests
            if kept.is_open:
                kept.requests = before.after(asked)
            return kept.requests != before

    def claim_day(self, job_id: str, day: date, /, *, epoch: int) -> bool:
        """Return whether the day is the caller's now; ``False`` = it is claimed already.

        Raises:
            JobNotFound: There is no such job.
            LeaseLost: *epoch* is not the number of the job's owner.
            ValueError: The job has ended, or has no such day.
        """
        with self._lock:
            kept = self._kept(job_id)
            kept.ownership.check(job_id, epoch)
            if not kept.is_open or day not in kept.state.rows:
                message = f"{day} is not a day of a job {job_id} that has not ended"
                raise ValueError(message)
            if day in kept.claims:
                return False
            kept.claims.add(day)
            return True

    def release_day(self, job_id: str, day: date, /, *, epoch: int) -> None:
        """Give a day back; nothing happens when it is not claimed under this number."""
        with self._lock:
            kept = self._jobs.get(job_id)
            if kept is not None and kept.ownership.is_under(epoch):
                kept.claims.discard(day)

    def _kept(self, job_id: str) -> _Kept:
        kept = self._jobs.get(job_id)
        if kept is None:
            raise JobNotFound(job_id)
        return kept
