"""``backfill cleanup``: forget old jobs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.options import as_json, existing, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_json
from backfill.wording import plural

_MOST = 36_500


@click.command(short_help="Forget old jobs.")
@several(
    root_argument,
    click.option(
        "--older-than", type=click.IntRange(0, _MOST), default=30, show_default=True, metavar="DAYS",
        help="Forget jobs that ended longer ago than so many days.",
    ),
    click.option(
        "--keep", type=click.IntRange(0), default=100, show_default=True, metavar="N", help="Keep the newest N in any case."
    ),
    as_json,
    talking,
)  # fmt: skip
def command(root: Path, *, older_than: int, keep: int, json_: bool, verbose: int, quiet: bool) -> None:
    """Forget jobs that have ended long ago. Nothing stored goes, and `backfill coverage` still knows what became of every day."""
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        number = service.cleanup_old_jobs(older_than=timedelta(days=older_than), keep=keep)
    if json_:
        print_json({"forgotten": number})
    else:
        results().print(f"{plural(number, 'job')} forgotten.")
