"""Jobs in the memory of one process: the default, and the reference for other job stores."""

from __future__ import annotations

import itertools
import sys
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import islice, takewhile

from attrs import define, field

from backfill.errors import InvalidRequest, JobNotFound
from backfill.jobstores.ledger import OutcomeLedger
from backfill.model import BackfillStatus, Change, DistrictError, JobEvent, JobSpec, JobState, UnitFailed, UnitState
from backfill.model.checks import as_count


@define
class _Kept:
    state: JobState
    key: str | None
    errors: list[DistrictError] = field(factory=list)


class MemoryJobStore:
    """Keeps jobs for as long as the process lives. Any thread; nothing waits for longer than a change takes.

    Args:
        max_events: So many events are kept, of all jobs together; older ones are forgotten.

    Raises:
        InvalidRequest: *max_events* is not a whole number from 1.
    """

    def __init__(self, *, max_events: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, _Kept] = {}
        self._ids_by_key: dict[str, str] = {}
        self._events: deque[JobEvent] = deque(maxlen=as_count("max_events", max_events, least=1, most=sys.maxsize))
        self._numbers = itertools.count(1)
        self._ledger = OutcomeLedger()

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        """Keep a new job; return it, or the one that was created with the same key before.

        Raises:
            InvalidRequest: The key was used for another request before.
            ValueError: There is a job of this identifier.
        """
        with self._lock:
            if idempotency_key is not None and idempotency_key in self._ids_by_key:
                known = self._jobs[self._ids_by_key[idempotency_key]].state.spec
                if known.plan.request != spec.plan.request:  # not the plans: they differ once the first job has stored something
                    rule = f"was used for another request before, by job {known.job_id}"
                    raise InvalidRequest("idempotency_key", idempotency_key, rule, "use a new key for a new request")
                return known
            if spec.job_id in self._jobs:
                message = f"there is a job {spec.job_id!r} already"
                raise ValueError(message)
            self._jobs[spec.job_id] = _Kept(JobState(spec), idempotency_key)
            if idempotency_key is not None:
                self._ids_by_key[idempotency_key] = spec.job_id
            return spec

    def load(self, job_id: str, /) -> JobState:
        """Return a copy of the job's state.

        Raises:
            JobNotFound: There is none.
        """
        with self._lock:
            return self._kept(job_id).state.copy()

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:  # noqa: ARG002 - there is one owner here, and nobody to fence off
        """Let the changes happen, all or none; return them as events.

        Raises:
            JobNotFound: There is no such job.
            ValueError: A change is not possible in the job's state.
        """
        with self._lock:
            kept = self._kept(job_id)
            after = kept.state.copy()
            for change in changes:
                after.apply(change)
            kept.state = after
            kept.errors.extend(change.error for change in changes if isinstance(change, UnitFailed))
            for change in changes:
                self._ledger.note(change)
            events = [JobEvent(next(self._numbers), job_id, at, change) for change in changes]
            self._events.extend(events)
            return events

    def list(self, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50) -> Sequence[JobState]:
        """Return copies of jobs without their errors and findings, newest first; of two as old, the one created last."""
        wanted = frozenset(BackfillStatus if states is None else states)
        with self._lock:
            newest = sorted(
                (kept.state for kept in reversed(self._jobs.values()) if kept.state.status in wanted),
                key=lambda state: state.spec.created_at,
                reverse=True,
            )
            copies = [state.copy() for state in newest[: _limit(limit)]]
        for state in copies:
            state.errors.clear()
            state.findings.clear()
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
        return list(islice(mine, _limit(limit)))

    def errors(self, job_id: str, /, *, after: int = 0, limit: int = 1000) -> Sequence[DistrictError]:
        """Return failures of a job from the *after*-th on (counted from 0), oldest first.

        Raises:
            JobNotFound: There is no such job.
        """
        start = as_count("after", after, least=0, most=sys.maxsize)
        with self._lock:
            return self._kept(job_id).errors[start : start + _limit(limit)]

    def outcomes(self, start: date, end: date, /) -> Mapping[date, Mapping[str | None, UnitState]]:
        """Return the last outcome of each unit from *start* to *end*; a ``None`` key = the day as a whole."""
        with self._lock:
            return self._ledger.between(start, end)

    def _kept(self, job_id: str) -> _Kept:
        kept = self._jobs.get(job_id)
        if kept is None:
            raise JobNotFound(job_id)
        return kept


def _limit(value: int) -> int:
    return as_count("limit", value, least=1, most=sys.maxsize)
