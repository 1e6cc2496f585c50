"""A raw archive in memory that keeps the contract, and ones that are each broken in one way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from attrs import evolve

from backfill.errors import DamagedFile
from backfill.fetching.redaction import Secrets
from backfill.fetching.reuse import Archive
from backfill.model import Document
from backfill.testing.contracts import RawArchiveContract

Answer = tuple[Document, bool]


class ListedArchive:
    """Keeps every answer, in the order in which they came."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.contents: dict[str, bytes] = {}
        self.torn: set[str] = set()
        self._secrets = Secrets()

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return the newest usable document of this identity."""
        found = [
            document
            for document, usable in self.answers
            if usable and document.name == name and (since is None or document.fetched_at >= since)
        ]
        if sha256 is not None:
            found = [document for document in found if document.sha256 == sha256]
        return self.read(self.chosen(found, fetched_at)) if found else None

    def chosen(self, found: Sequence[Document], fetched_at: datetime | None) -> Document:
        """Return the one that serves: of several of the same moment the last one."""
        return max(reversed(found), key=lambda document: (document.fetched_at == fetched_at, document.fetched_at))

    def read(self, document: Document) -> Document:
        """Return a document with its content."""
        if document.sha256 in self.torn:
            raise DamagedFile(document.sha256, "is not what it was", "fetch it again")
        return evolve(document, content=self.contents[document.sha256], sha256=document.sha256)

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep a document."""
        self.torn.discard(document.sha256)
        self.contents[document.sha256] = document.content
        self.answers.append((self.kept(document), usable))

    def kept(self, document: Document) -> Document:
        """Return what is kept of a document."""
        address, headers = self._secrets.address(document.url), self._secrets.headers(document.headers.items())
        return evolve(document, url=address, headers=headers, from_archive=True, parsed=None)

    def refused(self, name: str) -> Document | None:
        """Return the newest refused document of this identity."""
        found = [document for document, usable in self.answers if not usable and document.name == name]
        return self.read(self.chosen(found, None)) if found else None

    def names(self) -> list[str]:
        """Return the identities of usable documents."""
        return sorted({document.name for document, usable in self.answers if usable})

    def discard(self, names: Iterable[str]) -> None:
        """Forget identities."""
        gone = set(names)
        self.answers = [answer for answer in self.answers if answer[0].name not in gone]
        needed = {document.sha256 for document, _usable in self.answers}
        self.contents = {sha256: content for sha256, content in self.contents.items() if sha256 in needed}

    def close(self) -> None:
        """Do nothing."""


class ArchiveContract(RawArchiveContract):
    """The contract of such an archive."""

    archive: ClassVar[type[ListedArchive]] = ListedArchive

    def make_archive(self, place: Path, /) -> Archive:
        """Return an empty one."""
        return self.archive()

    def tear(self, archive: Archive, sha256: str, /) -> None:
        """Note that a content is not what it was."""
        assert isinstance(archive, ListedArchive)
        archive.torn.add(sha256)


class CutsAtNul(ListedArchive):
    """Keeps text."""

    def read(self, document: Document) -> Document:
        """Return what stands before the first NUL."""
        found = super().read(document)
        return evolve(found, content=found.content.partition(b"\x00")[0])


class ServesTheLastKept(ListedArchive):
    """Takes the order of keeping for that of fetching."""

    def chosen(self, found: Sequence[Document], fetched_at: datetime | None) -> Document:
        """Return the last one, or the one of the moment."""
        return next((document for document in found if document.fetched_at == fetched_at), found[-1])


class ServesTheFirstOfAMoment(ListedArchive):
    """Takes the first of two answers of the same moment."""

    def chosen(self, found: Sequence[Document], fetched_at: datetime | None) -> Document:
        """Return the first of the newest."""
        return max(found, key=lambda document: (document.fetched_at == fetched_at, document.fetched_at))


class IgnoresAges(ListedArchive):
    """Hands out what is too old."""

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return the newest, whenever it was fetched."""
        del since
        return super().get(name, sha256=sha256, fetched_at=fetched_at)


class IgnoresHashes(ListedArchive):
    """Hands out the newest whatever content is asked for."""

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return the newest, or the one of the moment."""
        return super().get(name, since, sha256=None if sha256 != "0" * 64 else sha256, fetched_at=fetched_at)


