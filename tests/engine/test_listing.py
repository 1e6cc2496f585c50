"""Listing the days of a plan before it is final."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime

import pytest

from backfill import BackfillStatus, PlanOutdated
from backfill.engine.listing import resolve_lists
from backfill.engine.planner import Planner
from backfill.errors import DataUnavailable, PermanentSourceError, SourceError, StoreUnavailable, TransientSourceError
from backfill.model import BackfillPlan, BackfillRequest, CellState, Gap
from backfill.protocols import DataSource, Fetcher
from backfill.scopes import OpenScope
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedCatalog, ScriptedDashboard, ScriptedSource, ScriptedSystemWide
from collect_doubles import NoDoorNeeded, giving, raising
from engine_doubles import DAY, NOW, Catalog, Door, FixedScope, day, planned, record, store_records
from planning_doubles import Listing as Documented
from planning_doubles import ask, planner
from service_doubles import PATIENCE, serving, stored


def resolve(
    source: DataSource,
    plan: BackfillPlan | BackfillRequest,
    fetcher: Fetcher | None = None,
    clock: VirtualClock | None = None,
) -> dict[date, tuple[str, ...]]:
    """Return the lists of the days of a plan."""
    plan = plan if isinstance(plan, BackfillPlan) else planner(source).plan(plan)
    return resolve_lists(plan, source, fetcher or NoDoorNeeded(), clock or VirtualClock(NOW))


def test_each_day_that_is_not_known_is_listed_once_in_the_order_of_work() -> None:
    """Days whose districts are known from a stored list, and gaps, are not asked for; the others are, one after the other. [B1, R9.3]"""
    store = MemorySnapshotStore()
    store_records(store, day(1), record("1", on=day(1)), listed=True)
    source = Documented(lists={day(3): (" 2", "1", "2"), day(2): ("1",)}, gaps=[DAY])
    door = Door()
    plan = planner(source, store).plan(ask(4, order="newest-first"))
    assert resolve(source, plan, door) == {day(3): ("2", "1"), day(2): ("1",)}
    assert door.asked == [f"list~{day(3)}", f"list~{day(2)}"]
    assert [unit.district for unit in door.units] == [None, None]


@pytest.mark.parametrize("source", [ScriptedSource(), ScriptedSystemWide()])
def test_a_source_that_cannot_list_is_not_asked(source: ScriptedSource) -> None:
    """There is nothing to resolve, and the plan stays as it is. [B1]"""
    plan = planner(source).plan(ask(2, *(() if isinstance(source, ScriptedSystemWide) else ("1",))))
    assert resolve(source, plan) == {}
    assert source.calls == []


@pytest.mark.parametrize(("targets", "scope"), [(("1",), None), ((), FixedScope("1", "2"))])
def test_named_or_configured_districts_need_no_list(targets: tuple[str, ...], scope: FixedScope | None) -> None:
    """Where the districts are known, the days are not listed for the plan. [B1, R7.3]"""
    source = ScriptedCatalog()
    assert resolve(source, planner(source, scope=scope).plan(ask(3, *targets))) == {}
    assert source.calls == []


@pytest.mark.parametrize("answer", [(), DataUnavailable("no such day")])
def test_a_day_of_which_nothing_was_published_has_no_districts(answer: object) -> None:
    """An empty list, and the publisher's word that there is none, mean the same. [B1]"""
    source = ScriptedCatalog({(DAY, "*"): answer})
    assert resolve(source, ask(2)) == {DAY: (), day(1): ("A", "B", "C")}


@pytest.mark.parametrize(
    ("lists", "raised", "kind", "attempts"),
    [
        (raising(TransientSourceError("busy", kind="busy")), TransientSourceError, "busy", 4),
        (raising(ConnectionResetError("reset")), TransientSourceError, "connection", 4),
        (raising(PermanentSourceError("gone", kind="gone")), PermanentSourceError, "gone", 1),
        (raising(ZeroDivisionError()), PermanentSourceError, "source_bug", 1),
        (raising(SystemExit(1)), PermanentSourceError, "source_bug", 1),
        (giving("61"), PermanentSourceError, "invalid_list", 1),
        (giving(["../61"]), PermanentSourceError, "invalid_list", 0),
        (giving(["a", "A"]), PermanentSourceError, "invalid_list", 0),
    ],
)
def test_a_list_that_cannot_be_had_is_an_error(
    lists: Callable[..., object], raised: type[SourceError], kind: str, attempts: int
) -> None:
    """What a source or its door raises reaches the caller as what it means, after as many attempts as that is worth. [B1, R6.5]"""
    with pytest.raises(raised) as caught:
        resolve(Catalog(lists), ask(2))
    assert (caught.value.kind, caught.value.attempts) == (kind, attempts)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreUnavailable("the archive is full")])
