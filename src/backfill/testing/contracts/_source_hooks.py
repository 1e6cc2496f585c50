"""What the author of a source says of it, and how its calls are watched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from typing import ClassVar, NoReturn

from attrs import evolve, frozen

from backfill.engine.calendar import list_editions
from backfill.errors import BackfillError, SourceError
from backfill.jsonvalues import to_json_value
from backfill.model import Collected, Document, DocumentRequest, Edition, Finding, Frequency
from backfill.model.record import DETAILS
from backfill.protocols import DataSource, Fetch
from backfill.testing.contracts._asserting import equal, holds
from backfill.testing.contracts._connections import connections_allowed, no_connections
from backfill.testing.contracts._suite import Contract, skip

Unit = tuple[date, str]


class WatchedFetch:
    """A `Fetch` around another, for one call of a source: it notes what is asked for, and when.

    Attributes:
        asked: The identities of the documents, in their order.
        late: Those that were asked for after the call had ended.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self.asked: list[str] = []
        self.late: list[str] = []
        self.is_over = False

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
        with self._lock:
            (self.late if self.is_over else self.asked).append(request.identity)
        with connections_allowed():
            return self._fetch(url, method=method, params=params, headers=headers, body=body, check=check, name=name)


@frozen
class Answer:
    """What one call gave, in a form that can be compared.

    Attributes:
        collected: What it said, its data as they would be stored.
        content: The data as compact JSON.
        asked: The documents that it asked for.
    """

    collected: Collected
    content: bytes
    asked: tuple[str, ...]


class SourceHooks(Contract):
    """What must be given: the source, a few units, and documents for them.

    Attributes:
        units: At least one (day, district) for which `make_fetch` has everything; two or more tell more.
    """

    units: ClassVar[Sequence[Unit]] = ()

    _first_asked: ClassVar[dict[Unit, tuple[str, ...]]]
    """What the first call for each unit asked for, in whichever test: only that call finds nothing kept in a class or a module."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls._first_asked = {}

    def make_source(self) -> DataSource:
        """Return the source, a new one each time."""
        raise NotImplementedError

    def make_fetch(self) -> Fetch:
        """Return what answers the source's questions, such as a `DictFetch` with recorded documents."""
        raise NotImplementedError

    def new_source(self) -> DataSource:
        """Return the source."""
        source = self.make_source()
        self.closing(source)
        return source

    @cached_property
    def unit(self) -> Unit:
        """The first unit."""
        if not self.units:
            message = "name in units = (…) at least one (day, district) for which make_fetch() has everything"
            raise AssertionError(message)
        return self.units[0]

    @contextmanager
    def call(self, fetch: Fetch | None = None) -> Iterator[WatchedFetch]:
        """Hand out a door for one call of the source, and refuse connections past it."""
        watched = WatchedFetch(self.make_fetch() if fetch is None else fetch)
        with no_connections():
            try:
                yield watched
            finally:
                watched.is_over = True

    def collect(self, source: DataSource, unit: Unit | None = None) -> Answer:
        """Return what the source collects for a unit."""
        day, district = unit or self.unit
        with self.call() as fetch:
            value = source.collect_district(day, district, fetch)
        self.first_asked((day, district), fetch)
        return answer_of(value, fetch, f"collect_district({day}, {district!r})")

    def first_asked(self, unit: Unit, fetch: WatchedFetch | None = None) -> tuple[str, ...]:
        """Return what the first call for a unit asked for, of all the tests of this class; *fetch* has served the call just made."""
        return self._first_asked.get(unit, ()) if fetch is None else self._first_asked.setdefault(unit, tuple(fetch.asked))

    def edition(self, source: DataSource, day: date) -> Edition:
        """Return the edition of a day."""
        return list_editions(day, day, Frequency.DAILY, source)[0]


def skip_ability(name: str, protocol: str) -> NoReturn:
    """Leave a test out where the source has no method or attribute *name*."""
    skip(f"the source has no {name}", f"give it one if it should be a backfill.protocols.{protocol}")


def answer_of(value: object, fetch: WatchedFetch, what: str) -> Answer:
    """Return what a call returned, if it can be stored.

    Raises:
        AssertionError: It cannot.
    """
    collected = value if isinstance(value, Collected) else Collected(value)
    try:
        data, content = to_json_value(collected.data)
    except BackfillError as error:
        message = f"{what} returned what cannot be stored: {error}"
        raise AssertionError(message) from error
    holds(collected.detail in DETAILS, f"{what}: detail is {collected.detail!r}, and must be one of {DETAILS}")
    holds(collected.as_of is None or type(collected.as_of) is date, f"{what}: as_of is {collected.as_of!r}, and no date")
    holds(collected.settled in {None, True, False}, f"{what}: settled is {collected.settled!r}, and neither true, false nor None")
    strange = [found for found in collected.findings if not isinstance(found, Finding)]
    holds(not strange, f"{what}: {strange} are no findings")
    return Answer(evolve(collected, data=data), content, tuple(fetch.asked))


def answers_of(values: object, fetch: WatchedFetch, what: str) -> dict[str, Answer | SourceError]:
    """Return what a call for several districts returned, by district."""
    if not isinstance(values, Mapping):
        message = f"{what} returned {type(values).__name__}, and must return a mapping of district to value"
        raise AssertionError(message)  # noqa: TRY004 - an assertion about the source
    return {
        str(name): value if isinstance(value, SourceError) else answer_of(value, fetch, f"{what}[{name!r}]")
        for name, value in values.items()
    }


def same(found: Answer, expected: Answer, what: str) -> None:
    """Assert that two calls gave the same figures, made from the same documents."""
    equal(found.content.decode(), expected.content.decode(), f"{what}: the data")
    said = (found.collected.as_of, found.collected.detail, found.collected.settled, tuple(found.collected.findings))
    other = expected.collected
    equal(said, (other.as_of, other.detail, other.settled, tuple(other.findings)), f"{what}: as-of, detail, settled, findings")
    equal(sorted(found.asked), sorted(expected.asked), f"{what}: the documents asked for")
