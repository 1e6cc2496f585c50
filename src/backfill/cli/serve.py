"""``backfill serve``: the interface and the panel of a folder, for a browser."""

from __future__ import annotations

import logging
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from backfill.cli.options import Talk, opened, publisher_options, root_argument, several, talk, talking
from backfill.cli.stopping import Stopping
from backfill.errors import BackfillError, InvalidRequest

if TYPE_CHECKING:
    from backfill.toastmasters import DashboardService
    from backfill.web.security import Authorize

logger = logging.getLogger("backfill.cli")

LOOK_SECONDS = 0.1
"""How often a signal is looked for."""

TAKE_OVER_SECONDS = 3.0
"""How often jobs are looked for whose process has ended."""


@click.command(short_help="Serve the live panel and the HTTP interface.")
@several(root_argument, publisher_options, talking)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 = any that is free.")
@click.option(
    "--authorize",
    metavar="MODULE:FUNCTION",
    help="Decides who may ask; needed where others than this machine can reach the address.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="A further name under which it may be asked, for instance jobs.example.org.",
)
@click.pass_context
def command(
    ctx: click.Context, /, root: Path, *, host: str, port: int, authorize: str | None, names: tuple[str, ...], base_url: str, rate: float, verbose: int, quiet: bool
) -> None:  # fmt: skip
    """Serve the folder ROOT over HTTP: the live panel at /panel, the interface described at /docs.

    Interrupted jobs of the folder go on, those of other processes as well as soon as these have ended. Only this machine can reach it, unless --host says otherwise; then --authorize has to name a
    function that is given each request and returns whether it may be carried out. Ctrl-C stops cleanly: jobs go on when it is started again.
    """
    from backfill.web import Server  # noqa: PLC0415 - needs an extra, and is used here only

    decides = None if authorize is None else load_function(authorize)
    with (
        talk(verbose=verbose, quiet=quiet) as talking_,
        Stopping() as stopping,
        opened(root, base_url, rate) as service,
        Server(service, host=host, port=port, authorize=decides, names=names) as server,
    ):
        service.resume_interrupted()
        click.echo(f"{server.url}/panel")
        talking_.say("Stop with Ctrl-C.")
        looked = time.monotonic()
        while stopping.code is None and server.wait(LOOK_SECONDS):
            if time.monotonic() - looked > TAKE_OVER_SECONDS:
                _take_over(service, talking_)
                looked = time.monotonic()
        talking_.say("Stopping: what is in flight ends, jobs go on when it is started again.")
    ctx.exit(stopping.code or 0)


def _take_over(service: DashboardService, talking_: Talk) -> None:
    """Go on with jobs of other processes that have ended meanwhile; nobody else may be there who would."""
    try:
        for job in service.resume_jobs():
            talking_.say(f"Goes on with job {job.backfill_id}, whose process has ended.")
    except BackfillError as error:  # a full disk, for instance: the interface goes on, and the next look may succeed
        logger.warning("interrupted jobs cannot be taken over now: %s", error)


def load_function(text: str) -> Authorize:
    """Return the function that *text* names, from the working directory or from what is installed.

    Raises:
        InvalidRequest: There is none.
    """
    module, _, name = text.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise InvalidRequest(
            "authorize", text, "not of the form MODULE:FUNCTION", "write for instance access:allowed, for access.py"
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        remedy = "run it where the module lies, or install it"
        raise InvalidRequest("authorize", text, f"there is no module {error.name}", remedy) from None
    except Exception as error:  # whatever the code of a module that is imported raises, a syntax error too
        rule = f"{module} cannot be imported: {type(error).__name__}: {error}"
        raise InvalidRequest("authorize", text, rule, f"mend it until `python -c 'import {module}'` succeeds") from error
    found: object = getattr(loaded, name, None)
    if found is None:
        raise InvalidRequest("authorize", text, f"{module} has no {name}", "name a function of it")
    if not callable(found):
        raise InvalidRequest(
            "authorize", text, "not a function", "name one that takes a request and returns True or False, or who asks"
        )
    return cast("Authorize", found)
