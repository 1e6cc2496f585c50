"""Doors that are each broken in one way, and in no other."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.error import HTTPError

from attrs import evolve

from backfill.errors import DataUnavailable, PermanentSourceError, TransientSourceError
from backfill.fetching import BareFetcher
from backfill.fetching.call import BoundFetch
from backfill.model import Document, JobContext, UnitContext
from backfill.protocols import Fetch, Fetcher
from backfill.testing import VirtualClock
from backfill.testing.contracts import FetchContract, HttpFetchContract
from backfill.testing.fetch import DictFetch


class Door(BareFetcher):
    """A door that is right; the broken ones are made of it."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        super().__init__(DictFetch(self.changed(documents)), VirtualClock())

    def changed(self, documents: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return what is really there."""
        return documents


class TruncatesSilently(Door):
    """Hands out the first half megabyte."""

    def changed(self, documents: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return {url: content[:500_000] for url, content in documents.items()}


class StopsAtNul(Door):
    """Takes a zero byte for the end."""

    def changed(self, documents: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return {url: content.partition(b"\x00")[0] for url, content in documents.items()}


class ForgetsProvenance(Door):
    """Records nothing."""

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        return super().bind(evolve(unit, record=lambda _document: None))


class RecordsForTheFirst(Door):
    """Records a document for the unit that asked for it first."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        super().__init__(documents)
        self._first: dict[str, Callable[[Document], None]] = {}

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        def record(document: Document) -> None:
            self._first.setdefault(document.name, unit.record)(document)

        return super().bind(evolve(unit, record=record))


class RecordsInAThread(Door):
    """Records in a thread of its own."""

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        def record(document: Document) -> None:
            thread = threading.Thread(target=unit.record, args=(document,))
            thread.start()
            thread.join()

        return super().bind(evolve(unit, record=record))


class RecordsWhatItRefuses(Door):
    """Records a document before the check has seen it."""

    def bind(self, unit: UnitContext, /) -> Fetch:  # type: ignore[override] # a door around the door
        inner = super().bind(evolve(unit, record=lambda _document: None))

        def fetch(url: str, /, *, check: Callable[[Document], object] | None = None, name: str | None = None) -> Document:
            document = inner(url, name=name)
            unit.record(document)
            return document if check is None else inner(url, check=check, name=name)

        return fetch  # type: ignore[return-value] # takes what these tests pass


class IgnoresCancel(Door):
    """Goes on for a job that was cancelled."""

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        job = JobContext(unit.job.job_id, unit.job.created_at)
        return super().bind(evolve(unit, job=job))


class ForgetsTheCheck(Door):
    """Does not look at what it hands out."""

    def bind(self, unit: UnitContext, /) -> Fetch:  # type: ignore[override] # a door around the door
        inner = super().bind(unit)
        return lambda url, /, **options: inner(url, **{**options, "check": None})


class AsksAgainWhateverTheCheckSays(Door):
    """Takes a refusal for a reason to ask again."""

    def bind(self, unit: UnitContext, /) -> Fetch:  # type: ignore[override] # a door around the door
        inner = super().bind(unit)

        def fetch(url: str, /, *, check: Callable[[Document], object] | None = None, name: str | None = None) -> Document:
            try:
                return inner(url, check=check, name=name)
            except PermanentSourceError:
                return inner(url, check=check, name=name)

        return fetch  # type: ignore[return-value] # takes what these tests pass


class FailsForWhatIsMissing(Door):
    """Takes a document that does not exist for a failure."""

    def bind(self, unit: UnitContext, /) -> Fetch:  # type: ignore[override] # a door around the door
        inner = super().bind(unit)

        def fetch(url: str, /, **options: object) -> Document:
            try:
                return inner(url, **options)  # type: ignore[arg-type] # as they come
            except DataUnavailable as error:
                raise TransientSourceError("not there yet") from error

        return fetch


class NamesAllTheSame(Door):
    """Gives every document the same identity."""

    def bind(self, unit: UnitContext, /) -> Fetch:  # type: ignore[override] # a door around the door
        inner = super().bind(unit)

        def fetch(url: str, /, **options: object) -> Document:
            document = inner(url, **options)  # type: ignore[arg-type] # as they come
            return evolve(document, name="document")

        return fetch


class MixesUpThreads(Door):
    """Keeps the address where the next thread finds it."""

    def bind(self, unit: UnitContext, /) -> Fetch:  # type: ignore[override] # a door around the door
        inner = super().bind(unit)
        asked: list[str] = [""]

        def fetch(url: str, /, **options: object) -> Document:
            asked[0] = url
            threading.Event().wait(0.001)
            return inner(asked[0], **options)  # type: ignore[arg-type] # as they come

        return fetch


class ClosesOnce(Door):
    """Fails when it is closed a second time."""

    is_closed = False

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


class BrokenDoorContract(FetchContract):
    """The contract, hooked up to a broken door."""

    door: type[Door]

    def make_door(self, documents: Mapping[str, bytes], /) -> Fetcher:
        """Return the door."""
        return self.door(documents)

    def closing(self, adapter: object) -> None:
        """Leave the door open: one of them cannot be closed twice."""


def naive_fetch(
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
    """Fetch as the first example of any tutorial does, and take what comes."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            content = answer.read()
    except HTTPError as error:
        with error:
            content = error.read()
    document = Document.of(url, content, name=name or "", fetched_at=datetime.now(UTC))
    return document if check is None else evolve(document, parsed=check(document))


class NaiveFetchContract(HttpFetchContract):
    """The contract, hooked up to a function that takes what comes."""

    def make_fetcher(self) -> Fetch:
        """Return the function."""
        return naive_fetch
