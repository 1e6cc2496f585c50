"""Deterministic simulation: whole lives of two services on one root, each a function of a seed, thousands of them.

``BACKFILL_SIM_SEED=1660`` runs that one schedule and prints its steps; ``BACKFILL_SIM_SECONDS=600`` searches for longer.
"""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backfill.jobstores import SqliteJobStore
from backfill.testing.simulation import simulated
from simulation.sim_bugs import Unfenced, noted_before_published
from simulation.sim_house import House

SECONDS = float(os.environ.get("BACKFILL_SIM_SECONDS", "20"))
LONG_SECONDS = 180.0
SHARED_MEMORY = Path("/dev/shm")

_COLLECT_EVERY = 50


@contextmanager
def quietly() -> Iterator[None]:
    """Simulate this library, without its log, which tells of every accident, and without collections of garbage at odd moments."""
    logging.disable(logging.CRITICAL)
    gc.disable()
    try:
        with simulated():
            yield
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let every test here simulate."""
    with quietly():
        yield


@contextmanager
def a_folder() -> Iterator[Path]:
    """Lend an empty folder, in memory where there is such a thing: nothing here outlives the machine."""
    with TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def schedule(seed: int, *, job_store: type[SqliteJobStore] = SqliteJobStore, keep_trace: bool = False) -> House:
    """Run one schedule, and return what there was."""
    with a_folder() as folder:
        house = House(seed, folder, job_store=job_store, keep_trace=keep_trace)
        try:
            house.run()
        except BaseException as error:
            error.add_note(f"run it again with BACKFILL_SIM_SEED={seed}")
            raise
    return house


def search(seconds: float, first: int) -> None:
    """Run schedules from seed *first* on, for so many seconds, on every processor; print how many there were."""
    began, processors = time.monotonic(), os.cpu_count() or 1
    with ProcessPoolExecutor(processors, mp_context=get_context("spawn")) as pool:
        searches = [pool.submit(search_alone, seconds, seed, processors) for seed in range(first, first + processors)]
        found = [search.result() for search in as_completed(searches)]
    number, ends, steps = (sum(column) for column in zip(*found, strict=True))
    rate = number / (time.monotonic() - began)
    sys.stdout.write(f"{number} schedules, {rate:.1f} a second, {ends} processes ended, {steps / number:.0f} steps each\n")
    assert number > processors


def search_alone(seconds: float, first: int, step: int) -> tuple[int, int, int]:
    """Run every *step*-th schedule from seed *first* on, for so many seconds; return how many, and what was in them."""
    end, number, ends, steps = time.monotonic() + seconds, 0, 0, 0
    with quietly():
        while time.monotonic() < end:
            house = schedule(first + number * step)
            number, ends, steps = number + 1, ends + house.chronicle.ends, steps + house.scheduler.steps
            if number % _COLLECT_EVERY == 0:
                gc.collect()
    return number, ends, steps


def failure(seed: int, job_store: type[SqliteJobStore] = SqliteJobStore) -> str | None:
    """Return what is seen in a schedule that must not be; ``None`` = nothing."""
    try:
        schedule(seed, job_store=job_store)
    except Exception as error:  # noqa: BLE001 - whatever a bug makes the engine raise
        return str(error)
    return None


def first_failure(seeds: int, job_store: type[SqliteJobStore] = SqliteJobStore) -> tuple[int, str]:
    """Return the first of so many seeds whose schedule fails, and how; print it."""
    for seed in range(seeds):
        how = failure(seed, job_store)
        if how is not None:
            sys.stdout.write(f"found with seed {seed}: {how}\n")
            return seed, how
    pytest.fail(f"the bug was not found with {seeds} seeds")


@pytest.mark.skipif("BACKFILL_SIM_SEED" not in os.environ, reason="runs one schedule, for who names its seed")
def test_the_schedule_that_was_asked_for() -> None:
    """One schedule, step by step."""
    with a_folder() as folder:
        house = House(int(os.environ["BACKFILL_SIM_SEED"]), folder, keep_trace=True)
        try:
            house.run()
        finally:
            sys.stdout.write("\n".join([str(house.weather), str(house.work), *(house.scheduler.trace or ()), ""]))


@pytest.mark.timeout(SECONDS + 120)
def test_schedules_within_the_time_there_is() -> None:
    """Whatever ends, sleeps or fails, whoever goes first: what must never be seen is not. [B2, B7, R6.5, R6.6, P1, P6]"""
    search(SECONDS, 0)


@pytest.mark.slow
@pytest.mark.timeout(LONG_SECONDS + 120)
def test_more_schedules() -> None:
    """The same for longer, with other seeds every day; the one that fails is told. [B2, B7, R6.5, R6.6, P1, P6]"""
    search(LONG_SECONDS, 1_000_000 + int(time.time() // 86400) * 100_000)


@pytest.mark.parametrize("seed", [0, 3, 4, 35])
def test_a_seed_gives_the_same_schedule_again(seed: int) -> None:
    """Every step of a schedule is a function of the seed: run twice it takes the same, at the same virtual times."""
    once, again = schedule(seed, keep_trace=True), schedule(seed, keep_trace=True)
    assert once.scheduler.trace
    assert once.scheduler.trace == again.scheduler.trace
    assert once.scheduler.digest == again.scheduler.digest
    assert once.chronicle.outcome == again.chronicle.outcome


def test_other_seeds_give_other_schedules() -> None:
    """Of twenty seeds no two take the same steps."""
    assert len({schedule(seed).scheduler.digest for seed in range(20)}) == 20


def test_a_seed_gives_the_same_schedule_in_another_process() -> None:
    """Nor does a schedule depend on how this interpreter orders its sets."""
    program = (
        "import logging, sys; from pathlib import Path; from tempfile import TemporaryDirectory\n"
        "from backfill.testing.simulation import simulated; from simulation.sim_house import House\n"
        "logging.disable(logging.CRITICAL)\n"
        "with simulated(), TemporaryDirectory() as folder:\n"
        "    house = House(4, Path(folder)); house.run(); print(house.scheduler.digest)\n"
    )
    tests = Path(__file__).parent.parent
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(tests), "PYTHONHASHSEED": hashing},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hashing in ("1", "2")
    }
    assert digests == {schedule(4).scheduler.digest}


# --- bugs seeded on purpose ---------------------------------------------------------------------------------------------------


def test_it_finds_units_noted_before_they_are_published() -> None:
    """A day noted as done before its snapshot is there is found, and found again with the same seed. [B2]"""
    with noted_before_published():
        seed, how = first_failure(200)
        assert "are noted as stored, and are not" in how
        assert failure(seed) == how


def test_it_finds_a_lease_without_fencing() -> None:
    """An owner that was taken for gone and goes on noting is found, and found again with the same seed. [R6.5]"""
    seed, how = first_failure(400, Unfenced)
    assert "though the job has an owner of number" in how or "comes too late" in how, "noted by one, or noticed by the other"
    assert failure(seed, Unfenced) == how
