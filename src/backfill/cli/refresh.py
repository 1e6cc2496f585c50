"""``backfill refresh``: collect the newest day there is."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import as_json, district_option, opened, publisher_options, root_argument, several, talk, talking
from backfill.cli.printing import print_facts, print_json
from backfill.cli.stopping import Stopping
from backfill.model import SnapshotStatus
from backfill.wording import listing, plural


@click.command(short_help="Collect the newest day there is.")
@several(root_argument, district_option, publisher_options, as_json, talking)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    root: Path,
    districts: tuple[str, ...],
    *,
    base_url: str,
    rate: float,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Collect the newest day that the dashboard has: yesterday, or up to three days before it.

    Named or configured districts are collected in full, all districts in summary. What is stored has the form that
    `backfill run` stores.
    """
    with talk(verbose=verbose, quiet=quiet) as talking_, Stopping(raising=True), opened(root, base_url, rate) as service:
        scope = service.configuration.resolve(districts or None)
        for doubt in scope.excluded:
            talking_.say(f"Left out: {doubt.text}, which {doubt.why}.")
        talking_.say("Looking for the newest day …")
        info = service.refresh_service.refresh(service.store, scope.districts)
    if json_:
        print_json(info)
    else:
        facts = [
            ("day", f"{info.day} ({info.status})"),
            ("stored", plural(len(info.stored), "district")),
            ("unchanged", plural(len(info.kept), "district")),
        ]
        if info.missing:
            facts.append(("failed", listing(info.missing)))
        print_facts(results(), facts)
    ctx.exit(ExitCode.ALL if info.status is SnapshotStatus.SUCCESS else ExitCode.PARTIAL)
