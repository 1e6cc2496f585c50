"""Who may ask, from where, and what every answer tells the browser.

Nothing here asks what a request is about: it is all decided before the request is routed, for every address alike.
"""

from __future__ import annotations

import inspect
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import urlsplit

from attrs import frozen
from starlette.requests import Request
from starlette.types import Message, Send

from backfill.errors import InvalidRequest
from backfill.web.threads import Threads
from backfill.web.trouble import Trouble

Authorize = Callable[[Request], bool | str | Awaitable[bool | str]]
"""Decides whether a request may be carried out, and may say who asks. A plain function runs in a thread and may block; a coroutine function is
awaited."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""What every answer carries unless it says otherwise itself."""


def everybody(request: Request) -> bool:  # noqa: ARG001 - that is the point
    """Let everybody in: for a server that only its own machine reaches, or behind something else that decides.

    Pass it as *authorize* to say so: it is never the default.
    """
    return True


@frozen
class Guard:
    """Decides whether a request is looked at.

    Attributes:
        authorize: Decides who may ask.
        hosts: Names under which the application may be asked, without ports; ``*`` = any, ``*.example.org`` = any below.
        origins: Other origins whose pages may use it.
    """

    authorize: Authorize
    hosts: tuple[str, ...]
    origins: tuple[str, ...]

    def check_host(self, request: Request) -> None:
        """Refuse a request for another host: a name that was made to point here (DNS rebinding) must not reach the service.

        Raises:
            Trouble: It is.
        """
        asked = request.headers.getlist("host")
        host = _without_port(asked[0]) if len(asked) == 1 else ""
        if not any(_is_host(host, known) for known in self.hosts):
            detail = "the request's Host is none of the names under which this application may be asked"
            raise Trouble("misdirected", detail, "ask for it by its own name, or add the name to allowed_hosts of create_app")

    def check_origin(self, request: Request) -> None:
        """Refuse what a page of another site or port makes a browser send (CSRF), streams included.

        Browsers of today say in Sec-Fetch-Site where a request comes from; from those that do not, Origin must name this host.
        A client that is no browser sends neither.

        Raises:
            Trouble: It comes from another site.
        """
        origin = request.headers.get("origin")
        if origin is not None and origin in self.origins:
            return
        site = request.headers.get("sec-fetch-site")
        if site in {"same-origin", "none"}:
            return
        if site is None:
            ours = request.headers.get("host", "").lower()
            if origin is None or (request.method in _SAFE) or _netloc(origin) == ours:
                return
        elif request.method in _SAFE and request.headers.get("sec-fetch-mode") == "navigate":
            return  # somebody follows a link; what is shown cannot be read by the page that has it
        detail = "a page of another site, or of another port, made the browser send it"
        raise Trouble(
            "cross-origin", detail, "send it from a page of this origin, or add the other to trusted_origins of create_app"
        )

    async def check_permission(self, request: Request, threads: Threads) -> str | None:
        """Return who asks; ``None`` = *authorize* lets them in, and does not say.

        Raises:
            Trouble: *authorize* said no.
            TypeError: It said something else.
        """
        if inspect.iscoroutinefunction(self.authorize):
            allowed: object = await self.authorize(request)
        else:
            allowed = await threads.run(self.authorize, request)
            if inspect.isawaitable(allowed):
                allowed = await allowed
        if allowed is True:
            return None
        if isinstance(allowed, str) and allowed.strip() and allowed.isprintable():
            return allowed
        if allowed is not False:
            shown = "a text that is no name" if isinstance(allowed, str) else type(allowed).__name__
            message = f"authorize returned {shown}; it must return True, False, or the name of who asks, or an awaitable of these"
            raise TypeError(message)
        raise Trouble("forbidden", "whoever sent the request may not do this", "ask whoever runs this server")


def guard_of(authorize: Authorize, hosts: Iterable[str], origins: Iterable[str]) -> Guard:
    """Return a guard.

    Raises:
        InvalidRequest: One of the three is not what it must be.
    """
    decides: object = authorize
    if not callable(decides):
        remedy = "pass a function of the request, or backfill.web.everybody if everybody may do everything"
        raise InvalidRequest("authorize", authorize, "not callable", remedy)
    hosts, origins = _texts("allowed_hosts", hosts), _texts("trusted_origins", origins)
    for origin in origins:
        parts = urlsplit(origin)
        if not parts.scheme or not parts.netloc or parts.path or parts.query or parts.fragment:
            raise InvalidRequest("trusted_origins", origin, "not an origin", "write it like https://intranet.example.org:8443")
    return Guard(authorize, tuple(_without_port(host) for host in hosts), origins)


def _texts(field: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise InvalidRequest(field, values, "one string, where a list of them is meant", f"write [{values!r}]")
    return tuple(values)


def _netloc(origin: str) -> str:
    """Return host and port of an origin, in small letters; ``""`` = it is no address, and so nobody's."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]*$", "", host.strip().lower()).rstrip(".")


def _is_host(host: str, known: str) -> bool:
    return known in {"*", host} or (known.startswith("*.") and host.endswith(known[1:]))


def request_id_of(request: Request) -> str:
    """Return the identifier that the client or a proxy gave the request, if it is a harmless one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def dressed(send: Send, request_id: str) -> Send:
    """Return a *send* that adds to every answer the headers that protect it, and the request's identifier."""

    async def send_dressed(message: Message) -> None:
        """Pass a message on; the one that begins an answer with more headers."""
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            present = {name.lower() for name, _value in headers}
            added = {**HEADERS, "X-Request-ID": request_id}
            headers += [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in added.items()
                if name.lower().encode() not in present
            ]
            message = {**message, "headers": headers}
        await send(message)

    return send_dressed
