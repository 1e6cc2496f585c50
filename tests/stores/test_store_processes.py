"""Processes that share a store, and processes that are killed while they write to it."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from backfill.stores import PerDistrictFileSnapshotStore, check, repair
from backfill.testing.samples import DAY, record, store_records
from stores.store_workers import DISTRICTS, PRELOADED, commit_own_districts, rewrite_for_ever


def test_processes_lose_nothing(tmp_path: Path) -> None:
    """Processes that commit different districts to one day at the same time lose nothing. [R5.4, R11.2]"""
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=commit_own_districts, args=(tmp_path, number, 8)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    store = PerDistrictFileSnapshotStore(tmp_path)
    expected = sorted(f"{worker}-{turn}" for worker in range(3) for turn in range(8))
    assert list(store.read(DAY).districts) == expected
    assert sorted(store.entries(DAY)) == expected
    assert not list((tmp_path / ".staging").iterdir())


@pytest.mark.parametrize(
    ("kind", "kills"),
    [
        ("exchange and links", 12),
        ("neither", 12),
        pytest.param("exchange and links", 120, marks=pytest.mark.slow),
        pytest.param("neither", 120, marks=pytest.mark.slow),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
def test_killed_writers_never_tear_a_day(tmp_path: Path, kind: str, kills: int) -> None:
    """A writer killed at any instant tears no day for a reader beside it, loses nothing that it reported, and is tidied up after. [B2]"""
    store = PerDistrictFileSnapshotStore(tmp_path)
    store_records(store, *(record(name, 0) for name in DISTRICTS))
    done = threading.Event()
    rng = random.Random(kills)
    context = multiprocessing.get_context("forkserver")  # a child in a few milliseconds, without this process's threads
    context.set_forkserver_preload(PRELOADED)
    reported = 0
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(_read_until, store, done)
        try:
            for _ in range(kills):
                reports, its_end = context.Pipe(duplex=False)
                writer = context.Process(target=rewrite_for_ever, args=(tmp_path, kind, reported + 1, its_end))
                writer.start()
                its_end.close()
                reported = _kill_soon(writer, reports, done, rng.uniform(0.0, 0.03))
                reports.close()
                current = _state(store)
                assert reported <= current <= reported + 1
                reported = current
        finally:
            done.set()
        looks = reader.result()
    sys.stdout.write(f"{kind}: {kills} writers killed, {looks} whole days read meanwhile, none torn\n")
    assert looks > kills
    assert not check(tmp_path, data=True).damaged_days
    repair(tmp_path)
    assert check(tmp_path, data=True).ok
    assert not list((tmp_path / ".staging").iterdir())
    store_records(PerDistrictFileSnapshotStore(tmp_path), *(record(name, -1) for name in DISTRICTS))
    assert _state(store) == -1


def _kill_soon(writer: BaseProcess, reports: Connection, never: threading.Event, seconds: float) -> int:
    assert reports.poll(30)
    last = int(reports.recv())
    never.wait(seconds)
    assert writer.pid is not None
    writer.kill()
    writer.join(30)
    assert writer.exitcode == -signal.SIGKILL
    try:
        while True:
            last = int(reports.recv())
    except EOFError:
        return last


def _state(store: PerDistrictFileSnapshotStore) -> int:
    snapshot = store.read(DAY)
    states = {snapshot.district(name).data for name in snapshot.districts}
    assert snapshot.districts == DISTRICTS
    assert len(states) == 1
    state = states.pop()
    assert isinstance(state, int)
    return state


def _read_until(store: PerDistrictFileSnapshotStore, done: threading.Event) -> int:
    seen = 0
    while not done.wait(0.001):
        _state(store)
        seen += 1
    return seen
