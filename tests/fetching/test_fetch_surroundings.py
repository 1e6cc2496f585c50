"""Proxies, certificates, and secure connections."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
import requests

from backfill.errors import InvalidRequest, PermanentSourceError, TransientSourceError
from backfill.fetching import PoliteFetcher
from backfill.fetching.environment import Surroundings
from backfill.testing.server import FaultServer, reply
from fetching_doubles import Running, failure, source_error, unit

MakeFetcher: TypeAlias = Callable[..., PoliteFetcher]

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, in one file with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "certificate.pem"
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[FaultServer]:
    """A server that speaks TLS."""
    with FaultServer() as running:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        running.secure_with(context)
        yield running


@pytest.mark.parametrize(
    ("direct", "url", "proxied"),
    [
        ("", "https://example.org/", True),
        ("*", "https://example.org/", False),
        ("example.org", "https://example.org/", False),
        (" .Example.org , other.org", "https://www.example.org/", False),
        ("example.org", "https://notexample.org/", True),
        ("example.org:8080", "http://example.org:8080/", False),
        ("example.org:8080", "http://example.org/", True),
        ("127.0.0.0/8", "http://127.0.0.1/", False),
        ("10.0.0.0/8", "http://127.0.0.1/", True),
        ("::1", "http://[::1]/", False),
    ],
)
def test_which_hosts_are_asked_directly(monkeypatch: pytest.MonkeyPatch, direct: str, url: str, proxied: bool) -> None:
    """NO_PROXY lists names with all below them, ports, addresses and networks."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", direct)
    surroundings = Surroundings.read()
    assert surroundings.proxies_for(url) == ({"https": "http://proxy.example:3128"} if proxied else {})
    assert "proxy.example" not in repr(surroundings)


def test_requests_go_through_the_proxy_that_the_environment_names(
    server: FaultServer, polite: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is read once, when the fetcher is made."""
    monkeypatch.setenv("HTTP_PROXY", server.url("").replace("http://", "http://user:word@"))
    server.on("http://figures.example/doc", reply(b"through the proxy"))
    fetch = polite().bind(unit())
    monkeypatch.delenv("HTTP_PROXY")
    assert fetch("http://figures.example/doc").content == b"through the proxy"
    assert server.requests[0].headers["proxy-authorization"].startswith("Basic ")


def test_a_session_s_own_proxies_come_first(server: FaultServer, polite: MakeFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that names proxies has them used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.on("http://figures.example/doc", reply(b"through the proxy"))
    with requests.Session() as session:
        session.trust_env = False
        session.proxies["http"] = server.url("")
        assert polite(session=session).bind(unit())("http://figures.example/doc").content == b"through the proxy"


def test_a_session_that_trusts_no_environment_is_taken_at_its_word(
    server: FaultServer, polite: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With trust_env off the environment's proxy is not used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with requests.Session() as session:
        session.trust_env = False
        assert polite(session=session).bind(unit())(server.on("/doc", reply(b"directly"))).content == b"directly"


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: FaultServer, polite: MakeFetcher) -> None:
    """Permanent, kind tls: asking again would not help; the error says what to do."""
    error = source_error(lambda: polite().bind(unit())(secure.url("/doc")))
    assert (type(error), error.kind) == (PermanentSourceError, "tls")
    assert "REQUESTS_CA_BUNDLE" in str(error)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bundle_that_the_environment_names_is_used(
    secure: FaultServer, polite: MakeFetcher, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """With the right bundle the document arrives, over a connection that is used again."""
    monkeypatch.setenv(variable, str(certificate))
    fetch = polite().bind(unit())
    assert fetch(secure.on("/doc", reply(b"figures"))).content == b"figures"
    monkeypatch.delenv(variable)


def test_a_session_s_own_bundle_comes_first(secure: FaultServer, polite: MakeFetcher, certificate: Path) -> None:
    """A session that names a bundle has it used."""
    with requests.Session() as session:
        session.verify = str(certificate)
        assert polite(session=session).bind(unit())(secure.on("/doc", reply(b"figures"))).content == b"figures"


def test_a_server_that_speaks_no_tls_is_a_transient_failure(polite: MakeFetcher) -> None:
    """A handshake that fails without a certificate at fault may be a passing fault: transient, kind tls."""

    def answer_plainly() -> None:
        connection, _address = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(reply())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = Running(answer_plainly)
        port = listener.getsockname()[1]
        error = source_error(lambda: polite().bind(unit())(f"https://127.0.0.1:{port}/"))
        plain.wait()
    assert (type(error), error.kind) == (TransientSourceError, "tls")


def test_a_dripping_server_is_left_at_the_deadline_over_tls_too(
    secure: FaultServer, polite: MakeFetcher, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The total deadline holds on secure connections as well."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = secure.on("/doc", secure.drip(b"HTTP/1.1 200 OK\r\nX-Drip: "))
    assert source_error(lambda: polite(deadline=0.4).bind(unit())(url)).kind == "timeout"


def test_a_bundle_that_is_not_there_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt path in the environment is found when the fetcher is made, not at the thousandth document."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/bundle.pem")
    error = failure(PoliteFetcher, InvalidRequest)
    assert (error.field, error.value) == ("SSL_CERT_FILE", "/nowhere/bundle.pem")
