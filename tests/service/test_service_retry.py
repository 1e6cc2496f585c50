"""Running again what failed, and only that."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given

from backfill import BackfillStatus, DataUnavailable, InvalidRequest, PermanentSourceError, TransientSourceError
from backfill.jobstores import MemoryJobStore
from backfill.model import CellState, SnapshotStatus
from backfill.protocols import SnapshotStore
from backfill.scopes import DistrictConfigurationService
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedBatch, ScriptedCatalog, ScriptedDashboard, ScriptedSource, ScriptedSystemWide
from service_doubles import PATIENCE, GatedSource, NamedScope, adds_up, ask, bounded, day, serving, stored
from service_patterns import Case, cases

GONE = PermanentSourceError("gone", kind="gone")
BUSY = TransientSourceError("busy", kind="busy")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Keep the tracebacks of made-up bugs out of the output of a failing test."""
    logger = logging.getLogger("backfill")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


class Recovering(ScriptedDashboard):
    """A source that fails as its script says until it is mended; then it has everything."""

    mended = False

    def _answer(self, on: date, district: str) -> object:
        return {"mended": True} if self.mended else super()._answer(on, district)


def _content(store: SnapshotStore, on: date) -> dict[str, object]:
    return {name: store.read(on).district(name).data for name in store.read(on).districts}


@pytest.mark.parametrize("on_disk", [False, True])
def test_partial_snapshots_are_completed(tmp_path: Path, *, on_disk: bool) -> None:
    """A retry collects exactly what failed, adds it to the days, leaves the rest byte for byte, and the days are whole. [R6.6, R5.4, R6.3]"""
    clock = VirtualClock()
    store: SnapshotStore = PerDistrictFileSnapshotStore(tmp_path, clock=clock) if on_disk else MemorySnapshotStore(clock=clock)
    script = {(day(number), name): {"n": number} for number in range(3) for name in "ABC"}
    source = Recovering(
        script
        | {(day(0), "B"): BUSY, (day(1), "A"): GONE, (day(1), "C"): ZeroDivisionError(), (day(2), "C"): DataUnavailable("no")}
    )
    with serving(source, store, clock=clock) as service:
        first = service.run_backfill(ask(3, "A", "B", "C", collection_type="per-district"))
        assert (first.status, first.partial_snapshots) == ("partial_success", (day(0), day(1)))
        before = {path: path.read_bytes() for path in tmp_path.rglob("district_*.json")}
        kept = {(on, name): value for on in store.days() for name, value in _content(store, on).items()}
        asked, source.mended = len(source.calls), True
        job = service.retry_failed(first.backfill_id)
        report = job.wait(PATIENCE)
        assert report.backfill_id != first.backfill_id
        assert (report.status, report.progress.total, report.progress.completed) == ("complete", 3, 3)
        assert sorted((call, on, names) for call, on, names in source.calls[asked:] if call != "list_districts") == [
            ("collect_district", day(0), ("B",)),
            ("collect_district", day(1), ("A",)),
            ("collect_district", day(1), ("C",)),
        ]
        assert all(path.read_bytes() == content for path, content in before.items())
        for on in (day(0), day(1)):
            metadata = store.read(on).metadata
            assert (metadata.status, metadata.failed, metadata.errors) == (SnapshotStatus.SUCCESS, (), ())
            assert [operation["job"] for operation in metadata.operations] == [first.backfill_id, report.backfill_id]
            assert _content(store, on) == {**{name: kept.get((on, name), {"mended": True}) for name in "ABC"}}
        assert store.read(day(2)).districts == ("A", "B"), "what was unavailable is not asked for again"
        assert service.get_backfill_status(first.backfill_id) == first, "the old job stays as it was"
        coverage = service.coverage(day(0), day(2))
        assert coverage.counts[CellState.FAILED] == 0
        assert coverage.state(day(2), "C") is CellState.UNAVAILABLE


