"""Jobs that rest, and jobs that outlive their service: paused, interrupted, gone on with, filled."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import BackfillService, BackfillStatus, InvalidRequest, Job, PermanentSourceError, TransientSourceError
from backfill.errors import DataUnavailable
from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.model import CellState, RetryPolicy, StatusChanged
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore, check
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from service_doubles import (
    PATIENCE,
    GatedSource,
    adds_up,
    ask,
    bounded,
    day,
    days,
    serving,
    stored,
    until,
)


def collected(source: ScriptedSource) -> Counter[tuple[date, str]]:
    """Return how often each unit was collected."""
    return Counter((on, name) for call, on, names in source.calls if call == "collect_district" for name in names)


def interrupt(service: BackfillService, job: Job, let_go: Callable[[], object]) -> None:
    """Close the service in the midst of the job: what is in flight stands at the gate, and comes back when nothing new is begun."""
    live = service._host.find(job.backfill_id)
    closing_ = threading.Thread(target=service.close)
    closing_.start()
    until(lambda: live is not None and live.context.cancel.is_set())
    let_go()
    closing_.join(PATIENCE)


def test_p1_a_job_goes_on_after_its_service_was_closed(tmp_path: Path) -> None:
    """Closed in the midst, a job stays; the next service finishes it, and collects nothing that is stored a second time. [P1, B2, R6.6]"""
    source = GatedSource(lambda on, _name: on >= day(2))
    store = PerDistrictFileSnapshotStore(tmp_path / "snapshots")
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(source, store, jobs=jobs) as service:
        job = service.initiate_backfill(ask(6, "A", "B", concurrency=2))
        future = job.future
        source.await_arrivals(2)
        interrupt(service, job, source.gate.set)
        report = future.result(PATIENCE)
        assert (report.status, report.progress.completed, report.progress.pending) == ("processing", 6, 6)
        assert report.status_reason == "the service was closed before the job had ended"
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(source, store, jobs=jobs) as service:
        (resumed,) = service.resume_jobs()
        assert resumed.backfill_id == job.backfill_id
        final = resumed.wait(PATIENCE)
        assert (final.status, final.progress.completed) == ("complete", 12)
        assert service.resume_jobs() == []
    assert set(collected(source).values()) == {1}
    assert stored(store) == dict.fromkeys(days(6), ("A", "B"))
    assert check(tmp_path / "snapshots", data=True).ok


def test_a_job_store_in_memory_ends_with_its_service() -> None:
    """Where nothing outlives the process a closed service cancels its jobs, since nobody could go on with them. [R4.4]"""
    source = GatedSource(lambda on, _name: on >= day(1))
    with serving(source, jobs=MemoryJobStore()) as service:
        job = service.initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        interrupt(service, job, source.gate.set)
        assert job.wait(PATIENCE).status is BackfillStatus.CANCELLED


def test_a_job_of_another_source_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An interrupted job is gone on with by a service of its own source alone; others say what to do, and leave it. [R3.4, B2]"""
    source = GatedSource()
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(source, jobs=jobs) as service:
        job = service.initiate_backfill(ask(2, "A", concurrency=1))
        source.await_arrivals()
        interrupt(service, job, source.gate.set)
    other = ScriptedSource(name="another")
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(other, jobs=jobs) as service:
        caplog.set_level(logging.WARNING, "backfill")
        assert service.resume_jobs() == []
        assert service.get_backfill_status(job.backfill_id).status is BackfillStatus.PROCESSING
        assert "resume it with a service of that source" in caplog.text
        with pytest.raises(InvalidRequest, match="resume it with a service of that source"):
            service.resume_backfill(job.backfill_id)
    assert other.calls == []


def test_a_cancelled_job_stays_cancelled(tmp_path: Path) -> None:
    """What was cancelled is not gone on with by whoever opens the job store next. [R4.4, B2]"""
    source = GatedSource(lambda on, _name: on == day(1))
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(source, jobs=jobs) as service:
        job = service.initiate_backfill(ask(4, "A", concurrency=1))
        source.await_arrivals()
        assert job.cancel()
        source.gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.CANCELLED
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(source, jobs=jobs) as service:
        assert service.resume_jobs() == []
        assert service.get_backfill_status(job.backfill_id).status is BackfillStatus.CANCELLED


