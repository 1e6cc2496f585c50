"""How the tests speak to the dashboard server: one request a connection, byte by byte, without following anything."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from backfill.testing.dashboard import DashboardServer


class Reply(NamedTuple):
    """An answer."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def footer(self) -> str:
        """The last line."""
        return self.body.decode().splitlines()[-1]

    @property
    def rows(self) -> list[bytes]:
        """The lines between headings and footer."""
        return self.body.splitlines()[1:-1]


def connect(server: DashboardServer, *, timeout: float = 30) -> http.client.HTTPConnection:
    """Return a connection to the server."""
    address = urlsplit(server.url)
    return http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout)


def open_socket(server: DashboardServer) -> socket.socket:
    """Return a bare socket that is connected to the server."""
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def ask(
    server: DashboardServer, target: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, timeout: float = 30
) -> Reply:
    """Send a request and return the whole answer."""
    connection = connect(server, timeout=timeout)
    try:
        connection.request(method, target, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, answer.reason, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def export(report: str, year: str = "") -> str:
    """Return the address of an export: at the root, or of a program year."""
    return f"{'/' if year else ''}{year}/export.aspx?type=CSV&report={report}"