def test_what_fails_again_can_be_retried_again() -> None:
    """A retry that fails in part is a job like any other: what is left of it can be retried, until nothing is. [R6.6]"""
    script: Mapping[tuple[date, str], object] = {(day(0), "A"): [BUSY, 1], (day(0), "B"): [BUSY, GONE, 2], (day(0), "C"): 3}
    jobs = MemoryJobStore()
    store = MemorySnapshotStore()
    with serving(ScriptedSource(script), store, jobs=jobs) as service:
        report = service.run_backfill(ask(1, "A", "B", "C", retry_failures=False))
        history = [report]
        while report.progress.failed:
            report = service.retry_failed(report.backfill_id).wait(PATIENCE)
            history.append(report)
        assert [(found.progress.completed, found.progress.failed) for found in history] == [(1, 2), (1, 1), (1, 0)]
        assert [jobs.load(found.backfill_id).spec.retry_of for found in history] == [
            None,
            *(found.backfill_id for found in history[:-1]),
        ]
    assert _content(store, day(0)) == {"A": 1, "B": 2, "C": 3}


@pytest.mark.parametrize("kind", [ScriptedCatalog, ScriptedSystemWide])
def test_a_day_that_could_not_be_had_as_a_whole_is_retried_as_a_whole(kind: type[ScriptedSource]) -> None:
    """A day whose list, or whose one call, failed is listed, or called, again, and then collected. [R6.6, R6.2]"""
    failing = [True]

    class Flaky(kind):  # type: ignore[misc,valid-type] # of either class
        def list_districts(self, on: date, fetch: object, /) -> object:
            if failing and on == day(1):
                raise GONE
            return super().list_districts(on, fetch)

        def collect_all(self, on: date, fetch: object, /) -> object:
            if failing and on == day(1):
                raise GONE
            return super().collect_all(on, fetch)

    if kind is ScriptedCatalog:
        del Flaky.collect_all
    else:
        del Flaky.list_districts
    store = MemorySnapshotStore()
    with serving(Flaky(), store) as service:
        report = service.run_backfill(ask(3))
        assert (report.progress.total, report.progress.failed) == (7, 1)
        assert report.errors[0].district_id is None
        failing.clear()
        again = service.retry_failed(report.backfill_id).wait(PATIENCE)
        assert (again.status, again.progress.total, again.progress.completed) == ("complete", 3, 3)
    assert stored(store) == {day(number): ("A", "B", "C") for number in range(3)}


def test_a_retry_of_a_call_for_several_asks_for_the_failed_ones_only() -> None:
    """Where one call serves several districts, the retry's call names those that failed. [R6.6, R3.3]"""
    source = ScriptedBatch({(day(0), "A"): 1, (day(0), "B"): [BUSY, 2], (day(0), "C"): [GONE, 3]})
    store = MemorySnapshotStore()
    with serving(source, store) as service:
        report = service.run_backfill(ask(1, "A", "B", "C"))
        assert report.progress.failed == 2
        assert service.retry_failed(report.backfill_id).wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert source.calls == [("collect_many", day(0), ("A", "B", "C")), ("collect_many", day(0), ("B", "C"))]
    assert _content(store, day(0)) == {"A": 1, "B": 2, "C": 3}


