"""What became of a job, as its caller sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from attrs import field, frozen

from backfill.errors import JobFailed
from backfill.model.checks import sized
from backfill.model.fetching import FetchStatus
from backfill.model.outcome import DistrictError, Finding, Stage
from backfill.model.plan import BackfillScope, CollectionStrategy
from backfill.model.status import BackfillStatus


@frozen
class Progress:
    """How far a job is. The five states always add up to `total`.

    Attributes:
        total: Units of (day, district); a day not yet listed counts as one.
        completed: Stored by this job.
        skipped: Stored already.
        unavailable: Nothing was published.
        failed: Failed.
        pending: Still to be done (or left undone, when the job was cancelled).
        is_estimate: Whether days are still to be listed, so that the total may grow.
        current: The days in work.
        district_progress: The same counts for each district, by state.
        eta_seconds: Seconds that the rest will take at the pace so far; ``None`` = not known.
    """

    total: int
    completed: int
    skipped: int
    unavailable: int
    failed: int
    pending: int
    is_estimate: bool = False
    current: tuple[date, ...] = ()
    district_progress: Mapping[str, Mapping[str, int]] = field(factory=dict, repr=False)
    eta_seconds: float | None = None


@frozen
class ErrorGroup:
    """Failures of one cause.

    Attributes:
        stage: Where they happened.
        kind: What they have in common.
        count: How many.
        is_retryable: Whether another attempt may succeed.
        example: The message of the newest.
    """

    stage: Stage
    kind: str
    count: int
    is_retryable: bool
    example: str


@frozen(kw_only=True)
class BackfillReport:
    """What became of a job so far.

    Attributes:
        backfill_id: The job's identifier.
        status: Its state.
        status_reason: Why it is in that state, where there is more to say.
        scope: The districts it may touch, and the targets left out.
        collection_strategy: How it collects, and why.
        progress: How far it is.
        snapshot_ids: The days it has stored, in ISO form, in the order of their publishing.
        error: Why the job as a whole failed, or ``None``.
        error_summary: The failures, grouped by cause, most frequent first.
        errors: The newest 1,000 failures, oldest first; `BackfillService.errors` pages through all.
        errors_total: How many there are.
        partial_snapshots: The days it stored of which districts are missing because they failed.
        findings: What readers of the data should know (the newest 1,000).
        performance_status: The protective machinery at work: limits, breaker, cache. As it is now while the job runs or waits in this
            process, as it was at its rest afterwards; ``None`` = another process worked on it, or the source does not fetch.
        created_at: When the job was accepted (aware, UTC).
        started_at: When its work began.
        completed_at: When it reached a final state.
    """

    backfill_id: str
    status: BackfillStatus
    status_reason: str | None
    scope: BackfillScope
    collection_strategy: CollectionStrategy
    progress: Progress
    snapshot_ids: tuple[str, ...] = field(repr=sized("entries"))
    error: str | None
    error_summary: tuple[ErrorGroup, ...]
    errors: tuple[DistrictError, ...] = field(repr=sized("entries"))
    errors_total: int
    partial_snapshots: tuple[date, ...]
    findings: tuple[Finding, ...] = field(repr=sized("entries"))
    performance_status: FetchStatus | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    def __repr__(self) -> str:
        done = self.progress
        counts = {"completed": done.completed, "skipped": done.skipped, "unavailable": done.unavailable, "failed": done.failed}
        told = ", ".join(f"{count:,} {name}" for name, count in {**counts, "pending": done.pending}.items() if count)
        why = f"; {self.status_reason}" if self.status_reason else ""
        return f"<BackfillReport {self.backfill_id}: {self.status}, {told or 'nothing to do'}{why}>"

    def raise_for_failures(self) -> BackfillReport:
        """Return this report if every unit was stored, skipped or unavailable.

        Raises:
            JobFailed: Units failed, the job failed as a whole, was cancelled, or is paused; the message names the reason, or the
                most frequent cause.
        """
        if self.status is BackfillStatus.COMPLETE or not self.status.is_at_rest:
            return self
        if self.status is BackfillStatus.PAUSED:
            message = (
                f"job {self.backfill_id} is paused: {self.status_reason}; resume_backfill({self.backfill_id!r}) has it go on"
            )
            raise JobFailed(self.backfill_id, message, failed=self.progress.failed)
        what = self.error or self.status_reason or ""
        if self.error_summary:
            top = self.error_summary[0]
            what = f"{self.progress.failed} units failed; most often {top.kind} while {top.stage}: {top.example}"
        remedy = "run the request again: what is stored is skipped"
        if self.progress.failed and not self.progress.pending:
            remedy = f"retry_failed({self.backfill_id!r}) runs the failed part again"
        message = f"job {self.backfill_id} ended as {self.status}: {what}; {remedy}"
        raise JobFailed(self.backfill_id, message, failed=self.progress.failed)

    def _repr_html_(self) -> str:
        from backfill.display.jobs import report_html  # noqa: PLC0415 - only a notebook pays for it

        return report_html(self)
