"""Exit codes, and what an error becomes on a terminal: never a traceback where the error was expected.

.. code-block:: text

    0         everything asked for is there: stored, stored before, or known not to have been published
    1         some of it is; the rest failed, was left undone, or is not in scope
    2         the command, or a value in it, cannot be meant; nothing was done
    3         it failed: nothing could be collected or stored, or what is stored cannot be read
    130, 143  stopped by Ctrl-C (SIGINT), by SIGTERM: what was stored by then stays stored
    141       nobody reads the output any more, as with ``| head``: what was stored by then stays stored

An interrupted command is told apart from a partial one, so that a script that repeats what is partial stops when it is stopped.
"""

from __future__ import annotations

from enum import IntEnum
from typing import IO

import click

from backfill.errors import BackfillError, InvalidRequest, JobNotFound, MissingExtra, PlanOutdated
from backfill.model import BackfillReport, BackfillStatus
from backfill.terminal import printable

_REFUSED = (InvalidRequest, PlanOutdated, JobNotFound, MissingExtra)

_NAMES = {
    "start_date": "START",
    "end_date": "END",
    "target_districts": "--district",
    "district": "DISTRICT",
    "districts": "DISTRICT",
    "collection_type": "--type",
    "min_interval": "--min-interval",
    "max_failures": "--max-failures",
    "base_url": "--base-url",
    "detail": "--detail",
    "concurrency": "--concurrency",
    "rate": "--rate",
    "host": "--host",
    "authorize": "--authorize",
    "backfill_id": "JOB",
}
"""What the command line calls a value that the library calls otherwise."""


class ExitCode(IntEnum):
    """How a command ended."""

    ALL = 0
    PARTIAL = 1
    USAGE = 2
    FAILED = 3
    INTERRUPTED = 130
    UNREAD = 141
    TERMINATED = 143


def code_of(report: BackfillReport) -> ExitCode:
    """Return the exit code for a job that came to rest so: a paused one that has nothing to show yet has failed so far."""
    if report.status is BackfillStatus.COMPLETE:
        return ExitCode.ALL
    nothing = not report.progress.completed and not report.progress.skipped
    if report.status is BackfillStatus.ERROR or (report.status is BackfillStatus.PAUSED and nothing):
        return ExitCode.FAILED
    return ExitCode.PARTIAL


class Failure(click.ClickException):
    """An expected error on its way out of the command: shown on standard error, with the exit code that is due."""

    def __init__(self, lines: str, code: ExitCode) -> None:
        super().__init__(lines)
        self.exit_code = int(code)  # type: ignore[misc] # click means it to be set so, and its own classes do

    def show(self, file: IO[str] | None = None) -> None:
        """Write it to standard error."""
        click.echo(self.message, file=file, err=file is None)


def failure_of(error: BackfillError) -> Failure:
    """Return what *error* becomes: value, rule and remedy where it has them, of all that is wrong; and where more is said of it."""
    code = ExitCode.USAGE if isinstance(error, _REFUSED) else ExitCode.FAILED
    others = error.others if isinstance(error, InvalidRequest) else ()
    said = "\n".join([*map(_told, (error, *others)), *getattr(error, "__notes__", ())])
    return Failure(said, code)


def _told(error: BackfillError) -> str:
    if isinstance(error, JobNotFound):  # its own words name a call of the library
        return f"Error: no job {printable(error.backfill_id)!r} in this folder; `backfill jobs ROOT` lists those there are, by their whole names"
    if not isinstance(error, InvalidRequest):
        return f"Error: {printable(str(error))}"
    value = error.value if isinstance(error.value, str) else repr(error.value)
    return (
        f"Error: {_NAMES.get(error.field, error.field)} cannot be accepted.\n"
        f"  value   {printable(value)}\n"
        f"  rule    {printable(error.rule)}\n"
        f"  remedy  {printable(error.remedy)}"
    )
