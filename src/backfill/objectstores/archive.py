"""The raw archive in a bucket: every answer that was received, kept for ever, for all machines that share the bucket.

.. code-block:: text

    contents/ab/cdef….gz                              a content, compressed, under its SHA-256; each once
    answers/usable/<name>/<time>~<n>~<sha256>.json    an answer that was accepted: address, time, status, headers
    answers/refused/<name>/<time>~<n>~<sha256>.json   one that a check refused
"""

from __future__ import annotations

import gzip
import hashlib
import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from uuid import uuid4

from attrs import field, frozen

from backfill.errors import DamagedFile
from backfill.fetching.blobs import packed
from backfill.fetching.redaction import Secrets
from backfill.jsonvalues import dumps
from backfill.model import Document
from backfill.objectstores._bucket import Bucket
from backfill.stores._fields import Fields

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_USABLE = "answers/usable/"
_REFUSED = "answers/refused/"
_LONGEST_KEY = 700
"""Characters of a name in a key at most; S3 takes 1,024 bytes for the whole key."""

_HASHED = "sha256="
_AGAIN = "fetch the document again with enable_caching=False, which writes the object anew"


class ObjectRawArchive:
    """Keeps raw documents in a bucket that any number of threads, processes and machines may share. Takes the place of `RawArchive`.

    An answer is known once its content is kept, so that a process that ends between the two leaves a content that nobody
    names, and which the next answer of the same content uses. Making an archive sends nothing. It may be pickled if *objects* can.
    Not to be carried over a fork.

    Args:
        objects: A store of obstore, or its address, as for `ObjectSnapshotStore`.
        prefix: Stands before every key, and a slash behind it.

    Raises:
        InvalidRequest: *objects* cannot write an object on a condition, or *prefix* cannot stand in a key.
    """

    def __init__(self, objects: ObjectStore | str, /, prefix: str = "") -> None:
        self._bucket = Bucket(objects, prefix)
        self._secrets = Secrets()

    def __repr__(self) -> str:
        return f"<ObjectRawArchive: {self._bucket.name}>"

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return the newest usable document of this identity, or ``None`` if there is none. Three requests.

        Args:
            name: Its identity.
            since: Fetched at or after this moment (aware); ``None`` = whenever.
            sha256: With exactly this content; ``None`` = with any.
            fetched_at: Where the same content was fetched several times, rather as it was fetched at this moment (aware).

        Raises:
            DamagedFile: The archive does not hold what it must.
            StoreUnavailable: The bucket cannot be reached.
        """
        earliest = _stamp(since) if since else ""
        preferred = _stamp(fetched_at) if fetched_at else ""
        answers = [
            answer
            for answer in self._answers(_USABLE, name)
            if answer.stamp >= earliest and (sha256 is None or answer.sha256 == sha256)
        ]
        return self._document(max(answers, key=lambda answer: (answer.stamp == preferred, answer.key))) if answers else None

    def refused(self, name: str) -> Document | None:
        """Return the newest document of this identity that a check refused, or ``None``; see `put`.

        Raises:
            DamagedFile: The archive does not hold what it must.
            StoreUnavailable: The bucket cannot be reached.
        """
        answers = list(self._answers(_REFUSED, name))
        return self._document(answers[-1]) if answers else None

    def names(self) -> list[str]:
        """Return the identities of all usable documents, in text order. Lists keys only, but for very long names.

        Raises:
            DamagedFile: The archive does not hold what it must.
            StoreUnavailable: The bucket cannot be reached.
        """
        last = {answer.folder: answer for answer in self._answers(_USABLE, None)}
        return sorted(self._name_of(folder, answer) for folder, answer in last.items())

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep a document; kept by the bucket when it returns. Secrets in its address and headers are not kept.

        Args:
            document: The document.
            usable: ``False`` = a check refused it: it is kept to be looked at, and never returned by `get`.

        Raises:
            StoreUnavailable: The bucket cannot be written.
        """
        self._keep(document.sha256, document.content)
        described = {
            "name": document.name,
            "url": self._secrets.address(document.url),
            "fetchedAt": document.fetched_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "status": document.status,
            "headers": self._secrets.headers(document.headers.items()),
            "sha256": document.sha256,
        }
        folder = _folder(_USABLE if usable else _REFUSED, document.name)
        number = f"{time.time_ns():016x}{uuid4().hex[:8]}"  # of two answers of the same moment, the one kept later is the newer
        key = f"{folder}{_stamp(document.fetched_at)}~{number}~{document.sha256}.json"
        self._bucket.exchange(key, dumps(described), None)  # a key of its own: if it is there, an answer was lost on the way

    def documents(self, name: str | None = None, *, refused: bool = False) -> Iterator[Document]:
        """Iterate over the documents, by the keys of their identities, then as they were fetched; each is read when its turn comes.

        Args:
            name: Those of this identity; ``None`` = all.
            refused: Those that a check refused, instead of the usable ones.

        Raises:
            DamagedFile: The archive does not hold what it must.
            StoreUnavailable: The bucket cannot be reached.
        """
        for answer in self._answers(_REFUSED if refused else _USABLE, name):
            yield self._document(answer)

    def discard(self, names: Iterable[str]) -> None:
        """Forget all documents of these identities, and the contents that no other needs. Not while others write to the archive.

        Lists the keys of all answers, to see which contents are needed.

        Raises:
            StoreUnavailable: The bucket cannot be written.
        """
        kinds = (_USABLE, _REFUSED)
        gone = [answer for name in names for kind in kinds for answer in self._answers(kind, name)]
        if gone:
            self._bucket.remove(answer.key for answer in gone)
            needed = {answer.sha256 for kind in kinds for answer in self._answers(kind, None)}
            self._bucket.remove(_content_key(sha256) for sha256 in sorted({answer.sha256 for answer in gone} - needed))

    def close(self) -> None:
        """Do nothing: there are no files to let go of."""

    def _keep(self, sha256: str, content: bytes) -> None:
        """Keep a content; does nothing when it is there already, and mends a damaged object."""
        key = _content_key(sha256)
        body = packed(content)
        if not self._bucket.exchange(key, body, None) and self._content(sha256) is None:
            self._bucket.write(key, body)

    def _content(self, sha256: str) -> bytes | None:
        """Return the content with this hash; ``None`` = it is missing or damaged."""
        kept = self._bucket.read(_content_key(sha256))
        try:
            content = None if kept is None else gzip.decompress(kept)
        except (gzip.BadGzipFile, EOFError, zlib.error):  # damaged: told by who asked for it, or written anew
            return None
        return content if content is not None and hashlib.sha256(content).hexdigest() == sha256 else None

    def _answers(self, kind: str, name: str | None) -> Iterator[_Answer]:
        """Iterate over answers, those of one identity as they were fetched."""
        for listed in self._bucket.listed(kind if name is None else _folder(kind, name)):
            yield _Answer(listed.key)

    def _name_of(self, folder: str, answer: _Answer) -> str:
        return self._described(answer).text("name") if folder.startswith(_HASHED) else unquote(folder.replace("=", "%"))

    def _described(self, answer: _Answer) -> Fields:
        content = self._bucket.read(answer.key)
        try:
            return Fields.of(content or b"")
        except ValueError as error:
            rule = f"should say what was answered ({error})"
            raise DamagedFile(answer.key, rule, _AGAIN, is_missing=content is None) from error

    def _document(self, answer: _Answer) -> Document:
        described = self._described(answer)
        content = self._content(answer.sha256)
        if content is None:
            rule = f"should hold the content whose SHA-256 is {answer.sha256}"
            key = _content_key(answer.sha256)
            raise DamagedFile(key, rule, _AGAIN, is_missing=self._bucket.read(key) is None)
        try:
            return Document(
                url=described.text("url"),
                name=described.text("name"),
                content=content,
                fetched_at=described.moment("fetchedAt"),
                status=described.count("status"),
                headers=described.object("headers").as_texts(),
                sha256=answer.sha256,
                from_archive=True,
            )
        except ValueError as error:
            raise DamagedFile(answer.key, f"does not say what was answered ({error})", _AGAIN) from error


