"""The refresh service as a data source: what it can do, and that each strategy calls exactly its method (P3)."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillRequest, BackfillService
from backfill.errors import DataUnavailable, InvalidRequest, PermanentSourceError, SourceError
from backfill.fetching import PoliteFetcher
from backfill.model import BackfillPlan, Collected, Method
from backfill.protocols import (
    BatchSource,
    DataSource,
    DaySummarizer,
    DistrictCatalog,
    DistrictNaming,
    EditionCatalog,
    Fetch,
    LatestDay,
    RequestPlanner,
    SupportsMaxConcurrency,
    SystemWideSource,
    Versioned,
)
from backfill.scopes import FixedScope
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.dashboard import ReportArchive
from backfill.testing.fetch import DictFetch
from backfill.toastmasters import RefreshService, RefreshServiceSource
from backfill.toastmasters.source import Refreshing
from backfill.toastmasters.versions import CALCULATION_VERSION
from foundation_samples import bounded
from tm_calendar_cases import DAY, on
from tm_serving import clock_at, counts, ran, serving, whole

Call = tuple[object, ...]
DISTRICTS = ("05", "61", "F", "117")


class Spy:
    """A refresh service with the three methods and nothing else; remembers its calls. Any thread."""

    def __init__(self, there: Sequence[str] = DISTRICTS) -> None:
        self._lock = threading.Lock()
        self._there = there
        self.calls: list[Call] = []

    def _note(self, *call: object) -> None:
        with self._lock:
            self.calls.append(call)

    def get_all_districts(self, day: date, /) -> Mapping[str, object]:
        """Return a value for each district."""
        self._note("all", day)
        return {district: Collected({"of": district}, detail="summary") for district in self._there}

    def get_district_performance(self, day: date, district: str, /) -> object:
        """Return a value."""
        self._note("one", day, district)
        return {"of": district}

    def get_multiple_districts(self, day: date, districts: Sequence[str], /) -> Mapping[str, object]:
        """Return a value for each of *districts*."""
        self._note("many", day, tuple(districts))
        return {district: {"of": district} for district in districts}


def expected_calls(plan: BackfillPlan) -> Counter[Call]:
    """Return the calls that a plan means, each strategy its own."""
    calls: Counter[Call] = Counter()
    for planned in plan.days:
        todo = [district for district in planned.districts or () if district not in planned.existing]
        if planned.gap is not None or not todo:
            continue
        if planned.strategy is Method.SYSTEM_WIDE:
            calls["all", planned.day] += 1
        elif planned.strategy is Method.TARGETED:
            calls["many", planned.day, tuple(todo)] += 1
        else:
            calls.update(("one", planned.day, district) for district in todo)
    return calls


@bounded
@given(
    st.dates(date(2023, 1, 1), date(2023, 3, 1)),
    st.integers(0, 9),
    st.none() | st.lists(st.sampled_from([*DISTRICTS, "District 5", " f "]), min_size=1, max_size=4),
    st.sampled_from(["auto", "system-wide", "per-district"]),
    st.sampled_from(["daily", "weekly", "month-end"]),
    st.sampled_from(["auto", "summary"]),
    st.integers(1, 4),
    st.lists(st.sampled_from(DISTRICTS), unique=True, max_size=4),
)
def test_p3_each_strategy_calls_exactly_its_method(
    start: date,
    more: int,
    targets: list[str] | None,
    collection: str,
    frequency: str,
    detail: str,
    concurrency: int,
    there: list[str],
) -> None:
    """Whatever is asked for, each strategy calls its own method of the refresh service, with the plan's days and districts, and no other; a second run calls none for what is stored. [P3, R11.1]"""
    spy = Spy(there)
    request = BackfillRequest(
        start,
        start + (40 if frequency == "month-end" else more) * DAY,
        targets,
        collection_type=collection,
        frequency=frequency,
        detail=detail,
        concurrency=concurrency,
    )
    source = RefreshServiceSource(spy)
    with BackfillService(
        source, MemorySnapshotStore(), FixedScope(DISTRICTS), fetch=DictFetch({}), clock=clock_at("2024-01-01")
    ) as service:
        plan = service.plan(request)
        report = service.run_backfill(request, progress=False)
        assert Counter(spy.calls) == expected_calls(plan)
        assert {"system-wide": {"all"}, "per-district": {"one"}, "targeted": {"many"}}[plan.strategy.method] >= {
            call[0] for call in spy.calls
        }
        assert report.collection_strategy == plan.strategy
        assert not report.progress.failed
        spy.calls.clear()
        again = service.plan(request)
        service.run_backfill(request, progress=False)
        assert Counter(spy.calls) == expected_calls(again)


