"""Redirections: few, to the web only, each within the limit of its host, and secrets stay at home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
import requests
from requests.auth import HTTPBasicAuth

from backfill.errors import PermanentSourceError
from backfill.fetching import PoliteFetcher
from backfill.fetching.addresses import may_carry_secrets
from backfill.fetching.redaction import Secrets
from backfill.fetching.redirects import following
from backfill.model import DocumentRequest
from backfill.testing.server import FaultServer, reply
from fetching_doubles import Scripted, call, document, source_error, unit

MakeFetcher: TypeAlias = Callable[..., PoliteFetcher]


@pytest.fixture
def other() -> Iterator[FaultServer]:
    """A second host."""
    with FaultServer() as running:
        yield running


def to(url: str, status: str = "302 Found") -> bytes:
    """Return a redirection."""
    return reply(b"elsewhere", status=status, Location=url)


def test_a_redirection_is_followed_to_the_document(server: FaultServer, polite: MakeFetcher) -> None:
    """The document comes from where it is, and keeps the identity it was asked for by."""
    server.on("/b", reply(b"here"))
    url = server.on("/a", to("b?x=1#part"))
    got = polite().bind(unit())(url)
    assert (got.content, got.url, got.name) == (b"here", server.url("/b?x=1"), f"GET {url}")


def test_redirections_without_end_are_given_up(server: FaultServer, polite: MakeFetcher) -> None:
    """A loop ends after five redirections, for good."""
    error = source_error(lambda: polite().bind(unit())(server.on("/a", to("/a"))))
    assert (type(error), error.kind) == (PermanentSourceError, "too_many_redirects")
    assert len(server.requests) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://[broken", "ftp://example.org/", "javascript:alert(1)"])
def test_a_redirection_away_from_the_web_is_refused(server: FaultServer, polite: MakeFetcher, target: str) -> None:
    """A server cannot send us to a file, not even where a transport would read it."""
    fetch = polite(transports={"file:": lambda _request: b"secret"}).bind(unit())
    error = source_error(lambda: fetch(server.on("/a", to(target))))
    assert (type(error), error.kind) == (PermanentSourceError, "bad_url")


def test_a_redirection_to_what_is_no_address_is_refused(server: FaultServer, polite: MakeFetcher) -> None:
    """A target that cannot be taken apart is a permanent failure that says so, without showing what may be a secret. [R6.5]"""
    url = server.on("/away", reply(status="302 Found", Location="http://[::bad?token=secret"))
    error = source_error(lambda: polite().bind(unit())(url))
    assert isinstance(error, PermanentSourceError)
    assert error.kind == "bad_url"
    assert "redirected to '<an address that cannot be read>', which is no http or https address" in str(error)
    assert "secret" not in str(error)


def test_secrets_do_not_follow_to_another_host(server: FaultServer, other: FaultServer, polite: MakeFetcher) -> None:
    """Authorization, cookies and a session's authentication stay with the host they are meant for, other headers go along."""
    url = server.on("/a", to(other.on("/b", reply(b"there"))))
    headers = {"Authorization": "Bearer s3cret", "Cookie": "c=s3cret", "X-License": "s3cret", "Accept": "text/csv"}
    with requests.Session() as session:
        session.auth = HTTPBasicAuth("user", "s3cret")
        session.headers["X-Session"] = "s3cret"
        assert polite(session=session, redact=["x-license"]).bind(unit())(url, headers=headers).content == b"there"
    assert "s3cret" in str(server.requests[0].headers)
    assert "s3cret" not in str(other.requests[0].headers)
    assert other.requests[0].headers["accept"] == "text/csv"


def test_secrets_do_follow_on_the_same_host(server: FaultServer, polite: MakeFetcher) -> None:
    """On the same host authentication goes along."""
    server.on("/b", reply(b"here"))
    polite().bind(unit())(server.on("/a", to("/b")), headers={"Authorization": "Bearer s3cret"})
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer s3cret"] * 2


@pytest.mark.parametrize(
    ("source", "target", "may"),
    [
        ("http://a.org/x", "http://a.org:80/y", True),
        ("http://a.org/x", "https://a.org/x", True),
        ("https://a.org/x", "http://a.org/x", False),
        ("http://a.org:8080/x", "https://a.org/x", False),
        ("https://a.org/x", "https://b.a.org/x", False),
    ],
)
def test_where_secrets_may_go(source: str, target: str, may: bool) -> None:
    """To the same scheme, name and port, or to the secure port of the same name; never back from it."""
    assert may_carry_secrets(source, target) is may


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, ("GET", None)),
        ("POST", 302, ("GET", None)),
        ("POST", 303, ("GET", None)),
        ("POST", 307, ("POST", b"q")),
        ("POST", 308, ("POST", b"q")),
        ("PUT", 302, ("PUT", b"q")),
        ("PUT", 303, ("GET", None)),
        ("HEAD", 303, ("HEAD", b"q")),
    ],
)
def test_the_method_after_a_redirection(method: str, status: int, then: tuple[str, bytes | None]) -> None:
    """303, and 301 and 302 of a POST, turn into a GET without a body, as in every browser; nothing else does."""
    inner = Scripted(document(status=status, headers={"location": "/b"}), document())
    headers = {"Content-Type": "text/plain", "Accept": "*/*"}
    request = DocumentRequest("https://example.org/a", method=method, params={"p": "1"}, body=b"q", headers=headers)
    following(inner, secrets=Secrets())(call(request=request))
    asked = inner.calls[1].request
    assert (asked.method, asked.body) == then
    assert (asked.url, dict(asked.params)) == ("https://example.org/b", {})
    assert ("Content-Type" in asked.headers) == (then[1] is not None)


def test_each_hop_passes_the_limits_of_its_host(server: FaultServer, other: FaultServer, polite: MakeFetcher) -> None:
    """A redirection is a request like any other: counted, and limited at the host it goes to. [R9.1]"""
    fetcher = polite()
    fetcher.bind(unit())(server.on("/a", to(other.on("/b", reply(b"there")))))
    status = fetcher.status()
    assert status.requests == 2
    assert [host.host for host in status.hosts] == sorted([server.url("")[:], other.url("")[:]])


def test_a_condition_does_not_follow_to_another_address() -> None:
    """Whether the archived copy has changed is asked where it came from, and nowhere else. [B6]"""
    inner = Scripted(document(status=302, headers={"location": "/b"}), document())
    headers = {"If-None-Match": "1", "If-Modified-Since": "then", "Accept": "text/csv"}
    following(inner, secrets=Secrets())(call(request=DocumentRequest("https://example.org/a", headers=headers), conditional=True))
    assert (dict(inner.calls[1].request.headers), inner.calls[1].conditional) == ({"Accept": "text/csv"}, False)


def test_an_address_in_utf_8_is_understood() -> None:
    """A Location that was written in UTF-8, and read as Latin-1, leads to the right place; what is no UTF-8 is taken as it is."""
    for written, read in (
        ("/caf\u00e9".encode().decode("latin-1"), "/caf\u00e9"),
        ("/caf\u00e9", "/caf\u00e9"),
        ("/\u20ac", "/\u20ac"),
    ):
        inner = Scripted(document(status=302, headers={"location": written}), document())
        following(inner, secrets=Secrets())(call())
        assert inner.calls[1].request.url == f"https://example.org{read}"
