"""What holds for every plan: nothing but what it names is ever asked for or stored, and equal plans have equal fingerprints."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date

import pytest
from attrs import evolve, frozen
from hypothesis import event, given, reject, settings
from hypothesis import strategies as st

from backfill.errors import DataUnavailable, InvalidRequest, PermanentSourceError, TransientSourceError
from backfill.model import BackfillPlan, BackfillRequest, BackfillStatus, JobState
from backfill.protocols import SnapshotStore
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedDashboard
from engine_doubles import Door, FixedScope, bounded, day, record, store_records
from engine_running import job
from planning_doubles import KINDS, Documented, Listing, Wide, ask, named_documents, planner

NAMES = ("1", "2", "3", "F")
thorough = settings(bounded, max_examples=150)

DAYS = tuple(day(number) for number in range(3))


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Keep what thousands of made-up failures have to say out of the output of a failing test."""
    logger = logging.getLogger("backfill")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


# --- fingerprints -----------------------------------------------------------------------------------------------------


def does(plan: BackfillPlan) -> object:
    """Return all that follows from carrying out a plan, as the contract has it."""
    request = plan.request
    return (
        (plan.source, plan.scope.kind, plan.strategy.method, plan.strategy.detail),
        (request.concurrency, request.retry_failures, request.enable_caching, request.min_interval),
        tuple(
            (each.day, each.as_of, each.gap, each.settled_on, each.districts, each.existing, each.listed) for each in plan.days
        ),
    )


@st.composite
def plans(draw: st.DrawFn) -> BackfillPlan:
    """Draw a plan from few choices, so that two of them are often the same."""
    store = MemorySnapshotStore()
    for on in draw(st.sampled_from([(), (day(1),)])):
        store_records(store, on, record("1", on=on), listed=draw(st.booleans()))
    start = draw(st.integers(0, 1))
    end = draw(st.integers(start, 2))
    targets = draw(st.sampled_from([None, ("1",), ("1", "2"), ("2", "1"), ("1", "1")]))
    request = BackfillRequest(
        day(start),
        day(end),
        targets,
        skip_existing=draw(st.booleans()),
        concurrency=draw(st.sampled_from([1, 2])),
        frequency=draw(st.sampled_from(["daily", "weekly"])),
        order=draw(st.sampled_from(["newest-first", "oldest-first"])),
    )
    scope = draw(st.sampled_from([None, FixedScope("1", "2")]))
    lists: Mapping[date, tuple[str, ...]] = draw(st.sampled_from([{}, {day(1): ("1", "2")}, {day(1): ()}]))
    return planner(ScriptedDashboard(), store, scope).plan(request, rate=draw(st.sampled_from([None, 1.0])), lists=lists)


@bounded
@given(one=plans(), other=plans())
def test_fingerprints_are_equal_exactly_for_plans_that_do_the_same(one: BackfillPlan, other: BackfillPlan) -> None:
    """Whoever compares two fingerprints learns whether the plans do the same: days, districts, way of collecting, options. [B1]"""
    assert (one.fingerprint == other.fingerprint) == (does(one) == does(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ask(8, "1", frequency="weekly"), ask(9, "1", frequency="weekly")),
        (ask(1, "1", frequency="weekly"), ask(1, "1", frequency="daily")),
        (ask(1, "1", order="newest-first"), ask(1, "1", order="oldest-first")),
        (ask(2, "1", "2"), ask(2, " 1", "2", "1")),
        (ask(2, "1", skip_existing=False), ask(2, "1")),
        (ask(2, detail="summary"), ask(2)),
        (ask(2, collection_type="system-wide"), ask(2)),
    ],
)
def test_what_does_the_same_has_one_fingerprint(one: BackfillRequest, other: BackfillRequest) -> None:
    """Two ways to ask for the same days, districts and figures are one plan; nor does the time that it takes matter. [B1]"""
    source = ScriptedDashboard()
    assert planner(source).plan(one, rate=1.0).fingerprint == planner(source).plan(other).fingerprint


def test_another_reason_makes_no_other_plan() -> None:
    """Why a method was chosen may be put in other words. [B1, R3.3]"""
    plans = planner(ScriptedDashboard())
    plan = plans.plan(ask(2))
    reworded = plans.complete(evolve(plan, strategy=evolve(plan.strategy, rationale="because")), rate=None)
    assert reworded.fingerprint == plan.fingerprint


