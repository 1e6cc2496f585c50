"""``backfill prune``: forget stored days by a rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.options import as_day, as_json, existing, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_facts, print_json
from backfill.history.pruning import Pruning, month_ends
from backfill.model.checks import last_of_month
from backfill.wording import listing, plural, size

RULES: dict[str, Callable[[date], bool]] = {
    "month-ends": month_ends,
    "month-ends-only": lambda day: day == last_of_month(day),
    "nothing": lambda _day: False,
}
"""What is kept, by the words of the command line."""


@click.command(short_help="Remove stored days, but for month ends.")
@several(
    root_argument,
    click.argument("start", type=as_day),
    click.argument("end", type=as_day),
    click.option(
        "--keep", type=click.Choice(list(RULES)), default="month-ends", show_default=True,
        help="What stays: the last of each month and the day before, the last of each month alone, or nothing.",
    ),
    click.option("--dry-run", is_flag=True, help="Remove nothing, and tell what would be."),
    click.option("--archive", is_flag=True, help="Remove the raw documents of the removed days, too: for good."),
    as_json,
    talking,
)  # fmt: skip
def command(
    root: Path,
    start: date,
    end: date,
    *,
    keep: str,
    dry_run: bool,
    archive: bool,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Remove the stored days from START to END in ROOT, but for those that stay by a rule or are needed by a job.

    The raw documents stay, so that `backfill rebuild` brings removed days back; unless --archive removes them, too.
    """
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        done = service.prune(start, end, keep=RULES[keep], dry_run=dry_run, archive=archive)
    print_json(done) if json_ else _print(done)


def _print(done: Pruning) -> None:
    verb = "would be removed" if done.is_dry else "removed"
    names = tuple(day.isoformat() for day in done.removed)
    facts = [(verb, f"{plural(len(names), 'day')}, {size(done.bytes)}{f': {listing(names, 6)}' if names else ''}")]
    facts.append(("kept", plural(len(done.kept), "day")))
    if done.needed:
        facts.append(("needed by jobs", listing(tuple(day.isoformat() for day in done.needed))))
    print_facts(results(), facts)