class IgnoresMoments(ListedArchive):
    """Hands out the newest answer with a content, whichever is asked for."""

    def chosen(self, found: Sequence[Document], fetched_at: datetime | None) -> Document:
        """Return the newest."""
        return super().chosen(found, None)


class ServesWhatWasRefused(ListedArchive):
    """Forgets that a check refused an answer."""

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep it, and serve it."""
        super().put(document, usable=True)
        if not usable:
            self.answers.append((self.kept(document), False))


class RefusesTheContent(ListedArchive):
    """Takes a content that was refused once for one that is bad everywhere."""

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return nothing of such a content."""
        found = super().get(name, since, sha256=sha256, fetched_at=fetched_at)
        bad = {document.sha256 for document, usable in self.answers if not usable}
        return None if found is None or found.sha256 in bad else found


class ForgetsRefused(ListedArchive):
    """Does not keep what was refused."""

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep it if it is good."""
        if usable:
            super().put(document)


class KeepsSecrets(ListedArchive):
    """Keeps addresses and headers as they were sent."""

    def kept(self, document: Document) -> Document:
        """Return all of it."""
        return evolve(document, from_archive=True, parsed=None)


class RoundsTimes(ListedArchive):
    """Keeps whole seconds."""

    def kept(self, document: Document) -> Document:
        """Return it with a rounded time."""
        return evolve(super().kept(document), fetched_at=document.fetched_at.replace(microsecond=0))


class LosesHeaders(ListedArchive):
    """Keeps the content alone."""

    def kept(self, document: Document) -> Document:
        """Return it without its headers."""
        headers: Mapping[str, str] = {}
        return evolve(super().kept(document), headers=headers)


class MixesCases(ListedArchive):
    """Takes names that differ in case only for one."""

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Look for it in any case."""
        alike = [document.name for document, _usable in self.answers if document.name.casefold() == name.casefold()]
        return super().get(alike[-1] if alike else name, since, sha256=sha256, fetched_at=fetched_at)


class OneNameAContent(ListedArchive):
    """Keeps a content once, under the identity that it came with first."""

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep it unless the content is there."""
        if any(known.sha256 == document.sha256 and known.name != document.name and good for known, good in self.answers):
            return
        super().put(document, usable=usable)


class SaysItIsFresh(ListedArchive):
    """Does not say that a document is from the archive."""

    def kept(self, document: Document) -> Document:
        """Return it as if it came from the network."""
        return evolve(super().kept(document), from_archive=False)


class HandsOutDamage(ListedArchive):
    """Does not look whether a content is still what it was."""

    def read(self, document: Document) -> Document:
        """Return whatever is there."""
        return evolve(document, content=self.contents[document.sha256], sha256=document.sha256)


class NeverMends(ListedArchive):
    """Believes that a content is there because its name is."""

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep the answer, and leave a content alone that has been kept."""
        torn = set(self.torn)
        super().put(document, usable=usable)
        self.torn = torn


class LosesAThread(ListedArchive):
    """Reads all answers, and writes them back with one more: of two at once, one is lost."""

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep it, and lose what came in between."""
        before = list(self.answers)
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.002)  # long enough for another thread, as a request to a bucket would be
        super().put(document, usable=usable)
        self.answers = [*before, self.answers[-1]]


class ListsRefused(ListedArchive):
    """Tells the names of what was refused as well."""

    def names(self) -> list[str]:
        """Return all identities."""
        return sorted({document.name for document, _usable in self.answers})


class DiscardsContents(ListedArchive):
    """Removes the contents of what it discards, whoever else needs them."""

    def discard(self, names: Iterable[str]) -> None:
        """Forget identities, and what they held."""
        gone = set(names)
        for document, _usable in self.answers:
            if document.name in gone:
                self.torn.add(document.sha256)
        super().discard(gone)


class KeepsADiscardedName(ListedArchive):
    """Discards nothing."""

    def discard(self, names: Iterable[str]) -> None:
        """Do nothing."""
