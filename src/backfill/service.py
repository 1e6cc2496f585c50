"""The façade that a host application holds."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from datetime import date, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

from attrs import evolve

from backfill.engine.coverage import survey
from backfill.engine.failures import describe
from backfill.engine.jobs import LiveJob
from backfill.engine.listing import resolve_lists
from backfill.engine.planner import Planner, has_work
from backfill.engine.progress import build_report
from backfill.engine.queue import JobQueue
from backfill.engine.runner import Runner
from backfill.engine.scoping import naming_of
from backfill.engine.slots import Slots
from backfill.errors import BackfillError, InvalidRequest, ServiceUnusable
from backfill.historian import Historian
from backfill.job import Job
from backfill.model import (
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    BackfillStatus,
    Coverage,
    DistrictError,
    FetchStatus,
    Frequency,
    JobEvent,
    JobSpec,
    JobState,
    refuse_collisions,
)
from backfill.model.checks import as_choice, as_count, as_name, as_seconds, as_texts
from backfill.protocols import (
    Clock,
    DataSource,
    Fetch,
    Fetcher,
    JobStore,
    ScopeResolver,
    SnapshotStore,
    SupportsErrors,
    SupportsEvents,
    SupportsFetchStatus,
    SupportsMaxConcurrency,
    SupportsWriteCheck,
)
from backfill.wiring import (
    as_collaborator,
    as_fetcher,
    as_source,
    default_clock,
    default_fetcher,
    default_jobs,
    default_scope,
)

if TYPE_CHECKING:
    from typing import Self

logger = logging.getLogger("backfill.service")

_EVERY = sys.maxsize

_EXIT_SECONDS = 30.0
"""So long at most a service that nobody closed keeps an interpreter from ending, while its units in flight end."""


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
        clock: The time; ``None`` = the system's. "Today" is its date in UTC.
        max_active_jobs: Jobs that run at once; the others wait in the order in which they came.

    Attributes:
        operation: What metadata and logs call its jobs (R11.4).

    Raises:
        InvalidRequest: One of them is not what it must be.
    """

    operation: ClassVar[str] = "backfill"

    def __init__(
        self,
        source: DataSource,
        store: SnapshotStore,
        scope: ScopeResolver | None = None,
        *,
        jobs: JobStore | None = None,
        fetch: Fetcher | Fetch | None = None,
        clock: Clock | None = None,
        max_active_jobs: int = 1,
    ) -> None:
        self._source = as_source(source)
        self._store = as_collaborator("store", store, SnapshotStore, "needs begin, read, entries, days and delete")
        self._scope = default_scope()
        if scope is not None:
            self._scope = as_collaborator("scope", scope, ScopeResolver, "needs resolve(requested)")
        self._clock = default_clock()
        if clock is not None:
            self._clock = as_collaborator("clock", clock, Clock, "needs today, now, monotonic and wait")
        self._jobs = default_jobs()
        if jobs is not None:
            self._jobs = as_collaborator("jobs", jobs, JobStore, "needs create, load, apply, list and delete")
        self._fetcher: Fetcher | None = None if fetch is None else as_fetcher(fetch, self._clock)
        self._owns_fetcher = fetch is None
        max_active = as_count("max_active_jobs", max_active_jobs, least=1, most=64)
        self._slots = Slots(source.max_concurrency if isinstance(source, SupportsMaxConcurrency) else None)
        self._planner = Planner(self._source, self._store, self._scope, self._clock)
        self._queue = JobQueue(self._run, max_active=max_active)
        self._live: dict[str, LiveJob] = {}
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._closed = False
        self._ending = False
        self._running = 0
        self._registered = False
        self._executors: dict[str, Executor] = {}

    def __enter__(self) -> Self:
        """Return the service."""
        self._check_usable()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        """Close the service without finishing its jobs."""
        self.close()

    # --- what it is made of, for those who show it --------------------------------------------------------------------

    @property
    def store(self) -> SnapshotStore:
        """Where its snapshots are."""
        return self._store

    @property
    def scope(self) -> ScopeResolver:
        """Which districts it may touch."""
        return self._scope

    @property
    def closed(self) -> bool:
        """Whether it takes no more jobs."""
        return self._closed

    def fetch_status(self) -> FetchStatus | None:
        """Return the state of the door out, its limits and breakers; ``None`` = it cannot say, or nothing was fetched yet."""
        return self._performance()

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
            return self._accept(plan, idempotency_key=idempotency_key)
        outdated: BackfillError | None = None
        try:
            self._planner.confirm(request_or_plan)
        except BackfillError as error:
            outdated = error
        return self._accept(request_or_plan, idempotency_key=idempotency_key, unless=outdated)

    def run_backfill(
        self, request: BackfillRequest | BackfillPlan, *, progress: Callable[[BackfillReport], None] | bool | None = None
    ) -> BackfillReport:
        """Carry out a job and return its final report. Interrupted by Ctrl-C, it cancels the job, loses nothing, and raises.

        Args:
            request: What to do.
            progress: Called with the report about twice a second; ``True`` = a line on standard error; ``None`` = that line
                if standard error is a terminal; ``False`` = nothing. What the function raises cancels the job, and is raised.

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
        retry = self._planner.narrow(state.spec.plan, failed, rate=self._rate())
        return self._accept(retry, retry_of=backfill_id)

    # --- looking at jobs ----------------------------------------------------------------------------------------------

    def get_job(self, backfill_id: str) -> Job:
        """Return a job, of this process or kept in the job store.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        live = self._find(backfill_id)
        if live is not None:
            return Job(self, backfill_id, live.future)
        state = self._load(backfill_id)
        future: Future[BackfillReport] = Future()
        if state.status.is_final:
            future.set_result(build_report(state, performance=self._performance()))
        else:
            future.set_running_or_notify_cancel()
        return Job(self, backfill_id, future)

    def get_backfill_status(self, backfill_id: str) -> BackfillReport:
        """Return what has become of a job so far; never waits.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        live = self._find(backfill_id)
        if live is not None:
            return live.report()
        return build_report(self._load(backfill_id), performance=self._performance())

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
        most = as_count("limit", limit, least=1, most=_EVERY)
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
        as_count("after", after, least=0, most=_EVERY)
        as_count("limit", limit, least=1, most=_EVERY)
        if isinstance(self._jobs, SupportsErrors):
            return self._jobs.errors(_identifier(backfill_id), after=after, limit=limit)
        return tuple(self._load(backfill_id).errors)[after : after + limit]

    def events(self, *, after: int | None = None) -> Sequence[JobEvent]:
        """Return what happened to all jobs, oldest first, after the event with sequence number *after*, as the job store kept it.

        At most 1,000 events: to have more, ask again after the last of them.

        Raises:
            InvalidRequest: *after* is no sequence number.
        """
        return self._events(after)

    def cancel_backfill(self, backfill_id: str) -> bool:
        """Cancel a job; return whether that changed anything. Returns at once; `Job.wait` tells when all is quiet.

        Nothing new starts, what is in flight ends, what is collected is published, the rest stays pending.

        Raises:
            JobNotFound: There is none of this identifier.
        """
        live = self._find(backfill_id)
        if live is not None:
            return live.cancel("cancelled on request")
        self._load(backfill_id)
        return False

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

        Their outcomes stay in the ledger, so that `coverage` never forgets.

        Raises:
            InvalidRequest: *older_than* is no duration, or *keep* is negative.
        """
        self._check_process()
        if not isinstance(older_than, timedelta) or older_than < timedelta(0):
            raise InvalidRequest("older_than", older_than, "not a duration", "write timedelta(days=30)")
        keep = as_count("keep", keep, least=0, most=_EVERY)
        now = self._clock.now()
        ended = [state for state in self._jobs.list(limit=_EVERY) if state.status.is_final]
        old = [state for state in ended[keep:] if state.completed_at is not None and now - state.completed_at > older_than]
        for state in old:
            self._jobs.delete(state.spec.job_id)
            with self._lock:
                self._live.pop(state.spec.job_id, None)
        return len(old)

    # --- closing ------------------------------------------------------------------------------------------------------

    def close(self, *, wait: bool = False, timeout: float | None = None) -> None:
        """Start nothing new, let the units in flight end, publish what is collected, and let go of what the service made.

        May be called twice, and from any thread. Called from a thread of one of its jobs (by a subscriber, or a source), it waits
        for nothing, since that thread must return before the job can end. Jobs can still be looked at afterwards.

        Args:
            wait: Finish the accepted jobs first.
            timeout: Seconds to wait in all; ``None`` = as long as it takes.

        Raises:
            TimeoutError: Units in flight did not end in time; their threads end when these do.
            InvalidRequest: *timeout* is no number of seconds; or *wait*, from a thread of one of the jobs to wait for.
        """
        if self._pid != os.getpid():
            return  # nothing of it runs here, and a lock may have been held when the process was forked
        if timeout is not None:
            timeout = max(0.0, as_seconds("timeout", timeout, least=-threading.TIMEOUT_MAX, most=threading.TIMEOUT_MAX))
        inside = self._queue.is_inside()
        if wait and inside:
            raise InvalidRequest(
                "wait", wait, "a thread of a job cannot wait for the jobs to end", "leave it out, or close from another thread"
            )
        until = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._closed = True
        if wait:
            self._queue.join(timeout)
        with self._lock:
            self._ending = True
            live = tuple(self._live.values())
        for job in live:
            job.cancel("the service was closed before the job had ended")
        quiet = inside or self._queue.join(None if until is None else max(0.0, until - time.monotonic()))
        atexit.unregister(self._close_at_exit)
        self._let_go()
        if not quiet:
            message = (
                f"units in flight did not end within {timeout:g} s; the service is closed, and their threads end when they do"
            )
            raise TimeoutError(message)

    # --- within -------------------------------------------------------------------------------------------------------

    def _close_at_exit(self) -> None:
        try:
            self.close(timeout=_EXIT_SECONDS)
        except TimeoutError:
            logger.warning("units in flight did not end within %g s of the interpreter's end; they are lost", _EXIT_SECONDS)

    def _accept(
        self,
        plan: BackfillPlan,
        *,
        idempotency_key: str | None = None,
        retry_of: str | None = None,
        unless: BackfillError | None = None,
        operation: str | None = None,
    ) -> Job:
        """Queue a new job, or return the one of the same key; *unless* is why it must not be a new one."""
        if unless is not None and idempotency_key is None:
            raise unless
        now = self._clock.now()
        spec = JobSpec(f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}", now, plan, retry_of, operation or self.operation)
        with self._lock:
            self._check_usable()
            kept = self._jobs.create(spec, idempotency_key=idempotency_key)
            if kept.job_id != spec.job_id:
                return self.get_job(kept.job_id)
            try:
                live = self._enqueue(spec, unless)
            except BaseException:
                self._live.pop(spec.job_id, None)
                self._jobs.delete(spec.job_id)
                raise
        logger.info(
            "%s accepted: %s, %d days; %s",
            spec.operation,
            plan.scope.kind,
            len(plan.days),
            plan.rationale,
            extra={"job_id": spec.job_id},
        )
        return Job(self, spec.job_id, live.future)

    def _enqueue(self, spec: JobSpec, unless: BackfillError | None) -> LiveJob:
        if unless is not None:
            raise unless
        if isinstance(self._store, SupportsWriteCheck) and any(map(has_work, spec.plan.days)):
            self._store.check_writable()
        job = self._live[spec.job_id] = LiveJob(spec, self._jobs, self._clock, self._performance)
        if not self._registered:
            self._registered = True
            atexit.register(self._close_at_exit)
        try:
            self._queue.add(job)
        except RuntimeError as error:  # too many threads, or the interpreter is ending
            message = f"no thread can be started for the job ({error}), so it was not accepted; end some, and try again"
            raise ServiceUnusable(message) from error
        return job

    def _begin(self, plan: BackfillPlan, operation: str) -> Job:
        return self._accept(plan, operation=operation)

    def _run(self, job: LiveJob) -> None:
        with self._lock:
            self._running += 1
        try:
            Runner(job, self._source_of(job.spec), self._store, self._door(), self._clock, self._slots).run()
        except BaseException as error:  # what the runner is made of may raise anything, an ability of the source for instance
            logger.exception("the job cannot begin", extra={"job_id": job.spec.job_id})
            job.finish(error=describe(error))
        with self._lock:
            self._running -= 1
            if job.is_noted:
                self._live.pop(job.spec.job_id, None)
        self._let_go()

    def _let_go(self) -> None:
        """Close what the service made, once it is closed and no unit in flight needs it any more."""
        with self._lock:
            done = self._ending and not self._running
        if done and self._owns_fetcher and self._fetcher is not None:
            self._fetcher.close()

    def _find(self, backfill_id: str) -> LiveJob | None:
        self._check_process()
        with self._lock:
            return self._live.get(_identifier(backfill_id))

    def _load(self, backfill_id: str) -> JobState:
        return self._jobs.load(_identifier(backfill_id))

    def _subscribe(self, backfill_id: str, callback: Callable[[JobEvent], object]) -> Callable[[], None]:
        if not callable(callback):
            raise InvalidRequest("callback", callback, "not a function", "pass a function that takes an event")
        live = self._find(backfill_id)
        return (lambda: None) if live is None else live.subscribe(callback)

    def _events(self, after: int | None, job_id: str | None = None) -> Sequence[JobEvent]:
        self._check_process()
        since = None if after is None else as_count("after", after, least=0, most=_EVERY)
        return self._jobs.events(since, job_id=job_id) if isinstance(self._jobs, SupportsEvents) else ()

    def _door(self) -> Fetcher:
        with self._lock:
            if self._fetcher is None:
                self._fetcher = default_fetcher(self._clock)
            return self._fetcher

    def _performance(self) -> FetchStatus | None:
        fetcher: object = self._fetcher
        if not isinstance(fetcher, SupportsFetchStatus):
            return None
        try:
            status: object = fetcher.status()
        except Exception:  # a door that cannot say how it is doing must take no report with it, and no job
            logger.exception("the door out cannot say how it is doing")
            return None
        return status if isinstance(status, FetchStatus) else None

    def _rate(self) -> float | None:
        self._door()
        status = self._performance()
        return None if status is None else status.rate

    def _check_usable(self) -> None:
        self._check_process()
        if self._closed:
            message = "this service is closed; make a new one"
            raise ServiceUnusable(message)

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            message = "this service was made in another process and carried over a fork; make a new one in this process"
            raise ServiceUnusable(message)


def _identifier(value: object) -> str:
    if not isinstance(value, str):  # a Job, for instance, whose text would ask for its state again
        raise InvalidRequest("backfill_id", type(value), "not a job's identifier", "pass its backfill_id, a string")
    return value


def _request(value: object) -> BackfillRequest:
    if not isinstance(value, BackfillRequest):
        raise InvalidRequest("request", value, "not a BackfillRequest", "write BackfillRequest('2023-01-01', '2023-01-31')")
    return value
