"""``backfill fill``: collect what is missing and can be had."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Unpack

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import as_day, district_option, existing, frequency_option, root_argument, several
from backfill.cli.picture import print_damaged
from backfill.cli.printing import print_json
from backfill.cli.working import Means, at_work, working_options


@click.command(short_help="Collect what is missing and can be had.")
@several(root_argument, click.argument("start", type=as_day), click.argument("end", type=as_day))
@several(district_option, frequency_option, working_options)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    root: Path,
    start: date,
    end: date,
    districts: tuple[str, ...],
    *,
    frequency: str,
    **means: Unpack[Means],
) -> None:
    """Collect of START to END what `backfill coverage` shows as failed, never tried or partial, in the detail in which the rest is stored.

    What is known not to have been published is not asked for again.
    """
    with at_work(existing(root), **means) as work:
        work.go_on_first()
        coverage = work.service.coverage(start, end, districts=districts or None, frequency=frequency)
        if not coverage.missing:
            if work.json:
                print_json(None)
            else:
                results().print(f"Of {start} to {end} nothing is missing that can be had.", soft_wrap=True)
                print_damaged(results(), coverage)
            ctx.exit(ExitCode.ALL)
        report = work.watch(lambda: work.service.fill_gaps(coverage))
        work.print(report)
    ctx.exit(work.code(report))
