"""What a service is made of, how its jobs are accepted and run, and how it is closed."""

from __future__ import annotations

import atexit
import json
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

from backfill.engine.elsewhere import refuse_unfit
from backfill.engine.failures import describe
from backfill.engine.growth import Growth
from backfill.engine.heartbeat import INTERVAL
from backfill.engine.hosting import JobHost
from backfill.engine.jobs import LiveJob
from backfill.engine.planner import Planner, has_work
from backfill.engine.resuming import unnoted
from backfill.engine.runner import Runner
from backfill.engine.slots import Slots
from backfill.errors import BackfillError, InvalidRequest, ServiceUnusable
from backfill.model import (
    REBUILD,
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    FetchStatus,
    JobEvent,
    JobSpec,
    JobState,
)
from backfill.model.checks import as_count, as_name, as_seconds
from backfill.protocols import (
    Clock,
    DataSource,
    Fetch,
    Fetcher,
    JobStore,
    ScopeResolver,
    SnapshotStore,
    SupportsEvents,
    SupportsFetchStatus,
    SupportsKeys,
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

EVERY = sys.maxsize

Admit = Callable[[BackfillPlan], object]
"""Looks at the plan of a job before it is accepted; what it raises keeps it from being accepted."""

_EXIT_SECONDS = 30.0
"""So long at most a service that nobody closed keeps an interpreter from ending, while its units in flight end."""


class ServiceBase:
    """What `BackfillService` stands on: collaborators, jobs, and the end. Any thread."""

    operation: ClassVar[str] = "backfill"
    _heartbeat_seconds: ClassVar[float] = INTERVAL

    def __init__(
        self,
        source: DataSource,
        store: SnapshotStore,
        scope: ScopeResolver | None = None,
        *,
        jobs: JobStore | None = None,
        fetch: Fetcher | Fetch | None = None,
        executor: Executor | None = None,
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
        self._executor = executor
        if executor is not None:
            as_collaborator("executor", executor, Executor, "is one of concurrent.futures")
            refuse_unfit(self._source, executor)
        self._fetcher: Fetcher | None = None if fetch is None else as_fetcher(fetch, self._clock)
        self._owns_fetcher = fetch is None
        max_active = as_count("max_active_jobs", max_active_jobs, least=1, most=64)
        self._slots = Slots(source.max_concurrency if isinstance(source, SupportsMaxConcurrency) else None)
        self._planner = Planner(self._source, self._store, self._scope, self._clock)
        self._host = JobHost(
            self._jobs,
            self._clock,
            self._source.name,
            self._run,
            self._performance,
            lambda state: unnoted(state, self._jobs, self._store, self._clock),
            max_active=max_active,
            interval=self._heartbeat_seconds,
        )
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._closed = False
        self._ending = False
        self._running = 0
        self._registered = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of source {self._source.name!r}{', closed' if self._closed else ''}>"

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

    # --- closing ------------------------------------------------------------------------------------------------------

    def close(self, *, wait: bool = False, timeout: float | None = None) -> None:
        """Start nothing new, let the units in flight end, publish what is collected, and let go of what the service made.

        Jobs that are not done then stay as they are in a job store that outlives the process, to be gone on with by whoever opens it next
        (`resume_jobs`); in one that does not they are cancelled. May be called twice, and from any thread. Called from a thread of one
        of its jobs (by a subscriber, or a source), it waits for nothing, since that thread must return before the job can end. Jobs can
        still be looked at afterwards.

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
        inside = self._host.queue.is_inside()
        if wait and inside:
            raise InvalidRequest(
                "wait", wait, "a thread of a job cannot wait for the jobs to end", "leave it out, or close from another thread"
            )
        until = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._closed = True
            self._host.shut()
        if wait:
            self._host.queue.join(timeout)
        with self._lock:
            self._ending = True
        self._host.stop_all()
        quiet = inside or self._host.queue.join(None if until is None else max(0.0, until - time.monotonic()))
        self._host.close()
        atexit.unregister(self._close_at_exit)
        self._let_go()
        if not quiet:
            message = (
                f"units in flight did not end within {timeout:g} s; the service is closed, and their threads end when they do"
            )
            raise TimeoutError(message)

    # --- within -------------------------------------------------------------------------------------------------------

    def _close_at_end(self) -> None:
        """See to it that the service is closed when the interpreter ends."""
        with self._lock:
            if not self._registered:
                self._registered = True
                atexit.register(self._close_at_exit)

    def _close_at_exit(self) -> None:
        try:
            self.close(timeout=_EXIT_SECONDS)
        except TimeoutError:  # the interpreter ends: nobody is left to catch it
            logger.warning("units in flight did not end within %g s of the interpreter's end; they are lost", _EXIT_SECONDS)

    def _accepted_before(self, key: str | None, asked: BackfillRequest | str, fingerprint: str | None = None) -> str | None:
        """Return the job that was accepted under *key* before, which goes on if nobody works on it; ``None`` = it is not known.

        Raises:
            InvalidRequest: It can be no key, or was used for something else than is asked for now.
        """
        if key is None or not isinstance(self._jobs, SupportsKeys):
            return None
        kept = self._jobs.created_with(as_name("idempotency_key", key))
        if kept is None:
            return None
        kept.check_key(key, asked, fingerprint=fingerprint)
        self._host.go_on_with(kept)
        return kept.job_id

    def _accept(
        self,
        plan: BackfillPlan,
        *,
        idempotency_key: str | None = None,
        asked: str | None = None,
        fingerprint: str | None = None,
        retry_of: str | None = None,
        unless: BackfillError | None = None,
        operation: str | None = None,
        admit: Admit | None = None,
    ) -> str:
        """Queue a new job and return its identifier, or that of the job of the same key.

        Args:
            plan: What it will do.
            idempotency_key: Its key.
            asked: As in `JobSpec`.
            fingerprint: That of the very plan which a job of the same key must have; ``None`` = any plan of what is asked for.
            retry_of: As in `JobSpec`.
            unless: Why it must not be a new one.
            operation: As in `JobSpec`; ``None`` = the service's own.
            admit: Called with the plan first; what it raises keeps the job from being accepted.
        """
        if idempotency_key is not None:
            as_name("idempotency_key", idempotency_key)
        elif unless is not None:
            raise unless
        if admit is not None:
            admit(plan)
        now = self._clock.now()
        spec = JobSpec(
            f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}", now, plan, retry_of, operation or self.operation, asked=asked
        )

        def check() -> None:
            if unless is not None:
                raise unless
            if isinstance(self._store, SupportsWriteCheck) and any(map(has_work, plan.days)):
                self._store.check_writable()

        with self._lock:
            self._check_usable()
            self._close_at_end()
            kept = self._host.accept(spec, idempotency_key=idempotency_key, check=check)
        if kept is not spec and idempotency_key is not None:
            kept.check_key(idempotency_key, spec.asked_for, fingerprint=fingerprint)
        if kept is spec:
            told = (spec.operation, plan.scope.kind, len(plan.days), plan.rationale)
            logger.info("%s accepted: %s, %d days; %s", *told, extra={"job_id": spec.job_id})
        return kept.job_id

    def _run(self, job: LiveJob) -> None:
        """Carry out a job until it comes to rest; called in a thread of the queue."""
        with self._lock:
            self._running += 1
        try:
            self._carry_out(job)
        except BaseException as error:  # what the runner is made of may raise anything, an ability of the source for instance
            logger.exception("the job cannot begin", extra={"job_id": job.spec.job_id})
            job.finish(error=describe(error))
        with self._lock:
            self._running -= 1
        self._let_go()

    def _carry_out(self, job: LiveJob) -> None:
        """Work on a job until it comes to rest."""
        ahead = (planned.day for planned in job.spec.plan.days if planned.gap is None and has_work(planned))
        growth = Growth(self._source, self._store, ahead)  # of the source itself: what a rebuild collects from knows no periods
        executor = None if job.spec.operation == REBUILD else self._executor  # which has its own way there
        source = self._source_of(job)
        Runner(job, source, self._store, self._door(), self._clock, self._slots, growth, executor).run()

    def _source_of(self, job: LiveJob) -> DataSource:
        """Return what a job collects from."""
        del job
        return self._source

    def _let_go(self) -> None:
        """Close what the service made, once it is closed and no unit in flight needs it any more."""
        with self._lock:
            done = self._ending and not self._running
        if done:
            self._close_own()

    def _close_own(self) -> None:
        """Close what the service made. May be called again, and from a thread of a job."""
        if self._owns_fetcher and self._fetcher is not None:
            self._fetcher.close()

    def _load(self, backfill_id: str) -> JobState:
        return self._jobs.load(as_identifier(backfill_id))

    def _future(self, backfill_id: str) -> Future[BackfillReport]:
        self._check_process()
        return self._host.future(backfill_id)

    def _subscribe(self, backfill_id: str, callback: Callable[[JobEvent], object]) -> Callable[[], None]:
        if not callable(callback):
            raise InvalidRequest("callback", callback, "not a function", "pass a function that takes an event")
        self._check_process()
        return self._host.subscribe(backfill_id, callback)

    def _events(self, after: int | None, job_id: str | None = None) -> Sequence[JobEvent]:
        self._check_process()
        since = None if after is None else as_count("after", after, least=0, most=EVERY)
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


def as_asked(kind: str, *what: object) -> str:
    """Return what was asked for, where that is no request, as `JobSpec.asked` has it."""
    return json.dumps([kind, *what], default=str)


def as_identifier(value: object) -> str:
    """Return *value* if it can be a job's identifier.

    Raises:
        InvalidRequest: It cannot.
    """
    if not isinstance(value, str):  # a Job, for instance, whose text would ask for its state again, is shown by its type
        shown = value if value is None or isinstance(value, int | bytes) else type(value)
        raise InvalidRequest("backfill_id", shown, "not a job's identifier", "pass its backfill_id, a string")
    return value