def test_what_is_no_fault_of_the_list_passes(error: BaseException) -> None:
    """Ctrl-C of whoever waits for the plan, and a full disk behind the door, are not made into errors of the source. [B1]"""
    with pytest.raises(type(error)):
        resolve(Catalog(raising(error)), ask(1))


def test_listing_obeys_the_options_of_the_request() -> None:
    """One attempt a document, asking anew, and a pause between requests hold for listing as for the job itself. [B1, R6.5, B6]"""
    tried: list[date] = []

    def busy(on: date, _fetch: object) -> object:
        tried.append(on)
        raise TransientSourceError("busy")

    with pytest.raises(TransientSourceError):
        resolve(Catalog(busy), ask(1, retry_failures=False))
    assert tried == [DAY]
    door = Door()
    resolve(Documented(), ask(1, enable_caching=False, min_interval=2.5), door)
    (unit,) = door.units
    assert (unit.job.reuse, unit.job.min_interval, unit.job.created_at) == (False, 2.5, NOW)


def test_p12_listing_asks_for_the_documents_of_the_day_only() -> None:
    """A list may not be made of documents that the plan does not name for the day as a whole. [P12]"""

    class Curious(Documented):
        def districts_of(self, on: date) -> Iterable[str]:  # type: ignore[override] # an iterable that is one
            raise AssertionError(on)

    source = Curious(rogue=[(DAY, None)])
    door = Door()
    with pytest.raises(PermanentSourceError) as caught:
        resolve(source, ask(1), door)
    assert caught.value.kind == "unplanned_request"
    assert door.asked == [f"list~{DAY}"]


def test_a_resolved_plan_runs_exactly(caplog: pytest.LogCaptureFixture) -> None:
    """Listed first, a plan is a count; run later it holds, collects what it says, and does not list again. [B1, P12]"""
    lists: Mapping[tuple[date, str], object] = {(day(0), "*"): ("A", "B"), (day(1), "*"): (), (day(2), "*"): ("B",)}
    source = ScriptedCatalog({**lists, **{(day(number), name): 1 for number in range(3) for name in "AB"}})
    store = MemorySnapshotStore()
    with serving(source, store) as service:
        plan = service.plan(ask(3), resolve=True)
        assert [(each.districts, each.gap, each.listed) for each in plan.days] == [
            (("A", "B"), None, True), (None, Gap.UNKNOWN, True), (("B",), None, True),
        ]  # fmt: skip
        assert plan.total_units == 4
        assert len(source.calls) == 3
        report = service.initiate_backfill(plan).wait(20)
        assert [call for call, _on, _names in source.calls[3:]] == ["collect_district"] * 3
        assert (report.status, report.progress.total) == (BackfillStatus.COMPLETE, 4)
        assert (report.progress.completed, report.progress.unavailable) == (3, 1)
        assert not report.progress.is_estimate
        coverage = service.coverage(day(0), day(2))
        assert coverage.state(day(1), "A") is CellState.UNAVAILABLE, "and is not asked for again"
        with pytest.raises(PlanOutdated):
            service.initiate_backfill(plan)
    assert store.read(day(0)).metadata.listed


def test_a_retry_of_a_part_of_a_listed_day_leaves_the_rest_to_be_had() -> None:
    """After a listed day of which one district failed and others were never begun, a retry stores that one, and a later run the rest. [R6.6, R5.3, P5]"""
    cancel: list[Callable[[], object]] = []
    ready = threading.Event()

    def answer(_on: date, _name: str) -> object:
        ready.wait(PATIENCE)
        if cancel:
            cancel.pop()()
            raise PermanentSourceError("gone")
        return 1

    store = MemorySnapshotStore()
    with serving(ScriptedCatalog(answer), store) as service:
        job = service.initiate_backfill(service.plan(ask(1, concurrency=1), resolve=True))
        cancel.append(job.cancel)
        ready.set()
        report = job.wait(PATIENCE)
        assert (report.status, report.progress.failed, report.progress.pending) == ("cancelled", 1, 2)
        assert service.retry_failed(job.backfill_id).wait(PATIENCE).progress.completed == 1
        assert stored(store) == {DAY: ("A",)}
        again = service.initiate_backfill(ask(1)).wait(PATIENCE)
        assert (again.progress.skipped, again.progress.completed) == (1, 2)
    assert stored(store) == {DAY: ("A", "B", "C")}


def test_a_plan_is_resolved_by_the_plan_and_nothing_else() -> None:
    """The two halves fit: what is listed for a plan is what the plan then has. [B1]"""
    source = ScriptedDashboard()
    plans = Planner(source, MemorySnapshotStore(), OpenScope(), VirtualClock(datetime(2026, 1, 15, tzinfo=UTC)))
    plan = plans.plan(ask(2))
    resolved = plans.plan(ask(2), lists=resolve(source, plan))
    assert resolved.days == tuple(planned("A", "B", "C", on=each.day, strategy=each.strategy, listed=True) for each in plan.days)
    assert resolve(source, resolved) == {}
