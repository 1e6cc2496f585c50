"""Whole jobs, killed with SIGKILL at random moments, over a real server and real files."""

from __future__ import annotations

import multiprocessing
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest

from backfill.stores import PerDistrictFileSnapshotStore, check
from backfill.testing.server import FaultServer, reply
from durability.killed_workers import CONCURRENCY, DISTRICTS, FIRST, LAST, PRELOADED, UNITS, go_on, opened

DAYS = tuple(FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1))


class Reader:
    """Reads every stored day over and over, as a dashboard would, and counts its looks."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.looks = 0
        self.over = threading.Event()

    def run(self) -> None:
        """Read until it is over; a torn day raises."""
        while not self.over.is_set():
            if self.root is None:
                time.sleep(0.001)
                continue
            store = PerDistrictFileSnapshotStore(self.root / "snapshots")
            for day in store.days():
                snapshot = store.read(day)
                for name in snapshot.districts:
                    assert snapshot.district(name).data["of"] == [day.isoformat(), name]  # type: ignore[index, call-overload] # as the source writes it
                self.looks += 1


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
def test_p1_killed_jobs_lose_nothing_and_repeat_next_to_nothing(kills: int, tmp_path: Path) -> None:
    """Killed at any instant, a job is gone on with by the next process: no torn day, nothing lost, nothing asked for again but what was in flight. [P1, B2, R6.6]"""
    rng = random.Random(kills)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    killed, roots, repeated = 0, 0, 0
    resumed_after: list[float] = []
    reader = Reader()
    with FaultServer() as server, ThreadPoolExecutor(1) as pool:
        for day in DAYS:
            for name in DISTRICTS:
                server.on(f"/{name}/{day}", reply(f"{name} on {day}".encode()))
        reading = pool.submit(reader.run)
        try:
            while killed < kills:
                roots += 1
                root = reader.root = tmp_path / f"root-{roots}"
                before, killed_here = len(server.requests), 0
                while True:
                    worker = context.Process(target=go_on, args=(root, server.url("")))
                    asked, started = len(server.requests), time.monotonic()
                    worker.start()
                    at_work = rng.random() < 0.75  # else it may be killed while it is starting
                    until = started + (60 if at_work or killed >= kills else rng.uniform(0.0, 0.3))
                    came = None
                    while worker.exitcode is None and time.monotonic() < until:
                        worker.join(0.002)
                        if came is None and len(server.requests) > asked:
                            came = time.monotonic() - started
                            until = until if killed >= kills else time.monotonic() + rng.uniform(0.0, 0.15)
                    if worker.exitcode is not None:
                        assert worker.exitcode == 0
                        worker.close()
                        break
                    worker.kill()
                    worker.join(60)
                    worker.close()
                    killed, killed_here = killed + 1, killed_here + 1
                    if came is not None:
                        resumed_after.append(came)
                asked_again = len(server.requests) - before - UNITS
                assert 0 <= asked_again <= killed_here * CONCURRENCY
                repeated += asked_again
                _check_whole(root, server.url(""))
        finally:
            reader.over.set()
        reading.result(60)
    assert reader.looks > kills
    sys.stdout.write(
        f"{killed} processes killed over {roots} roots of {UNITS} units; {reader.looks} whole days read meanwhile, none torn; "
        f"{repeated} documents asked for again ({repeated / kills:.2f} a kill); "
        f"from start to the first request {median(resumed_after):.3f} s (median)\n"
    )


def _check_whole(root: Path, address: str) -> None:
    """Check that the job is complete, once, and that all of it is stored as the server said."""
    service, fetch, jobs = opened(root, address)
    with jobs, closing(fetch), service:
        assert service.resume_jobs() == []
        (report,) = service.list_backfills()
        assert (report.status, report.progress.completed) == ("complete", UNITS)
        store = service.store
        assert tuple(store.days()) == DAYS
        for day in DAYS:
            snapshot = store.read(day)
            assert snapshot.districts == DISTRICTS
            for name in DISTRICTS:
                record = snapshot.district(name)
                assert record.data == {"of": [day.isoformat(), name], "said": f"{name} on {day}"}
                assert [ref.url for ref in record.provenance] == [f"{address}/{name}/{day}"]
    assert not check(root / "snapshots", data=True).damaged_days
