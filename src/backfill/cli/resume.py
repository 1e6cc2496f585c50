"""``backfill resume``: go on with what was paused or interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import complete_job, existing, root_argument, several
from backfill.cli.printing import print_json
from backfill.cli.reported import outcome, resume_command
from backfill.cli.working import AtWork, Means, at_work, working_options
from backfill.job import Job
from backfill.model import BackfillReport, BackfillStatus
from backfill.wording import plural


@click.command(short_help="Go on with what was paused or interrupted.")
@several(root_argument, click.argument("jobs", nargs=-1, metavar="[JOB]...", shell_complete=complete_job), working_options)
@click.pass_context
def command(ctx: click.Context, /, root: Path, jobs: tuple[str, ...], **means: Unpack[Means]) -> None:
    """Go on with each JOB, and wait for it; without one, with all that were interrupted because their process is gone.

    What is stored is not collected again. Jobs that were paused go on only if they are named. Ctrl-C interrupts the command, not
    the jobs: the next one goes on with them.
    """
    with at_work(existing(root), **means) as work:
        started = [_named(work, name) for name in jobs] if jobs else list(work.service.resume_interrupted())
        if not started and not work.json:
            results().print("No job was interrupted.")
            _tell_of_paused(work)
        reports = []
        for job in started:
            if work.stopping.code is not None:
                break
            reports.append(work.watch(lambda job=job: job, cancels=False))  # type: ignore[misc] # bound at once
            if not work.json:
                work.print(reports[-1])
        if work.json:
            print_json(reports)
    ctx.exit(_code(work, reports))


def _named(work: AtWork, name: str) -> Job:
    """Have one job go on, and say so where it cannot."""
    if not work.service.resume_backfill(name):
        report = work.service.get_backfill_status(name)
        why = "it goes on already" if not report.status.is_at_rest else "an ended job stays ended"
        work.talk.say(f"{name} is {outcome(report)}; {why}.")
    return work.service.get_job(name)


def _tell_of_paused(work: AtWork) -> None:
    paused = work.service.list_backfills(states=[BackfillStatus.PAUSED])
    if paused:
        example = resume_command(work.root, paused[0])
        work.talk.say(f"{plural(len(paused), 'job rests', 'jobs rest')} until named, for instance: {example}")


def _code(work: AtWork, reports: list[BackfillReport]) -> ExitCode:
    """Return the worst of the exit codes of all jobs."""
    if work.stopping.code is not None and not all(report.status is BackfillStatus.COMPLETE for report in reports):
        return work.stopping.code
    return max((work.code(report) for report in reports), default=ExitCode.ALL)
