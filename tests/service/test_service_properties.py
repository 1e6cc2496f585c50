"""What holds for every pattern of outcomes, every strategy and every concurrency."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillReport, BackfillStatus, InvalidRequest
from backfill.model import Collected, JobEvent, Method
from backfill.protocols import SnapshotStore
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedDashboard, ScriptedSource
from service_doubles import PATIENCE, NamedScope, adds_up, ask, bounded, by_unit, collect, day, days, serving, stored
from service_patterns import NAMES, SOURCES, Case, Unit, cases, keep

COLLECTING = ("collect_district", "collect_many", "collect_all")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Keep the tracebacks of made-up bugs out of the output of a failing test: there are thousands."""
    logger = logging.getLogger("backfill")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


def run(case: Case, store: SnapshotStore) -> tuple[BackfillReport, ScriptedSource, Method]:
    """Carry out a case on *store*, filled beforehand."""
    source = case.source()
    scope = None if case.scope is None else NamedScope(*case.scope)
    with serving(source, store, scope=scope) as service:
        method = service.plan(case.request).strategy.method
        assert not source.calls, "a plan asks nobody"
        return service.initiate_backfill(case.request).wait(PATIENCE), source, method


def expected(case: Case, method: Method) -> dict[date, dict[str | None, Unit]]:
    """Return what must become of each unit of a case."""
    return {found: case.expect(found, method) for found in case.days}


@bounded
@given(case=cases())
def test_p5_a_snapshot_holds_what_the_scope_says_and_what_succeeded(case: Case) -> None:
    """A day's districts are those stored before and those of the scope that succeeded; nothing else is touched. [P5, R5.3, R5.4]"""
    store = MemorySnapshotStore()
    case.fill(store)
    before = {unit: store.read(unit[0]).district(unit[1]) for unit in case.existing}
    report, _source, method = run(case, store)
    units = expected(case, method)
    for found in case.days:
        was = {name for on, name in case.existing if on == found}
        succeeded = {name for name, unit in units[found].items() if unit.state == "completed" and name is not None}
        assert set(stored(store).get(found, ())) == was | succeeded
        for name in was - succeeded:
            assert store.read(found).district(name) == before[found, name]
            assert store.entries(found)[name].job_id == "earlier"
        for name in succeeded:
            assert store.entries(found)[name].job_id == report.backfill_id
    assert set(stored(store)) <= set(case.days)


@bounded
@given(case=cases())
def test_p6_all_that_can_succeed_is_stored_and_all_that_failed_is_listed(case: Case) -> None:
    """Each unit ends in the one state that its outcome calls for, each failure with all its facts, and the counts add up. [P6, R6.1, R6.2, R6.3, R6.4]"""
    store = MemorySnapshotStore()
    case.fill(store)
    report, _source, method = run(case, store)
    units = {(found, name): unit for found, of_day in expected(case, method).items() for name, unit in of_day.items()}
    states = Counter(unit.state for unit in units.values())
    progress = report.progress
    assert adds_up(report)
    assert {name: getattr(progress, name) for name in ("completed", "skipped", "unavailable", "failed", "pending")} == {
        name: states[name] for name in ("completed", "skipped", "unavailable", "failed", "pending")
    }
    facts = {
        unit: (str(error.stage), error.kind, error.attempts, error.is_retryable) for unit, error in by_unit(report.errors).items()
    }
    assert facts == {unit: outcome.failure for unit, outcome in units.items() if outcome.state == "failed"}
    wanted = "complete" if not states["failed"] else "error" if states["failed"] == len(units) else "partial_success"
    assert report.status == wanted
    assert progress.pending == 0
    assert not progress.is_estimate
    partial = {
        on
        for on, name in units
        if units[on, name].state == "failed" and any(u.state == "completed" for n, u in expected(case, method)[on].items())
    }
    assert set(report.partial_snapshots) <= partial
    assert partial - set(report.partial_snapshots) <= {
        on
        for on in case.days
        if all((on, name) in case.existing for name in NAMES if units.get((on, name), Unit("")).state == "failed")
    }, "a day is whole only if what failed was stored before"


