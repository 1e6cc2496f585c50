"""Reports, and the exception that a failed job can be turned into."""

from __future__ import annotations

import pytest
from attrs import evolve

from backfill.errors import JobFailed
from backfill.model import BackfillReport, BackfillStatus, ErrorGroup, Progress, Stage
from foundation_samples import NOW, make_error, make_plan


def report(status: BackfillStatus, **changes: object) -> BackfillReport:
    """Return the report of a job that ended so."""
    plan = make_plan()
    whole = BackfillReport(
        backfill_id="j1",
        status=status,
        status_reason=None,
        scope=plan.scope,
        collection_strategy=plan.strategy,
        progress=Progress(total=2, completed=1, skipped=0, unavailable=0, failed=1, pending=0),
        snapshot_ids=("2026-01-05",),
        error=None,
        error_summary=(),
        errors=(),
        errors_total=0,
        partial_snapshots=(),
        findings=(),
        performance_status=None,
        created_at=NOW,
        started_at=NOW,
        completed_at=NOW,
    )
    return evolve(whole, **changes)  # type: ignore[arg-type] # each test gives what fits


@pytest.mark.parametrize("status", [BackfillStatus.COMPLETE, BackfillStatus.QUEUED, BackfillStatus.PROCESSING])
def test_a_job_without_failures_raises_nothing(status: BackfillStatus) -> None:
    """A report of a complete or unfinished job is handed back, so that calls can be chained. [R6.4]"""
    whole = report(status)
    assert whole.raise_for_failures() is whole


def test_a_partial_job_raises_its_most_frequent_cause() -> None:
    """The exception says how many units failed, why most of them did, and how to run them again. [R6.4, R6.6]"""
    groups = (ErrorGroup(Stage.FETCH, "http_500", 7, True, "the server said 500"), ErrorGroup(Stage.STORE, "full", 1, True, "x"))
    whole = report(BackfillStatus.PARTIAL_SUCCESS, error_summary=groups, errors=(make_error(),))
    with pytest.raises(JobFailed) as caught:
        whole.raise_for_failures()
    assert (caught.value.backfill_id, caught.value.failed) == ("j1", 1)
    for words in ("partial_success", "1 units failed", "http_500 while fetch", "the server said 500", "retry_failed('j1')"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("status", "changes", "words"),
    [
        (BackfillStatus.ERROR, {"error": "the disk is full"}, "the disk is full"),
        (BackfillStatus.CANCELLED, {"status_reason": "cancelled by its owner"}, "cancelled by its owner"),
        (BackfillStatus.CANCELLED, {}, "ended as cancelled"),
    ],
)
def test_a_job_that_ended_as_a_whole_raises_its_reason(status: BackfillStatus, changes: dict[str, object], words: str) -> None:
    """A job that failed as a whole, or was cancelled, raises what is known of the reason. [R6.4, R4.4]"""
    with pytest.raises(JobFailed, match=words):
        report(status, **changes).raise_for_failures()


def test_what_was_left_undone_besides_needs_the_whole_request_again() -> None:
    """Where units failed and others were never tried, running the failed part again would not be all of it. [R6.6, R4.4]"""
    progress = Progress(total=3, completed=1, skipped=0, unavailable=0, failed=1, pending=1)
    with pytest.raises(JobFailed, match="; run the request again: what is stored is skipped"):
        report(BackfillStatus.CANCELLED, progress=progress).raise_for_failures()


def test_four_states_are_final() -> None:
    """A job can change while it is queued, in work or at rest, and in no other state. [R4.3]"""
    open_states = {status for status in BackfillStatus if not status.is_final}
    assert open_states == {BackfillStatus.QUEUED, BackfillStatus.PROCESSING, BackfillStatus.PAUSED}


def test_a_long_report_prints_short() -> None:
    """A report says on a line how it stands, in counts that add up, and why. [R9.5]"""
    complete = report(BackfillStatus.COMPLETE)
    told = repr(
        evolve(complete, status=BackfillStatus.PAUSED, status_reason="the disk is full", progress=Progress(9, 4, 0, 2, 1, 2))
    )
    assert told == (
        f"<BackfillReport {complete.backfill_id}: paused, 4 completed, 2 unavailable, 1 failed, 2 pending; the disk is full>"
    )
