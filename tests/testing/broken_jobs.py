"""Job stores that are each broken in one way, and in no other."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from backfill.errors import InvalidRequest, JobNotFound
from backfill.jobstores import MemoryJobStore
from backfill.jobstores.memory import _Kept
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
    Wanted,
)
from backfill.protocols import JobStore
from backfill.testing.contracts import JobStoreContract

_one_at_a_time = threading.RLock()
"""For those that are broken in another way than in what threads do."""


class LosesAJob(MemoryJobStore):
    """Keeps the newest two jobs."""

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        created = super().create(spec, idempotency_key=idempotency_key)
        for state in super().list(limit=1000)[2:]:
            super().delete(state.spec.job_id)
        return created


class CollidesIdentifiers(MemoryJobStore):
    """Replaces a job by another of the same identifier."""

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        try:
            return super().create(spec, idempotency_key=idempotency_key)
        except InvalidRequest:
            raise
        except ValueError:
            if spec.job_id not in self._jobs:
                raise
            self._jobs[spec.job_id] = _Kept(JobState(spec), None)
            return spec


class AcceptsChangesAfterTheEnd(MemoryJobStore):
    """Lets a job that has ended go on."""

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        kept = self._jobs.get(job_id)
        if kept is not None and kept.state.status.is_final:
            kept.state.status = BackfillStatus.PROCESSING
        return super().apply(job_id, changes, at=at, epoch=epoch)


class AppliesTheFirstHalf(MemoryJobStore):
    """Keeps the changes before the one that is impossible."""

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        try:
            return super().apply(job_id, changes, at=at, epoch=epoch)
        except ValueError:
            for change in changes:
                super().apply(job_id, [change], at=at, epoch=epoch)
            raise


class ForgetsErrors(MemoryJobStore):
    """Keeps the newest thousand failures of a job."""

    def errors(self, job_id: str, /, *, after: int = 0, limit: int = 1000) -> Sequence[DistrictError]:
        super().errors(job_id)
        return list(self.load(job_id).errors)[after : after + limit]


class SharesItsState(MemoryJobStore):
    """Hands out the state that it keeps."""

    def load(self, job_id: str, /) -> JobState:
        kept = self._jobs.get(job_id)
        if kept is None:
            raise JobNotFound(job_id)
        return kept.state


class ListsOldestFirst(MemoryJobStore):
    """Lists jobs the wrong way round."""

    def list(self, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50) -> Sequence[JobState]:
        return list(reversed(super().list(states=states, limit=1000)))[:limit]


class ListsWithDetails(MemoryJobStore):
    """Lists jobs with all their failures."""

    def list(self, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50) -> Sequence[JobState]:
        return [self.load(state.spec.job_id) for state in super().list(states=states, limit=limit)]


class IgnoresKeys(MemoryJobStore):
    """Makes a job of its own of every request, whatever its key."""

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        return super().create(spec)


class LetsOneKeyMakeTwo(MemoryJobStore):
    """Looks whether a key is known, thinks, and creates the job, while others do the same."""

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        is_known = idempotency_key in self._ids_by_key
        threading.Event().wait(0.01)
        if idempotency_key is None or is_known:
            return super().create(spec, idempotency_key=idempotency_key)
        created = super().create(spec)
        self._ids_by_key[idempotency_key] = spec.job_id
        self._jobs[spec.job_id].key = idempotency_key
        return created


class ComparesPlansOnly(MemoryJobStore):
    """Keeps what was asked for, and lets a key stand for anything whose plan has the same request."""

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        kept = None if idempotency_key is None else self.created_with(idempotency_key)
        if kept is not None and kept.plan.request == spec.plan.request:
            return kept
        return super().create(spec, idempotency_key=idempotency_key)


class LooksUpFirstJob(MemoryJobStore):
    """Returns the job that came first, whatever the key."""

    def created_with(self, idempotency_key: str, /) -> JobSpec | None:
        found = super().created_with(idempotency_key)
        return found or (self.list()[-1].spec if self._jobs else None)


class PagesByAgeAlone(MemoryJobStore):
    """Loses jobs that are as old as the last of a page."""

    def list_after(
        self, job_id: str, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50
    ) -> Sequence[JobState]:
        last = self.load(job_id).spec.created_at
        return [state for state in self.list(states=states, limit=1000) if state.spec.created_at < last][:limit]


class ForgetsOutcomes(MemoryJobStore):
    """Cleans the ledger up with the job."""

    def delete(self, job_id: str, /) -> None:
        super().delete(job_id)
        self._ledger._days.clear()


class TellsWhatDidNotHappen(MemoryJobStore):
    """Tells of changes before it knows whether they are possible."""

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        try:
            return super().apply(job_id, changes, at=at, epoch=epoch)
        except ValueError:
            self._events.extend(JobEvent(next(self._numbers), job_id, at, change) for change in changes)
            raise


class GivesNumbersAgain(MemoryJobStore):
    """Numbers events by their place in the log."""

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        with _one_at_a_time:
            events = super().apply(job_id, changes, at=at, epoch=epoch)
            first = len(self._events) - len(events)
            renumbered = [JobEvent(first + place + 1, job_id, at, event.change) for place, event in enumerate(events)]
            for event in events:
                self._events.remove(event)
            self._events.extend(renumbered)
            return renumbered


class KeepsTheFirstOutcome(MemoryJobStore):
    """Has for each unit the first outcome instead of the last."""

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        with _one_at_a_time:
            before = self.outcomes(date.min, date.max)
            events = super().apply(job_id, changes, at=at, epoch=epoch)
            for day, row in before.items():
                for unit, state in row.items():
                    self._ledger._put(day, unit, state)
            return events


class LosesReasons(MemoryJobStore):
    """Does not keep why a job is in its state."""

    def load(self, job_id: str, /) -> JobState:
        state = super().load(job_id)
        state.status_reason = None
        return state


# --- owners -------------------------------------------------------------------------------------------------------------


class DoubleLeases(MemoryJobStore):
    """Gives the job to whoever asks last."""

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        kept = self._jobs.get(job_id)
        if kept is not None:
            kept.ownership = kept.ownership.released()
        return super().acquire(job_id, owner, ttl=ttl)


class ThinksBeforeItLeases(MemoryJobStore):
    """Looks whether the job is free, thinks, and gives it away, while others do the same."""

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        kept = self._jobs.get(job_id)
        is_free = kept is not None and kept.ownership.has_expired(self._clock.now())
        threading.Event().wait(0.01)
        if kept is not None and is_free:
            kept.ownership = kept.ownership.released()
        return super().acquire(job_id, owner, ttl=ttl)


class LetsTheLoserWrite(MemoryJobStore):
    """Takes changes from anybody."""

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        kept = self._jobs.get(job_id)
        if kept is not None and kept.ownership.owner is None:
            kept.ownership = Ownership()
        return super().apply(job_id, changes, at=at, epoch=kept.ownership.epoch if kept is not None else epoch)


class NeverExpires(MemoryJobStore):
    """Leaves a job to its owner for ever."""

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        kept = self._jobs.get(job_id)
        return None if kept is not None and kept.ownership.owner is not None else super().acquire(job_id, owner, ttl=ttl)


class ForgetsToRenew(MemoryJobStore):
    """Says that a lease was renewed, and does not note it."""

    def renew(self, lease: Lease, /) -> Renewal:
        before = self._jobs[lease.job_id].ownership if lease.job_id in self._jobs else Ownership()
        renewal = super().renew(lease)
        self._jobs[lease.job_id].ownership = before
        return renewal


class GivesOutEndedJobs(MemoryJobStore):
    """Has an owner for a job that has ended."""

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        kept = self._jobs.get(job_id)
        if kept is None or not kept.state.status.is_final:
            return super().acquire(job_id, owner, ttl=ttl)
        return Lease(job_id, owner, kept.ownership.epoch + 1, ttl, self._clock.now())


class CallsOwnedJobsAbandoned(MemoryJobStore):
    """Tells of all jobs that go on, whether somebody has them or not."""

    def abandoned(self, now: datetime, /) -> Sequence[str]:
        waiting = sorted(self._jobs.values(), key=lambda kept: kept.state.spec.created_at)
        return [kept.state.spec.job_id for kept in waiting if kept.needs_owner]


class LosesRequests(MemoryJobStore):
    """Forgets what was asked for when the owner changes."""

    def release(self, lease: Lease, /) -> None:
        super().release(lease)
        if lease.job_id in self._jobs:
            self._jobs[lease.job_id].requests = Requests()


class AsksAgainAndAgain(MemoryJobStore):
    """Says of every request that it changed something."""

    def request(self, job_id: str, wanted: Wanted, /) -> bool:
        super().request(job_id, wanted)
        return not self._jobs[job_id].state.status.is_final


class ClaimsTwice(MemoryJobStore):
    """Gives a day to whoever asks."""

    def claim_day(self, job_id: str, day: date, /, *, epoch: int) -> bool:
        super().claim_day(job_id, day, epoch=epoch)
        return True


class KeepsClaims(MemoryJobStore):
    """Keeps a day for an owner that has gone."""

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        claims = set(self._gone.get(job_id, ()))
        lease = super().acquire(job_id, owner, ttl=ttl)
        if lease is not None:
            self._jobs[job_id].claims |= claims
        return lease

    def release(self, lease: Lease, /) -> None:
        if lease.job_id in self._jobs:
            self._gone[lease.job_id] = set(self._jobs[lease.job_id].claims)
        super().release(lease)

    @cached_property
    def _gone(self) -> dict[str, set[date]]:
        return {}


class Evaporates(MemoryJobStore):
    """Is said to be durable, and is not."""


class BrokenJobsContract(JobStoreContract):
    """The contract, hooked up to a broken job store."""

    store: type[MemoryJobStore]

    def make_store(self, place: Path, /) -> JobStore:
        """Return the store."""
        return self.store(clock=self.clock)

    def elsewhere(self, store: JobStore, /) -> JobStore:
        """Return the store: it never sees whether an owner lives."""
        return store


class BrokenDurableJobsContract(BrokenJobsContract):
    """The same, for a store that is said to be durable."""

    durable = True
