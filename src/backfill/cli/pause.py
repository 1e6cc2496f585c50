"""``backfill pause``: have a job rest, wherever it runs."""

from __future__ import annotations

from backfill.cli.asking import asking
from backfill.toastmasters import DashboardService

command = asking(
    DashboardService.pause_backfill,
    short_help="Have a job rest until it is resumed.",
    help_="""Have JOB rest, wherever it runs, until `backfill resume` has it go on; restarts do not.

    Nothing new starts, what is in flight ends, what is collected is stored. Exit code 1 says that it was at rest before.
    """,
)
"""The command."""
