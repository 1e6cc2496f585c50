"""A job that runs in this process: its state in memory, noted in the job store, watched by whoever subscribed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import date

from backfill.engine.failures import describe, is_interrupt
from backfill.engine.progress import build_report
from backfill.model import (
    BackfillReport,
    BackfillStatus,
    Change,
    FetchStatus,
    JobContext,
    JobEvent,
    JobSpec,
    JobState,
    StatusChanged,
    UnitState,
)
from backfill.protocols import Clock, JobStore

logger = logging.getLogger("backfill.engine")

Callback = Callable[[JobEvent], object]


class LiveJob:
    """One job of this process. Any thread may look at it, cancel it or subscribe; one thread at a time notes its changes."""

    def __init__(self, spec: JobSpec, store: JobStore, clock: Clock, performance: Callable[[], FetchStatus | None]) -> None:
        self.spec = spec
        self.context = JobContext.of(spec.plan.request, job_id=spec.job_id, created_at=spec.created_at)
        self.future: Future[BackfillReport] = Future()
        self.future.set_running_or_notify_cancel()
        self.cancel_reason: str | None = None
        self.wake: Callable[[], None] = lambda: None
        self.is_noted = True
        self._store = store
        self._clock = clock
        self._performance = performance
        self._lock = threading.RLock()
        self._state = JobState(spec)
        self._current: tuple[date, ...] = ()
        self._started: float | None = None
        self._callbacks: dict[object, Callback] = {}

    @property
    def status(self) -> BackfillStatus:
        """The state it is in."""
        return self._state.status

    def note(self, changes: Sequence[Change], *, current: tuple[date, ...] | None = None) -> None:
        """Let *changes* happen, in the job store first, and tell the subscribers. *current*: the days now in work."""
        with self._lock:
            events = self._apply(changes)
            if current is not None:
                self._current = current
        self._tell(events)

    def start(self) -> bool:
        """Begin to work; ``False`` = it was cancelled before."""
        with self._lock:
            if self._state.status.is_final:
                return False
            self._started = self._clock.monotonic()
            events = self._apply([StatusChanged(BackfillStatus.PROCESSING, self._clock.now())])
        self._tell(events)
        return True

    def finish(self, *, error: str | None = None) -> None:
        """Reach the final state that follows from the units; *error*: what stopped the job as a whole. Never raises.

        Where the job store cannot note the end, the job has ended all the same, in error, for those who ask this process. A job
        that has ended before, cancelled while it was queued, stays as it is.
        """
        events: Sequence[JobEvent] = ()
        with self._lock:
            if self._state.status.is_final:
                return
            self._current = ()
            try:
                status, reason = self._conclude(error)
                events = self._apply([StatusChanged(status, self._clock.now(), reason)])
            except BaseException as failure:  # whatever the job store raises, who waits for the job must hear of its end
                logger.exception("the end of the job cannot be noted", extra={"job_id": self.spec.job_id})
                self.is_noted = False
                reason = error or f"the end of the job cannot be noted ({describe(failure)})"
                self._state.apply(StatusChanged(BackfillStatus.ERROR, self._clock.now(), reason))
        try:
            self._tell(events)
        finally:
            self._resolve()

    def cancel(self, reason: str) -> bool:
        """Ask the job to stop; return whether that changes anything. A queued job is cancelled at once."""
        events: Sequence[JobEvent] = ()
        with self._lock:
            if self._state.status.is_final or self.context.cancel.is_set():
                return False
            self.cancel_reason = reason
            self.context.cancel.set()
            if self._state.status is BackfillStatus.QUEUED:
                try:
                    events = self._apply([StatusChanged(BackfillStatus.CANCELLED, self._clock.now(), reason)])
                except Exception:  # it stays in the queue, and ends when its turn comes
                    logger.exception("the cancellation cannot be noted", extra={"job_id": self.spec.job_id})
            ended = self._state.status is BackfillStatus.CANCELLED
        try:
            self._tell(events)
        finally:  # also when the caller is interrupted meanwhile
            if ended:
                self._resolve()
            self.wake()
        return True

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call *callback* with every event from now on, in the thread that notes it; return what ends that."""
        with self._lock:
            subscription = object()  # its own, since one function may be subscribed twice
            self._callbacks[subscription] = callback

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks.pop(subscription, None)

        return unsubscribe

    def report(self) -> BackfillReport:
        """Return what has become of it so far."""
        performance = self._look_at_door()
        with self._lock:
            elapsed = None if self._started is None else self._clock.monotonic() - self._started
            return build_report(self._state, current=self._current, elapsed=elapsed, performance=performance)

    def _resolve(self) -> None:
        """Hand the final report to whoever waits for it. Called once, by whoever brought the job to its end."""
        self.future.set_result(self.report())

    def _look_at_door(self) -> FetchStatus | None:
        try:
            return self._performance()
        except Exception:  # a fetcher of somebody's own; who waits for the job must get its report all the same
            logger.exception("the door cannot tell its state", extra={"job_id": self.spec.job_id})
            return None

    def _conclude(self, error: str | None) -> tuple[BackfillStatus, str | None]:
        counts = self._state.counts
        if error is not None:
            return BackfillStatus.ERROR, error
        if self.context.cancel.is_set() and counts[UnitState.PENDING]:
            return BackfillStatus.CANCELLED, self.cancel_reason
        failed = counts[UnitState.FAILED]
        if not failed:
            return BackfillStatus.COMPLETE, None
        some = failed < self._state.total
        reason = f"{failed} of {self._state.total} units failed"
        return (BackfillStatus.PARTIAL_SUCCESS if some else BackfillStatus.ERROR), reason

    def _apply(self, changes: Sequence[Change]) -> Sequence[JobEvent]:
        """Let *changes* happen, in the job store first; the caller holds the lock, and tells the subscribers when it has let go.

        Told under the lock, a subscriber that waits for another thread which asks for the report would wait for ever.
        """
        events = self._store.apply(self.spec.job_id, changes, at=self._clock.now()) if changes else ()
        for change in changes:
            self._state.apply(change)
        return events

    def _tell(self, events: Sequence[JobEvent]) -> None:
        with self._lock:
            callbacks = tuple(self._callbacks.values())
        for event in events:
            for callback in callbacks:
                try:
                    callback(event)
                except BaseException as error:
                    if is_interrupt(error):
                        raise
                    logger.exception("a subscriber raised; the job goes on", extra={"job_id": self.spec.job_id})
