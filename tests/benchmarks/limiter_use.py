"""How well the limit is kept, and how well it is used, in real time: ``python tests/benchmarks/limiter_use.py``.

Prints the worst sliding second as the senders see it, and which part of the limit they used; with ``--busy 6`` beside six processes
that take all the processor time they get. With ``--short`` it only shows that it runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from limiter_load import busy, from_processes, from_threads, use_of, worst_second


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
    options = parser.parse_args()
    with busy(1 if options.short else options.busy):
        measure(0.5 if options.short else options.seconds, (50.0,) if options.short else (5.0, 50.0, 200.0))


def measure(seconds: float, rates: tuple[float, ...]) -> None:
    """Measure threads and processes at each rate."""
    for rate in rates:
        report("8 threads", from_threads(rate, 8, seconds), rate)
        with tempfile.TemporaryDirectory() as directory:
            report("3 processes", from_processes(rate, 3, 1, seconds, Path(directory)), rate)
        with tempfile.TemporaryDirectory() as directory:
            report("3 processes of 4 threads", from_processes(rate, 3, 4, seconds, Path(directory)), rate)


if __name__ == "__main__":
    main()
