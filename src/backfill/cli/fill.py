"""``backfill fill``: collect what is missing and can be had."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import (
    as_day,
    as_json,
    district_option,
    existing,
    frequency_option,
    opened,
    publisher_options,
    root_argument,
    several,
    talk,
    talking,
)
from backfill.cli.printing import print_json
from backfill.cli.reported import print_report, resume_command
from backfill.cli.running import exit_code, go_on_first, watch
from backfill.cli.stopping import Stopping
from backfill.errors import InvalidRequest


@click.command(short_help="Collect what is missing and can be had.")
@several(
    root_argument,
    click.argument("start", type=as_day),
    click.argument("end", type=as_day),
    district_option,
    frequency_option,
    publisher_options,
    as_json,
    talking,
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    root: Path,
    start: date,
    end: date,
    districts: tuple[str, ...],
    *,
    frequency: str,
    base_url: str,
    rate: float,
    json_: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Collect of START to END what `backfill coverage` shows as failed or never tried, in the detail in which the rest is stored.

    What is known not to have been published is not asked for again.
    """
    with (
        talk(verbose=verbose, quiet=quiet) as talking_,
        Stopping() as stopping,
        opened(existing(root), base_url, rate) as service,
    ):
        go_on_first(service, talking_, stopping=stopping)
        coverage = service.coverage(start, end, districts=districts or None, frequency=frequency)
        try:
            report = watch(lambda: service.fill_gaps(coverage), talking_.console, quiet=quiet, stopping=stopping)
        except InvalidRequest as error:
            if error.field != "coverage":
                raise
            if json_:
                print_json(None)
            else:
                results().print(f"Of {start} to {end} nothing is missing that can be had.", soft_wrap=True)
            ctx.exit(ExitCode.ALL)
        if json_:
            print_json(report)
        else:
            print_report(report, service.jobs.load(report.backfill_id).spec.plan, again=resume_command(root, report))
    ctx.exit(exit_code(report, stopping))
