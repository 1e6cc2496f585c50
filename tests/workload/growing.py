"""A job of many small units with days and jobs in files, in a process of its own: how much memory it takes at most.

Run it as ``python -m workload.growing UNITS FOLDER``; it prints megabytes. Nothing is fetched, so that what grows is what grows with the job.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from backfill import BackfillRequest, BackfillService, function_source
from backfill.jobstores import SqliteJobStore
from backfill.protocols import Fetch
from backfill.stores import PerDistrictFileSnapshotStore
from workload.memory import peak
from workload.unit import DISTRICTS, SLOTS, days_of


@function_source("small")
def small(day: date, district: str, _fetch: Fetch) -> object:
    """Return a few figures."""
    return {"count": day.toordinal() + len(district), "sums": [1, 2, 3]}


def main(units: str, folder: str) -> None:
    """Run the job, and print the peak."""
    days = days_of(int(units))
    Path(folder).mkdir()
    jobs = SqliteJobStore(Path(folder) / "jobs.sqlite3")
    with BackfillService(small, PerDistrictFileSnapshotStore(Path(folder) / "days"), jobs=jobs) as service:
        report = service.run_backfill(
            BackfillRequest(days[0], days[-1], target_districts=DISTRICTS, concurrency=SLOTS), progress=False
        )
    jobs.close()
    if report.status != "complete":
        message = f"the job is {report.status}"
        raise RuntimeError(message)
    sys.stdout.write(str(peak()))


if __name__ == "__main__":
    main(*sys.argv[1:])
