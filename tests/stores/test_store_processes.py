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

from backfill.stores import PerDistrictFileSnapshotStore
from stores.store_cases import DAY, record, store_records
from stores.store_workers import DISTRICTS, commit_own_districts, rewrite_for_ever

KILLS = 20


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


@pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signal")
def test_killed_writers_never_tear_a_day(tmp_path: Path) -> None:
    """A writer killed at any instant tears no day, loses nothing that it reported, and is tidied up after. [B2]"""
    store = PerDistrictFileSnapshotStore(tmp_path)
    store_records(store, *(record(name, 0) for name in DISTRICTS))
    done = threading.Event()
    rng = random.Random(20240131)
    context = multiprocessing.get_context("forkserver")  # a child in a few milliseconds, without this process's threads
    context.set_forkserver_preload(["stores.store_workers"])
    reported = 0
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(_read_until, store, done)
        try:
            for _ in range(KILLS):
                reports, its_end = context.Pipe(duplex=False)
                writer = context.Process(target=rewrite_for_ever, args=(tmp_path, reported + 1, its_end))
                writer.start()
                its_end.close()
                reported = _kill_soon(writer, reports, done, rng.uniform(0.0, 0.03))
                reports.close()
                current = _state(store)
                assert reported <= current <= reported + 1
                reported = current
        finally:
            done.set()
        assert reader.result() > KILLS
    store_records(PerDistrictFileSnapshotStore(tmp_path), *(record(name, -1) for name in DISTRICTS))
    assert _state(store) == -1
    assert not list((tmp_path / ".staging").iterdir())


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
