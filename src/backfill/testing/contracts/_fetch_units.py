"""What a door must do for the units of work on whose behalf it opens."""

from __future__ import annotations

import threading

from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError
from backfill.model import Document, JobContext
from backfill.testing.contracts._asserting import equal, refused
from backfill.testing.contracts._fetch_documents import FetchHooks, a_unit
from backfill.testing.samples import NOON


class UnitsContract(FetchHooks):
    """Each unit has its own provenance, and the cancel flag of its own job. A bare `Fetch` knows no units."""

    def test_provenance_is_recorded(self) -> None:
        """Every document that is handed out is recorded for its unit, once, by who asked for it. [B3]"""
        fetcher = self.new_fetcher({"one": b"1", "two": b"2"})
        recorded: list[tuple[Document, int]] = []
        fetch = fetcher.bind(a_unit(lambda document: recorded.append((document, threading.get_ident()))))
        handed = [fetch(self.address(path)) for path in ("one", "two")]
        equal([document.ref for document, _ in recorded], [document.ref for document in handed], "documents recorded")
        equal({thread for _, thread in recorded}, {threading.get_ident()}, "threads that recorded them")

    def test_provenance_is_each_units_own(self) -> None:
        """Two units that ask for the same document have it recorded each, though it may be fetched once. [B3, R9.3]"""
        fetcher = self.new_fetcher({"figures": b"1"})
        for look in ("first", "second"):
            recorded: list[Document] = []
            document = fetcher.bind(a_unit(recorded.append))(self.address("figures"))
            equal([each.ref for each in recorded], [document.ref], f"documents recorded for the {look} unit")

    def test_what_was_not_handed_out_is_not_recorded(self) -> None:
        """Neither a missing document nor one that the check refuses is recorded. [B3]"""
        fetcher = self.new_fetcher({"figures": b"<html>"})
        recorded: list[Document] = []
        fetch = fetcher.bind(a_unit(recorded.append))

        def check(_document: Document) -> object:
            raise PermanentSourceError("not csv", kind="not_csv")

        with refused(DataUnavailable, "a document that does not exist"):
            fetch(self.address("missing"))
        with refused(PermanentSourceError, "a document that the check refuses"):
            fetch(self.address("figures"), check=check)
        equal(recorded, [], "documents recorded")

    def test_a_cancelled_job_gets_nothing(self) -> None:
        """Once its job is cancelled, a unit gets no document, from wherever it would come; other jobs go on. [R4.4]"""
        fetcher = self.new_fetcher({"figures": b"1"})
        job, recorded = JobContext("job-1", NOON), list[Document]()
        fetch = fetcher.bind(a_unit(recorded.append, job=job))
        fetch(self.address("figures"))
        job.cancel.set()
        with refused(Cancelled, "a document asked for after the job was cancelled"):
            fetch(self.address("figures"))
        equal(len(recorded), 1, "documents recorded")
        other = fetcher.bind(a_unit())
        equal(other(self.address("figures")).content, b"1", "content for another job")

    def test_it_may_be_closed_twice(self) -> None:
        """Closing a second time does nothing. [R10.2]"""
        fetcher = self.new_fetcher({"figures": b"1"})
        fetcher.bind(a_unit())(self.address("figures"))
        fetcher.close()
        fetcher.close()