def test_attempts_and_errors_survive_a_restart(tmp_path: Path) -> None:
    """A unit's failed attempts are not forgiven by a restart, and failures noted before it are still told. [R6.2, R6.5, B2]"""
    arrived, turns = threading.Semaphore(0), threading.Semaphore(0)

    def answer(_on: date, name: str) -> object:
        if name == "A":
            raise PermanentSourceError("no", kind="http_403")
        arrived.release()
        assert turns.acquire(timeout=PATIENCE)
        raise TransientSourceError("busy", kind="http_503")

    source = ScriptedSource(answer)
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(source, jobs=jobs) as service:
        job = service.initiate_backfill(ask(1, "A", "B", concurrency=1))
        for _attempt in range(2):
            assert arrived.acquire(timeout=PATIENCE)
            turns.release()
        assert arrived.acquire(timeout=PATIENCE)  # the third
        interrupt(service, job, turns.release)
        (refused,) = service.errors(job.backfill_id)
        assert (refused.district_id, refused.kind) == ("A", "http_403")
    turns.release(RetryPolicy().max_attempts)
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as jobs, serving(source, jobs=jobs) as service:
        for resumed in service.resume_jobs():
            resumed.wait(PATIENCE)
        first, second = service.errors(job.backfill_id)
        assert first == refused
        assert (second.district_id, second.kind, second.attempts) == ("B", "http_503", RetryPolicy().max_attempts)
        assert collected(source)[day(0), "B"] == RetryPolicy().max_attempts, "none was made twice, and none left out"


# --- filling gaps -----------------------------------------------------------------------------------------------------


def test_gaps_are_filled_and_nothing_else_is_asked_for() -> None:
    """Of a coverage exactly what failed or was never tried is collected, not what never existed; filled, nothing is missing. [B5, P12]"""
    broken = {(day(1), "A")}

    def answer(on: date, name: str) -> object:
        if name == "gone":
            raise DataUnavailable("there was none")
        if (on, name) in broken:
            raise PermanentSourceError("no", kind="http_403")
        return 1

    source = ScriptedSource(answer)
    with serving(source) as service:
        service.run_backfill(ask(3, "A", "gone"))
        coverage = service.coverage(day(0), day(4), districts=["A", "gone"])
        broken.clear()
        source.calls.clear()
        report = service.fill_gaps(coverage).wait(PATIENCE)
        assert report.status is BackfillStatus.COMPLETE
        assert set(collected(source)) == {(day(1), "A"), (day(3), "A"), (day(4), "A"), (day(3), "gone"), (day(4), "gone")}
        with pytest.raises(InvalidRequest, match="nothing is missing that can be had"):
            service.fill_gaps(day(0), day(4), districts=["A", "gone"])
        assert service.coverage(day(0), day(4), districts=["A", "gone"]).counts[CellState.FAILED] == 0


def test_the_gap_of_a_single_day_and_of_other_frequencies() -> None:
    """A day alone is a range; a coverage's frequency is that of the job that fills it. [B5]"""
    source = ScriptedSource()
    with serving(source) as service:
        service.fill_gaps(day(0), districts=["A"]).wait(PATIENCE)
        assert set(collected(source)) == {(day(0), "A")}
        source.calls.clear()
        service.fill_gaps(day(0), day(9), districts=["A"], frequency="weekly").wait(PATIENCE)
        assert set(collected(source)) == {(day(7), "A")}


# --- every order ------------------------------------------------------------------------------------------------------


