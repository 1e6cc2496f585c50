"""What a plan says: days and gaps, districts, what exists, how many documents, how long; and when it holds no longer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from backfill.engine.planner import EXACT_UNITS, documents_of, has_work, needs_listing, to_collect
from backfill.errors import InvalidRequest, PlanOutdated
from backfill.model import (
    BackfillPlan,
    DistrictError,
    Edition,
    Frequency,
    Gap,
    Method,
    PlannedDay,
    RecordHeader,
    ScopeKind,
    Stage,
)
from backfill.scopes import DistrictConfigurationService, OpenScope
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedBatch, ScriptedCatalog, ScriptedDashboard, ScriptedSource, ScriptedSystemWide
from engine_doubles import DAY, NOW, FixedScope, day, planned, record, store_records
from planning_doubles import (
    Batching,
    Documented,
    Everything,
    Listing,
    ListingSumming,
    ListingWide,
    Summing,
    Untouchable,
    Wide,
    ask,
    named_documents,
    planner,
)


def days_of(plan: BackfillPlan) -> list[date]:
    """Return the days of a plan, in the order of work."""
    return [each.day for each in plan.days]


def failure(district: str, on: date = DAY) -> DistrictError:
    """Return the failure of one district."""
    return DistrictError(district, on, Stage.FETCH, "gone", "it is gone", 1, is_retryable=False, timestamp=NOW)


# --- days and scope ---------------------------------------------------------------------------------------------------


def test_a_plan_names_every_day_with_its_districts() -> None:
    """Each day stands in the plan once, with the districts in scope, as of itself; what was left out is said. [B1, R2.1]"""
    plan = planner(ScriptedSource(), scope=FixedScope("1", "2")).plan(ask(2, "2", "1", "3"))
    assert plan.days == (planned("2", "1", strategy=Method.TARGETED), planned("2", "1", on=day(1), strategy=Method.TARGETED))
    assert plan.total_units == 4
    assert (plan.source, plan.strategy.method, plan.strategy.detail) == ("scripted", Method.TARGETED, "full")
    assert plan.rationale == plan.strategy.rationale == "2 districts, one call for each and day"
    assert plan.scope.districts == ("2", "1")
    assert plan.request == ask(2, "2", "1", "3")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [day(0), day(1), day(2), day(3)]),
        ({"order": "newest-first"}, [day(3), day(2), day(1), day(0)]),
        ({"start_date": "2025-12-20", "end_date": "2026-01-09", "frequency": "weekly"}, ["2025-12-20", "2025-12-27", "2026-01-03"]),
        (
            {"start_date": "2025-11-01", "end_date": "2026-01-13", "frequency": "month-end", "order": "newest-first"},
            ["2025-12-31", "2025-11-30"],
        ),
        ({"start_date": "2024-02-29", "end_date": None}, ["2024-02-29"]),
    ],
)  # fmt: skip
def test_the_days_stand_in_the_order_of_work(options: dict[str, object], expected: Sequence[object]) -> None:
    """Daily, weekly from the first day, or the last of each month; the newest first, or the oldest. [B1]"""
    plan = planner(ScriptedSource()).plan(ask(4, "1", **options))
    assert [str(found) for found in days_of(plan)] == [str(found) for found in expected]


def test_the_newest_first_is_the_default() -> None:
    """Who says nothing of the order gets the newest day first. [B1]"""
    request = evolve(ask(3, "1"), order="newest-first")
    assert days_of(planner(ScriptedSource()).plan(request)) == [day(2), day(1), day(0)]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"end_date": NOW.date()}, "end_date"),
        ({"start_date": "1950-01-01"}, "start_date"),
        ({"end_date": day(1), "frequency": "month-end"}, "frequency"),
        ({"collection_type": "system-wide"}, "collection_type"),
        ({"target_districts": None}, "target_districts"),
        ({"target_districts": ["../etc"]}, "district"),
    ],
)
def test_what_cannot_be_done_is_refused_when_it_is_planned(options: dict[str, object], field: str) -> None:
    """Days that are not published yet, ranges too long or empty, abilities that the source lacks: the error names the value. [P2, R2.3, R7.4]"""
    with pytest.raises(InvalidRequest) as caught:
        planner(ScriptedSource()).plan(ask(4, "1", **options))
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize("targets", [(), ("1",), ("1", "2")])
@pytest.mark.parametrize("detail", ["summary", "full"])
def test_a_plan_asks_nobody(targets: tuple[str, ...], detail: str) -> None:
    """Whatever is planned, the source is not called: neither to collect nor to list. [B1, P2]"""
    plan = planner(Untouchable()).plan(ask(5, *targets, detail=detail))
    assert len(plan.days) == 5
    assert planner(Untouchable()).confirm(plan) is plan


def test_the_scope_is_resolved_once_for_all_days() -> None:
    """The resolver is asked once, with the targets in their normal form. [P2, R7.1]"""
    scope = FixedScope("1", "2")
    planner(ScriptedSource(), scope=scope).plan(ask(9, " 1 ", "2", "1"))
    assert scope.asked == [("1", "2")]


def test_a_gap_is_planned_and_nothing_is_asked_for_it() -> None:
    """A day without an edition stands in the plan with its kind; it counts as units, and not as documents. [B1, B10]"""
    source = Documented(gaps=[day(1)])
    plan = planner(source, scope=FixedScope("1", "2")).plan(ask(3))
    assert [each.gap for each in plan.days] == [None, Gap.CLOSING, None]
    assert plan.gaps == (planned("1", "2", on=day(1), gap=Gap.CLOSING),)
    assert plan.total_units == 6
    assert plan.requests == {"club": 4}
    assert plan.exact
    assert day(1) not in {on for on, _district in source.planned_for}


def test_a_gap_is_a_gap_even_if_something_is_stored() -> None:
    """What an earlier release stored of a day in a gap is not looked at: the day is neither listed nor skipped. [B1, B10]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), listed=True)
    (found,) = planner(Listing(gaps=[DAY]), store).plan(ask()).days
    assert found == planned(gap=Gap.CLOSING)


