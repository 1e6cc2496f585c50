"""What commands that work on jobs have in common: a folder's service, somebody who watches and may stop, a report at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import NotRequired, TypedDict, Unpack

from attrs import frozen

from backfill.cli.exits import ExitCode, Failure
from backfill.cli.options import Function, Talk, as_json, opened, publisher_options, several, talk, talking
from backfill.cli.printing import print_json
from backfill.cli.reported import outcome, print_rebuilt, print_report, print_reranked, resume_command
from backfill.cli.running import exit_code, watch
from backfill.cli.stopping import Stopping
from backfill.job import Job
from backfill.model import REBUILD, RERANK, BackfillReport
from backfill.toastmasters import DASHBOARD_URL, DashboardService
from backfill.toastmasters.opening import DEFAULT_RATE


class Means(TypedDict):
    """What `working_options` reads; the publisher's part is left out by commands that ask it nothing."""

    base_url: NotRequired[str]
    rate: NotRequired[float]
    json_: bool
    verbose: int
    quiet: bool


def working_options(command: Function) -> Function:
    """Add where to ask and how fast, ``--json``, ``-v`` and ``-q``."""
    return several(publisher_options, as_json, talking)(command)


@frozen(eq=False)
class AtWork:
    """A command at work.

    Attributes:
        root: The folder.
        service: Its service.
        talk: How to talk beside the result.
        stopping: Tells whether the user wants to stop.
        json: Whether the result is one JSON document.
    """

    root: Path
    service: DashboardService
    talk: Talk
    stopping: Stopping
    json: bool

    def watch(self, start: Callable[[], Job], *, cancels: bool = True) -> BackfillReport:
        """Show a job until it comes to rest, and return its report; see `backfill.cli.running.watch`."""
        return watch(start, self.talk.console, quiet=self.talk.quiet, stopping=self.stopping, cancels=cancels)

    def go_on_first(self) -> None:
        """Go on with the folder's interrupted jobs, and wait for them: what is planned afterwards knows what they have stored.

        Raises:
            Failure: The user wants to stop; the jobs stay to be gone on with.
        """
        for job in self.service.resume_interrupted():
            progress = job.report().progress
            left = f"{progress.pending:,} of {progress.total:,} units are left"
            self.talk.say(f"Going on with job {job.backfill_id}, which was interrupted: {left}.")
            report = self.watch(lambda job=job: job, cancels=False)  # type: ignore[misc] # bound at once
            if self.stopping.code is not None:  # also when the job has just ended: nothing new is begun
                message = "Interrupted. What was stored stays stored, and the next command goes on with the job."
                raise Failure(message, self.stopping.code)
            self.talk.say(f"Job {job.backfill_id} is {outcome(report)}.")

    def print(self, report: BackfillReport) -> None:
        """Print the report of a job."""
        if self.json:
            print_json(report)
            return
        spec = self.service.jobs.load(report.backfill_id).spec
        if spec.operation == REBUILD:
            print_rebuilt(report)
        elif spec.operation == RERANK:
            print_reranked(report)
        else:
            print_report(report, spec.plan, again=resume_command(self.root, report))

    def code(self, report: BackfillReport) -> ExitCode:
        """Return the exit code of a command that carried out one job."""
        return exit_code(report, self.stopping)


@contextmanager
def at_work(root: Path, *, executor: Executor | None = None, **means: Unpack[Means]) -> Iterator[AtWork]:
    """Yield a command at work on *root*, whose service is closed at the end.

    Raises:
        InvalidRequest: The address is none.
        StoreError: The folder cannot be used.
    """
    with (
        talk(verbose=means["verbose"], quiet=means["quiet"]) as talking_,
        Stopping() as stopping,
        opened(root, means.get("base_url", DASHBOARD_URL), means.get("rate", DEFAULT_RATE), executor) as service,
    ):
        yield AtWork(root, service, talking_, stopping, means["json_"])
