"""``backfill rerank``: make the rankings of days anew."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import as_day, as_json, existing, opened, root_argument, several, talk, talking
from backfill.cli.printing import print_facts, print_json
from backfill.wording import plural


@click.command(short_help="Make the rankings of days anew from the archive.")
@several(
    root_argument, click.argument("start", type=as_day), click.argument("end", type=as_day, required=False), as_json, talking
)
@click.pass_context
def command(ctx: click.Context, root: Path, start: date, end: date | None, *, json_: bool, verbose: int, quiet: bool) -> None:
    """Make the rankings of the stored days from START to END in ROOT anew, by the rules of today; no district is touched."""
    with talk(verbose=verbose, quiet=quiet), opened(existing(root)) as service:
        done = service.rerank(start, end)
    if json_:
        print_json(done)
    else:
        facts = [("changed", plural(len(done.changed), "day")), ("the same", plural(len(done.same), "day"))]
        facts += [(f"failed {day}", why) for day, why in done.failed.items()]
        print_facts(results(), facts)
    ctx.exit(ExitCode.PARTIAL if done.failed else ExitCode.ALL)