# --- what exists ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "detail", "skipped"),
    [
        ({}, "full", True),
        ({}, "summary", True),
        ({"detail": "summary"}, "summary", True),
        ({"detail": "summary"}, "full", False),
        ({"settled": False}, "summary", False),
    ],
)
def test_what_is_settled_and_full_enough_exists(options: dict[str, object], detail: str, skipped: bool) -> None:
    """A stored record that is settled, and holds what is asked for, will be skipped; any other is collected again. [B1, R9.3]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1", DAY, **options))
    plan = planner(Documented(), store).plan(ask(1, "1", "2", detail=detail))
    assert plan.days[0].existing == (("1",) if skipped else ())
    assert to_collect(plan.days[0]) == (("2",) if skipped else ("1", "2"))
    assert plan.requests == {"club": 1 if skipped else 2}


def test_a_full_record_that_is_known_to_be_old_is_collected_again() -> None:
    """Where a newer summary was seen since, the full record does not count as existing. [R9.3]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"))
    store_records(store, DAY, record("1", detail="summary", as_of=day(3)))
    assert planner(ScriptedSource(), store).plan(ask(1, "1")).days[0].existing == ()


def test_only_districts_of_the_request_exist_for_it() -> None:
    """What is stored of other districts is none of the plan's business. [R5.4, P5]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), record("2"), record("3"))
    assert planner(ScriptedSource(), store).plan(ask(1, "3", "4", "1")).days[0].existing == ("3", "1")


def test_without_skipping_nothing_exists() -> None:
    """Asked to collect what exists again, a plan does not even open the manifests, nor trust a stored list. [R9.3]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), listed=True)
    store.entries = None  # type: ignore[assignment,method-assign] # calling it would raise
    assert planner(ScriptedCatalog(), store, FixedScope("1")).plan(ask(1, skip_existing=False)).days == (planned("1"),)
    assert planner(ScriptedCatalog(), store).plan(ask(1, skip_existing=False)).days == (planned(),)


