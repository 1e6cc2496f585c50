"""Plans, reports and jobs, as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from backfill.display import markup
from backfill.display.markup import Html
from backfill.display.noted import failures_html, notes_html
from backfill.wording import FAILURES, GAPS, duration, listing, meaning, plural

if TYPE_CHECKING:
    from backfill.model import BackfillPlan, BackfillReport, BackfillScope, FetchStatus, PlannedDay, Progress

DAYS = 31
"""So many days of a plan are shown."""

_GROUNDS = {
    "queued": markup.RESTING,
    "processing": markup.GOING,
    "paused": markup.RESTING,
    "complete": markup.GOOD,
    "partial_success": markup.FAIR,
    "error": markup.BAD,
    "cancelled": markup.RESTING,
}


def plan_html(plan: BackfillPlan) -> Html:
    """Return what a plan says: how much, how, how long, and what is left out."""
    planned = [one.day for one in plan.days]
    stored = sum(len(one.existing) for one in plan.days)
    gaps = Counter(str(one.gap) for one in plan.gaps)
    return markup.card(
        f"Plan of {plan.source}",
        markup.facts(
            [
                ("days", f"{markup.span(planned)}, {plan.request.frequency}: {plural(len(plan.days), 'day')}"),
                ("districts", _districts(plan.scope)),
                ("units of (day, district)", f"{plan.total_units:,}{'' if plan.exact else ' or more'}"),
                ("stored already", f"{stored:,}" if stored else None),
                ("requests", _requests(plan)),
                ("time at the rate limit", None if plan.seconds_at_rate is None else duration(plan.seconds_at_rate)),
                ("how", f"{plan.strategy.method}: {plan.rationale}"),
            ]
        ),
        *_counted("never asked for", [(number, kind, meaning(GAPS, kind)) for kind, number in gaps.most_common()]),
        *_doubts(plan.scope),
        markup.folded(_first("days, in the order of work", len(plan.days), DAYS), _days(plan.days[:DAYS])),
        badge=markup.badge("exact" if plan.exact else "estimate", markup.GOOD if plan.exact else markup.FAIR),
    )


def report_html(report: BackfillReport, *, at: datetime | None = None) -> Html:
    """Return what has become of a job; *at* is the moment of which this is told, where the job goes on."""
    progress = report.progress
    told = None if at is None or report.status.is_final else f"as of {markup.moment(at)}"
    return markup.card(
        f"Job {report.backfill_id}",
        *([markup.line(report.status_reason)] if report.status_reason else ()),
        *([markup.line(report.error)] if report.error else ()),
        _bar(progress),
        markup.facts(
            [
                ("units", _counts(progress)),
                ("time", _time(report)),
                ("days stored", f"{len(report.snapshot_ids):,}" if report.snapshot_ids else None),
                ("partial days", listing(tuple(map(str, report.partial_snapshots)))),
                ("districts", _districts(report.scope)),
                ("how", f"{report.collection_strategy.method}: {report.collection_strategy.rationale}"),
                ("asked", _asked(report.performance_status)),
                ("told", told),
            ]
        ),
        *_counted(
            "failed",
            [
                (
                    group.count,
                    f"{group.kind} ({group.stage})",
                    f"{meaning(FAILURES, group.kind)}; {_again(may=group.is_retryable)}",
                )
                for group in report.error_summary
            ],
        ),
        *failures_html(report.errors, report.errors_total),
        *notes_html(report.findings),
        *_doubts(report.scope),
        badge=markup.badge(str(report.status).replace("_", " "), _GROUNDS[report.status]),
    )


def jobs_html(reports: Sequence[BackfillReport], *, at: datetime) -> Html:
    """Return a table of jobs, as they were at a moment."""
    rows = [
        (
            report.backfill_id,
            markup.badge(str(report.status).replace("_", " "), _GROUNDS[report.status]),
            _districts(report.scope),
            _counts(report.progress),
            markup.moment(report.created_at),
        )
        for report in reports
    ]
    names = ("job", "state", "districts", "units", "accepted")
    return markup.card(
        "Backfills", markup.table(names, rows) if rows else markup.line("none yet"), markup.line("as of ", markup.moment(at))
    )


def lost_html(backfill_id: str, why: str) -> Html:
    """Return the display of a job of which nothing can be told."""
    return markup.card(f"Job {backfill_id}", markup.line(why), badge=markup.badge("not to be had", markup.RESTING))


def _counts(progress: Progress) -> str:
    done = progress.total - progress.pending
    known = {
        "stored": progress.completed,
        "there already": progress.skipped,
        "unavailable": progress.unavailable,
        "failed": progress.failed,
        "pending": progress.pending,
    }
    parts = [f"{number:,} {word}" for word, number in known.items() if number or word == "stored"]
    return f"{done:,} of {progress.total:,}{'+' if progress.is_estimate else ''}: {', '.join(parts)}"


def _bar(progress: Progress) -> Html:
    return markup.bar(
        _counts(progress),
        [
            (progress.completed, markup.GREEN),
            (progress.skipped, markup.BLUE),
            (progress.unavailable, markup.GREY),
            (progress.failed, markup.RED),
            (progress.pending, markup.NONE),
        ],
    )


def _time(report: BackfillReport) -> str | None:
    progress = report.progress
    if report.started_at is None:
        return f"accepted {markup.moment(report.created_at)}"
    if report.completed_at is None:
        left = "" if progress.eta_seconds is None else f"; about {duration(progress.eta_seconds)} left"
        return f"since {markup.moment(report.started_at)}{left}"
    seconds = (report.completed_at - report.started_at).total_seconds()
    pace = f", {progress.completed / seconds:,.1f} stored a second" if seconds >= 1 else ""
    return f"{duration(seconds)}{pace}; ended {markup.moment(report.completed_at)}"


def _asked(status: FetchStatus | None) -> str | None:
    if status is None:
        return None
    parked = [f"{host.host} is left alone for {duration(host.parked_seconds)}" for host in status.hosts if host.parked_seconds]
    slowed = [
        f"{host.host} shows strain, and is asked {host.slowdown:.1f} times less often"
        for host in status.hosts
        if host.slowdown > 1
    ]
    retried = f" ({status.retries:,} again)" if status.retries else ""
    return "; ".join(
        [f"{plural(status.requests, 'request')}{retried}, {status.reused:,} served from the archive", *parked, *slowed]
    )


def _districts(scope: BackfillScope) -> str:
    return "all of each day" if scope.districts is None else f"{len(scope.districts):,}: {listing(scope.districts)}"


def _requests(plan: BackfillPlan) -> str:
    if not plan.requests:
        return "none"
    return ", ".join(f"{name}: {'not known' if number is None else f'{number:,}'}" for name, number in plan.requests.items())


def _counted(title: str, rows: Sequence[tuple[int, str, str]]) -> Iterator[Html]:
    if rows:
        yield markup.table(("", title, "which means"), rows)


def _doubts(scope: BackfillScope) -> Iterator[Html]:
    if scope.excluded or scope.doubtful:
        rows = [(doubt.text, doubt.why, ", ".join(doubt.suggestions)) for doubt in (*scope.excluded, *scope.doubtful)]
        yield markup.table(("left out, or in doubt", "why", "did you mean"), rows)


def _days(days: Sequence[PlannedDay]) -> Html:
    rows = [
        (
            str(one.day),
            "" if one.as_of is None else str(one.as_of),
            "to be listed" if one.districts is None else f"{len(one.districts):,}",
            f"{len(one.existing):,}" if one.existing else "",
            "" if one.gap is None else str(one.gap),
        )
        for one in days
    ]
    return markup.table(("day", "as of", "districts", "of them stored", "gap"), rows)


def _first(what: str, number: int, most: int) -> str:
    return f"{number:,} {what}" if number <= most else f"the first {most:,} of {number:,} {what}"


def _again(*, may: bool) -> str:
    return "another attempt may help" if may else "another attempt would not help"
