"""Doubles and short cuts for the tests of the engine: days, doors that answer without a network, and sources that do one thing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st

from backfill.model import (
    BackfillPlan,
    BackfillRequest,
    BackfillScope,
    CollectionStrategy,
    Contribution,
    DistrictRecord,
    Document,
    DocumentRequest,
    JobContext,
    JobSpec,
    JobState,
    Method,
    PlannedDay,
    ScopeKind,
    UnitContext,
    document_name,
)
from backfill.protocols import Fetch, Fetcher, SnapshotStore

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)

bounded = settings(deadline=None, max_examples=100, database=None)
"""No deadline: the machines that run this are slow now and then."""

district_sets = st.lists(st.sampled_from(("1", "2", "3", "4", "F")), unique=True).map(tuple)
"""Few districts, so that lists of them overlap."""


def day(number: int) -> date:
    """Return the day *number* days after the first."""
    return DAY + timedelta(days=number)


def planned(*districts: str, on: date = DAY, **options: object) -> PlannedDay:
    """Return a planned day of *districts* (none = still to be listed); options are those of `PlannedDay`."""
    chosen = {"as_of": on, "gap": None, "settled_on": None, "strategy": Method.PER_DISTRICT, "districts": districts or None}
    return PlannedDay(day=on, **(chosen | options))  # type: ignore[arg-type] # options of any kind


def spec(*days: PlannedDay, job_id: str = "j1", **options: object) -> JobSpec:
    """Return a job of these days; options are those of `BackfillRequest`."""
    method = days[0].strategy if days else Method.PER_DISTRICT
    plan = BackfillPlan(
        request=BackfillRequest(DAY, **options),  # type: ignore[arg-type] # options of any kind
        scope=BackfillScope(ScopeKind.SYSTEM_WIDE, None),
        strategy=CollectionStrategy(method, "full", "for a test"),
        source="test",
        days=days,
        requests={},
        seconds_at_rate=None,
        exact=True,
        fingerprint="f1",
    )
    return JobSpec(job_id, NOW, plan)


def state_of(*days: PlannedDay) -> JobState:
    """Return the state of a job of these days, of which nothing is done yet."""
    return JobState(spec(*days))


def context(**options: object) -> JobContext:
    """Return what all fetching of a job shares; options are those of `JobContext`."""
    return JobContext(**({"job_id": "j1", "created_at": NOW} | options))  # type: ignore[arg-type] # options of any kind


class Door:
    """A `Fetcher` that answers every request at once, from a function, and remembers units and requests. Any thread.

    Args:
        answer: Returns a document's content for an identity, or raises; ``None`` = a few bytes for everything.
        fetched_at: Says when the document of an identity was fetched.
    """

    def __init__(
        self, answer: Callable[[str], bytes] | None = None, *, fetched_at: Callable[[str], datetime] = lambda _identity: NOW
    ) -> None:
        self._answer = answer or (lambda identity: identity.encode())
        self._fetched_at = fetched_at
        self._lock = threading.Lock()
        self.units: list[UnitContext] = []
        self.asked: list[str] = []
        self.calls: list[dict[str, object]] = []
        self.closed = 0

    def bind(self, unit: UnitContext, /) -> Fetch:
        """Return a door for the unit."""
        with self._lock:
            self.units.append(unit)

        def fetch(
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
            identity = name or document_name(url, method=method, params=params, body=body)
            with self._lock:
                self.asked.append(identity)
                self.calls.append(
                    {"url": url, "method": method, "params": params, "headers": headers, "body": body, "name": name}
                )
            document = Document.of(url, self._answer(identity), name=identity, fetched_at=self._fetched_at(identity))
            if check is not None:
                document = evolve(document, parsed=check(document))
            unit.record(document)
            return document

        return fetch

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


class NoDoor:
    """A `Fetcher` that may not even be bound: for what must not ask for anything."""

    def bind(self, unit: UnitContext, /) -> Fetch:
        """Fail."""
        message = f"nothing may be fetched here, nor for {unit.day}"
        raise AssertionError(message)

    def close(self) -> None:
        """Do nothing."""


class One:
    """A source of one function, without any ability besides."""

    def __init__(self, collect: Callable[[date, str, Fetch], object] = lambda _day, _district, _fetch: {"n": 1}) -> None:
        self.name = "one"
        self._collect = collect

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Do what the function does."""
        return self._collect(day, district, fetch)


class Many(One):
    """A source whose call for several districts is a function."""

    def __init__(self, collect_many: Callable[[date, Sequence[str], Fetch], object]) -> None:
        super().__init__()
        self._many = collect_many

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Do what the function does."""
        return self._many(day, districts, fetch)  # type: ignore[return-value] # sources return the wrong type, too


class All(One):
    """A source whose call for every district of a day is a function."""

    def __init__(self, collect_all: Callable[[date, Fetch], object] = lambda _day, _fetch: {}) -> None:
        super().__init__()
        self._all = collect_all

    def collect_all(self, day: date, fetch: Fetch, /) -> Mapping[str, object]:
        """Do what the function does."""
        return self._all(day, fetch)  # type: ignore[return-value] # as above


class Catalog(One):
    """A source whose list of a day's districts is a function."""

    def __init__(self, list_districts: Callable[[date, Fetch], object] = lambda _day, _fetch: ("1", "2")) -> None:
        super().__init__()
        self._list = list_districts

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        """Do what the function does."""
        return self._list(day, fetch)  # type: ignore[return-value] # as above


class FixedScope:
    """A scope that is exactly these districts, and remembers what it was asked."""

    def __init__(self, *districts: str) -> None:
        self._districts = districts
        self.asked: list[tuple[str, ...] | None] = []

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return those of *requested* that are in scope."""
        self.asked.append(None if requested is None else tuple(requested))
        kept = self._districts if requested is None else tuple(name for name in requested if name in self._districts)
        kind = ScopeKind.SYSTEM_WIDE if requested is None else ScopeKind.TARGETED
        return BackfillScope(kind, kept)


def document_request(name: str, report: str = "document") -> DocumentRequest:
    """Return a request for the document of this name."""
    return DocumentRequest(f"https://example.org/{name}", name=name, report=report)


def store_records(store: SnapshotStore, on: date, *records: DistrictRecord, **options: object) -> None:
    """Store a day with these records; options are those of `Contribution`."""
    expected = tuple(record.district_id for record in records)
    chosen: dict[str, object] = {
        "job_id": "before", "method": "per-district", "scope_kind": "targeted", "source": "one", "at": NOW, "expected": expected,
    }  # fmt: skip
    with store.begin(on, job_id="before") as draft:
        for each in records:
            draft.put(each)
        draft.commit(Contribution(day=on, **(chosen | options)))  # type: ignore[arg-type] # options of any kind


def record(district: str, on: date = DAY, **options: object) -> DistrictRecord:
    """Return a record; options are those of `DistrictRecord`."""
    chosen = {"as_of": on, "detail": "full", "data": {"n": 1}, "collected_at": NOW}
    return DistrictRecord(district_id=district, day=on, **(chosen | options))  # type: ignore[arg-type] # options of any kind


@contextmanager
def running(*functions: Callable[[], object]) -> Iterator[list[threading.Thread]]:
    """Run each function in a thread of its own; they have ended when the block is left."""
    threads = [threading.Thread(target=function, daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)


def fetcher_of(documents: Iterable[str]) -> Fetcher:
    """Return a door that has these documents only."""
    known = frozenset(documents)

    def answer(identity: str) -> bytes:
        assert identity in known, f"{identity} was not to be asked for"
        return b"figures"

    return Door(answer)
