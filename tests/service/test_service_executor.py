"""Figures made in an executor: the same as without, while this process alone asks, waits, tries again and keeps."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pytest

from backfill import BackfillService, BackfillStatus, DataUnavailable, Document, PermanentSourceError, TransientSourceError
from backfill.clock import SystemClock
from backfill.errors import InvalidRequest
from backfill.fetching import PoliteFetcher
from backfill.protocols import DataSource, Fetch
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.fetch import DictFetch
from backfill.testing.server import FaultServer, reply
from backfill.toastmasters import open_service
from durability.durable_site import figures_of
from service_doubles import PATIENCE, ask, day, days, stored
from tm_serving import sent, serving, whole

ADDRESS = "https://example.org"


@contextmanager
def threads() -> Iterator[Executor]:
    """Hand out an executor of threads."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


@contextmanager
def processes() -> Iterator[Executor]:
    """Hand out an executor of processes."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


KINDS = {"threads": threads, "processes": processes}
each_executor = pytest.mark.parametrize("kind", KINDS)


class Stepping:
    """A source that asks for one document after the other, looks at each, and does without what is not there."""

    name = "stepping"

    def __init__(self, address: str = ADDRESS) -> None:
        self.address = address

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return the sum of two documents, of which the second may be missing."""
        first = fetch(f"{self.address}/{district}/{on}/a", check=_number).parsed
        try:
            second = fetch(f"{self.address}/{district}/{on}/b", check=_number).parsed
        except DataUnavailable:  # a second document may be missing
            second = None
        if first == 13:
            raise PermanentSourceError("unlucky", kind="unlucky")
        return {"first": first, "second": second}


def _number(document: Document) -> int:
    try:
        return int(document.content)
    except ValueError as error:
        message = f"{document.url}: no number"
        raise TransientSourceError(message, kind="no_number", max_attempts=2) from error


def documents(districts: Sequence[str]) -> dict[str, str]:
    """Return the documents of three days; of one no second."""
    found = {}
    for number, on in enumerate(days(3)):
        for name in districts:
            found[f"{ADDRESS}/{name}/{on}/a"] = str(number)
            if (on, name) != (day(1), "A"):
                found[f"{ADDRESS}/{name}/{on}/b"] = str(number * 10)
    return found


@each_executor
def test_figures_come_out_the_same(kind: str) -> None:
    """Documents found one after the other, some not published: the same records, from the same documents. [B8, B3]"""
    stores = []
    for executor_of in (None, KINDS[kind]):
        store = MemorySnapshotStore()
        with (executor_of or threads)() as executor:
            door = DictFetch(documents(("A", "B")))
            with BackfillService(Stepping(), store, fetch=door, executor=executor if executor_of else None) as service:
                report = service.initiate_backfill(ask(3, "A", "B", concurrency=3)).wait(PATIENCE)
        assert report.status is BackfillStatus.COMPLETE, report.errors
        stores.append(store)
    here, there = stores
    assert stored(there) == stored(here) == dict.fromkeys(days(3), ("A", "B"))
    for on in days(3):
        for name in ("A", "B"):
            one, other = here.read(on).district(name), there.read(on).district(name)
            assert other.data == one.data
            assert [ref.name for ref in other.provenance] == [ref.name for ref in one.provenance]


@each_executor
def test_what_a_check_refuses_is_fetched_again_by_this_process(kind: str, tmp_path: Path) -> None:
    """A document that the check refuses there is asked for again here, as often as it says; a failure has the unit's own words. [B8, R6.5]"""
    with FaultServer() as server:
        answers = iter([reply(b"rubbish"), reply(b"1")])

        def one_after_the_other(connection: socket.socket, _request: object) -> None:
            connection.sendall(next(answers))

        server.on(f"/A/{day(0)}/a", one_after_the_other)
        server.on(f"/A/{day(0)}/b", reply(b"2"))
        server.on(f"/B/{day(0)}/a", reply(b"rubbish"))
        server.on(f"/C/{day(0)}/a", reply(b"13"))
        server.on(f"/C/{day(0)}/b", reply(b"2"))
        store = PerDistrictFileSnapshotStore(tmp_path)
        fetch = PoliteFetcher(rate=None)
        with (
            KINDS[kind]() as executor,
            BackfillService(Stepping(server.url("")), store, fetch=fetch, executor=executor) as service,
        ):
            report = service.initiate_backfill(ask(1, "A", "B", "C")).wait(PATIENCE)
        fetch.close()
        asked = [request.target for request in server.requests]
    assert report.status is BackfillStatus.PARTIAL_SUCCESS
    assert store.read(day(0)).district("A").data == {"first": 1, "second": 2}
    assert {(error.district_id, error.kind, error.stage, error.attempts) for error in report.errors} == {
        ("B", "no_number", "validate", 2),
        ("C", "unlucky", "fetch", 1),
    }
    assert sorted(asked) == sorted(
        [f"/A/{day(0)}/a"] * 2 + [f"/A/{day(0)}/b"] + [f"/B/{day(0)}/a"] * 2 + [f"/C/{day(0)}/a", f"/C/{day(0)}/b"]
    )


