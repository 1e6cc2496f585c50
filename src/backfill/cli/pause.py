"""``backfill pause``: have a job rest, wherever it runs."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.asking import ask, asking_options


@click.command(short_help="Have a job rest until it is resumed.")
@asking_options
@click.pass_context
def command(ctx: click.Context, /, root: Path, job: str, *, no_wait: bool, json_: bool, verbose: int, quiet: bool) -> None:
    """Have JOB rest, wherever it runs, until `backfill resume` has it go on; restarts do not.

    Nothing new starts, what is in flight ends, what is collected is stored. Exit code 1 says that it was at rest before.
    """
    ctx.exit(
        ask(
            root,
            job,
            lambda service, name: service.pause_backfill(name),
            no_wait=no_wait,
            json_=json_,
            verbose=verbose,
            quiet=quiet,
        )
    )
