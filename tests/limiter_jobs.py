"""Jobs under one limit, whose figures an executor may make; what they send is counted where it leaves. For a test and for a measurement."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import closing, contextmanager
from datetime import date, timedelta
from multiprocessing import get_context

from attrs import frozen

from backfill import BackfillRequest, BackfillService, Document
from backfill.fetching import PoliteFetcher, connection
from backfill.model import BackfillStatus
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from cluster_work import cluster
from workload.unit import DISTRICTS, FIRST, parse

_JOB = re.compile(rb"GET /([^/]+)/")


@frozen
class OneTable:
    """A source of one table a unit. Goes to any process.

    Attributes:
        url: The publisher.
        jobs: For the first day of each job the name under which it asks.
    """

    url: str
    jobs: Mapping[date, str]
    name: str = "one-table"

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return what is kept of the table."""
        job = self.jobs[max(first for first in self.jobs if first <= on)]
        document = fetch(f"{self.url}/{job}/{on}/{district}.csv", check=_table)
        return document.parsed


def _table(document: Document) -> Mapping[str, object]:
    return parse(document.text)


@contextmanager
def departures() -> Iterator[Mapping[str, list[float]]]:
    """Yield when requests left this process while the block runs, by the name of their job."""
    moments: dict[str, list[float]] = defaultdict(list)
    send_all = connection._WatchedSocket.sendall

    def noting(sock: connection._WatchedSocket, data: bytes) -> None:
        found = _JOB.match(data)
        if found is not None:
            moments[found[1].decode()].append(time.monotonic())
        send_all(sock, data)

    setattr(connection._WatchedSocket, "sendall", noting)  # noqa: B010 - put back below
    try:
        yield moments
    finally:
        setattr(connection._WatchedSocket, "sendall", send_all)  # noqa: B010 - as above


def from_jobs(
    url: str, rate: float, seconds: float, slots: Sequence[int], executor: Executor | None = None
) -> Mapping[str, list[float]]:
    """Run jobs at the same time for so long, and return when their requests left while all of them ran.

    Args:
        url: Of the publisher.
        rate: Requests a second, of all together.
        seconds: How long, from the first request of the last one to begin.
        slots: For each job how many units it has in work at once.
        executor: Where figures are made; ``None`` = in the threads that fetch.
    """
    days = max(2, round(3 * seconds * rate / len(DISTRICTS)))
    firsts = [FIRST + timedelta(days=number * days) for number in range(len(slots))]
    source = OneTable(url, {first: f"job-{number}" for number, first in enumerate(firsts)})
    with departures() as moments, closing(PoliteFetcher(rate=rate, concurrency=64)) as fetch:
        service = BackfillService(
            source, MemorySnapshotStore(), fetch=fetch, executor=executor, max_active_jobs=len(slots), clock=None
        )
        with service:
            jobs = [
                service.initiate_backfill(
                    BackfillRequest(first, first + timedelta(days=days - 1), DISTRICTS, concurrency=count, order="oldest-first")
                )
                for first, count in zip(firsts, slots, strict=True)
            ]
            while not all(moments.get(name) for name in source.jobs.values()):
                time.sleep(0.01)
            began = max(found[0] for found in moments.values())
            while time.monotonic() < began + seconds:
                time.sleep(0.05)
            until = time.monotonic()
            for job in jobs:
                job.cancel()
            reports = [job.wait(60) for job in jobs]
        assert all(report.status is BackfillStatus.CANCELLED and not report.errors_total for report in reports), reports
    return {name: [moment for moment in found if began <= moment < until] for name, found in moments.items()}


@contextmanager
def processes() -> Iterator[Executor]:
    """Hand out an executor of two processes."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


@contextmanager
def dask() -> Iterator[Executor]:
    """Hand out a Dask cluster of two processes on this machine. Needs the extra ``dask``."""
    from backfill.dask import DaskExecutor  # noqa: PLC0415 - needs an extra

    with cluster() as client:
        yield DaskExecutor(client)
