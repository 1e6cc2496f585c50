"""Doors for tests: one that answers from a dictionary, and one that answers from an archive."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from attrs import evolve

from backfill.errors import DataUnavailable
from backfill.fetching.archive import RawArchive
from backfill.fetching.offline import ArchiveFetch
from backfill.model import Document, DocumentRequest
from backfill.protocols import Fetcher

Answer: TypeAlias = bytes | str | Document | BaseException
"""What a document is made of, or what is raised in its place."""

FETCHED_AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""When all made-up documents were fetched, so that what is made of them is the same in every run."""


class DictFetch:
    """A bare `Fetch` that answers from a dictionary, and remembers what it was asked. Any thread.

    >>> fetch = DictFetch({"https://example.org/61": "figures"})
    >>> fetch("https://example.org/61").text
    'figures'
    >>> [request.url for request in fetch.calls]
    ['https://example.org/61']

    Args:
        documents: By name or by address: a content, a document, an exception to raise, or a list of these, one for each call, of
            which the last serves all further calls. What is not in it raises `DataUnavailable`.

    Attributes:
        calls: What was asked, in order.
    """

    def __init__(self, documents: Mapping[str, Answer | Sequence[Answer]]) -> None:
        self._answers = {key: _listed(answer) for key, answer in documents.items()}
        self._lock = threading.Lock()
        self.calls: list[DocumentRequest] = []

    def __repr__(self) -> str:
        return f"<DictFetch: {len(self._answers)} documents, {len(self.calls)} calls>"

    def __call__(
        self,
        url: str,
        /,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Callable[[Document], object] | None = None,
        name: str | None = None,
    ) -> Document:
        """Return the document; see `backfill.protocols.Fetch`."""
        request = DocumentRequest(url=url, method=method.upper(), params=params, headers=headers, body=body, name=name or "")
        answer = self._next(request)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Document):
            document = evolve(answer, name=request.identity)
        else:
            document = Document.of(url, answer, name=request.identity, fetched_at=FETCHED_AT)
        return document if check is None else evolve(document, parsed=check(document))

    def _next(self, request: DocumentRequest) -> Answer:
        with self._lock:
            self.calls.append(request)
            for key in (request.identity, request.url):
                answers = self._answers.get(key)
                if answers:
                    answer = answers.pop(0) if len(answers) > 1 else answers[0]
                    return _copied(answer) if isinstance(answer, BaseException) else answer
        message = f"the test's dictionary holds neither {request.identity!r} nor {request.url!r}; add one of them"
        return DataUnavailable(message)


def _copied(error: BaseException) -> BaseException:
    """Return a copy, since who raises an exception changes it; the exception itself, where its class cannot be copied."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001 - a class whose constructor wants more than its args raises whatever it likes
        return error


def _listed(answer: Answer | Sequence[Answer]) -> list[Answer]:
    if isinstance(answer, bytes | str | Document | BaseException):
        return [answer]
    return list(answer)


def replay(archive: str | os.PathLike[str] | RawArchive) -> Fetcher:
    """Return a fetcher that answers from an archive only, and raises `NotArchived` for the rest.

    Args:
        archive: A `RawArchive`, or the path of its folder.
    """
    return ArchiveFetch(RawArchive(archive) if isinstance(archive, str | os.PathLike) else archive)
