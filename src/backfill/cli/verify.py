"""``backfill verify``: whether what is stored is what the archive gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import (
    as_json,
    executor_of,
    existing,
    opened,
    processes_option,
    range_arguments,
    root_argument,
    several,
    talk,
    talking,
)
from backfill.cli.printing import print_counted, print_facts, print_json, print_text, print_title
from backfill.model import Difference, Verification
from backfill.wording import CAUSES, meaning, plural

SHOWN = 20
"""So many differences are printed; --json has all."""

SHOWN_DAYS = 5
"""So many days that are not there are named."""


@click.command(short_help="Prove that what is stored is what the archive gives.")
@several(root_argument, range_arguments, processes_option, as_json, talking)
@click.pass_context
def command(
    ctx: click.Context,
    root: Path,
    start: date,
    end: date | None,
    districts: tuple[str, ...],
    *,
    processes: int,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Make everything stored of START to END in ROOT anew in memory, compare it byte for byte, and tell what differs, and why.

    Nothing is changed, and nothing asked of the publisher. Ends with 1 when something differs.
    """
    with (
        talk(verbose=verbose, quiet=quiet),
        executor_of(processes) as executor,
        opened(existing(root), executor=executor) as service,
    ):
        found = service.verify(start, end, districts=districts or None)
    print_json(found) if json_ else _print(found)
    ctx.exit(ExitCode.ALL if found.is_proved else ExitCode.PARTIAL)


def _print(found: Verification) -> None:
    console = results()
    looked = f"{plural(found.records, 'record')} and {plural(found.summaries, 'summary', 'summaries')}"
    facts = [("days", f"{found.days:,}"), ("looked at", looked), ("the same", f"{found.same:,}, byte for byte")]
    if found.absent:
        days = ", ".join(map(str, found.absent[:SHOWN_DAYS])) + (" …" if len(found.absent) > SHOWN_DAYS else "")
        facts.append(("not there", f"{plural(len(found.absent), 'day')} that a job has stored: pruned, or lost ({days})"))
    print_facts(console, facts)
    if found.is_proved:
        return
    print_title(console, "Not so")
    print_counted(console, ((number, cause, meaning(CAUSES, cause)) for cause, number in found.causes.items()))
    print_title(console, "Where")
    for one in found.differences[:SHOWN]:
        print_text(console, f"{_where(one)}: {one.cause}: {one.message}", indent="  ")
    if len(found.differences) > SHOWN:
        console.print(f"  … and {len(found.differences) - SHOWN:,} more; --json has them all")


def _where(one: Difference) -> str:
    return " ".join(filter(None, [one.day.isoformat(), one.district, one.name]))