def test_p3_the_districts_of_the_plan_and_no_others() -> None:
    """With one strategy of each kind, the calls are these and no others. [P3, R2.4, R2.5]"""
    for targets, collection, calls in (
        (None, "auto", [("all", on("2023-01-02"))]),
        (["61"], "auto", [("one", on("2023-01-02"), "61")]),
        (["61", "5"], "auto", [("many", on("2023-01-02"), ("61", "05"))]),
        (["61", "5"], "system-wide", [("all", on("2023-01-02"))]),
        (["61", "5"], "per-district", [("one", on("2023-01-02"), "61"), ("one", on("2023-01-02"), "05")]),
    ):
        spy = Spy()
        store = MemorySnapshotStore()
        with BackfillService(RefreshServiceSource(spy), store, FixedScope(DISTRICTS), fetch=DictFetch({})) as service:
            ran(service, "2023-01-02", districts=targets, collection_type=collection, concurrency=1)
        assert sorted(spy.calls, key=str) == sorted(calls, key=str)
        assert set(store.read(on("2023-01-02")).districts) == set(DISTRICTS if targets is None else ("61", "05")[: len(targets)])


class Watched(RefreshService):
    """The real refresh service; its copies note their calls in one list."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type] # passed through
        self.calls: list[Call] = []

    def get_all_districts(self, day: date) -> dict[str, Collected]:
        """Note it."""
        self.calls.append(("all", day))
        return super().get_all_districts(day)

    def get_district_performance(self, day: date, district: str) -> Collected:
        """Note it."""
        self.calls.append(("one", day, district))
        return super().get_district_performance(day, district)

    def get_multiple_districts(self, day: date, districts: Sequence[str]) -> dict[str, Collected | SourceError]:
        """Note it."""
        self.calls.append(("many", day, tuple(districts)))
        return super().get_multiple_districts(day, districts)


@pytest.mark.parametrize(
    ("districts", "collection", "calls"),
    [
        (None, "auto", [("all",)]),
        (["61"], "auto", [("one", "61")]),
        (["61", "F"], "auto", [("many", ("61", "F"))]),
        (["61", "F"], "per-district", [("one", "61"), ("one", "F")]),
        (["61"], "system-wide", [("all",)]),
    ],
)
def test_p3_with_the_real_service(districts: list[str] | None, collection: str, calls: list[Call]) -> None:
    """Pitfalls 1 and 21: the service's public methods are called with the day of the plan, the full collection never once a district. [P3, R2.4, R2.5]"""
    days = ["2023-01-18", "2023-01-19"]
    clock = clock_at("2024-01-15")
    with (
        serving(whole("2023-01", days[0]) | whole("2023-01", days[1]), "2024-01-15") as server,
        closing(PoliteFetcher(rate=None, clock=clock)) as fetcher,
    ):
        watched = Watched(fetcher, server.url, clock)
        with BackfillService(RefreshServiceSource(watched), MemorySnapshotStore(), fetch=fetcher, clock=clock) as service:
            report = ran(service, days[0], days[1], districts, collection_type=collection)
        assert report.status == "complete"
        assert Counter(watched.calls) == Counter((call, on(day), *rest) for day in days for call, *rest in calls)


# --- what it can do ------------------------------------------------------------------------------------------------------------

ALWAYS = (DataSource, SystemWideSource, BatchSource, DistrictNaming, Versioned)
WITH_A_CATALOG = (DistrictCatalog, EditionCatalog, RequestPlanner, DaySummarizer)
NEVER = (LatestDay, SupportsMaxConcurrency)


def test_the_abilities_of_three_methods() -> None:
    """A source made of the three methods alone collects in three ways and names districts; it claims nothing that it cannot do. [R10.5, P3]"""
    source = RefreshServiceSource(Spy())
    assert all(isinstance(source, ability) for ability in ALWAYS)
    assert not any(isinstance(source, ability) for ability in (*WITH_A_CATALOG, *NEVER))
    assert (source.name, source.calculation_version) == ("toastmasters", CALCULATION_VERSION)


def test_the_abilities_of_the_refresh_service() -> None:
    """A source made of the real service also lists, plans, knows its editions and ranks. [R3.2, B1]"""
    source = RefreshServiceSource(RefreshService())
    assert all(isinstance(source, ability) for ability in (*ALWAYS, *WITH_A_CATALOG))
    assert not any(isinstance(source, ability) for ability in NEVER)
    assert repr(source) == "RefreshServiceSource(RefreshService(base_url='https://dashboards.toastmasters.org'))"


def test_a_class_of_ones_own_keeps_its_abilities() -> None:
    """A subclass is what it is, whatever service it is given. [R10.5]"""

    class Plain(RefreshServiceSource):
        """Three methods and no more."""

    assert type(Plain(RefreshService())) is Plain
    assert not isinstance(Plain(RefreshService()), DistrictCatalog)


@pytest.mark.parametrize("value", [None, object(), "service", RefreshService, DictFetch({})])
def test_what_is_no_refresh_service_is_refused(value: object) -> None:
    """Pitfall 4: what lacks one of the three methods, or is a class, is refused when the source is made, not when it is called. [R6.2]"""
    with pytest.raises(InvalidRequest, match="get_multiple_districts"):
        RefreshServiceSource(cast("Refreshing", value))


