"""What the door makes of a server that misbehaves: the right typed error each time, and never half a document."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import pytest
import requests

from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.fetching import PoliteFetcher
from backfill.model import Document, RetryPolicy
from backfill.testing.server import Behaviour, FaultServer, reply
from fetching_doubles import Running, failure, job, source_error, unit, until

MakeFetcher: TypeAlias = Callable[..., PoliteFetcher]

BODY = b"district,members\r\n61,1234\r\n" * 2000
ZIPPED = gzip.compress(BODY)


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return an answer in chunks."""
    return reply(Content_Length="", Transfer_Encoding="chunked") + b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + end


def closed(body: bytes, **headers: str) -> bytes:
    """Return an answer that ends with its connection."""
    return reply(b"", "200 OK", **({"Content_Length": ""} | headers)) + body


FAULTS: list[tuple[str, Behaviour, type[SourceError], str]] = [
    ("not found", reply(status="404 Not Found"), DataUnavailable, "http_404"),
    ("gone", reply(status="410 Gone"), DataUnavailable, "http_410"),
    ("forbidden", reply(status="403 Forbidden"), PermanentSourceError, "http_403"),
    ("teapot", reply(status="418 I'm a teapot"), PermanentSourceError, "http_418"),
    ("request timeout", reply(status="408 Request Timeout"), TransientSourceError, "http_408"),
    ("too early", reply(status="425 Too Early"), TransientSourceError, "http_425"),
    ("too many", reply(status="429 Too Many Requests"), TransientSourceError, "http_429"),
    ("server error", reply(status="500 Internal Server Error"), TransientSourceError, "http_500"),
    ("bad gateway", reply(status="502 Bad Gateway"), TransientSourceError, "http_502"),
    ("unavailable", reply(status="503 Service Unavailable"), TransientSourceError, "http_503"),
    ("gateway timeout", reply(status="504 Gateway Timeout"), TransientSourceError, "http_504"),
    ("odd server error", reply(status="599 Odd"), TransientSourceError, "http_599"),
    ("unasked 304", reply(status="304 Not Modified"), PermanentSourceError, "http_304"),
    ("unasked part", reply(BODY, status="206 Partial Content"), TransientSourceError, "truncated"),
    ("redirect to nowhere", reply(status="302 Found"), PermanentSourceError, "http_302"),
    ("body shorter than its length", reply(BODY, Content_Length="999999"), TransientSourceError, "truncated"),
    ("chunks cut", chunked(BODY, end=b"ffff\r\nhalf"), TransientSourceError, "truncated"),
    ("chunks without end", chunked(BODY, end=b""), TransientSourceError, "truncated"),
    ("gzip cut, length right", reply(ZIPPED[:-20], Content_Encoding="gzip"), TransientSourceError, "truncated"),
    ("gzip cut, no length", closed(ZIPPED[:-20], Content_Encoding="gzip"), TransientSourceError, "truncated"),
    ("gzip that is none", reply(b"not gzip at all", Content_Encoding="gzip"), TransientSourceError, "bad_encoding"),
    ("gzip with rubbish behind", reply(ZIPPED + b"rubbish", Content_Encoding="gzip"), TransientSourceError, "bad_encoding"),
    ("encoding not asked for", reply(BODY, Content_Encoding="br"), PermanentSourceError, "bad_encoding"),
    ("no length", closed(BODY), PermanentSourceError, "unframed"),
    ("a length that is none", reply(BODY, Content_Length="many"), PermanentSourceError, "unframed"),
    ("two lengths", reply(BODY, Content_Length="5, 7"), TransientSourceError, "connection"),
    ("reset", FaultServer.reset, TransientSourceError, "connection"),
    ("nothing at all", b"", TransientSourceError, "connection"),
    ("rubbish", b"\x00\xff rubbish\r\n\r\n", TransientSourceError, "connection"),
    ("70 KB header", reply(BODY, X="x" * 70_000), TransientSourceError, "connection"),
]


