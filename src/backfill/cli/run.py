"""``backfill run``: collect a range of past days."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.options import Asked, as_json, request_options, root_argument, several, talking
from backfill.cli.planned import headline
from backfill.cli.working import at_work


@click.command(short_help="Collect a range of past days.")
@several(root_argument, request_options, as_json, talking)
@click.pass_context
def command(ctx: click.Context, /, root: Path, *, json_: bool, verbose: int, quiet: bool, **options: object) -> None:
    """Collect START to END (YYYY-MM-DD; END defaults to START) into the folder ROOT.

    What is stored, settled and full enough is not collected again: run the same command once more to go on, or to try again
    what failed. A job that was interrupted, by a kill say, is gone on with first. Ctrl-C stops cleanly.
    """
    asked = Asked(**options)  # type: ignore[arg-type] # click has converted each option to its type
    with at_work(root, base_url=asked.base_url, rate=asked.rate, json_=json_, verbose=verbose, quiet=quiet) as work:
        work.go_on_first()
        plan = work.service.plan(asked.request())
        for line in headline(plan):
            work.talk.say(line)
        report = work.watch(lambda: work.service.initiate_backfill(plan))
        work.print(report)
    ctx.exit(work.code(report))
