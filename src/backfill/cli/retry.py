"""``backfill retry``: collect again what failed in a job."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.options import (
    as_json,
    existing,
    job_argument,
    opened,
    publisher_options,
    root_argument,
    several,
    talk,
    talking,
)
from backfill.cli.printing import print_json
from backfill.cli.reported import print_report, resume_command
from backfill.cli.running import exit_code, go_on_first, watch
from backfill.cli.stopping import Stopping


@click.command(short_help="Collect again what failed in a job.")
@several(root_argument, job_argument, publisher_options, as_json, talking)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    root: Path,
    job: str,
    *,
    base_url: str,
    rate: float,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Collect exactly what failed in JOB, which has ended, by a job of its own. Days that lack some districts are completed."""
    with (
        talk(verbose=verbose, quiet=quiet) as talking_,
        Stopping() as stopping,
        opened(existing(root), base_url, rate) as service,
    ):
        go_on_first(service, talking_, stopping=stopping)
        report = watch(lambda: service.retry_failed(job), talking_.console, quiet=quiet, stopping=stopping)
        if json_:
            print_json(report)
        else:
            print_report(report, service.jobs.load(report.backfill_id).spec.plan, again=resume_command(root, report))
    ctx.exit(exit_code(report, stopping))
