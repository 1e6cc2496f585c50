"""``backfill jobs``: what becomes of jobs, those of this folder's other processes included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from backfill.cli.console import results
from backfill.cli.options import as_json, complete_job, existing, root_argument, several, talking
from backfill.cli.printing import print_json, print_table
from backfill.cli.reported import outcome
from backfill.cli.working import Means, at_work
from backfill.model import BackfillReport, BackfillStatus


@click.command(short_help="Show the jobs of a folder, or one of them.")
@several(
    root_argument,
    click.argument("job", required=False, shell_complete=complete_job),
    click.option(
        "--state", "states", multiple=True, type=click.Choice([str(status) for status in BackfillStatus]),
        help="Only jobs in this state; may be repeated.",
    ),
    click.option("--limit", type=int, default=20, show_default=True, metavar="N", help="So many jobs at most, newest first."),
    click.option("--watch", "watch_", is_flag=True, help="Show JOB until it comes to rest, wherever it runs."),
    as_json,
    talking,
)  # fmt: skip
def command(
    root: Path,
    job: str | None,
    states: tuple[str, ...],
    limit: int,
    *,
    watch_: bool,
    **means: Unpack[Means],
) -> None:
    """Show the jobs of ROOT, newest first, or all that is known of one JOB. Nothing is changed, nor gone on with."""
    if watch_ and job is None:
        raise click.UsageError("--watch needs a JOB: name one of those that `backfill jobs ROOT` lists.")
    with at_work(existing(root), **means) as work:
        if job is None:
            reports = work.service.list_backfills(states=states or None, limit=limit)
            print_json(reports) if work.json else _print_jobs(reports)
            return
        found = work.service.get_job(job)
        if watch_:
            work.watch(lambda: found, cancels=False)
        work.print(found.report())


def _print_jobs(reports: Sequence[BackfillReport]) -> None:
    if not reports:
        results().print("There are no such jobs.")
        return
    rows = [_row(report) for report in reports]
    print_table(results(), ("job", "accepted (UTC)", "done", "of", "failed", "state"), rows, right=frozenset({2, 3, 4}))


def _row(report: BackfillReport) -> tuple[str, ...]:
    progress = report.progress
    total = f"{progress.total:,}{'+' if progress.is_estimate else ''}"
    done = f"{progress.total - progress.pending:,}"
    return (
        report.backfill_id,
        f"{report.created_at:%Y-%m-%d %H:%M:%S}",
        done,
        total,
        f"{progress.failed:,}",
        outcome(report),
    )
