"""The façade that a host application holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType

from attrs import evolve

from backfill.engine.progress import build_report
from backfill.errors import InvalidRequest, JobNotFound
from backfill.job import Job
from backfill.model import (
    BackfillReport,
    BackfillStatus,
    DayRow,
    DistrictError,
    JobEvent,
    JobState,
)
from backfill.model.checks import as_choice, as_count
from backfill.protocols import SupportsErrors, SupportsPages
from backfill.servicebase import EVERY, as_identifier
from backfill.starting import Starter


class BackfillService(Starter):
    """Collects history from a source into a store. Any thread; one per process is enough.

    Embedding it leaves no thread after `close`, no signal handler, no configured logging and no output behind. Threads start
    when there is work. It cannot be carried over a fork: make it in the process that uses it.

    Args:
        source: Where the figures come from.
        store: Where the snapshots go.
        scope: Which districts may be touched; ``None`` = everything that the source lists for a day.
        jobs: Where jobs are kept; ``None`` = in memory.
        fetch: The door out: a `Fetcher`, or a bare `Fetch`; ``None`` = a `PoliteFetcher` with its defaults.
        executor: Where figures are made, of documents that this process fetches or has archived: for jobs, `rebuild` and `verify`; ``None`` =
            in threads of the service. Source and archive must be such as pickle can carry to its processes, if it has any. It stays the
            caller's.
        clock: The time; ``None`` = the system's. "Today" is its date in UTC.
        max_active_jobs: Jobs that run at once; the others wait in the order in which they came.

    Attributes:
        operation: What metadata and logs call its jobs (R11.4).

    Raises:
        InvalidRequest: One of them is not what it must be.
    """

    # --- stopping and going on ----------------------------------------------------------------------------------------

    def cancel_backfill(self, backfill_id: str) -> bool:
        """Cancel a job, wherever it runs; return whether that changed anything. Returns at once; `Job.wait` tells when all is quiet.

        Nothing new starts, what is in flight ends, what is collected is published, the rest stays pending. Another process that works
        on the job learns of it within seconds; a job that nobody works on is cancelled when this returns.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        self._check_process()
        return self._host.cancel(as_identifier(backfill_id))

    def pause_backfill(self, backfill_id: str) -> bool:
        """Have a job rest until somebody resumes it, also over restarts; else as `cancel_backfill`.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        self._check_process()
        return self._host.pause(as_identifier(backfill_id))

    def resume_backfill(self, backfill_id: str) -> bool:
        """Have a job go on that is paused, or whose process is gone; return whether that changed anything.

        It goes on here, unless another process works on it, for instance because it is only just being paused there. What is stored is
        not collected again.

        Raises:
            JobNotFound: There is none of this identifier.
            InvalidRequest: The job collects from another source.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        self._check_usable()
        return self._host.resume(as_identifier(backfill_id))

    def resume_jobs(self) -> list[Job]:
        """Go on with every job that was interrupted, since the process that worked on it is gone; return these jobs, oldest first.

        At once where that process ran on this machine; else when its lease has run out. A job that was asked to be cancelled or
        paused meanwhile is, and one that is paused stays so. Jobs of another source are left, with a warning in the log. A job store
        in memory, or one that cannot tell whether a job is worked on, has none.

        Raises:
            ServiceUnusable: The service was closed, or no thread can be had for a job.
            StoreUnavailable: The job store cannot be written.
        """
        self._check_usable()
        self._close_at_end()
        return [Job(self, job_id) for job_id in self._host.resume_all()]

    # --- looking at jobs ----------------------------------------------------------------------------------------------

    def get_job(self, backfill_id: str) -> Job:
        """Return a job, of this process or kept in the job store.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        self._check_process()
        if self._host.find(as_identifier(backfill_id)) is None:
            self._load(backfill_id)
        return Job(self, backfill_id)

    def get_backfill_status(self, backfill_id: str) -> BackfillReport:
        """Return what has become of a job so far; never waits.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        self._check_process()
        return self._host.report(as_identifier(backfill_id))

    def list_backfills(
        self, *, states: Iterable[BackfillStatus | str] | None = None, limit: int = 50, after: str | None = None
    ) -> list[BackfillReport]:
        """Return the jobs, newest first, without their errors and without progress per district.

        Args:
            states: Only jobs in one of these states; ``None`` = all.
            limit: So many at most.
            after: Only jobs that come after this one in the list of all, so that the last of a page leads to the next.

        Raises:
            InvalidRequest: A state that does not exist, or a limit below 1.
            JobNotFound: There is no job *after*.
        """
        self._check_process()
        if isinstance(states, str):
            raise InvalidRequest("states", str(states), "one state, where a list of them is meant", f"write [{str(states)!r}]")
        if states is not None and not isinstance(states, Iterable):
            raise InvalidRequest("states", states, "not a list of states", "write a list, for instance ['processing']")
        wanted = None if states is None else tuple(as_choice("states", state, BackfillStatus) for state in states)
        most = as_count("limit", limit, least=1, most=EVERY)
        reports = [build_report(state) for state in self._listed(wanted, most, after)]
        return [
            evolve(report, errors=(), findings=(), progress=evolve(report.progress, district_progress={})) for report in reports
        ]

    def _listed(self, states: tuple[BackfillStatus, ...] | None, limit: int, after: str | None) -> Sequence[JobState]:
        if after is None:
            return self._jobs.list(states=states, limit=limit)
        if isinstance(self._jobs, SupportsPages):
            return self._jobs.list_after(as_identifier(after), states=states, limit=limit)
        whole = [state.spec.job_id for state in self._jobs.list(limit=EVERY)]
        if as_identifier(after) not in whole:
            raise JobNotFound(after)
        gone = frozenset(whole[: whole.index(after) + 1])
        return [state for state in self._jobs.list(states=states, limit=EVERY) if state.spec.job_id not in gone][:limit]

    def errors(self, backfill_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[DistrictError]:
        """Return a job's failures from the *after*-th on (counted from 0), oldest first, at most *limit* of them.

        Of a job store that cannot page through them (see `SupportsErrors`), they are the newest 1,000.

        Raises:
            JobNotFound: There is none of this identifier.
            InvalidRequest: *after* is negative, or *limit* below 1.
        """
        self._check_process()
        as_count("after", after, least=0, most=EVERY)
        as_count("limit", limit, least=1, most=EVERY)
        if isinstance(self._jobs, SupportsErrors):
            return self._jobs.errors(as_identifier(backfill_id), after=after, limit=limit)
        return tuple(self._load(backfill_id).errors)[after : after + limit]

    def units(self, backfill_id: str) -> Mapping[date, DayRow]:
        """Return the units of a job by day, in the order of its plan, as the job store kept them last.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        self._check_process()
        return MappingProxyType(self._load(backfill_id).rows)

    def events(self, *, after: int | None = None) -> Sequence[JobEvent]:
        """Return what happened to all jobs, oldest first, after the event with sequence number *after*, as the job store kept it.

        At most 1,000 events: to have more, ask again after the last of them.

        Raises:
            InvalidRequest: *after* is no sequence number.
        """
        return self._events(after)

    def cleanup_old_jobs(self, *, older_than: timedelta = timedelta(days=30), keep: int = 100) -> int:
        """Forget jobs that have ended, are older than *older_than*, and are not among the newest *keep*; return how many.

        A job that has not ended is never forgotten, be it paused or interrupted, nor counted among the newest. Their outcomes stay in the ledger, so that `coverage` never forgets.

        Raises:
            InvalidRequest: *older_than* is no duration, or *keep* is negative.
        """
        self._check_process()
        if not isinstance(older_than, timedelta) or older_than < timedelta(0):
            raise InvalidRequest("older_than", older_than, "not a duration", "write timedelta(days=30)")
        keep = as_count("keep", keep, least=0, most=EVERY)
        now = self._clock.now()
        ended = [state for state in self._jobs.list(limit=EVERY) if state.status.is_final]
        old = [state for state in ended[keep:] if state.completed_at is not None and now - state.completed_at > older_than]
        for state in old:
            self._jobs.delete(state.spec.job_id)
            self._host.forget(state.spec.job_id)
        return len(old)
