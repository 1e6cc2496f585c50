"""``backfill cancel``: end a job, wherever it runs."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.asking import ask, asking_options


@click.command(short_help="End a job, wherever it runs.")
@asking_options
@click.pass_context
def command(ctx: click.Context, /, root: Path, job: str, *, no_wait: bool, json_: bool, verbose: int, quiet: bool) -> None:
    """Cancel JOB, wherever it runs, and wait until all is quiet.

    Nothing new starts, what is in flight ends, what is collected is stored; the rest is never collected by this job. Exit code 1
    says that it had ended before.
    """
    ctx.exit(
        ask(
            root,
            job,
            lambda service, name: service.cancel_backfill(name),
            no_wait=no_wait,
            json_=json_,
            verbose=verbose,
            quiet=quiet,
        )
    )
