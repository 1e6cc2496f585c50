"""The archive at the door: what it holds is not fetched again, and what is fetched it holds."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol, runtime_checkable

from attrs import evolve

from backfill.errors import Cancelled, DamagedFile, StoreUnavailable
from backfill.fetching.addresses import full_address
from backfill.fetching.answers import NOT_MODIFIED, VALIDATORS
from backfill.fetching.call import Call, Door, Found, examined
from backfill.fetching.counters import Counters
from backfill.fetching.kept import Kept
from backfill.fetching.redaction import Secrets
from backfill.model import Document, UnitContext

_log = logging.getLogger(__name__)

_CONDITIONS = frozenset({"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "range"})


@runtime_checkable
class Archive(Protocol):
    """What the door needs of an archive. Any thread."""

    def get(
        self, name: str, since: datetime | None = None, *, sha256: str | None = None, fetched_at: datetime | None = None
    ) -> Document | None:
        """Return the newest usable document of this identity, fetched at or after *since*; ``None`` if there is none.

        With *sha256* the one of that content, and among these rather the one that was fetched at *fetched_at*.
        """
        ...

    def put(self, document: Document, *, usable: bool = True) -> None:
        """Keep a document; one that is not *usable* is never returned by `get`."""
        ...

    def close(self) -> None:
        """Let go of files; the next use opens them again."""
        ...


def reusing(inner: Door, archive: Archive, *, kept: Kept, counters: Counters) -> Door:
    """Return a door that answers from the archive what was fetched recently enough for the unit, if the check accepts it.

    A call is looked up once: again only when the same was archived through this door meanwhile. Another process may archive it in
    between; then it is fetched twice, as when both had asked at once.
    """

    def door(call: Call) -> Document:
        since = _reusable_since(call.unit)
        if call.fresh or since is None:
            return inner(call)
        found = call.found
        if found is None or kept.may_have(call.identity, since=found.after):
            after = kept.count  # read first: what is archived while we look may or may not be seen
            # also what is too old to serve, since a conditional request may be made of it
            found = Found(_from_archive(archive, call, None if call.unit.job.reuse else since), after)
            call = evolve(call, found=found)
        document = found.document
        if document is None or document.fetched_at < since:
            return inner(call)
        try:
            served = evolve(examined(call, document), from_archive=True)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the check dislikes about it, the publisher is asked anew
            _log.info("%s: the archived document is refused (%r); asking anew", call.identity, error, extra=call.log_extra)
            return inner(evolve(call, fresh=True))
        counters.reused()
        return served

    return door


def keeping(inner: Door, archive: Archive, *, kept: Kept) -> Door:
    """Return a door that archives what passes it; into a damaged archive nothing goes, which concerns the whole job."""

    def door(call: Call) -> Document:
        document = inner(call)
        try:
            archive.put(document if document.parsed is None else evolve(document, parsed=None))
        except DamagedFile as error:
            raise StoreUnavailable(str(error)) from error
        kept.add(call.identity)
        return document

    return door


def revalidating(inner: Door, archive: Archive, *, secrets: Secrets) -> Door:
    """Return a door that asks "has it changed?" where the archive holds a document of the same identity and address.

    Only in the first attempt: if what is archived is not accepted, the next attempt wants the document itself.
    """

    def door(call: Call) -> Document:
        known = _comparable(call, archive, secrets)
        conditions = (
            {} if known is None else {to: known.headers[name] for name, to in VALIDATORS.items() if name in known.headers}
        )
        if known is None or not conditions:
            return inner(call)
        headers = {**call.request.headers, **conditions}
        answer = inner(evolve(call, request=evolve(call.request, headers=headers), conditional=True))
        if answer.status != NOT_MODIFIED:
            return answer
        newer = {name: answer.headers[name] for name in VALIDATORS if name in answer.headers}
        return evolve(known, fetched_at=answer.fetched_at, headers={**known.headers, **newer}, from_archive=True)

    return door


def _reusable_since(unit: UnitContext) -> datetime | None:
    """Return since when a document must have been fetched to serve *unit*; ``None`` = none serves.

    A job that wants everything asked anew asks once all the same: what was fetched since it was accepted is as new as it wants.
    """
    return unit.reuse_since if unit.job.reuse else unit.job.created_at


def _comparable(call: Call, archive: Archive, secrets: Secrets) -> Document | None:
    request = call.request
    if request.method != "GET" or call.attempt > 1 or call.fresh or not call.unit.job.reuse:
        return None
    if any(name.lower() in _CONDITIONS for name in request.headers):
        return None
    known = _from_archive(archive, call) if call.found is None else call.found.document
    # one identity may move to another address, where the same date or tag would mean another content
    return known if known is not None and known.url == secrets.address(full_address(request)) else None


def _from_archive(archive: Archive, call: Call, since: datetime | None = None) -> Document | None:
    try:
        return archive.get(call.identity, since)
    except DamagedFile as error:
        _log.warning("%s; the document is fetched anew", error, extra=call.log_extra)
        return None
