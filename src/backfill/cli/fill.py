"""``backfill fill``: collect what is missing and can be had."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Unpack

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import as_day, district_option, existing, frequency_option, root_argument, several
from backfill.cli.printing import print_json
from backfill.cli.working import Means, at_work, working_options
from backfill.model import CellState, Coverage


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
    """Collect of START to END what `backfill coverage` shows as failed or never tried, in the detail in which the rest is stored.

    What is known not to have been published is not asked for again.
    """
    with at_work(existing(root), **means) as work:
        work.go_on_first()
        coverage = work.service.coverage(start, end, districts=districts or None, frequency=frequency)
        if not _lacks_anything(coverage):
            if work.json:
                print_json(None)
            else:
                results().print(f"Of {start} to {end} nothing is missing that can be had.", soft_wrap=True)
            ctx.exit(ExitCode.ALL)
        report = work.watch(lambda: work.service.fill_gaps(coverage))
        work.print(report)
    ctx.exit(work.code(report))


def _lacks_anything(coverage: Coverage) -> bool:
    """Return whether something is missing that can be had; where no district is known, a day as a whole."""
    if coverage.districts:
        return bool(coverage.counts[CellState.FAILED] or coverage.counts[CellState.NEVER_TRIED])
    return any(day not in coverage.gaps and coverage.whole.get(day) is not CellState.UNAVAILABLE for day in coverage.days)
