"""A plan says what a job will do, and is carried out exactly; coverage says what became of it."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import pytest
from attrs import evolve
from hypothesis import given

from backfill import (
    BackfillPlan,
    BackfillRequest,
    BackfillService,
    DataUnavailable,
    DocumentRequest,
    Edition,
    PermanentSourceError,
    PlanOutdated,
    TransientSourceError,
)
from backfill.fetching import PoliteFetcher
from backfill.model import BackfillScope, CellState, DayListed, FetchStatus, Frequency, Gap, Method, PlannedDay
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedCatalog, ScriptedDashboard, ScriptedSource
from service_doubles import PATIENCE, NamedScope, NoDoor, PlainJobs, ask, bounded, collect, day, days, serving, stored
from service_patterns import Case, cases, keep

COLLECTING = {"collect_district", "collect_many", "collect_all"}


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Keep the tracebacks of made-up bugs out of the output of a failing test."""
    logger = logging.getLogger("backfill")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


class Documented(ScriptedDashboard):
    """A source that names its documents, and asks for them through the door."""

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return one document for the day, or two for a district."""
        reports = ["list"] if district is None else ["clubs", "divisions"]
        return [DocumentRequest(f"doc:{edition.day}/{district}/{report}", report=report) for report in reports]

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return what the documents hold."""
        super().collect_district(on, district, fetch)
        return [fetch(request.url).text for request in self.requests_for(Edition(on, on), district)]

    def list_districts(self, on: date, fetch: Fetch, /) -> Sequence[str]:
        """Return what the document lists."""
        super().list_districts(on, fetch)
        return fetch(f"doc:{on}/None/list").text.split()


def _door(sent: list[str], rate: float | None = None) -> PoliteFetcher:
    """Return a door that notes what it is asked for, and answers with the districts "A" and "B"."""

    def answer(request: DocumentRequest) -> bytes:
        sent.append(request.url)
        return b"A B"

    return PoliteFetcher(transports={"doc:": answer}, rate=rate)


def planned_calls(plan: BackfillPlan) -> set[tuple[date, str]]:
    """Return each (day, district) that a plan will collect."""
    return {
        (planned.day, name)
        for planned in plan.days
        if planned.gap is None
        for name in planned.districts or ()
        if name not in planned.existing
    }


# --- planning ---------------------------------------------------------------------------------------------------------


def test_a_plan_says_everything_and_asks_nobody() -> None:
    """Days in the order of work, districts, what exists, documents by report, the time under the rate limit, and why: without a call. [B1, R3.3]"""
    sent: list[str] = []
    source, store = Documented(), MemorySnapshotStore()
    keep(store, day(1), "A")
    with serving(source, store, fetch=_door(sent, rate=2.0)) as service:
        plan = service.plan(ask(3, "A", "B", order="newest-first"))
        assert [planned.day for planned in plan.days] == [day(2), day(1), day(0)]
        assert plan.days[1] == PlannedDay(day(1), day(1), None, None, plan.strategy.method, ("A", "B"), ("A",))
        assert plan.requests == {"clubs": 5, "divisions": 5, "list": 3}
        assert (plan.seconds_at_rate, plan.exact, plan.total_units) == (6.5, True, 6)
        assert plan.rationale == "2 districts, which one call a day serves"
        assert plan.source == "scripted"
        assert service.events() == []
        assert service.list_backfills() == []
    assert (source.calls, sent) == ([], [])


def test_a_plan_of_all_districts_is_an_estimate_until_it_is_resolved() -> None:
    """Where each day is still to be listed a plan says so; resolved, it lists the days through the door and is exact. [B1, R9.3]"""
    sent: list[str] = []
    with serving(source := Documented(), fetch=_door(sent)) as service:
        request = ask(2, collection_type="per-district")
        estimate = service.plan(request)
        assert (estimate.exact, estimate.total_units, estimate.requests) == (False, 2, {"districts": None, "list": 2})
        assert {planned.districts for planned in estimate.days} == {None}
        assert sent == []
        plan = service.plan(request, resolve=True)
        assert sent == [f"doc:{day(0)}/None/list", f"doc:{day(1)}/None/list"]
        assert (plan.exact, plan.total_units) == (True, 4)
        assert plan.requests == {"clubs": 4, "divisions": 4}
        report = service.run_backfill(plan)
        assert (report.progress.total, report.progress.completed) == (4, 4)
        assert not report.progress.is_estimate
        assert not any(isinstance(event.change, DayListed) for event in service.events())
    assert len(sent) == 10, "what was listed is not listed again"
    assert {call for call, _on, _names in source.calls} == {"list_districts", "collect_district"}