def test_days_that_are_not_stored_are_not_opened() -> None:
    """Over a long range only the days that the store has are looked into. [R9.3]"""
    opened: list[date] = []

    class Watched(MemorySnapshotStore):
        def entries(self, on: date, /) -> Mapping[str, RecordHeader]:
            opened.append(on)
            return super().entries(on)

    store = Watched()
    store_records(store, day(3), record("1", on=day(3)))
    store_records(store, day(20), record("1", on=day(20)))
    planner(ScriptedSource(), store, FixedScope("1")).plan(ask(9))
    assert opened == [day(3)]


@pytest.mark.parametrize(
    ("listed", "settled", "districts"),
    [(True, True, ("1", "2")), (False, True, None), (True, False, None), (False, False, None)],
)
def test_a_stored_list_is_reused_if_the_day_was_listed_and_is_settled(
    listed: bool, settled: bool, districts: tuple[str, ...] | None
) -> None:
    """The list of a day is taken from its snapshot only when it was the publisher's own, and nothing of the day can change. [B1, R9.3]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), record("2", settled=settled), listed=listed)
    (found,) = planner(ScriptedCatalog(), store).plan(ask()).days
    assert (found.districts, found.listed) == (districts, districts is not None)
    assert found.existing == (("1", "2") if settled else ("1",))
    assert needs_listing(found, ScriptedCatalog()) == (districts is None)


def test_a_stored_list_has_what_failed_and_not_what_was_never_published() -> None:
    """A district that failed is still to be had, and one of which nothing was published is not. [B1, R6.6]"""
    store = MemorySnapshotStore()
    store_records(
        store, DAY, record("1"), listed=True, expected=("1", "2", "3"), unavailable=("2",), errors=(failure("3"),)
    )  # fmt: skip
    (found,) = planner(ScriptedCatalog(), store).plan(ask()).days
    assert (found.districts, found.existing) == (("1", "3"), ("1",))
    assert to_collect(found) == ("3",)


def test_a_configured_scope_needs_no_stored_list() -> None:
    """Where districts are configured, they are the plan's, whatever a snapshot or a list says. [R7.3, P7]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), record("9"), listed=True)
    plan = planner(ScriptedCatalog(), store, FixedScope("1", "2")).plan(ask(2), lists={day(1): ("7", "8")})
    assert [(each.districts, each.listed, each.existing) for each in plan.days] == [
        (("1", "2"), False, ("1",)), (("1", "2"), False, ()),
    ]  # fmt: skip


def test_a_list_that_is_handed_in_counts_before_a_stored_one() -> None:
    """Districts that were listed for this plan are used as they are, in their order. [B1]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), listed=True)
    plan = planner(ScriptedCatalog(), store).plan(ask(2), lists={DAY: ("3", "1")})
    assert plan.days == (planned("3", "1", existing=("1",), listed=True), planned(on=day(1)))


def test_a_day_of_which_nothing_was_published_is_a_gap() -> None:
    """A day whose list is empty is one unavailable unit, as it is for a job that lists it; nothing is asked for it. [B1, B5]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"))
    plans = planner(Listing(), store)
    plan = plans.plan(ask(2), lists={DAY: (), day(1): ("1",)})
    assert plan.days == (planned(gap=Gap.UNKNOWN, listed=True), planned("1", on=day(1), listed=True))
    assert (plan.total_units, plan.exact, plan.requests) == (2, True, {"club": 1})
    assert plans.confirm(plan) is plan


# --- how many documents, and how long ---------------------------------------------------------------------------------


def test_a_source_that_names_no_documents_has_an_unknown_number() -> None:
    """Not known beforehand is None, and never a guess; so are the seconds. [B1]"""
    plan = planner(ScriptedSource()).plan(ask(3, "1"), rate=2.0)
    assert plan.requests == {"documents": None}
    assert plan.seconds_at_rate is None
    assert not plan.exact


