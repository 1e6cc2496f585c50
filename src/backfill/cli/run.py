"""``backfill run``: collect a range of past days."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.options import Asked, as_json, opened, request_options, root_argument, several, talk, talking
from backfill.cli.planned import headline
from backfill.cli.printing import print_json
from backfill.cli.reported import print_report, resume_command
from backfill.cli.running import carry_out, exit_code, go_on_first
from backfill.cli.stopping import Stopping


@click.command(short_help="Collect a range of past days.")
@several(root_argument, request_options, as_json, talking)
@click.pass_context
def command(ctx: click.Context, /, root: Path, *, json_: bool, verbose: int, quiet: bool, **options: object) -> None:
    """Collect START to END (YYYY-MM-DD; END defaults to START) into the folder ROOT.

    What is stored, settled and full enough is not collected again: run the same command once more to go on, or to try again
    what failed. A job that was interrupted, by a kill say, is gone on with first. Ctrl-C stops cleanly.
    """
    asked = Asked(**options)  # type: ignore[arg-type] # click has converted each option to its type
    with (
        talk(verbose=verbose, quiet=quiet) as talking_,
        Stopping() as stopping,
        opened(root, asked.base_url, asked.rate) as service,
    ):
        go_on_first(service, talking_, stopping=stopping)
        plan = service.plan(asked.request())
        for line in headline(plan):
            talking_.say(line)
        report = carry_out(service, plan, talking_.console, quiet=quiet, stopping=stopping)
        if json_:
            print_json(report)
        else:
            print_report(report, plan, again=resume_command(root, report))
    ctx.exit(exit_code(report, stopping))