@bounded
@given(case=cases())
def test_p6_the_counts_add_up_at_every_moment(case: Case) -> None:
    """Whoever looks, from another thread or from within a callback, sees states that add up and never go back. [P6, R4.3, R9.5]"""
    store = MemorySnapshotStore()
    case.fill(store)
    seen: list[BackfillReport] = []
    ended = threading.Event()
    source = case.source()
    with serving(source, store, scope=None if case.scope is None else NamedScope(*case.scope)) as service:
        first = service.initiate_backfill(ask(1, (case.scope or NAMES)[0], skip_existing=False))
        job = service.initiate_backfill(case.request)

        def look() -> None:
            while not ended.wait(0.0002):  # now and then, or the looking would be all that happens
                seen.append(job.report())

        watcher = threading.Thread(target=look)
        called: list[BackfillReport] = []

        def notice(_event: JobEvent) -> None:
            called.append(job.report())

        job.subscribe(notice)
        watcher.start()
        try:
            final = job.wait(PATIENCE)
        finally:
            ended.set()  # or it would look for ever
            watcher.join()
        first.wait(PATIENCE)
    for reports in (seen, called, [final]):
        assert all(adds_up(report) for report in reports)
        settled = [report.progress.total - report.progress.pending for report in reports]
        assert settled == sorted(settled)
        totals = [report.progress.total for report in reports if not report.progress.is_estimate]
        assert len(set(totals)) <= 1, "a total that is no estimate does not change"


@bounded
@given(case=cases().filter(lambda case: case.scope is not None))
def test_p7_nothing_outside_the_configuration_is_fetched_or_stored(case: Case) -> None:
    """Whatever a source lists or answers, only configured districts are asked for by name, and only they are stored. [P7, R7.3]"""
    store = MemorySnapshotStore()
    report, source, _method = run(case, store)
    scope = set(case.scope or ())
    assert all(set(names) <= scope for call, _day, names in source.calls if call in {"collect_district", "collect_many"})
    assert all(set(names) <= scope for names in stored(store).values())
    assert {error.district_id for error in report.errors} <= scope
    assert set(report.progress.district_progress) <= scope


@bounded
@given(case=cases())
def test_p3_each_strategy_calls_its_own_method_for_its_days_and_districts(case: Case) -> None:
    """A unit is asked for by exactly one kind of call, as often as its attempts say, and no other day is. [P2, P3, P6, R3.3]"""
    store = MemorySnapshotStore()
    case.fill(store)
    _report, source, method = run(case, store)
    collecting = [(call, on, names) for call, on, names in source.calls if call in COLLECTING]
    assert {on for _call, on, _names in source.calls} <= set(case.days)
    wanted = {
        Method.SYSTEM_WIDE: {"collect_all"},
        Method.PER_DISTRICT: {"collect_district"},
        Method.TARGETED: {"collect_district"},
    }
    if hasattr(source, "collect_many"):
        wanted[Method.TARGETED] = {"collect_many"}
    assert {call for call, _on, _names in collecting} <= wanted[method]
    units = expected(case, method)
    asked = {(on, name) for call, on, names in collecting for name in names if call != "collect_all"}
    assert all(units[on][name].state in {"completed", "failed", "unavailable"} for on, name in asked)
    once = [unit for unit, times in Counter((on, names) for _call, on, names in collecting).items() if times > 4]
    assert not once