def test_resolving_may_fail_and_leaves_nothing() -> None:
    """A list that cannot be had is the caller's error, with its attempts made; a day without any is planned as having none. [B1, R6.5]"""
    source = ScriptedCatalog({(day(0), "*"): DataUnavailable("none"), (day(1), "*"): [TransientSourceError("busy")]})
    with serving(source) as service:
        with pytest.raises(TransientSourceError, match="busy"):
            service.plan(ask(2), resolve=True)
        assert [on for _call, on, _names in source.calls] == [day(0), *[day(1)] * 4]
        plan = service.plan(ask(1), resolve=True)
        assert (plan.days[0].gap, plan.total_units, plan.exact) == (Gap.UNKNOWN, 1, True)
        report = service.run_backfill(plan)
        assert (report.status, report.progress.unavailable) == ("complete", 1)
    plain = ScriptedSource()
    with serving(plain) as service:
        assert service.plan(ask(1, "A"), resolve=True) == service.plan(ask(1, "A")), "there is nothing to list"
    assert plain.calls == []


def test_the_rate_of_any_door_gives_the_time() -> None:
    """A fetcher that tells its rate gives the time that a plan needs; one that does not leaves it unknown. [B1]"""

    class Telling(NoDoor):
        def status(self) -> FetchStatus:
            return FetchStatus(rate=0.5)

    for door, seconds in ((Telling(), 4.0), (NoDoor(), None)):
        with serving(Documented(), fetch=door) as service:
            assert service.plan(ask(1, "A", detail="full")).seconds_at_rate == (seconds and seconds + 2)


# --- carried out exactly ----------------------------------------------------------------------------------------------


@bounded
@given(case=cases())
def test_p12_what_is_carried_out_is_what_was_planned(case: Case) -> None:
    """For any request and source, a plan that is run asks for exactly its days and districts, and nothing else is stored. [P12, B1]"""
    store = MemorySnapshotStore()
    case.fill(store)
    before = {(on, name) for on, names in stored(store).items() for name in names}
    source = case.source()
    with serving(source, store, scope=None if case.scope is None else NamedScope(*case.scope)) as service:
        plan = service.plan(case.request)
        assert source.calls == []
        report = service.initiate_backfill(plan).wait(PATIENCE)
        listed = {event.change.day: event.change.districts for event in service.events() if isinstance(event.change, DayListed)}
    assert report.progress.total >= plan.total_units or not plan.exact
    allowed = planned_calls(plan) | {(on, name) for on, names in listed.items() for name in names}
    assert {
        (on, name) for call, on, names in source.calls if call in {"collect_district", "collect_many"} for name in names
    } <= allowed
    assert {on for _call, on, _names in source.calls} <= {planned.day for planned in plan.days}
    assert {(on, name) for on, names in stored(store).items() for name in names} <= allowed | before


def test_p12_a_source_that_names_its_documents_gets_no_others() -> None:
    """The documents that are sent for are those that the plan counts, each once. [P12, B1]"""
    sent: list[str] = []
    with serving(Documented(), fetch=_door(sent)) as service:
        plan = service.plan(ask(3, "A", "B", "C", collection_type="per-district"))
        report = service.run_backfill(plan)
    assert (report.progress.completed, report.progress.unavailable) == (6, 3), "the list of each day lacks one of them"
    assert len(sent) == len(set(sent)) == 3 + 12
    assert sum(count for count in plan.requests.values() if count) == 3 + 18
    assert set(sent) < {
        request.url
        for on in days(3)
        for name in (None, "A", "B", "C")
        for request in Documented().requests_for(Edition(on, on), name)
    }


def test_a_plan_can_be_kept_and_carried_out_later() -> None:
    """Pickled, or planned anew in the same situation, a plan is the same; run twice, the second time it is outdated. [B1]"""
    store = MemorySnapshotStore()
    with serving(ScriptedDashboard(), store) as service:
        plan = service.plan(ask(2, "A", "B"))
        assert pickle.loads(pickle.dumps(plan)) == service.plan(ask(2, "A", "B")) == plan
        job = service.initiate_backfill(pickle.loads(pickle.dumps(plan)))
        assert job.wait(PATIENCE).status == "complete"
        with pytest.raises(PlanOutdated, match=r"2 days would be collected differently, for instance 2026-01-05, 2026-01-06"):
            service.initiate_backfill(plan)
        assert len(service.list_backfills()) == 1


class Calendar(ScriptedDashboard):
    """A source of whose calendar a test can change the first day."""

    def __init__(self) -> None:
        super().__init__()
        self.gap: str | None = None

    def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
        """Return every day, that one perhaps a gap."""
        length = (end - start).days + 1
        found = [start + timedelta(number) for number in range(length)]
        return [Edition(on, gap=self.gap if on == day(0) else None) for on in found]


Change = Callable[[BackfillService, Calendar, MemorySnapshotStore, NamedScope], object]


