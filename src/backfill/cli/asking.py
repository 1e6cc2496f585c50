"""What ``backfill cancel`` and ``backfill pause`` have in common: ask for it, wherever the job runs, and wait until it is so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from typing import Unpack

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import as_json, existing, job_argument, root_argument, several, talking
from backfill.cli.printing import print_json
from backfill.cli.reported import outcome
from backfill.cli.running import INTERVAL
from backfill.cli.working import AtWork, Means, at_work
from backfill.toastmasters import DashboardService

Act = Callable[[DashboardService, str], bool]
"""Asks a service for something of a job, and returns whether that changes anything."""


def asking(act: Act, *, short_help: str, help_: str) -> click.Command:
    """Return a command that asks for something of a job, waits until the job rests, and tells how: 0 if that changed anything, else 1."""

    @click.command(short_help=short_help, help=help_)
    @several(root_argument, job_argument)
    @click.option("--no-wait", is_flag=True, help="Return when it is asked for, not when it is so.")
    @several(as_json, talking)
    @click.pass_context
    def command(ctx: click.Context, /, root: Path, job: str, *, no_wait: bool, **means: Unpack[Means]) -> None:
        with at_work(existing(root), **means) as work:
            changed = act(work.service, job)
            if changed and not no_wait:
                _await(work, job)
            report = work.service.get_backfill_status(job)
            if work.json:
                print_json(report)
            else:
                results().print(f"{report.backfill_id}: {outcome(report)}", soft_wrap=True)
        ctx.exit(work.stopping.code or (ExitCode.ALL if changed else ExitCode.PARTIAL))

    return command


def _await(work: AtWork, job_id: str) -> None:
    job = work.service.get_job(job_id)
    if not job.future.done():
        work.talk.say("It runs in another process, which learns of it within seconds …")
    while not job.future.done() and work.stopping.code is None:
        wait((job.future,), INTERVAL)
