"""Carries out one job: keeps every slot busy over many days, and never more of them than the job allows.

One thread, the coordinator, owns all state: it decides by the days' state machines (`backfill.engine.day`), hands calls to
worker threads and notes what comes back. A second pool of one thread publishes, so that collecting goes on meanwhile. The
days in work are bounded, and so is memory, however long the range.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import date
from queue import SimpleQueue

from attrs import evolve

from backfill.engine.collect import Batch, Collector, Made
from backfill.engine.day import Collect, DayWork, ListDistricts, Outcome, Publish, Step, Summarize
from backfill.engine.failures import as_source_error, describe
from backfill.engine.jobs import LiveJob
from backfill.engine.planner import needs_listing
from backfill.engine.slots import Slots
from backfill.engine.workers import Workers
from backfill.errors import PermanentSourceError, SourceError, StoreError, StoreUnavailable, TransientSourceError
from backfill.model import Change, Contribution, DistrictRecord, EncodedRecord, Finding, PlannedDay
from backfill.protocols import (
    BatchSource,
    Clock,
    DataSource,
    DaySummarizer,
    DistrictCatalog,
    Fetcher,
    SnapshotDraft,
    SnapshotStore,
    SupportsMaxConcurrency,
    SystemWideSource,
)
from backfill.serialization import encode_record

logger = logging.getLogger("backfill.engine")

_BATCHED_CHANGES = 500
"""So many changes at most are gathered before they are noted together, where days settle without any work."""


class Runner:
    """Runs one job to its end. `run` belongs to one thread, the coordinator; everything else here is called by it."""

    def __init__(
        self,
        job: LiveJob,
        source: DataSource,
        store: SnapshotStore,
        fetcher: Fetcher,
        clock: Clock,
        slots: Slots | None = None,
    ) -> None:
        self._job = job
        self._source = source
        self._store = store
        self._clock = clock
        self._plan = job.spec.plan
        self._collector = Collector(source, fetcher, clock, job.context)
        limit = self._plan.request.concurrency
        if isinstance(source, SupportsMaxConcurrency):
            limit = max(1, min(limit, source.max_concurrency))
        self._limit = limit
        self._slots = slots or Slots()
        self._window = 2 * limit + 2
        self._in_flight = 0
        self._open: dict[date, _OpenDay] = {}
        self._waiting = iter(self._plan.days)
        self._exhausted = False
        self._inbox: SimpleQueue[Callable[[], list[Change]] | None] = SimpleQueue()
        self._changes: list[Change] = []
        self._stopped: str | None = None
        name = f"backfill-{job.spec.job_id}"
        self._workers = Workers(limit, f"{name}-worker")
        self._publisher = Workers(1, f"{name}-publisher")

    def run(self) -> None:
        """Work until every unit is settled, or the job is cancelled; note the final state. Never raises."""
        spec = self._job.spec
        extra = {"job_id": spec.job_id}
        try:
            if not self._job.start():
                return
            logger.info(
                "%s started: %d units on %d days", spec.operation, self._plan.total_units, len(self._plan.days), extra=extra
            )
            self._job.wake = lambda: self._inbox.put(None)
            self._work()
        except BaseException as error:  # a bug here, or a job store that fails: nothing stored is lost, and the caller must hear
            logger.exception("the job cannot go on", extra=extra)
            self._stopped = describe(error)
            self._job.context.cancel.set()
        finally:
            self._workers.close()
            self._publisher.close()
            for day in self._open.values():
                day.discard()
        self._job.finish(error=self._stopped)
        logger.info("job ended: %s", self._job.status, extra=extra)

    # --- the coordinator ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            if self._job.context.cancel.is_set():
                self._cancel_days()
            self._fill()
            self._note()
            if not self._open and (self._exhausted or self._job.context.cancel.is_set()):
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

    def _advance(self, day: _OpenDay) -> None:
        while not day.work.is_over:
            publishes = day.work.wants_to_publish
            if not publishes and self._in_flight >= self._limit:
                return
            step = day.work.next_step()
            if step is None:
                return
            if not isinstance(step, Publish):
                self._in_flight += 1
            self._submit(day, step)
        if not day.work.in_flight:
            day.discard()
            self._open.pop(day.planned.day, None)

    def _open_next(self) -> _OpenDay | None:
        """Open the next planned day with work to do; settle those without on the way."""
        if self._job.context.cancel.is_set():
            return None
        for planned in self._waiting:
            work = DayWork(
                planned,
                lists=needs_listing(planned, self._source),
                batch=isinstance(self._source, BatchSource),
                summarizes=isinstance(self._source, DaySummarizer),
            )
            self._changes += work.open()
            if len(self._changes) >= _BATCHED_CHANGES:
                self._note()
            if not work.is_over:
                day = _OpenDay(planned, work, self._store, self._job.spec.job_id, self._clock.monotonic())
                self._open[planned.day] = day
                return day
        self._exhausted = True
        return None

    def _cancel_days(self) -> None:
        for day in list(self._open.values()):
            day.work.cancel()

    def _note(self) -> None:
        changes, self._changes = self._changes, []
        self._job.note(changes, current=tuple(self._open))

    def _submit(self, day: _OpenDay, step: Step) -> None:
        publishes = isinstance(step, Publish)

        def task() -> None:
            try:
                result = self._carry_out(day, step)
            except BaseException as error:  # noqa: BLE001 - whatever happens in a worker, the coordinator must hear of it
                result = self._give_up(day, error)

            def come_back() -> list[Change]:
                if not publishes:
                    self._in_flight -= 1
                return result()

            self._inbox.put(come_back)

        (self._publisher if publishes else self._workers).submit(task)

    # --- in worker threads: each returns what the coordinator will do with the result -----------------------------------

    def _carry_out(self, day: _OpenDay, step: Step) -> Callable[[], list[Change]]:
        if isinstance(step, Publish):
            return self._publish(day)
        with self._slots.taken(self._job.context.cancel):
            if isinstance(step, ListDistricts):
                return self._list(day)
            if isinstance(step, Collect):
                return self._collect(day, step)
            return self._summarize(day, step)

    def _list(self, day: _OpenDay) -> Callable[[], list[Change]]:
        source = self._source
        assert isinstance(source, DistrictCatalog)  # noqa: S101 - what needs_listing has found out, for the type checker
        try:
            names = self._collector.list_day(day.planned, source)
        except SourceError as error:
            failure, at = error, self._clock.now()
            return lambda: day.work.list_failed(failure, at)
        return lambda: day.work.listed(names)

    def _collect(self, day: _OpenDay, step: Collect) -> Callable[[], list[Change]]:
        try:
            batch = self._call_source(day.planned, step)
        except SourceError as error:
            failure, failed_at = error, self._clock.now()
            return lambda: day.work.all_failed(failure, failed_at)
        outcomes = self._stage(day, batch.values)
        at = self._clock.now()
        return lambda: day.work.collected(outcomes, at, findings=batch.findings, listed=batch.listed)

    def _call_source(self, planned: PlannedDay, step: Collect) -> Batch:
        source = self._source
        if step.call == "all" and isinstance(source, SystemWideSource):
            return self._collector.collect_all(planned, step.districts, source)
        if step.call == "many" and isinstance(source, BatchSource):
            return self._collector.collect_many(planned, step.districts or (), source)
        (district,) = step.districts or ()
        return self._collector.collect_district(planned, district)

    def _stage(self, day: _OpenDay, values: Mapping[str, Made]) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        existing = frozenset(day.planned.existing)
        for district, value in values.items():
            if district in existing:  # a call for all districts answers for those as well that are skipped
                continue
            if isinstance(value, SourceError):
                outcomes[district] = value
                continue
            try:
                encoded = self._encoded(value)
                day.draft().put(encoded)
                outcomes[district] = encoded.header
            except Exception as error:  # noqa: BLE001 - a store may raise anything; the other districts go on
                outcomes[district] = self._not_stored(error, day, district)
        return outcomes

    def _encoded(self, record: DistrictRecord | EncodedRecord) -> EncodedRecord:
        job_id, method = self._job.spec.job_id, str(self._plan.strategy.method)
        if isinstance(record, DistrictRecord):
            return encode_record(record, job_id=job_id, method=method)
        return evolve(record, header=evolve(record.header, job_id=job_id, method=record.header.method or method))

    def _summarize(self, day: _OpenDay, step: Summarize) -> Callable[[], list[Change]]:
        source = self._source
        assert isinstance(source, DaySummarizer)  # noqa: S101 - what the day was opened with, for the type checker
        findings: list[Finding] = []
        try:
            for name, summary in self._collector.summarize(day.planned, step.districts, source).items():
                day.draft().put_summary(name, summary.data, as_of=summary.as_of or day.planned.day)
                findings += (evolve(found, day=day.planned.day) for found in summary.findings)
        except Exception as error:  # noqa: BLE001 - as in _stage; the districts are worth storing without it
            failure = self._not_stored(error, day, None)
            findings = [Finding("summary_failed", f"the day is stored without its summaries: {failure}", day.planned.day)]
        return lambda: day.work.summarized(*findings)

    def _publish(self, day: _OpenDay) -> Callable[[], list[Change]]:
        template = Contribution(
            day=day.planned.day,
            job_id=self._job.spec.job_id,
            method=self._plan.strategy.method,
            scope_kind=self._plan.scope.kind,
            source=self._plan.source,
            at=self._clock.now(),
            expected=(),
            operation=self._job.spec.operation,
            seconds=self._clock.monotonic() - day.opened_at,
        )
        try:
            info = day.draft().commit(day.work.contribution(template))
        except Exception as error:  # noqa: BLE001 - as in _stage; the other days go on
            failure, failed_at = self._not_stored(error, day, None), self._clock.now()
            return lambda: day.work.publish_failed(failure, failed_at)
        at = self._clock.now()
        return lambda: day.work.published(info, at)

    def _not_stored(self, error: Exception, day: _OpenDay, district: str | None) -> SourceError:
        """Return a store's failure as what it means for the units that it concerns; a full disk stops the job instead."""
        extra: dict[str, object] = {
            "job_id": self._job.spec.job_id, "day": day.planned.day.isoformat(), "district": district,
        }  # fmt: skip
        failure = as_source_error(error, extra=extra)
        if isinstance(error, StoreError):
            kind = type(error).__name__
            transient = isinstance(error, TimeoutError)
            failure = (TransientSourceError if transient else PermanentSourceError)(str(error), kind=kind)
        failure.stage = "store"
        return failure

    def _give_up(self, day: _OpenDay, error: BaseException) -> Callable[[], list[Change]]:
        """Stop the job as a whole: what happened is not the fault of one unit, and would happen to every other."""
        if not isinstance(error, StoreUnavailable):
            logger.error("the job cannot go on", exc_info=error, extra={"job_id": self._job.spec.job_id})

        def stop() -> list[Change]:
            self._stopped = self._stopped or describe(error)
            self._job.context.cancel.set()
            return day.work.interrupted()

        return stop


class _OpenDay:
    """A day in work, with its draft, which is begun when the first record is staged."""

    def __init__(self, planned: PlannedDay, work: DayWork, store: SnapshotStore, job_id: str, opened_at: float) -> None:
        self.planned = planned
        self.work = work
        self.opened_at = opened_at
        self._store = store
        self._job_id = job_id
        self._draft: SnapshotDraft | None = None
        self._stack = ExitStack()
        self._lock = threading.Lock()

    def draft(self) -> SnapshotDraft:
        """Return the day's draft; any thread."""
        with self._lock:
            if self._draft is None:
                self._draft = self._stack.enter_context(self._store.begin(self.planned.day, job_id=self._job_id))
            return self._draft

    def discard(self) -> None:
        """Leave the draft; what was not committed leaves no trace."""
        with self._lock:
            try:
                self._stack.close()
            except BaseException:  # whatever a store raises: nothing depends on it any more
                extra = {"job_id": self._job_id, "day": self.planned.day.isoformat()}
                logger.exception("a draft could not be left; the job goes on", extra=extra)
