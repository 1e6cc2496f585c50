"""The façade that a host application holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType

from attrs import evolve

from backfill.engine.coverage import filling, missing_units, survey
from backfill.engine.listing import resolve_lists
from backfill.engine.progress import build_report
from backfill.engine.scoping import naming_of
from backfill.errors import BackfillError, InvalidRequest
from backfill.historian import Historian
from backfill.job import Job
from backfill.model import (
    REBUILD,
    RERANK,
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    BackfillStatus,
    Coverage,
    DayRow,
    DistrictError,
    Frequency,
    JobEvent,
    refuse_collisions,
)
from backfill.model.checks import as_choice, as_count, as_name, as_texts
from backfill.protocols import SupportsErrors
from backfill.servicebase import EVERY, as_identifier


class BackfillService(Historian):
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

    # --- starting jobs ------------------------------------------------------------------------------------------------

    def plan(self, request: BackfillRequest, *, resolve: bool = False) -> BackfillPlan:
        """Return exactly what *request* would do, without a request to the publisher.

        Args:
            request: What is asked for.
            resolve: List the districts of each day first, where they are not known. This does ask the publisher.

        Raises:
            InvalidRequest: It cannot be done; the error says what to ask for instead.
            SourceError: The districts of a day cannot be had (only with *resolve*).
        """
        self._check_usable()
        plan = self._planner.plan(_request(request), rate=self._rate())
        if not resolve:
            return plan
        lists = resolve_lists(plan, self._source, self._door(), self._clock)
        return self._planner.plan(request, rate=self._rate(), lists=lists)

    def initiate_backfill(self, request_or_plan: BackfillRequest | BackfillPlan, *, idempotency_key: str | None = None) -> Job:
        """Accept a job and return at once.

        Args:
            request_or_plan: What to do: a request, or a plan made earlier, which is then carried out exactly.
            idempotency_key: A second call with the same key returns the job of the first.

        Raises:
            InvalidRequest: It cannot be done, or the key was used for something else.
            PlanOutdated: The plan no longer describes what would happen.
            StoreUnavailable: The store says that it cannot be written.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        self._check_usable()
        if idempotency_key is not None:
            as_name("idempotency_key", idempotency_key)
        if not isinstance(request_or_plan, BackfillPlan):
            plan = self._planner.plan(_request(request_or_plan), rate=self._rate())
            return Job(self, self._accept(plan, idempotency_key=idempotency_key))
        outdated: BackfillError | None = None
        try:
            self._planner.confirm(request_or_plan)
        except BackfillError as error:
            outdated = error
        return Job(self, self._accept(request_or_plan, idempotency_key=idempotency_key, unless=outdated))

    def run_backfill(
        self, request: BackfillRequest | BackfillPlan, *, progress: Callable[[BackfillReport], None] | bool | None = None
    ) -> BackfillReport:
        """Carry out a job and return its final report. Interrupted by Ctrl-C, it cancels the job, loses nothing, and raises.

        Args:
            request: What to do.
            progress: Called with the report about twice a second; ``True`` = a line on standard error; ``None`` = that line
                if standard error is a terminal; ``False`` = nothing. In a notebook a picture in the cell takes the place of the line. What the function raises cancels the job, and is raised.

        Raises:
            InvalidRequest: It cannot be done.
            PlanOutdated: The plan no longer describes what would happen.
            StoreUnavailable: The store says that it cannot be written.
            ServiceUnusable: The service was closed, or no thread can be started for the job.
            KeyboardInterrupt: The caller was interrupted; the job is cancelled and its units in flight have ended.
        """
        from backfill.progressline import display, watch  # noqa: PLC0415 - only who waits here pays for it

        show = display(progress)
        job = self.initiate_backfill(request)
        try:
            watch(job.future, job.report, show)
        except BaseException:
            job.cancel()
            watch(job.future, job.report, None)
            raise
        return job.wait()

    def retry_failed(self, backfill_id: str) -> Job:
        """Accept a new job with only what failed in an ended one; it completes the partial snapshots.

        Raises:
            JobNotFound: There is no such job.
            InvalidRequest: It has not ended, nothing failed, or nothing of it is in scope any more.
        """
        self._check_usable()
        state = self._load(backfill_id)
        if not state.status.is_final:
            raise InvalidRequest("backfill_id", backfill_id, f"the job is {state.status}", "wait for its end, or cancel it first")
        failed = state.failed_units()
        if not failed:
            raise InvalidRequest("backfill_id", backfill_id, "nothing failed in this job", "nothing is left to retry")
        if state.spec.operation == RERANK:
            again = tuple(planned for planned in state.spec.plan.days if planned.day in failed)
            return Job(self, self._accept(evolve(state.spec.plan, days=again), retry_of=backfill_id, operation=RERANK))
        retry = self._planner.narrow(state.spec.plan, failed, rate=self._rate())
        operation = REBUILD if state.spec.operation == REBUILD else None  # its documents are in the archive, or nowhere
        return Job(self, self._accept(retry, retry_of=backfill_id, operation=operation))

    def fill_gaps(
        self,
        coverage: Coverage | date | str,
        end: date | str | None = None,
        *,
        districts: Sequence[str] | None = None,
        frequency: Frequency | str = "daily",
    ) -> Job:
        """Accept a job that collects exactly what is missing (`Coverage.missing`): what failed, was never tried, or is partial.

        It collects them in the detail in which the rest is stored: in full if all of it is. What is whole stays as it is, a summary too:
        ask for ``detail="full"`` in a request to have more. What is known not to have been published is not asked for again, and a
        damaged day is left alone, as nothing is stored over it. Where no district is known, as in an empty store, the days are collected
        as a whole. Records in full that are partial need calls of their own: of a day that is otherwise filled by one summary they are
        filled by the next such job, once nothing else is missing.

        Args:
            coverage: What `coverage` returned, alone; or the first day of the range to look at.
            end: The last day, inclusive, where the first is given.
            districts: Where days are given: as for `coverage`.
            frequency: Where days are given: as for `coverage`.

        Raises:
            InvalidRequest: Nothing is missing, or a value cannot be what it is said to be.
            StoreUnavailable: The store says that it cannot be written.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        self._check_usable()
        if isinstance(coverage, Coverage):
            if end is not None or districts is not None or frequency != Frequency.DAILY:
                rule = "a coverage has its days, districts and frequency already"
                raise InvalidRequest("coverage", coverage, rule, "give the coverage alone, or the first day in its place")
        else:
            last = coverage if end is None else end
            coverage = self.coverage(coverage, last, districts=districts, frequency=frequency)
        plan = self._planner.plan(filling(coverage, self._scope.resolve(None).districts))
        missing, by_district = missing_units(coverage, plan.strategy.method)
        return Job(self, self._accept(self._planner.narrow(plan, missing, rate=self._rate(), by_district=by_district)))

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

    def list_backfills(self, *, states: Iterable[BackfillStatus | str] | None = None, limit: int = 50) -> list[BackfillReport]:
        """Return the jobs, newest first, without their errors and without progress per district.

        Args:
            states: Only jobs in one of these states; ``None`` = all.
            limit: So many at most.

        Raises:
            InvalidRequest: A state that does not exist, or a limit below 1.
        """
        self._check_process()
        if isinstance(states, str):
            raise InvalidRequest("states", str(states), "one state, where a list of them is meant", f"write [{str(states)!r}]")
        if states is not None and not isinstance(states, Iterable):
            raise InvalidRequest("states", states, "not a list of states", "write a list, for instance ['processing']")
        wanted = None if states is None else tuple(as_choice("states", state, BackfillStatus) for state in states)
        most = as_count("limit", limit, least=1, most=EVERY)
        reports = [build_report(state) for state in self._jobs.list(states=wanted, limit=most)]
        return [
            evolve(report, errors=(), findings=(), progress=evolve(report.progress, district_progress={})) for report in reports
        ]

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

    def coverage(
        self,
        start: date | str,
        end: date | str,
        *,
        districts: Sequence[str] | None = None,
        frequency: Frequency | str = "daily",
    ) -> Coverage:
        """Return which (day, district) are stored and what became of the others, without a request.

        Args:
            start: First day.
            end: Last day, inclusive.
            districts: Which districts; ``None`` = the configured ones, else all that are stored or were tried.
            frequency: Which days of the range to look at.

        Raises:
            InvalidRequest: A value cannot be what it is said to be.
        """
        self._check_process()
        request = BackfillRequest(start, end, frequency=frequency)
        if districts is None:
            names = self._scope.resolve(None).districts
        else:
            names = tuple(map(naming_of(self._source), as_texts("districts", districts)))
            refuse_collisions(names)
        return survey(
            request.start_date,
            request.end_date,
            request.frequency,
            None if names is None else tuple(sorted(set(names))),
            source=self._source,
            store=self._store,
            jobs=self._jobs,
            clock=self._clock,
        )

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


def _request(value: object) -> BackfillRequest:
    if not isinstance(value, BackfillRequest):
        raise InvalidRequest("request", value, "not a BackfillRequest", "write BackfillRequest('2023-01-01', '2023-01-31')")
    return value
