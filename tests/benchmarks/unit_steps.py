"""What the processor does for a unit, step by step: the library's with files, jobs and an archive, the loop's with requests, a rebuild's. Ratios count.

Run it as ``python tests/benchmarks/unit_steps.py [--short] [--units N] [--folder FOLDER]``. Each step is timed by the processor time of its
thread, without that of the steps within it; what is left of the process is the threads that write jobs and the index, and the service itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import requests.adapters

import workload.contenders
from backfill.engine import collect, steps
from backfill.fetching import RawArchive, archive, call, http
from backfill.rebuilding import replay
from backfill.stores import _draft
from backfill.toastmasters import asking, collecting
from backfill.toastmasters.kinds import ReportKind
from benchmarks import history
from workload.contenders import CONTENDERS, Task
from workload.origin import serving

STEPS: tuple[tuple[str, object, str], ...] = (
    ("parse the table", workload.contenders, "parse"),
    ("look whether it is JSON, and dump it", collect, "to_json_value"),
    ("hash and frame the record", steps, "encode_record"),
    ("write the record, synced", _draft.FileDraft, "put"),
    ("look the document up", archive.RawArchive, "get"),
    ("archive the document, synced", archive.RawArchive, "put"),
    ("the HTTP library", requests.adapters.HTTPAdapter, "send"),
    ("read the answer, with a deadline and a cancel", http.HttpTransport, "__call__"),
    ("the other steps of the door", call.BoundFetch, "__call__"),
    ("publish a day, synced", _draft.FileDraft, "commit"),
    ("collect, and note what came of it", steps.Steps, "carry_out"),
    ("the loop's file, dump, archive", workload.contenders, "keep"),
    ("read the reports", asking.Reader, "read"),
    ("compute the figures of clubs and groups", collecting, "district_data"),
    ("hash and frame the record made anew", replay, "encode_record"),
)
"""What is timed, and where it is called."""


class Times:
    """Adds up processor time by step. Any thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within = threading.local()
        self._adding = threading.Lock()

    def timed(self, what: str, work: Callable[..., object]) -> Callable[..., object]:
        """Return *work*, whose time is added to *what*."""

        def doing(*args: object, **options: object) -> object:
            outer, self._within.seconds = getattr(self._within, "seconds", 0.0), 0.0
            began = time.thread_time()
            try:
                return work(*args, **options)
            finally:
                taken = time.thread_time() - began
                with self._adding:
                    self.seconds[what] += taken - self._within.seconds
                self._within.seconds = outer + taken

        return doing


@contextmanager
def watched() -> Iterator[Mapping[str, float]]:
    """Time every step while the block runs."""
    times = Times()
    before = [(place, name, getattr(place, name)) for _what, place, name in STEPS]
    for (what, place, name), (_place, _name, work) in zip(STEPS, before, strict=True):
        setattr(place, name, times.timed(what, work))
    try:
        yield times.seconds
    finally:
        for place, name, work in before:
            setattr(place, name, work)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundred units")
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--folder", help="where files go; by default where temporary files do")
    options = parser.parse_args()
    units = 100 if options.short else options.units
    with serving(0.0) as url:
        for name in ("requests, archive", "library, all"):
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                work = CONTENDERS[name](Task(url, units, Path(folder)))
                measure(name, work, units)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        days, number = (2, 8) if options.short else (4, 64)
        history.fill(RawArchive(Path(folder) / "raw"), days, number)
        names = history.districts_of(history.contents()[ReportKind.SUMMARY], number)
        measure("rebuilding districts in full", lambda: history.rebuild(Path(folder), days, names), days * number)


def measure(name: str, work: Callable[[], object], units: int) -> None:
    """Do the work, and print what each step took."""
    with watched() as seconds:
        began = time.process_time()
        work()
        whole = time.process_time() - began
    tell(name, seconds, whole, units)


def tell(name: str, seconds: Mapping[str, float], whole: float, units: int) -> None:
    """Print what each step took."""
    lines = [f"\n{name + ', ' + str(units) + ' units':48} ms CPU a unit"]
    rows = [
        *sorted(seconds.items(), key=lambda row: -row[1]),
        ("all else", whole - sum(seconds.values())),
        ("the process", whole),
    ]
    lines += [f"{what:48} {taken / units * 1000:13.3f}" for what, taken in rows]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
