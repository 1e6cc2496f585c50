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
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workload.contenders import CONTENDERS
from workload.origin import serving
from workload.targets import Moment, moments
from workload.unit import SLOTS

Taken = dict[str, float]

AGAINST = "requests"
LIBRARY = "library, all"
COUNTERPART = {LIBRARY: "requests, archive"}
"""Whose disk work is like that of a contender; for all others it is `AGAINST`'s."""


def run(name: str, url: str, units: int, folder: str) -> Taken:
    """Let a contender do its units in a new folder in *folder*, and return what they took."""
    own = tempfile.mkdtemp(dir=folder)
    command = [sys.executable, "-m", "workload.contenders", name, url, str(units), own]
    where = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=where, check=True)
    taken: Taken = json.loads(done.stdout)
    return taken


def compare(names: Iterable[str], delay: float, units: int, rounds: int, folder: str | None) -> dict[str, Taken]:
    """Return the least that each contender took.

    What they write is removed at the end: some file systems are slow to make files while others have just been removed.
    """
    best: dict[str, Taken] = {}
    with serving(delay) as url, tempfile.TemporaryDirectory(dir=folder) as own:
        for _ in range(rounds):
            for name in names:  # in turn, so that what else the machine does meets all alike
                taken = run(name, url, units, own)
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


def of_units(quick: Mapping[str, Taken], units: int) -> Iterator[Moment]:
    """Return what is promised of a unit that is answered at once, as far as it follows from what each contender took."""
    library, loop, bare = quick[LIBRARY], quick[COUNTERPART[LIBRARY]], quick[f"bare{COUNTERPART[LIBRARY].removeprefix(AGAINST)}"]
    yield Moment("CPU of a unit over the loop's, archive included", (library["cpu"] - loop["cpu"]) / units * 1000, 0.15)
    yield Moment("CPU of a unit over the bare work's, which has no network", (library["cpu"] - bare["cpu"]) / units * 1000, 0.15)
    yield Moment("CPU with an archive, of the loop's with one", library["cpu"] / loop["cpu"], 1.15, "times")
    yield Moment(
        "CPU without an archive, of the loop's", quick["library, files, jobs"]["cpu"] / quick[AGAINST]["cpu"], 1.15, "times"
    )
    yield Moment(f"peak of memory, {units:,} units", library["memory"], 45, "MB")


def of_waiting(best: Mapping[str, Taken], delay: float, units: int) -> Moment:
    """Return what is promised of units whose answers are waited for."""
    return Moment(
        f"wall, answered after {delay * 1000:g} ms, of the wire's alone",
        best[LIBRARY]["wall"] / (delay * units / SLOTS),
        1.05,
        "times",
    )


def lines_of_moments(found: Iterable[Moment]) -> Iterable[str]:
    """Return the table of what is promised, each beside its target."""
    yield f"\n{'':60} {'taken':>8} {'target':>12}"
    for moment in found:
        bound = f"{'>=' if moment.at_least else '<='} {moment.target:g}"
        yield f"{moment.what:60} {moment.value:8.2f} {bound:>12} {moment.unit:6}{'' if moment.is_met else 'missed'}"


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
    found: list[Moment] = []
    for delay in delays:
        best = compare(names, delay / 1000, units, rounds, options.folder)
        found += [of_waiting(best, delay / 1000, units)] if delay else of_units(best, units)
        sys.stdout.write("\n".join(lines_of(best, delay / 1000, units, chart=options.chart)) + "\n")
    sys.stdout.write("\n".join(lines_of_moments([*found, *moments(short=options.short, folder=options.folder)])) + "\n")


if __name__ == "__main__":
    main()