@frozen
class _Answer:
    """The key of an answer, and what it tells.

    Attributes:
        key: The key; within an identity, keys are in the order of time.
        stamp: When it was fetched, as text in the order of time.
        sha256: Of its content.
    """

    key: str
    stamp: str = field(init=False)
    sha256: str = field(init=False)

    @property
    def folder(self) -> str:
        """What stands for the identity in the key."""
        return self.key.rsplit("/", 2)[1]

    @stamp.default
    def _its_stamp(self) -> str:
        return self._parts()[0]

    @sha256.default
    def _its_sha256(self) -> str:
        return self._parts()[2]

    def _parts(self) -> list[str]:
        parts = self.key.rpartition("/")[2].removesuffix(".json").split("~")
        if len(parts) != 3:  # noqa: PLR2004 - time, content, number
            raise DamagedFile(self.key, "is not the key of an answer", "move the object to another place")
        return parts


def _content_key(sha256: str) -> str:
    return f"contents/{sha256[:2]}/{sha256[2:]}.gz"


def _folder(kind: str, name: str) -> str:
    quoted = quote(name, safe="").replace(".", "%2E").replace("%", "=")  # "=" itself is quoted, and so is told apart
    if not quoted or len(quoted) > _LONGEST_KEY:
        quoted = f"{_HASHED}{hashlib.sha256(name.encode()).hexdigest()}"
    return f"{kind}{quoted}/"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
