"""What the processes of the tests of shared roots run."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

from backfill.jobstores import SqliteJobStore
from backfill.testing.files import UnsyncedFiles
from durability.small_jobs import DISTRICTS, KEY, open_small, run_small
from durable_doubles import Quick
from service_doubles import ask


def ask_for_the_job(root: Path, begin: threading.Event, answers: Connection, count: int) -> None:
    """Ask for the same job as others do at the same time; tell its identifier and how it ended."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, open_small(root, jobs=jobs) as service:
        begin.wait(30)
        report = run_small(service, count=count)
        answers.send((report.backfill_id, str(report.status), report.progress.completed))


def collect_own_districts(root: Path, begin: threading.Event, answers: Connection, districts: tuple[str, ...]) -> None:
    """Collect some districts of the days that others collect others of."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, open_small(root, jobs=jobs) as service:
        begin.wait(30)
        report = service.initiate_backfill(ask(4, *districts, concurrency=2)).wait(60)
        answers.send((report.backfill_id, str(report.status), report.progress.completed))


def collect_slowly(root: Path, go: threading.Event, answers: Connection) -> None:
    """Collect one unit, and each further one when it may."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs:

        def wait(_day: date, _district: str) -> None:
            answers.send("asked")
            assert go.wait(60)

        with open_small(root, jobs=jobs, before=wait, made_by=Quick) as service:
            job = service.initiate_backfill(ask(6, *DISTRICTS, concurrency=1), idempotency_key=KEY)
            answers.send(job.backfill_id)
            report = job.wait(60)
            answers.send((str(report.status), report.progress.completed, report.progress.pending))


class HeldUp(UnsyncedFiles):
    """Files of which the exchange of a day, for which its lock is held, waits until it may go on."""

    def __init__(self, go: threading.Event, answers: Connection) -> None:
        self._go = go
        self._answers = answers

    def sync_directory(self, path: Path) -> None:
        """Wait before the new state takes its place."""
        if path.name.endswith(".day"):
            self._answers.send("holds the day")
            assert self._go.wait(60)
        super().sync_directory(path)


def hold_a_day(root: Path, go: threading.Event, answers: Connection) -> None:
    """Publish a day, and hold its lock until it may be let go."""
    jobs = SqliteJobStore(root / "other.sqlite3")
    with closing(jobs), open_small(root, jobs=jobs, files=HeldUp(go, answers)) as service:
        report = service.initiate_backfill(ask(1, "C")).wait(60)
        answers.send((report.backfill_id, str(report.status)))


def look_for_work(root: Path, over: threading.Event, answers: Connection) -> None:
    """Look again and again for jobs that nobody works on, say so each time, and at the end how often there were any."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, open_small(root, jobs=jobs) as service:
        looks = taken = 0
        while not over.is_set():
            taken += len(service.resume_jobs())
            looks += 1
            answers.send("looks")
            time.sleep(0.002)
        answers.send((looks, taken))