def test_districts_have_the_published_form() -> None:
    """A district is called as the dashboard calls it, however it is written. [R2.3]"""
    source = RefreshServiceSource(Spy())
    assert [source.normalize_district(text) for text in ("1", "01", "District 117", " f ")] == ["01", "01", "117", "F"]
    with pytest.raises(InvalidRequest):
        source.normalize_district("61a")


def test_a_source_goes_to_another_process() -> None:
    """A source can be pickled, with what it has learnt and without its door; the copy asks through whatever door it is handed. [B8]"""
    with serving(whole("2023-01", "2023-01-18"), "2024-01-15") as server:
        clock = VirtualClock()
        with closing(PoliteFetcher(rate=None)) as fetcher:
            service = RefreshService(fetcher, server.url)
            assert service.list_districts(on("2023-01-18")) == ("61", "F")
            copy: RefreshServiceSource = pickle.loads(pickle.dumps(RefreshServiceSource(service)))
            assert {ability for ability in WITH_A_CATALOG if isinstance(copy, ability)} == {*WITH_A_CATALOG}
            with BackfillService(copy, MemorySnapshotStore(), fetch=fetcher, clock=clock) as other:
                assert counts(ran(other, "2023-01-18", districts=["61"])) == {"completed": 1}


# --- the door ------------------------------------------------------------------------------------------------------------------


def test_a_service_without_using_has_no_provenance() -> None:
    """What is collected by a service that cannot be bound to a door is stored without provenance; through the unit's door it names its documents. [B3]"""
    store = MemorySnapshotStore()
    with BackfillService(RefreshServiceSource(Spy()), store, fetch=DictFetch({})) as service:
        ran(service, "2023-01-02", districts=["61"])
    assert store.read(on("2023-01-02")).district("61").provenance == ()


def test_the_documents_of_a_record_are_named() -> None:
    """Through the unit's door every record names the documents that it was made from: three reports and the day's summary, or the summary alone. [B3, R3.2]"""
    clock = clock_at("2024-01-15")
    with (
        serving(ReportArchive.shipped(), "2026-06-04") as server,
        closing(PoliteFetcher(rate=None, clock=clock)) as fetcher,
    ):
        source = RefreshServiceSource(RefreshService(None, server.url, clock))
        store = MemorySnapshotStore()
        with BackfillService(source, store, fetch=fetcher, clock=clock) as service:
            ran(service, "2023-01-31", districts=["91"])
            ran(service, "2023-01-31")
        snapshot = store.read(on("2023-01-31"))
        names = {ref.name for ref in snapshot.district("91").provenance}
        assert names == {
            "districtsummary~2023-01-31~2023-02-08",
            *(f"{kind}performance~91~2023-01-31~2023-02-08" for kind in ("club", "district", "division")),
        }
        (ref,) = snapshot.district("61").provenance
        assert (ref.name, ref.url) == (
            "districtsummary~2023-01-31~2023-02-08",
            f"{server.url}/2022-2023/export.aspx?type=CSV&report=districtsummary~1/31/2023~2/8/2023~2022-2023",
        )


class Bound(Spy):
    """A service of somebody else's, which can be bound to a door."""

    def __init__(self) -> None:
        super().__init__()
        self.doors: list[Fetch] = []

    def using(self, fetch: Fetch) -> Bound:
        """Note the door."""
        self.doors.append(fetch)
        return self


def test_any_service_with_using_is_bound() -> None:
    """A service of somebody else's with ``using`` asks through the door of each unit. [R3.4, R10.5]"""
    bound = Bound()
    with BackfillService(RefreshServiceSource(bound), MemorySnapshotStore(), fetch=DictFetch({})) as service:
        ran(service, "2023-01-02", districts=["61", "F"], collection_type="per-district")
        ran(service, "2023-01-03", districts=["61", "F"])
        ran(service, "2023-01-04")
    assert len(bound.doors) == len(bound.calls) == 4


class Moody(Spy):
    """A service that has an error in the place of one district, and lacks another."""

    def get_multiple_districts(self, day: date, districts: Sequence[str], /) -> Mapping[str, object]:
        """Return something of everything."""
        return {"61": {"ok": True}, "F": DataUnavailable("nothing"), "05": PermanentSourceError("broken", kind="odd")}


def test_an_error_in_the_place_of_a_district() -> None:
    """What a service returns in the place of a district's figures is that district's outcome, and no other's. [R6.1, R6.2]"""
    with BackfillService(RefreshServiceSource(Moody()), MemorySnapshotStore(), fetch=DictFetch({})) as service:
        report = ran(service, "2023-01-02", districts=["61", "F", "05", "117"])
    assert counts(report) == {"completed": 1, "unavailable": 1, "failed": 2}
    assert {error.kind for error in report.errors} == {"odd", "returned_nothing"}
