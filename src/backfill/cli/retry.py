"""``backfill retry``: collect again what failed in a job."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from backfill.cli.options import existing, job_argument, root_argument, several
from backfill.cli.working import Means, at_work, working_options


@click.command(short_help="Collect again what failed in a job.")
@several(root_argument, job_argument, working_options)
@click.pass_context
def command(ctx: click.Context, /, root: Path, job: str, **means: Unpack[Means]) -> None:
    """Collect exactly what failed in JOB, which has ended, by a job of its own. Days that lack some districts are completed."""
    with at_work(existing(root), **means) as work:
        work.go_on_first()
        report = work.watch(lambda: work.service.retry_failed(job))
        work.print(report)
    ctx.exit(work.code(report))