@pytest.mark.parametrize("source", [ScriptedSource(), Documented()])
def test_a_plan_without_work_needs_nothing(source: ScriptedSource | Documented) -> None:
    """Where all of it is stored, no document is asked for and no time is needed, and that is exact. [B1, R9.3]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"))
    plan = planner(source, store).plan(ask(1, "1"), rate=2.0)
    assert (plan.requests, plan.seconds_at_rate, plan.exact) == ({}, 0.0, True)


@pytest.mark.parametrize(
    ("source", "targets", "options", "expected"),
    [
        (Documented(["club", "division"]), ("1", "2"), {}, {"club": 6, "division": 6}),
        (Listing(), ("1", "2"), {}, {"club": 6, "list": 3}),
        (Summing(), ("1", "2"), {}, {"club": 6, "list": 3}),
        (Batching(), ("1", "2"), {}, {"club": 6}),
        (Wide(), ("1", "2"), {"detail": "summary"}, {"list": 3}),
        (Wide(), (), {}, {"list": 3}),
        (ListingWide(), (), {}, {"list": 3}),
        (ListingWide(), ("1",), {}, {"club": 3, "list": 3}),
        (Everything(), ("1",), {"detail": "summary"}, {"list": 3}),
        (Documented(monthly=True), ("1", "2"), {}, {"club": 6, "month": 1}),
        (Documented(daily=True), ("1", "2"), {}, {"club": 6, "list": 3}),
        (Documented(["club"], monthly=True), ("1", "2"), {"start_date": "2025-12-30", "end_date": "2026-01-02"}, {"club": 8, "month": 2}),
    ],
)  # fmt: skip
def test_documents_are_counted_by_report(
    source: Documented, targets: tuple[str, ...], options: dict[str, object], expected: dict[str, int]
) -> None:
    """Every document counts once however many units it serves, and those of the day as a whole only if a call asks for them. [B1, R9.3, P12]"""
    plan = planner(source).plan(ask(3, *targets, **options), rate=4.0)
    assert plan.requests == expected
    assert list(plan.requests) == sorted(expected)
    assert plan.seconds_at_rate == sum(expected.values()) / 4.0
    assert plan.exact == bool(targets)
    assert sum(expected.values()) == len(named_documents(plan, source, ()))


def test_what_is_listed_already_needs_no_list_document() -> None:
    """A day whose districts are known needs its list no more, unless something else is made of the same document. [B1, P12]"""
    lists = {day(number): ("1", "2") for number in range(2)}
    assert planner(Listing()).plan(ask(3), lists=lists).requests == {"club": 4, "districts": None, "list": 1}
    assert planner(Listing()).plan(ask(2), lists=lists).requests == {"club": 4}
    assert planner(ListingSumming()).plan(ask(2), lists=lists).requests == {"club": 4, "list": 2}


def test_days_whose_districts_are_unknown_make_the_number_unknown() -> None:
    """Until a day is listed, how many documents its districts need is None; the known ones are counted and timed all the same. [B1]"""
    plan = planner(Listing()).plan(ask(3), rate=0.5)
    assert plan.requests == {"districts": None, "list": 3}
    assert plan.seconds_at_rate == 6.0
    assert not plan.exact


def test_one_call_for_all_has_known_documents_and_unknown_units() -> None:
    """Where one report serves a day, the requests are known, and how many districts it holds is not: the plan is no count. [B1]"""
    plan = planner(Wide()).plan(ask(2))
    assert (plan.requests, plan.exact, plan.total_units) == ({"list": 2}, False, 2)
    assert planner(Wide(), scope=FixedScope("1", "2")).plan(ask(2)).exact


@pytest.mark.parametrize(("rate", "pause", "longer"), [(None, 3.0, 3.0), (10.0, 3.0, 3.0), (0.1, 3.0, 10.0)])
def test_the_pause_between_requests_counts(rate: float | None, pause: float, longer: float) -> None:
    """Of the door's rate and the request's own pause the slower one tells how long it takes. [B1, R9.1]"""
    request = ask(1, "1", min_interval=pause)
    plan = planner(Documented()).plan(request, rate=rate)
    assert plan.seconds_at_rate == pytest.approx(sum(count or 0 for count in plan.requests.values()) * longer)


@pytest.mark.parametrize("rate", [None, 0.0])
def test_without_a_rate_the_time_is_unknown(rate: float | None) -> None:
    """A door that has no rate limit, or does not tell, leaves the time unknown. [B1]"""
    assert planner(Documented()).plan(ask(2, "1"), rate=rate).seconds_at_rate is None


@pytest.mark.parametrize(("monthly", "daily"), [(False, False), (True, False), (False, True)])
def test_above_the_limit_one_district_stands_for_the_others(monthly: bool, daily: bool) -> None:
    """Beyond so many units the first district of each day is asked for the others: an estimate that is not dear, never too low, and says what it is. [B1]"""
    names = [f"d{number}" for number in range(200)]
    source = ListingSumming(monthly=monthly, daily=daily)
    at_limit = planner(source).plan(ask(100, *names, start_date="2025-09-01", end_date="2025-12-09"))
    assert at_limit.total_units == EXACT_UNITS
    assert (at_limit.exact, at_limit.requests["club"], at_limit.requests["list"]) == (True, 20_000, 100)
    source.planned_for.clear()
    above = planner(source).plan(ask(100, *names, "more", start_date="2025-09-01", end_date="2025-12-09"), rate=1.0)
    assert not above.exact
    assert len(source.planned_for) == 200
    assert above.requests["club"] == 100 * 201
    assert above.requests["list"] == 100
    assert (above.requests.get("month") or 0) >= 4 * monthly
    assert above.seconds_at_rate == sum(count or 0 for count in above.requests.values())


def test_an_estimate_knows_what_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit, too, what is stored is not counted. [B1, R9.3]"""
    monkeypatch.setattr("backfill.engine.planner.EXACT_UNITS", 99)
    store = MemorySnapshotStore()
    names = [f"d{number}" for number in range(50)]
    store_records(store, DAY, *(record(name) for name in names[:20]))
    store_records(store, day(1), *(record(name, on=day(1)) for name in names))
    plan = planner(Documented(), store).plan(ask(2, *names))
    assert (plan.requests, plan.exact) == ({"club": 30}, False)


