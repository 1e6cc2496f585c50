"""``backfill history``: figures over time."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from backfill.cli.options import as_day, as_json, district_option, existing, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_json


@click.command(short_help="Print figures over time, as a table.")
@several(
    root_argument,
    click.argument("start", type=as_day, required=False),
    click.argument("end", type=as_day, required=False),
    district_option,
    click.option(
        "-f", "--field", "fields", multiple=True, metavar="PATH",
        help="A figure, such as totals.totalMembership; may be repeated. Default: all that are not in lists.",
    ),
    as_json,
    talking,
)  # fmt: skip
def command(
    root: Path,
    start: date | None,
    end: date | None,
    districts: tuple[str, ...],
    fields: tuple[str, ...],
    *,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Print a line of CSV for each day and district stored in ROOT from START to END, with a column for each figure.

    Only what has changed since the last time is read; the rest is remembered in ROOT.
    """
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        table = service.history(districts or None, fields or None, start, end)
    if json_:
        print_json({"columns": table.names, "rows": list(table.rows())})
    else:
        sys.stdout.write(table.to_csv())
