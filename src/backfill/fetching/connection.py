"""Connections that keep a deadline and notice a cancelled job, whatever the server does.

The HTTP library limits each read of a socket, not their sum: a server that drips a byte now and then, in its headers or in its body,
holds a thread for ever. Here each read is cut into short waits; between them the deadline and the cancel flag of the request that the
thread is at are looked at. Sockets live in real time, so that this deadline is kept in real time, not by the injected clock.
"""

from __future__ import annotations

import io
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from backfill.errors import Cancelled

_SLICE = 0.1
"""Seconds of one wait."""


def _nothing() -> None:
    """Tell nobody."""


class _Watch(threading.local):
    """What the thread's request must keep."""

    deadline = math.inf
    cancel: threading.Event | None = None
    left: Callable[[], None] = staticmethod(_nothing)


_watch = _Watch()


@contextmanager
def watched(deadline: float, cancel: threading.Event, left: Callable[[], None]) -> Iterator[None]:
    """Hold every read and write of this thread to *deadline* (of ``time.monotonic``), let *cancel* end it, tell *left* of each write."""
    _watch.deadline, _watch.cancel, _watch.left = deadline, cancel, left
    try:
        yield
    finally:
        _watch.deadline, _watch.cancel, _watch.left = math.inf, None, _nothing


def seconds_left() -> float:
    """Return the seconds that the thread's request has left.

    Raises:
        TimeoutError: None.
        Cancelled: Its job was cancelled.
    """
    if _watch.cancel is not None and _watch.cancel.is_set():
        raise Cancelled("the job was cancelled while it received a document")
    left = _watch.deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _WatchedReader(io.RawIOBase):
    """Reads from a socket in short waits."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._keeps_open = sock.makefile("rb", buffering=0)  # a socket stays open as long as a file made of it

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # a buffer of any kind, as in the base class
        while True:
            self._sock.settimeout(min(seconds_left(), _SLICE))
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:  # a slice of the time that is left; `seconds_left` raises when there is none
                continue

    def close(self) -> None:
        self._keeps_open.close()
        super().close()


class _WatchedSocket:
    """A socket whose reads and writes are watched; everything else is the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)

    def makefile(self, *_args: object, **_options: object) -> io.BufferedReader:
        """Return a reader of bytes, which is all that HTTP asks for."""
        return io.BufferedReader(_WatchedReader(self._sock))

    def sendall(self, data: bytes) -> None:
        """Send all of *data* within the deadline, and tell that it has left."""
        self._sock.settimeout(min(seconds_left(), threading.TIMEOUT_MAX))
        self._sock.sendall(data)
        _watch.left()


class _WatchedHTTP(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _WatchedSocket(self.sock))


class _WatchedHTTPS(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _WatchedSocket(cast("socket.socket", self.sock)))


class _PoolHTTP(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _PoolHTTPS(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class WatchedAdapter(HTTPAdapter):
    """The library's adapter, with watched connections, direct or through a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        _watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        """Return the pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        _watch_pools(manager)
        return manager


def _watch_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _PoolHTTP, "https": _PoolHTTPS}
