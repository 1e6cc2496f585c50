"""Processes that share a job store, and processes that are killed while they write to it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from backfill.errors import JobNotFound, LeaseLost, ServiceUnusable
from backfill.jobstores import SqliteJobStore
from backfill.model import Lease, UnitsSettled, UnitState, Wanted
from backfill.testing import VirtualClock
from forked import forks, in_forked
from foundation_samples import DAY, NOW, make_spec
from jobstores.jobstore_cases import DONE, WORKING, facts
from jobstores.jobstore_owners import TTL, taken
from jobstores.sqlite_cases import store_elsewhere
from jobstores.sqlite_workers import NAMES, create_same, own, race_for, work_on_jobs, write_for_ever

WORKERS = 4

by_signal = pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the name of a file on a real disk."""
    return tmp_path / "jobs.sqlite3"


def started(target: Callable[..., None], *args: object) -> BaseProcess:
    """Return a process that runs *target*, without threads or files of this one."""
    if sys.platform == "win32":
        spawned = multiprocessing.get_context("spawn").Process(target=target, args=args)
        spawned.start()
        return spawned
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["backfill.jobstores.sqlite", "backfill.testing"])
    process = context.Process(target=target, args=args)
    process.start()
    return process


def ended(*processes: BaseProcess) -> None:
    """Wait for the end of processes, all of them well."""
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def killed(process: BaseProcess) -> None:
    """Kill a process as the system would."""
    process.kill()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


# --- killed -----------------------------------------------------------------------------------------------------------


def kill_writers(path: Path, kills: int) -> None:
    """Kill a writer at an instant of chance, and look at what it has left; again and again, on one file."""
    never = threading.Event()
    chance = random.Random(20240131)
    for turn in range(kills):
        reports, its_end = multiprocessing.get_context().Pipe(duplex=False)
        writer = started(write_for_ever, path, turn, its_end)
        its_end.close()
        try:
            if turn % 4:  # the other times it is killed while it begins
                assert reports.poll(60)
            never.wait(chance.uniform(0.0, 0.06 if turn % 4 else 0.3))
        finally:
            killed(writer)
        last = -2
        while reports.poll():
            try:
                last = reports.recv()
            except EOFError:  # all that it had said was read
                break
        reports.close()
        look_after(path, f"turn-{turn}", last)


def look_after(path: Path, job: str, last: int) -> None:
    """Look whether the file is sound, and holds all that was reported up to *last*, and at most one change more."""
    with SqliteJobStore(path) as store:
        try:
            state = store.load(job)
        except JobNotFound:
            assert last == -2, "an accepted job is lost"
            return
        done = [name for name, unit in state.rows[DAY].items() if unit is UnitState.COMPLETED]
        assert done == list(NAMES[: len(done)])
        assert last < len(done) <= max(0, last + 2)
        assert [finding.message for finding in state.findings] == done
        assert len(store.events(job_id=job, limit=5000)) in (2 * len(done), 2 * len(done) + 1)
        assert set(done) <= {name for name, unit in store.outcomes(DAY, DAY).get(DAY, {}).items() if unit is UnitState.COMPLETED}
        lease = taken(store, job)  # at once: its owner is dead, though its lease has an hour to go
        store.apply(job, [UnitsSettled(DAY, {NAMES[-1]: UnitState.SKIPPED})], at=NOW, epoch=lease.epoch)
        store.release(lease)
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


@by_signal
def test_killed_writers_lose_nothing_that_was_noted(path: Path) -> None:
    """A writer killed at any instant loses no accepted job and no change that was noted, and leaves the file sound. [B2, R4.2]"""
    kill_writers(path, 40)


@by_signal
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_killed_writers_lose_nothing_that_was_noted(path: Path) -> None:
    """As above, four hundred times. [B2, R4.2]"""
    kill_writers(path, 400)


# --- together ---------------------------------------------------------------------------------------------------------


def test_p1_processes_share_a_queue(path: Path) -> None:
    """Processes that make a file, create jobs and change them all at once lose nothing, and nobody is told that it is locked. [P1, R4.1, R4.2]"""
    jobs = 12
    begin = multiprocessing.get_context("spawn").Barrier(WORKERS)
    with SqliteJobStore(path) as store:
        store.create(make_spec("shared"))
    workers = [started(work_on_jobs, path, worker, jobs, begin) for worker in range(WORKERS)]
    ended(*workers)
    with SqliteJobStore(path) as store:
        states = {state.spec.job_id: state for state in store.list(limit=1000)}
        assert set(states) == {"shared", *(f"{worker}-{number}" for worker in range(WORKERS) for number in range(jobs))}
        assert all(state.counts[UnitState.COMPLETED] == 2 for name, state in states.items() if name != "shared")
        found = [finding.message for finding in store.load("shared").findings]
        assert sorted(found) == sorted(states.keys() - {"shared"})
        sequence = [event.seq for event in store.events(limit=5000)]
        assert sequence == list(range(1, WORKERS * jobs * 3 + 1))


