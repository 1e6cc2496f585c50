"""A door that opens to the archive only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from backfill.errors import NotArchived
from backfill.fetching.call import BoundFetch, Call, Check
from backfill.fetching.reuse import Archive
from backfill.fetching.trying import checked
from backfill.model import Document, DocumentRef, JobContext, UnitContext


class ArchiveFetch:
    """Answers from an archive, and raises `NotArchived` for what it does not hold. Nothing is ever sent.

    It is a `Fetcher`, whose units record what they were handed; called directly it is a `Fetch` as well. Any thread. It can be
    pickled if its archive can.

    Args:
        archive: The archive.
        pins: By identity, the content that must be handed out: its SHA-256, or the `DocumentRef` of a stored record, which also
            says when it was fetched. Identities that are not among them get the newest usable document.
    """

    def __init__(self, archive: Archive, pins: Mapping[str, str | DocumentRef] | None = None) -> None:
        self._archive = archive
        self._pins = dict(pins or {})

    def __repr__(self) -> str:
        return f"ArchiveFetch({self._archive!r})"

    @property
    def archive(self) -> Archive:
        """The archive."""
        return self._archive

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        """Return the door for one unit."""
        return BoundFetch(checked(self._answer), unit)

    def __call__(
        self,
        url: str,
        /,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Check | None = None,
        name: str | None = None,
    ) -> Document:
        """Return the document on behalf of nobody; see `backfill.protocols.Fetch`."""
        unit = UnitContext(JobContext("", datetime.min.replace(tzinfo=UTC)), date.min)
        fetch = self.bind(unit)
        return fetch(url, method=method, params=params, headers=headers, body=body, check=check, name=name)

    def close(self) -> None:
        """Let go of the archive's files; it opens them again when it is used again."""
        self._archive.close()

    def _answer(self, call: Call) -> Document:
        document = self._found(call.identity)
        if document is None:
            pinned = " with the content that is pinned" if call.identity in self._pins else ""
            message = f"the archive holds no {call.identity!r}{pinned}; collect it from the publisher first"
            raise NotArchived(message, stage="fetch")
        return document

    def _found(self, identity: str) -> Document | None:
        pin = self._pins.get(identity)
        if isinstance(pin, DocumentRef):
            return self._archive.get(identity, sha256=pin.sha256, fetched_at=pin.fetched_at)
        return self._archive.get(identity, sha256=pin)
