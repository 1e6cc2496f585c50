"""``backfill diff``: what differs between two days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.options import as_day, as_json, district_option, existing, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_facts, print_json, print_text, print_title
from backfill.history.days import DayDiff
from backfill.wording import listing, plural

SHOWN = 12
"""So many places of a district are printed; --json has all."""


@click.command(short_help="Show what differs between two stored days.")
@several(
    root_argument,
    click.argument("before", type=as_day),
    click.argument("after", type=as_day),
    district_option,
    as_json,
    talking,
)
def command(root: Path, before: date, after: date, districts: tuple[str, ...], *, json_: bool, verbose: int, quiet: bool) -> None:
    """Show which districts of ROOT came, went and changed from the day BEFORE to the day AFTER, and in which figures."""
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        found = service.diff(before, after, districts=districts or None)
    print_json(found) if json_ else _print(found)


def _print(found: DayDiff) -> None:
    console = results()
    facts = [("same", plural(len(found.same), "district")), ("changed", plural(len(found.changed), "district"))]
    facts += [("new", listing(found.added))] if found.added else []
    facts += [("gone", listing(found.removed))] if found.removed else []
    print_facts(console, facts)
    for district, places in found.changed.items():
        print_title(console, f"District {district}")
        for place in places[:SHOWN]:
            print_text(console, str(place), indent="  ")
        if len(places) > SHOWN:
            console.print(f"  … and {len(places) - SHOWN:,} more")
