"""Figures made here, in two processes and on a Dask cluster of two: units a second, and what they cost the process that coordinates.

Run it as ``python tests/benchmarks/executors.py [--short] [--units N] [--dask]``. The same units are collected from a server on loopback, then rebuilt
from the archive, and are compared byte for byte. Prints also what a unit takes on the disk.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import Executor
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import timedelta
from pathlib import Path

if __package__ in {None, ""}:  # run as a script: its neighbours are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backfill import BackfillRequest, BackfillService, Job
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.fetching.blobs import packed
from backfill.jobstores import SqliteJobStore
from backfill.stores import PerDistrictFileSnapshotStore
from limiter_jobs import OneTable, dask, processes
from workload.origin import serving, table
from workload.unit import DISTRICTS, FIRST, SLOTS


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundred units, in two processes")
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--dask", action="store_true", help="on a cluster as well, which needs the extra 'dask'")
    options = parser.parse_args()
    units = 100 if options.short else options.units
    executors: dict[str, AbstractContextManager[Executor | None]] = {"here": nullcontext(), "2 processes": processes()}
    if options.dask:
        executors["Dask, 2 processes"] = dask()
    sys.stdout.write(f"{units} units              units/s   CPU here, ms a unit\n")
    with serving(0.0) as url, tempfile.TemporaryDirectory() as folder:
        made = {}
        for name, opening in executors.items():
            root = Path(folder) / name
            with opening as executor:
                made[name] = measure(name, root, url, units, executor)
        assert len(set(map(frozenset, (files.items() for files in made.values())))) == 1, "figures differ"
        largest = max(map(len, made["here"].values()))
    sys.stdout.write(
        f"a unit on the disk: {largest:,} bytes of figures, {len(packed(table())):,} of its document, {len(table()):,} unpacked\n"
    )


def measure(name: str, root: Path, url: str, units: int, executor: Executor | None) -> dict[str, bytes]:
    """Collect, then rebuild; return the figures that are stored."""
    days = max(1, units // len(DISTRICTS))
    last = FIRST + timedelta(days=days - 1)
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, closing(RawArchive(root / "raw")) as archive:
        fetch = PoliteFetcher(rate=None, concurrency=SLOTS, archive=archive)
        store = PerDistrictFileSnapshotStore(root / "snapshots")
        source = OneTable(url, {FIRST: "units"})
        with closing(fetch), BackfillService(source, store, jobs=jobs, fetch=fetch, executor=executor) as service:
            request = BackfillRequest(FIRST, last, DISTRICTS, concurrency=SLOTS)
            tell(f"{name}, collected", service, lambda: service.initiate_backfill(request), days)
            tell(f"{name}, rebuilt", service, lambda: service.rebuild(FIRST, last), days)
        return {
            f"{on} {district}": str(store.read(on).district(district).data).encode()
            for on in store.days()
            for district in DISTRICTS
        }


def tell(what: str, service: BackfillService, begin: object, days: int) -> None:
    """Print one line."""
    assert callable(begin)
    began, before = time.perf_counter(), time.process_time()
    job = begin()
    assert isinstance(job, Job)
    report = job.wait(3600)
    wall, cpu = time.perf_counter() - began, time.process_time() - before
    units = days * len(DISTRICTS)
    assert report.progress.completed == units, report
    sys.stdout.write(f"{what:28} {units / wall:8.0f} {cpu / units * 1000:14.2f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
