"""An archive of month-ends of the Toastmasters dashboard: collected, proved, and kept small.

A server on this machine plays the dashboard over the figures that come with the package. The publisher shows a month's last figures only once it has
closed the month, some days into the next: the plan knows when that was.

    python examples/month_end_archive.py

It prints:

    2022-10-31 is given out on 2022-11-15
    2022-11-30 is given out on 2022-12-09
    2022-12-31 is given out on 2023-01-10
    2023-01-31 is given out on 2023-02-08
    complete: 512 stored, 4 month-ends
    proved: True
    kept when the rest is pruned: 4 days, 0 removed
    district 91 had 3,617 payments at the end of October, and 4,485 at the end of January
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from backfill import BackfillRequest
from backfill.testing.dashboard import DashboardServer, ReportArchive
from backfill.toastmasters import open_service

START, END = "2022-10-31", "2023-01-31"


def main() -> None:
    """Plan, collect, prove, prune, look."""
    with (
        tempfile.TemporaryDirectory() as folder,
        DashboardServer(ReportArchive.shipped()) as server,
        open_service(Path(folder), base_url=server.url, rate=None) as service,
    ):
        plan = service.plan(BackfillRequest(START, END, frequency="month-end", order="oldest-first"))
        for planned in plan.days:
            print(f"{planned.day} is given out on {planned.as_of}")
        report = service.run_backfill(plan, progress=False)
        print(f"{report.status}: {report.progress.completed} stored, {len(report.snapshot_ids)} month-ends")
        print(f"proved: {service.verify(START, END).is_proved}")
        pruned = service.prune(START, END, dry_run=True)
        print(f"kept when the rest is pruned: {len(pruned.kept)} days, {len(pruned.removed)} removed")
        first, *_, last = service.history(["91"], ["totals.totalPayments"])["totals.totalPayments"]
        print(f"district 91 had {first:,} payments at the end of October, and {last:,} at the end of January")


if __name__ == "__main__":
    main()
