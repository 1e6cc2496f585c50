"""Which way a request goes out: by HTTP, or by a transport that the user passed for its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import evolve

from backfill.errors import PermanentSourceError, SourceError, TransientSourceError
from backfill.fetching.addresses import full_address, is_web_address
from backfill.fetching.call import Call, Door
from backfill.fetching.redaction import Secrets
from backfill.model import Document, DocumentRequest
from backfill.protocols import Clock

Transport: TypeAlias = Callable[[DocumentRequest], Document | bytes]
"""Answers a request whose address is complete: with the content, or with a document if there is a status or header to tell.

It raises a `SourceError` to say what went wrong; time-outs and broken connections count as transient. Called from many threads.
"""


class Ways:
    """Finds the transport for an address, by the longest prefix of it. Any thread.

    Args:
        transports: By prefix (``"https://example.org/"``) or scheme (``"file:"``).
    """

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = sorted(transports.items(), key=lambda item: len(item[0]), reverse=True)

    def find(self, url: str) -> Transport | None:
        """Return the transport for *url*, or ``None`` if there is none."""
        return next((transport for prefix, transport in self._transports if url.startswith(prefix)), None)


def admitted(inner: Door, ways: Ways, *, secrets: Secrets) -> Door:
    """Return a door that refuses what cannot be asked, before anything else looks at it."""

    def door(call: Call) -> Document:
        url = call.request.url
        if ways.find(url) is None and not is_web_address(url):
            message = f"{secrets.address(url)!r}: not an http or https address; write one like https://host/path"
            raise PermanentSourceError(message, kind="bad_url", stage="fetch")
        if not call.request.name and any(header.lower() == "range" for header in call.request.headers):
            message = f"{secrets.address(url)}: a part would be kept as if it were the document; give it a name= of its own"
            raise PermanentSourceError(message, kind="bad_request", stage="fetch")
        return inner(call)

    return door


def dispatched(http: Door, ways: Ways, *, clock: Clock, secrets: Secrets) -> Door:
    """Return a door that sends each request its way."""

    def door(call: Call) -> Document:
        url = full_address(call.request)
        transport = ways.find(url)
        if transport is None:
            return http(call)
        where = secrets.address(url)
        call.left()  # when within its own code it sends, nobody outside can tell
        try:
            answer = transport(evolve(call.request, url=url, params={}))
        except (TimeoutError, ConnectionError) as error:
            kind = "timeout" if isinstance(error, TimeoutError) else "connection"
            message = f"{where}: no answer ({type(error).__name__}); another attempt may succeed"
            failure: SourceError = TransientSourceError(message, kind=kind, stage="fetch")
        else:
            given = (
                answer if isinstance(answer, Document) else Document(url=where, name="", content=answer, fetched_at=clock.now())
            )
            return evolve(given, url=where, name=call.identity, headers=secrets.headers(given.headers.items()))
        raise failure  # out here, since the transport's own text may show secrets

    return door
