"""``backfill demo``: a year rebuilt on this machine, from a server that plays the dashboard.

The one module of the package that uses `backfill.testing`: the demo needs a dashboard, and the tests' server is one.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from backfill.cli.console import results
from backfill.cli.demo_facts import FIGURES, DemoFacts, gather
from backfill.cli.demo_parts import PARTS, Outcome, Part
from backfill.cli.demo_summary import print_summary
from backfill.cli.exits import ExitCode
from backfill.cli.options import Talk, as_json, opened, talk, talking
from backfill.cli.planned import headline
from backfill.cli.printing import print_json
from backfill.cli.running import carry_out
from backfill.cli.stopping import Stopping
from backfill.errors import InvalidRequest
from backfill.model import BackfillStatus
from backfill.testing.dashboard import DashboardServer
from backfill.toastmasters import DashboardService

RATE = 30.0
"""Requests a second: fast enough for whoever waits, slow enough to be seen. The server is ours, and on this machine."""

DEFAULT_ROOT = "backfill-demo"
MARK = "ABOUT.txt"

_ABOUT = f"""This folder was made by `backfill demo`.

Its figures are {FIGURES}.
Try things out with them, and cite nothing. backfill/testing/data/PROVENANCE.md of the package says where each is from.

Delete the folder whenever you like.
"""

_WELCOME = (
    "A server on this machine plays the public dashboard of Toastmasters districts: no network is used. "
    "The figures are real, but RECONSTRUCTED from what others published, and partly SYNTHETIC: cite nothing."
)
_INDENT = " " * 5


@click.command(short_help="Rebuild a year on this machine, without a network.")
@click.option(
    "--root", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_ROOT, show_default=True, help="Where to."
)
@as_json
@talking
@click.pass_context
def command(ctx: click.Context, /, root: Path, *, json_: bool, verbose: int, quiet: bool) -> None:
    """Rebuild the program year 2022-23 from a server on this machine, and show what came of it. Takes seconds; needs no network."""
    began = time.monotonic()
    _mark(root)
    with (
        talk(verbose=verbose, quiet=quiet) as talking_,
        Stopping() as stopping,
        DashboardServer() as server,
        opened(root, server.url, RATE) as service,
    ):
        talking_.say(_WELCOME, style="dim")
        outcomes = []
        for number, part in enumerate(PARTS, 1):
            talking_.say()
            talking_.say(f"{number}/{len(PARTS)}  {part.title}", style="bold")
            outcomes.append(_do(part, service, root, talking_, stopping))
            if stopping.code is not None:
                break
        facts = gather(service, str(root), outcomes, server.counts, rate=RATE, seconds=time.monotonic() - began)
    print_json(facts) if json_ else print_summary(results(), facts)
    ctx.exit(exit_code(facts) if stopping.code is None else stopping.code)


def _mark(root: Path) -> None:
    """Make the folder, and write into it of which kind its figures are.

    Raises:
        InvalidRequest: It is there and holds something else, which figures of this kind must not get into.
    """
    mark = root / MARK
    if mark.exists():
        return
    if root.is_dir() and any(root.iterdir()):
        raise InvalidRequest(
            "--root", str(root), "the folder holds something that no demo has made", "name one that does not exist yet"
        )
    root.mkdir(parents=True, exist_ok=True)
    mark.write_text(_ABOUT, encoding="utf-8")


def _do(part: Part, service: DashboardService, root: Path, talking_: Talk, stopping: Stopping) -> Outcome:
    plan = service.plan(part.request())
    if part.is_done(service.store, plan):
        talking_.say("Collected before, and not collected again.", indent=_INDENT)
        return Outcome(part, plan, None)
    talking_.say(f"$ {part.command(str(root))}", indent=_INDENT, style="dim", whole=True)
    for line in headline(plan):
        talking_.say(line, indent=_INDENT, style="dim")
    return Outcome(part, plan, carry_out(service, plan, talking_.console, quiet=talking_.quiet, stopping=stopping))


def exit_code(facts: DemoFacts) -> ExitCode:
    """Return the exit code: a demo that shows failures of single districts has done what it should."""
    failed = any(part.report is not None and part.report.status is BackfillStatus.ERROR for part in facts.parts)
    return ExitCode.FAILED if failed else ExitCode.ALL
