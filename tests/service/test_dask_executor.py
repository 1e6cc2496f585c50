"""A Dask cluster of real processes as an executor: every future ends, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backfill import InvalidRequest
from cluster_work import cluster, dies_on_the_way, held_until
from service_doubles import until

if TYPE_CHECKING:
    from distributed import Client

distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")

from backfill.dask import DaskExecutor  # noqa: E402 - it needs the extra too

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # the cluster's own, of ports and of workers that end
]

PATIENCE = 120


@pytest.fixture
def client() -> Iterator[Client]:
    """Hand out a client of two workers, each a process; a call whose worker dies is given up at once."""
    import dask  # noqa: PLC0415 - comes with the extra

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), cluster() as client:
        yield client


def test_calls_are_carried_out_elsewhere(client: Client) -> None:
    """Results and errors come back from other processes, and equal calls are carried out each time. [B8]"""
    with DaskExecutor(client) as executor:
        assert executor.submit(os.getpid).result(PATIENCE) != os.getpid()
        made = {executor.submit(os.urandom, 8).result(PATIENCE) for _ in range(3)}
        assert len(made) == 3
        assert list(executor.map(divmod, (7, 8), (2, 3), timeout=PATIENCE)) == [(3, 1), (2, 2)]
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result(PATIENCE)


def test_a_result_that_dies_with_its_worker_is_an_error(client: Client, tmp_path: Path) -> None:
    """The worker dies with a result that nobody has taken yet, and the next one while it makes it anew: the future says so, and does not wait for ever. [B8, B2]"""
    with DaskExecutor(client) as executor:
        lost = executor.submit(dies_on_the_way, tmp_path)
        with pytest.raises(distributed.KilledWorker):
            lost.result(PATIENCE)
        assert executor.submit(abs, -1).result(PATIENCE) == 1  # the cluster goes on
    assert len(list(tmp_path.iterdir())) == 2


def test_a_call_is_cancelled(client: Client, tmp_path: Path) -> None:
    """A call that waits is forgotten by the cluster, who waits for it is woken, and one that runs is let go. [R4.4]"""
    with DaskExecutor(client) as executor:
        runs = [executor.submit(held_until, tmp_path / "go", tmp_path / str(number)) for number in range(6)]
        until(lambda: len(list(tmp_path.iterdir())) == 2)
        woken = threading.Thread(target=wait, args=(runs,), daemon=True)
        woken.start()
        assert all(run.cancel() for run in runs)
        woken.join(PATIENCE)
        assert not woken.is_alive()
        until(lambda: not client.futures)
        (tmp_path / "go").touch()
        assert executor.submit(abs, -1).result(PATIENCE) == 1
    assert all(run.cancelled() for run in runs)


def test_it_is_shut_down(client: Client, tmp_path: Path) -> None:
    """Shut down, it takes nothing more, and its calls end or are cancelled; the client stays open."""
    executor = DaskExecutor(client)
    runs = [executor.submit(held_until, tmp_path / "go", tmp_path / str(number)) for number in range(4)]
    until(lambda: len(list(tmp_path.iterdir())) == 2)
    executor.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(abs, -1)
    (tmp_path / "go").touch()
    executor.shutdown()
    assert [run.result(0) for run in runs] == [None] * 4
    other = DaskExecutor(client)
    held = other.submit(held_until, tmp_path / "never", tmp_path / "held")
    other.shutdown(cancel_futures=True)
    assert held.cancelled()
    assert client.status == "running"


def test_a_client_that_is_closed(client: Client) -> None:
    """With its client closed, it takes nothing more, and what was in work is cancelled."""
    with distributed.Client(client.cluster) as other:
        executor = DaskExecutor(other)
        assert executor.submit(abs, -1).result(PATIENCE) == 1
    with pytest.raises(RuntimeError, match="closed"):
        executor.submit(abs, -1)


def test_what_is_no_client_is_refused() -> None:
    """An address, or nothing, is no client."""
    for wrong in ("tcp://127.0.0.1:8786", None):
        with pytest.raises(InvalidRequest, match="Client"):
            DaskExecutor(wrong)  # type: ignore[arg-type] # that is the test


def test_a_worker_that_is_killed(client: Client, tmp_path: Path) -> None:
    """A call whose worker is killed is given up by this cluster, and its future says so."""
    with DaskExecutor(client) as executor:
        run = executor.submit(held_until, tmp_path / "go", tmp_path / "began")
        until((tmp_path / "began").exists)
        until(lambda: bool((tmp_path / "began").read_text()))
        os.kill(int((tmp_path / "began").read_text()), signal.SIGKILL)  # one of those that the fixture has started
        with pytest.raises(distributed.KilledWorker):
            run.result(PATIENCE)
