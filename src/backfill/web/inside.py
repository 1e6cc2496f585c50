"""One request carried out inside this process, without a server: for who has the application, and a way of its own to the browser."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import anyio
from attrs import frozen
from starlette.types import ASGIApp, Message, Scope

HOST = "localhost"
"""The name under which the application is asked; it must be one of its ``allowed_hosts``."""


@frozen
class Inside:
    """What came back.

    Attributes:
        status: The HTTP status.
        headers: Names in small letters.
        body: The whole body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask_inside(app: ASGIApp, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Inside:
    """Return what *app* answers, of a stream what it begins with. Blocks, in an event loop of its own: call it in a thread that has none.

    Args:
        app: The application.
        method: Like ``GET``.
        target: Path and query, as they stand in an address.
        headers: Of the request; ``Host`` is added.
        body: Of the request.
    """
    parts = urlsplit(target)
    given = {**{name.lower(): value for name, value in headers.items()}, "host": HOST}
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode("ascii", "replace"),
        "root_path": "",
        "query_string": parts.query.encode("ascii", "replace"),
        "headers": [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in given.items()],
        "client": None,
        "server": (HOST, 80),
    }
    return anyio.run(_ask, app, scope, body)


async def _ask(app: ASGIApp, scope: Scope, body: bytes) -> Inside:
    sent: list[Message] = []
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return given.pop() if given else {"type": "http.disconnect"}  # so that a stream, which nobody reads here, ends

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    return Inside(start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
