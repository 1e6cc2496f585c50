"""`backfill serve` as a process, as a user runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backfill.testing.dashboard import DashboardServer
from cli_running import start
from service_doubles import PATIENCE


def launch(root: Path, dashboard: DashboardServer, *options: object, rate: object = "none") -> tuple[subprocess.Popen[str], str]:
    """Start the server over a folder, and return it with where it serves."""
    given = ("--port", 0) if "--port" not in options else ()
    process = start("serve", root, "--base-url", dashboard.url, "--rate", rate, *given, *options, folder=root.parent)
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line.endswith("/panel"):
        out, errors = process.communicate(timeout=PATIENCE)
        raise AssertionError(line + out + errors)
    return process, line.removesuffix("/panel")


@contextmanager
def launched(
    root: Path, dashboard: DashboardServer, *options: object, rate: object = "none"
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the server, and make sure that it has ended afterwards."""
    process, url = launch(root, dashboard, *options, rate=rate)
    try:
        yield process, url
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE)
