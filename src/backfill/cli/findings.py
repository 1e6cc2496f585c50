"""``backfill findings``: what a reader of the stored figures should know."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.options import as_day, as_json, district_option, existing, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_counted, print_json, print_text, print_title
from backfill.wording import FINDINGS, meaning


@click.command(short_help="List what a reader of the figures should know.")
@several(
    root_argument,
    click.argument("start", type=as_day, required=False),
    click.argument("end", type=as_day, required=False),
    district_option,
    click.option("-k", "--kind", "kinds", multiple=True, metavar="KIND", help="Only of this kind; may be repeated."),
    click.option("--most", type=click.IntRange(0), default=50, show_default=True, metavar="N", help="List so many at most."),
    as_json,
    talking,
)
def command(
    root: Path,
    start: date | None,
    end: date | None,
    districts: tuple[str, ...],
    kinds: tuple[str, ...],
    *,
    most: int,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """List what was found about the figures stored in ROOT from START to END: sums that disagree, figures that decrease, and the like.

    Nothing of it was corrected.
    """
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        found = list(service.findings(start, end, districts=districts or None, kinds=kinds or None))
    if json_:
        print_json(found)
        return
    console = results()
    if not found:
        console.print("Nothing was found.")
        return
    counted = Counter(finding.kind for finding in found)
    print_counted(console, ((number, kind, meaning(FINDINGS, kind)) for kind, number in counted.most_common()))
    print_title(console, "Where")
    for finding in islice(found, most):
        where = " ".join(filter(None, [str(finding.day or ""), finding.district]))
        print_text(console, f"{where}: {finding.kind}: {finding.message}", indent="  ")
    if len(found) > most:
        console.print(f"  … and {len(found) - most:,} more")
