"""A server for one service: on this machine only, unless somebody is named who decides who may ask."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

import uvicorn

from backfill.errors import InvalidRequest
from backfill.service import BackfillService
from backfill.web.app import create_app
from backfill.web.security import LOOPBACK_HOSTS, Authorize, everybody

_OF_THE_PORT: Mapping[int | None, str] = {errno.EADDRINUSE: "it is in use", errno.EACCES: "it is kept for others"}
"""What is wrong with the port, and not with the address."""

GRACE_SECONDS = 5
"""For so long a server that stops waits for the requests that it is answering."""


class Server:
    """Serves a service over HTTP, in a thread, while it is entered. Handles no signal, and writes nothing.

    >>> from backfill import BackfillService, function_source
    >>> from backfill.stores import MemorySnapshotStore
    >>> service = BackfillService(function_source("example")(lambda day, district, fetch: {}), MemorySnapshotStore())
    >>> with service, Server(service, port=0) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True

    Args:
        service: The service, which stays the caller's.
        host: The address to listen at: a name, or an IP address.
        port: The port; 0 = any that is free.
        authorize: As for `create_app`; ``None`` = everybody, which only an address of this machine itself allows.
        names: Further names under which it may be asked, besides those of this machine and *host*.

    Attributes:
        url: Where it is, once entered.

    Raises:
        InvalidRequest: Everybody on the network could ask, and nobody would decide who may.
    """

    def __init__(
        self,
        service: BackfillService,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        authorize: Authorize | None = None,
        names: Iterable[str] = (),
    ) -> None:
        if authorize is None and not is_loopback(host):
            remedy = "name a function that decides who may ask (authorize), or listen at 127.0.0.1"
            raise InvalidRequest("host", host, "others can reach this address, and nobody decides who may ask", remedy)
        self.url = ""
        self._address = (host, port)
        self._app = create_app(service, authorize=authorize or everybody, allowed_hosts=(*LOOPBACK_HOSTS, host, *names))
        config = uvicorn.Config(
            self._app, log_config=None, access_log=False, ws="none", lifespan="off", timeout_graceful_shutdown=GRACE_SECONDS
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="backfill-serve")
        self._listening: socket.socket | None = None

    def __enter__(self) -> Self:
        """Listen, and begin to answer.

        Raises:
            InvalidRequest: Nothing can listen at this address.
        """
        host, port = self._address
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._listening = socket.create_server((host, port), family=family)
        except OSError as error:
            remedy = "choose another port or address; port 0 is any that is free"
            field = "port" if error.errno in _OF_THE_PORT else "host"
            rule = f"nothing can listen there: {_OF_THE_PORT.get(error.errno, error.strerror or str(error))}"
            raise InvalidRequest(field, f"{host}:{port}", rule, remedy) from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._listening.getsockname()[1]}"
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        """Stop: streams end, requests under way are answered, no thread is left."""
        self._app.end_streams()
        self._server.should_exit = True
        self._thread.join()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for its end; return whether it still serves."""
        self._thread.join(seconds)
        return self._thread.is_alive()

    def _serve(self) -> None:
        assert self._listening is not None  # noqa: S101 - the thread starts after it was made
        with self._listening:
            self._server.run(sockets=[self._listening])


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address. A name other than ``localhost`` may lead anywhere."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
