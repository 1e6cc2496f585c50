"""The door out, as protocols: what a source asks for documents, and what makes such doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from backfill.model import (
    Document,
    FetchStatus,
    UnitContext,
)


@runtime_checkable
class Fetch(Protocol):
    """What a source sees of the outside world: ask for a document, get it or an exception."""

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
        """Return the document at *url*; blocks the calling thread while it waits its turn, retries and receives.

        Args:
            url: Absolute address.
            method: HTTP method.
            params: Query parameters to add.
            headers: Request headers to add.
            body: Request body.
            check: Looks at each answer before it is believed. It may raise ``TransientSourceError`` (ask again) or
                ``PermanentSourceError``; what it returns becomes ``document.parsed``.
            name: The document's identity; ``None`` derives it from method, address, parameters and body.

        Raises:
            DataUnavailable: The document does not exist (404, 410).
            TransientSourceError: Every attempt failed, the last in a way that another time may not.
            PermanentSourceError: It cannot be had by asking again.
            Cancelled: The job was cancelled meanwhile.
        """
        ...


@runtime_checkable
class Fetcher(Protocol):
    """What a service holds of the outside world: it hands each unit of work its own `Fetch`."""

    def bind(self, unit: UnitContext, /) -> Fetch:
        """Return the door for one unit: with its cancel flag, its job's options, and its recorder of provenance."""
        ...

    def close(self) -> None:
        """Let go of connections and files. May be called twice."""
        ...


@runtime_checkable
class SupportsFetchStatus(Protocol):
    """A fetcher that can say how it is doing."""

    def status(self) -> FetchStatus:
        """Return the state of limits, breakers and cache; never waits; any thread."""
        ...


@runtime_checkable
class SupportsOffline(Protocol):
    """A fetcher that has an archive to answer from."""

    def offline(self) -> Fetcher:
        """Return a fetcher that answers from the archive only, and raises `NotArchived` for the rest."""
        ...
