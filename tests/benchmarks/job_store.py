"""What it costs to keep jobs in a file instead of in memory. Ratios count, not times.

Run it as ``python tests/benchmarks/job_store.py [--short] [--folder FOLDER]``; the folder's disk is what is measured.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.model import Change, JobSpec, UnitsSettled, UnitState
from plain_samples import NOW, make_spec

FIRST = date(2014, 7, 1)
DISTRICTS = tuple(f"{number:02d}" for number in range(1, 131))
THREADS = 8

Store = MemoryJobStore | SqliteJobStore


def days(count: int) -> list[date]:
    """Return consecutive days."""
    return [FIRST + timedelta(days=number) for number in range(count)]


def spec(name: str, count: int) -> JobSpec:
    """Return a job of *count* days of 130 districts, newest first."""
    return make_spec(name, [(day, DISTRICTS) for day in reversed(days(count))])


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Return how long *work* takes, the middle of several times."""
    taken: list[float] = []
    gc.collect()
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def measure(store: Store, count: int, changes: int) -> dict[str, float]:
    """Return milliseconds for each thing that a store does."""
    names = iter(f"job-{number}" for number in range(10**6))
    units = iter([(day, district) for day in days(count) for district in DISTRICTS])
    whole = iter(reversed(days(count)))
    lease_of = store.acquire

    def settle_unit() -> object:
        day, district = next(units)
        return store.apply("big", [UnitsSettled(day, {district: UnitState.COMPLETED})], at=NOW)

    def settle_day() -> object:
        return store.apply("big", [UnitsSettled(next(whole), dict.fromkeys(DISTRICTS, UnitState.COMPLETED))], at=NOW)

    def settle_days() -> object:
        batch: list[Change] = [UnitsSettled(next(whole), dict.fromkeys(DISTRICTS, UnitState.SKIPPED)) for _ in range(20)]
        return store.apply("big", batch, at=NOW)

    found = {f"create, {count} days": milliseconds(lambda: store.create(spec(next(names), count)), 3)}
    store.create(spec("big", count))
    found |= {
        "apply, one unit": milliseconds(settle_unit, changes),
        "apply, a day": milliseconds(settle_day, changes // 2),
        "apply, 20 days": milliseconds(settle_days, 3),
        "load, first": milliseconds(lambda: store.load("job-0"), 1),
        "load, again": milliseconds(lambda: store.load("big"), 9),
        "list, 4 jobs": milliseconds(store.list, 9),
        "coverage": milliseconds(lambda: store.outcomes(FIRST, date.max), 9),
        "events, 1000": milliseconds(lambda: store.events(limit=1000), 9),
    }
    lease = lease_of("job-0", "me", ttl=20)
    if lease is not None:
        held = lease
        found["renew"] = milliseconds(lambda: store.renew(held), changes)
    return found


def together(store: Store, changes: int) -> float:
    """Return changes a second by several threads at once, each on a job of its own."""
    for number in range(THREADS):
        store.create(spec(f"thread-{number}", 4))

    def work(number: int) -> None:
        for day in days(4):
            for district in DISTRICTS[: changes // 4]:
                store.apply(f"thread-{number}", [UnitsSettled(day, {district: UnitState.COMPLETED})], at=NOW)

    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    return THREADS * 4 * (changes // 4) / (time.perf_counter() - started)


def main() -> None:
    """Measure, and say the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundred days instead of ten years")
    parser.add_argument("--folder", help="where the file goes; by default where temporary files do")
    options = parser.parse_args()
    count, changes = (100, 20) if options.short else (3650, 200)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        path = Path(name) / "jobs.sqlite3"
        memory, sqlite = MemoryJobStore(), SqliteJobStore(path)
        in_memory, in_file = measure(memory, count, changes), measure(sqlite, count, changes)
        lines = [f"{count} days of {len(DISTRICTS)} districts, milliseconds     memory       file      ratio"]
        lines += [
            f"{what:36} {in_memory[what]:13.3f} {in_file[what]:10.3f} {in_file[what] / in_memory[what]:10.1f}"
            for what in in_memory
        ]
        rate, in_file_rate = together(memory, changes), together(sqlite, changes)
        lines.append(
            f"changes a second, {THREADS} threads          {rate:13.0f} {in_file_rate:10.0f} {rate / in_file_rate:10.1f}"
        )
        with SqliteJobStore(path.with_name("one.sqlite3")) as one:
            one.create(spec("big", count))
        lines.append(f"one planned job on the disk          {path.with_name('one.sqlite3').stat().st_size / 2**20:13.2f} MiB")
        sqlite.close()
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
