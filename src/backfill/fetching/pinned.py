"""A door to the archive for making something anew that was made before: from exactly the same documents, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from backfill.errors import DamagedFile, NotArchived, PermanentSourceError
from backfill.fetching.call import BoundFetch, Call
from backfill.fetching.reuse import Archive
from backfill.fetching.trying import checked
from backfill.model import Document, DocumentRef, UnitContext

MISSING = "document_missing"
"""The kind of the error where the archive no longer has a document that something was made from."""

DAMAGED = "document_damaged"
"""The kind of the error where what the archive has in its place is not it."""


@runtime_checkable
class KeepsRefused(Protocol):
    """An archive that also keeps what was refused."""

    def refused(self, name: str) -> Document | None:
        """Return the newest document of this identity that a check refused, or ``None``."""
        ...


class PinnedFetch:
    """A `Fetcher` that answers from an archive as the publisher had answered when something was made.

    A document that is pinned is handed out with exactly that content. One that is not was refused then, where the archive has a
    refused one: it is handed out to be refused again for the same reason, an answer without rows say. What is neither is handed
    out in its newest state, and is `NotArchived` where there is none. Any thread. It can be pickled if its archive can.

    Args:
        archive: The archive.
        pins: By identity, what must be handed out.
    """

    def __init__(self, archive: Archive, pins: Mapping[str, DocumentRef]) -> None:
        self._archive = archive
        self._pins = dict(pins)

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        """Return the door for one unit."""
        return BoundFetch(checked(self._answer), unit)

    def close(self) -> None:
        """Let go of the archive's files; it opens them again when it is used again."""
        self._archive.close()

    def _answer(self, call: Call) -> Document:
        name, pin = call.identity, self._pins.get(call.identity)
        try:
            if pin is not None:
                return self._pinned(pin)
            found = (self._refused(name) if self._pins else None) or self._archive.get(name) or self._refused(name)
        except DamagedFile as error:
            raise PermanentSourceError(str(error), kind=damage(error), stage="fetch") from error
        if found is None:
            message = f"the archive holds no {name!r}; collect it from the publisher first"
            raise NotArchived(message, stage="fetch")
        return found

    def _pinned(self, pin: DocumentRef) -> Document:
        found = self._archive.get(pin.name, sha256=pin.sha256, fetched_at=pin.fetched_at)
        if found is None:
            message = (
                f"the archive no longer holds {pin.name!r} with the SHA-256 {pin.sha256[:12]}…, fetched {_moment(pin.fetched_at)}; "
                "bring it back from a copy of the archive, or collect the day again with skip_existing=False"
            )
            raise PermanentSourceError(message, kind=MISSING, stage="fetch")
        return found

    def _refused(self, name: str) -> Document | None:
        return self._archive.refused(name) if isinstance(self._archive, KeepsRefused) else None


def damage(error: DamagedFile) -> str:
    """Return the kind of error that it is when the archive does not hold what it must."""
    return MISSING if error.is_missing else DAMAGED


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
