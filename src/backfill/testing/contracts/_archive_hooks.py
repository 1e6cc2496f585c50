"""What the author of a raw archive says of it, so that it can be tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import ClassVar, cast

from backfill.fetching.reuse import Archive
from backfill.model import Document
from backfill.testing.contracts._asserting import equal, present
from backfill.testing.contracts._suite import Contract, skip
from backfill.testing.samples import NOON

URL = "https://documents.example/figures"


class ArchiveHooks(Contract):
    """One method that must be given, and what may be.

    Attributes:
        durable: Whether `make_archive` with the same folder opens what was kept there before.
        portable: Whether the archive can be pickled, so that other processes make figures from it.
    """

    durable: ClassVar[bool] = False
    portable: ClassVar[bool] = False

    def make_archive(self, place: Path, /) -> Archive:
        """Return an empty archive. *place* is an empty folder for those that need one."""
        raise NotImplementedError

    def tear(self, archive: Archive, sha256: str, /) -> None:
        """Damage the kept content with this hash, beside the archive: cut its file, flip a bit. May be left out."""
        del archive, sha256
        skip("nobody says how to damage what is kept", "define tear(archive, sha256)")

    def new_archive(self) -> Archive:
        """Return the archive; the second time, another over the same folder."""
        archive = self.make_archive(self.place)
        self.closing(archive)
        return archive

    def need_durable(self) -> None:
        """Leave the test out where nothing outlives the archive."""
        if not self.durable:
            skip("nothing is said to outlive this archive", "set durable = True if make_archive opens the same folder again")

    def able(self, archive: Archive, method: str) -> Callable[..., object]:
        """Return a method that an archive may have; leave the test out where it does not."""
        found = getattr(archive, method, None)
        if not callable(found):
            skip(f"this archive has no {method}()", "give it one as RawArchive has it, if its documents are to be found by it")
        return cast("Callable[..., object]", found)


def a_document(
    content: bytes = b"figures",
    name: str = "report~61",
    *,
    at: datetime = NOON,
    url: str = URL,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Document:
    """Return a document as it was received."""
    return Document(url=url, name=name, content=content, fetched_at=at, status=status, headers=headers or {})


def got(archive: Archive, name: str = "report~61", since: datetime | None = None) -> Document:
    """Return the document that an archive hands out."""
    return present(archive.get(name, since), f"what get({name!r}, {since}) returns")


def hands_out(archive: Archive, content: bytes, name: str = "report~61", since: datetime | None = None) -> None:
    """Assert that the archive hands out just this content."""
    equal(got(archive, name, since).content, content, f"content of {name!r}")