def test_p1_identifiers_never_collide_over_processes(path: Path) -> None:
    """Of processes that create a job of one name at once, one does; with one key, all get the same job. Nobody made the file before. [P1, R4.2]"""
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(WORKERS)
    pipes = [context.Pipe(duplex=False) for _ in range(WORKERS)]
    workers = [started(create_same, path, worker, begin, its_end) for worker, (_, its_end) in enumerate(pipes)]
    answers = [answer.recv() for answer, _ in pipes]
    ended(*workers)
    assert sorted(created for created, _ in answers) == [False] * (WORKERS - 1) + [True]
    (keyed,) = {name for _, name in answers}
    with SqliteJobStore(path) as store:
        assert {state.spec.job_id for state in store.list()} == {"same", keyed}


def test_one_of_many_gets_a_job(path: Path) -> None:
    """Of processes that look for jobs and acquire them at the same moment, exactly one gets each. [B2, R4.1]"""
    rounds = 25
    with SqliteJobStore(path) as store:
        for number in range(rounds):
            store.create(make_spec(f"job-{number}"))
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(WORKERS)
    pipes = [context.Pipe(duplex=False) for _ in range(WORKERS)]
    racers = [started(race_for, path, worker, rounds, begin, its_end) for worker, (_, its_end) in enumerate(pipes)]
    won = [answer.recv() for answer, _ in pipes]
    ended(*racers)
    assert sorted(number for numbers in won for number in numbers) == list(range(rounds))


@by_signal
def test_a_dead_owner_is_seen_at_once(path: Path) -> None:
    """A job whose owner was killed can be had at once, while one whose owner lives cannot, whatever its lease says. [B2]"""
    context = multiprocessing.get_context("spawn")
    with SqliteJobStore(path) as store:
        store.create(make_spec())
        reports, its_end = context.Pipe(duplex=False)
        orders, their_end = context.Pipe(duplex=False)[::-1]
        owner = started(own, path, its_end, their_end)
        lease = reports.recv()
        assert isinstance(lease, Lease)
        assert store.acquire("j1", "next", ttl=TTL) is None
        assert store.abandoned(NOW) == []
        orders.send("note")
        assert reports.recv() == "noted"
        killed(owner)
        assert store.abandoned(NOW) == ["j1"]
        assert taken(store, owner="next").epoch == lease.epoch + 1


@by_signal
def test_a_stopped_owner_is_fenced_off(path: Path) -> None:
    """An owner elsewhere that stood still past its lease can change nothing when it goes on, and is told so. [B2]"""
    context = multiprocessing.get_context("spawn")
    with SqliteJobStore(path) as store:
        store.create(make_spec())
        reports, its_end = context.Pipe(duplex=False)
        orders, their_end = context.Pipe(duplex=False)[::-1]
        owner = started(own, path, its_end, their_end)
        lease = reports.recv()
        assert owner.pid is not None
        os.kill(owner.pid, signal.SIGSTOP)
        with store_elsewhere(path, clock=VirtualClock(datetime.now(UTC) + timedelta(hours=2))) as there:
            new = taken(there, owner="next")
            there.apply("j1", [WORKING, DONE], at=NOW, epoch=new.epoch)
            before = facts(there.load("j1"))
            os.kill(owner.pid, signal.SIGCONT)
            orders.send("note")
            error = reports.recv()
            assert isinstance(error, LeaseLost)
            assert (error.epoch, error.current) == (lease.epoch, new.epoch)
            assert facts(there.load("j1")) == before
        ended(owner)


# --- forked -----------------------------------------------------------------------------------------------------------


@forks
def test_a_store_is_not_carried_over_a_fork(path: Path) -> None:
    """A store that was used before a fork says in the child what to do instead, and leaves its parent's file and locks alone. [B8, B2]"""
    store, unused = SqliteJobStore(path), SqliteJobStore(path)
    store.create(make_spec())
    lease = taken(store)

    def check() -> None:
        calls: tuple[Callable[[], object], ...] = (
            lambda: store.load("j1"),
            lambda: store.apply("j1", [WORKING], at=NOW, epoch=lease.epoch),
            lambda: store.acquire("j1", "child", ttl=TTL),
            lambda: store.request("j1", Wanted.CANCEL),
        )
        for call in calls:
            with pytest.raises(ServiceUnusable, match="make a new one in this process"):
                call()
        store.close()
        assert unused.acquire("j1", "child", ttl=TTL) is None, "its parent still owns the job"
        unused.close()

    in_forked(check)
    store.apply("j1", [WORKING], at=NOW, epoch=lease.epoch)
    assert SqliteJobStore(path).acquire("j1", "other", ttl=TTL) is None
    store.close()


@forks
def test_a_child_does_not_keep_its_parents_jobs(path: Path) -> None:
    """A forked child that outlives the owner of a job does not keep others from seeing that the owner is dead. [B2]"""
    store = SqliteJobStore(path)
    store.create(make_spec())
    store.close()
    (hears, says), (waits, ends) = os.pipe(), os.pipe()
    owner = os.fork()
    if owner == 0:
        SqliteJobStore(path).acquire("j1", "owner", ttl=3600)
        if os.fork() == 0:
            os.write(says, b"?")
            os.read(waits, 1)  # lives on until it is told
        os._exit(0)
    os.waitpid(owner, 0)
    assert os.read(hears, 1) == b"?"
    with store:
        assert taken(store).epoch == 2
    os.write(ends, b"!")
    for end in (hears, says, waits, ends):
        os.close(end)
