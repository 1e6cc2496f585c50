"""A rebuild of the summaries of days only, rankings for instance, as a job: its units are days, and no district's record is touched."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import date

from attrs import evolve

from backfill.engine.failures import as_source_error, describe, district_error
from backfill.engine.jobs import LiveJob
from backfill.engine.planner import Planner
from backfill.engine.resuming import has_pending
from backfill.engine.scoping import resolve_scope
from backfill.errors import DamagedFile, InvalidRequest, SnapshotNotFound, SourceError, StoreError, StoreUnavailable
from backfill.fetching.reuse import Archive
from backfill.model import (
    BackfillPlan,
    BackfillRequest,
    Change,
    Collected,
    CollectionStrategy,
    Contribution,
    DayPublished,
    Finding,
    Found,
    Method,
    PlannedDay,
    SnapshotInfo,
    SnapshotStatus,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.protocols import DataSource, DaySummarizer, Snapshot
from backfill.rebuilding.evidence import Catalog, edition_as_of, edition_of
from backfill.rebuilding.planning import Collaborators
from backfill.rebuilding.replay import make_summaries
from backfill.rebuilding.source import summaries_part

RATIONALE = (
    "the summaries of stored days alone, from the raw archive; no district is touched, and nothing is asked of the publisher"
)

logger = logging.getLogger("backfill.rebuilding")


def plan_rerank(collaborators: Collaborators, start: date | str, end: date | str | None) -> BackfillPlan:
    """Return a plan with a unit for each stored day of a range.

    Raises:
        InvalidRequest: The source makes no summaries, nothing of the range is stored, or a value cannot be what it is said to be.
    """
    source, store = collaborators.source, collaborators.store
    request = BackfillRequest(start, end, retry_failures=False, skip_existing=False)
    if not isinstance(source, DaySummarizer):
        raise InvalidRequest("source", source, "it makes no summaries of days", "rebuild the days instead")
    days = tuple(_planned(source, day) for day in store.days(request.start_date, request.end_date))
    if not days:
        rule = f"no day from there on is stored, up to {request.end_date}"
        raise InvalidRequest("start_date", request.start_date.isoformat(), rule, "collect the range first, or rebuild it")
    scope = resolve_scope(None, source, collaborators.scope, store)
    strategy = CollectionStrategy(Method.SYSTEM_WIDE, "summary", RATIONALE)
    draft = BackfillPlan(
        request=request, scope=scope, strategy=strategy, source=source.name, days=days, requests={}, seconds_at_rate=None,
        exact=True, fingerprint="",
    )  # fmt: skip
    planner = Planner(source, store, collaborators.scope, collaborators.clock)
    return evolve(planner.complete(draft, rate=None), requests={}, seconds_at_rate=0.0, exact=True)


class SummaryRunner:
    """Carries out one job whose units are days: each is completed when its summaries are others now, skipped when they came out the same.

    Args:
        job: The job.
        collaborators: What it is done with.
        archive: The raw documents.
    """

    def __init__(self, job: LiveJob, collaborators: Collaborators, archive: Archive) -> None:
        self._job = job
        self._collaborators = collaborators
        self._archive = archive

    def run(self) -> None:
        """Work until every day is settled, or the job is stopped; note the state in which it comes to rest. Never raises."""
        broken: str | None = None
        try:
            if self._job.start():
                self._work()
        except StoreUnavailable as error:  # the disk is full, say: it goes on when there is room
            self._job.halt(error)
        except BaseException as error:  # a bug, or a job store that fails: who waits for the job must hear of its end
            logger.exception("the job cannot go on", extra={"job_id": self._job.spec.job_id})
            broken = describe(error)
        self._job.finish(error=broken)

    def _work(self) -> None:
        job, request = self._job, self._job.spec.plan.request
        catalog = Catalog.of(self._archive, self._collaborators.source, request.start_date, request.end_date)
        for planned in job.spec.plan.days:
            if job.context.cancel.is_set():
                return
            if has_pending(job.state.rows[planned.day]) and job.claim(planned.day):
                job.note([], current=(planned.day,))
                job.note(tuple(self._day(planned, edition_as_of(catalog.of_day(planned.day), None))))
                job.tenure.give_back(planned.day)

    def _day(self, planned: PlannedDay, newest: date | None) -> Iterator[Change]:
        day, now = planned.day, self._collaborators.clock.now
        try:
            snapshot = self._collaborators.store.read(day)
            part = summaries_part(planned, snapshot, self._collaborators.source, newest, snapshot.districts)
            fresh = _fresh(snapshot, make_summaries(self._collaborators.source, self._archive, part))
            if not fresh:
                yield UnitsSettled(day, {None: UnitState.SKIPPED})
                return
            info, findings = self._stored(snapshot, fresh)
        except StoreUnavailable:
            raise
        except (SourceError, StoreError) as error:
            failure = as_source_error(error, extra={"job_id": self._job.spec.job_id, "day": day.isoformat(), "district": None})
            yield UnitFailed(district_error(failure, day=day, district=None, stage="transform", at=now()))
            return
        yield from (Found(evolve(finding, day=day)) for finding in findings)
        yield UnitsSettled(day, {None: UnitState.COMPLETED})
        yield DayPublished(day, info is not None and info.status is SnapshotStatus.PARTIAL, now())

    def _stored(self, snapshot: Snapshot, fresh: Mapping[str, Collected]) -> tuple[SnapshotInfo | None, tuple[Finding, ...]]:
        day, spec = snapshot.day, self._job.spec
        findings = tuple(found for summary in fresh.values() for found in summary.findings)
        standing = tuple(found for found in snapshot.metadata.findings if found.district is None)
        contribution = Contribution(
            day=day,
            job_id=spec.job_id,
            method=str(Method.SYSTEM_WIDE),
            scope_kind=str(spec.plan.scope.kind),
            source=spec.plan.source,
            at=self._collaborators.clock.now(),
            expected=(),
            findings=tuple(dict.fromkeys((*standing, *findings))),
            operation=spec.operation,
        )
        with self._collaborators.store.begin(day, job_id=spec.job_id) as draft:
            for name, summary in fresh.items():
                draft.put_summary(name, summary.data, as_of=summary.as_of or day)
            return draft.commit(contribution), findings


def _planned(source: DataSource, day: date) -> PlannedDay:
    edition = edition_of(source, day)
    return PlannedDay(day, edition.as_of, None, edition.settled_on, Method.SYSTEM_WIDE, None)


def _fresh(snapshot: Snapshot, made: Mapping[str, Collected]) -> dict[str, Collected]:
    return {name: summary for name, summary in made.items() if _found(snapshot, name) != summary.data}


def _found(snapshot: Snapshot, name: str) -> object:
    try:
        return snapshot.summary(name)
    except (SnapshotNotFound, DamagedFile):
        return None  # whatever is made is other than what is not there
