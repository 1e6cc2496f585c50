"""Carries out a job for somebody who watches: progress meanwhile, Ctrl-C obeyed, the report at the end."""

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

_STOPPING = "Stopping: what is in flight ends, what is collected is stored. Ctrl-C again stops at once."


def carry_out(
    service: BackfillService, plan: BackfillPlan, console: Console, *, quiet: bool, stopping: Stopping
) -> BackfillReport:
    """Carry out *plan* and return the job's report; when the user wants to stop, cancel it and return what it became.

    Args:
        service: The service.
        plan: Exactly this is done.
        console: Where to show how far it is.
        quiet: Show nothing.
        stopping: Tells whether the user wants to stop; already entered.

    Raises:
        PlanOutdated: The plan no longer describes what would happen.
    """
    return watch(lambda: service.initiate_backfill(plan), console, quiet=quiet, stopping=stopping)


def watch(start: Callable[[], Job], console: Console, *, quiet: bool, stopping: Stopping, cancels: bool = True) -> BackfillReport:
    """Show a job until it comes to rest, and return its report.

    Args:
        start: Returns the job.
        console: Where to show how far it is.
        quiet: Show nothing.
        stopping: Tells whether the user wants to stop; already entered.
        cancels: Whether the job is cancelled then; else it is only watched no longer, and its report is that of the moment.
    """
    with progress_display(console, quiet=quiet) as show:
        job = start()
        asked = False
        while not job.future.done():
            if stopping.code is not None and not cancels:
                break
            if stopping.code is not None and not asked:
                asked = True
                job.cancel()  # noted before it is said: a second Ctrl-C may come at once
                show.note(_STOPPING)
            show(job.report())
            wait((job.future,), INTERVAL)
        report = job.report()
        show(report)
    return report


def exit_code(report: BackfillReport, stopping: Stopping) -> ExitCode:
    """Return the exit code of a command that carried out one job; a target left out is a part that was asked for and is not there."""
    if stopping.code is not None and report.status is not BackfillStatus.COMPLETE:
        return stopping.code
    code = code_of(report)
    return ExitCode.PARTIAL if code is ExitCode.ALL and report.scope.excluded else code
