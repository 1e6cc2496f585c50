"""Carries out one job: keeps every slot busy over many days, and never more of them than the job allows.

One thread, the coordinator, owns all state: it decides by the days' state machines (`backfill.engine.day`), hands their steps to
worker threads (`backfill.engine.steps`) and notes what comes back. A second pool of one thread publishes, so that collecting goes on
meanwhile. The days in work are bounded, and so is memory, however long the range.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import date
from queue import SimpleQueue

from backfill.engine.collect import Collector
from backfill.engine.day import DayWork
from backfill.engine.daysteps import ListDistricts, Publish, Step, Summarize
from backfill.engine.failures import as_source_error, describe
from backfill.engine.growth import Growth
from backfill.engine.jobs import LiveJob
from backfill.engine.openday import OpenDay
from backfill.engine.planner import needs_listing
from backfill.engine.resuming import Resumption, has_pending
from backfill.engine.slots import Slots
from backfill.engine.steps import Comeback, Steps
from backfill.engine.workers import Workers
from backfill.errors import StoreUnavailable, TransientSourceError
from backfill.model import Attempts, Change, PlannedDay
from backfill.protocols import (
    BatchSource,
    Clock,
    DataSource,
    DaySummarizer,
    Fetcher,
    SnapshotStore,
    SupportsMaxConcurrency,
)

logger = logging.getLogger("backfill.engine")

_BATCHED_CHANGES = 500
"""So many changes at most are gathered before they are noted together, where days settle without any work."""


class Runner:
    """Runs one job until it comes to rest. `run` belongs to one thread, the coordinator; everything else here is called by it."""

    def __init__(
        self,
        job: LiveJob,
        source: DataSource,
        store: SnapshotStore,
        fetcher: Fetcher,
        clock: Clock,
        slots: Slots | None = None,
        growth: Growth | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._job = job
        self._cancel = job.context.cancel
        self._source = source
        self._store = store
        self._clock = clock
        self._plan = job.spec.plan
        collector = Collector(source, fetcher, clock, job.context, executor=executor)
        self._steps = Steps(job, source, collector, clock, slots or Slots(), growth or Growth(source, store))
        limit = self._plan.request.concurrency
        if isinstance(source, SupportsMaxConcurrency):
            limit = max(1, min(limit, source.max_concurrency))
        self._limit = limit
        self._window = 2 * limit + 2
        self._in_flight = 0
        self._open: dict[date, OpenDay] = {}
        self._waiting = iter(self._plan.days)
        self._exhausted = False
        self._resumption: Resumption | None = None
        self._inbox: SimpleQueue[Callable[[], list[Change]] | None] = SimpleQueue()
        self._changes: list[Change] = []
        self._broken: str | None = None
        name = f"backfill-{job.spec.job_id}"
        self._workers = Workers(limit, f"{name}-worker")
        self._publisher = Workers(1, f"{name}-publisher")

    def run(self) -> None:
        """Work until every unit is settled, or the job is stopped; note the state in which it comes to rest. Never raises."""
        spec = self._job.spec
        extra = {"job_id": spec.job_id}
        try:
            if not self._job.start():
                return
            total, days = self._plan.total_units, len(self._plan.days)
            began = "goes on" if self._job.is_resumed else "started"
            logger.info("%s %s: %d units on %d days", spec.operation, began, total, days, extra=extra)
            self._job.wake = lambda: self._inbox.put(None)
            if self._job.is_resumed:
                self._resumption = Resumption(self._job.state, self._job.jobs, self._store, self._clock)
            self._work()
        except BaseException as error:  # noqa: BLE001 - a bug here, or a job store that fails: nothing stored is lost, and the caller must hear
            self._break_off(error)
        finally:
            self._workers.close()
            self._publisher.close()
            for day in self._open.values():
                day.discard()
        self._job.finish(error=self._broken)
        logger.info("job %s: %s", "is at rest" if self._job.is_at_rest else "goes on", self._job.status, extra=extra)

    # --- the coordinator ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            if self._cancel.is_set():
                self._stop_days()
            self._fill()
            self._note()
            if not self._open and (self._exhausted or self._cancel.is_set()):
                return
            message = self._inbox.get()
            if message is not None:
                self._changes += message()

    def _fill(self) -> None:
        """Start whatever can be started: publishing at once, calls while slots are free, further days while the window is open."""
        for day in list(self._open.values()):
            self._advance(day)
        while self._in_flight < self._limit and len(self._open) < self._window:
            opened = self._open_next()
            if opened is None:
                return
            self._advance(opened)

    def _advance(self, day: OpenDay) -> None:
        while not day.work.is_over:
            publishes = day.work.wants_to_publish
            if not publishes and self._in_flight >= self._limit:
                return
            step = day.work.next_step()
            if step is None:
                return
            if isinstance(step, Publish):
                self._note()  # first what the day consists of: what is published under a list that is not known would not be recognised
            else:
                self._in_flight += 1
            self._submit(day, step)
        if not day.work.in_flight:
            day.discard()
            self._open.pop(day.planned.day, None)
            self._job.tenure.give_back(day.planned.day)

    def _open_next(self) -> OpenDay | None:
        """Open the next planned day with work to do; settle those without on the way."""
        for planned in self._waiting:
            if self._cancel.is_set():
                return None
            row = self._job.state.rows[planned.day]
            if not has_pending(row):
                continue
            work = DayWork(
                planned,
                lists=needs_listing(planned, self._source),
                batch=isinstance(self._source, BatchSource),
                summarizes=isinstance(self._source, DaySummarizer),
                earlier=None if self._resumption is None else self._resumption.of(planned.day, row),
            )
            self._changes += work.open()
            if len(self._changes) >= _BATCHED_CHANGES:
                self._note()
            if not work.is_over and self._job.claim(planned.day):
                return self._opened(planned, work)
        self._exhausted = True
        return None

    def _opened(self, planned: PlannedDay, work: DayWork) -> OpenDay:
        day = OpenDay(planned, work, self._store, self._job.spec.job_id, self._clock.monotonic())
        self._open[planned.day] = day
        return day

    def _stop_days(self) -> None:
        for day in list(self._open.values()):
            if self._job.is_lost:
                day.work.abandon()
            else:
                day.work.stop(goes_on=self._job.is_interrupted)

    def _note(self) -> None:
        changes, self._changes = self._changes, []
        self._job.note(changes, current=tuple(self._open))

    def _submit(self, day: OpenDay, step: Step) -> None:
        publishes = isinstance(step, Publish)
        attempts = self._attempts(day, step)

        def task() -> None:
            try:
                result = self._steps.carry_out(day, step, attempts)
            except BaseException as error:  # noqa: BLE001 - whatever happens in a worker, the coordinator must hear of it
                result = self._give_up(day, error)

            def come_back() -> list[Change]:
                if not publishes:
                    self._in_flight -= 1
                return result()

            self._inbox.put(come_back)

        (self._publisher if publishes else self._workers).submit(task)

    def _attempts(self, day: OpenDay, step: Step) -> Attempts:
        """Return the failed attempts that a step's units have behind them; further ones are noted before what comes of the step."""
        if isinstance(step, Publish | Summarize):
            return Attempts()

        def note(error: TransientSourceError) -> None:
            failure, at = as_source_error(error, extra={}), self._clock.now()
            self._inbox.put(lambda: day.work.attempted(step, failure, at))

        units, listing = day.work.units_of(step), isinstance(step, ListDistricts)
        return Attempts(self._job.attempts_at(day.planned.day, units, listing=listing), note)

    def _give_up(self, day: OpenDay, error: BaseException) -> Comeback:
        """Stop the job as a whole: what happened is not the fault of one unit, and would happen to every other."""

        def stop() -> list[Change]:
            self._break_off(error)
            return day.work.interrupted()

        return stop

    def _break_off(self, error: BaseException) -> None:
        """Pause the job if it can go on when there is room on the disk; else it ends."""
        if isinstance(error, StoreUnavailable):
            self._job.halt(error)
            return
        logger.error("the job cannot go on", exc_info=error, extra={"job_id": self._job.spec.job_id})
        self._broken = self._broken or describe(error)
        self._cancel.set()
