"""Carries out a job for somebody who watches: progress meanwhile, Ctrl-C obeyed, the final report at the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait

from rich.console import Console

from backfill.cli.exits import ExitCode, code_of
from backfill.cli.stopping import Stopping
from backfill.job import Job
from backfill.model import BackfillPlan, BackfillReport, BackfillStatus
from backfill.service import BackfillService
from backfill.terminal import progress_display

INTERVAL = 0.2
"""Seconds between two looks at the job, and the longest that a Ctrl-C waits to be obeyed."""


def carry_out(
    service: BackfillService, plan: BackfillPlan, console: Console, *, quiet: bool, stopping: Stopping
) -> BackfillReport:
    """Carry out *plan* and return the job's final report; when the user wants to stop, cancel it and return what it became.

    Args:
        service: The service.
        plan: Exactly this is done.
        console: Where to show how far it is.
        quiet: Show nothing.
        stopping: Tells whether the user wants to stop; already entered.

    Raises:
        PlanOutdated: The plan no longer describes what would happen.
    """
    return follow(lambda: service.initiate_backfill(plan), console, quiet=quiet, stopping=stopping)


def follow(begin: Callable[[], Job], console: Console, *, quiet: bool, stopping: Stopping) -> BackfillReport:
    """Watch the job that *begin* accepts to its end, and return its final report; see `carry_out`."""
    with progress_display(console, quiet=quiet) as show:
        job = begin()
        cancelled = False
        while not job.future.done():
            if stopping.code is not None and not cancelled:
                cancelled = True
                show.note("Stopping: what is in flight ends, what is collected is stored. Ctrl-C again stops at once.")
                job.cancel()
            show(job.report())
            wait((job.future,), INTERVAL)
        report = job.wait()
        show(report)
    return report


def exit_code(report: BackfillReport, stopping: Stopping) -> ExitCode:
    """Return the exit code of a command that carried out one job."""
    if stopping.code is None or report.status is BackfillStatus.COMPLETE:
        return code_of(report)
    return stopping.code
