"""Collecting and rebuilding on a Dask cluster of real processes on this machine, some of them killed: the same as here."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from concurrent.futures import Executor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backfill import BackfillStatus
from backfill.clock import SystemClock
from backfill.stores import check
from backfill.testing.server import FaultServer
from backfill.toastmasters import open_service
from cluster_work import DISTRICTS, SLOTS, HeldFigures, cluster, coordinate, housed, publish
from durability.durable_site import figures_of, published, request_of
from service_doubles import ask, days, until
from tm_serving import counts, serving
from trust_roots import END, START, over, stored
from trust_roots import pristine as pristine  # noqa: PLC0414 - a fixture, exported
from trust_roots import root as root  # noqa: PLC0414 - as above

if TYPE_CHECKING:
    from distributed import Client

pytest.importorskip("distributed", reason="needs the extra 'dask'")

from backfill.dask import DaskExecutor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # the cluster's own, of ports and of workers that end
]

PATIENCE = 120
KILLS = 3


def processes(client: Client) -> list[int]:
    """Return the process identifiers of the workers that answer."""
    return list(client.run(os.getpid, on_error="ignore").values())


def test_a_cluster_gives_the_same(root: Path) -> None:
    """Made by the workers of a cluster, every record has the bytes that this process gives; the coordinator alone stores. [B8]"""
    before = stored(root)
    shutil.rmtree(root / "snapshots")
    with cluster() as client, over(root, None, DaskExecutor(client)) as service:
        assert counts(service.rebuild(START, END).wait(PATIENCE)) == {"completed": 6}
        assert service.verify(START, END).is_proved
    assert stored(root) == before


def collected(root: Path, url: str, executor: Executor | None) -> None:
    """Collect six days of the dashboard."""
    with open_service(root, base_url=url, rate=None, executor=executor) as service:
        for number in range(2):
            assert service.run_backfill(request_of(number), progress=False).status == "complete"


def test_a_cluster_collects_the_same(tmp_path: Path) -> None:
    """Collected on a cluster whose workers are killed one after the other, every stored figure is the same, and nothing is fetched twice. [B8, B2, R9.3]"""
    over_now = threading.Event()
    killed: list[int] = []
    requests = []
    with serving(published(), str(SystemClock().today())) as server:
        collected(tmp_path / "here", server.url, None)
        requests.append(sorted(request.target for request in server.requests))
    with serving(published(), str(SystemClock().today())) as server, cluster() as client:
        killer = threading.Thread(target=kill_until, args=(client, over_now, killed), daemon=True)
        killer.start()
        try:
            collected(tmp_path / "there", server.url, DaskExecutor(client))
            while not killed:  # one at least dies between two jobs
                over_now.wait(0.1)
            with open_service(tmp_path / "there", base_url=server.url, rate=None, executor=DaskExecutor(client)) as service:
                assert service.run_backfill(request_of(2), progress=False).status == "complete"
        finally:
            over_now.set()
            killer.join(PATIENCE)
        requests.append(sorted(request.target for request in server.requests))
    here, there = figures_of(tmp_path / "here"), figures_of(tmp_path / "there")
    assert {name: there[name] for name in here} == here
    assert len(there) == len(here) * 3 // 2
    assert set(requests[0]) <= set(requests[1])
    assert len(requests[1]) == len(set(requests[1]))


def kill_until(client: Client, over_now: threading.Event, killed: list[int]) -> None:
    """Kill a worker every second, a few in all: the cluster gives a call up whose workers died four times."""
    while len(killed) < KILLS and not over_now.wait(1.0):
        for worker in processes(client)[:1]:  # none answers while both are begun anew
            os.kill(worker, signal.SIGKILL)  # one of those that the test has started
            killed.append(worker)


def test_workers_that_are_killed_change_nothing(root: Path) -> None:
    """While its workers are killed one after the other, a rebuild is made to its end, and comes out the same, round after round. [B8, B2]"""
    before = stored(root)
    over_now = threading.Event()
    killed: list[int] = []

    with cluster() as client, over(root, None, DaskExecutor(client)) as service:
        killer = threading.Thread(target=kill_until, args=(client, over_now, killed), daemon=True)
        killer.start()
        try:
            for _round in range(50):
                assert counts(service.rebuild(START, END).wait(PATIENCE)) == {"completed": 6}
                if len(killed) == KILLS:
                    break
        finally:
            over_now.set()
            killer.join(PATIENCE)
        assert service.verify(START, END).is_proved
    assert killed
    assert stored(root) == before


def test_what_a_killed_worker_was_computing_is_made_by_another(tmp_path: Path) -> None:
    """A worker is killed in the middle of a unit: that unit alone is made again, nothing is fetched again, and every byte is that of threads. [B8, B2, R9.3]"""
    count, free = 6, 2
    signs, root = tmp_path / "signs", tmp_path / "root"
    signs.mkdir()
    with FaultServer() as server, cluster() as client:
        source = HeldFigures(publish(server, count), signs, free)
        with housed(root, source, DaskExecutor(client)) as service:
            job = service.initiate_backfill(ask(count, *DISTRICTS, concurrency=SLOTS))
            until(lambda: len(list(signs.iterdir())) == 2)  # two workers compute, and two units wait for one of them
            unit, _, worker = next(signs.iterdir()).name.rpartition("-")
            os.kill(int(worker), signal.SIGKILL)  # one of those that the test has started
            until(lambda: len(list(signs.iterdir())) == 3)  # the worker in its place computes: this unit, or one that waited
            (signs / "go").touch()
            report = job.wait(PATIENCE)
        made = [sign.name.rpartition("-")[0] for sign in signs.glob("*-*")]
        assert (report.status, counts(report)) == ("complete", {"completed": count * len(DISTRICTS)})
        asked = [request.target for request in server.requests]
        assert len(asked) == len(set(asked)) == count * len(DISTRICTS)
        shutil.copytree(root / "raw", tmp_path / "threads" / "raw")
        with housed(tmp_path / "threads", source, None) as service:
            assert service.initiate_backfill(ask(count, *DISTRICTS)).wait(PATIENCE).status is BackfillStatus.COMPLETE
        assert len(server.requests) == len(asked)
    assert stored(tmp_path / "threads") == stored(root)
    sys.stdout.write(f"killed a worker: {len(made) - len(set(made))} of {len(set(made))} held units made again\n")
    assert made.count(unit) == len(made) - len(set(made)) + 1 == 2


def left_on(client: Client) -> int:
    """Return how many computations the scheduler knows of."""
    count: int = client.run_on_scheduler(_tasks)  # type: ignore[no-untyped-call] # the library's own
    return count


def _tasks(dask_scheduler: object) -> int:
    return len(getattr(dask_scheduler, "tasks"))  # noqa: B009 - the library's own, without types


def test_a_job_is_cancelled_while_the_cluster_computes(tmp_path: Path) -> None:
    """What the cluster has is dropped: the job has ended before its figures are made, whole days alone are stored, and the cluster is free. [B8, R4.4]"""
    count, free = 6, 2
    signs = tmp_path / "signs"
    signs.mkdir()
    with FaultServer() as server, cluster() as client:
        source = HeldFigures(publish(server, count), signs, free)
        with housed(tmp_path, source, DaskExecutor(client)) as service:
            first = service.initiate_backfill(ask(free, *DISTRICTS, concurrency=SLOTS)).wait(PATIENCE)
            assert counts(first) == {"completed": free * len(DISTRICTS)}
            job = service.initiate_backfill(ask(count, *DISTRICTS, concurrency=SLOTS))
            until(lambda: len(list(signs.iterdir())) == 2)  # two workers compute, and two units wait for one of them
            assert job.cancel()
            report = job.wait(PATIENCE)
            assert not (signs / "go").exists()
            assert report.status is BackfillStatus.CANCELLED
            assert counts(report) == {"skipped": free * len(DISTRICTS), "pending": (count - free) * len(DISTRICTS)}
            assert not report.errors
            assert tuple(service.store.days()) == days(free)
            until(lambda: left_on(client) == 0)
            assert not client.futures
            (signs / "go").touch()
            again = service.initiate_backfill(ask(count, *DISTRICTS, concurrency=SLOTS)).wait(PATIENCE)
            assert counts(again) == {"completed": (count - free) * len(DISTRICTS), "skipped": free * len(DISTRICTS)}
            assert service.verify(days(1)[0], days(count)[-1]).is_proved
        asked = [request.target for request in server.requests]
    sound = check(tmp_path / "snapshots", data=True)
    assert not sound.damaged_days, str(sound)
    assert not list((tmp_path / "snapshots").glob(".staging/*"))
    sys.stdout.write(f"cancelled: {len(asked) - len(set(asked))} of {len(set(asked))} documents fetched again\n")
    assert len(asked) - len(set(asked)) <= SLOTS


def written(root: Path) -> dict[str, int]:
    """Return when each stored record was written, in nanoseconds."""
    return {name: (root / name).stat().st_mtime_ns for name in stored(root)}


def test_another_coordinator_goes_on(tmp_path: Path) -> None:
    """A coordinator is killed while the cluster computes; another one ends its job on the same cluster, and every byte is that of threads. [B8, B2, R4.2]"""
    count, free = 8, 3
    signs, root = tmp_path / "signs", tmp_path / "root"
    signs.mkdir()
    context = get_context("spawn")
    with FaultServer() as server, cluster() as client:
        source = HeldFigures(publish(server, count), signs, free)
        scheduler = client.scheduler_info()["address"]
        here, there = context.Pipe()
        killed = context.Process(target=coordinate, args=(root, scheduler, source, count, there))
        killed.start()
        began = here.recv()
        until(lambda: len(list(signs.iterdir())) == 2)
        # of the nine units that are free two at most are in work, so that one day is whole
        until(lambda: any((root / "snapshots").glob("2*/manifest.json")))
        os.kill(killed.pid or 0, signal.SIGKILL)  # the one that this test has started
        killed.join(PATIENCE)
        at_kill, whole = len(server.requests), written(root)
        assert whole

        here, there = context.Pipe()
        other = context.Process(target=coordinate, args=(root, scheduler, source, count, there))
        other.start()
        assert here.poll(PATIENCE)
        assert here.recv() == (began[0], 1)
        (signs / "go").touch()
        assert here.poll(PATIENCE)
        assert here.recv() == ("complete", count * len(DISTRICTS))
        other.join(PATIENCE)
        until(lambda: left_on(client) == 0)
        asked = [request.target for request in server.requests]
        shutil.copytree(root / "raw", tmp_path / "threads" / "raw")
        with housed(tmp_path / "threads", source, None) as service:
            report = service.initiate_backfill(ask(count, *DISTRICTS)).wait(PATIENCE)
        assert report.status is BackfillStatus.COMPLETE
        assert len(server.requests) == len(asked)  # made of the very documents that the cluster's figures are made of
    assert stored(tmp_path / "threads") == stored(root)
    assert len(stored(root)) == count * len(DISTRICTS)
    assert whole.items() <= written(root).items()  # what was stored is not done again
    assert not check(root / "snapshots", data=True).damaged_days
    again = len(asked) - len(set(asked))
    sys.stdout.write(f"killed after {at_kill} requests: {again} of {len(set(asked))} documents fetched again\n")
    assert again <= SLOTS
