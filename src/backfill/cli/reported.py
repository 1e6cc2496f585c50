"""What became of a job, in words: what is stored, what is not and why, what to do about it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from backfill.cli.console import results
from backfill.cli.printing import print_counted, print_facts, print_text, print_title
from backfill.model import BackfillPlan, BackfillReport, BackfillStatus, ErrorGroup, Finding
from backfill.wording import FAILURES, FINDINGS, GAPS, duration, listing, meaning, plural, size

_NOTHING_PUBLISHED = "nothing was published for the district on that day"


def outcome(report: BackfillReport) -> str:
    """Return the state of a job, with the reason where there is one."""
    why = report.error or report.status_reason
    return f"{report.status.replace('_', ' ')}{f': {why}' if why else ''}"


def resume_command(root: Path, report: BackfillReport) -> str:
    """Return the command that has a paused job go on."""
    return f"backfill resume {shlex.quote(str(root))} {report.backfill_id}"


def print_report(report: BackfillReport, plan: BackfillPlan, *, again: str = "") -> None:
    """Print the report of a job that carries out *plan*.

    Args:
        report: The report.
        plan: The plan.
        again: What has a paused job go on; empty = nothing is said of that.
    """
    console = results()
    print_facts(console, _facts(report))
    unavailable = tuple(unavailable_by_kind(report, plan))
    if unavailable:
        print_title(console, "Not published")
        print_counted(console, unavailable)
    print_failures(console, report.error_summary)
    print_findings(console, report.findings)
    if report.status is BackfillStatus.PAUSED and again:
        console.print(f"\nThe job rests. To go on, when its reason is gone: {again}", soft_wrap=True)
    elif not report.status.is_final:
        return
    elif report.progress.failed:
        console.print("\nRun the same command again to try again what failed; what is stored is not collected again.")
    elif report.progress.pending:
        console.print("\nRun the same command again to go on; what is stored is not collected again.")
    if report.scope.excluded:
        console.print(
            f"\n{plural(len(report.scope.excluded), 'target')} of the request left out: only what is in scope is asked for."
        )


def print_rebuilt(report: BackfillReport) -> None:
    """Print the final report of a rebuild."""
    console = results()
    progress, why = report.progress, report.error or report.status_reason
    units = f"{progress.total:,} of (day, district): {progress.completed:,} made, {progress.failed:,} failed"
    units += f", {progress.unavailable:,} not in the day's documents" if progress.unavailable else ""
    facts = [("status", f"{report.status.replace('_', ' ')}{f': {why}' if why else ''}"), ("units", units)]
    if report.snapshot_ids:
        days = sorted(report.snapshot_ids)
        facts.append(("days", f"{len(days):,} stored, {days[0]} to {days[-1]}"))
    if report.started_at is not None and report.completed_at is not None:
        facts.append(("time", duration((report.completed_at - report.started_at).total_seconds())))
    print_facts(console, [*facts, ("job", report.backfill_id)])
    print_failures(console, report.error_summary)
    print_findings(console, report.findings)


def print_reranked(report: BackfillReport) -> None:
    """Print the final report of a job that made the summaries of days anew."""
    progress = report.progress
    facts = [
        ("status", outcome(report)),
        ("changed", plural(progress.completed, "day")),
        ("the same", plural(progress.skipped, "day")),
    ]
    facts += [(f"failed {error.day}", error.message) for error in report.errors]
    facts += [("left undone", plural(progress.pending, "day"))] if progress.pending else []
    print_facts(results(), [*facts, ("job", report.backfill_id)])
    print_findings(results(), report.findings)


def _facts(report: BackfillReport) -> Iterator[tuple[str, str]]:
    progress = report.progress
    yield "status", outcome(report)
    yield (
        "units",
        (
            f"{progress.total:,} of (day, district): {progress.completed:,} stored, {progress.skipped:,} stored before, "
            f"{progress.unavailable:,} not published, {progress.failed:,} failed"
            + (f", {progress.pending:,} left undone" if progress.pending else "")
        ),
    )
    if report.snapshot_ids:
        days = sorted(report.snapshot_ids)
        yield "days", f"{len(days):,} stored, {days[0]} to {days[-1]}"
    if report.partial_snapshots:
        yield "partial", listing(tuple(day.isoformat() for day in report.partial_snapshots))
    for doubt in report.scope.excluded:
        yield "left out", f"{doubt.text}: {doubt.why}"
    for doubt in report.scope.doubtful:
        yield "doubtful", f"{doubt.text}: {doubt.why}"
    yield "how", f"{report.collection_strategy.method}: {report.collection_strategy.rationale}"
    traffic = report.performance_status
    if traffic is not None:
        yield (
            "requests",
            (
                f"{traffic.requests:,} sent ({traffic.retries:,} of them repeated), {size(traffic.bytes_received)} received; "
                f"{traffic.reused + traffic.shared:,} answered from what was there"
            ),
        )
    if report.started_at is not None and report.completed_at is not None:
        yield "time", duration((report.completed_at - report.started_at).total_seconds())
    yield "job", report.backfill_id


def unavailable_by_kind(report: BackfillReport, plan: BackfillPlan) -> Iterator[tuple[int, str, str]]:
    """Iterate over the units that were not published: how many, of which kind, what that means."""
    gaps: Counter[str] = Counter()
    for planned in plan.gaps:
        gaps[str(planned.gap)] += 1 if planned.districts is None else len(planned.districts)
    if gaps.total() > report.progress.unavailable:
        gaps.clear()  # the job was stopped before it came to all of them
    yield from ((number, kind, meaning(GAPS, kind)) for kind, number in gaps.most_common())
    rest = report.progress.unavailable - gaps.total()
    if rest > 0:
        yield rest, "unavailable", _NOTHING_PUBLISHED


def print_failures(console: Console, groups: Iterable[ErrorGroup]) -> None:
    """Print failures, grouped by kind, with what that means and whether trying again may help."""
    groups = tuple(groups)
    if not groups:
        return
    print_title(console, "Failed")
    for group in groups:
        print_counted(console, [(group.count, group.kind, meaning(FAILURES, group.kind))])
        again = "trying again may help" if group.is_retryable else "trying again would not help"
        print_text(console, f"(stage {group.stage}; {again}) for instance {group.example}", indent=" " * 6, style="dim")


def print_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Print what a reader of the figures should know, by kind."""
    kinds = Counter(finding.kind for finding in findings)
    if not kinds:
        return
    print_title(console, "Worth knowing of the figures")
    print_counted(console, ((number, kind, meaning(FINDINGS, kind)) for kind, number in kinds.most_common()))
