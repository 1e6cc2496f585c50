"""What runs on a cluster in tests: a source whose figures wait for a sign, and a coordinator in a process of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from backfill import BackfillService, Document, TransientSourceError
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.jobstores import SqliteJobStore
from backfill.protocols import Fetch
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.server import FaultServer, reply
from service_doubles import PATIENCE, ask, days

if TYPE_CHECKING:
    from distributed import Client

DISTRICTS = ("A", "B", "C")
SLOTS = 4
"""Units at once: more than the cluster has workers, so that some are computed and some wait for a worker."""


@contextmanager
def cluster() -> Iterator[Client]:
    """Hand out a client of two workers, each a process of its own that is begun anew when it dies. Needs the extra ``dask``."""
    import distributed  # noqa: PLC0415 - an extra, which not every test needs

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None, "host": "127.0.0.1"}
    workers = distributed.LocalCluster(**options)  # type: ignore[no-untyped-call] # the library's own, as the next one
    with workers, distributed.Client(workers) as client:  # type: ignore[no-untyped-call] # the library's own
        yield client


class HeldFigures:
    """Makes figures of one document each; those of days from a given one on only when they may.

    Args:
        address: The publisher.
        signs: A folder: a file is put there for each call that makes figures, and figures are held until it has one named ``go``.
        free: So many days are not held.
    """

    name = "held"

    def __init__(self, address: str, signs: Path, free: int) -> None:
        self.address, self.signs, self.free = address, signs, free

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return a figure."""
        value = fetch(f"{self.address}/{district}/{on}", check=_number).parsed
        if days(self.free + 1)[-1] <= on:
            (self.signs / f"{on}-{district}-{os.getpid()}").touch()
            while not (self.signs / "go").exists():
                time.sleep(0.01)
        return {"figure": value, "district": district}


def _number(document: Document) -> int:
    try:
        return int(document.content)
    except ValueError as error:
        message = f"{document.url}: no number"
        raise TransientSourceError(message, kind="no_number") from error


def publish(server: FaultServer, count: int) -> str:
    """Serve one document for each unit; return the address."""
    for number, on in enumerate(days(count)):
        for district in DISTRICTS:
            server.on(f"/{district}/{on}", reply(str(number).encode()))
    return server.url("").rstrip("/")


@contextmanager
def housed(root: Path, source: HeldFigures, executor: Executor | None) -> Iterator[BackfillService]:
    """Provide a service whose days, jobs and documents are in a folder."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, closing(RawArchive(root / "raw")) as archive:
        fetch = PoliteFetcher(rate=None, archive=archive)
        store = PerDistrictFileSnapshotStore(root / "snapshots")
        with closing(fetch), BackfillService(source, store, jobs=jobs, fetch=fetch, executor=executor) as service:
            yield service


def coordinate(root: Path, scheduler: str, source: HeldFigures, count: int, answers: Connection) -> None:
    """Go on with the job that is there, or begin it, on a cluster; tell its identifier and how many were found, then how it ended."""
    from distributed import Client  # noqa: PLC0415 - an extra

    from backfill.dask import DaskExecutor  # noqa: PLC0415 - needs it

    with Client(scheduler) as client, housed(root, source, DaskExecutor(client)) as service:  # type: ignore[no-untyped-call] # the library's own
        found = service.resume_jobs()
        job = found[0] if found else service.initiate_backfill(ask(count, *DISTRICTS, concurrency=SLOTS))
        answers.send((job.backfill_id, len(found)))
        report = job.wait(PATIENCE)
        answers.send((str(report.status), report.progress.completed))


def held_until(go: Path, began: Path) -> None:
    """Tell in a file which process has begun, and end when the other file is there."""
    began.write_text(str(os.getpid()))
    while not go.exists():
        time.sleep(0.01)


class Deadly:
    """Ends the process that wants to send it."""

    def __reduce__(self) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return "Deadly"


def dies_on_the_way(folder: Path) -> Deadly:
    """Return what kills the worker when it is fetched; called again, kill it at once."""
    (folder / str(os.getpid())).touch()
    if len(list(folder.iterdir())) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return Deadly()
