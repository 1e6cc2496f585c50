"""A task for cron, systemd or any scheduler: each night it collects what is missing of the last days, and says by its exit code how it went.

It may run twice, be killed, or miss a week: what is stored is skipped, an interrupted job is gone on with, and days that were missed are made up
for. In a crontab:

    15 3 * * *  /srv/rain/.venv/bin/python /srv/rain/scheduled_task.py /srv/rain

Run without a folder it plays three nights in a temporary one, the publisher being down in the second:

    python examples/scheduled_task.py

It prints:

    night of 2024-03-08: 7 stored, 0 there already, 0 failed; exit code 0
    night of 2024-03-09: 0 stored, 6 there already, 1 failed; exit code 1
    night of 2024-03-10: 2 stored, 5 there already, 0 failed; exit code 0
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from backfill import BackfillRequest, BackfillService, Fetch, TransientSourceError, function_source
from backfill.jobstores import SqliteJobStore
from backfill.stores import PerDistrictFileSnapshotStore

LOOK_BACK = 7
DOWN: set[date] = set()


@function_source("rain")
def rain(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
    """Return the rain of one day."""
    if day in DOWN:
        raise TransientSourceError("the publisher is down", kind="down", max_attempts=1)
    return {"rain_mm": day.day}


def nightly(root: Path, today: date) -> int:
    """Collect what is missing of the last days; return the exit code: 0 = all is there, 1 = something failed."""
    root.mkdir(parents=True, exist_ok=True)
    store, jobs = PerDistrictFileSnapshotStore(root / "snapshots"), SqliteJobStore(root / "jobs.sqlite3")
    with jobs, BackfillService(rain, store, jobs=jobs) as service:
        for job in service.resume_jobs():  # of a night that was cut short
            job.wait()
        request = BackfillRequest(today - timedelta(days=LOOK_BACK), today - timedelta(days=1), ["north"])
        report = service.run_backfill(request, progress=False)
        service.cleanup_old_jobs()
    done, code = report.progress, 1 if report.progress.failed else 0
    print(f"night of {today}: {done.completed} stored, {done.skipped} there already, {done.failed} failed; exit code {code}")
    return code


def main() -> int:
    """Run one night over the folder that was named, or play three."""
    if len(sys.argv) > 1:
        return nightly(Path(sys.argv[1]), datetime.now(UTC).date())
    with tempfile.TemporaryDirectory() as folder:
        nightly(Path(folder), date(2024, 3, 8))
        DOWN.add(date(2024, 3, 8))
        nightly(Path(folder), date(2024, 3, 9))
        DOWN.clear()
        return nightly(Path(folder), date(2024, 3, 10))


if __name__ == "__main__":
    sys.exit(main())
