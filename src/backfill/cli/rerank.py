"""``backfill rerank``: make the rankings of days anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Unpack

import click

from backfill.cli.options import as_day, as_json, existing, root_argument, several, talking
from backfill.cli.working import Means, at_work


@click.command(short_help="Make the rankings of days anew from the archive.")
@several(
    root_argument, click.argument("start", type=as_day), click.argument("end", type=as_day, required=False), as_json, talking
)
@click.pass_context
def command(ctx: click.Context, root: Path, start: date, end: date | None, **means: Unpack[Means]) -> None:
    """Make the rankings of the stored days from START to END in ROOT anew, by the rules of today; no district is touched."""
    with at_work(existing(root), **means) as work:
        report = work.watch(lambda: work.service.rerank(start, end))
        work.print(report)
    ctx.exit(work.code(report))
