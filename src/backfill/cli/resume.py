"""``backfill resume``: go on with what was paused or interrupted."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import (
    Talk,
    as_json,
    existing,
    opened,
    publisher_options,
    root_argument,
    several,
    talk,
    talking,
)
from backfill.cli.printing import print_json
from backfill.cli.reported import outcome, print_report, resume_command
from backfill.cli.running import exit_code, watch
from backfill.cli.stopping import Stopping
from backfill.cli.wording import plural
from backfill.job import Job
from backfill.model import BackfillReport, BackfillStatus
from backfill.toastmasters import DashboardService


@click.command(short_help="Go on with what was paused or interrupted.")
@several(root_argument, click.argument("jobs", nargs=-1, metavar="[JOB]..."), publisher_options, as_json, talking)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    root: Path,
    jobs: tuple[str, ...],
    *,
    base_url: str,
    rate: float,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Go on with each JOB, and wait for it; without one, with all that were interrupted because their process is gone.

    What is stored is not collected again. Jobs that were paused go on only if they are named. Ctrl-C interrupts the command, not
    the jobs: the next one goes on with them.
    """
    with (
        talk(verbose=verbose, quiet=quiet) as talking_,
        Stopping() as stopping,
        opened(existing(root), base_url, rate) as service,
    ):
        started = [_named(service, name, talking_) for name in jobs] if jobs else list(service.resume_interrupted())
        if not started and not json_:
            results().print("No job was interrupted.")
            _tell_of_paused(service, root, talking_)
        reports = []
        for job in started:
            if stopping.code is not None:
                break
            report = watch(lambda job=job: job, talking_.console, quiet=quiet, stopping=stopping, cancels=False)  # type: ignore[misc] # bound at once
            reports.append(report)
            if not json_:
                print_report(report, service.jobs.load(job.backfill_id).spec.plan, again=resume_command(root, report))
        if json_:
            print_json(reports)
    ctx.exit(_code(reports, stopping))


def _named(service: DashboardService, name: str, talking_: Talk) -> Job:
    """Have one job go on, and say so where it cannot."""
    if not service.resume_backfill(name):
        report = service.get_backfill_status(name)
        why = "it goes on already" if not report.status.is_at_rest else "an ended job stays ended"
        talking_.say(f"{name} is {outcome(report)}; {why}.")
    return service.get_job(name)


def _tell_of_paused(service: DashboardService, root: Path, talking_: Talk) -> None:
    paused = service.list_backfills(states=[BackfillStatus.PAUSED])
    if paused:
        talking_.say(f"{plural(len(paused), 'job')} rest until they are named, for instance: {resume_command(root, paused[0])}")


def _code(reports: list[BackfillReport], stopping: Stopping) -> ExitCode:
    """Return the worst of the exit codes of all jobs."""
    if stopping.code is not None and not all(report.status is BackfillStatus.COMPLETE for report in reports):
        return stopping.code
    return max((exit_code(report, stopping) for report in reports), default=ExitCode.ALL)
