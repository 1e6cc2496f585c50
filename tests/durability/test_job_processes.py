"""Several processes on one root: one job for one request, one writer a day, asked here and done there; clocks that jump."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from backfill import BackfillService
from backfill.clock import SystemClock
from backfill.jobstores import SqliteJobStore
from backfill.model import BackfillStatus
from backfill.stores import PerDistrictFileSnapshotStore, check
from durability.job_processes import ask_for_the_job, collect_own_districts, collect_slowly, hold_a_day, look_for_work
from durability.small_jobs import DISTRICTS, LoggedSource, collected, look_after, open_small, start_small
from service_doubles import NoDoor, ask, day, days, until

PRELOADED = ["backfill", "backfill.jobstores.sqlite", "backfill.testing.files", "multiprocessing.connection"]


@contextmanager
def running(*works: tuple[Callable[..., None], tuple[object, ...]], root: Path) -> Iterator[tuple[Event, list[Connection]]]:
    """Run each of *works* in a process, hand out the event that they share and what they tell, and see that all end well."""
    context = get_context("spawn")  # a process as a host would start it
    event = context.Event()
    processes: list[SpawnProcess] = []
    answers: list[Connection] = []
    for target, further in works:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=target, args=(root, event, theirs, *further))
        process.start()
        theirs.close()
        processes.append(process)
        answers.append(ours)
    try:
        yield event, answers
    finally:
        event.set()
        for process in processes:
            process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)


@pytest.mark.parametrize("processes", [2, 4])
def test_p1_one_request_in_several_processes_is_one_job(tmp_path: Path, processes: int) -> None:
    """Of processes that ask for the same under one key, one collects; all have the same job, and see it end. [P1, R4.1, B2]"""
    with running(*[(ask_for_the_job, (6,))] * processes, root=tmp_path) as (begin, answers):
        begin.set()
        told = [answer.recv() for answer in answers]
    assert len(set(told)) == 1
    assert told[0][1:] == ("complete", 6 * len(DISTRICTS))
    assert set(collected(tmp_path).values()) == {1}
    look_after(tmp_path, count=6)


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_that_collect_parts_of_the_same_days_lose_nothing(tmp_path: Path, processes: int) -> None:
    """Jobs of several processes publish districts of their own to the same days; each day holds all of them, whole. [P5, R5.4, R11.2]"""
    parts = [(f"{number}A", f"{number}B") for number in range(processes)]
    with running(*[(collect_own_districts, (part,)) for part in parts], root=tmp_path) as (begin, answers):
        begin.set()
        told = [answer.recv() for answer in answers]
    assert len({name for name, _status, _completed in told}) == processes
    assert {answer[1:] for answer in told} == {("complete", 8)}
    store = PerDistrictFileSnapshotStore(tmp_path / "snapshots")
    assert {on: store.read(on).districts for on in store.days()} == dict.fromkeys(days(4), tuple(sorted(sum(parts, ()))))
    assert check(tmp_path / "snapshots", data=True).ok
    assert set(collected(tmp_path).values()) == {1}


@pytest.mark.parametrize("verb", ["cancel", "pause"])
def test_started_in_one_and_stopped_in_another(tmp_path: Path, verb: str) -> None:
    """A job that runs in one process is seen live and stopped from another, exactly: what is in flight is stored, the rest is not begun. [R4.4, B2]"""
    with running((collect_slowly, ()), root=tmp_path) as (go, (told,)):
        job_id = [told.recv(), told.recv()]
        job_id.remove("asked")
        with closing(SqliteJobStore(tmp_path / "jobs.sqlite3")) as jobs, open_small(tmp_path, jobs=jobs) as service:
            job = service.get_job(job_id[0])
            assert service.resume_jobs() == [], "it is alive elsewhere"
            assert (job.status, job.report().progress.pending) == (BackfillStatus.PROCESSING, 12)
            assert job.cancel() if verb == "cancel" else job.pause()
            let_the_owner_hear(tmp_path)
            go.set()
            report = job.wait(60)
        rest = told.recv()
        while rest == "asked":
            rest = told.recv()
    completed = report.progress.completed
    assert report.status == ("cancelled" if verb == "cancel" else "paused")
    assert rest == (report.status, completed, report.progress.pending)
    assert 1 <= completed <= 2
    assert sum(collected(tmp_path).values()) == completed
    store = PerDistrictFileSnapshotStore(tmp_path / "snapshots")
    assert sum(len(store.read(on).districts) for on in store.days()) == completed
    if verb == "pause":
        with closing(SqliteJobStore(tmp_path / "jobs.sqlite3")) as jobs, open_small(tmp_path, jobs=jobs) as service:
            assert service.resume_jobs() == [], "a pause holds"
            assert service.resume_backfill(job_id[0])
            assert service.get_job(job_id[0]).wait(60).status is BackfillStatus.COMPLETE
        assert set(collected(tmp_path).values()) == {1}


def let_the_owner_hear(root: Path) -> None:
    """Wait until the owner of the one job has renewed its lease twice more: then it has heard what it is asked for."""
    with closing(sqlite3.connect(root / "jobs.sqlite3")) as connection:

        def renewals(seen: set[object]) -> int:
            seen.add(connection.execute("SELECT expires FROM jobs").fetchone())
            return len(seen) - 1

        expiries = set[object]()
        until(lambda: renewals(expiries) == 2)


def test_who_waits_in_vain_is_told_who_holds_the_day(tmp_path: Path) -> None:
    """A day that another process holds is waited for; after the time that is allowed the failure names who holds it and since when. [R11.2, B2]"""
    with running((hold_a_day, ()), root=tmp_path) as (go, (told,)):
        assert told.recv() == "holds the day"
        with (
            closing(SqliteJobStore(tmp_path / "jobs.sqlite3")) as jobs,
            open_small(tmp_path, jobs=jobs, lock_timeout=0.2) as service,
        ):
            report = service.initiate_backfill(ask(1, *DISTRICTS)).wait(60)
            assert report.progress.failed == len(DISTRICTS)
            for error in report.errors:
                assert error.kind == "DayLocked"
                assert re.search(r"is held by .+ \(process \d+ on .+, since .+\)", error.message), error.message
            go.set()
            holder, status = told.recv()
            assert status == "complete"
            assert holder in report.errors[0].message
            assert service.retry_failed(report.backfill_id).wait(60).status is BackfillStatus.COMPLETE
    store = PerDistrictFileSnapshotStore(tmp_path / "snapshots")
    assert store.read(day(0)).districts == (*DISTRICTS, "C")


class Jumping(SystemClock):
    """The system's clock, set forth and back while it is used."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the time that it shows."""
        return datetime.now(UTC) + self.ahead


