"""Serve a service over HTTP: mounted below /backfill of an application of your own, whose page shows the live panel.

Under uvicorn, on this machine only. Collects the weather of 2013 at New York's airports from the little server of examples/flights. Needs the extra "serve". Run it:

    python examples/web/serve.py

open the address that it prints, and press the button; or, in another terminal, start a job and listen to it:

    curl -si -H 'Content-Type: application/json' -d '{"startDate": "2013-01-01", "endDate": "2013-01-31", "targetDistricts": ["JFK", "LGA"]}' http://127.0.0.1:8000/backfill/backfills
    curl -N 'http://127.0.0.1:8000/backfill/events?after=0'
"""

from __future__ import annotations

import argparse
import hmac
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

sys.path.insert(0, str(Path(__file__).parents[1] / "flights"))
from backfill import BackfillService
from backfill.fetching import PoliteFetcher
from backfill.stores import MemorySnapshotStore
from backfill.web import create_app, everybody
from backfill_weather import WeatherSource
from server import WeatherServer

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>The weather of 2013</title><link rel="icon" href="data:,"></head>
<body>
<main>
<backfill-button start-date="2013-01-01" end-date="2013-01-31" districts="JFK, LGA">January at JFK and LaGuardia</backfill-button>
<backfill-panel></backfill-panel>
</main>
<script type="module" src="/backfill/panel.js"></script>
</body>
</html>
"""


def only_with(token: str) -> Callable[[Request], bool]:
    """Return what lets in who knows *token*."""

    def authorize(request: Request) -> bool:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())

    return authorize


def host(service: BackfillService, token: str | None) -> Starlette:
    """Return your application: a page of its own with the panel, and the service's interface below /backfill."""
    interface = create_app(service, authorize=only_with(token) if token else everybody)
    return Starlette(routes=[Route("/", lambda _request: HTMLResponse(PAGE)), Mount("/backfill", interface)])


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000, help="where to listen; 0 = any that is free (8000)")
    parser.add_argument("--token", help="let in only who sends it as a bearer token; without it, everybody on this machine")
    arguments = parser.parse_args()
    fetcher = PoliteFetcher(rate=200)
    with (
        WeatherServer() as weather,
        closing(fetcher),
        BackfillService(WeatherSource(weather.url), MemorySnapshotStore(), fetch=fetcher) as service,
        socket.create_server(("127.0.0.1", arguments.port)) as listening,
    ):
        print(
            f"http://127.0.0.1:{listening.getsockname()[1]}/ shows the panel, /backfill/docs what else there is; stop with Ctrl-C",
            flush=True,
        )
        # open streams would keep a server from ending: it waits for them this many seconds
        config = uvicorn.Config(host(service, arguments.token), log_level="warning", timeout_graceful_shutdown=2)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
