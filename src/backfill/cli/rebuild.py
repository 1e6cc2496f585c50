"""``backfill rebuild``: make snapshots anew from the archive."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

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
from backfill.cli.printing import print_json
from backfill.cli.reported import print_rebuilt
from backfill.cli.running import exit_code, watch
from backfill.cli.stopping import Stopping


@click.command(short_help="Make snapshots anew from the archive, without the publisher.")
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
    """Make the snapshots of START to END in ROOT anew from the raw documents; nothing is asked of the publisher.

    Each record is made from the documents that it names; the same rules give the same bytes. What is lost is made from the newest
    documents that the archive has.
    """
    with (
        talk(verbose=verbose, quiet=quiet) as talking_,
        Stopping() as stopping,
        executor_of(processes) as executor,
        opened(existing(root)) as service,
    ):
        report = watch(
            lambda: service.rebuild(start, end, districts=districts or None, executor=executor),
            talking_.console,
            quiet=quiet,
            stopping=stopping,
        )
        print_json(report) if json_ else print_rebuilt(report)
    ctx.exit(exit_code(report, stopping))
