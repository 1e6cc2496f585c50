"""What ``backfill cancel`` and ``backfill pause`` have in common: ask for it, wherever the job runs, and wait until it is so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import Function, as_json, existing, job_argument, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_json
from backfill.cli.reported import outcome
from backfill.cli.running import INTERVAL
from backfill.cli.stopping import Stopping
from backfill.job import Job
from backfill.toastmasters import DashboardService


def asking_options(command: Function) -> Function:
    """Add what both take."""
    no_wait = click.option("--no-wait", is_flag=True, help="Return when it is asked for, not when it is so.")
    return several(root_argument, job_argument, no_wait, as_json, talking)(command)


def ask(
    root: Path,
    job_id: str,
    act: Callable[[DashboardService, str], bool],
    *,
    no_wait: bool,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> ExitCode:
    """Ask for something, wait until the job rests, tell how, and return the exit code: 0 if it was done, 1 if there was nothing to do.

    Args:
        root: The folder.
        job_id: The job.
        act: Asks for it, and returns whether that changes anything.
        no_wait: Return at once.
        json_: Print the report as JSON.
        verbose: How much of the log to show.
        quiet: Say nothing beside the result.

    Raises:
        JobNotFound: There is no such job.
    """
    with talk(verbose=verbose, quiet=quiet) as talking_, Stopping() as stopping, opened(existing(root)) as service:
        changed = act(service, job_id)
        job = service.get_job(job_id)
        if changed and not no_wait and not job.future.done():
            talking_.say("It runs in another process, which learns of it within seconds …")
            _await(job, stopping)
        report = job.report()
        if json_:
            print_json(report)
        else:
            results().print(f"{report.backfill_id}: {outcome(report)}", soft_wrap=True)
    if stopping.code is not None:
        return stopping.code
    return ExitCode.ALL if changed else ExitCode.PARTIAL


def _await(job: Job, stopping: Stopping) -> None:
    while not job.future.done() and stopping.code is None:
        wait((job.future,), INTERVAL)
