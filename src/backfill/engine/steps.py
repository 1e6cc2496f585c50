"""Carries out the steps of a day: calls the source, stages what it gives, publishes. Runs in worker threads.

Each step returns what the coordinator will do with its result.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from attrs import evolve

from backfill.engine.collect import Batch, Collector, Made
from backfill.engine.daysteps import Collect, ListDistricts, Outcome, Publish, Step, Summarize
from backfill.engine.failures import DAMAGED_DAY, as_source_error
from backfill.engine.growth import Growth
from backfill.engine.jobs import LiveJob
from backfill.engine.openday import OpenDay
from backfill.engine.slots import Slots
from backfill.errors import DamagedFile, HostDown, PermanentSourceError, SourceError, StoreError, TransientSourceError
from backfill.model import Attempts, Change, Contribution, DistrictRecord, EncodedRecord, Finding
from backfill.protocols import BatchSource, Clock, DataSource, DaySummarizer, DistrictCatalog, SystemWideSource
from backfill.serialization import encode_record

logger = logging.getLogger("backfill.engine")

Comeback = Callable[[], list[Change]]
"""Run by the coordinator; returns what has happened to the job."""


class Steps:
    """The steps of one job. Any thread.

    Args:
        job: The job.
        source: What is called.
        collector: Calls it.
        clock: The time.
        slots: How many calls the source stands at once, over all jobs.
        growth: Compares the days with those before and after them.
    """

    def __init__(
        self,
        job: LiveJob,
        source: DataSource,
        collector: Collector,
        clock: Clock,
        slots: Slots,
        growth: Growth,
    ) -> None:
        self._job = job
        self._cancel = job.context.cancel
        self._plan = job.spec.plan
        self._source = source
        self._collector = collector
        self._clock = clock
        self._slots = slots
        self._growth = growth

    def carry_out(self, day: OpenDay, step: Step, attempts: Attempts) -> Comeback:
        """Carry out *step*, and return what follows from it.

        Args:
            day: The day.
            step: One of its steps.
            attempts: The failed attempts that its units have behind them, and where further ones are noted.

        Raises:
            StoreUnavailable: Nothing can be written at all.
        """
        if isinstance(step, Publish):
            return self._publish(day)
        with self._slots.taken(self._cancel):
            if isinstance(step, ListDistricts):
                return self._list(day, attempts)
            if isinstance(step, Collect):
                return self._collect(day, step, attempts)
            return self._summarize(day, step)

    def _list(self, day: OpenDay, attempts: Attempts) -> Comeback:
        source = self._source
        assert isinstance(source, DistrictCatalog)  # noqa: S101 - what needs_listing has found out, for the type checker
        try:
            names = self._collector.list_day(day.planned, source, attempts)
        except SourceError as error:
            self._halt_for(error)
            failure, at = error, self._clock.now()
            return lambda: day.work.list_failed(failure, at)
        return lambda: day.work.listed(names)

    def _collect(self, day: OpenDay, step: Collect, attempts: Attempts) -> Comeback:
        try:
            batch = self._call_source(day, step, attempts)
        except SourceError as error:
            self._halt_for(error)
            failure, failed_at = error, self._clock.now()
            return lambda: day.work.all_failed(failure, failed_at)
        outcomes = self._stage(day, batch.values)
        self._halt_for(*outcomes.values())
        at, findings, listed = self._clock.now(), batch.findings, batch.listed  # not the batch, whose figures are stored by now
        return lambda: day.work.collected(outcomes, at, findings=findings, listed=listed)

    def _call_source(self, day: OpenDay, step: Collect, attempts: Attempts) -> Batch:
        source = self._source
        if step.call == "all" and isinstance(source, SystemWideSource):
            return self._collector.collect_all(day.planned, step.districts, source, attempts)
        if step.call == "many" and isinstance(source, BatchSource):
            return self._collector.collect_many(day.planned, step.districts or (), source, attempts)
        (district,) = step.districts or ()
        return self._collector.collect_district(day.planned, district, attempts)

    def _halt_for(self, *outcomes: object) -> None:
        """Pause the job, at once, if its host does not answer anybody."""
        for outcome in outcomes:
            if isinstance(outcome, HostDown):
                self._job.halt(outcome)
                return

    def _stage(self, day: OpenDay, values: Mapping[str, Made]) -> dict[str, Outcome]:
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
                day.grown[district] = encoded.grown
                outcomes[district] = encoded.header
            except Exception as error:  # noqa: BLE001 - a store may raise anything; the other districts go on
                outcomes[district] = self._not_stored(error, day, district)
        return outcomes

    def _encoded(self, record: DistrictRecord | EncodedRecord) -> EncodedRecord:
        job_id, method = self._job.spec.job_id, str(self._plan.strategy.method)
        if isinstance(record, DistrictRecord):
            return evolve(encode_record(record, job_id=job_id, method=method), grown=self._growth.of(record.data))
        return evolve(record, header=evolve(record.header, job_id=job_id, method=record.header.method or method))

    def _summarize(self, day: OpenDay, step: Summarize) -> Comeback:
        source = self._source
        assert isinstance(source, DaySummarizer)  # noqa: S101 - what the day was opened with, for the type checker
        findings: list[Finding] = []
        try:
            for name, summary in self._collector.summarize(day.planned, step.districts, source).items():
                day.draft().put_summary(name, summary.data, as_of=summary.as_of or day.planned.day)
                findings += (evolve(found, day=day.planned.day) for found in summary.findings)
        except Exception as error:  # noqa: BLE001 - as in _stage; the districts are worth storing without it
            self._halt_for(error)
            failure = self._not_stored(error, day, None)
            findings = [Finding("summary_failed", f"the day is stored without its summaries: {failure}", day.planned.day)]
        return lambda: day.work.summarized(*findings)

    def _publish(self, day: OpenDay) -> Comeback:
        if self._job.is_lost:  # known since the step was handed out
            return day.work.interrupted
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
        noticed = self._decreases(day)
        try:
            contribution = day.work.contribution(template)
            info = day.draft().commit(evolve(contribution, findings=(*contribution.findings, *noticed)))
        except Exception as error:  # noqa: BLE001 - as in _stage; the other days go on
            failure, failed_at = self._not_stored(error, day, None), self._clock.now()
            return lambda: day.work.publish_failed(failure, failed_at)
        at = self._clock.now()
        return lambda: [*day.work.noticed(*noticed), *day.work.published(info, at)]

    def _decreases(self, day: OpenDay) -> tuple[Finding, ...]:
        try:
            return self._growth.decreases(day.planned.day, day.grown)
        except Exception:  # a store may raise anything; the day is worth storing without the comparison
            logger.exception("the day is not compared with its neighbours", extra={"day": day.planned.day.isoformat()})
            return ()

    def _not_stored(self, error: Exception, day: OpenDay, district: str | None) -> SourceError:
        """Return a store's failure as what it means for the units that it concerns.

        Raises:
            StoreUnavailable: The disk is full or read-only, which concerns the whole job.
        """
        extra: dict[str, object] = {
            "job_id": self._job.spec.job_id, "day": day.planned.day.isoformat(), "district": district,
        }  # fmt: skip
        failure = as_source_error(error, extra=extra)
        if isinstance(error, StoreError):
            kind = DAMAGED_DAY if isinstance(error, DamagedFile) else type(error).__name__
            transient = isinstance(error, TimeoutError)
            failure = (TransientSourceError if transient else PermanentSourceError)(str(error), kind=kind)
        failure.stage = "store"
        return failure