@settings(parent=bounded, max_examples=25)
@given(acts=st.lists(st.sampled_from(["pause", "resume", "reopen", "cancel", "step"]), max_size=8), seed=st.integers(0, 5))
def test_p1_whatever_is_done_to_a_job_it_adds_up(acts: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Paused, resumed, cancelled, reopened in any order, a job accounts for every unit; what it completed is stored; it ends, and stays so. [P1, P2, R4.4]"""
    root = tmp_path_factory.mktemp("orders")
    store = MemorySnapshotStore()

    def answer(on: date, name: str) -> object:
        if (on.day + len(name) + seed) % 5 == 0:
            raise TransientSourceError("busy", max_attempts=1)
        return 1

    source = ScriptedSource(answer)
    clock = VirtualClock()
    jobs = SqliteJobStore(root / "jobs.sqlite3", clock=clock)
    service = None
    try:
        with serving(source, store, jobs=jobs, clock=clock) as first:
            name = first.initiate_backfill(ask(8, "A", "BB", concurrency=2)).backfill_id
            service = first
            ended = None
            for act in acts:
                if act == "reopen":
                    service.close(timeout=PATIENCE)
                    jobs.close()
                    jobs = SqliteJobStore(root / "jobs.sqlite3", clock=clock)
                    service = type(first)(source, store, jobs=jobs, fetch=first._fetcher, clock=clock)
                    service.resume_jobs()
                elif act == "step":
                    service.get_backfill_status(name)
                else:
                    getattr(service, f"{act}_backfill")(name)
                report = service.get_backfill_status(name)
                assert adds_up(report)
                if ended is not None:
                    assert report.status is ended
                if report.status.is_final:
                    ended = report.status
            service.resume_backfill(name)
            final = service.get_job(name).wait(PATIENCE)
            assert final.status.is_final
            assert adds_up(final)
            kept = {(on, district) for on, names in stored(store).items() for district in names}
            assert len(kept) >= final.progress.completed
            if final.status is not BackfillStatus.CANCELLED:
                assert final.progress.pending == 0
                assert len(kept) == final.progress.completed
                succeeded = Counter({unit: number for unit, number in collected(source).items() if unit in kept})
                assert set(succeeded.values()) <= {1}, "closing and pausing let end what is in flight"
            statuses = [event.change.status for event in service.events() if isinstance(event.change, StatusChanged)]
            assert sum(status.is_final for status in statuses) == 1
    finally:
        if service is not None:
            service.close(timeout=PATIENCE)
        jobs.close()


def test_a_service_shows_what_it_is() -> None:
    """Its representation names its source, and says when it was closed. [R10.4]"""
    with serving(ScriptedSource()) as service:
        assert repr(service) == "<BackfillService of source 'scripted'>"
    assert repr(service) == "<BackfillService of source 'scripted', closed>"


@pytest.mark.parametrize("more", [{"end": day(3)}, {"districts": ["A"]}, {"frequency": "weekly"}])
def test_a_coverage_has_everything_that_its_gaps_need(more: dict[str, object]) -> None:
    """What is given beside a coverage, and would be ignored, is refused. [B5, R8.4]"""
    with serving(ScriptedSource()) as service:
        coverage = service.coverage(day(0), day(1), districts=["A"])
        with pytest.raises(InvalidRequest, match="has its days, districts and frequency already"):
            service.fill_gaps(coverage, **more)  # type: ignore[arg-type] # of any kind


def test_a_damaged_job_keeps_no_other_from_going_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One job that cannot be read is left, with a warning; those beside it go on. [B2, R8.4]"""
    path = tmp_path / "jobs.sqlite3"
    source = GatedSource(lambda _on, name: name == "A")
    with SqliteJobStore(path) as jobs, serving(source, jobs=jobs) as service:
        first = service.initiate_backfill(ask(2, "A", concurrency=1))
        source.await_arrivals()
        second = service.initiate_backfill(ask(2, "B"))
        interrupt(service, first, source.gate.set)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE specs SET spec = '{}' WHERE job = (SELECT number FROM jobs WHERE job_id = ?)", (first.backfill_id,)
        )
    with SqliteJobStore(path) as jobs, serving(source, jobs=jobs) as service:
        caplog.set_level(logging.WARNING, "backfill")
        assert [job.backfill_id for job in service.resume_jobs()] == [second.backfill_id]
        assert service.get_job(second.backfill_id).wait(PATIENCE).status is BackfillStatus.COMPLETE
        assert "an interrupted job is left" in caplog.text