@pytest.mark.parametrize(
    "options",
    [
        {"target_districts": ["1"]}, {"target_districts": ["2", "1"]}, {"end_date": day(2)}, {"start_date": day(1)},
        {"detail": "summary"}, {"concurrency": 4}, {"retry_failures": False}, {"enable_caching": False}, {"min_interval": 1.5},
        {"order": "newest-first"}, {"frequency": "weekly"}, {"collection_type": "per-district"},
    ],
)  # fmt: skip
def test_what_does_something_else_has_another_fingerprint(options: dict[str, object]) -> None:
    """Every option that changes what is done, or how, changes the fingerprint. [B1]"""
    plans = planner(ScriptedDashboard())
    assert plans.plan(ask(2, "1", "2")).fingerprint != plans.plan(ask(2, "1", "2", **options)).fingerprint


def test_a_plan_that_lists_first_is_another_than_one_that_need_not() -> None:
    """With the same districts, listing the day or not makes a difference of requests, and so of plans. [B1, P12]"""
    source = Listing()
    configured = planner(source, scope=FixedScope("1", "2")).plan(ask(1))
    listed = planner(source).plan(ask(1), lists={day(0): ("1", "2")})
    assert configured.scope.kind == listed.scope.kind
    assert configured.days[0].districts == listed.days[0].districts
    assert (configured.requests, listed.requests) == ({"club": 2, "list": 1}, {"club": 2})
    assert configured.fingerprint != listed.fingerprint


# --- P12 --------------------------------------------------------------------------------------------------------------


@frozen
class Case:
    """A source, what is stored beforehand, what is asked for, and what goes wrong at the door.

    Attributes:
        source: The source.
        existing: What is stored.
        request: What is asked for.
        scope: The configured districts.
        lists: Days that were listed when it was planned.
        faults: What is wrong with a document.
        cancel_at: At which request the job is cancelled; 0 = it is not.
    """

    source: Documented
    existing: frozenset[tuple[date, str]]
    request: BackfillRequest
    scope: tuple[str, ...] | None
    lists: Mapping[date, tuple[str, ...]]
    faults: Mapping[str, str]
    cancel_at: int

    def store(self) -> SnapshotStore:
        """Return a store with what is stored beforehand."""
        store = MemorySnapshotStore()
        for on, name in sorted(self.existing):
            store_records(store, on, record(name, on=on))
        return store

    def plan(self, store: SnapshotStore) -> BackfillPlan:
        """Return the plan of the request."""
        scope = None if self.scope is None else FixedScope(*self.scope)
        return planner(self.source, store, scope).plan(self.request, lists=self.lists)


FAULTS = ("once", "always", "permanent", "unavailable", "bug")

some_names = st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple)
units = st.tuples(st.sampled_from(DAYS), st.sampled_from(NAMES))


@st.composite
def cases(draw: st.DrawFn, *, disturbed: bool = True) -> Case:
    """Draw a case that can be planned; one that is not *disturbed* goes well from beginning to end."""
    kind = draw(st.sampled_from(KINDS))
    whole_units = st.sampled_from(DAYS).map(lambda on: (on, None))
    source = kind(
        draw(st.lists(st.sampled_from(["club", "division", "area"]), min_size=1, unique=True)),
        {on: draw(some_names) for on in DAYS} if disturbed else NAMES,
        monthly=draw(st.booleans()),
        daily=draw(st.booleans()),
        gaps=draw(st.frozensets(st.sampled_from(DAYS), max_size=2)),
        rogue=draw(st.frozensets(units | whole_units, max_size=3)) if disturbed else (),
    )
    scope = draw(st.none() | some_names)
    named = st.lists(st.sampled_from(scope or NAMES), min_size=1, unique=True)
    targets = draw(st.none() | named | named)
    detail = draw(st.sampled_from(["auto", "summary", "full"]))
    collection_type = draw(st.sampled_from(["auto", "per-district"]))
    if issubclass(kind, Wide) and draw(st.booleans()):
        collection_type, detail = "system-wide", "summary"
    request = BackfillRequest(
        DAYS[0],
        DAYS[-1],
        targets,
        collection_type=collection_type,
        detail=detail,
        concurrency=draw(st.integers(1, 4)),
        retry_failures=draw(st.booleans()),
        skip_existing=draw(st.booleans()),
        order=draw(st.sampled_from(["newest-first", "oldest-first"])),
    )
    kept = [edition.day for edition in source.editions(DAYS[0], DAYS[-1], request.frequency) if edition.gap is None]
    listed = [on for on in kept if issubclass(kind, Listing) and draw(st.booleans())]
    identities = [each.identity for on in kept for name in (None, *NAMES) for each in source.documents(on, name)]
    faults = st.dictionaries(st.sampled_from(identities), st.sampled_from(FAULTS), max_size=6)
    return Case(
        source,
        draw(st.frozensets(units, max_size=5)),
        request,
        scope,
        {on: tuple(source.districts_of(on)) for on in listed},
        draw(faults) if disturbed else {},
        draw(st.just(0) | st.integers(1, 12)) if disturbed else 0,
    )


