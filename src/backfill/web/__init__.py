"""A service over HTTP: an ASGI application to serve alone or to mount in another. Needs the extra ``web``; loaded on first use.

>>> from backfill import BackfillService, function_source
>>> from backfill.stores import MemorySnapshotStore
>>> from backfill.web import create_app, everybody
>>> service = BackfillService(function_source("example")(lambda day, district, fetch: {}), MemorySnapshotStore())
>>> app = create_app(service, authorize=everybody)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from backfill.errors import MissingExtra

if TYPE_CHECKING:
    from backfill.web.app import create_app
    from backfill.web.operations import WebLimits
    from backfill.web.security import everybody
    from backfill.web.serving import Server
    from backfill.web.wsgi import as_wsgi

__all__ = ["Server", "WebLimits", "as_wsgi", "create_app", "everybody"]

_HOMES = {"Server": "serving", "WebLimits": "operations", "as_wsgi": "wsgi", "create_app": "app", "everybody": "security"}
_EXTRAS = {"starlette": "web", "anyio": "web", "a2wsgi": "wsgi", "uvicorn": "serve"}


def __getattr__(name: str) -> object:
    """Load a public name on first use.

    Raises:
        MissingExtra: The library that it needs is not installed.
    """
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        what = f"{__name__}.{name}"
        raise MissingExtra(what, extra) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return list(__all__)
