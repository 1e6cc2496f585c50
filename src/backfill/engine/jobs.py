"""A job that runs in this process: its state in memory, noted in the job store, watched by whoever subscribed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from datetime import date

from attrs import evolve

from backfill.engine.failures import describe
from backfill.engine.ownership import Tenure
from backfill.engine.progress import build_report, worked
from backfill.engine.stopping import CANCELLED_ON_REQUEST, LOST_TO_ANOTHER, PAUSED_ON_REQUEST, Stop, conclude
from backfill.engine.telling import Callback, Subscribers
from backfill.errors import LeaseLost, StoreUnavailable
from backfill.model import (
    BackfillReport,
    BackfillStatus,
    Change,
    FetchStatus,
    JobContext,
    JobEvent,
    JobSpec,
    JobState,
    Stage,
    StatusChanged,
    UnitFailed,
)
from backfill.protocols import Clock, JobStore

logger = logging.getLogger("backfill.engine")


class LiveJob:
    """One job of this process. Any thread may look at it, stop it or subscribe; one thread at a time notes its changes.

    Args:
        spec: What was accepted.
        store: Where it is kept.
        clock: The time.
        performance: Tells the state of the door out.
        tenure: The right to work on it; ``None`` = nobody else can.
        state: What has become of it so far, when it goes on after an interruption; ``None`` = it is new.
        subscribers: Who hears of it.
        release: Lets it go.
        on_rest: Called when it has come to rest, before anybody is told.

    Attributes:
        jobs: Where it is kept.
        future: A future of the report with which it comes to rest here.
        context: What its units share; another one after each interruption.
        wake: Called when it is stopped.
        is_resumed: Whether some of it was done before its work began here.
        is_noted: Whether the job store knows the state in which it came to rest.
        halted_by: What made it pause by itself.
    """

    def __init__(
        self,
        spec: JobSpec,
        store: JobStore,
        clock: Clock,
        performance: Callable[[], FetchStatus | None],
        *,
        tenure: Tenure | None = None,
        state: JobState | None = None,
        subscribers: Subscribers | None = None,
        release: Callable[[Tenure], object] = Tenure.release,
        on_rest: Callable[[LiveJob], None] = lambda _job: None,
    ) -> None:
        self.spec = spec
        self.future: Future[BackfillReport] = Future()
        self.future.set_running_or_notify_cancel()
        self.is_resumed = state is not None
        self.is_noted = True
        self.subscribers = subscribers or Subscribers(spec.job_id)
        self.tenure = tenure or Tenure(store, spec.job_id, None)
        self.jobs = store
        self._clock = clock
        self._performance = performance
        self._release = release
        self._on_rest = on_rest
        self._lock = threading.RLock()
        self._state = state or JobState(spec)
        self._current: tuple[date, ...] = ()
        self._is_at_rest = False
        self._is_let_go = threading.Event()
        self._prepare()

    def _prepare(self) -> None:
        """Be ready to begin, for the first time or anew."""
        self.context = JobContext.of(self.spec.plan.request, job_id=self.spec.job_id, created_at=self.spec.created_at)
        self.wake: Callable[[], None] = lambda: None
        self.halted_by: BaseException | None = None
        self._stop: Stop | None = None
        self._reason: str | None = None
        self._is_asked = False  # to pause, by what stands in the job store
        self._goes_on = False  # resumed, while it is being paused
        self._started: float | None = None
        self._worked_before = 0
        self._failures = 0
        self._tried = dict(self._state.attempts)

    # --- looking at it ------------------------------------------------------------------------------------------------

    @property
    def status(self) -> BackfillStatus:
        """The state it is in."""
        return self._state.status

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing more happens to it here."""
        return self._is_at_rest

    def await_release(self) -> None:
        """Wait until a job that is at rest can be acquired by others: for as long as the job store takes to note that."""
        self._is_let_go.wait()

    @property
    def is_lost(self) -> bool:
        """Whether it belongs to another by now, so that nothing of it may be published or noted here."""
        return self._stop is Stop.LOST

    @property
    def is_interrupted(self) -> bool:
        """Whether it was stopped so that somebody can go on with it."""
        return self._stop in {Stop.LET_GO, Stop.PAUSE}

    @property
    def state(self) -> JobState:
        """What has become of it so far; for the thread that notes its changes."""
        return self._state

    def report(self) -> BackfillReport:
        """Return what has become of it so far."""
        performance = self.look_at_door()
        with self._lock:
            elapsed = None if self._started is None else self._clock.monotonic() - self._started
            return build_report(
                self._state,
                current=self._current,
                elapsed=elapsed,
                worked_before=self._worked_before,
                performance=performance,
            )

    def look_at_door(self) -> FetchStatus | None:
        """Return the state of the door out; ``None`` = it cannot be told."""
        try:
            return self._performance()
        except Exception:  # a fetcher of somebody's own; who waits for the job must get its report all the same
            logger.exception("the door cannot tell its state", extra={"job_id": self.spec.job_id})
            return None

    def attempts_at(self, day: date, districts: Iterable[str | None], *, listing: bool) -> int:
        """Return the failed attempts that the units had behind them when the work was interrupted, those of the unit with most.

        *listing*: at listing them, else at what follows, since these are other documents.
        """
        known = (self._tried.get((day, district)) for district in districts)
        made = (error.attempts for error in known if error is not None and (error.stage is Stage.LIST) is listing)
        return max(made, default=0)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call *callback* with every event from now on, in the thread that notes it; return what ends that."""
        return self.subscribers.add(callback)

    # --- its work -----------------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Begin to work; ``False`` = it came to rest before."""
        with self._lock:
            if self._is_at_rest:
                return False
            events: Sequence[JobEvent] = ()
            if self._state.status is not BackfillStatus.PROCESSING:
                events = self._apply([StatusChanged(BackfillStatus.PROCESSING, self._clock.now())])
            self._started = self._clock.monotonic()
            self._worked_before = worked(self._state)
        self.subscribers.tell(events)
        return True

    def note(self, changes: Sequence[Change], *, current: tuple[date, ...] | None = None) -> None:
        """Let *changes* happen, in the job store first, and tell the subscribers. *current*: the days now in work.

        Nothing happens to a job that was lost. One of which too much has failed is paused.
        """
        with self._lock:
            events = self._apply(changes)
            if current is not None:
                self._current = current
            if not self.is_lost:
                self._failures += sum(isinstance(change, UnitFailed) for change in changes)
        self.subscribers.tell(events)
        most = self.spec.plan.request.max_failures
        if most is not None and self._failures >= most:
            self.stop(Stop.PAUSE, f"{self._failures} units failed since it was started or resumed, and max_failures={most}")

    def claim(self, day: date) -> bool:
        """Return whether *day* may be collected here."""
        try:
            return self.tenure.claim(day)
        except LeaseLost:  # another process has the job: this one lets go of it
            self.lose()
            return False

    def finish(self, *, error: str | None = None) -> None:
        """Come to rest in the state that follows from the units and from why it was stopped. Never raises.

        Where the job store cannot note that, the job rests all the same, for those who ask this process: paused if nothing can be
        written there, else in error. A job that is at rest stays as it is. One that was resumed while it was being paused does
        not come to rest: it is ready to begin anew.

        Args:
            error: What stopped the job as a whole.
        """
        with self._lock:
            if self._is_at_rest:
                return
            self._current = ()
            if error is None and self._stop is Stop.PAUSE and self._is_to_go_on():
                self.is_resumed = True
                self._prepare()
                return
            try:
                events = self._note_rest(error)
            except BaseException as failure:  # whatever the job store raises, who waits for the job must hear of its end
                logger.exception("the end of the job cannot be noted", extra={"job_id": self.spec.job_id})
                events = ()
                self.is_noted = False
                self._state.apply(self._unnoted(error, failure))
            self._is_at_rest = True
        self._leave(events)

    # --- stopping it --------------------------------------------------------------------------------------------------

    def stop(self, stop: Stop, reason: str, *, by: BaseException | None = None, is_asked: bool = False) -> bool:
        """Have the job come to rest; return whether that changes anything. One that has not begun rests at once.

        Args:
            stop: What becomes of it.
            reason: Why, for people.
            by: What made it pause by itself.
            is_asked: Whether the job store knows that it shall pause, so that it will know when that is taken back.
        """
        events: Sequence[JobEvent] = ()
        with self._lock:
            if self._is_at_rest or (self._stop is not None and stop <= self._stop and not self._goes_on):
                return False
            self._stop, self._reason, self.halted_by, self._is_asked = stop, reason, by, is_asked
            self._goes_on = False
            self.context.cancel.set()
            if self._started is None:
                try:
                    events = self._note_rest(None)
                    self._is_at_rest = True
                except Exception:  # it stays in the queue, and comes to rest when its turn comes
                    logger.exception("it cannot be noted that the job was stopped", extra={"job_id": self.spec.job_id})
            rests = self._is_at_rest
        try:
            if rests:
                self._leave(events)
        finally:  # also when the caller is interrupted meanwhile
            self.wake()
        return True

    def cancel(self, reason: str) -> bool:
        """Have the job end; return whether that changes anything."""
        return self.stop(Stop.CANCEL, reason)

    def halt(self, error: BaseException) -> None:
        """Have the job pause because of *error*, which is the fault of no unit, and may pass."""
        if self.stop(Stop.PAUSE, describe(error), by=error):
            logger.warning("the job pauses: %s", describe(error), extra={"job_id": self.spec.job_id})

    def lose(self) -> None:
        """Stop at once: the job belongs to another."""
        if self.stop(Stop.LOST, LOST_TO_ANOTHER):
            logger.warning("%s; it is left alone here", LOST_TO_ANOTHER, extra={"job_id": self.spec.job_id})

    def go_on(self) -> bool:
        """Take back that the job is being paused; return whether that changes anything."""
        with self._lock:
            if self._is_at_rest or self._stop is not Stop.PAUSE or self._goes_on:
                return False
            self._goes_on = True
            return True

    def beat(self) -> None:
        """Keep the job for another while, and do what is asked for elsewhere. Never raises."""
        if self._is_at_rest:
            return
        try:
            asked = self.tenure.renew()
        except LeaseLost:
            self.lose()
        except Exception:  # the next beat may succeed
            logger.warning("the job's lease could not be renewed", exc_info=True, extra={"job_id": self.spec.job_id})
        else:
            if asked.cancel:
                self.stop(Stop.CANCEL, CANCELLED_ON_REQUEST)
            elif asked.pause:
                self.stop(Stop.PAUSE, PAUSED_ON_REQUEST, is_asked=True)

    # --- within -------------------------------------------------------------------------------------------------------

    def _is_to_go_on(self) -> bool:
        """Look for the last time at what is asked for, before the job is paused; return whether it was resumed meanwhile."""
        try:
            asked = self.tenure.renew()
        except LeaseLost:
            self._mark_lost()
            return False
        except Exception:  # nothing can be asked for by a store that cannot be written
            logger.warning("the job's lease could not be renewed", exc_info=True, extra={"job_id": self.spec.job_id})
            return self._goes_on
        if asked.cancel:
            self._stop, self._reason = Stop.CANCEL, CANCELLED_ON_REQUEST
            return False
        return self._goes_on or (self._is_asked and not asked.pause)

    def _mark_lost(self) -> None:
        """Note nothing more of the job, and stop; for who holds the lock, and brings it to rest."""
        self._stop, self._reason = Stop.LOST, LOST_TO_ANOTHER
        self.context.cancel.set()
        logger.warning("%s; it is left alone here", LOST_TO_ANOTHER, extra={"job_id": self.spec.job_id})

    def _note_rest(self, error: str | None) -> Sequence[JobEvent]:
        status, reason = conclude(self._state, self._stop, self._reason, error)
        if status is None:
            return ()
        if status is BackfillStatus.PAUSED:
            self._ask_for_pause()
        return self._apply([StatusChanged(status, self._clock.now(), reason)])

    def _ask_for_pause(self) -> None:
        """Have the pause hold until somebody resumes the job, also over restarts."""
        try:
            self.tenure.ask_for_pause()
        except Exception:  # it is paused all the same, if that can be noted
            logger.warning("it could not be noted that the job shall rest", exc_info=True, extra={"job_id": self.spec.job_id})

    def _unnoted(self, error: str | None, failure: BaseException) -> StatusChanged:
        """Return how the job rests for those who ask this process, when the job store could not note it for *failure*."""
        if error is None and self._stop is Stop.PAUSE:
            return StatusChanged(BackfillStatus.PAUSED, self._clock.now(), self._reason)
        reason = error or f"the end of the job cannot be noted ({describe(failure)})"
        status = BackfillStatus.PAUSED if isinstance(failure, StoreUnavailable) else BackfillStatus.ERROR
        return StatusChanged(status, self._clock.now(), reason)

    def _leave(self, events: Sequence[JobEvent]) -> None:
        """Let the job go, tell what happened last, and hand the report to whoever waits. Called once, by who brought it to rest."""
        self._release(self.tenure)
        self._on_rest(self)
        self._is_let_go.set()
        try:
            self.subscribers.tell(events)
        finally:
            self.future.set_result(self._last_report())

    def _last_report(self) -> BackfillReport:
        report = self.report()
        if self.is_lost:
            try:
                return build_report(self.jobs.load(self.spec.job_id), performance=report.performance_status)
            except Exception:  # forgotten, or the job store cannot be read
                logger.warning("the job cannot be looked at", exc_info=True, extra={"job_id": self.spec.job_id})
        return report if report.status.is_at_rest else evolve(report, status_reason=self._reason)

    def _apply(self, changes: Sequence[Change]) -> Sequence[JobEvent]:
        """Let *changes* happen, in the job store first; the caller holds the lock, and tells the subscribers when it has let go.

        Told under the lock, a subscriber that waits for another thread which asks for the report would wait for ever.
        """
        if not changes or self._stop is Stop.LOST:
            return ()
        try:
            events = self.tenure.apply(changes, at=self._clock.now())
        except LeaseLost:
            self._mark_lost()
            return ()
        for change in changes:
            self._state.apply(change)
        return events
