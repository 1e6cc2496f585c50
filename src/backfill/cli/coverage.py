"""``backfill coverage``: which days and districts are there."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.options import (
    as_day,
    as_json,
    district_option,
    existing,
    frequency_option,
    opened,
    root_argument,
    several,
    talk,
    talking,
)
from backfill.cli.picture import print_coverage, print_damaged, print_lost
from backfill.cli.printing import print_json


@click.command(short_help="Show which days and districts are there.")
@several(
    root_argument, click.argument("start", type=as_day), click.argument("end", type=as_day), district_option, frequency_option
)
@several(
    as_json,
    click.option("--csv", "csv_", is_flag=True, help="Print a line for each day and district."),
    click.option("--html", is_flag=True, help="Print the picture as a table of HTML."),
    talking,
)
def command(
    root: Path,
    start: date,
    end: date,
    districts: tuple[str, ...],
    *,
    frequency: str,
    json_: bool,
    csv_: bool,
    html: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Show of each day from START to END, and of each district, whether it is stored, and what became of it where it is not."""
    if json_ + csv_ + html > 1:
        raise click.UsageError("--json, --csv and --html cannot be had together; choose one.")
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        coverage = service.coverage(start, end, districts=districts or None, frequency=frequency)
    if json_:
        print_json(coverage)
    elif csv_:
        sys.stdout.write(coverage.to_csv())
    elif html:
        sys.stdout.write(f"{coverage.to_html()}\n")
    elif coverage.districts or coverage.damaged:
        if coverage.districts:
            print_coverage(results(), coverage)
            print_lost(results(), coverage)
        print_damaged(results(), coverage)
    else:
        results().print(f"Nothing is stored of {start} to {end}, and nothing was tried.")
