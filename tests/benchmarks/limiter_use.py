"""How well the limit is kept, and how well it is used, in real time: ``python tests/benchmarks/limiter_use.py``.

Prints the worst sliding second as the senders see it, and which part of the limit they used; with ``--busy 6`` beside six processes
that take all the processor time they get. Then jobs, counted where their requests leave: one, two at the same time, and with
``--executor processes`` or ``--dask`` one whose figures are made there. With ``--short`` it only shows that it runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from limiter_jobs import dask, from_jobs
from limiter_jobs import processes as in_processes
from limiter_load import busy, from_processes, from_threads, use_of, worst_second
from workload.origin import serving


def report(name: str, senders: list[list[float]], rate: float) -> None:
    """Print one line."""
    moments = [moment for each in senders for moment in each]
    shares = sorted(len(each) for each in senders)
    print(  # noqa: T201 - what it is for
        f"{name:28} {rate:6g}/s  worst second {worst_second(moments):4d}  use {use_of(moments, rate):7.2%}  "
        f"fairness {shares[0]}..{shares[-1]} of {len(moments)}"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="half a second each")
    parser.add_argument("--seconds", type=float, default=10.0, help="for how long each is measured")
    parser.add_argument("--busy", type=int, default=0, help="so many processes that keep the machine busy meanwhile")
    parser.add_argument("--executor", choices=["processes"], help="also a job whose figures are made in two processes")
    parser.add_argument("--dask", action="store_true", help="also one whose figures are made on a Dask cluster of two processes")
    options = parser.parse_args()
    seconds, rates = (0.5, (50.0,)) if options.short else (options.seconds, (5.0, 50.0, 200.0))
    with busy(1 if options.short else options.busy):
        measure(seconds, rates)
        measure_jobs(seconds, processes=options.executor is not None or options.short, cluster=options.dask)


def measure(seconds: float, rates: tuple[float, ...]) -> None:
    """Measure threads and processes at each rate."""
    for rate in rates:
        report("8 threads", from_threads(rate, 8, seconds), rate)
        with tempfile.TemporaryDirectory() as directory:
            report("3 processes", from_processes(rate, 3, 1, seconds, Path(directory)), rate)
        with tempfile.TemporaryDirectory() as directory:
            report("3 processes of 4 threads", from_processes(rate, 3, 4, seconds, Path(directory)), rate)


def measure_jobs(seconds: float, *, processes: bool, cluster: bool) -> None:
    """Measure jobs at fifty requests a second."""
    executors = [("", nullcontext)] + [(", 2 processes", in_processes)] * processes + [(", Dask", dask)] * cluster
    with serving(0.02) as url:
        for where, executor_of in executors:
            for slots in ((8,), (8, 8), (2, 16)):
                with executor_of() as executor:
                    moments = from_jobs(url, 50.0, seconds, slots, executor)
                name = f"{len(slots)} job{'s' * (len(slots) > 1)} of {' and '.join(map(str, slots))}{where}"
                report(name, list(moments.values()), 50.0)


if __name__ == "__main__":
    main()
