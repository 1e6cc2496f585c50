"""What it costs to lose nothing: the CPU of a unit with jobs and days in files, against the same in memory. Ratios count, not times.

Run it as ``python tests/benchmarks/durability.py [--short] [--units N] [--repeat N] [--folder FOLDER]``; the folder's disk is what is waited
for. Each contender works in a process of its own, in turn, and of several rounds the cheapest counts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engine import compare

STEPS = {
    "days and jobs in memory": "library, memory",
    "days in files": "library, files",
    "days and jobs in files": "library, files, jobs",
    "and raw documents in an archive": "library, all",
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundred units, once")
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", help="where files go; by default where temporary files do")
    options = parser.parse_args()
    units, rounds = (100, 1) if options.short else (options.units, options.repeat)
    best = compare(STEPS.values(), 0.0, units, rounds, options.folder)
    least, before = best["library, memory"], best["library, memory"]
    lines = [f"{units} units; milliseconds a unit       CPU     wall   CPU over memory   CPU over the line above"]
    for what, name in STEPS.items():
        taken = best[name]
        lines.append(
            f"{what:34} {taken['cpu'] / units * 1000:6.2f} {taken['wall'] / units * 1000:8.2f} {taken['cpu'] / least['cpu']:17.2f} "
            f"{(taken['cpu'] - before['cpu']) / units * 1000:+25.2f}"
        )
        before = taken
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
