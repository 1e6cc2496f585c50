"""One queue for every kind of job: identifiers, order, and how many run at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillReport, BackfillStatus, TransientSourceError
from backfill.jobstores import MemoryJobStore
from backfill.model import Change, JobEvent, StatusChanged
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedDashboard, ScriptedSource
from service_doubles import GatedSource, ask, backfill_threads, bounded, day, serving, together, until

KINDS = {
    "system-wide": ask(1, collection_type="system-wide", skip_existing=False),
    "targeted": ask(1, "A", "B", skip_existing=False),
    "single": ask(2, "A", skip_existing=False),
    "per-district": ask(1, collection_type="per-district", skip_existing=False),
}


def test_p1_ids_of_all_kinds_of_jobs_never_collide() -> None:
    """Jobs of every kind, retries too, of several services on one frozen clock, accepted at once, have identifiers of their own. [P1, R4.2]"""
    clock = VirtualClock()
    jobs = MemoryJobStore()
    source = ScriptedDashboard({(day(0), "A"): TransientSourceError("busy"), (day(0), "B"): 1, (day(0), "C"): 2})
    ids: list[str] = []
    with serving(source, clock=clock, jobs=jobs) as one, serving(source, clock=clock, jobs=jobs) as other:

        def accept(service_number: int, kind: str) -> str:
            service = (one, other)[service_number % 2]
            job = service.initiate_backfill(KINDS[kind])
            if job.wait(20).progress.failed:
                ids.append(service.retry_failed(job.backfill_id).backfill_id)
            return job.backfill_id

        calls = [lambda n=number, k=kind: accept(n, k) for number in range(6) for kind in KINDS]
        ids += together(*calls)
        known = [report.backfill_id for report in one.list_backfills(limit=200)]
    assert len(ids) > len(calls)
    assert len(set(ids)) == len(ids)
    assert sorted(known) == sorted(ids), "one queue, and one list, for all of them"
    assert all(re.fullmatch(r"20260115T120\d\d\d-[0-9a-f]{16}", name) for name in ids)


@bounded
@given(active=st.integers(1, 4), kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=7))
def test_p1_one_queue_first_in_first_out(active: int, kinds: list[str]) -> None:
    """Jobs of all kinds begin in the order in which they were accepted, and never more than max_active_jobs run. [P1, R1.4, R4.1]"""
    source = ScriptedDashboard()
    running: set[str] = set()
    most = 0
    lock = threading.Lock()

    class Watching(MemoryJobStore):
        def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
            nonlocal most
            with lock:
                for change in changes:
                    if isinstance(change, StatusChanged):
                        (running.discard if change.status.is_final else running.add)(job_id)
                        most = max(most, len(running))
            return super().apply(job_id, changes, at=at, epoch=epoch)

    jobs = Watching()
    with serving(source, jobs=jobs, max_active_jobs=active) as service:
        accepted = [service.initiate_backfill(KINDS[kind]) for kind in kinds]
        for job in accepted:
            job.wait(20)
        started = [
            event.job_id for event in service.events() if event.change == StatusChanged(BackfillStatus.PROCESSING, event.at)
        ]
    assert most <= active
    if active == 1:
        assert started == [job.backfill_id for job in accepted]
    assert sorted(started) == sorted(job.backfill_id for job in accepted)


def test_a_job_waits_for_its_turn_and_takes_it() -> None:
    """With two jobs allowed at once the third is queued until one of them ends; then it begins. [R4.1]"""
    source = GatedSource(lambda on, _name: on == day(0))
    with serving(source, max_active_jobs=2) as service:
        first, second = (service.initiate_backfill(ask(1, name)) for name in ("A", "B"))
        source.await_arrivals(2)
        third = service.initiate_backfill(ask(1, "C"))
        assert (first.status, second.status, third.status) == ("processing", "processing", "queued")
        report = third.report()
        assert (report.started_at, report.progress.total, report.progress.pending) == (None, 1, 1)
        assert report.progress.eta_seconds is None
        source.gate.set()
        assert third.wait(20).status is BackfillStatus.COMPLETE


def test_threads_start_when_there_is_work_and_end_with_it() -> None:
    """A service has no thread before its first job and none after its last, without being closed. [R10.2]"""
    with serving(ScriptedSource()) as service:
        service.plan(ask(1, "A"))
        assert not backfill_threads()
        service.initiate_backfill(ask(3, "A", "B", concurrency=8)).wait(20)
        until(lambda: not backfill_threads())


def test_a_service_is_used_from_many_threads_at_once() -> None:
    """Sixteen threads start, watch, list, cancel and retry jobs on one service, and every job ends as it should. [R1.3, R10.2]"""
    store = MemorySnapshotStore()
    source = ScriptedSource(lambda on, name: {"n": 1} if name != "bad" else TransientSourceError("busy"))
    with serving(source, store, max_active_jobs=3) as service:

        def work(number: int) -> BackfillReport:
            job = service.initiate_backfill(ask(3, f"d{number}", "bad", retry_failures=False, skip_existing=False))
            service.get_job(job.backfill_id).report()
            service.list_backfills(limit=3)
            service.events()
            service.coverage(day(0), day(2))
            service.plan(ask(1, "A"))
            final = job.wait(20)
            assert len(service.errors(job.backfill_id)) == 3
            if number % 2:
                assert service.retry_failed(job.backfill_id).wait(20).progress.failed == 3
            else:
                assert not job.cancel()
            return final

        reports = together(*[lambda n=number: work(n) for number in range(16)])
    assert {report.status for report in reports} == {BackfillStatus.PARTIAL_SUCCESS}
    assert {report.progress.completed for report in reports} == {3}
    assert store.read(day(2)).districts == tuple(sorted(f"d{number}" for number in range(16)))


@pytest.mark.parametrize("active", [1, 3])
def test_jobs_of_the_same_day_do_not_hurt_one_another(active: int) -> None:
    """Several jobs that store other districts of the same days leave each day with all of them. [R5.4, P5]"""
    store = MemorySnapshotStore()
    with serving(ScriptedSource(), store, max_active_jobs=active) as service:
        jobs = [service.initiate_backfill(ask(4, f"d{number}", f"e{number}")) for number in range(5)]
        assert {job.wait(20).status for job in jobs} == {BackfillStatus.COMPLETE}
    names = tuple(sorted(f"{letter}{number}" for letter in "de" for number in range(5)))
    assert {on: store.read(on).districts for on in store.days()} == {day(number): names for number in range(4)}


def test_a_job_can_be_waited_for_with_a_limit() -> None:
    """Waiting with a time limit raises TimeoutError while the job goes on, and returns its report once it has ended. [R1.3]"""
    source = GatedSource()
    with serving(source) as service:
        job = service.initiate_backfill(ask(1, "A"))
        source.await_arrivals()
        with pytest.raises(TimeoutError):
            job.wait(0.001)
        assert repr(job) == f"<Job {job.backfill_id}: processing>"
        assert job.report().progress.current == (date(2026, 1, 5),)
        source.gate.set()
        assert job.wait(20) == job.report() == service.get_backfill_status(job.backfill_id)
        assert job.report().progress.current == ()
