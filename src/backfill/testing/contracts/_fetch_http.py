"""What a door that speaks HTTP must make of what servers answer."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Mapping
from functools import cached_property
from urllib.parse import parse_qs, urlsplit

from backfill.clock import SystemClock
from backfill.engine.failures import as_source_error
from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.model import Document, JobContext
from backfill.protocols import Fetch, Fetcher
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._fetch_documents import FetchHooks, a_unit
from backfill.testing.samples import NOON
from backfill.testing.server import FaultServer, Received, reply

BODY = b"day,members\n2024-01-31,1234\n" * 400


class HttpContract(FetchHooks):
    """Answers mean what HTTP says; what was cut on its way is no document."""

    def make_fetcher(self) -> Fetch | Fetcher:
        """Return the door; it must be allowed to reach a server on loopback."""
        raise NotImplementedError

    def make_door(self, documents: Mapping[str, bytes], /) -> Fetch | Fetcher:
        """Return the door to a server that has *documents*."""
        for url, content in documents.items():
            self.server.on(urlsplit(url).path, reply(content))
        return self.make_fetcher()

    @cached_property
    def server(self) -> FaultServer:
        """The server."""
        return self._exits.enter_context(FaultServer())

    def address(self, path: str, /) -> str:
        """Return the address of a document on the server."""
        return self.server.url(f"/{path}")

    def test_the_request_arrives_as_it_was_asked(self) -> None:
        """Method, parameters, headers and body reach the server. [R3.1]"""
        fetch = self.new_fetch({"ask": b"figures"})
        url = self.address("ask") + "?kept=1"
        document = fetch(url, method="POST", params={"district": "61 ä"}, headers={"X-Wanted": "yes"}, body=b"a=b")
        equal(document.content, b"figures", "content")
        (received,) = self.server.requests
        equal((received.method, received.body), ("POST", b"a=b"), "method and body")
        equal(received.headers.get("x-wanted"), "yes", "header")
        equal(parse_qs(urlsplit(received.target).query), {"kept": ["1"], "district": ["61 ä"]}, "parameters")

    def test_gone_is_unavailable(self) -> None:
        """404 and 410 say that there is no such document. [R6.2]"""
        fetch = self.new_fetch({})
        for status in ("404 Not Found", "410 Gone"):
            equal(type(self._failure(fetch, reply(b"no", status))), DataUnavailable, f"what {status} means")

    def test_refusals_are_permanent(self) -> None:
        """400, 401 and 403 would be the same when asked again. [R6.5]"""
        fetch = self.new_fetch({})
        for status in ("400 Bad Request", "401 Unauthorized", "403 Forbidden"):
            equal(type(self._failure(fetch, reply(b"no", status))), PermanentSourceError, f"what {status} means")

    def test_trouble_of_the_server_is_transient(self) -> None:
        """5xx, and a connection that breaks off, may be over the next time. [R6.5]"""
        fetch = self.new_fetch({})
        troubles = {
            "500": reply(b"", "500 Internal Server Error"),
            "503": reply(b"", "503 Service Unavailable"),
            "reset": self.server.reset,
        }
        for name, trouble in troubles.items():
            equal(type(self._failure(fetch, trouble)), TransientSourceError, f"what {name} means")

    def test_a_cut_body_is_no_document(self) -> None:
        """A body that is shorter than was announced, plain, in chunks or compressed, is a failure that may pass, never a document. [P4, B3]"""
        fetch = self.new_fetch({})
        packed = gzip.compress(BODY)[:-20]
        chunk = b"%x\r\n%s\r\n" % (len(BODY), BODY)
        cuts = {
            "a plain body": reply(BODY, Content_Length=str(len(BODY) + 10)),
            "a body in chunks": reply(b"", Content_Length="", Transfer_Encoding="chunked") + chunk,
            "a compressed body": reply(packed, Content_Encoding="gzip"),
        }
        for name, cut in cuts.items():
            equal(type(self._failure(fetch, cut)), TransientSourceError, f"what {name} that was cut means")

    def test_a_compressed_body_is_unpacked(self) -> None:
        """What was compressed for the way is handed out as it was before, in one piece or in chunks. [P4]"""
        fetch = self.new_fetch({})
        packed = gzip.compress(BODY)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
        self.server.on("/plain", reply(packed, Content_Encoding="gzip"))
        self.server.on("/chunked", reply(b"", Content_Length="", Transfer_Encoding="chunked", Content_Encoding="gzip") + chunked)
        for path in ("plain", "chunked"):
            holds(fetch(self.address(path)).content == BODY, f"the {path} document has another content")

    def test_a_redirection_is_followed(self) -> None:
        """A document that has moved is found at its new address. [R3.1]"""
        fetch = self.new_fetch({"new": b"moved"})
        self.server.on("/old", reply(b"", "302 Found", Location="/new"))
        equal(fetch(self.address("old")).content, b"moved", "content behind a redirection")

    def test_a_transient_failure_is_tried_again(self) -> None:
        """A fetcher asks again after a transient failure, and records the one document that came of it. [R6.5, B3]"""
        fetcher = self.new_fetcher({})
        recorded: list[Document] = []
        self.server.on("/figures", reply(b"", "503 Service Unavailable"), reply(b"figures"))
        equal(fetcher.bind(a_unit(recorded.append))(self.address("figures")).content, b"figures", "content after one failure")
        equal(len(self.server.requests), 2, "requests sent")
        equal([document.content for document in recorded], [b"figures"], "documents recorded")

    def test_one_attempt_is_one_request(self) -> None:
        """A job that does not retry sends one request a document. [R6.5]"""
        fetcher = self.new_fetcher({})
        self.server.on("/figures", reply(b"", "503 Service Unavailable"), reply(b"figures"))
        once = fetcher.bind(a_unit(job=JobContext("job-1", NOON, retry=False)))
        with refused(TransientSourceError, "a document that is tried once"):
            once(self.address("figures"))
        equal(len(self.server.requests), 1, "requests sent")

    def test_cancelling_ends_the_attempts(self) -> None:
        """A job that is cancelled while its document is fetched sends no further request. [R4.4]"""
        self.clock = SystemClock()
        fetcher = self.new_fetcher({})
        job = JobContext("job-1", NOON)

        def cancel_and_fail(connection: socket.socket, _request: Received) -> None:
            job.cancel.set()
            connection.sendall(reply(b"", "503 Service Unavailable"))

        self.server.on("/figures", cancel_and_fail, reply(b"figures"))
        with refused(Cancelled, "a document whose job is cancelled meanwhile"):
            fetcher.bind(a_unit(job=job))(self.address("figures"))
        equal(len(self.server.requests), 1, "requests sent")

    def _failure(self, fetch: Fetch, behaviour: object) -> SourceError:
        """Return what a job would record when the server behaves so, each time it is asked."""
        path = f"fault-{len(self.server.requests)}"
        url = self.server.on(f"/{path}", behaviour)  # type: ignore[arg-type] # a behaviour
        try:
            document = fetch(url)
        except Exception as error:  # noqa: BLE001 - which one it is, is what the test looks at
            return as_source_error(error, extra={})
        message = f"the door returned a document of {len(document.content)} bytes, and should have failed"
        raise AssertionError(message)
