"""Jobs in one file, by SQLite: what was accepted or noted survives whatever ends the process."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from attrs import evolve

from backfill.clock import SystemClock
from backfill.errors import JobNotFound, LeaseLost
from backfill.jobstores._arguments import as_limit, as_most_events, as_start, as_ttl, as_wanted
from backfill.jobstores._database import Database
from backfill.jobstores._outcomes import Outcomes
from backfill.jobstores._owners import Owners, write_ownership
from backfill.jobstores._plans import Lists, Plans
from backfill.jobstores._rows import JobRow, find_job, find_key, newest_jobs, open_jobs
from backfill.jobstores._states import States, days_of
from backfill.jobstores.ledger import of_collection
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
from backfill.model.lease import expiry
from backfill.protocols import Clock

if TYPE_CHECKING:
    from typing import Self


class SqliteJobStore:
    """Keeps jobs in a file that any number of threads and processes of one machine may share.

    Making one touches nothing; the file is opened at its first use, and made, with its folder, by the first change. What a call
    has changed is on the disk when it returns. The store may be pickled: it goes by its path. It cannot be carried over a fork once
    it was used; make it in the process that uses it. `close` lets go of the file and of the jobs that this store owns.

    The file must be on a local disk: SQLite's log needs memory that all who have the file open share, which network file systems
    do not give. Beside it stand ``<path>-wal`` and ``<path>-shm``, which belong to it, and ``<path>-locks``, a folder with a lock
    for each job that is owned. Copy it with ``sqlite3 <path> ".backup copy"``, or when nobody has it open.

    Args:
        path: The file.
        max_events: So many of the newest events of each job are kept, up to a tenth more; older ones are forgotten.
        clock: Tells when leases expire; ``None`` = the system's.

    Raises:
        InvalidRequest: *max_events* is not a whole number from 1.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_events: int = 10_000, clock: Clock | None = None) -> None:
        self._path = Path(path).absolute()  # a later change of the working directory must not move the store
        self._options = {"max_events": as_most_events(max_events), "clock": clock}
        self._clock = clock or SystemClock()
        locks = self._path.with_name(self._path.name + "-locks")
        self._database = Database(self._path, locks)
        self._owners = Owners(locks)
        self._max_events = max_events
        self._remember_nothing()
        weakref.finalize(self, _close, self._database, self._owners).atexit = False  # the end of the process closes everything

    def __repr__(self) -> str:
        return f"SqliteJobStore({str(self._path)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by path: what another process has is another store on the same file."""
        return _remake, (str(self._path), self._options)

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file and of every job that this store owns. May be called twice; the next use opens the file again.

        Jobs that were not released can be acquired at once by others on this machine, as if this process had ended.
        """
        _close(self._database, self._owners)
        self._remember_nothing()

    @property
    def outlives_process(self) -> bool:
        """Whether its jobs are still there when the process has ended: yes."""
        return True

    # --- jobs -----------------------------------------------------------------------------------------------------------

    def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
        """Keep a new job; return it, or the one that was created with the same key before. It is on the disk then.

        Raises:
            InvalidRequest: The key was used for another request before.
            ValueError: There is a job of this identifier, or a day or a district stands twice in the plan.
            StoreUnavailable: The file cannot be written.
        """
        with self._database.writing() as connection:
            kept = None if idempotency_key is None else self._created_with(connection, idempotency_key)
            if kept is None or idempotency_key is None:
                self._plans.write(connection, spec, idempotency_key)
                return spec
        kept.check_key(idempotency_key, spec.asked_for)
        return kept

    def created_with(self, idempotency_key: str, /) -> JobSpec | None:
        """Return the job that was created with this key; ``None`` = there is none, or it was forgotten.

        Raises:
            DamagedFile: The file does not hold what it must.
        """
        with self._database.reading() as connection:
            return self._created_with(connection, idempotency_key)

    def load(self, job_id: str, /) -> JobState:
        """Return the job's state.

        Raises:
            JobNotFound: There is none.
            DamagedFile: The file does not hold what it must.
        """
        with self._reading(job_id) as (connection, job):
            return self._states.read(connection, job)

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Let the changes happen, all or none; return them as events. They are on the disk then.

        Raises:
            JobNotFound: There is no such job.
            LeaseLost: *epoch* is not the number of the job's owner.
            ValueError: A change is not possible in the job's state.
            StoreUnavailable: The file cannot be written; nothing has changed.
        """
        with self._writing(job_id, epoch) as (connection, job):
            if not changes:
                return []
            days = tuple(days_of(changes))
            with self._database.understood():
                before = self._states.read_part(connection, job, days)
            after = before.copy()
            for change in changes:
                after.apply(change)
            outcomes = of_collection(before.spec.operation, changes)
            if days and outcomes:
                with self._database.understood():
                    self._outcomes.note(connection, outcomes, days)
            return self._states.write(connection, job, before, after, changes, at)

    def list(self, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50) -> Sequence[JobState]:
        """Return jobs without their errors, findings and attempts, newest first; of two as old, the one created last."""
        wanted = tuple(BackfillStatus if states is None else states)
        most = as_limit(limit)
        with self._database.reading() as connection, self._database.understood():
            return [self._states.read_briefly(connection, job) for job in newest_jobs(connection, wanted, most)]

    def list_after(
        self, job_id: str, /, *, states: Iterable[BackfillStatus] | None = None, limit: int = 50
    ) -> Sequence[JobState]:
        """Return jobs as `list` does, those only that come after the job *job_id* in the list of all.

        Raises:
            JobNotFound: There is no such job.
        """
        wanted = tuple(BackfillStatus if states is None else states)
        most = as_limit(limit)
        with self._reading(job_id) as (connection, last), self._database.understood():
            return [self._states.read_briefly(connection, job) for job in newest_jobs(connection, wanted, most, last)]

    def delete(self, job_id: str, /) -> None:
        """Forget a job, its events and its key; nothing happens when there is none. Its outcomes stay in the ledger."""
        with self._database.writing() as connection:
            job = self._find(connection, job_id)
            if job is not None:
                connection.execute("DELETE FROM jobs WHERE number = ?", (job.number,))
        if job is not None:
            self._owners.locks.forget(job)

    def events(self, after: int | None = None, /, *, job_id: str | None = None, limit: int = 1000) -> Sequence[JobEvent]:
        """Return events after the one with sequence number *after* (``None`` = from the oldest kept), oldest first."""
        most = as_limit(limit)
        with self._database.reading() as connection, self._database.understood():
            job = None if job_id is None else self._find(connection, job_id)
            if job is None and job_id is not None:
                return []
            return self._states.read_events(connection, job, after or 0, most)

    def errors(self, job_id: str, /, *, after: int = 0, limit: int = 1000) -> Sequence[DistrictError]:
        """Return failures of a job from the *after*-th on (counted from 0), oldest first.

        Raises:
            JobNotFound: There is no such job.
        """
        start, most = as_start(after), as_limit(limit)
        with self._reading(job_id) as (connection, job):
            return self._states.read_errors(connection, job, start, most)

    def outcomes(self, start: date, end: date, /) -> Mapping[date, Mapping[str | None, UnitState]]:
        """Return the last outcome of each unit from *start* to *end*; a ``None`` key = the day as a whole."""
        with self._database.reading() as connection, self._database.understood():
            return self._outcomes.between(connection, start, end)

    # --- owners ---------------------------------------------------------------------------------------------------------

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        """Return the lease of a job that can be acquired (see `SupportsLeases`), or ``None``.

        While it holds, this process keeps a lock; whoever is on this machine sees at once when the process ends.

        Raises:
            JobNotFound: There is no such job.
            InvalidRequest: *ttl* is not a positive number of seconds.
        """
        seconds = as_ttl(ttl)
        epoch = 0
        try:
            with self._writing(job_id) as (connection, job):
                now = self._clock.now()
                if job.status.is_final or not self._owners.is_gone(job, now):
                    return None
                ownership = job.ownership.taken_by(owner, machine=self._owners.machine, until=expiry(now, seconds))
                epoch = ownership.epoch
                if not self._owners.acquire(connection, job, ownership):
                    return None
        except BaseException:
            self._owners.locks.drop(job_id, epoch)  # what could not be noted
            raise
        return Lease(job_id, owner, epoch, seconds, expiry(now, seconds))

    def renew(self, lease: Lease, /) -> Renewal:
        """Return the lease with ``ttl`` seconds from now, and what the owner is asked for.

        Raises:
            LeaseLost: Another has acquired the job since, the lease was released, or the job was forgotten.
        """
        with self._database.writing() as connection:
            job = self._find(connection, lease.job_id)
            if job is None or not job.ownership.is_under(lease.epoch):
                self._owners.locks.drop(lease.job_id, lease.epoch)
                raise LeaseLost(lease.job_id, lease.epoch, 0 if job is None else job.ownership.epoch)
            until = expiry(self._clock.now(), lease.ttl)
            write_ownership(connection, job.number, evolve(job.ownership, expires=until))
            return Renewal(evolve(lease, expires=until), job.requests)

    def release(self, lease: Lease, /) -> None:
        """Let the job go; nothing happens when the lease is lost or was released before, but for this process's lock."""
        with self._database.writing() as connection:
            job = self._find(connection, lease.job_id)
            self._owners.locks.drop(lease.job_id, lease.epoch)
            if job is not None and job.ownership.is_under(lease.epoch):
                self._owners.release(connection, job)
        if job is not None and job.status.is_final:
            self._owners.locks.forget(job)

    def abandoned(self, now: datetime, /) -> Sequence[str]:
        """Return the jobs that need an owner and whose owner is gone as of *now*, oldest first."""
        with self._database.writing() as connection:
            with self._database.understood():
                waiting = [job for job in open_jobs(connection) if job.requests.need_owner(job.status)]
            return [job.job_id for job in waiting if self._owners.is_gone(job, now)]

    def request(self, job_id: str, wanted: Wanted, /) -> bool:
        """Ask the owner of a job, or whoever owns it next, for something; return whether that changed what is asked for.

        Raises:
            JobNotFound: There is no such job.
        """
        asked = as_wanted(wanted)
        with self._writing(job_id) as (connection, job):
            requests = job.requests if job.status.is_final else job.requests.after(asked)
            if requests == job.requests:
                return False
            query = "UPDATE jobs SET cancel_requested = ?, pause_requested = ? WHERE number = ?"
            connection.execute(query, (int(requests.cancel), int(requests.pause), job.number))
            return True

    def claim_day(self, job_id: str, day: date, /, *, epoch: int) -> bool:
        """Return whether the day is the caller's now; ``False`` = it is claimed already.

        Raises:
            JobNotFound: There is no such job.
            LeaseLost: *epoch* is not the number of the job's owner.
            ValueError: The job has ended, or has no such day.
        """
        with self._writing(job_id, epoch) as (connection, job):
            key = (job.number, day.isoformat())
            has_day = connection.execute("SELECT 1 FROM days WHERE job = ? AND day = ?", key).fetchone()
            if job.status.is_final or has_day is None:
                message = f"{day} is not a day of a job {job_id} that has not ended"
                raise ValueError(message)
            return connection.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?)", (*key, epoch)).rowcount == 1

    def release_day(self, job_id: str, day: date, /, *, epoch: int) -> None:
        """Give a day back; nothing happens when it is not claimed under this number."""
        with self._database.writing() as connection:
            job = self._find(connection, job_id)
            if job is not None:
                key = (job.number, day.isoformat(), epoch)
                connection.execute("DELETE FROM claims WHERE job = ? AND day = ? AND epoch = ?", key)

    # --- within ---------------------------------------------------------------------------------------------------------

    def _remember_nothing(self) -> None:
        """Begin without what was read before, which may have been of another file in this place."""
        lists = Lists()
        self._plans = Plans(lists)
        self._states = States(self._plans, lists, self._max_events)
        self._outcomes = Outcomes()

    @contextmanager
    def _reading(self, job_id: str) -> Iterator[tuple[sqlite3.Connection, JobRow]]:
        with self._database.reading() as connection:
            job = self._found(connection, job_id)
            with self._database.understood():
                yield connection, job

    @contextmanager
    def _writing(self, job_id: str, epoch: int | None = None) -> Iterator[tuple[sqlite3.Connection, JobRow]]:
        with self._database.writing() as connection:
            job = self._found(connection, job_id)
            if epoch is not None:
                job.ownership.check(job_id, epoch)
            yield connection, job

    def _created_with(self, connection: sqlite3.Connection, key: str) -> JobSpec | None:
        with self._database.understood():
            job = find_key(connection, key)
            return None if job is None else self._plans.read(connection, job)

    def _found(self, connection: sqlite3.Connection, job_id: str) -> JobRow:
        job = self._find(connection, job_id)
        if job is None:
            raise JobNotFound(job_id)
        return job

    def _find(self, connection: sqlite3.Connection, job_id: str) -> JobRow | None:
        with self._database.understood():
            return find_job(connection, job_id)


def _close(database: Database, owners: Owners) -> None:
    if not database.is_of_another_process:
        owners.locks.close()
        database.close()


def _remake(path: str, options: Mapping[str, object]) -> SqliteJobStore:
    return SqliteJobStore(path, **options)  # type: ignore[arg-type] # they are what the other was made with
