"""What is promised of single moments, beside what a unit costs: each measured, with the target that it is held against."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from attrs import frozen

from backfill import BackfillRequest, BackfillService, function_source
from backfill.jobstores import SqliteJobStore
from backfill.jsonvalues import JsonValue
from backfill.model import Contribution, DistrictRecord
from backfill.protocols import Fetch
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.toastmasters import open_service
from benchmarks.history import speed
from benchmarks.store_index import FIRST, write_manifests
from workload.unit import SLOTS

_DISTRICTS = tuple(f"{number:03d}" for number in range(130))
_RECORD: JsonValue = {"rows": ["x" * 100] * 290}
"""About 30 KB, as a district's figures."""


@frozen
class Moment:
    """One figure.

    Attributes:
        what: Of what.
        value: Measured.
        target: What it may be at most.
        unit: Of both.
        at_least: The target is the least that it may be.
    """

    what: str
    value: float
    target: float
    unit: str = "ms"
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether it is as good as its target."""
        return self.value >= self.target if self.at_least else self.value <= self.target


def milliseconds(work: Callable[[], object], times: int = 3) -> float:
    """Return how long *work* takes, the quickest of several times."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return min(taken)


def moments(*, short: bool, folder: str | None) -> Iterator[Moment]:
    """Measure one after the other: ten years of 130 districts, or a little of them."""
    days = 90 if short else 3650
    yield _importing()
    with tempfile.TemporaryDirectory(dir=folder) as own:
        yield from _job(Path(own), days)
        yield _publishing(Path(own), times=2 if short else 8)
        yield from _opening(Path(own), days)
        yield _growth(Path(own), *((100, 1000) if short else (3000, 100_000)))
    share, gain = speed(*((2, 8) if short else (10, 128)))
    yield Moment("rebuild in one process, of the bare work's speed", 100 * share, 70, "%", at_least=True)
    yield Moment("rebuild in two processes, times one", gain, 1.8, "times", at_least=True)


def _importing() -> Moment:
    def start(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    taken = milliseconds(start("import backfill"), 7) - milliseconds(start("pass"), 7)
    return Moment("import backfill", taken, 40)


def _job(folder: Path, days: int) -> Iterator[Moment]:
    """Plan a large job, start it, and ask for its report while its first units are in work."""
    request = BackfillRequest(FIRST, FIRST + timedelta(days=days - 1), target_districts=_DISTRICTS, concurrency=SLOTS)
    units = f"{days * len(_DISTRICTS):,} units"
    firsts: list[float] = []
    for number in range(3):
        with _at_work(folder / f"job-{number}") as (service, reached):
            if not number:
                yield Moment(f"plan {units}", milliseconds(lambda: service.plan(request), 7), 50)
            started = time.perf_counter()
            job = service.initiate_backfill(request)
            reached.wait(60)
            firsts.append((time.perf_counter() - started) * 1000)
            if number:
                continue
            reports = [milliseconds(job.report, 1) for _ in range(50)]
    yield Moment(f"from the start of {units} to the first request", min(firsts), 150)
    yield Moment("report() while they are in work, median", statistics.median(reports), 1)


@contextmanager
def _at_work(folder: Path) -> Iterator[tuple[BackfillService, threading.Event]]:
    """Yield a service whose units stay in work while the block runs, and what is set when the first of them asks for its document."""
    reached, over = threading.Event(), threading.Event()

    @function_source("bench")
    def source(_day: date, _district: str, _fetch: Fetch) -> object:
        reached.set()
        over.wait()
        return 1

    jobs = SqliteJobStore(folder / "jobs.sqlite3")
    with BackfillService(source, PerDistrictFileSnapshotStore(folder / "days"), jobs=jobs) as service:
        try:
            yield service, reached
        finally:
            over.set()
    jobs.close()


def _publishing(folder: Path, times: int) -> Moment:
    """Stage and publish days as the engine does, everything brought to the disk."""
    store = PerDistrictFileSnapshotStore(folder / "published")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    taken = []
    with ThreadPoolExecutor(SLOTS) as pool:
        for number in range(times):
            day = FIRST + timedelta(days=number)
            started = time.perf_counter()
            with store.begin(day, job_id="bench") as draft:
                records = [DistrictRecord(name, day, day, "full", _RECORD, at) for name in _DISTRICTS]
                list(pool.map(draft.put, records))
                draft.commit(Contribution(day, "bench", "targeted", "system-wide", "bench", at, _DISTRICTS))
            taken.append((time.perf_counter() - started) * 1000 / (len(_DISTRICTS) + 2))
    return Moment(f"publish a day, a file, {SLOTS} threads, median", statistics.median(taken), 0.3)


def _growth(folder: Path, few: int, many: int) -> Moment:
    """Compare the peaks of memory of a job of few units and one of many, each in a process of its own."""

    def peak(units: int) -> float:
        command = [sys.executable, "-m", "workload.growing", str(units), str(folder / f"units-{units}")]
        where = Path(__file__).resolve().parents[1]
        return float(subprocess.run(command, stdout=subprocess.PIPE, cwd=where, check=True).stdout)

    return Moment(f"memory of {many:,} small units, over that of {few:,}", peak(many) - peak(few), 5, "MB")


def _opening(folder: Path, days: int) -> Iterator[Moment]:
    """Open a root with many days, and look over all of them."""
    root = folder / "root"
    (root / "snapshots").mkdir(parents=True)
    write_manifests(root / "snapshots", days)

    def look() -> None:
        with open_service(root, resume=False) as service:
            if not service.coverage(FIRST, FIRST + timedelta(days=days - 1)).cells:
                message = "the coverage is empty"
                raise RuntimeError(message)

    look()  # once, so that the index beside the days is there
    yield Moment(f"open {days:,} days, and their coverage", milliseconds(look, 7), 100)
