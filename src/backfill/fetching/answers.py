"""What an HTTP status means: a document, nothing published, ask again, or never ask again."""

from __future__ import annotations

from backfill.errors import DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.fetching.addresses import full_address
from backfill.fetching.call import Call, Door
from backfill.fetching.headers import parse_retry_after
from backfill.fetching.redaction import Secrets
from backfill.model import Document
from backfill.protocols import Clock

REDIRECTS = frozenset({301, 302, 303, 307, 308})
NOT_MODIFIED = 304
VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
"""Headers of an answer, and those that ask whether it would still be the same."""

_PARTIAL = 206
_ABSENT = frozenset({404, 410})
_AGAIN = frozenset({408, 425, 429})
_FORBIDDEN = frozenset({401, 403, 407})


def judged(inner: Door, *, clock: Clock, secrets: Secrets) -> Door:
    """Return a door that lets only documents (and redirections) pass, and raises what every other answer means.

    Args:
        inner: Returns whatever the server answered, under its status.
        clock: Says when it is now, for a ``Retry-After`` in the form of a date.
        secrets: What errors must not show.
    """

    def door(call: Call) -> Document:
        answer = inner(call)
        if _is_accepted(call, answer):
            return answer
        raise _meaning(f"{call.request.method} {secrets.address(full_address(call.request))}", answer, clock)

    return door


def _is_accepted(call: Call, answer: Document) -> bool:
    if answer.status == _PARTIAL:
        return any(name.lower() == "range" for name in call.request.headers)
    if answer.status in REDIRECTS:
        return "location" in answer.headers
    return 200 <= answer.status < 300 or (answer.status == NOT_MODIFIED and call.conditional)  # noqa: PLR2004 - HTTP's class 2xx


def _meaning(where: str, answer: Document, clock: Clock) -> SourceError:
    status = answer.status
    said, kind = f"{where}: answered {status}", f"http_{status}"
    if status in _ABSENT:
        return DataUnavailable(f"{said}: nothing is published there", kind=kind, stage="fetch")
    if status == _PARTIAL:
        message = f"{said}: a part of the document, which nobody asked for; another attempt may bring the whole"
        return TransientSourceError(message, kind="truncated", stage="fetch")
    if status in _AGAIN or status >= 500:  # noqa: PLR2004 - HTTP's class 5xx
        wanted = parse_retry_after(answer.headers.get("retry-after"), clock.now())
        pause = "" if wanted is None else f" and asks to be left alone for {wanted:g} s"
        message = f"{said}{pause}; another attempt may succeed, a lower rate= may help if this goes on"
        return TransientSourceError(message, kind=kind, stage="fetch", retry_after=wanted)
    if status in _FORBIDDEN:
        message = f"{said}: access is refused; pass a session= that carries the authentication, or ask the publisher"
        return PermanentSourceError(message, kind=kind, stage="fetch")
    message = f"{said}, which is no document; correct the address or the request"
    return PermanentSourceError(message, kind=kind, stage="fetch")
