"""Rebuilding on a Dask cluster of real processes on this machine, some of them killed: the same bytes as here."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tm_serving import counts
from trust_roots import END, START, over, stored
from trust_roots import pristine as pristine  # noqa: PLC0414 - a fixture, exported
from trust_roots import root as root  # noqa: PLC0414 - as above

if TYPE_CHECKING:
    from distributed import Client

distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # the cluster's own, of ports and of workers that end
]

PATIENCE = 120


@contextmanager
def cluster() -> Iterator[Client]:
    """Hand out a client of two workers, each a process of its own that is begun anew when it dies."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as workers,
        distributed.Client(workers) as client,
    ):
        yield client


def executor_of(client: Client) -> Executor:
    """Return the cluster as an executor."""
    executor: Executor = client.get_executor(pure=False)  # type: ignore[no-untyped-call] # the library's own
    return executor


def processes(client: Client) -> list[int]:
    """Return the process identifiers of the workers."""
    return list(client.run(os.getpid).values())


def test_a_cluster_gives_the_same(root: Path) -> None:
    """Made by the workers of a cluster, every record has the bytes that this process gives; the coordinator alone stores. [B8]"""
    before = stored(root)
    shutil.rmtree(root / "snapshots")
    with cluster() as client, over(root, None, executor_of(client)) as service:
        assert counts(service.rebuild(START, END).wait(PATIENCE)) == {"completed": 6}
        assert service.verify(START, END).is_proved
    assert stored(root) == before


def test_workers_that_are_killed_change_nothing(root: Path) -> None:
    """While its workers are killed one after the other, a rebuild is made to its end, and comes out the same, round after round. [B8, B2]"""
    before = stored(root)
    over_now = threading.Event()
    killed: list[int] = []

    def kill(client: Client) -> None:
        while not over_now.wait(1.0):
            worker = processes(client)[0]
            os.kill(worker, signal.SIGKILL)  # one of those that this test has started
            killed.append(worker)

    with cluster() as client, over(root, None, executor_of(client)) as service:
        killer = threading.Thread(target=kill, args=(client,), daemon=True)
        killer.start()
        try:
            for _round in range(50):
                assert counts(service.rebuild(START, END).wait(PATIENCE)) == {"completed": 6}
                if len(killed) >= 3:
                    break
        finally:
            over_now.set()
            killer.join(PATIENCE)
        assert service.verify(START, END).is_proved
    assert killed
    assert stored(root) == before
