"""A server on loopback that misbehaves in every way that a test asks for, byte by byte: nothing leaves the machine."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Self, TypeAlias

from attrs import frozen


@frozen
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Behaviour: TypeAlias = "bytes | Callable[[socket.socket, Received], None]"


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole answer with its length, after which the connection is closed unless *Connection* says "keep-alive".

    Underscores in names of headers become dashes; a header whose value is empty is left out.
    """
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class FaultServer:
    """Answers each path as told. A behaviour is the bytes to send before closing, or a function that does as it likes.

    A list of behaviours is one for each request; the last serves all further ones. A path that is not known is 404.
    """

    def __init__(self) -> None:
        self.closing = threading.Event()
        self.requests: list[Received] = []
        self.connections: list[socket.socket] = []
        self._behaviours: dict[str, list[Behaviour]] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        socket.create_connection(self._listener.getsockname()).close()  # wakes accept()
        for connection in self.connections:
            with suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)  # wakes who waits for another request on it
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def on(self, path: str, *behaviours: Behaviour) -> str:
        """Answer *path* so; return its address."""
        self._behaviours[path] = list(behaviours)
        return self.url(path)

    def url(self, path: str = "/") -> str:
        """Return the address of *path*."""
        host, port = self._listener.getsockname()[:2]
        return f"{'https' if self._tls else 'http'}://{host}:{port}{path}"

    def secure_with(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._tls = context

    def hang(self, connection: socket.socket, _request: Received) -> None:
        """Send nothing."""
        del connection
        self.closing.wait()

    def drip(self, head: bytes, drop: bytes = b".", seconds: float = 0.02) -> Behaviour:
        """Send *head*, and then a drop now and then, until the other side leaves."""

        def behave(connection: socket.socket, _request: Received) -> None:
            connection.sendall(head)
            while not self.closing.wait(seconds):
                connection.sendall(drop)

        return behave

    @staticmethod
    def reset(connection: socket.socket, _request: Received) -> None:
        """Break the connection off."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _accept(self) -> None:
        while True:
            connection, _address = self._listener.accept()
            if self.closing.is_set():
                connection.close()
                return
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with ExitStack() as stack:
            try:
                stack.enter_context(connection)
                if self._tls is not None:
                    connection = stack.enter_context(self._tls.wrap_socket(connection, server_side=True))
                stream = stack.enter_context(connection.makefile("rb"))
                while (request := _read(stream.readline, stream.read)) and self._answer(connection, request):
                    pass
            except OSError:
                pass  # the other side left, as it should

    def _answer(self, connection: socket.socket, request: Received) -> bool:
        self.requests.append(request)
        behaviours = self._behaviours.get(request.target.partition("?")[0], [reply(status="404 Not Found")])
        behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        if callable(behaviour):
            behaviour(connection, request)
            return False
        connection.sendall(behaviour)
        return b"Connection: keep-alive" in behaviour


def _read(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> Received | None:
    first = readline().decode("latin-1").split()
    if len(first) != len(("method", "target", "version")):
        return None
    headers = {}
    while line := readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Received(first[0], first[1], headers, read(int(headers.get("content-length", "0"))))
