"""``backfill check``: is everything stored still there, and as it was written?"""

from __future__ import annotations

import re
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.exits import ExitCode
from backfill.cli.options import as_json, existing, root_argument, several, talk, talking
from backfill.cli.printing import print_command, print_json
from backfill.errors import StoreUnavailable
from backfill.stores import CheckReport, check

_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)")


def as_share(text: str) -> float:
    """Return a share from 0 to 1, written as 10% or 0.1; a type for click.

    Raises:
        click.BadParameter: It is none.
    """
    found = _SHARE.fullmatch(text)
    share = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= share <= 1:
        message = f"{text!r} is not a share from 0% to 100%; write for instance 10% or 0.1."
        raise click.BadParameter(message)
    return share


def snapshots_of(root: Path) -> Path:
    """Return where a folder has its snapshots.

    Raises:
        StoreUnavailable: It has none.
    """
    snapshots = existing(root) / "snapshots"
    if not snapshots.is_dir():
        message = (
            f"{root} has no folder snapshots: nothing is stored there; name a folder in which `backfill run` has stored a day"
        )
        raise StoreUnavailable(message)
    return snapshots


@click.command(short_help="Check that all that is stored is whole.")
@several(
    root_argument,
    click.option("--data", is_flag=True, help="Read every file as well, and compare its SHA-256."),
    click.option("--sample", type=as_share, metavar="SHARE", help="Read that share of the files, such as 10%."),
    as_json,
    talking,
)
@click.pass_context
def command(
    ctx: click.Context, /, root: Path, *, data: bool, sample: float | None, json_: bool, verbose: int, quiet: bool
) -> None:
    """Look over the snapshots of ROOT and say what is not as it should be. Nothing is written, nor repaired.

    Exit code 0: all is well. 1: nothing is lost, but there is something for `backfill repair`, or that is not ours. 3: something
    stored is damaged; it heals when its day is collected again.
    """
    if data and sample is not None:
        raise click.UsageError("--data reads all files and --sample some; choose one.")
    with talk(verbose=verbose, quiet=quiet):
        report = check(snapshots_of(root), data=data, sample=sample)
    if json_:
        print_json(report)
    else:
        for line in str(report).splitlines():
            print_command(results(), line)
    ctx.exit(_code(report))


def _code(report: CheckReport) -> ExitCode:
    if report.of("damaged"):
        return ExitCode.FAILED
    return ExitCode.ALL if report.ok else ExitCode.PARTIAL