def _store_something(_service: BackfillService, _source: Calendar, store: MemorySnapshotStore, _scope: NamedScope) -> None:
    keep(store, day(1), "A")


def _change_scope(_service: BackfillService, _source: Calendar, _store: MemorySnapshotStore, scope: NamedScope) -> None:
    scope.districts = ("A",)


def _change_calendar(_service: BackfillService, source: Calendar, _store: MemorySnapshotStore, _scope: NamedScope) -> None:
    source.gap = "closing"


def _rename(_service: BackfillService, source: Calendar, _store: MemorySnapshotStore, _scope: NamedScope) -> None:
    source.name = "another"


CHANGES: Mapping[str, tuple[Change, str]] = {
    "a day was stored": (_store_something, "1 days would be collected differently, for instance 2026-01-06"),
    "the scope changed": (_change_scope, "the scope has changed; 3 days would be collected differently"),
    "the calendar changed": (_change_calendar, "1 days would be collected differently, for instance 2026-01-05"),
    "the source changed": (_rename, "the source was 'scripted' and is 'another'"),
}


@pytest.mark.parametrize("resolve", [False, True])
@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_a_plan_that_no_longer_holds_starts_nothing(change: Change, said: str, *, resolve: bool) -> None:
    """When anything that it rests on has changed, a plan is refused with what differs, and no job begins. [B1, P12, P7]"""
    source, store, scope = Calendar(), MemorySnapshotStore(), NamedScope("A", "B")
    with serving(source, store, scope=scope) as service:
        plan = service.plan(ask(3), resolve=resolve)
        change(service, source, store, scope)
        for start in (service.initiate_backfill, service.run_backfill):
            with pytest.raises(PlanOutdated, match=r"the plan is out of date .*call plan\(\) again") as caught:
                start(plan)
            assert said in str(caught.value)
            assert caught.value.changes
        assert service.list_backfills() == []
    assert source.calls == []


