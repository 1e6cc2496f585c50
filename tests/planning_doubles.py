"""Doubles and short cuts for the tests of planning: planners on a virtual clock, and sources that name their documents beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NoReturn

from backfill.engine.planner import Planner
from backfill.model import BackfillPlan, BackfillRequest, Collected, DocumentRequest, Edition, Frequency, Gap, Method
from backfill.protocols import (
    BatchSource,
    DataSource,
    DaySummarizer,
    DistrictCatalog,
    Fetch,
    ScopeResolver,
    SnapshotStore,
    SystemWideSource,
)
from backfill.scopes import OpenScope
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from engine_doubles import NOW, day, document_request


def ask(count: int = 1, *districts: str, **options: object) -> BackfillRequest:
    """Return a request for the first *count* days of *districts* (none = all), oldest first; options are those of a request."""
    chosen = {"start_date": day(0), "end_date": day(count - 1), "target_districts": districts or None, "order": "oldest-first"}
    return BackfillRequest(**(chosen | options))  # type: ignore[arg-type] # options of any kind


def planner(source: DataSource, store: SnapshotStore | None = None, scope: ScopeResolver | None = None) -> Planner:
    """Return a planner for which it is ten days after the first day."""
    return Planner(source, store or MemorySnapshotStore(), scope or OpenScope(), VirtualClock(NOW))


class Documented:
    """A source that names its documents beforehand, and asks for exactly these.

    Every unit has a document of each of *reports*; every day as a whole has one ``list`` document. Units of one month share
    a ``month`` document if *monthly*; those of one day share the day's document if *daily*.

    Args:
        reports: The reports of each district.
        lists: The districts of each day, for those that can say so: for all days, or by day.
        monthly: Whether each unit needs a document of its month.
        daily: Whether each unit needs the document of its day as a whole.
        gaps: Days without an edition.
        rogue: Units of (day, district) that ask for one document more, which they did not name; ``None`` = the day as a whole.
    """

    def __init__(
        self,
        reports: Sequence[str] = ("club",),
        lists: Sequence[str] | Mapping[date, Sequence[str]] = ("1", "2", "3"),
        *,
        monthly: bool = False,
        daily: bool = False,
        gaps: Iterable[date] = (),
        rogue: Iterable[tuple[date, str | None]] = (),
    ) -> None:
        self.name = "documented"
        self.planned_for: list[tuple[date, str | None]] = []
        self._reports = tuple(reports)
        self._lists = lists
        self._monthly = monthly
        self._daily = daily
        self._gaps = frozenset(gaps)
        self._rogue = frozenset(rogue)

    def editions(self, start: date, end: date, _frequency: Frequency, /) -> Iterable[Edition]:
        """Return an edition of each day."""
        for ordinal in range(start.toordinal(), end.toordinal() + 1):
            on = date.fromordinal(ordinal)
            yield Edition(on, on, Gap.CLOSING if on in self._gaps else None)

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return the documents of one unit."""
        self.planned_for.append((edition.day, district))
        return self.documents(edition.day, district)

    def documents(self, on: date, district: str | None) -> list[DocumentRequest]:
        """Return the documents of one unit, for tests to compare with."""
        assert on not in self._gaps, "nothing is named for a day that has no edition"
        whole = [document_request(f"list~{on}", "list")]
        if district is None:
            return whole
        own = [document_request(f"{report}~{district}~{on}", report) for report in self._reports]
        month = [document_request(f"month~{on:%Y-%m}", "month")] if self._monthly else []
        return own + month + (whole if self._daily else [])

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Ask for the unit's documents."""
        return self.ask(on, district, fetch)

    def districts_of(self, on: date) -> Sequence[str]:
        """Return the districts of a day."""
        return self._lists.get(on, ()) if isinstance(self._lists, Mapping) else self._lists

    def ask(self, on: date, district: str | None, fetch: Fetch) -> object:
        """Ask for all documents of one unit, and one more if the unit is to do so; return their names."""
        names = [fetch(request.url, name=request.identity).name for request in self.documents(on, district)]
        if (on, district) in self._rogue:
            names.append(fetch(f"https://example.org/rogue/{on}/{district}").name)
        return names


