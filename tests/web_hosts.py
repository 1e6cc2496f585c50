"""Real servers for tests: an ASGI or a WSGI application on a loopback port of its own, and what every host must show."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import uvicorn
from starlette.requests import Request

from backfill import BackfillService
from backfill.web import WebLimits, create_app
from service_doubles import PATIENCE, GatedSource, serving, until
from web_client import App, Client

USER = {"X-User": "ada"}
LIMITS = WebLimits(poll_seconds=0.01, heartbeat_seconds=0.05)


def known(request: Request) -> bool:
    """Let in who says who they are."""
    return request.headers.get("x-user") == "ada"


@contextmanager
def uvicorn_serving(app: App, port: int = 0) -> Iterator[str]:
    """Serve an ASGI application with uvicorn at a port (0 = any), and return where."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


class _Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def wsgi_serving(app: Callable[..., Any]) -> Iterator[str]:
    """Serve a WSGI application with a thread for each request, and return where."""
    with make_server("127.0.0.1", 0, app, server_class=_Threading, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(PATIENCE)


@contextmanager
def offered() -> Iterator[tuple[BackfillService, GatedSource, App]]:
    """Hand out a service whose units wait at a gate, and its application, which knows one user."""
    source = GatedSource()
    with serving(source) as service:
        try:
            yield service, source, create_app(service, authorize=known, limits=LIMITS)
        finally:
            source.gate.set()


def exercise(url: str, source: GatedSource, app: App, root: str = "/bf") -> None:
    """Use an application that is mounted at *root* of a server as its users would; every answer is held against the document."""
    checker = Client(app, root=root, headers=USER)
    with httpx.Client(base_url=url, headers=USER, timeout=PATIENCE, trust_env=False) as client:

        def ask(method: str, path: str, **options: object) -> httpx.Response:
            response = client.request(method, root + path, **options)  # type: ignore[arg-type] # of any kind
            checker.check(method, path.partition("?")[0], response)
            return response

        assert ask("GET", "/openapi.json").json()["servers"] == [{"url": root or "/"}]
        assert ask("GET", "/health", headers={"X-User": "eve"}).status_code == 403
        body = {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]}
        assert ask("POST", "/backfills", json=body, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        started = ask("POST", "/backfills", json=body)
        assert started.status_code == 202
        assert started.headers["location"].startswith(root + "/backfills/")
        path = started.headers["location"].removeprefix(root)
        received = _listen(client, f"{root}{path}/events", source)
        assert received.endswith("event: end\ndata: {}\n\n")
        ended = ask("GET", path)
        assert ended.json()["status"] == "complete"
        assert ask("GET", path, headers={"If-None-Match": ended.headers["etag"]}).status_code == 304
        assert ask("GET", "/snapshots/2026-01-05/districts/A").json()["districtId"] == "A"
        assert f"{root}/openapi.json" in ask("GET", "/docs").text
        for way in ("/snapshots/..%2f..%2fetc", "/snapshots/%2e%2e/health", "/nowhere"):
            assert client.get(root + way).status_code == 404


def _listen(client: httpx.Client, path: str, source: GatedSource) -> str:
    """Listen to a job's events: the first must come while its units still wait, or they are not live."""
    received = ""
    with client.stream("GET", path) as stream:
        assert stream.status_code == 200
        for text in stream.iter_text():
            received += text
            if '"status":"processing"' in received and ": alive" in received:
                source.gate.set()
    assert '"status":"complete"' in received
    return received


def drop_streams(url: str, count: int, metrics: Callable[[], str], headers: Mapping[str, str] = USER) -> None:
    """Open so many streams and go away from each; their places must come back."""
    for _ in range(count):
        with httpx.stream("GET", url, headers=dict(headers), timeout=PATIENCE, trust_env=False) as stream:
            assert next(stream.iter_text()).startswith("retry:")
    until(lambda: 'backfill_http_streams{operation="backfill"} 0' in metrics())


def as_app(app: object) -> App:
    """Return *app* as what a server takes."""
    return cast("App", app)
