"""``backfill cancel``: end a job, wherever it runs."""

from __future__ import annotations

from backfill.cli.asking import asking
from backfill.toastmasters import DashboardService

command = asking(
    DashboardService.cancel_backfill,
    short_help="End a job, wherever it runs.",
    help_="""Cancel JOB, wherever it runs, and wait until all is quiet.

    Nothing new starts, what is in flight ends, what is collected is stored; the rest is never collected by this job. Exit code 1 says that
    it had ended before.
    """,
)
"""The command."""
