"""The command: the server in the foreground, until it is interrupted."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from datetime import date

from backfill.errors import BackfillError
from backfill.testing.dashboard.server import DashboardServer


def main(arguments: Sequence[str] | None = None, stop: threading.Event | None = None) -> None:
    """Run the server in the foreground, until Ctrl-C or until *stop* is set. Prints the address."""
    parser = argparse.ArgumentParser(
        prog="python -m backfill.testing.dashboard", description="Serve an archive of dashboard reports."
    )
    parser.add_argument("--archive", help="a folder or a zip file (default: the archive that comes with the package)")
    parser.add_argument("--today", type=date.fromisoformat, help="the day on which the dashboard stands, YYYY-MM-DD")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="the port; 0 is any free one (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        server = DashboardServer(options.archive, today=options.today, host=options.host, port=options.port)
        server.start()
    except BackfillError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot listen on {options.host}:{options.port} ({error.strerror}); choose another --port")
    print(f"The dashboard of {server.today} is at {server.url}", flush=True)  # noqa: T201 - a command's output
    try:
        (stop or threading.Event()).wait()
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        server.stop()
