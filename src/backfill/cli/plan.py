"""``backfill plan``: what `backfill run` would do."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.options import Asked, as_json, opened, request_options, root_argument, several, talk, talking
from backfill.cli.planned import print_plan
from backfill.cli.printing import print_json
from backfill.cli.stopping import Stopping


@click.command(short_help="Say what a run would do, without doing it.")
@several(root_argument, request_options)
@click.option("--resolve", is_flag=True, help="List the districts of each day first. This does ask the publisher.")
@several(as_json, talking)
def command(root: Path, *, resolve: bool, json_: bool, verbose: int, quiet: bool, **options: object) -> None:
    """Say what `backfill run` with the same arguments would do. Nothing is asked of the publisher, and nothing is written."""
    asked = Asked(**options)  # type: ignore[arg-type] # click has converted each option to its type
    with talk(verbose=verbose, quiet=quiet), Stopping(raising=True), opened(root, asked.base_url, asked.rate) as service:
        plan = service.plan(asked.request(), resolve=resolve)
    if json_:
        print_json(plan)
    else:
        print_plan(results(), plan)