@pytest.mark.parametrize(("behaviour", "kind", "word"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_each_fault_becomes_its_typed_error(
    server: FaultServer, polite: MakeFetcher, behaviour: Behaviour, kind: type[SourceError], word: str
) -> None:
    """Each way in which a server can fail raises its own type and kind, at stage fetch, with the address. [R6.2, R6.5]"""
    url = server.on("/doc", behaviour)
    error = source_error(lambda: polite().bind(unit())(url))
    assert (type(error), error.kind, error.stage) == (kind, word, "fetch")
    assert url in str(error)


@pytest.mark.parametrize(
    ("behaviour", "content"),
    [
        (reply(BODY), BODY),
        (reply(BODY, status="203 Non-Authoritative Information"), BODY),
        (reply(b"", status="204 No Content", Content_Length=""), b""),
        (chunked(BODY[:100], BODY[100:]), BODY),
        (reply(ZIPPED, Content_Encoding="gzip"), BODY),
        (reply(ZIPPED, Content_Encoding="X-GZip"), BODY),
        (chunked(ZIPPED[:50], ZIPPED[50:]).replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1), BODY),
        (closed(ZIPPED, Content_Encoding="gzip"), BODY),
        (reply(ZIPPED + ZIPPED, Content_Encoding="gzip"), BODY + BODY),
        (reply(ZIPPED + b"\0" * 512, Content_Encoding="gzip"), BODY),
        (reply(b"", Content_Encoding="gzip"), b""),
        (reply(BODY, Content_Length="10"), BODY[:10]),
        (reply(BODY, Content_Encoding="identity"), BODY),
    ],
)
def test_a_whole_document_arrives_as_it_was_sent(
    server: FaultServer, polite: MakeFetcher, behaviour: Behaviour, content: bytes
) -> None:
    """A body that is whole by its length, its chunks or its gzip end mark arrives decoded, byte for byte."""
    assert polite().bind(unit())(server.on("/doc", behaviour)).content == content


def test_a_check_may_accept_a_body_without_a_length(server: FaultServer, polite: MakeFetcher) -> None:
    """Where HTTP cannot say whether a body is whole, the caller's check may."""
    url = server.on("/doc", closed(BODY))

    def check(document: Document) -> str:
        assert document.content == BODY
        return "whole"

    assert polite().bind(unit())(url, check=check).parsed == "whole"


@pytest.mark.parametrize(
    "behaviour",
    [
        reply(b"x" * 5000),
        chunked(b"x" * 5000),
        reply(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip"),
        closed(gzip.compress(b"") * 500, Content_Encoding="gzip"),
    ],
    ids=["length", "chunks", "bomb", "on the wire only"],
)
def test_a_body_larger_than_allowed_is_refused(server: FaultServer, polite: MakeFetcher, behaviour: Behaviour) -> None:
    """Neither a long body nor a bomb nor endless padding takes more memory than max_bytes allows."""
    error = source_error(lambda: polite(max_bytes=4096).bind(unit())(server.on("/doc", behaviour)))
    assert (type(error), error.kind) == (PermanentSourceError, "too_large")
    assert "max_bytes=4096" in str(error)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Drip: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
        b"",
    ],
    ids=["body", "headers", "chunk", "status line"],
)
def test_a_dripping_server_is_left_at_the_deadline(server: FaultServer, polite: MakeFetcher, head: bytes) -> None:
    """The deadline is a total: a drop now and then, in body or headers, does not extend it."""
    url = server.on("/doc", server.drip(head))
    began = time.monotonic()
    error = source_error(lambda: polite(deadline=0.3).bind(unit())(url))
    assert (type(error), error.kind) == (TransientSourceError, "timeout")
    assert 0.25 < time.monotonic() - began < 0.8


def test_a_hanging_server_is_left_at_the_deadline(server: FaultServer, polite: MakeFetcher) -> None:
    """A server that accepts and says nothing costs one deadline."""
    url = server.on("/doc", server.hang)
    assert source_error(lambda: polite(deadline=0.15).bind(unit())(url)).kind == "timeout"


@pytest.mark.parametrize("where", ["in the silence", "in the body"])
def test_a_cancelled_job_leaves_a_slow_server_at_once(server: FaultServer, polite: MakeFetcher, where: str) -> None:
    """Cancel ends a request that is under way within a fraction of a second, not at its deadline. [R4.4]"""
    slow = server.hang if where == "in the silence" else server.drip(reply(Content_Length="100000"))
    url = server.on("/doc", slow)
    context = job()
    running = Running(lambda: polite(deadline=30).bind(unit(context))(url))
    until(lambda: server.requests)
    began = time.monotonic()
    context.cancel.set()
    assert isinstance(running.wait().error, Cancelled)
    assert time.monotonic() - began < 0.5


def test_the_body_of_an_error_matters_to_nobody(server: FaultServer, polite: MakeFetcher) -> None:
    """The status is the answer, even if the page that explains it is cut, endless, or slow to come."""
    cut = server.on("/cut", reply(b"half a page", status="404 Not Found", Content_Length="9999"))
    endless = server.on("/endless", server.drip(reply(status="404 Not Found", Content_Length=""), b"x" * 65536, seconds=0))
    slow = server.on("/slow", server.drip(reply(status="404 Not Found", Content_Length="9999")))
    fetch = polite(deadline=0.2).bind(unit())
    assert [source_error(partial(fetch, url)).kind for url in (cut, endless, slow)] == ["http_404"] * 3


