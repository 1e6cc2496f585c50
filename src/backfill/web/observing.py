"""How the application is: health, metrics, and what it offers, for programs and for people."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from backfill.errors import ServiceUnusable
from backfill.web.bodies import Health
from backfill.web.docs import render_docs
from backfill.web.metrics import render_metrics
from backfill.web.openapi import document_of
from backfill.web.operations import Answer, Call, Stream
from backfill.web.render import encode


def get_health(call: Call) -> Answer | Stream:
    """Say whether the service can take jobs: 200, or 503 when it is closed or its job store cannot be read."""
    if call.service.closed:
        message = "the service is closed"
        raise ServiceUnusable(message)
    call.service.list_backfills(limit=1)
    return Answer(Health("ok", call.service.operation, _version()))


def get_metrics(call: Call) -> Answer | Stream:
    """Return counters and gauges in the text format of Prometheus."""
    return Answer(content=render_metrics(call.service, call.state).encode())


def get_openapi(call: Call) -> Answer | Stream:
    """Return this document: what the application offers, as OpenAPI 3.1."""
    return Answer(content=encode(document_of(call.state.operations, call.root, _version())))


def get_docs(call: Call) -> Answer | Stream:
    """Show what the application offers, as a page for people that loads nothing from elsewhere."""
    page, policy = render_docs(document_of(call.state.operations, call.root, _version()), call.root)
    return Answer(content=page, headers={"Content-Security-Policy": policy})


def _version() -> str:
    try:
        return version("backfill")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
