"""What the processes of the tests of durability run."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from backfill.clock import SystemClock
from backfill.errors import DamagedFile
from backfill.fetching import PoliteFetcher
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.toastmasters import DashboardService, open_service, opening
from durability.durable_site import DISTRICTS, JOBS, TODAY, read_all, request_of

PRELOADED = ["backfill.toastmasters", "backfill.testing.files", "multiprocessing.connection"]
"""What the fork server loads once for all its children."""


class ThatDay(SystemClock):
    """The system's clock, set to another day."""

    def __init__(self, day: str = TODAY) -> None:
        self._ahead = datetime.combine(date.fromisoformat(day), datetime.now(UTC).timetz()) - datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time on that day."""
        return super().now() + self._ahead

    def today(self) -> date:
        """Return that day."""
        return self.now().date()


def open_root(root: Path, url: str, name: str, *, resume: bool = True) -> DashboardService:
    """Return a service on *root*, whose requests say who sent them."""
    opening.PoliteFetcher = partial(PoliteFetcher, user_agent=name)  # type: ignore[attr-defined,assignment] # this process's own
    return open_service(root, base_url=url, rate=None, resume=resume, clock=ThatDay())


def collect_all_jobs(root: Path, url: str, name: str, reports: Connection) -> None:
    """Go on with what was interrupted, then accept one job after the other; report each as soon as it is accepted."""
    with open_root(root, url, name) as service:
        reports.send(("resumed", {job.backfill_id: job.report().progress.pending for job in service.resumed}))
        for job in service.resumed:
            job.wait()
        for number in range(JOBS):
            job = service.initiate_backfill(request_of(number), idempotency_key=f"job-{number}")
            reports.send(("accepted", {f"job-{number}": job.backfill_id}))
            job.wait()
    reports.send(("done", {}))


def read_for_ever(root: Path, reports: Connection, over: threading.Event) -> None:
    """Read all days again and again until *over*; report how often, and everything that was not as it must be."""
    store = PerDistrictFileSnapshotStore(root / "snapshots")
    looks, torn = 0, list[str]()
    stamps: dict[date, tuple[int, int]] = {}
    while not over.is_set():
        try:
            for day, districts in read_all(store):
                looks += 1
                facts = (root / "snapshots" / day.isoformat() / "manifest.json").stat()
                if districts != DISTRICTS:
                    torn.append(f"{day} has {districts}")
                if stamps.setdefault(day, (facts.st_mtime_ns, facts.st_ino)) != (facts.st_mtime_ns, facts.st_ino):
                    torn.append(f"{day} was published again")
        except (DamagedFile, OSError, AssertionError) as error:
            torn.append(repr(error))
        time.sleep(0.002)
    reports.send((looks, torn))
