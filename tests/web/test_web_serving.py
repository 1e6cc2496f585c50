"""A server for one service: where it listens, whom it lets in, and how it ends."""

from __future__ import annotations

import socket
import threading

import httpx
import pytest

from backfill.errors import InvalidRequest
from backfill.testing.source import ScriptedDashboard
from backfill.web import Server
from backfill.web.serving import is_loopback
from service_doubles import PATIENCE, serving


def ask(url: str, **headers: str) -> int:
    """Return the status with which the server answers."""
    return httpx.get(f"{url}/health", headers=headers, trust_env=False, timeout=PATIENCE).status_code


def test_a_server_answers_while_it_is_entered() -> None:
    """It listens at this machine's address by default, answers in a thread, and leaves neither thread nor socket behind. [R8.1, R10.2]"""
    before = threading.active_count()
    with serving(ScriptedDashboard()) as service:
        with Server(service, port=0) as server:
            assert server.url.startswith("http://127.0.0.1:")
            assert ask(server.url) == 200
            assert ask(server.url, Host="evil.example.org") == 421
            assert server.wait(0.01)
        with pytest.raises(httpx.ConnectError):
            ask(server.url)
        assert not server.wait(0)
    assert threading.active_count() == before


def test_open_streams_end_with_the_server() -> None:
    """A client that listens is told that its stream ends, well before the server would give up on it. [R9.5, R8.5]"""
    with serving(ScriptedDashboard()) as service:
        server = Server(service, port=0)
        with server, httpx.stream("GET", f"{server.url}/events", trust_env=False, timeout=PATIENCE) as stream:
            received = stream.iter_text()
            assert next(received).startswith("retry:")
            ending = threading.Thread(target=server.__exit__, args=(None, None, None))
            ending.start()
            assert not "".join(received).strip()
            ending.join(PATIENCE)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "jobs.example.org"])
def test_others_need_somebody_who_decides(host: str) -> None:
    """An address that others can reach is refused unless a function decides who may ask. [R8.4, R8.5]"""
    with serving(ScriptedDashboard()) as service, pytest.raises(InvalidRequest, match="nobody decides who may ask"):
        Server(service, host=host, port=0)


def test_with_somebody_who_decides_any_address_will_do() -> None:
    """With a function that decides it listens where it is told, and can be asked by the names that it is given. [R8.5]"""
    with serving(ScriptedDashboard()) as service:
        allows = Server(
            service,
            host="0.0.0.0",
            port=0,
            authorize=lambda request: request.headers.get("x-user") == "ada",
            names=["jobs.example.org"],
        )
        with allows as server:
            url = server.url.replace("0.0.0.0", "127.0.0.1")
            assert ask(url) == 403
            assert ask(url, **{"X-User": "ada", "Host": "jobs.example.org"}) == 200
            assert ask(url, **{"X-User": "ada", "Host": "other.example.org"}) == 421


def test_an_address_that_is_taken_is_told() -> None:
    """Where something listens already, or nothing can, the error names the address and what to do. [R8.4]"""
    with socket.create_server(("127.0.0.1", 0)) as taken, serving(ScriptedDashboard()) as service:
        with (
            pytest.raises(InvalidRequest, match="nothing can listen there") as raised,
            Server(service, port=taken.getsockname()[1]),
        ):
            raise AssertionError
        assert str(taken.getsockname()[1]) in str(raised.value)
        assert raised.value.field == "port", "another would do"


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, *, only_here: bool) -> None:
    """Addresses of the loopback network and the name localhost are this machine's own; any other name may lead anywhere. [R8.5]"""
    assert is_loopback(host) is only_here


def test_ipv6_is_written_in_brackets() -> None:
    """Served at an IPv6 address, the URL can be used as it is. [R8.1]"""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with serving(ScriptedDashboard()) as service:
        try:
            with Server(service, host="::1", port=0) as server:
                assert server.url.startswith("http://[::1]:")
                assert ask(server.url) == 200
        except InvalidRequest:
            pytest.skip("this machine has no IPv6 address of its own")
