"""Who does the units: loops written by hand, and the library with ever more of what it is for.

Run it as ``python -m workload.contenders NAME URL UNITS FOLDER``; it prints what it took, as JSON, without the time to start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from attrs import frozen

from workload.memory import peak
from workload.origin import table
from workload.unit import DISTRICTS, SLOTS, days_of, dump, pack, parse, sync_folder, write


@frozen
class Task:
    """What is to be done.

    Attributes:
        url: Of the server.
        units: How many.
        folder: Where files go.
    """

    url: str
    units: int
    folder: Path

    @property
    def pairs(self) -> list[tuple[date, str]]:
        """Day and district of each unit."""
        return [(day, district) for day in days_of(self.units) for district in DISTRICTS]

    def address(self, day: date, district: str) -> str:
        """Return where a unit's document is."""
        return f"{self.url}/reports/{day}/{district}.csv"


def keep(task: Task, day: date, district: str, content: bytes, *, archive: bool) -> None:
    """Do what follows a document's arrival: archive it if asked to, parse, dump, write; all of it brought to the disk.

    With the library's promises: an archived document is there for good before anything is made of it, a day when it is whole.
    """
    if archive:
        name = hashlib.sha256(content).hexdigest()
        write(task.folder / "raw" / f"{name}.gz", pack(content), synced=True)
        sync_folder(task.folder / "raw")
    write(task.folder / str(day) / f"{district}.json", dump(parse(content.decode())), synced=True)


def _folders(task: Task) -> None:
    (task.folder / "raw").mkdir()
    for day in days_of(task.units):
        (task.folder / str(day)).mkdir()


def _describe(task: Task) -> None:
    for day in days_of(task.units):
        write(task.folder / str(day) / "metadata.json", dump({"day": str(day), "districts": DISTRICTS}), synced=True)
        sync_folder(task.folder / str(day))
    sync_folder(task.folder)


def bare(task: Task, *, archive: bool = False) -> Callable[[], object]:
    """Return the work that nobody can leave out, without a network: (c)."""
    contents = [table(task.address(*pair)) for pair in task.pairs]

    def work() -> None:
        _folders(task)
        for (day, district), content in zip(task.pairs, contents, strict=True):
            keep(task, day, district, content, archive=archive)
        _describe(task)

    return work


def by_requests(task: Task, *, archive: bool = False) -> Callable[[], object]:
    """Return a loop with requests, a session for each thread, and nothing else: (a)."""
    import requests  # noqa: PLC0415 - as all below: each process loads what its contender needs

    local = threading.local()

    def unit(pair: tuple[date, str]) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer = local.session.get(task.address(*pair), timeout=30)
        answer.raise_for_status()
        keep(task, *pair, answer.content, archive=archive)

    def work() -> None:
        _folders(task)
        with ThreadPoolExecutor(SLOTS) as pool:
            list(pool.map(unit, task.pairs))
        _describe(task)

    return work


def by_aiohttp(task: Task, *, archive: bool = False) -> Callable[[], object]:
    """Return an asyncio loop with aiohttp, and nothing else: (b)."""
    import aiohttp  # noqa: PLC0415 - only where it is installed

    async def everything() -> None:
        slots = asyncio.Semaphore(SLOTS)
        async with aiohttp.ClientSession() as session:

            async def unit(day: date, district: str) -> None:
                async with slots:
                    async with session.get(task.address(day, district)) as answer:
                        answer.raise_for_status()
                        content = await answer.read()
                    await asyncio.to_thread(keep, task, day, district, content, archive=archive)

            await asyncio.gather(*(unit(*pair) for pair in task.pairs))

    def work() -> None:
        _folders(task)
        asyncio.run(everything())
        _describe(task)

    return work


def library(task: Task, *, files: bool, jobs: bool, archive: bool) -> Callable[[], object]:
    """Return a job of the library.

    Args:
        task: What is to be done.
        files: Days in files, rather than in memory.
        jobs: Jobs in a file, rather than in memory.
        archive: Raw documents in an archive.
    """
    from backfill import BackfillRequest, BackfillService, function_source  # noqa: PLC0415 - only who measures the library loads it
    from backfill.fetching import PoliteFetcher, RawArchive  # noqa: PLC0415 - only who measures the library loads it
    from backfill.jobstores import MemoryJobStore, SqliteJobStore  # noqa: PLC0415 - only who measures the library loads it
    from backfill.protocols import Fetch, JobStore, SnapshotStore  # noqa: PLC0415 - only who measures the library loads it
    from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore  # noqa: PLC0415 - only who measures the library loads it

    @function_source("bench")
    def source(day: date, district: str, fetch: Fetch) -> object:
        return parse(fetch(task.address(day, district)).text)

    store: SnapshotStore = PerDistrictFileSnapshotStore(task.folder / "days") if files else MemorySnapshotStore()
    kept: JobStore = SqliteJobStore(task.folder / "jobs.sqlite3") if jobs else MemoryJobStore()
    raw = RawArchive(task.folder / "archive") if archive else None
    door = PoliteFetcher(rate=None, concurrency=SLOTS, archive=raw)
    days = days_of(task.units)

    def work() -> None:
        with BackfillService(source, store, jobs=kept, fetch=door) as service:
            report = service.run_backfill(
                BackfillRequest(days[0], days[-1], target_districts=DISTRICTS, concurrency=SLOTS, detail="full")
            )
            if report.status != "complete":
                message = f"the job is {report.status}"
                raise RuntimeError(message)

    return work


CONTENDERS: dict[str, Callable[[Task], Callable[[], object]]] = {
    "bare": bare,
    "bare, archive": lambda task: bare(task, archive=True),
    "requests": by_requests,
    "requests, archive": lambda task: by_requests(task, archive=True),
    "aiohttp": by_aiohttp,
    "library, memory": lambda task: library(task, files=False, jobs=False, archive=False),
    "library, files": lambda task: library(task, files=True, jobs=False, archive=False),
    "library, files, jobs": lambda task: library(task, files=True, jobs=True, archive=False),
    "library, all": lambda task: library(task, files=True, jobs=True, archive=True),
}


def main(name: str, url: str, units: str, folder: str) -> None:
    """Do the units, and print what they took."""
    work = CONTENDERS[name](Task(url, int(units), Path(folder)))
    cpu, started = time.process_time(), time.perf_counter()
    work()
    taken = {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "memory": peak(),
    }
    sys.stdout.write(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
