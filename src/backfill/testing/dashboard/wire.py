"""The listening socket, and how an answer gets onto a connection."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn

from backfill.testing.dashboard.answer import Answer

_POLL = 0.02  # seconds between looks at what cannot be woken from here: a gate of the user's, and the accepting loop
_AT_ONCE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # SO_LINGER without time: closing sends a reset


class Listener(ThreadingMixIn, TCPServer):
    """Accepts connections, a thread for each, and knows all that are open, so that no thread outlasts it.

    The threads hold up no interpreter that ends without `stop`.

    Args:
        address: Host and port; port 0 is any free one.
        respond: Called with each request; sends its answer by `Connection.send`.
        failed: Called with what a connection's thread raised, other than that the client has left.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], respond: Callable[[Connection], None], failed: Callable[[BaseException], None]
    ) -> None:
        self.respond = respond
        self.failed = failed
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._broken: set[socket.socket] = set()
        self._serving: set[threading.Thread] = set()
        self._lock = threading.Lock()
        super().__init__(address, Connection)
        self._accepting = threading.Thread(target=self.serve_forever, args=(_POLL,), name="dashboard", daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """Close the socket and every connection, and wait for all threads."""
        self.closing.set()
        self.shutdown()
        self._accepting.join()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the client has closed it already
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._serving:  # nobody adds to them any more
            thread.join()
        self.server_close()

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override] # as below
        """Serve a connection in a thread; those of the library would hold up the interpreter, or be forgotten."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._serving = {thread, *(other for other in self._serving if other.is_alive())}
        thread.start()

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection, and remember it."""
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override] # the pairs there are UDP's
        """Close a connection: with a farewell, unless it is to be broken off, when even that would be too polite."""
        with self._lock:
            self._open.discard(request)
            broken = request in self._broken
            self._broken.discard(request)
        if broken:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def break_off(self, connection: socket.socket) -> None:
        """See to it that the end of this connection will be a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        with self._lock:
            self._broken.add(connection)

    def handle_error(self, _request: object, _client_address: object) -> None:
        """Keep what went wrong in a connection's thread, which is ours to mend unless the client has left."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.failed(error)


class Connection(BaseHTTPRequestHandler):
    """One connection, on which requests follow each other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the last byte goes alone, and must not wait for the others to be acknowledged
    server: Listener

    def do_GET(self) -> None:
        """Answer a request."""
        self.server.respond(self)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, _format: str, *_arguments: object) -> None:
        """Say nothing: there is a log to ask."""

    def send(self, answer: Answer, land: Callable[[], None]) -> None:
        """Send *answer* as it says; *land* is called just before the last byte, so that nobody can have had it before."""
        head = self._head(answer)
        body = b"" if self.command == "HEAD" else answer.body
        if not self._wait(answer):
            self.close_connection = True
            return
        size = answer.piece or len(body) or 1
        pieces = [head, *(body[start : start + size] for start in range(0, len(body), size))]
        if answer.piece is None:
            pieces = [b"".join(pieces)]
        for number, piece in enumerate(pieces, 1):
            if number > 1 and self.server.closing.wait(answer.pause):
                break
            last = number == len(pieces)
            self.wfile.write(piece[:-1] if last else piece)
            if last:
                land()
                self.wfile.write(piece[-1:])
        if answer.reset:
            self.server.break_off(self.connection)

    def _wait(self, answer: Answer) -> bool:
        """Wait as *answer* says; return whether it is still wanted."""
        if answer.delay and self.server.closing.wait(answer.delay):
            return False
        while answer.gate is not None and not answer.gate.wait(_POLL):
            if self.server.closing.is_set():
                return False
        return True

    def _head(self, answer: Answer) -> bytes:
        measured = answer.header("Content-Length") is not None
        headers = [
            ("Server", "Microsoft-IIS/10.0"),
            ("X-Powered-By", "ASP.NET"),
            ("Date", self.date_time_string()),
            *answer.headers,
        ]
        if self.close_connection or not measured:
            headers.append(("Connection", "close"))
        self.close_connection = self.close_connection or answer.close or not measured
        if answer.status is None:
            return b""
        lines = [f"HTTP/1.1 {answer.status} {answer.reason or responses.get(answer.status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
