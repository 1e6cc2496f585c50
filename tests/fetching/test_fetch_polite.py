"""The polite fetcher as a whole: what it is made with, what it shows, how it ends."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import PackageNotFoundError
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import requests

import backfill.fetching
from backfill.errors import DataUnavailable, InvalidRequest, PermanentSourceError, ServiceUnusable, TransientSourceError
from backfill.fetching import ArchiveFetch, PoliteFetcher, RawArchive
from backfill.fetching.connection import _WatchedSocket
from backfill.model import Document, DocumentRequest, RetryPolicy
from backfill.protocols import Fetcher, SupportsFetchStatus, SupportsOffline
from backfill.testing import VirtualClock
from backfill.testing.server import FaultServer, reply
from fetching_doubles import NOW, Running, document, failure, job, source_error, unit, until

MakeFetcher: TypeAlias = Callable[..., PoliteFetcher]


def answering(_request: DocumentRequest) -> bytes:
    """Answer everything."""
    return b"figures"


# --- what it is made with


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("rate", 0),
        ("rate", -1.0),
        ("rate", "5"),
        ("rate", float("inf")),
        ("concurrency", 0),
        ("concurrency", 1.5),
        ("retry", 3),
        ("deadline", 0),
        ("deadline", None),
        ("max_bytes", 0),
        ("user_agent", ""),
        ("user_agent", "two\nlines"),
        ("user_agent", 3),
        ("user_agent", "caf\u00e9"),
        ("session", "token"),
        ("redact", "license"),
        ("redact", 3),
        ("redact", [3]),
        ("transports", [1]),
        ("transports", {"file:": "not a function"}),
        ("transports", {"file": answering}),
        ("archive", "raw"),
        ("shared_state", 3),
        ("patience", -1),
        ("clock", 3),
    ],
)
def test_each_argument_is_checked(option: str, value: object) -> None:
    """A value that cannot be used is refused when the fetcher is made, by its name, with the remedy."""
    error = failure(lambda: PoliteFetcher(**{option: value}), InvalidRequest)  # type: ignore[arg-type] # that is the point
    assert error.field == option
    assert error.remedy


def test_a_file_where_the_shared_folder_should_be_is_refused(tmp_path: Path) -> None:
    """Found out when the fetcher is made."""
    (tmp_path / "limits").write_text("in the way")
    assert failure(lambda: PoliteFetcher(shared_state=tmp_path / "limits"), InvalidRequest).field == "shared_state"


def test_the_defaults_are_polite_and_nothing_is_opened(tmp_path: Path) -> None:
    """Five a second, four at once; no thread, socket or file before the first use, and it fits the protocols. [B6]"""
    threads = threading.active_count()
    with closing(PoliteFetcher(archive=RawArchive(tmp_path / "raw"), shared_state=tmp_path / "limits")) as fetcher:
        fetcher.bind(unit())
        status = fetcher.status()
        assert (status.rate, status.hosts, status.requests) == (5.0, (), 0)
        for protocol in (Fetcher, SupportsFetchStatus, SupportsOffline):
            assert isinstance(fetcher, protocol)
        assert isinstance(fetcher.offline(), ArchiveFetch)
        assert repr(fetcher).startswith("PoliteFetcher(rate=5.0, concurrency=4, archive=RawArchive(")
    assert (threading.active_count(), list(tmp_path.iterdir())) == (threads, [])


def test_who_asks_is_said(server: FaultServer, polite: MakeFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identifying user agent by default, the caller's own instead, and gzip asked for; a call's headers come last. [B6]"""
    url = server.on("/doc", reply(b"x"))
    polite().bind(unit())(url)
    monkeypatch.setattr("backfill.fetching.options.version", lambda _name: "1.2")
    polite().bind(unit())(url)

    def missing(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr("backfill.fetching.options.version", missing)
    polite().bind(unit())(url)
    polite(user_agent="figures/1.0").bind(unit())(url)
    polite(user_agent="figures/1.0").bind(unit())(url, headers={"user-agent": "mine"})
    agents = [request.headers["user-agent"] for request in server.requests]
    home = "(+https://backfill.readthedocs.io)"
    assert agents[0].startswith("backfill")
    assert agents[0].endswith(home)
    assert agents[1:] == [f"backfill/1.2 {home}", f"backfill {home}", "figures/1.0", "mine"]
    assert {request.headers["accept-encoding"] for request in server.requests} == {"gzip"}


def test_a_request_goes_out_as_it_was_asked_for(server: FaultServer, polite: MakeFetcher) -> None:
    """Method, parameters, headers and body arrive; the document has the default identity."""
    url = server.on("/doc", reply(b"x"))
    got = polite().bind(unit())(f"{url}?a=1", method="post", params={"b": "c d"}, headers={"X-Y": "z"}, body=b"query")
    (request,) = server.requests
    assert (request.method, request.target, request.headers["x-y"], request.body) == ("POST", "/doc?a=1&b=c+d", "z", b"query")
    assert got.name == DocumentRequest(f"{url}?a=1", method="POST", params={"b": "c d"}, body=b"query").identity
    assert polite().bind(unit())(url, name="club~61").name == "club~61"
    assert polite().bind(unit())(url, method="HEAD").content == b""


def test_a_session_carries_authentication_and_stays_open(server: FaultServer) -> None:
    """The session's headers and cookies go along, what the server sets comes back; closing the fetcher does not close it."""
    url = server.on("/doc", reply(b"x", Set_Cookie="seen=yes"), reply(b"x"))
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer mine"
        closed: list[bool] = []
        session.close = lambda: closed.append(True)  # type: ignore[method-assign] # to see whether it is called
        with closing(PoliteFetcher(session=session, rate=None)) as fetcher:
            for _call in range(2):
                fetcher.bind(unit())(url)
        assert closed == []
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer mine"] * 2
    assert [request.headers.get("cookie") for request in server.requests] == [None, "seen=yes"]


def test_without_a_session_no_cookie_is_kept(server: FaultServer, polite: MakeFetcher) -> None:
    """Units share nothing that the server could tell them apart by."""
    url = server.on("/doc", reply(b"x", Set_Cookie="seen=yes"), reply(b"x"))
    for _call in range(2):
        polite().bind(unit())(url)
    fetch = polite().bind(unit())
    for _call in range(2):
        fetch(url)
    assert all("cookie" not in request.headers for request in server.requests)


# --- transports


def test_a_transport_answers_instead_of_http(polite: MakeFetcher) -> None:
    """By scheme or by prefix, the longest first; it is asked with the complete address, and its document is named by us."""
    asked: list[DocumentRequest] = []

    def special(request: DocumentRequest) -> Document:
        asked.append(request)
        return document("special", url="whatever", status=203, headers={"Set-Cookie": "secret", "X": "y"})

    fetch = polite(transports={"https://a.org/": answering, "https://a.org/special/": special, "file:": answering}).bind(unit())
    assert fetch("file:/tmp/x").content == fetch("https://a.org/x").content == b"figures"
    got = fetch("https://a.org/special/?token=t", params={"b": "c"}, name="mine")
    assert (got.content, got.status, got.name, got.fetched_at) == (b"special", 203, "mine", NOW)
    assert (got.url, dict(got.headers)) == ("https://a.org/special/?token=***&b=c", {"set-cookie": "***", "x": "y"})
    assert (asked[0].url, dict(asked[0].params)) == ("https://a.org/special/?token=t&b=c", {})


@pytest.mark.parametrize(
    ("raised", "kind", "word"),
    [
        (TimeoutError("token=s3cret"), TransientSourceError, "timeout"),
        (ConnectionResetError("token=s3cret"), TransientSourceError, "connection"),
        (PermanentSourceError("no", kind="mine"), PermanentSourceError, "mine"),
        (DataUnavailable("none"), DataUnavailable, "unavailable"),
    ],
)
def test_what_a_transport_raises(polite: MakeFetcher, raised: Exception, kind: type[Exception], word: str) -> None:
    """Network failures become transient without their texts; a SourceError is as it says; anything else passes."""

    def failing(_request: DocumentRequest) -> bytes:
        raise raised

    error = source_error(lambda: polite(transports={"box:": failing}).bind(unit())("box:x"))
    assert (type(error), error.kind, error.stage) == (kind, word, "fetch")
    assert "s3cret" not in str(error)


def test_a_transport_s_status_means_what_it_means_over_http(polite: MakeFetcher) -> None:
    """A double of a server answers 404 and is unavailable; limits and retries apply as well. [R6.5]"""
    clock = VirtualClock()
    answers = [document(status=503, headers={"retry-after": "20"}), document(status=404)]
    fetcher = polite(transports={"https://a.org/": lambda _request: answers.pop(0)}, clock=clock, retry=RetryPolicy(base=0))
    assert failure(lambda: fetcher.bind(unit())("https://a.org/x"), DataUnavailable).kind == "http_404"
    assert clock.monotonic() == 20
    assert fetcher.status().retries == 1


# --- at work


def test_a_429_holds_every_unit_until_it_is_over(server: FaultServer, polite: MakeFetcher) -> None:
    """One unit is told to wait, the others wait with it; the status shows for how long. [R6.5, R12.4]"""
    clock = VirtualClock(threads=2)
    url = server.on("/busy", reply(status="429 Too Many Requests", Retry_After="30"), reply(b"figures"))
    other = server.on("/other", reply(b"other"))
    fetcher = polite(clock=clock, retry=RetryPolicy(base=0))
    waiting = Running(lambda: fetcher.bind(unit())(url))
    until(lambda: clock.waits)
    (host,) = fetcher.status().hosts
    assert host.parked_seconds == 30
    later = Running(lambda: fetcher.bind(unit())(other))
    assert waiting.document().content == b"figures"
    clock.leave()
    assert later.document().content == b"other"
    assert clock.monotonic() >= 30
    assert server.requests[0].target == "/busy"


def test_a_silent_host_is_parked_and_fails_in_the_end(polite: MakeFetcher) -> None:
    """Through the whole door: after ten failures calls wait for the host, and at last fail as host_down. [R9.4]"""

    def silent(_request: DocumentRequest) -> bytes:
        raise ConnectionRefusedError

    clock = VirtualClock()
    fetcher = polite(transports={"https://": silent}, clock=clock, patience=100)
    kinds = [source_error(lambda: fetcher.bind(unit())("https://a.org/x")).kind for _call in range(13)]
    assert kinds[:10] == ["connection"] * 10
    assert fetcher.status().hosts[0].breaker == "open"
    assert (kinds[12], clock.monotonic() >= 100) == ("host_down", True)
    assert fetcher.status().hosts[0].parked_seconds > 0


def test_requests_of_a_slow_job_are_spaced(polite: MakeFetcher) -> None:
    """min_interval of a job holds through the whole door."""
    clock = VirtualClock()
    context = job(min_interval=10)
    fetcher = polite(transports={"https://": answering}, clock=clock)
    for number in range(3):
        fetcher.bind(unit(context))(f"https://a.org/{number}")
    assert clock.monotonic() == pytest.approx(20, abs=0.01)


def test_the_limit_counts_from_when_the_bytes_left(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds between a turn and the wire (a connection, a handshake, a busy machine) do not bring two requests together. [P10, R9.1]"""
    clock = VirtualClock()
    url = server.on("/doc", reply(b"figures"))
    departed: list[float] = []
    send_all = _WatchedSocket.sendall

    def held_up(sock: _WatchedSocket, data: bytes) -> None:
        clock.advance(0.0 if departed else 7.0)
        departed.append(clock.monotonic())
        send_all(sock, data)

    monkeypatch.setattr(_WatchedSocket, "sendall", held_up)
    with closing(PoliteFetcher(rate=1.0, clock=clock)) as fetcher:
        for number in range(3):
            fetcher.bind(unit())(url, name=str(number))
    assert departed[0] == 7
    assert [later - earlier >= 1 for earlier, later in pairwise(departed)] == [True, True]


def test_what_does_not_tell_when_it_sends_counts_from_when_it_was_asked_to(server: FaultServer, polite: MakeFetcher) -> None:
    """The time that a caller's own transport or session takes for an answer does not slow the next request down. [P10]"""
    clock = VirtualClock()

    def slow(_request: DocumentRequest) -> bytes:
        clock.advance(10)
        return b"figures"

    class SlowAdapter(requests.adapters.HTTPAdapter):
        def send(self, *arguments: Any, **options: Any) -> requests.Response:
            clock.advance(10)
            return super().send(*arguments, **options)

    fetcher = polite(transports={"https://": slow}, rate=0.2, clock=clock)
    for number in range(3):
        fetcher.bind(unit())(f"https://a.org/{number}")
    assert clock.monotonic() == 30
    with requests.Session() as session:
        session.mount("http://", SlowAdapter())
        fetcher = polite(session=session, rate=0.2, clock=clock)
        for number in range(3):
            fetcher.bind(unit())(server.on("/doc", reply(b"figures")), name=str(number))
    assert clock.monotonic() == 60


def test_provenance_is_recorded_in_the_asking_thread(polite: MakeFetcher) -> None:
    """Each unit is told of each document it is handed, where it asked; of failures it is not. [B3]"""
    recorded: list[tuple[str, int]] = []
    context = unit(record=lambda got: recorded.append((got.name, threading.get_ident())))
    fetch = polite(transports={"https://": answering}).bind(context)

    def ask() -> None:
        fetch("https://a.org/x", name="x")
        recorded.append(("asked in", threading.get_ident()))

    Running(ask).wait()
    source_error(lambda: fetch("ftp://a.org/"))
    assert [name for name, _thread in recorded] == ["x", "asked in"]
    assert len({thread for _name, thread in recorded}) == 1


# --- how it ends


def test_a_closed_fetcher_says_so(server: FaultServer) -> None:
    """Closing twice is fine, using it afterwards is not; the status can still be read."""
    fetcher = PoliteFetcher(rate=None)
    fetch = fetcher.bind(unit())
    fetch(server.on("/doc", reply(b"x")))
    fetcher.close()
    fetcher.close()
    for use in (lambda: fetch(server.url()), lambda: fetcher.bind(unit())):
        assert "closed" in str(failure(use, ServiceUnusable))
    assert fetcher.status().requests == 1


def test_a_call_that_waits_while_it_is_closed_is_not_sent(server: FaultServer) -> None:
    """Nothing goes out after close, not even what was waiting for its turn."""
    clock = VirtualClock(threads=2)
    fetcher = PoliteFetcher(clock=clock, retry=RetryPolicy(base=0))
    fetch = fetcher.bind(unit())
    url = server.on("/busy", reply(status="503 Busy", Retry_After="9"))
    waiting = Running(fetch, url)
    until(lambda: clock.waits)
    fetcher.close()
    clock.leave()
    assert isinstance(waiting.wait().error, ServiceUnusable)
    assert len(server.requests) == 1


def test_nothing_is_left_behind(server: FaultServer, tmp_path: Path) -> None:
    """After close no socket, file or thread is left that the interpreter could complain of."""
    threads = threading.active_count()
    fetcher = PoliteFetcher(rate=None, archive=RawArchive(tmp_path), shared_state=tmp_path / "limits")
    fetcher.bind(unit())(server.on("/doc", reply(b"x")))
    fetcher.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del fetcher
        gc.collect()
    until(lambda: threading.active_count() <= threads)


def test_it_is_not_carried_over_a_fork(server: FaultServer, polite: MakeFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a forked process a fetcher that was in use refuses every use with the remedy, and closing it touches nothing."""
    fetcher = polite()
    fetch = fetcher.bind(unit())
    url = server.on("/doc", reply(b"x"))
    fetch(url)
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: -1)
        for use in (lambda: fetch(url), lambda: fetcher.bind(unit()), fetcher.status):
            assert "spawn" in str(failure(use, ServiceUnusable))
        fetcher.close()
    assert len(server.connections) == 1


FORKED = """
import os, sys
from datetime import UTC, date, datetime
from backfill.errors import ServiceUnusable
from backfill.fetching import PoliteFetcher
from backfill.model import JobContext, UnitContext

unit = UnitContext(JobContext("j", datetime.now(UTC)), date(2026, 1, 1))
used, unused = (PoliteFetcher(transports={"box:": lambda request: b"x"}) for _ in range(2))
used.bind(unit)("box:x")
child = os.fork()
if child == 0:
    unused.bind(unit)("box:x")
    try:
        used.bind(unit)("box:x")
    except ServiceUnusable:  # as a door is in a forked process, which the exit code tells
        used.close()
        os._exit(42)
    os._exit(1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork there")
def test_a_real_fork() -> None:
    """One that was never used may be used in the child; one that was may not, and says so instead of hanging."""
    path = str(Path(backfill.fetching.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", FORKED], env={"PYTHONPATH": path}, timeout=60, check=False)
    assert done.returncode == 42


def test_the_package_loads_the_network_on_first_use_only() -> None:
    """Importing the package, the archive or the test doubles loads no HTTP library; unknown names are refused."""
    code = "import sys, backfill.fetching, backfill.testing.fetch as f; backfill.fetching.RawArchive; sys.exit('requests' in sys.modules)"
    path = str(Path(backfill.fetching.__file__).parents[2])
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, timeout=60, check=False).returncode == 0
    assert dir(backfill.fetching) == ["ArchiveFetch", "BareFetcher", "PoliteFetcher", "RawArchive"]
    with pytest.raises(AttributeError, match="Nothing"):
        _ = backfill.fetching.Nothing
