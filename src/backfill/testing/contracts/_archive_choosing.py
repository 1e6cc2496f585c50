"""Of several answers for one document a raw archive hands out the right one, and none that a check refused."""

from __future__ import annotations

from datetime import timedelta

from backfill.model import Document
from backfill.testing.contracts._archive_hooks import ArchiveHooks, a_document, got, hands_out
from backfill.testing.contracts._asserting import equal, holds, present
from backfill.testing.samples import NOON

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


class ChoosingContract(ArchiveHooks):
    """Several answers, and what is asked for."""

    def test_the_newest_serves(self) -> None:
        """Of several answers the one that was fetched last counts, in whatever order they were kept. [R9.3]"""
        archive = self.new_archive()
        for content, age in ((b"second", 1), (b"oldest", 2), (b"newest", 0), (b"older", 3)):
            archive.put(a_document(content, at=NOON - age * _DAY))
        hands_out(archive, b"newest")

    def test_of_one_moment_the_last_kept_serves(self) -> None:
        """Of two answers of the same moment the one that was kept later counts. [R9.3]"""
        archive = self.new_archive()
        for content in (b"zzz", b"aaa", b"mmm"):
            archive.put(a_document(content))
        hands_out(archive, b"mmm")

    def test_none_that_is_too_old_serves(self) -> None:
        """Fetched at the moment asked for is recent enough, a microsecond before it is not. [R9.3]"""
        archive = self.new_archive()
        archive.put(a_document(at=NOON))
        hands_out(archive, b"figures", since=NOON)
        hands_out(archive, b"figures", since=NOON - _TICK)
        equal(archive.get("report~61", NOON + _TICK), None, "what get() returns since a microsecond later")

    def test_a_content_is_found_by_its_hash(self) -> None:
        """What a record was made from is handed out however many newer answers there are. [B3, B4]"""
        archive = self.new_archive()
        old = a_document(b"old", at=NOON - 9 * _DAY)
        archive.put(old)
        for age in range(3):
            archive.put(a_document(b"new", at=NOON - age * _DAY))
        found = present(archive.get("report~61", sha256=old.sha256), "the document with the hash of the old content")
        equal((found.content, found.fetched_at), (b"old", NOON - 9 * _DAY), "content and time")
        equal(archive.get("report~61", sha256="0" * 64), None, "what get() returns for a hash that no content has")
        equal(archive.get("report~62", sha256=old.sha256), None, "what get() returns for a content of another identity")

    def test_a_content_is_rather_as_it_was_fetched_then(self) -> None:
        """Of several answers with the content that is asked for, the one of the moment asked for counts; else the newest. [B3]"""
        archive = self.new_archive()
        for age in range(3):
            archive.put(a_document(at=NOON - age * _DAY))
        sha256 = a_document().sha256
        for moment, expected in ((NOON - _DAY, NOON - _DAY), (NOON - 9 * _DAY, NOON), (None, NOON)):
            found = present(archive.get("report~61", sha256=sha256, fetched_at=moment), f"the document as of {moment}")
            equal(found.fetched_at, expected, f"time of the document as of {moment}")

    def test_what_was_refused_is_never_handed_out(self) -> None:
        """An answer that a check refused hides no other, and serves nobody, also under the hash of its content. [B4, R6.5]"""
        archive = self.new_archive()
        refused = a_document(b"<html>", at=NOON)
        archive.put(refused, usable=False)
        equal(archive.get("report~61"), None, "what get() returns when only a refused answer is there")
        archive.put(a_document(b"older", at=NOON - _DAY))
        hands_out(archive, b"older")
        equal(archive.get("report~61", sha256=refused.sha256), None, "what get() returns for a refused content")

    def test_a_content_may_be_refused_here_and_good_there(self) -> None:
        """Whether it was refused belongs to the answer: the same content is handed out where it was accepted. [B4]"""
        archive = self.new_archive()
        archive.put(a_document(b"same", "bad"), usable=False)
        archive.put(a_document(b"same", "good"))
        equal(archive.get("bad"), None, "what get() returns for the refused one")
        hands_out(archive, b"same", "good")

    def test_what_was_refused_can_be_looked_at(self) -> None:
        """The newest refused answer is had by who asks for it, and by its identity alone. [B4]"""
        archive = self.new_archive()
        refused = self.able(archive, "refused")
        archive.put(a_document(b"good"))
        equal(refused("report~61"), None, "what refused() returns when nothing was refused")
        for content, age in ((b"new", 0), (b"old", 1)):
            archive.put(a_document(content, at=NOON - age * _DAY), usable=False)
        found = refused("report~61")
        holds(isinstance(found, Document) and found.content == b"new", f"refused() returned {found!r}, and not the newest one")
        equal(refused("report~62"), None, "what refused() returns for another identity")

    def test_names_are_told(self) -> None:
        """The identities of all usable documents are told, each once, in text order. [B4]"""
        archive = self.new_archive()
        names = self.able(archive, "names")
        equal(list(names()), [], "names in an empty archive")  # type: ignore[call-overload] # looked at by its items
        for name in ("b/2", "a~1", "ä", "b/2"):
            archive.put(a_document(name=name))
        archive.put(a_document(name="refused"), usable=False)
        equal(list(names()), ["a~1", "b/2", "ä"], "names")  # type: ignore[call-overload] # as above

    def test_names_can_be_forgotten(self) -> None:
        """Discarding forgets both kinds of answers of an identity, and no content that another one needs. [B4]"""
        archive = self.new_archive()
        discard = self.able(archive, "discard")
        for name in ("gone", "stays"):
            archive.put(a_document(b"shared", name))
        archive.put(a_document(b"own", "gone", at=NOON + _DAY))
        archive.put(a_document(b"bad", "gone"), usable=False)
        discard(["gone", "never-there"])
        equal(archive.get("gone"), None, "what get() returns of what was discarded")
        hands_out(archive, b"shared", "stays")
        archive.put(a_document(b"own", "gone"))
        equal(got(archive, "gone").content, b"own", "content that was kept again")