class Listing(Documented):
    """One that lists its districts, by the day's document."""

    def list_districts(self, on: date, fetch: Fetch, /) -> Sequence[str]:
        """Ask for the day's document, and return the districts."""
        self.ask(on, None, fetch)
        return self.districts_of(on)


class Batching(Documented):
    """One with a call for several districts, which asks for the documents of each."""

    def collect_many(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Ask for the documents of each."""
        return {district: self.ask(on, district, fetch) for district in districts}


class Wide(Documented):
    """One with a call for all districts, which asks for the day's document."""

    def collect_all(self, on: date, fetch: Fetch, /) -> Mapping[str, object]:
        """Ask for the day's document."""
        names = self.ask(on, None, fetch)
        return {district: Collected(names, detail="summary") for district in self.districts_of(on)}


class Summing(Documented):
    """One that makes summaries of the day, by the day's document."""

    def summarize_day(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
        """Ask for the day's document."""
        return {"all": Collected([self.ask(on, None, fetch), list(districts)])}


class ListingWide(Listing, Wide):
    """One that lists, and has a call for all."""


class ListingBatch(Listing, Batching):
    """One that lists, and has a call for several."""


class ListingSumming(Listing, Summing):
    """One that lists, and makes summaries."""


class WideSumming(Wide, Summing):
    """One with a call for all, that makes summaries."""


class Everything(Listing, Batching, Wide, Summing):
    """One that can do all of it."""


KINDS: tuple[type[Documented], ...] = (
    Documented, Listing, Batching, Wide, Summing, ListingWide, ListingBatch, ListingSumming, WideSumming, Everything,
)  # fmt: skip


class Untouchable(DistrictCatalog, BatchSource, SystemWideSource, DaySummarizer):
    """A source that can do everything and must not be asked for anything."""

    name = "untouchable"

    def collect_district(self, _day: date, _district: str, _fetch: Fetch, /) -> NoReturn:
        """Fail."""
        raise AssertionError("nothing may be collected here")

    def collect_all(self, _day: date, _fetch: Fetch, /) -> NoReturn:
        """Fail."""
        raise AssertionError("nothing may be collected here")

    def collect_many(self, _day: date, _districts: Sequence[str], _fetch: Fetch, /) -> NoReturn:
        """Fail."""
        raise AssertionError("nothing may be collected here")

    def list_districts(self, _day: date, _fetch: Fetch, /) -> NoReturn:
        """Fail."""
        raise AssertionError("nothing may be listed here")

    def summarize_day(self, _day: date, _districts: Sequence[str], _fetch: Fetch, /) -> NoReturn:
        """Fail."""
        raise AssertionError("nothing may be summarized here")


def named_documents(plan: BackfillPlan, source: Documented, everyone: Iterable[str]) -> dict[str, str]:
    """Return every document that may be asked for in carrying out *plan*, with its report; written from the contract.

    A day that is not listed yet may turn out to have any of *everyone*.
    """
    named: dict[str, DocumentRequest] = {}

    def add(on: date, district: str | None) -> None:
        named.update((request.identity, request) for request in source.documents(on, district))

    for planned in plan.days:
        if planned.gap is not None:
            continue
        todo = [name for name in (everyone if planned.districts is None else planned.districts) if name not in planned.existing]
        if not todo and planned.districts is not None:
            continue
        by_one_call = plan.strategy.method is Method.SYSTEM_WIDE
        is_listed_first = isinstance(source, DistrictCatalog) and not planned.listed and not by_one_call
        if by_one_call or is_listed_first or isinstance(source, DaySummarizer):
            add(planned.day, None)
        if not by_one_call:
            for district in todo:
                add(planned.day, district)
    return {identity: request.report for identity, request in named.items()}
