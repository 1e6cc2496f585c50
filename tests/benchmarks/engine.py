"""What the library costs over the bare work: the same units done by hand and by the library, in one run. Ratios count, not times.

Run it as ``python tests/benchmarks/engine.py [--short] [--units N] [--repeat N] [--delay MS ...] [--chart]``. Each contender works in a
process of its own, against a server in another, in turn; of several rounds the cheapest counts. With aiohttp installed it takes part.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backfill import BackfillRequest, BackfillService, function_source
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from workload.contenders import CONTENDERS
from workload.origin import serving
from workload.unit import SLOTS

Taken = dict[str, float]

AGAINST = "requests"
LIBRARY = "library, all"
COUNTERPART = {LIBRARY: "requests, archive"}
"""Whose disk work is like that of a contender; for all others it is `AGAINST`'s."""


def run(name: str, url: str, units: int, folder: str | None) -> Taken:
    """Let a contender do its units, and return what they took."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        command = [sys.executable, "-m", "workload.contenders", name, url, str(units), own]
        where = Path(__file__).resolve().parents[1]
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd=where, check=True)
    taken: Taken = json.loads(done.stdout)
    return taken


def compare(names: Iterable[str], delay: float, units: int, rounds: int, folder: str | None) -> dict[str, Taken]:
    """Return the least that each contender took."""
    best: dict[str, Taken] = {}
    with serving(delay) as url:
        for _ in range(rounds):
            for name in names:  # in turn, so that what else the machine does meets all alike
                taken = run(name, url, units, folder)
                known = best.setdefault(name, taken)
                best[name] = {what: min(known[what], value) for what, value in taken.items()}
    return best


def lines_of(best: dict[str, Taken], delay: float, units: int, *, chart: bool) -> Iterable[str]:
    """Return the table of one delay."""
    floor = delay * units / SLOTS
    yield f"\n{units} units, answered after {delay * 1000:g} ms, {SLOTS} at once   CPU     wall   memory   CPU ratio   wall ratio"
    for name, taken in best.items():
        other = best[COUNTERPART.get(name, AGAINST)]
        yield (
            f"{name:40} {taken['cpu'] / units * 1000:8.2f} {taken['wall'] / units * 1000:8.2f} {taken['memory']:8.0f} "
            f"{taken['cpu'] / other['cpu']:11.2f} {taken['wall'] / other['wall']:12.2f}"
        )
    if floor:
        yield f"{'the wire alone':40} {'':8} {floor / units * 1000:8.2f}"
    if chart:
        most = max(taken["cpu"] for taken in best.values())
        yield from (f"{name:22} {'█' * round(50 * taken['cpu'] / most)}" for name, taken in best.items())


def milliseconds(work: Callable[[], object], times: int = 3) -> float:
    """Return how long *work* takes, the quickest of several times."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return min(taken)


def moments(*, short: bool) -> Iterable[str]:
    """Return what it takes to begin: importing, planning."""

    @function_source("bench")
    def source(_day: object, _district: str, _fetch: Fetch) -> object:
        return 1

    def start(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    districts = [f"{number:03d}" for number in range(130)]
    request = BackfillRequest("2014-07-01", "2014-09-30" if short else "2024-06-27", target_districts=districts)
    with BackfillService(source, MemorySnapshotStore()) as service:
        plan = service.plan(request)
        planning = milliseconds(lambda: service.plan(request))
    empty = milliseconds(start("pass"), 5)
    yield f"\n{'import backfill':40} {milliseconds(start('import backfill'), 5) - empty:8.1f} ms"
    yield f"{f'plan {len(plan.days) * len(districts):,} units':40} {planning:8.1f} ms"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundred units, once")
    parser.add_argument("--units", type=int, default=3000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--delay", type=float, nargs="*", default=[0.0, 20.0], help="milliseconds until the server answers")
    parser.add_argument("--folder", help="where files go; by default where temporary files do")
    parser.add_argument("--chart", action="store_true", help="also draw the CPU")
    options = parser.parse_args()
    units, rounds, delays = (100, 1, [0.0]) if options.short else (options.units, options.repeat, options.delay)
    names = [name for name in CONTENDERS if name != "aiohttp" or find_spec("aiohttp")]
    sys.stdout.write(
        f"{os.cpu_count()} cores; milliseconds a unit, megabytes; ratios to '{AGAINST}', of '{LIBRARY}' to its own\n"
    )
    for delay in delays:
        best = compare(names, delay / 1000, units, rounds, options.folder)
        sys.stdout.write("\n".join(lines_of(best, delay / 1000, units, chart=options.chart)) + "\n")
    sys.stdout.write("\n".join(moments(short=options.short)) + "\n")


if __name__ == "__main__":
    main()
