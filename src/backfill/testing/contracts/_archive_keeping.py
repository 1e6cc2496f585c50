"""What goes into a raw archive comes out of it, whole, for ever, and as what it is."""

from __future__ import annotations

import hashlib
import random
from datetime import timedelta, timezone

from backfill.fetching.reuse import Archive
from backfill.testing.contracts._archive_hooks import ArchiveHooks, a_document, got, hands_out
from backfill.testing.contracts._asserting import equal, holds
from backfill.testing.samples import NOON

_NAMES = (
    "GET https://example.org/a?b=c&d=%2F", "club~61~2024-01-31", "club~61", "club", "Club", "clüb/ö", "a/b", "a%2Fb", "a=2Fb", "..", ".",
    "=", "a b", "x" * 900, "/" * 300, "sha256=1", "名",
)  # fmt: skip


class KeepingContract(ArchiveHooks):
    """One document, and many side by side."""

    def test_it_has_every_member(self) -> None:
        """The archive has every member of the protocol. [B7, R10.5]"""
        archive = self.new_archive()
        missing = [name for name in ("get", "put", "close") if not callable(getattr(archive, name, None))]
        holds(not missing, f"the archive lacks {', '.join(missing)}")
        holds(isinstance(archive, Archive), "the archive is not one by its members")

    def test_a_document_comes_back(self) -> None:
        """Content, hash, address, identity, status, time and headers are those that were received. [B3, B4]"""
        archive = self.new_archive()
        kept = a_document(b"1,2\n3,4\n", status=203, headers={"etag": '"1"', "content-type": "text/csv"})
        archive.put(kept)
        found = got(archive)
        equal(found.content, kept.content, "content")
        equal(found.sha256, hashlib.sha256(kept.content).hexdigest(), "SHA-256")
        equal((found.url, found.name, found.status), (kept.url, kept.name, 203), "address, identity and status")
        equal(found.fetched_at, NOON, "time")
        equal(dict(found.headers), dict(kept.headers), "headers")

    def test_a_document_says_where_it_comes_from(self) -> None:
        """It says that it is from the archive, and nothing that a caller's check once said of it. [B3]"""
        archive = self.new_archive()
        archive.put(a_document())
        holds(got(archive).from_archive, "from_archive is not set")
        equal(got(archive).parsed, None, "parsed")

    def test_contents_are_whole(self) -> None:
        """Empty, binary, long and random contents come back to their last byte. [B4, P4]"""
        archive = self.new_archive()
        chosen = random.Random(1)  # noqa: S311 - the same bytes in every run, and no secret
        contents = [b"", b"\x00", bytes(range(256)) * 3, b"0123456789abcdef" * 40_000, "ä\r\n".encode(), b"\x1f\x8b\x08\x00"]
        contents += [chosen.randbytes(size) for size in (1, 100, 70_000)]
        for number, content in enumerate(contents):
            archive.put(a_document(content, f"document-{number}"))
        for number, content in enumerate(contents):
            found = got(archive, f"document-{number}").content
            equal(len(found), len(content), f"bytes of document {number}")
            holds(found == content, f"document {number} has another content")

    def test_any_name_can_be_kept(self) -> None:
        """An identity is any text: it is found again, and taken for no other. [B3]"""
        archive = self.new_archive()
        for number, name in enumerate(_NAMES):
            archive.put(a_document(f"{number}".encode(), name))
        for number, name in enumerate(_NAMES):
            hands_out(archive, f"{number}".encode(), name)
            equal(got(archive, name).name, name, "identity")

    def test_what_is_not_there_is_nothing(self) -> None:
        """Of an identity that was never kept nothing is handed out, however alike it is. [B4]"""
        archive = self.new_archive()
        equal(archive.get("report~61"), None, "what get() returns from an empty archive")
        archive.put(a_document())
        for name in ("report~6", "report~611", "REPORT~61", "report", ""):
            equal(archive.get(name), None, f"what get({name!r}) returns")

    def test_a_moment_is_kept_exactly(self) -> None:
        """A time is kept to the microsecond, and is the same moment whatever zone it was written in. [B3]"""
        archive = self.new_archive()
        east = timezone(timedelta(hours=9, minutes=30))
        moment = NOON.replace(microsecond=123_457)
        archive.put(a_document(at=moment.astimezone(east)))
        found = got(archive).fetched_at
        holds(found.tzinfo is not None, "fetched_at has no zone")
        equal(found, moment, "time")
        hands_out(archive, b"figures", since=moment.astimezone(east))

    def test_a_content_may_have_many_names(self) -> None:
        """The same content under several identities is handed out under each, with what is its own. [B3]"""
        archive = self.new_archive()
        for number in range(3):
            archive.put(a_document(name=f"n{number}", url=f"https://documents.example/{number}"))
        for number in range(3):
            hands_out(archive, b"figures", f"n{number}")
            equal(got(archive, f"n{number}").url, f"https://documents.example/{number}", "address")

    def test_keeping_again_changes_nothing(self) -> None:
        """The same answer kept twice, as when the word of the first time was lost, is handed out as it was. [B2]"""
        archive = self.new_archive()
        archive.put(a_document())
        archive.put(a_document())
        hands_out(archive, b"figures")
        equal(got(archive).fetched_at, NOON, "time")

    def test_secrets_are_not_kept(self) -> None:
        """Neither passwords nor keys in an address, nor cookies in a header, are handed out again. [B3]"""
        archive = self.new_archive()
        address = "https://someone:hidden-1@documents.example/figures?api_key=hidden-2&day=31"
        archive.put(a_document(url=address, headers={"set-cookie": "hidden-3", "etag": '"1"'}))
        told = repr((got(archive).url, dict(got(archive).headers)))
        holds("hidden" not in told, f"a secret was kept: {told}")
        equal(got(archive).headers.get("etag"), '"1"', "a header that is no secret")

    def test_it_may_be_closed_twice(self) -> None:
        """Closing lets go of what is held; what was kept stays kept. [R10.5]"""
        archive = self.new_archive()
        archive.put(a_document())
        archive.close()
        archive.close()
        if self.durable:
            hands_out(self.new_archive(), b"figures")
