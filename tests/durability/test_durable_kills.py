"""Processes that collect over HTTP and are killed at random moments, a reader beside them: nothing is lost, torn or collected twice."""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from attrs import define, field

from backfill.testing.dashboard import DashboardServer, RequestRecord
from durability.durable_site import DAYS, DOCUMENTS_A_DAY, JOBS, TODAY, documents_of, look_after, published, request_of
from durability.durable_workers import PRELOADED, collect_all_jobs, open_root, read_for_ever
from tm_serving import serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")

IN_FLIGHT = 3
"""Documents that a job asks for at once."""


@define
class Figures:
    """What was measured over all rounds."""

    kills: int = 0
    looks: int = 0
    resumed: list[float] = field(factory=list)
    asked: list[float] = field(factory=list)
    again: list[int] = field(factory=list)

    def __str__(self) -> str:
        spread = Counter(self.again)
        return (
            f"{self.kills} kills survived; {self.looks} whole days read meanwhile, 0 torn; from kill -9 to resumed work "
            f"(median, most): {statistics.median(self.resumed) * 1000:.0f}, {max(self.resumed) * 1000:.0f} ms; to the next request: "
            f"{statistics.median(self.asked) * 1000:.0f}, {max(self.asked) * 1000:.0f} ms; documents fetched again per kill "
            f"(mean, most): {statistics.mean(self.again):.2f}, {max(self.again)}; kills by documents fetched again: {dict(sorted(spread.items()))}\n"
        )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root on which everything was collected without any trouble."""
    root = tmp_path_factory.mktemp("undisturbed")
    with serving(published(), TODAY) as server, open_root(root, server.url, "undisturbed") as service:
        for number in range(JOBS):
            assert service.run_backfill(request_of(number), progress=False).status == "complete"
        assert server.counts.total == len(DAYS) * DOCUMENTS_A_DAY == sum(server.counts.by_report.values())
    return root


def test_killed_processes_lose_nothing(tmp_path: Path, undisturbed: Path) -> None:
    """Twenty processes killed one after the other while they collect: see `survive`. [B2, R4.2, R11.2]"""
    figures = Figures()
    survive(tmp_path, undisturbed, 20, random.Random(1), figures)
    sys.stdout.write(str(figures))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_killed_processes_lose_nothing(tmp_path: Path, undisturbed: Path) -> None:
    """The same ten times over, each on a root of its own: two hundred and twenty kills. [B2, R4.2, R11.2]"""
    figures = Figures()
    for number in range(10):
        root = tmp_path / str(number)
        root.mkdir()
        survive(root, undisturbed, 22, random.Random(number), figures)
    sys.stdout.write(str(figures))
    assert figures.kills >= 200


def survive(root: Path, undisturbed: Path, kills: int, chance: random.Random, figures: Figures) -> None:
    """Kill one process after the other, let the last one finish, and look at what there is.

    Every accepted job is complete; every stored figure and document is that of an undisturbed run; a reader beside them saw whole
    days only, and each day published once; of what was fetched before a kill no more is fetched again than was in flight.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    over = context.Event()
    answers, their_end = context.Pipe(duplex=False)
    reader = context.Process(target=read_for_ever, args=(root, their_end, over))
    accepted: dict[str, str] = {}
    killed_at: list[float] = []
    with serving(published(), TODAY) as server:
        reader.start()
        try:
            for turn in range(kills):
                resumed = _run_and_kill(root, server, turn, chance, accepted)
                if resumed is not None and killed_at:
                    figures.resumed.append(resumed - killed_at[-1])
                killed_at.append(time.monotonic())
            _run_to_the_end(root, server, kills, accepted)
        finally:
            over.set()
            looks, torn = answers.recv()
            reader.join(30)
        requests = server.requests
    assert not torn
    look_after(root, accepted, undisturbed)
    figures.kills += kills
    figures.looks += looks
    figures.again += _fetched_again(requests, kills)
    figures.asked += _first_requests(requests, killed_at)
    assert len(documents_of(root)) == len(DAYS) * DOCUMENTS_A_DAY


def _start(root: Path, server: DashboardServer, turn: int) -> tuple[BaseProcess, Connection]:
    reports, its_end = get_context("forkserver").Pipe(duplex=False)
    worker = get_context("forkserver").Process(target=collect_all_jobs, args=(root, server.url, f"turn-{turn}", its_end))
    worker.start()
    its_end.close()
    return worker, reports


def _run_and_kill(
    root: Path, server: DashboardServer, turn: int, chance: random.Random, accepted: dict[str, str]
) -> float | None:
    """Start a process and kill it a moment later; return when it had resumed what was interrupted, if it came so far."""
    worker, reports = _start(root, server, turn)
    resumed: float | None = None
    if turn % 5:  # the other times it is killed while it begins
        assert reports.poll(60)
        what, jobs = reports.recv()
        assert what == "resumed"
        resumed = time.monotonic() if jobs else None
        threading.Event().wait(chance.uniform(0.0, 0.1))
    else:
        threading.Event().wait(chance.uniform(0.0, 0.15))
    worker.kill()
    worker.join(30)
    assert worker.exitcode == -9, "it had nothing left to do: too few days for so many kills"
    _hear(reports, accepted)
    return resumed


def _run_to_the_end(root: Path, server: DashboardServer, turn: int, accepted: dict[str, str]) -> None:
    worker, reports = _start(root, server, turn)
    worker.join(120)
    assert worker.exitcode == 0
    _hear(reports, accepted)
    assert len(accepted) == JOBS


def _hear(reports: Connection, accepted: dict[str, str]) -> None:
    """Note which jobs a process that is gone had accepted: a key is one job for ever."""
    try:
        while True:
            what, jobs = reports.recv()
            for key, job_id in jobs.items() if what == "accepted" else ():
                assert accepted.setdefault(key, job_id) == job_id
    except EOFError:  # the process was killed, as the test does
        reports.close()


def _turn(request: RequestRecord) -> int:
    return int(request.headers["user-agent"].removeprefix("turn-"))


def _fetched_again(requests: tuple[RequestRecord, ...], kills: int) -> list[int]:
    """Return for each kill how many of the documents that the killed process had asked for were asked for again."""
    last: dict[str, int] = {}
    again = [0] * kills
    for request in sorted(requests, key=_turn):
        before, turn = last.get(request.target), _turn(request)
        if before is not None:
            assert before < turn, "one process asked twice"
            again[before] += 1
        last[request.target] = turn
    assert max(again) <= IN_FLIGHT, again
    return again


def _first_requests(requests: tuple[RequestRecord, ...], killed_at: list[float]) -> list[float]:
    """Return the seconds from each kill to the next process's first request, where it lived long enough to send one."""
    first: dict[int, float] = {}
    for request in requests:
        first[_turn(request)] = min(first.get(_turn(request), request.at), request.at)
    return [first[turn + 1] - at for turn, at in enumerate(killed_at) if turn + 1 in first]
