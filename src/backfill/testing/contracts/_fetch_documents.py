"""What a door must hand out, and what it must not."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve

from backfill.clock import SystemClock
from backfill.errors import DataUnavailable, PermanentSourceError, TransientSourceError
from backfill.model import Document, JobContext, UnitContext, document_name
from backfill.protocols import Fetch, Fetcher
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._suite import PATIENCE, Contract, skip
from backfill.testing.samples import DAY, NOON


class FetchHooks(Contract):
    """The one method that must be given."""

    def make_door(self, documents: Mapping[str, bytes], /) -> Fetch | Fetcher:
        """Return a door at which there are *documents*, by address, and no others."""
        raise NotImplementedError

    def address(self, path: str, /) -> str:
        """Return the address of a document."""
        return f"https://documents.example/{path}"

    def new_door(self, documents: Mapping[str, bytes]) -> Fetch | Fetcher:
        """Return a door at which there are *documents*, by path."""
        door = self.make_door({self.address(path): content for path, content in documents.items()})
        self.closing(door)
        return door

    def new_fetcher(self, documents: Mapping[str, bytes]) -> Fetcher:
        """Return the same, if it works for units; leave the test out if it is a bare function."""
        door = self.new_door(documents)
        if not isinstance(door, Fetcher):
            skip("this is a bare Fetch", "the service wraps it in a BareFetcher, which has its own tests")
        return door

    def new_fetch(self, documents: Mapping[str, bytes]) -> Fetch:
        """Return the door of one unit, or the bare function."""
        return bound(self.new_door(documents))


def bound(door: Fetch | Fetcher, unit: UnitContext | None = None) -> Fetch:
    """Return the door for a unit; a bare function as it is."""
    return door.bind(unit or a_unit()) if isinstance(door, Fetcher) else door


def a_unit(record: Callable[[Document], None] | None = None, *, job: JobContext | None = None) -> UnitContext:
    """Return a unit of work of a job that was accepted long ago."""
    unit = UnitContext(job or JobContext("job-1", NOON), DAY, "61", reuse_since=NOON)
    return unit if record is None else evolve(unit, record=record)


class DocumentsContract(FetchHooks):
    """Documents are whole, told apart, and looked at before they are believed."""

    def test_it_has_every_member(self) -> None:
        """The door has every member of one of the two protocols. [B7, R10.5]"""
        door = self.new_door({"a": b"a"})
        is_door = isinstance(door, Fetcher) or callable(door)
        holds(is_door, "the door has neither the members of backfill.protocols.Fetcher, nor is it a function such as Fetch")
        holds(isinstance(bound(door), Fetch), "what bind() returns cannot be called")

    def test_it_returns_the_document(self) -> None:
        """A document has its content, the hash of it, and the time at which it was received. [B3]"""
        document = self.new_fetch({"figures": b"1,2\n3,4\n"})(self.address("figures"))
        holds(isinstance(document, Document), f"the door returned {type(document).__name__}, and must return a Document")
        equal((document.content, document.text), (b"1,2\n3,4\n", "1,2\n3,4\n"), "content and text")
        equal(document.sha256, hashlib.sha256(b"1,2\n3,4\n").hexdigest(), "SHA-256")
        equal(document.status, 200, "status")
        holds(document.fetched_at.tzinfo is not None, "fetched_at has no zone")
        holds("figures" in document.url, f"url is {document.url!r}, and does not say where the document came from")

    def test_documents_are_whole(self) -> None:
        """Empty, binary and long documents come to their last byte; none is cut silently. [B3, P4]"""
        documents = {
            "empty": b"",
            "binary": bytes(range(256)) * 3,
            "long": b"0123456789abcdef" * 40_000,
            "nul": b"a\x00b\r\n\r\n",
        }
        fetch = self.new_fetch(documents)
        for path, content in documents.items():
            found = fetch(self.address(path))
            equal(len(found.content), len(content), f"bytes of the {path} document")
            holds(found.content == content, f"the {path} document has another content")

    def test_a_document_has_an_identity(self) -> None:
        """A document is named as the caller says, or by method, address and parameters. [B3]"""
        fetch = self.new_fetch({"figures": b"1"})
        url = self.address("figures")
        equal(fetch(url).name, document_name(url), "name of a document that the caller did not name")
        equal(fetch(url, name=document_name(url)).name, document_name(url), "name of a document that the caller named")

    def test_the_check_sees_the_answer(self) -> None:
        """The caller's check is handed the document, and what it returns is `parsed`; without a check that is ``None``. [R6.2]"""
        fetch = self.new_fetch({"figures": b"1,2"})
        seen: list[bytes] = []

        def check(document: Document) -> list[str]:
            seen.append(document.content)
            return document.text.split(",")

        equal(fetch(self.address("figures"), check=check).parsed, ["1", "2"], "parsed")
        equal(seen, [b"1,2"], "contents that the check was handed")
        equal(fetch(self.address("figures")).parsed, None, "parsed without a check")

    def test_what_the_check_refuses_is_not_returned(self) -> None:
        """A permanent error of the check is raised as it is, and nothing is asked again. [R6.5]"""
        fetch = self.new_fetch({"figures": b"<html>"})
        looks: list[Document] = []

        def check(document: Document) -> object:
            looks.append(document)
            raise PermanentSourceError("not csv", kind="not_csv")

        with refused(PermanentSourceError, "a document that the check refuses") as refusal:
            fetch(self.address("figures"), check=check)
        equal(getattr(refusal.error, "kind", None), "not_csv", "kind of the error")
        equal(len(looks), 1, "times that the check was asked")

    def test_what_the_check_doubts_is_not_returned(self) -> None:
        """A transient error of the check is raised when all attempts have been made, with its own kind. [R6.5]"""
        fetch = self.new_fetch({"figures": b"half"})

        def check(_document: Document) -> object:
            raise TransientSourceError("cut", kind="truncated", max_attempts=1)

        with refused(TransientSourceError, "a document that the check doubts") as refusal:
            fetch(self.address("figures"), check=check)
        equal(getattr(refusal.error, "kind", None), "truncated", "kind of the error")

    def test_what_does_not_exist_is_unavailable(self) -> None:
        """A document that is not there was not published: an outcome, not a failure. [R6.2]"""
        fetch = self.new_fetch({"figures": b"1"})
        with refused(DataUnavailable, "a document that does not exist"):
            fetch(self.address("missing"))

    def test_documents_are_not_mixed_up(self) -> None:
        """Threads that ask for different documents at once get each its own, and for the same one the same. [R9.2]"""
        self.clock = SystemClock()
        documents = {f"figures-{number}": f"content {number}".encode() for number in range(6)}
        fetch = self.new_fetch(documents)
        together = threading.Barrier(4, timeout=PATIENCE)

        def ask(number: int) -> dict[str, bytes]:
            together.wait()
            paths = list(documents)[number:] + list(documents)[:number]
            return {path: fetch(self.address(path)).content for path in paths}

        with ThreadPoolExecutor(4) as pool:
            for number, found in enumerate(pool.map(ask, range(4))):
                equal(found, documents, f"documents that thread {number} got")
