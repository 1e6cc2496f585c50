"""How the tests call the command: in this process, or as the program that a user starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from backfill.cli.app import app
from backfill.testing.dashboard import DashboardServer

PROGRAM = Path(sys.executable).with_name("backfill")
"""The installed entry point."""

YEAR = ("2022-07-31", "2023-06-30", "--frequency", "month-end")
"""The month-ends of which the archive has everything in summary."""

MONTH_ENDS = (
    "2022-07-31", "2022-08-31", "2022-09-30", "2022-10-31", "2022-11-30", "2022-12-31",
    "2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31", "2023-06-30",
)  # fmt: skip

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def call(*arguments: object) -> Result:
    """Call the command in this process, as if neither output were a terminal."""
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def at(server: DashboardServer) -> tuple[str, ...]:
    """Return the options that point the command to *server*, without a limit and without second attempts."""
    return ("--base-url", server.url, "--rate", "none", "--no-retry")


def environment(**extra: str) -> Mapping[str, str]:
    """Return an environment in which the program behaves alike wherever the tests run."""
    dropped = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "PYTHONWARNINGS"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "TERM": "dumb", "PYTHONIOENCODING": "utf-8", **extra}


def start(*arguments: object, folder: Path, **extra: str) -> subprocess.Popen[str]:
    """Start the program as a user does, with its outputs in pipes."""
    return subprocess.Popen(
        [PROGRAM, *map(str, arguments)],
        cwd=folder,
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def plain(text: str) -> str:
    """Return what a terminal was sent without what steers it."""
    return _ESCAPES.sub("", text)
