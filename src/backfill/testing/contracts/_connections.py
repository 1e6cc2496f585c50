"""Notices a connection that is opened past `fetch`, and does not let it happen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"})

_watches: list[list[str]] = []
_allowed: ContextVar[bool] = ContextVar("_allowed", default=False)


@contextmanager
def no_connections() -> Iterator[list[str]]:
    """Refuse every connection that any thread opens while the body runs; yields what was tried, as it is tried.

    Connections between processes of this machine (``AF_UNIX``) are none.
    """
    _listen()
    tried: list[str] = []
    _watches.append(tried)
    try:
        yield tried
    finally:
        _watches.remove(tried)


@contextmanager
def connections_allowed() -> Iterator[None]:
    """Let connections through that this thread opens while the body runs: those of `fetch`."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _watches or event not in _EVENTS or _allowed.get():
        return
    target = args[0] if event.startswith("socket.get") else args[1]
    if event.startswith("socket.get") or isinstance(target, tuple):
        for tried in _watches:
            tried.append(f"{event} {target!r}")
        message = f"a source must not open a connection of its own ({event} {target!r}); ask fetch"
        raise ConnectionRefusedError(message)


_hook.__cantrace__ = True  # type: ignore[attr-defined] # or neither a debugger nor a measurement of coverage would see it


@cache
def _listen() -> None:
    sys.addaudithook(_hook)  # for as long as the process lives: there is no way to take a hook back