# --- what the runner and the door ask of a planned day ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "work", "todo"),
    [
        (planned(), True, ()),
        (planned(existing=("1",)), True, ()),
        (planned("1", "2"), True, ("1", "2")),
        (planned("1", "2", existing=("1",)), True, ("2",)),
        (planned("1", "2", existing=("2", "1")), False, ()),
        (planned(districts=()), False, ()),
    ],
)
def test_what_a_day_has_still_to_do(found: PlannedDay, work: bool, todo: tuple[str, ...]) -> None:
    """A day not listed yet has work; a known one has that of the districts which are not skipped, in their order. [R9.3]"""
    assert (has_work(found), to_collect(found)) == (work, todo)


@pytest.mark.parametrize(
    ("found", "source", "listed_first"),
    [
        (planned(), ScriptedCatalog(), True),
        (planned("1"), ScriptedCatalog(), True),
        (planned("1", listed=True), ScriptedCatalog(), False),
        (planned(), ScriptedSource(), False),
        (planned(), ScriptedSystemWide(), False),
        (planned(strategy=Method.SYSTEM_WIDE), ScriptedDashboard(), True),
        (planned("1", strategy=Method.SYSTEM_WIDE), ScriptedDashboard(), False),
        (planned("1", strategy=Method.TARGETED), ScriptedDashboard(), True),
        (planned("1", strategy=Method.TARGETED), ScriptedBatch(), False),
    ],
)
def test_which_days_are_listed_first(found: PlannedDay, source: ScriptedSource, listed_first: bool) -> None:
    """A day is listed once, by a source that can, unless its list is known or one call serves named districts anyway. [P2, R9.3]"""
    assert needs_listing(found, source) == listed_first