FORGERIES: Mapping[str, Callable[[BackfillPlan], BackfillPlan]] = {
    "another district": lambda plan: evolve(plan, days=tuple(evolve(planned, districts=("EVIL",)) for planned in plan.days)),
    "a day less": lambda plan: evolve(plan, days=plan.days[1:]),
    "a day more": lambda plan: evolve(plan, days=(*plan.days, evolve(plan.days[0], day=date(1999, 1, 1)))),
    "the days in another order": lambda plan: evolve(plan, days=plan.days[::-1]),
    "nothing skipped": lambda plan: evolve(plan, days=tuple(evolve(planned, existing=()) for planned in plan.days)),
    "another method": lambda plan: evolve(plan, strategy=evolve(plan.strategy, method=Method.SYSTEM_WIDE)),
    "no gap": lambda plan: evolve(plan, days=tuple(evolve(planned, gap=None) for planned in plan.days)),
    "another fingerprint": lambda plan: evolve(plan, days=plan.days[1:], fingerprint="0" * 64),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_p7_a_changed_copy_of_a_plan_is_no_plan(forge: Callable[[BackfillPlan], BackfillPlan]) -> None:
    """A plan with other days, districts or options than were planned is outdated, whatever fingerprint it carries: scope and plan bind. [P7, P12, B1]"""
    source, store = Calendar(), MemorySnapshotStore()
    source.gap = "closing"
    keep(store, day(1), "A")
    with serving(source, store, scope=NamedScope("A", "B")) as service:
        plan = service.plan(ask(3, "A", "B"))
        forged = forge(plan)
        assert forged != plan
        with pytest.raises(PlanOutdated):
            service.initiate_backfill(forged)
        assert service.list_backfills() == []
        assert service.run_backfill(plan).status == "complete"
    assert {names for _call, _on, names in source.calls} <= {("A", "B"), ("B",), ()}


def test_a_plan_with_another_fingerprint_is_none_that_was_made() -> None:
    """A plan is carried out with the fingerprint that it was made with; without it nobody can tell what was shown. [B1]"""
    with serving(ScriptedDashboard()) as service:
        plan = service.plan(ask(1, "A"))
        with pytest.raises(PlanOutdated):
            service.run_backfill(evolve(plan, fingerprint=""))
        assert service.run_backfill(plan).status == "complete"


def test_a_plan_of_another_service_holds_where_all_is_the_same() -> None:
    """A plan is bound to what it says, not to the service that made it. [B1]"""
    store = MemorySnapshotStore()
    with serving(ScriptedDashboard(), store) as one, serving(ScriptedDashboard(), store) as other:
        assert other.run_backfill(one.plan(ask(2, "A"))).status == "complete"
        with serving(ScriptedDashboard(name="elsewhere"), store) as third, pytest.raises(PlanOutdated, match="the source was"):
            third.initiate_backfill(one.plan(ask(3, "A")))


def test_the_scope_is_asked_once_before_anything_else() -> None:
    """Planning asks the scope once, running a plan once more, and the source not before. [P2, R7.4]"""

    class Watching(NamedScope):
        def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
            assert source.calls == []
            return super().resolve(requested)

    scope = Watching("A", "B")
    source = ScriptedDashboard()
    with serving(source, scope=scope) as service:
        plan = service.plan(ask(2, "A"))
        assert scope.asked == [("A",)]
        service.run_backfill(plan)
    assert scope.asked == [("A",)] * 2


# --- coverage ---------------------------------------------------------------------------------------------------------


def test_coverage_says_of_each_day_and_district_what_became_of_it() -> None:
    """Stored in full or as a summary, failed, unavailable, in a known gap, never tried: by one call, without a request. [B5]"""
    source, store = Calendar(), MemorySnapshotStore()
    source._script = {
        (day(1), "A"): 1, (day(1), "B"): PermanentSourceError("gone"), (day(1), "C"): DataUnavailable("none"), (day(2), "A"): 1,
    }  # fmt: skip
    source.districts = ("A", "B")
    source.gap = "closing"
    with serving(source, store) as service:
        service.run_backfill(ask(2, "A", "B", collection_type="per-district"))
        service.run_backfill(BackfillRequest(day(2), collection_type="system-wide"))
        asked = len(source.calls)
        coverage = service.coverage(day(0), day(3).isoformat(), districts=["B", " A ", "A"])
        assert len(source.calls) == asked
        assert (coverage.start, coverage.end, coverage.days, coverage.districts) == (day(0), day(3), days(4), ("A", "B"))
        assert {(on, name): str(state) for on, name, state in coverage} == {
            (day(0), "A"): "unavailable", (day(0), "B"): "unavailable",
            (day(1), "A"): "full", (day(1), "B"): "failed",
            (day(2), "A"): "full", (day(2), "B"): "unavailable",
            (day(3), "A"): "never-tried", (day(3), "B"): "never-tried",
        }  # fmt: skip
        assert coverage.gaps == {day(0): "closing"}
        assert coverage.counts == {
            CellState.FULL: 2, CellState.SUMMARY: 0, CellState.PARTIAL: 0, CellState.FAILED: 1, CellState.UNAVAILABLE: 3, CellState.NEVER_TRIED: 2,
            CellState.DAMAGED: 0,
        }  # fmt: skip


def test_coverage_looks_at_the_configured_districts_or_at_all_that_are_known() -> None:
    """Without districts the configuration says which; without one, those that are stored or were tried; weekly, every seventh day. [B5, R7.1]"""
    store = MemorySnapshotStore()
    keep(store, day(0), "Z")
    scope = NamedScope("B", "A")
    with serving(ScriptedSource({(day(7), "Q"): PermanentSourceError("gone")}), store, scope=scope) as service:
        assert service.coverage(day(0), day(0)).districts == ("A", "B")
    with serving(ScriptedSource({(day(7), "Q"): PermanentSourceError("gone")}), store) as service:
        assert service.coverage(day(0), day(9)).districts == ("Z",)
        service.run_backfill(BackfillRequest(day(7), target_districts=["Q"]))
        weekly = service.coverage(day(0), day(9), frequency="weekly")
        assert (weekly.days, weekly.districts, weekly.frequency) == ((day(0), day(7)), ("Q", "Z"), "weekly")
        assert weekly.state(day(7), "Q") is CellState.FAILED
        assert weekly.state(day(0), "Q") is CellState.NEVER_TRIED


def test_coverage_without_a_ledger_knows_what_is_stored() -> None:
    """With a job store that keeps no outcomes, what is stored is known all the same. [B5]"""
    with serving(ScriptedSource({(day(0), "A"): 1}), jobs=PlainJobs()) as service:
        service.run_backfill(ask(1, "A", "B"))
        assert {(name, str(state)) for _on, name, state in service.coverage(day(0), day(0), districts=["A", "B"])} == {
            ("A", "full"),
            ("B", "never-tried"),
        }


def test_coverage_and_report_of_a_job_agree() -> None:
    """After a job the counts of the coverage are those of its report. [B5, R6.4]"""
    source = ScriptedSource(lambda on, name: [1, DataUnavailable("none"), PermanentSourceError("gone")][(on.day + ord(name)) % 3])
    store = MemorySnapshotStore()
    report = collect(source, store, ask(1, "A"))
    with serving(source, store) as service:
        report = service.run_backfill(ask(9, "A", "B", "C", "D", skip_existing=False))
        counts = service.coverage(day(0), day(8)).counts
    assert counts[CellState.FULL] == report.progress.completed
    assert counts[CellState.FAILED] == report.progress.failed
    assert counts[CellState.UNAVAILABLE] == report.progress.unavailable
    assert sum(counts.values()) == report.progress.total == 36