def test_what_has_left_the_scope_is_not_retried(tmp_path: Path) -> None:
    """The configuration of the moment of the retry counts: what it no longer has is left out; with nothing left it is refused. [P7, R7.3, R6.6]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    scope.set_districts(["A", "B", "C"])
    source = ScriptedSource(lambda _on, _name: GONE)
    with serving(source, scope=scope) as service:
        report = service.run_backfill(ask(1, "A", "B"))
        scope.set_districts(["B", "C"])
        again = service.retry_failed(report.backfill_id).wait(PATIENCE)
        assert [error.district_id for error in again.errors] == ["B"]
        assert again.scope.districts == ("B",)
        scope.set_districts(["C"])
        asked = len(source.calls)
        with pytest.raises(InvalidRequest, match="none of them is in scope"):
            service.retry_failed(report.backfill_id)
        assert len(service.list_backfills()) == 2
    assert len(source.calls) == asked


def test_a_job_of_all_districts_is_retried_within_the_scope_of_now() -> None:
    """A retry of a job without targets leaves out what the configuration lacks now, and is refused if that is all. [P7, R7.3, R6.6]"""
    scope = NamedScope("A", "B")
    with serving(ScriptedSource(lambda _on, _name: GONE), scope=scope) as service:
        report = service.run_backfill(ask(2))
        scope.districts = ("B", "C")
        again = service.retry_failed(report.backfill_id).wait(PATIENCE)
        assert {error.district_id for error in again.errors} == {"B"}
        scope.districts = ("C",)
        with pytest.raises(InvalidRequest, match="no longer in scope; configure its districts again first"):
            service.retry_failed(report.backfill_id)


def test_only_an_ended_job_with_failures_is_retried() -> None:
    """A queued, a running and a job without failures are refused with what to do; so is a cancelled one with nothing but pending units. [R6.6]"""
    source = GatedSource()
    with serving(source) as service:
        running, queued = service.initiate_backfill(ask(2, "A", concurrency=1)), service.initiate_backfill(ask(1, "B"))
        source.await_arrivals()
        for job, state in ((running, "processing"), (queued, "queued")):
            with pytest.raises(InvalidRequest, match=f"the job is {state}; wait for its end, or cancel it first") as caught:
                service.retry_failed(job.backfill_id)
            assert (caught.value.field, caught.value.value) == ("backfill_id", job.backfill_id)
        queued.cancel()
        running.cancel()
        source.gate.set()
        running.wait(PATIENCE)
        complete = service.run_backfill(ask(1, "C"))
        for identifier in (running.backfill_id, queued.backfill_id, complete.backfill_id):
            with pytest.raises(InvalidRequest, match="nothing failed in this job"):
                service.retry_failed(identifier)


def test_what_failed_before_a_cancellation_can_be_retried() -> None:
    """Of a cancelled job the failed part can be run again; the rest stays undone. [R6.6, R4.4]"""
    source = GatedSource(lambda on, _name: on == day(1))
    script = source._script
    source._script = lambda on, name: GONE if on == day(0) and not source.gate.is_set() else script(on, name)  # type: ignore[operator] # a function here
    store = MemorySnapshotStore()
    with serving(source, store) as service:
        job = service.initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        job.cancel()
        source.gate.set()
        report = job.wait(PATIENCE)
        assert (report.status, report.progress.failed, report.progress.pending) == ("cancelled", 1, 1)
        again = service.retry_failed(job.backfill_id).wait(PATIENCE)
        assert (again.progress.total, again.progress.completed) == (1, 1)
    assert stored(store) == {day(0): ("A",), day(1): ("A",)}


@bounded
@given(case=cases())
def test_p6_a_retry_is_exactly_the_failed_part(case: Case) -> None:
    """For any pattern of failures, a retry with a mended source leaves nothing failed, touches no other unit, and makes the days whole. [P6, P5, R6.6]"""
    store = MemorySnapshotStore()
    case.fill(store)
    source = case.source()
    with serving(source, store, scope=None if case.scope is None else NamedScope(*case.scope)) as service:
        report = service.initiate_backfill(case.request).wait(PATIENCE)
        failed = {(error.day, error.district_id) for error in report.errors}
        if not failed:
            with pytest.raises(InvalidRequest, match="nothing failed"):
                service.retry_failed(report.backfill_id)
            return
        kept = {(on, name): store.entries(on)[name].sha256 for on, names in stored(store).items() for name in names}
        asked, source._script = len(source.calls), lambda _on, _name: "mended"
        again = service.retry_failed(report.backfill_id).wait(PATIENCE)
        assert adds_up(again)
        assert (again.status, again.progress.failed) == (BackfillStatus.COMPLETE, 0)
        days = {on for on, _name in failed}
        whole = {on for on, name in failed if name is None}
        for call, on, names in source.calls[asked:]:
            assert on in days
            assert call not in {"collect_district", "collect_many"} or on in whole or {(on, name) for name in names} <= failed
        assert all(name in store.read(on).districts for on, name in failed if name is not None)
        changed = {
            (on, name)
            for on, names in stored(store).items()
            for name in names
            if kept.get((on, name)) != store.entries(on)[name].sha256
        }
        assert all((on, name) in failed or on in whole for on, name in changed)
        assert all(not store.read(on).metadata.failed for on in days if on in stored(store))