@pytest.mark.parametrize(
    ("found", "district", "names"),
    [
        (planned("1", "2"), "1", {"club~1", "list"}),
        (planned("1", "2"), None, {"club~1", "club~2", "list"}),
        (planned("1", "2", existing=("1",)), None, {"club~2", "list"}),
        (planned("1", "2", listed=True), "2", {"club~2"}),
        (planned("1", "2", listed=True), None, {"club~1", "club~2"}),
        (planned(), None, {"list"}),
        (planned(), "7", {"club~7", "list"}),
        (planned("1", strategy=Method.SYSTEM_WIDE), None, {"list"}),
        (planned("1", strategy=Method.SYSTEM_WIDE), "1", {"list"}),
    ],
)
def test_p12_what_one_call_may_ask_for(found: PlannedDay, district: str | None, names: set[str]) -> None:
    """A call may ask for the documents that the plan counts for what it serves, and for no others. [P12]"""
    assert documents_of(found, Listing(), district) == {f"{name}~{DAY}": name.partition("~")[0] for name in names}


def test_p12_who_names_no_documents_may_ask_for_any() -> None:
    """Without the ability nothing can be checked. [P12]"""
    assert documents_of(planned("1"), ScriptedSource(), "1") is None


# --- a plan made earlier ----------------------------------------------------------------------------------------------


def test_a_plan_that_still_holds_is_confirmed() -> None:
    """The very plan is returned while the same request would still be planned in the same way, however it was made. [B1]"""
    store = MemorySnapshotStore()
    plans = planner(Everything(), store)
    store_records(store, DAY, record("1"), listed=True)
    for plan in (
        plans.plan(ask(3, "1", "2"), rate=3.0),
        plans.plan(ask(3)),
        plans.plan(ask(3), lists={DAY: ("2", "1"), day(1): ()}),
        plans.plan(ask(3, order="newest-first")),
    ):
        assert plans.confirm(plan) is plan


def test_a_plan_is_outdated_when_one_of_its_days_was_stored_since() -> None:
    """What exists has changed: the error names the days, five of them at most, and what to do. [B1]"""
    store = MemorySnapshotStore()
    plans = planner(ScriptedSource(), store)
    plan = plans.plan(ask(9, "1", order="newest-first"))
    store_records(store, day(2), record("1", on=day(2)))
    with pytest.raises(PlanOutdated, match="call plan") as caught:
        plans.confirm(plan)
    assert caught.value.changes == ("1 days would be collected differently, for instance 2026-01-07",)
    for number in range(7):
        store_records(store, day(number), record("1", on=day(number)))
    with pytest.raises(PlanOutdated) as caught:
        plans.confirm(plan)
    assert caught.value.changes == (
        "7 days would be collected differently, for instance 2026-01-05, 2026-01-06, 2026-01-07, 2026-01-08, 2026-01-09",
    )


def test_a_plan_is_outdated_when_what_it_would_skip_is_gone() -> None:
    """A day that was deleted since would have to be collected after all. [B1, B2]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), listed=True)
    plans = planner(ScriptedCatalog(), store)
    plan = plans.plan(ask(1))
    store.delete(DAY)
    with pytest.raises(PlanOutdated, match="2026-01-05"):
        plans.confirm(plan)


def test_a_plan_is_outdated_when_the_configuration_changed(tmp_path: Path) -> None:
    """What has left the scope must not be fetched, and what has joined it would be missing. [B1, P7]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    scope.set_districts(["1", "2"])
    plans = planner(ScriptedSource(), scope=scope)
    plan = plans.plan(ask(1))
    scope.set_districts(["1"])
    with pytest.raises(PlanOutdated) as caught:
        plans.confirm(plan)
    assert caught.value.changes == ("the scope has changed", "1 days would be collected differently, for instance 2026-01-05")
    scope.set_districts(["1", "2"])
    assert plans.confirm(plan) is plan


