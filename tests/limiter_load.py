"""Senders under one limit, in threads and in processes, in real time; they count what they send. For a test and for a measurement."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import ExitStack
from multiprocessing.queues import Queue
from pathlib import Path

from backfill.clock import SystemClock
from backfill.fetching.limiter import Limiter
from backfill.fetching.pace import HostPace, Keeper, kept_in_memory
from backfill.fetching.shared import kept_in_file

HOST = "https://example.org:443"


def worst_second(moments: list[float], lag: float = 0.0) -> int:
    """Return the most moments that any second holds, less the *lag* with which senders may have noted them."""
    ordered = sorted(moments)
    worst = first = 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= 1.0 - lag:
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
    context = multiprocessing.get_context("spawn")
    results: Queue[list[float]] = context.Queue()
    barrier = context.Barrier(processes)
    arguments = (directory, rate, threads, seconds, barrier, results)
    with ExitStack() as stack:
        started = [context.Process(target=_process, args=arguments) for _process_number in range(processes)]
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
