"""Reports from the state of a job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from backfill.model import RERANK, BackfillReport, BackfillStatus, FetchStatus, JobState, Progress, UnitState


def build_report(
    state: JobState,
    *,
    current: tuple[date, ...] = (),
    elapsed: float | None = None,
    worked_before: int = 0,
    performance: FetchStatus | None = None,
) -> BackfillReport:
    """Return the report of a job.

    Args:
        state: Its state.
        current: The days in work.
        elapsed: Seconds since its work began, or was resumed, for the time that the rest will take.
        worked_before: Units that were worked on before that.
        performance: The state of the door out.
    """
    spec = state.spec
    return BackfillReport(
        backfill_id=spec.job_id,
        status=state.status,
        status_reason=state.status_reason,
        scope=spec.plan.scope,
        collection_strategy=spec.plan.strategy,
        progress=_progress(state, current, elapsed, worked_before),
        snapshot_ids=tuple(day.isoformat() for day in state.published),
        error=state.status_reason if state.status is BackfillStatus.ERROR else None,
        error_summary=state.error_groups,
        errors=tuple(state.errors),
        errors_total=state.counts[UnitState.FAILED],
        partial_snapshots=tuple(sorted(day for day, is_partial in state.published.items() if is_partial)),
        findings=tuple(state.findings),
        performance_status=performance,
        created_at=spec.created_at,
        started_at=state.started_at,
        completed_at=state.completed_at,
    )


def worked(state: JobState) -> int:
    """Return how many units took time: those completed, and those failed."""
    return state.counts[UnitState.COMPLETED] + state.counts[UnitState.FAILED]


def _progress(state: JobState, current: tuple[date, ...], elapsed: float | None, worked_before: int) -> Progress:
    counts = state.counts
    done = worked(state) - worked_before
    pending = counts[UnitState.PENDING]
    eta = None
    if state.status is BackfillStatus.PROCESSING and elapsed is not None and done:
        eta = elapsed / done * pending
    by_district: Mapping[str, Mapping[str, int]] = {
        district: {str(unit_state): count for unit_state, count in counted.items()}
        for district, counted in state.by_district.items()
    }
    return Progress(
        total=state.total,
        completed=counts[UnitState.COMPLETED],
        skipped=counts[UnitState.SKIPPED],
        unavailable=counts[UnitState.UNAVAILABLE],
        failed=counts[UnitState.FAILED],
        pending=pending,
        is_estimate=state.unlisted > 0 and state.spec.operation != RERANK,
        current=current,
        district_progress=by_district,
        eta_seconds=eta,
    )
