"""Over a real socket, alone and mounted in the frameworks that people have: the same answers, and events that come live."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any
from wsgiref.util import is_hop_by_hop, setup_testing_defaults

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from backfill.web import as_wsgi
from service_doubles import PATIENCE
from web_hosts import USER, as_app, drop_streams, exercise, offered, uvicorn_serving, wsgi_serving

Start = Callable[..., Any]


def mounted(inner: Start, prefix: str = "/bf") -> Start:
    """Return a WSGI application that hands what is below *prefix* to *inner*, as werkzeug's DispatcherMiddleware does."""

    def outer(environ: dict[str, Any], start_response: Start) -> Any:
        if environ["PATH_INFO"].startswith(prefix + "/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(prefix)
            return inner(environ, start_response)
        start_response("404 Not Found", [("Content-Length", "0")])
        return [b""]

    return outer


def test_alone_under_uvicorn() -> None:
    """Served by itself the application answers at the root, and its events come while the job runs. [R8.1, R9.5, P8]"""
    with offered() as (_, source, app), uvicorn_serving(app) as url:
        exercise(url, source, app, root="")


def test_mounted_in_starlette() -> None:
    """Mounted in a Starlette application, addresses and the document have its prefix. [R8.1, P8]"""
    with offered() as (_, source, app), uvicorn_serving(as_app(Starlette(routes=[Mount("/bf", app)]))) as url:
        exercise(url, source, app)


def test_bridged_to_wsgi() -> None:
    """As a WSGI application below a prefix it does the same, events included. [R8.1, R9.5, P8]"""
    with offered() as (_, source, app), closing(as_wsgi(app)) as bridge, wsgi_serving(mounted(bridge)) as url:
        exercise(url, source, app)


@pytest.mark.parametrize("way", ["asgi", "wsgi"])
def test_streams_that_clients_leave_are_let_go(way: str) -> None:
    """Twenty clients that open a stream and go leave nothing behind, under ASGI and under WSGI. [R9.2, R8.5]"""
    with (
        offered() as (_, _source, app),
        closing(as_wsgi(app)) as bridge,
        uvicorn_serving(app) if way == "asgi" else wsgi_serving(bridge) as url,
    ):
        drop_streams(f"{url}/events", 20, lambda: httpx.get(f"{url}/metrics", headers=USER, trust_env=False).text)


def test_a_bridge_ends_what_it_started() -> None:
    """Closing the bridge ends open streams and its thread, twice over without harm; a later request starts anew. [R8.1, R9.5]"""
    with offered() as (_, _source, app), closing(as_wsgi(app)) as bridge, wsgi_serving(bridge) as url:
        with httpx.stream("GET", f"{url}/events", headers=USER, timeout=PATIENCE, trust_env=False) as stream:
            received = stream.iter_text()
            assert next(received).startswith("retry:")
            bridge.close()
            assert not [thread for thread in threading.enumerate() if thread.name == "backfill-wsgi"]
        bridge.close()
        assert httpx.get(f"{url}/health", headers=USER, trust_env=False).status_code == 200


def test_a_bridge_leaves_the_connection_to_the_server() -> None:
    """What is too large is 413 without a header about the connection: under WSGI that is the server's own (PEP 3333). [R8.4]"""
    heads: list[tuple[str, list[tuple[str, str]]]] = []
    with offered() as (_, _source, app), closing(as_wsgi(app)) as bridge:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/plans", "HTTP_HOST": "localhost", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": "99999999", **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in USER.items()},
        }  # fmt: skip
        setup_testing_defaults(environ)
        body = b"".join(bridge(environ, lambda status, headers, _exc_info=None, /: heads.append((status, headers))))  # type: ignore[arg-type] # it writes nothing
    ((status, headers),) = heads
    assert (status.split()[0], json.loads(body)["code"]) == ("413", "body-too-large")
    assert not [name for name, _ in headers if is_hop_by_hop(name)]