def test_a_plan_that_cannot_be_made_any_more_is_refused(tmp_path: Path) -> None:
    """Where nothing of it is in scope any more, the refusal says so. [B1, R7.5]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    plans = planner(ScriptedSource(), scope=scope)
    plan = plans.plan(ask(1, "1"))
    scope.set_districts(["2"])
    with pytest.raises(InvalidRequest, match="target_districts"):
        plans.confirm(plan)


def test_a_plan_is_outdated_with_another_source() -> None:
    """A plan of another source, or of one that has lost an ability, does not hold; the error says which. [B1, R3.3]"""
    store = MemorySnapshotStore()
    plan = planner(ScriptedDashboard(), store).plan(ask(2))
    with pytest.raises(PlanOutdated) as caught:
        planner(ScriptedDashboard(name="other"), store).confirm(plan)
    assert caught.value.changes == ("the source was 'scripted' and is 'other'",)
    with pytest.raises(PlanOutdated) as caught:
        planner(ScriptedCatalog(), store).confirm(plan)
    assert caught.value.changes == (
        "the days were to be collected system-wide, and would be per-district",
        "2 days would be collected differently, for instance 2026-01-05, 2026-01-06",
    )


def test_a_plan_is_outdated_when_the_calendar_changed() -> None:
    """A day that the source no longer has, or has a gap for, is named. [B1, B10]"""
    plan = planner(Documented()).plan(ask(3, "1"))
    with pytest.raises(PlanOutdated, match="1 days would be collected differently, for instance 2026-01-06"):
        planner(Documented(gaps=[day(1)])).confirm(plan)

    class Shorter(Documented):
        def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
            return [each for each in super().editions(start, end, frequency) if each.day != day(2)]

    with pytest.raises(PlanOutdated, match="1 days would be collected differently, for instance 2026-01-07"):
        planner(Shorter()).confirm(plan)


def test_a_plan_whose_options_were_changed_is_outdated() -> None:
    """A plan that was put together by hand from two is not one that was shown to anybody. [B1]"""
    plans = planner(ScriptedSource())
    plan = plans.plan(ask(2, "1"))
    with pytest.raises(PlanOutdated) as caught:
        plans.confirm(evolve(plan, request=ask(2, "1", concurrency=9)))
    assert caught.value.changes == ("the request's options differ",)


# --- retrying ---------------------------------------------------------------------------------------------------------


def test_a_retry_has_the_failed_districts_of_the_failed_days_only() -> None:
    """Days and districts that did not fail are left out; order, strategy and options stay; requests are counted anew. [R6.6]"""
    plans = planner(Documented())
    plan = plans.plan(ask(4, "1", "2", "3", order="newest-first", concurrency=5), rate=2.0)
    retry = plans.narrow(plan, {day(0): ("3", "1"), day(2): ("2",)}, rate=2.0)
    assert retry.days == (
        planned("2", on=day(2), strategy=Method.TARGETED), planned("3", "1", strategy=Method.TARGETED),
    )  # fmt: skip
    assert (retry.request, retry.strategy, retry.source) == (plan.request, plan.strategy, plan.source)
    assert (retry.requests, retry.seconds_at_rate, retry.exact) == ({"club": 3}, 1.5, True)
    assert retry.fingerprint != plan.fingerprint


def test_a_retry_of_a_day_that_could_not_be_listed_lists_it_again() -> None:
    """A day that failed before its districts were known is tried as a whole; what it skipped it skips again. [R6.6, B2]"""
    store = MemorySnapshotStore()
    store_records(store, DAY, record("1"), record("2", settled=False))
    plans = planner(Listing(), store)
    plan = plans.plan(ask(2))
    assert plan.days[0] == planned(existing=("1",))
    retry = plans.narrow(plan, {DAY: None})
    assert retry.days == (planned(existing=("1",)),)
    assert (retry.exact, retry.requests) == (False, {"districts": None, "list": 1})


def test_a_retry_skips_what_another_job_has_stored_since() -> None:
    """What failed then and is stored by now is not collected again, unless that was asked for. [R6.6, B2]"""
    store = MemorySnapshotStore()
    plans = planner(Documented(), store)
    plan, anyway = plans.plan(ask(1, "1", "2")), plans.plan(ask(1, "1", "2", skip_existing=False))
    store_records(store, DAY, record("1"))
    assert to_collect(plans.narrow(plan, {DAY: ("1", "2")}).days[0]) == ("2",)
    assert to_collect(plans.narrow(anyway, {DAY: ("1", "2")}).days[0]) == ("1", "2")


def test_p7_a_retry_leaves_out_what_has_left_the_configuration(tmp_path: Path) -> None:
    """The scope is resolved anew: districts that are no longer configured are not fetched again, and no new ones are. [P7, R6.6, R7.3]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    plans = planner(ScriptedCatalog(), scope=scope)
    plan = plans.plan(ask(3))
    scope.set_districts(["2", "3", "4"])
    failed = {day(0): ("1", "2"), day(1): ("1",), day(2): None}
    retry = plans.narrow(plan, failed)
    assert retry.days == (planned("2"), planned("2", "3", "4", on=day(2)))
    assert retry.scope.districts == ("2", "3", "4")
    scope.set_districts(["4"])
    with pytest.raises(InvalidRequest, match=r"target_districts=\['1', '2'\]: what failed in this job is no longer in scope"):
        plans.narrow(plan, {day(0): ("1", "2"), day(1): ("1",)})


