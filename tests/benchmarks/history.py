"""How fast stored days are made anew from the archive, and looked at. Ratios count, not times.

Run it as ``python tests/benchmarks/history.py [--short]``. It writes to a temporary folder: some 5 GB without ``--short``, which takes
minutes; choose a place with ``TMPDIR``.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from backfill import BackfillService, function_source
from backfill.fetching import ArchiveFetch, RawArchive
from backfill.model import Contribution, DistrictRecord, Document
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.stores._atomic import FileSystem
from backfill.testing.dashboard import ReportArchive
from backfill.toastmasters import DashboardService, open_service
from backfill.toastmasters.dashboard import DashboardDocument
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.years import month_of

FIRST = date(2022, 8, 1)
FETCHED = datetime(2026, 1, 1, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"
MONTH = date(2023, 1, 31)
MODEL = "91"  # the district of which the shipped archive has all three reports
PATIENCE = 24 * 3600.0


class Unsynced(FileSystem):
    """A file system that does not wait for the disk: what is measured here is not how fast that is."""

    def sync(self, descriptor: int) -> None:
        """Do not wait."""

    def sync_directory(self, path: Path) -> None:
        """Do not wait."""


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def contents() -> dict[ReportKind, str]:
    """Return the text of each report of a month, without its footer."""
    archive = ReportArchive.shipped()
    found: dict[ReportKind, str] = {}
    for kind in ReportKind:
        (key, *_) = archive.find(str(kind), "" if kind is ReportKind.SUMMARY else MODEL, month=MONTH)
        found[kind] = archive[key].content.decode().rpartition("Month of")[0]
    return found


def districts_of(summary: str, number: int) -> list[str]:
    """Return so many districts of a summary, the one with three reports among them."""
    rows = csv.reader(io.StringIO(summary))
    place = next(rows).index("DISTRICT")
    return [*sorted({row[place] for row in rows if row} - {MODEL})[: number - 1], MODEL]


def fill(archive: RawArchive, days: int, number: int) -> None:
    """Archive the documents of *days* days: a summary of all districts, and three reports of *number* of them."""
    texts = contents()
    names = districts_of(texts[ReportKind.SUMMARY], number)
    for index in range(days):
        day = FIRST + timedelta(days=index)
        footer = f"Month of {day:%b}, As of {day:%m/%d/%Y}"
        for kind, text in texts.items():
            for district in [None] if kind is ReportKind.SUMMARY else names:
                own = text if district is None else text.replace(f'"{MODEL}"', f'"{district}"')
                name = DashboardDocument(kind, district, month_of(day), day).name
                archive.put(Document(url="", name=name, content=f"{own}{footer}\r\n".encode(), fetched_at=FETCHED))
    archive.close()


def opened(root: Path, executor: ProcessPoolExecutor | None = None) -> DashboardService:
    """Return the service over a folder, with nobody to ask."""
    return open_service(root, base_url=NOWHERE, rate=None, resume=False, executor=executor)


def rebuild(root: Path, days: int, districts: list[str], executor: ProcessPoolExecutor | None = None) -> int:
    """Rebuild everything, and return how many districts were made."""
    with opened(root, executor) as service:
        last = FIRST + timedelta(days=days - 1)
        report = service.rebuild(FIRST, last, districts=districts).wait(PATIENCE)
        if report.progress.failed:
            message = f"{report.progress.failed} units failed: {report.error_summary}"
            raise RuntimeError(message)
        return report.progress.completed


def bare(root: Path, out: Path) -> int:
    """Do the least that making the same files takes: read the rows, dump the record once, write it once."""
    made = 0
    with opened(root) as service:
        archive, store = service.archive, service.store
        for day in store.days():
            snapshot = store.read(day)
            for name in snapshot.districts:
                record = json.loads((store.root / day.isoformat() / f"district_{name}.json").read_bytes())
                documents = [archive.get(ref.name) for ref in snapshot.district(name).provenance]
                texts = [document.text for document in documents if document is not None]
                with _Bare.timed():
                    for text in texts[1:]:
                        for _row in csv.reader(io.StringIO(text)):
                            pass
                    (out / f"{day}-{name}.json").write_bytes(
                        json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
                    )
                made += 1
    return made


class _Bare:
    """Adds up the time of what counts."""

    seconds = 0.0

    def __enter__(self) -> None:
        self.started = time.perf_counter()

    def __exit__(self, *_error: object) -> None:
        _Bare.seconds += time.perf_counter() - self.started

    @classmethod
    def timed(cls) -> _Bare:
        """Return a block whose time is added."""
        return cls()


def seconds(work: Callable[[], object]) -> float:
    """Return how long *work* takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def speed(days: int, number: int) -> tuple[float, float]:
    """Measure rebuilding and proving, in one process and in two.

    Returns:
        How fast one process is, as a part of the bare work's speed; how many times as fast two are.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        fill(RawArchive(root / "raw"), days, number)
        names = districts_of(contents()[ReportKind.SUMMARY], number)
        units = days * number
        one = seconds(lambda: rebuild(root, days, names))
        say(f"rebuild, {days} days x {number} districts in full, one process: {units / one:,.0f} districts a second")
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
            list(executor.map(abs, range(4)))
            shutil.rmtree(root / "snapshots")  # so that both have the same to do
            two = seconds(lambda: rebuild(root, days, names, executor))
            say(f"rebuild, two processes: {units / two:,.0f} districts a second, {one / two:.2f} times one")
            last = FIRST + timedelta(days=days - 1)
            with opened(root) as service:
                proof = seconds(lambda: service.verify(FIRST, last, districts=names).differences)
                say(f"verify, one process: {units / proof:,.0f} districts a second")
            with opened(root, executor) as service:
                proof = seconds(lambda: service.verify(FIRST, last, districts=names).differences)
                say(f"verify, two processes: {units / proof:,.0f} districts a second")
        (Path(folder) / "bare").mkdir()
        bare(root, Path(folder) / "bare")
        say(f"the bare minimum (csv.reader, one JSON dump, one write): {units / _Bare.seconds:,.0f} districts a second")
        say(f"rebuild on one process runs at {_Bare.seconds / one:.0%} of that, on two at {_Bare.seconds / two:.0%}")
        return _Bare.seconds / one, one / two


def memory(*numbers: int) -> None:
    """Measure the peak of memory of rebuilds of so many days, each in a process of its own."""
    for days in numbers:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            fill(RawArchive(root / "raw"), days, 2)
            done = subprocess.run(
                [sys.executable, __file__, "--rebuild", str(root), str(days)], capture_output=True, text=True, check=True
            )
            say(f"peak of memory of a rebuild of {days:,} days x 2 districts: {int(done.stdout) / 1024:,.0f} MB")


@function_source("made-up")
def made_up(day: date, district: str, fetch: object) -> object:
    """Return figures of a few hundred bytes."""
    return _figures(day, district)


def _figures(day: date, district: str) -> dict[str, object]:
    base = day.toordinal() * 7 % 10_000
    return {"totals": {f"figure{number}": base + number + len(district) for number in range(9)}}


def looking(days: int, number: int) -> None:
    """Measure coverage and history over many days of small records."""
    names = [f"{index:03}" for index in range(1, number + 1)]
    with tempfile.TemporaryDirectory() as folder:
        store = PerDistrictFileSnapshotStore(Path(folder) / "snapshots", files=Unsynced())
        for day in _days(days):
            with store.begin(day, job_id="benchmark") as draft:
                for name in names:
                    draft.put(DistrictRecord(name, day, day, "full", _figures(day, name), FETCHED))  # type: ignore[arg-type] # JSON values
                draft.commit(Contribution(day, "benchmark", "targeted", "targeted", "made-up", FETCHED, tuple(names)))
        last = FIRST - timedelta(days=1)
        start = last - timedelta(days=days - 1)
        with BackfillService(made_up, store, fetch=ArchiveFetch(RawArchive(Path(folder) / "raw"))) as service:
            service._history_file = Path(folder) / "history.sqlite3"
            cells = days * number
            for what in ("first look", "again"):
                say(f"coverage of {cells:,} cells, {what}: {seconds(lambda: service.coverage(start, last).counts):.2f} s")
            fields = [f"totals.figure{index}" for index in range(3)]
            for what in ("every file read", "again, from the cache"):
                say(f"history of {cells:,} rows, {what}: {seconds(lambda: service.history(fields=fields)):.2f} s")


def _days(number: int) -> Iterator[date]:
    return (FIRST - timedelta(days=index) for index in range(number, 0, -1))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of it and less, for CI")
    parser.add_argument("--rebuild", nargs=2, metavar=("ROOT", "DAYS"), help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=["speed", "memory", "looking"], help="one part alone")
    asked = parser.parse_args()
    if asked.rebuild:
        rebuild(Path(asked.rebuild[0]), int(asked.rebuild[1]), districts_of(contents()[ReportKind.SUMMARY], 2))
        say(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
        return
    if asked.only in {None, "speed"}:
        speed(*((2, 8) if asked.short else (10, 128)))
    if asked.only in {None, "memory"}:
        memory(*((3, 12) if asked.short else (30, 3000)))
    if asked.only in {None, "looking"}:
        looking(*((20, 10) if asked.short else (3653, 130)))


if __name__ == "__main__":
    main()