FORKED = """
    import os, sys, threading
    from wsgiref.util import setup_testing_defaults
    from backfill import BackfillService, function_source
    from backfill.stores import MemorySnapshotStore
    from backfill.web import as_wsgi, create_app, everybody

    def ask(app):
        environ = {"PATH_INFO": "/openapi.json", "HTTP_HOST": "localhost"}
        setup_testing_defaults(environ)
        statuses = []
        body = b"".join(app(environ, lambda status, headers, exc_info=None: statuses.append(status)))
        return statuses[0].split()[0], len(body) > 1000

    service = BackfillService(function_source("x")(lambda day, district, fetch: {}), MemorySnapshotStore())
    app = as_wsgi(create_app(service, authorize=everybody))
    print(ask(app), flush=True)
    child = os.fork()
    if child == 0:
        print(ask(app), flush=True)
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_bridge_survives_a_fork() -> None:
    """A server that loads the application and then forks its workers gets answers in each: the loop is made where it is used. [R8.1]"""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED)], capture_output=True, text=True, timeout=PATIENCE * 3, check=False
    )
    assert done.stdout.splitlines() == ["('200', True)", "('200', True)", "0"], done.stderr


# --- frameworks: the extra "test-web" ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_mounted_in_fastapi() -> None:
    """Mounted in a FastAPI application it does the same; the host's dependencies do not guard it, authorize does. [R8.1, P8]"""
    fastapi = pytest.importorskip("fastapi", reason="FastAPI is not installed; the extra 'test-web' has it")
    with offered() as (_, source, app):
        host = fastapi.FastAPI()
        host.mount("/bf", app)
        with uvicorn_serving(host) as url:
            exercise(url, source, app)


@pytest.fixture(scope="module")
def django() -> Any:
    """Django, set up without any of its own."""
    found = pytest.importorskip("django", reason="Django is not installed; the extra 'test-web' has it")
    from django.conf import settings  # noqa: PLC0415 - where it is installed

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="only for this test", ROOT_URLCONF=(), USE_TZ=True)
        found.setup()
    return found


@pytest.mark.slow
def test_beside_django_under_asgi(django: Any) -> None:
    """Beside Django's ASGI application, which answers for everything else, it does the same. [R8.1, P8]"""
    from django.core.asgi import get_asgi_application  # noqa: PLC0415 - where it is installed

    assert django.VERSION >= (5,)
    host = get_asgi_application()
    with offered() as (_, source, app):

        async def dispatch(scope: dict[str, Any], receive: Start, send: Start) -> None:
            if scope["type"] == "lifespan":
                await app(scope, receive, send)
            elif scope["path"].startswith("/bf/"):
                await app({**scope, "root_path": scope.get("root_path", "") + "/bf"}, receive, send)
            else:
                await host(scope, receive, send)

        with uvicorn_serving(dispatch) as url:
            exercise(url, source, app)
            assert httpx.get(f"{url}/elsewhere", trust_env=False).status_code == 404


@pytest.mark.slow
def test_beside_django_under_wsgi(django: Any) -> None:
    """Beside Django's WSGI application it does the same, by way of the bridge. [R8.1, P8]"""
    werkzeug = pytest.importorskip("werkzeug.middleware.dispatcher", reason="Flask is not installed; the extra 'test-web' has it")
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - where it is installed

    assert django.VERSION >= (5,)
    with offered() as (_, source, app), closing(as_wsgi(app)) as bridge:
        host = werkzeug.DispatcherMiddleware(get_wsgi_application(), {"/bf": bridge})
        with wsgi_serving(host) as url:
            exercise(url, source, app)
            assert httpx.get(f"{url}/elsewhere", trust_env=False).status_code == 404


@pytest.mark.slow
def test_mounted_in_flask() -> None:
    """Mounted in a Flask application it does the same, by way of the bridge. [R8.1, P8]"""
    flask = pytest.importorskip("flask", reason="Flask is not installed; the extra 'test-web' has it")
    werkzeug = pytest.importorskip("werkzeug.middleware.dispatcher", reason="it comes with Flask")
    with offered() as (_, source, app), closing(as_wsgi(app)) as bridge:
        host = flask.Flask(__name__)
        host.wsgi_app = werkzeug.DispatcherMiddleware(host.wsgi_app, {"/bf": bridge})
        with wsgi_serving(host) as url:
            exercise(url, source, app)
            assert httpx.get(f"{url}/elsewhere", trust_env=False).status_code == 404