class FaultyDoor(Door):
    """A door behind which some documents are not as they should be.

    Args:
        faults: What is wrong with each of them.
        cancel_at: At which request `cancel` is called; 0 = at none.
    """

    def __init__(self, faults: Mapping[str, str] | None = None, cancel_at: int = 0) -> None:
        super().__init__(self._misbehave)
        self.cancel: Callable[[], object] = lambda: None
        self._faults = faults or {}
        self._cancel_at = cancel_at

    def _misbehave(self, identity: str) -> bytes:
        if len(self.asked) == self._cancel_at:
            self.cancel()
        match self._faults.get(identity):
            case "always":
                raise TransientSourceError("busy")
            case "once" if self.asked.count(identity) == 1:
                raise TransientSourceError("busy")
            case "permanent":
                raise PermanentSourceError("gone", kind="gone")
            case "unavailable":
                raise DataUnavailable("none")
            case "bug":
                raise ZeroDivisionError
            case _:
                return identity.encode()


def planned_or_rejected(case: Case, store: SnapshotStore) -> BackfillPlan:
    """Return the plan; a case in which nothing says which districts there are is none."""
    try:
        return case.plan(store)
    except InvalidRequest:
        reject()


@thorough
@given(case=cases())
def test_p12_the_requests_sent_are_among_those_planned(case: Case) -> None:
    """Whatever fails, is retried, skipped, listed, summarized, cancelled or asked for on the sly: only what the plan names reaches the door, and only what it names is stored. [P12, P5, P7]"""
    store = case.store()
    plan = planned_or_rejected(case, store)
    named = named_documents(plan, case.source, NAMES)
    if plan.exact:
        assert Counter(named.values()) == plan.requests
    before = {on: dict(store.entries(on)) for on in DAYS}
    door = FaultyDoor(case.faults, case.cancel_at)
    running = job(case.source, plan, store, fetcher=door)
    door.cancel = lambda: running.live.cancel("by a test")
    report = running.run()
    event(f"{plan.strategy.method}, {report.status}")
    assert set(door.asked) <= named.keys()
    assert report.status.is_final
    for planned in plan.days:
        fresh = {name for name, header in store.entries(planned.day).items() if header != before[planned.day].get(name)}
        scope = NAMES if planned.districts is None else planned.districts
        assert fresh <= set(scope) - set(planned.existing)
        assert not fresh or planned.gap is None
    _check_retry(case, store, running.jobs.load("j1"))


def _check_retry(case: Case, store: SnapshotStore, state: JobState) -> None:
    failed = state.failed_units()
    if not failed:
        return
    scope = None if case.scope is None else FixedScope(*case.scope)
    retry = planner(case.source, store, scope).narrow(state.spec.plan, failed)
    assert {planned.day for planned in retry.days} == set(failed)
    door = FaultyDoor()
    report = job(case.source, retry, store, fetcher=door, job_id="j2").run()
    assert set(door.asked) <= named_documents(retry, case.source, NAMES).keys()
    assert report.progress.pending == 0
    assert {error.kind for error in report.errors} <= {"unplanned_request"}


@thorough
@given(case=cases(disturbed=False))
def test_p12_what_goes_well_asks_for_all_that_is_planned(case: Case) -> None:
    """Where nothing goes wrong, exactly the planned documents are asked for: the plan's numbers are counts, not bounds. [P12, B1, P3]"""
    store = case.store()
    plan = planned_or_rejected(case, store)
    door = FaultyDoor()
    report = job(case.source, plan, store, fetcher=door).run()
    assert report.status is BackfillStatus.COMPLETE
    named = named_documents(plan, case.source, NAMES)
    assert set(door.asked) == named.keys()
    known = {report: count for report, count in plan.requests.items() if count is not None}
    if plan.exact:
        assert Counter(named.values()) == known
    assert all(Counter(named.values())[report] >= count for report, count in known.items())
