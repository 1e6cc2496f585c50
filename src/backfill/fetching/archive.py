"""The raw archive: every answer that was received, kept for ever, so that snapshots can be rebuilt without the network (B4)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import cast

from backfill.errors import StoreUnavailable
from backfill.fetching.blobs import Blobs
from backfill.fetching.index import Index, Row
from backfill.fetching.redaction import Secrets
from backfill.jsonvalues import dumps, loads
from backfill.model import Document
from backfill.model.checks import as_path


class RawArchive:
    """A folder of raw documents: contents under ``contents/``, each once, and ``index.sqlite3`` with a row for each answer.

    Any thread; any number of processes may use the same folder, also from other machines. An instance belongs to the process
    that first used it, and can be pickled. Nothing is opened, or made, before the first use.

    Args:
        root: The folder.

    Raises:
        InvalidRequest: *root* is no path.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = as_path("root", root)
        self._blobs = Blobs(self._root / "contents")
        self._index = Index(self._root / "index.sqlite3")
        self._secrets = Secrets()

    def __repr__(self) -> str:
        return f"RawArchive({str(self._root)!r})"

    def __reduce__(self) -> tuple[type[RawArchive], tuple[str]]:
        return RawArchive, (str(self._root),)

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return the newest usable document of this identity, or ``None`` if there is none.

        Args:
            name: Its identity.
            since: Fetched at or after this moment (aware); ``None`` = whenever.
            sha256: With exactly this content; ``None`` = with any.
            fetched_at: Where the same content was fetched several times, rather as it was fetched at this moment (aware).

        Raises:
            DamagedFile: The archive does not hold what it must.
            StoreUnavailable: It cannot be read.
        """
        row = self._index.newest(name, since=_text(since) or "", sha256=sha256, fetched_at=_text(fetched_at))
        return None if row is None else self._document(row)

    def refused(self, name: str) -> Document | None:
        """Return the newest document of this identity that a check refused, or ``None``; see `put`.

        Raises:
            DamagedFile: The archive does not hold what it must.
            StoreUnavailable: It cannot be read.
        """
        row = self._index.newest_refused(name)
        return None if row is None else self._document(row)

    def names(self) -> list[str]:
        """Return the identities of all usable documents, in text order. Reads the index only.

        Raises:
            DamagedFile: The index does not hold what it must.
            StoreUnavailable: It cannot be read.
        """
        return self._index.names()

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep a document; on disk when it returns. Secrets in its address and headers are not kept.

        Args:
            document: The document.
            usable: ``False`` = a check refused it: it is kept to be looked at, and never returned by `get`.

        Raises:
            StoreUnavailable: Nothing can be written (disk full, read-only).
        """
        try:
            self._blobs.write(document.sha256, document.content)
        except OSError as error:
            message = f"{self._root}: the archive cannot be written ({error.strerror}); make room, or make the folder writable"
            raise StoreUnavailable(message) from error
        self._index.add(
            Row(
                name=document.name,
                url=self._secrets.address(document.url),
                fetched_at=_iso(document.fetched_at),
                status=document.status,
                headers=dumps(self._secrets.headers(document.headers.items())).decode(),
                sha256=document.sha256,
                usable=usable,
            )
        )

    def documents(self, name: str | None = None, *, refused: bool = False) -> Iterator[Document]:
        """Iterate over the documents, in the order in which they were archived; each is read when its turn comes.

        Args:
            name: Those of this identity; ``None`` = all.
            refused: Those that a check refused, instead of the usable ones.

        Raises:
            DamagedFile: The archive does not hold what it must.
            StoreUnavailable: It cannot be read.
        """
        for row in self._index.rows(name):
            if row.usable is not refused:
                yield self._document(row)

    def discard(self, names: Iterable[str]) -> None:
        """Forget all documents of these identities, and the contents that no other needs. Not while others write to the archive.

        Raises:
            StoreUnavailable: It cannot be written.
        """
        for sha256 in self._index.remove(names):
            try:
                self._blobs.path(sha256).unlink(missing_ok=True)
            except OSError as error:
                message = f"{self._root}: the archive cannot be written ({error.strerror}); make the folder writable"
                raise StoreUnavailable(message) from error

    def close(self) -> None:
        """Let go of files. May be called twice; the next use opens them again."""
        self._index.close()

    def _document(self, row: Row) -> Document:
        try:
            content = self._blobs.read(row.sha256)
        except OSError as error:
            message = f"{self._root}: the archive cannot be read ({error.strerror}); make it readable"
            raise StoreUnavailable(message) from error
        return Document(
            url=row.url,
            name=row.name,
            content=content,
            fetched_at=datetime.fromisoformat(row.fetched_at),
            status=row.status,
            headers=cast("dict[str, str]", loads(row.headers.encode())),
            sha256=row.sha256,
            from_archive=True,
        )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else _iso(moment)
