"""An archive that lasts as long as the process: nothing is fetched twice within it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime

from attrs import evolve

from backfill.model import Document

MOST_BYTES = 64 * 1024 * 1024


class MemoryArchive:
    """Keeps the newest document of each identity, and forgets those that were not asked for longest when there are too many.

    Any thread.

    Args:
        most_bytes: Bytes of contents at most.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._bytes = 0

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return the document of this identity if it was fetched at or after *since*, and has the content that is asked for."""
        del fetched_at  # only the newest is kept
        with self._lock:
            document = self._documents.get(name)
            if document is None or (since is not None and document.fetched_at < since):
                return None
            if sha256 is not None and document.sha256 != sha256:
                return None
            self._documents.move_to_end(name)
            return document

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep a document; one that is not *usable* is not kept."""
        if not usable:
            return
        with self._lock:
            self._remove(document.name)
            self._documents[document.name] = evolve(document, parsed=None, from_archive=True)
            self._bytes += len(document.content)
            while self._bytes > self._most_bytes:
                self._remove(next(iter(self._documents)))

    def close(self) -> None:
        """Do nothing: there are no files to let go of."""

    def _remove(self, name: str) -> None:
        document = self._documents.pop(name, None)
        if document is not None:
            self._bytes -= len(document.content)
