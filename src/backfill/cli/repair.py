"""``backfill repair``: finish or undo what an interrupted writer has left."""

from __future__ import annotations

from pathlib import Path

import click

from backfill.cli.check import snapshots_of
from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import as_json, root_argument, several, talk, talking
from backfill.cli.printing import print_command, print_json
from backfill.stores import ProblemKind, RepairReport, repair


@click.command(short_help="Finish or undo an interrupted publish.")
@several(root_argument, as_json, talking)
@click.pass_context
def command(ctx: click.Context, /, root: Path, *, json_: bool, verbose: int, quiet: bool) -> None:
    """Roll an interrupted publish back or forward, and remove what nobody uses any more. No stored day is touched.

    The next command that stores something does the same. What is damaged stays damaged.

    Exit code 0: all is put right. 1: something is left over that cannot be removed. 3: a day cannot be put right, since what an
    interrupted writer has left of it is damaged.
    """
    with talk(verbose=verbose, quiet=quiet):
        report = repair(snapshots_of(root))
    if json_:
        print_json(report)
    else:
        for line in str(report).splitlines():
            print_command(results(), line)
    ctx.exit(_code(report))


def _code(report: RepairReport) -> ExitCode:
    if any(problem.kind is ProblemKind.DAMAGED for problem in report.left):
        return ExitCode.FAILED
    return ExitCode.PARTIAL if report.left else ExitCode.ALL
