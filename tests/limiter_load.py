"""Senders under one limit, in threads and in processes, in real time; they count what they send. For a test and for a measurement."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, date, datetime
from multiprocessing.queues import Queue
from pathlib import Path

from backfill.clock import SystemClock
from backfill.fetching import PoliteFetcher, connection
from backfill.fetching.limiter import Limiter
from backfill.fetching.pace import HostPace, Keeper, kept_in_memory
from backfill.fetching.shared import kept_in_file
from backfill.model import JobContext, UnitContext

HOST = "https://example.org:443"


def worst_second(moments: list[float]) -> int:
    """Return the most moments that any second holds (its end excluded)."""
    ordered = sorted(moments)
    worst = first = 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= 1.0:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


def use_of(moments: list[float], rate: float) -> float:
    """Return which part of the limit was used between the first and the last moment."""
    return (len(moments) - 1) / (max(moments) - min(moments)) / rate


def send(keeper: Keeper, threads: int, until: float) -> list[list[float]]:
    """Send from so many threads until that moment of the monotonic clock; return the moments of each thread."""
    clock = SystemClock()
    limiter = Limiter(HostPace(keeper, clock), 1000, clock)
    never = threading.Event()
    moments: list[list[float]] = [[] for _thread in range(threads)]

    def work(mine: list[float]) -> None:
        while time.monotonic() < until:
            with limiter.turn(never):
                mine.append(time.monotonic())

    running = [threading.Thread(target=work, args=(mine,)) for mine in moments]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return moments


def from_threads(rate: float, threads: int, seconds: float) -> list[list[float]]:
    """Send from the threads of this process; return the moments of each."""
    return send(kept_in_memory(rate), threads, time.monotonic() + seconds)


def from_processes(rate: float, processes: int, threads: int, seconds: float, directory: Path) -> list[list[float]]:
    """Send from several processes that share a folder; return the moments of each process."""
    return _in_processes(_process, processes, (directory, rate, threads, seconds))


def from_fetchers(url: str, rate: float, processes: int, requests: int, directory: Path) -> list[list[float]]:
    """Ask for *url* so often from each of several processes that share a folder; return when the bytes were handed to the system."""
    return _in_processes(_fetching, processes, (directory, rate, url, requests))


def _in_processes(target: Callable[..., None], processes: int, arguments: tuple[object, ...]) -> list[list[float]]:
    context = multiprocessing.get_context("spawn")
    results: Queue[list[float]] = context.Queue()
    barrier = context.Barrier(processes)
    with ExitStack() as stack:
        started = [context.Process(target=target, args=(*arguments, barrier, results)) for _process_number in range(processes)]
        for process in started:
            process.start()
            stack.callback(process.join)
        moments = [results.get(timeout=60) for _process_number in started]
    results.close()
    results.join_thread()
    return moments


def _process(
    directory: Path, rate: float, threads: int, seconds: float, barrier: threading.Barrier, results: Queue[list[float]]
) -> None:
    barrier.wait()  # all have been started, however long that took
    moments = send(kept_in_file(directory, HOST, rate, SystemClock()), threads, time.monotonic() + seconds)
    results.put([moment for each in moments for moment in each])


def _fetching(
    directory: Path, rate: float, url: str, requests: int, barrier: threading.Barrier, results: Queue[list[float]]
) -> None:
    moments: list[float] = []
    send_all = connection._WatchedSocket.sendall

    def noting(sock: connection._WatchedSocket, data: bytes) -> None:
        moments.append(time.monotonic())
        send_all(sock, data)

    setattr(connection._WatchedSocket, "sendall", noting)  # noqa: B010 - in a process of our own, which ends soon
    job = JobContext(job_id="job", created_at=datetime.now(UTC))
    unit = UnitContext(job=job, day=date(2026, 1, 14), district="61")
    with closing(PoliteFetcher(rate=rate, shared_state=directory)) as fetcher:
        fetch = fetcher.bind(unit)
        barrier.wait()
        for number in range(requests):
            fetch(url, name=str(number))
    results.put(moments)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many processes spinning as long as the block lasts, so that every other one gets its processor late."""
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    barrier = context.Barrier(processes + 1)
    with ExitStack() as stack:
        for _process_number in range(processes):
            process = context.Process(target=_spin, args=(barrier, over))
            process.start()
            stack.callback(process.join)
        stack.callback(over.set)
        barrier.wait()
        yield


def _spin(barrier: threading.Barrier, over: threading.Event) -> None:
    barrier.wait()
    while not over.is_set():
        sum(range(10_000))