def test_a_part_of_a_list_is_no_list() -> None:
    """A retry of some districts of a listed day does not pass them off as all that the day has, or the rest would never be collected. [R6.6, R5.3, P5]"""
    plans = planner(Listing())
    plan = plans.plan(ask(2), lists={day(0): ("1", "2", "3"), day(1): ("1", "2")})
    retry = plans.narrow(plan, {day(0): ("2",), day(1): ("1", "2")})
    assert retry.days == (planned("2"), planned("1", "2", on=day(1), listed=True))
    assert retry.requests == {"club": 3, "list": 1}


def test_a_retry_belongs_to_the_source_of_its_job() -> None:
    """What one source failed to give is not asked of another under its name. [R6.6, R5.5]"""
    plan = planner(ScriptedSource()).plan(ask(1, "1"))
    with pytest.raises(InvalidRequest, match="the job collected from 'scripted'; retry it with a service of that source"):
        planner(ScriptedSource(name="other")).narrow(plan, {DAY: ("1",)})


def test_a_retry_of_named_districts_keeps_its_kind_of_scope() -> None:
    """Targets that failed are resolved as targets again, in an open scope, too. [R6.6, R2.4]"""
    plans = planner(ScriptedSource(), scope=OpenScope())
    retry = plans.narrow(plans.plan(ask(2, "1")), {day(1): ("1",)})
    assert (retry.scope.kind, retry.scope.districts) == (ScopeKind.SINGLE_DISTRICT, ("1",))
    assert retry.days == (planned("1", on=day(1)),)


def test_editions_stand_in_the_plan_as_the_source_has_them() -> None:
    """When an edition was given out, and from when on it is settled, is the source's word. [B10, R3.4]"""

    class Late(Documented):
        def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
            of_each = super().editions(start, end, frequency)
            return [evolve(each, as_of=each.day + timedelta(days=3), settled_on=date(2026, 2, 1)) for each in of_each]

    (found,) = planner(Late()).plan(ask(1, "1")).days
    assert (found.as_of, found.settled_on) == (day(3), date(2026, 2, 1))
    assert found.edition == Edition(DAY, day(3), None, date(2026, 2, 1))
