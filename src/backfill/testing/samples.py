"""Short ways to say what is stored, and which job it was: made-up values for tests of adapters, the same in every run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from backfill.jsonvalues import JsonValue
from backfill.model import (
    BackfillPlan,
    BackfillRequest,
    BackfillScope,
    CollectionStrategy,
    Contribution,
    DistrictError,
    DistrictRecord,
    DocumentRef,
    Finding,
    JobSpec,
    Method,
    PlannedDay,
    ScopeKind,
    SnapshotInfo,
    Stage,
)
from backfill.protocols import SnapshotStore

DAY = date(2024, 1, 31)
"""The day that samples are of unless said otherwise."""

NOON = datetime(2024, 2, 6, 12, 0, 0, 250000, tzinfo=UTC)
"""When samples were fetched, failed, or were accepted."""

Rows = Sequence[tuple[date, tuple[str, ...] | None]]
"""The days of a plan, each with its districts; ``None`` = to be listed first."""


def days(count: int, first: date = DAY) -> tuple[date, ...]:
    """Return *count* days in a row."""
    return tuple(first + timedelta(days=number) for number in range(count))


def record(
    district: str = "61",
    data: JsonValue = "figures",
    *,
    day: date = DAY,
    as_of: date | None = None,
    detail: str = "full",
    settled: bool = True,
) -> DistrictRecord:
    """Return a record, given out five days after its day unless said otherwise."""
    return DistrictRecord(
        district_id=district,
        day=day,
        as_of=as_of or day + timedelta(days=5),
        detail=detail,
        data=data,
        collected_at=NOON,
        settled=settled,
        provenance=(DocumentRef(f"report~{district}", "https://example.org/report", NOON, "ab" * 32),),
        calculation_version="1.2.0",
    )


def failure(district: str | None = "61", *, day: date = DAY, message: str = "HTTP 503") -> DistrictError:
    """Return why a unit failed."""
    return DistrictError(district, day, Stage.FETCH, "http_503", message, 4, is_retryable=True, timestamp=NOON)


def contribution(
    districts: Iterable[str] = ("61",),
    *,
    day: date = DAY,
    job_id: str = "job-1",
    errors: Sequence[DistrictError] = (),
    unavailable: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    operation: str = "backfill",
    listed: bool = False,
) -> Contribution:
    """Return what an operation says of a day."""
    return Contribution(
        day=day,
        job_id=job_id,
        method="per-district",
        scope_kind="targeted",
        source="test",
        at=NOON,
        expected=tuple(districts),
        unavailable=tuple(unavailable),
        errors=tuple(errors),
        findings=tuple(findings),
        operation=operation,
        seconds=1.5,
        listed=listed,
    )


def store_records(store: SnapshotStore, *records: DistrictRecord, job_id: str = "job-1", day: date = DAY) -> SnapshotInfo:
    """Store at least one record as one job's contribution to a day.

    Raises:
        AssertionError: The store says that the day holds nothing.
    """
    with store.begin(day, job_id=job_id) as draft:
        for one in records:
            draft.put(one)
        info = draft.commit(contribution([one.district_id for one in records], day=day, job_id=job_id))
    if info is None:
        message = f"commit returned None, as if {day} held nothing; it was given {len(records)} records"
        raise AssertionError(message)
    return info


def plan(rows: Rows = ((DAY, ("61", "F")),), *, fingerprint: str = "f1") -> BackfillPlan:
    """Return a plan of these days."""
    return BackfillPlan(
        request=BackfillRequest(min(day for day, _ in rows), max(day for day, _ in rows)),
        scope=BackfillScope(ScopeKind.SYSTEM_WIDE, None),
        strategy=CollectionStrategy(Method.PER_DISTRICT, "full", "for a test"),
        source="test",
        days=tuple(PlannedDay(day, day, None, None, Method.PER_DISTRICT, districts) for day, districts in rows),
        requests={"document": None},
        seconds_at_rate=None,
        exact=True,
        fingerprint=fingerprint,
    )


def job_spec(
    job_id: str = "j1", rows: Rows = ((DAY, ("61", "F")),), *, created_at: datetime = NOON, fingerprint: str = "f1"
) -> JobSpec:
    """Return a job of these days."""
    return JobSpec(job_id, created_at, plan(rows, fingerprint=fingerprint))
