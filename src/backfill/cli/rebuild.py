"""``backfill rebuild``: make snapshots anew from the archive."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Unpack

import click

from backfill.cli.options import (
    as_json,
    executor_of,
    existing,
    processes_option,
    range_arguments,
    root_argument,
    several,
    talking,
)
from backfill.cli.working import Means, at_work


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
    **means: Unpack[Means],
) -> None:
    """Make the snapshots of START to END in ROOT anew from the raw documents; nothing is asked of the publisher.

    Each record is made from the documents that it names; the same rules give the same bytes. What is lost is made from the newest
    documents that the archive has.
    """
    with executor_of(processes) as executor, at_work(existing(root), executor=executor, **means) as work:
        report = work.watch(lambda: work.service.rebuild(start, end, districts=districts or None))
        work.print(report)
    ctx.exit(work.code(report))
