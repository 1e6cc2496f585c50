"""Reports of jobs in any state, made by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

from backfill.model import (
    BackfillReport,
    BackfillScope,
    BackfillStatus,
    CollectionStrategy,
    DistrictError,
    Method,
    Progress,
    ScopeKind,
)

NOON = datetime(2023, 2, 1, 12, tzinfo=UTC)


def failure(kind: str = "timeout", district: str | None = "91", attempts: int = 2) -> DistrictError:
    """Return a failure."""
    return DistrictError(district, date(2023, 1, 31), "fetch", kind, "said so", attempts, is_retryable=True, timestamp=NOON)


def report(
    done: int = 0,
    total: int = 100,
    *,
    status: BackfillStatus = BackfillStatus.PROCESSING,
    errors: tuple[DistrictError, ...] = (),
    errors_total: int | None = None,
    eta: float | None = None,
    estimate: bool = False,
    current: tuple[date, ...] = (),
) -> BackfillReport:
    """Return the report of a job of which *done* units are done, those of *errors* failed and the others stored."""
    failed = len(errors)
    progress = Progress(total, done - failed, 0, 0, failed, total - done, estimate, current, eta_seconds=eta)
    return BackfillReport(
        backfill_id="job",
        status=status,
        status_reason=None,
        scope=BackfillScope(ScopeKind.SYSTEM_WIDE, None),
        collection_strategy=CollectionStrategy(Method.SYSTEM_WIDE, "summary", "so"),
        progress=progress,
        snapshot_ids=(),
        error=None,
        error_summary=(),
        errors=errors,
        errors_total=failed if errors_total is None else errors_total,
        partial_snapshots=(),
        findings=(),
        performance_status=None,
        created_at=NOON,
        started_at=NOON,
        completed_at=None,
    )
