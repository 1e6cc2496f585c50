"""``backfill import``: take a folder of raw reports into the archive."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.invoking import invoked_as
from backfill.cli.options import as_json, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_counted, print_facts, print_json, print_text, print_title
from backfill.toastmasters.calendar import day_of
from backfill.toastmasters.dashboard import parse_document_name
from backfill.toastmasters.importing import ImportReport
from backfill.wording import meaning

REFUSALS = {
    "implausible": "its footer tells what cannot have been: kept, and never used",
    "no_rows": "it has no rows: kept, and never used",
    "not_csv": "it is no report of the dashboard",
    "too_large": "it is larger than any report",
    "truncated": "it was cut off before its end",
    "undated": "nothing in it says of which day it is",
    "unreadable": "it cannot be read",
    "wrong_district": "its rows are of several districts, or of none",
}
"""Why a file is not taken."""

_SHOWN = 10


@click.command(short_help="Take a folder of raw CSV files into the archive.")
@several(root_argument, click.argument("folder", type=click.Path(file_okay=False, path_type=Path)), as_json, talking)
@click.pass_context
def command(ctx: click.Context, root: Path, folder: Path, *, json_: bool, verbose: int, quiet: bool) -> None:
    """Take every report below FOLDER into the archive of ROOT: dated by what stands in it, never by what it is called.

    Copies that conflict are all kept; the newest is used. Make snapshots of them with `backfill rebuild`.
    """
    with talk(verbose=verbose, quiet=quiet) as talking_, opened(root) as service:
        done = service.import_reports(folder)
        print_json(done) if json_ else _print(done)
        days = sorted({day_of(dated.month, dated.as_of) for dated in map(parse_document_name, done.imported)})
        if days:
            talking_.say(f"Next: {invoked_as()} rebuild {root} {days[0]} {days[-1]}", whole=True)
    ctx.exit(ExitCode.ALL if done.is_whole else ExitCode.PARTIAL)


def _print(done: ImportReport) -> None:
    console = results()
    print_facts(
        console,
        [("files", f"{done.files:,}"), ("taken", f"{len(done.imported):,} documents"), ("there before", f"{done.known:,}")],
    )
    if done.refused:
        print_title(console, "Not taken")
        kinds = Counter(one.kind for one in done.refused)
        print_counted(console, ((number, kind, meaning(REFUSALS, kind)) for kind, number in kinds.most_common()))
        for one in done.refused[:_SHOWN]:
            print_text(console, f"{one.path}: {one.why}", indent=" " * 6, style="dim")
    if done.conflicts:
        print_title(console, "In conflict: all kept, the last of each is used")
        for conflict in done.conflicts[:_SHOWN]:
            copies = ", ".join(copy.path or "the archive" for copy in conflict.copies)
            print_text(console, f"{conflict.name}: {copies}", indent="  ")
