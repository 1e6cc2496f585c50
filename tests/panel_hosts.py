"""A page of one's own beside the interface, on a real server: where the tests of the panel let a browser go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from backfill import BackfillService
from backfill.web import WebLimits, create_app, everybody
from web_hosts import as_app, uvicorn_serving

LIMITS = WebLimits(poll_seconds=0.02, heartbeat_seconds=0.2)

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,"></head>
<body><main>{body}</main></body></html>"""


def host_of(
    service: BackfillService,
    pages: Mapping[str, str],
    scripts: Mapping[str, str],
    limits: WebLimits = LIMITS,
    *,
    mount: str = "/bf",
) -> Starlette:
    """Return an application with *pages* (HTML of a body, by path) and *scripts* (by path) of its own, and the interface below *mount*."""

    def show(request: Request) -> Response:
        path = request.url.path
        if path in scripts:
            return Response(scripts[path], media_type="text/javascript")
        return HTMLResponse(PAGE.replace("{body}", pages[path]))

    routes = [Route(path, show) for path in (*pages, *scripts)]
    return Starlette(routes=[*routes, Mount(mount, create_app(service, authorize=everybody, limits=limits))])


@contextmanager
def hosted(
    service: BackfillService,
    pages: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    limits: WebLimits = LIMITS,
    port: int = 0,
) -> Iterator[str]:
    """Serve such an application, and return where."""
    with uvicorn_serving(as_app(host_of(service, pages or {}, scripts or {}, limits)), port) as url:
        yield url