def test_a_part_is_a_document_if_it_was_asked_for_by_name(server: FaultServer, polite: MakeFetcher) -> None:
    """A range needs a name of its own, or it would be archived, and shared, as the whole."""
    url = server.on("/doc", reply(b"part", status="206 Partial Content"))
    fetch = polite().bind(unit())
    assert fetch(url, headers={"range": "bytes=0-3"}, name="the beginning").content == b"part"
    error = source_error(lambda: fetch(url, headers={"Range": "bytes=0-3"}))
    assert (type(error), error.kind, len(server.requests)) == (PermanentSourceError, "bad_request", 1)


def test_a_host_that_is_not_there_is_a_connection_error(polite: MakeFetcher) -> None:
    """Nobody listens: transient, kind connection."""
    error = source_error(lambda: polite().bind(unit())("http://127.0.0.1:1/refused"))
    assert (type(error), error.kind) == (TransientSourceError, "connection")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a",
        "file:///etc/passwd",
        "example.org/a",
        "",
        "http://",
        "http://[::1",
        "http://example.org:99999/",
        "https://a b/",
        "http://example.org/\n",
        "http://example.org/\x00a",
        None,
        5,
        b"http://example.org/",
    ],
)
def test_what_is_no_web_address_is_refused(polite: MakeFetcher, url: str) -> None:
    """Only http and https addresses with a host go out; the rest is permanent, kind bad_url."""
    error = source_error(lambda: polite().bind(unit())(url))
    assert (type(error), error.kind, error.stage) == (PermanentSourceError, "bad_url", "fetch")


def test_a_host_name_that_cannot_be_is_refused(polite: MakeFetcher) -> None:
    """An address that only the HTTP library finds fault with is bad_url as well."""
    assert source_error(lambda: polite().bind(unit())("http://.example.org/")).kind == "bad_url"


@pytest.mark.parametrize(
    "options", [{"headers": {"X-Key": "secret\r\nX: y"}}, {"headers": {"X-Key": "secret \u20ac"}}, {"method": "GET\x00"}]
)
def test_a_request_that_http_does_not_allow_is_refused(server: FaultServer, polite: MakeFetcher, options: dict[str, Any]) -> None:
    """A line break in a header, or what cannot be written at all, is refused, and no value is repeated."""
    fetch = polite().bind(unit())
    error = source_error(lambda: fetch(server.url(), **options))
    assert (type(error), error.kind) == (PermanentSourceError, "bad_request")
    assert "secret" not in str(error)
    assert server.requests == []


def test_a_session_without_a_way_out_is_a_bad_address(server: FaultServer, polite: MakeFetcher) -> None:
    """A session whose adapters do not know the scheme cannot send."""
    with requests.Session() as session:
        session.adapters.clear()
        assert source_error(lambda: polite(session=session).bind(unit())(server.url())).kind == "bad_url"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"Retry_After": "soon"}, None),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_retry_after_is_read_in_both_forms(
    server: FaultServer, polite: MakeFetcher, status: str, headers: dict[str, str], expected: float | None
) -> None:
    """The error tells for how long the server asked to be left alone. [R6.5]"""
    url = server.on("/doc", reply(b"", status, **headers))
    error = failure(lambda: polite().bind(unit())(url), TransientSourceError)
    assert error.retry_after == expected


def test_a_failed_attempt_is_tried_again(server: FaultServer, polite: MakeFetcher) -> None:
    """After a cut body the next attempt brings the whole, and the counters tell. [R6.5]"""
    url = server.on("/doc", reply(BODY, Content_Length="999999"), reply(BODY))
    fetcher = polite(retry=RetryPolicy(base=0))
    assert fetcher.bind(unit())(url).content == BODY
    status = fetcher.status()
    assert (status.requests, status.retries) == (2, 1)
    assert status.bytes_received >= 2 * len(BODY)


def test_eight_threads_share_connections(server: FaultServer, polite: MakeFetcher) -> None:
    """Threads go through one fetcher without a warning, each with its own document, over connections that are kept."""
    for number in range(8):
        server.on(f"/{number}", reply(b"%d" % number, Connection="keep-alive"))
    fetch = polite(concurrency=8).bind(unit())
    barrier = threading.Barrier(8)

    def ask(number: int) -> bytes:
        barrier.wait()
        return fetch(server.url(f"/{number}")).content

    running = [Running(ask, number) for number in range(8)]
    assert [each.wait().result for each in running] == [b"%d" % number for number in range(8)]
    made = len(server.connections)
    for number in range(8):
        ask_again = fetch(server.url(f"/{number}"), method="POST", body=b"q")
        assert ask_again.content == b"%d" % number
    assert len(server.connections) == made <= 8


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_a_connection_is_used_again_after_any_small_answer(server: FaultServer, polite: MakeFetcher, status: str) -> None:
    """What is not published costs no new connection either."""
    url = server.on("/doc", reply(b"some page", status=status, Connection="keep-alive"))
    fetch = polite().bind(unit())
    for _call in range(3):
        with suppress(DataUnavailable):  # what is asked for is not published; the connection counts
            fetch(url)
    assert len(server.connections) == 1