@pytest.mark.parametrize("hours", [36, -36])
def test_a_clock_that_jumps_takes_no_job_away(tmp_path: Path, hours: int) -> None:
    """Set forth or back in the midst of a job, the clock loses nothing: no other process takes the job, each unit is collected once. [B2, P1]"""
    clock, looking = Jumping(), threading.Event()

    def jump(on: object, district: str) -> None:
        assert looking.wait(60)
        clock.ahead = timedelta(hours=hours) if district == "A" else timedelta()
        if (on, district) == (day(10), "A"):  # the other process looks in the midst of the job, however busy the machine is
            while told.poll():
                told.recv()
            assert [told.recv(), told.recv()] == ["looks", "looks"]

    store = PerDistrictFileSnapshotStore(tmp_path / "snapshots", clock=clock)
    source = LoggedSource(tmp_path / "collected", jump)
    with (
        closing(SqliteJobStore(tmp_path / "jobs.sqlite3", clock=clock)) as jobs,
        BackfillService(source, store, jobs=jobs, fetch=NoDoor(), clock=clock) as service,
    ):
        job = start_small(service, count=20)  # it has an owner from here on
        with running((look_for_work, ()), root=tmp_path) as (over, (told,)):
            assert told.recv() == "looks"
            looking.set()
            report = job.wait(60)
            over.set()
            while (answer := told.recv()) == "looks":
                pass
    assert report.status is BackfillStatus.COMPLETE
    _looks, taken = answer
    assert taken == 0
    assert set(collected(tmp_path).values()) == {1}
    look_after(tmp_path, count=20)