@each_executor
def test_the_dashboard_comes_out_the_same(kind: str, tmp_path: Path) -> None:
    """Of the dashboard every stored byte is the same, and no document is asked for more often than without an executor. [B8, P12, R9.3]"""
    files = whole("2023-01", "2023-02-08", ("61", "F")) | whole("2023-01", "2023-01-18", ("61", "F"))
    roots, requests = [], []
    for executor_of in (None, KINDS[kind]):
        root = tmp_path / str(executor_of is None)
        with serving(files, str(SystemClock().today())) as server, (executor_of or threads)() as executor:
            own = executor if executor_of else None  # the system's clock: a virtual one goes to no other process
            with open_service(root, base_url=server.url, rate=None, executor=own) as service:
                for on in ("2023-01-18", "2023-01-31"):
                    request = ask(1, "61", "F", start_date=on, end_date=on)
                    assert service.run_backfill(request, progress=False).status == "complete"
                request = ask(1, start_date="2023-01-18", end_date="2023-01-18", skip_existing=False)
                assert service.run_backfill(request, progress=False).status == "complete"
            requests.append(sent(server))
        roots.append(figures_of(root))
    assert roots[0] == roots[1]
    assert requests[0] == requests[1]


class Held(Stepping):
    """A source that no process but this one can have."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def test_a_source_that_cannot_go_elsewhere_is_refused() -> None:
    """A source that pickle cannot carry is refused at once for other processes, with the remedy; threads take it as it is. [B8]"""
    door = DictFetch(documents(("A",)))
    with processes() as executor, pytest.raises(InvalidRequest, match="use a ThreadPoolExecutor, or leave the executor out"):
        BackfillService(Held(), MemorySnapshotStore(), fetch=door, executor=executor)
    with threads() as executor, BackfillService(Held(), MemorySnapshotStore(), fetch=door, executor=executor) as service:
        assert service.initiate_backfill(ask(1, "A")).wait(PATIENCE).status is BackfillStatus.COMPLETE


def test_an_executor_that_is_shut_fails_no_unit() -> None:
    """An executor that runs nothing any more is the fault of no unit: the job ends with the reason and the remedy. [B8, R6.2]"""
    with threads() as executor:
        service = BackfillService(Stepping(), MemorySnapshotStore(), fetch=DictFetch(documents(("A",))), executor=executor)
    with service:
        report = service.initiate_backfill(ask(2, "A")).wait(PATIENCE)
    assert report.progress.failed == 0
    assert "the executor runs nothing any more" in str(report.error or report.status_reason)


class Batched:
    """A source with one call for several districts, and one for all; some values are errors, some no JSON."""

    name = "batched"

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return a figure."""
        return {"of": district, "on": on}

    def collect_many(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Return figures, or what is there instead."""
        odd: dict[str, object] = {"E": DataUnavailable("not there"), "N": float("nan"), "S": {1, 2}}
        return {name: odd.get(name, {"of": name, "on": on}) for name in districts}


@each_executor
def test_values_of_one_call_come_out_the_same(kind: str) -> None:
    """Of one call for several districts each has its own outcome, wherever it was made. [B8, R6.3]"""
    source: DataSource = Batched()
    outcomes = []
    for executor_of in (None, KINDS[kind]):
        with (executor_of or threads)() as executor:
            own = executor if executor_of else None
            with BackfillService(source, MemorySnapshotStore(), fetch=DictFetch({}), executor=own) as service:
                report = service.initiate_backfill(ask(1, "A", "E", "N", "S")).wait(PATIENCE)
                data = service.store.read(day(0)).district("A").data
        outcomes.append((data, report.progress.unavailable, {(e.district_id, e.kind, e.message) for e in report.errors}))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1] == 1
    assert len(outcomes[0][2]) == 2
