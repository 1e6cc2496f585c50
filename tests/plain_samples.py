"""Values that several tests of the foundation need. Quick to import, for the processes that tests start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from backfill.model import (
    BackfillPlan,
    BackfillRequest,
    BackfillScope,
    CollectionStrategy,
    DistrictError,
    JobSpec,
    Method,
    PlannedDay,
    ScopeKind,
    Stage,
)

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def days(count: int, first: date = DAY) -> tuple[date, ...]:
    """Return consecutive days."""
    return tuple(first + timedelta(days=number) for number in range(count))


def make_plan(
    rows: Sequence[tuple[date, tuple[str, ...] | None]] = ((DAY, ("61", "F")),), *, fingerprint: str = "f1"
) -> BackfillPlan:
    """Return a plan of these days, each with its districts or ``None``."""
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


def make_spec(
    job_id: str = "j1",
    rows: Sequence[tuple[date, tuple[str, ...] | None]] = ((DAY, ("61", "F")),),
    *,
    created_at: datetime = NOW,
    fingerprint: str = "f1",
) -> JobSpec:
    """Return a job of these days, each with its districts or ``None``."""
    return JobSpec(job_id, created_at, make_plan(rows, fingerprint=fingerprint))


def make_error(
    district: str | None = "61",
    day: date = DAY,
    *,
    kind: str = "http_500",
    stage: Stage = Stage.FETCH,
    message: str = "it broke",
    attempts: int = 4,
) -> DistrictError:
    """Return the failure of one unit."""
    return DistrictError(
        district_id=district,
        day=day,
        stage=stage,
        kind=kind,
        message=message,
        attempts=attempts,
        is_retryable=True,
        timestamp=NOW,
    )
