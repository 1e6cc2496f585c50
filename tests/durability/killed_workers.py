"""What the processes that are killed in the midst of a job run."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

from backfill import BackfillRequest, BackfillService, function_source
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.jobstores import SqliteJobStore
from backfill.protocols import DataSource, Fetch
from backfill.stores import PerDistrictFileSnapshotStore

PRELOADED = [
    "backfill.fetching",
    "backfill.fetching.fetcher",
    "backfill.fetching.http",
    "backfill.jobstores.sqlite",
    "backfill.service",
    "backfill.stores.per_district_file",
    "requests",
]
"""What the fork server loads once for all its children."""

FIRST, LAST = date(2020, 1, 1), date(2020, 2, 9)
DISTRICTS = ("A", "B", "C", "D")
CONCURRENCY = 3
UNITS = ((LAST - FIRST).days + 1) * len(DISTRICTS)


def source_of(address: str) -> DataSource:
    """Return a source with one document for each day and district, on the server at *address*."""

    @function_source("killed")
    def killed(day: date, district: str, fetch: Fetch) -> object:
        return {"of": [day.isoformat(), district], "said": fetch(f"{address}/{district}/{day}").content.decode()}

    return killed


def opened(root: Path, address: str) -> tuple[BackfillService, PoliteFetcher, SqliteJobStore]:
    """Return a service over *root*, and what is to be closed after it."""
    fetch = PoliteFetcher(rate=None, archive=RawArchive(root / "raw"))
    jobs = SqliteJobStore(root / "jobs.sqlite3")
    return (
        BackfillService(source_of(address), PerDistrictFileSnapshotStore(root / "snapshots"), jobs=jobs, fetch=fetch),
        fetch,
        jobs,
    )


def go_on(root: Path, address: str) -> None:
    """Go on with the job of *root*, or begin it, and wait for its end."""
    service, fetch, jobs = opened(root, address)
    with jobs, closing(fetch), service:
        resumed = service.resume_jobs()
        if not resumed and not service.list_backfills():
            request = BackfillRequest(FIRST, LAST, DISTRICTS, concurrency=CONCURRENCY, order="oldest-first")
            resumed = [service.initiate_backfill(request, idempotency_key="the one job")]
        for job in resumed:
            job.wait()
