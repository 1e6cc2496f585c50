"""One question for one document, and the one signature that every part of the door has.

The door is made of wrappers: each takes a `Door` and returns a `Door`, so that each is an idea of its own, which can be called and
tested alone. `backfill.fetching.fetcher` puts them together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from backfill.errors import Cancelled, PermanentSourceError, SourceError
from backfill.fetching.redaction import Secrets
from backfill.model import Document, DocumentRequest, UnitContext

Check: TypeAlias = Callable[[Document], object]


@define
class Waited:
    """How long one document has waited for hosts that do not answer, over all its attempts."""

    seconds: float = 0.0


@frozen(eq=False)
class Found:
    """What the archive held of a document when it was looked up.

    Attributes:
        document: The newest, or ``None``.
        after: How many documents the door had archived when it began to look.
    """

    document: Document | None
    after: int


def _nobody_counts() -> None:
    """Do nothing: what no limit holds back need not be counted."""


@frozen(eq=False)
class Call:
    """One document asked for on behalf of one unit. Immutable; a wrapper that wants it otherwise passes a changed copy on.

    Attributes:
        request: What is asked for; its address and headers may hold secrets.
        identity: Under which the document is archived and shared; holds none.
        unit: On whose behalf.
        check: The caller's check, or ``None``.
        attempt: The number of the attempt, from 1.
        fresh: Whether what is archived must not answer, because it was found wanting.
        conditional: Whether the request is conditional, so that 304 is an answer.
        anonymous: Whether the request was redirected away from the host that the session's authentication is meant for.
        waited: Shared by all copies.
        found: What the archive held when it was last looked up there; ``None`` = it was not looked up.
        left: To be called when the request has left, so that the limits count from then; more than once does no harm.
    """

    request: DocumentRequest = field(repr=False)
    identity: str
    unit: UnitContext = field(repr=False)
    check: Check | None = field(default=None, repr=False)
    attempt: int = 1
    fresh: bool = False
    conditional: bool = False
    anonymous: bool = False
    waited: Waited = field(factory=Waited, repr=False)
    found: Found | None = field(default=None, repr=False)
    left: Callable[[], None] = field(default=_nobody_counts, repr=False)

    @property
    def cancel(self) -> threading.Event:
        """The flag of the job."""
        return self.unit.job.cancel

    @property
    def log_extra(self) -> dict[str, object]:
        """What every log record about it carries."""
        return {"job_id": self.unit.job.job_id, "day": self.unit.day.isoformat(), "district": self.unit.district}

    def stop_if_cancelled(self) -> None:
        """Raise if the job was cancelled.

        Raises:
            Cancelled: It was.
        """
        if self.cancel.is_set():
            raise Cancelled("the job was cancelled")


Door: TypeAlias = Callable[[Call], Document]
"""Returns the document that a call asks for, or raises."""


@frozen(eq=False)
class BoundFetch:
    """A `Fetch`: one unit's handle of a door. Any thread.

    Attributes:
        door: The outermost wrapper.
        unit: The unit; its ``record`` is told of every document handed out.
        secrets: What must not become part of an identity.
    """

    door: Door = field(repr=False)
    unit: UnitContext = field(repr=False)
    secrets: Secrets = field(factory=Secrets, repr=False)

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
        """Return the document; see `backfill.protocols.Fetch`."""
        self._refuse_odd_text(url)
        request = DocumentRequest(url=url, method=method.upper(), params=params, headers=headers, body=body, name=name or "")
        call = Call(request, self._identity(request), self.unit, check)
        call.stop_if_cancelled()
        try:
            document = self.door(call)
        except SourceError as error:
            error.stage = error.stage or "fetch"
            raise
        self.unit.record(document)
        return document

    def _refuse_odd_text(self, url: object) -> None:
        """Refuse what is no text, and text of which the standard library would drop a part in silence."""
        if not isinstance(url, str) or not url.isprintable():
            shown = self.secrets.address(url) if isinstance(url, str) else url
            message = f"{shown!r}: not an address; write one like https://host/path, as text without control characters"
            raise PermanentSourceError(message, kind="bad_url", stage="fetch")

    def _identity(self, request: DocumentRequest) -> str:
        try:
            return self.secrets.identity(request)
        except ValueError:  # the standard library's word for an address that cannot be taken apart
            address = self.secrets.address(request.url)
        message = f"{address}: not an address; write one like https://host/path"
        raise PermanentSourceError(message, kind="bad_url", stage="fetch")


def examined(call: Call, document: Document) -> Document:
    """Return *document* with what the caller's check says of it as ``parsed``.

    Raises:
        SourceError: The check refuses it; the stage is ``validate`` unless the check says otherwise.
    """
    if call.check is None:
        return document if document.parsed is None else evolve(document, parsed=None)
    try:
        return evolve(document, parsed=call.check(document))
    except SourceError as error:
        error.stage = error.stage or "validate"
        raise
