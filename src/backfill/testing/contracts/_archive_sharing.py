"""Many use a raw archive at once, in threads and in processes; it outlives them, and tells when it was damaged."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from backfill.errors import DamagedFile
from backfill.fetching.reuse import Archive
from backfill.testing.contracts._archive_hooks import ArchiveHooks, a_document, hands_out
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._suite import skip
from backfill.testing.samples import NOON

_WRITERS = 16


class SharingContract(ArchiveHooks):
    """Several writers, several archives, several processes."""

    def test_threads_lose_nothing(self) -> None:
        """Sixteen threads that keep different documents at once keep them all. [R9.2]"""
        archive = self.new_archive()

        def keep(number: int) -> None:
            for turn in range(4):
                archive.put(a_document(f"{number}-{turn}".encode(), f"{number}~{turn}"))

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(keep, range(_WRITERS)))
        for number in range(_WRITERS):
            for turn in range(4):
                hands_out(archive, f"{number}-{turn}".encode(), f"{number}~{turn}")

    def test_threads_keep_the_same_content(self) -> None:
        """Sixteen threads that keep the same content at once under different identities keep it for each. [R9.2]"""
        archive = self.new_archive()
        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(lambda number: archive.put(a_document(b"same" * 5000, f"n{number}")), range(_WRITERS)))
        for number in range(_WRITERS):
            hands_out(archive, b"same" * 5000, f"n{number}")

    def test_a_reader_sees_whole_documents(self) -> None:
        """While answers for one document come in, each look finds one of them, whole, and never an older one than before. [R9.2, B2]"""
        archive = self.new_archive()
        archive.put(a_document(b"000" * 20_000))
        seen: list[tuple[object, bytes]] = []

        def keep() -> None:
            for number in range(1, 12):
                moment = NOON + timedelta(seconds=number)
                archive.put(a_document(f"{number:03}".encode() * 20_000, at=moment))

        with ThreadPoolExecutor(1) as pool:
            keeping = pool.submit(keep)
            while not keeping.done():
                found = archive.get("report~61")
                holds(found is not None, "a document that is there was not found")
                if found is not None:
                    seen.append((found.fetched_at, found.content))
            keeping.result()
        holds(
            all(content == content[:3] * 20_000 for _moment, content in seen), "a document that is being kept was handed out torn"
        )
        equal([content for _moment, content in seen], sorted(content for _moment, content in seen), "contents, as they were seen")
        hands_out(archive, b"011" * 20_000)

    def test_what_is_kept_outlives_the_archive(self) -> None:
        """Another archive over the same folder has what the first one kept, also what was refused. [B2, B4]"""
        self.need_durable()
        first = self.new_archive()
        first.put(a_document())
        first.put(a_document(b"<html>", "bad"), usable=False)
        first.close()
        second = self.new_archive()
        hands_out(second, b"figures")
        equal(second.get("bad"), None, "what get() returns of what was refused")

    def test_two_archives_over_one_folder_agree(self) -> None:
        """What one of them keeps, the other hands out at once. [B2]"""
        self.need_durable()
        one, other = self.new_archive(), self.new_archive()
        one.put(a_document(b"one"))
        hands_out(other, b"one")
        other.put(a_document(b"other", at=NOON + timedelta(seconds=1)))
        hands_out(one, b"other")

    def test_it_goes_to_other_processes(self) -> None:
        """A copy by way of pickle is another handle of the same archive. [B8]"""
        if not self.portable:
            skip("this archive is not said to go to other processes", "set portable = True if it can be pickled")
        archive = self.new_archive()
        archive.put(a_document(b"before"))
        copy = pickle.loads(pickle.dumps(archive))  # noqa: S301 - of our own making
        self.closing(copy)
        holds(isinstance(copy, Archive), "what was unpickled is no archive")
        hands_out(copy, b"before")
        copy.put(a_document(b"by the copy", at=NOON + timedelta(seconds=1)))
        hands_out(archive, b"by the copy")

    def test_damage_is_told_and_mended(self) -> None:
        """A content that is no longer what it was is never handed out: it is told, until it is kept again. [B4]"""
        archive = self.new_archive()
        document = a_document(b"figures" * 100)
        archive.put(document)
        archive.put(a_document(b"other", "other"))
        self.tear(archive, document.sha256)
        with refused(DamagedFile, "a document whose content was damaged"):
            archive.get("report~61")
        hands_out(archive, b"other", "other")
        archive.put(document)
        hands_out(archive, b"figures" * 100)