@bounded
@given(
    targets=st.lists(st.sampled_from([*NAMES, "99", "../x", "", " 61 ", "\x00"]), min_size=1, max_size=6),
    kind=st.sampled_from(SOURCES),
    configured=st.none() | st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
)
def test_p2_no_collecting_call_before_every_target_was_checked(
    targets: list[str], kind: type[ScriptedSource], configured: list[str] | None
) -> None:
    """The scope is asked about all targets before the first call of the source; without one left there is no job at all. [P2, R2.3, R7.4, R7.5]"""
    scope = NamedScope()
    scope.districts = None if configured is None else tuple(configured)
    checked: list[int] = []

    def answer(_day: date, _district: str) -> object:
        checked.append(len(scope.asked))
        return {"n": 1}

    source = kind(answer, districts=NAMES)
    valid = [name for name in dict.fromkeys(text.strip() for text in targets) if name not in {"../x", "", "\x00"}]
    left = [name for name in valid if configured is None or name in configured]
    with serving(source, scope=scope) as service:
        try:
            job = service.initiate_backfill(ask(2, *targets))
        except InvalidRequest:
            assert not left
            assert not source.calls
            assert service.list_backfills() == []
            return
        report = job.wait(PATIENCE)
    assert left
    assert scope.asked == [tuple(valid)]
    assert all(checked)
    assert report.scope.districts == tuple(left)
    texts = {doubt.text.strip() for doubt in report.scope.excluded}
    assert texts == {text.strip() for text in targets} - set(left), "what was left out is reported"


@bounded
@given(
    kind=st.sampled_from(SOURCES),
    concurrency=st.integers(1, 64),
    stands=st.none() | st.integers(1, 5),
    active=st.integers(1, 3),
    jobs=st.integers(1, 3),
)
def test_p9_never_more_in_flight_than_any_limit_allows(
    kind: type[ScriptedSource], concurrency: int, stands: int | None, active: int, jobs: int
) -> None:
    """The source never sees more calls at once than the job's limit, nor, over all jobs, than it says that it stands. [P9, R9.2]"""
    wait = threading.Event()

    def answer(_day: date, _district: str) -> object:
        wait.wait(0.0002)  # so that calls can overlap at all
        return Collected({"n": 1})

    source = kind(answer, districts=NAMES)
    if stands is not None:
        source.max_concurrency = stands  # type: ignore[attr-defined] # an ability that the scripted sources do not have
    with serving(source, max_active_jobs=active) as service:
        request = ask(4, *NAMES, concurrency=concurrency)
        for job in [service.initiate_backfill(request) for _ in range(jobs)]:
            assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert source.most_in_flight <= concurrency * min(active, jobs)
    assert source.most_in_flight <= (stands or 192)


@pytest.mark.parametrize("limit", [1, 2, 7, 64])
def test_p9_the_limit_is_used(limit: int) -> None:
    """As many calls as the limit allows are in flight together, so that the limit does not cost time. [P9, R9.2]"""
    together = threading.Barrier(limit)

    def answer(_day: date, _district: str) -> object:
        together.wait(PATIENCE)  # breaks, and fails the unit, unless so many are there at once
        return {"n": 1}

    source = ScriptedSource(answer)
    report = collect(source, MemorySnapshotStore(), ask(4, *(f"d{number}" for number in range(limit)), concurrency=limit))
    assert report.status is BackfillStatus.COMPLETE
    assert source.most_in_flight == limit


def test_p5_a_call_for_all_districts_leaves_those_that_are_skipped_as_they_were() -> None:
    """Where one call answers for a stored district too, that one is skipped: counted so, and not replaced. [P5, R5.4]"""
    store = MemorySnapshotStore()
    keep(store, day(0), "A", data="as it was")
    report = collect(ScriptedDashboard(), store, ask(1, collection_type="system-wide"))
    assert (report.progress.skipped, report.progress.completed) == (1, 2)
    snapshot = store.read(day(0))
    assert snapshot.districts == ("A", "B", "C")
    assert snapshot.district("A").data == "as it was"
    assert store.entries(day(0))["A"].job_id == "earlier"


def test_p5_a_targeted_job_adds_exactly_its_districts() -> None:
    """A job for one district of a stored day adds it, or replaces it, and leaves the others byte for byte. [P5, R5.4, R2.4]"""
    store = MemorySnapshotStore()
    collect(ScriptedSource(), store, ask(2, "A", "B"))
    before = {found: dict(store.entries(found)) for found in days(2)}
    collect(ScriptedSource(lambda _day, _name: "newer"), store, ask(2, "B", "C", skip_existing=False))
    for found in days(2):
        assert store.read(found).districts == ("A", "B", "C")
        assert store.entries(found)["A"] == before[found]["A"]
        assert store.read(found).district("B").data == "newer"
