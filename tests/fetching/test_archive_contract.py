"""The archive in a folder keeps the contract of all raw archives."""

from __future__ import annotations

from pathlib import Path

from backfill.fetching import RawArchive
from backfill.fetching.reuse import Archive
from backfill.testing.contracts import RawArchiveContract


class TestRawArchive(RawArchiveContract):
    """Contents in files, answers in a database."""

    durable = portable = True

    def make_archive(self, place: Path, /) -> Archive:
        """Return an archive in the folder."""
        return RawArchive(place / "raw")

    def tear(self, archive: Archive, sha256: str, /) -> None:
        """Cut the file in half."""
        path = self.place / "raw" / "contents" / sha256[:2] / f"{sha256[2:]}.gz"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
