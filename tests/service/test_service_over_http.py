"""Over real HTTP: each way in which a publisher can fail is a clear, counted, explained outcome, and what was stored stays stored."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from backfill import (
    BackfillReport,
    BackfillRequest,
    BackfillService,
    BackfillStatus,
    Document,
    DocumentRequest,
    Edition,
    TransientSourceError,
)
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.fetching.strain import MOST
from backfill.model import CellState, RetryPolicy
from backfill.protocols import Fetch
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.server import FaultServer, reply
from service_doubles import PATIENCE, adds_up, until

QUICK = RetryPolicy(max_attempts=3, base=0.001, max_retry_after=30)
DAYS = tuple(date(2024, 1, number) for number in (1, 2))
FIGURES = json.dumps({"figures": list(range(200))}).encode()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """Return a server that has no document yet."""
    with FaultServer() as running:
        yield running


class Publisher:
    """A source with one document for each day and district, on a server, as JSON."""

    name = "publisher"

    def __init__(self, address: Callable[[str], str]) -> None:
        self._address = address

    def requests_for(self, edition: Edition, district: str | None, /) -> tuple[DocumentRequest, ...]:
        """Return the one document of a district."""
        return () if district is None else (DocumentRequest(self._address(f"/{district}/{edition.day}")),)

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return what the document says."""

        def check(document: Document) -> object:
            try:
                return json.loads(document.content)
            except ValueError as error:
                message = f"{document.url}: no JSON ({error})"
                raise TransientSourceError(message, kind="not_json", max_attempts=2) from error

        return fetch(self._address(f"/{district}/{on}"), check=check).parsed


def polite(**options: object) -> PoliteFetcher:
    """Return a door that soon loses its patience."""
    usual: dict[str, object] = {"rate": None, "retry": QUICK, "deadline": 2.0, "max_bytes": 4096, "patience": 0.5}
    return PoliteFetcher(**usual | options)  # type: ignore[arg-type] # options of any kind


@contextmanager
def door(**options: object) -> Iterator[PoliteFetcher]:
    """Hand out a door that soon loses its patience, and close it afterwards."""
    fetch = polite(**options)
    try:
        yield fetch
    finally:
        fetch.close()


def rebuild(
    server: FaultServer, root: Path, *districts: str, fetch: PoliteFetcher | None = None, **options: object
) -> BackfillReport:
    """Run a job for both days, through a door of its own unless one is given."""
    request = BackfillRequest(DAYS[0], DAYS[1], districts, order="oldest-first", **options)  # type: ignore[arg-type] # as above
    with ExitStack() as stack:
        way_out = fetch or stack.enter_context(door())
        service = stack.enter_context(BackfillService(Publisher(server.url), PerDistrictFileSnapshotStore(root), fetch=way_out))
        report = service.initiate_backfill(request).wait(PATIENCE)
    assert adds_up(report)
    return report


def stored(root: Path) -> Mapping[date, tuple[str, ...]]:
    """Return the districts of each stored day, all of them read and whole."""
    store = PerDistrictFileSnapshotStore(root)
    found: dict[date, tuple[str, ...]] = {}
    for on in store.days():
        snapshot = store.read(on)
        found[on] = snapshot.districts
        for name in snapshot.districts:
            record = snapshot.district(name)
            assert record.data == json.loads(FIGURES)
            assert record.provenance[0].sha256 == Document.of("x:", FIGURES).sha256
    return found


class Fault(NamedTuple):
    """A way to fail, and what must be said of it."""

    behaviour: Callable[[FaultServer], object]
    kind: str
    is_retryable: bool
    attempts: int
    said: str


def _cut(_server: FaultServer) -> bytes:
    return reply(FIGURES, Content_Length=str(2 * len(FIGURES)))


def _bomb(_server: FaultServer) -> bytes:
    return reply(gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip")


FAULTS: Mapping[str, Fault] = {
    "429 without a pause": Fault(lambda _: reply(status="429 Too Many Requests"), "http_429", True, 3, "answered 429; another attempt may succeed"),
    "429 with a pause": Fault(lambda _: reply(status="429 Too Many Requests", Retry_After="0"), "http_429", True, 3, "asks to be left alone for 0 s"),
    "500": Fault(lambda _: reply(b"oops", status="500 Internal Server Error"), "http_500", True, 3, "answered 500; another attempt may succeed"),
    "503 without a pause": Fault(lambda _: reply(status="503 Service Unavailable"), "http_503", True, 3, "answered 503; another attempt may succeed"),
    "503 with a pause": Fault(lambda _: reply(status="503 Service Unavailable", Retry_After="0"), "http_503", True, 3, "asks to be left alone for 0 s"),
    "401": Fault(lambda _: reply(status="401 Unauthorized"), "http_401", False, 1, "access is refused; pass a session="),
    "418": Fault(lambda _: reply(status="418 I'm a teapot"), "http_418", False, 1, "is no document; correct the address or the request"),
    "redirects for ever": Fault(lambda server: reply(status="302 Found", Location=server.url("/round")), "too_many_redirects", False, 1, "redirected more than 5 times"),
    "a redirect to a file": Fault(lambda _: reply(status="302 Found", Location="file:///etc/passwd"), "bad_url", False, 1, "which is no http or https address"),
    "a hang": Fault(lambda server: server.hang, "timeout", True, 3, "raise it if the server is slow"),
    "a body that drips": Fault(lambda server: server.drip(reply(Content_Length="4000")), "timeout", True, 3, "raise it if the server is slow"),
    "headers that drip": Fault(lambda server: server.drip(b"HTTP/1.1 200 OK\r\nX: "), "timeout", True, 3, "raise it if the server is slow"),
    "a cut body": Fault(_cut, "truncated", True, 3, "another attempt may"),
    "a bomb": Fault(_bomb, "too_large", False, 1, "max_bytes"),
    "a long body": Fault(lambda _: reply(b"0" * 5000), "too_large", False, 1, "max_bytes"),
    "a reset": Fault(lambda server: server.reset, "connection", True, 3, "look whether the host can be reached"),
    "nothing at all": Fault(lambda _: b"", "connection", True, 3, "look whether the host can be reached"),
    "rubbish": Fault(lambda _: b"\x00\xff rubbish\r\n\r\n", "connection", True, 3, "look whether the host can be reached"),
    "another page": Fault(lambda _: reply(b"<html>Please log in</html>"), "not_json", True, 2, "no JSON"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_each_fault_is_counted_and_explained_and_mended(fault: Fault, server: FaultServer, tmp_path: Path) -> None:
    """A failing document fails its unit, by kind, stage, attempts and cause; all else is stored and stays; a retry completes the day. [R6.1, R6.2, R6.3, R6.4, R6.5, R6.6]"""
    for on in DAYS:
        server.on(f"/well/{on}", reply(FIGURES))
        server.on(f"/ill/{on}", fault.behaviour(server) if on == DAYS[1] else reply(FIGURES))  # type: ignore[arg-type] # a behaviour
    server.on("/round", reply(status="302 Found", Location=server.url("/round")))
    slow = fault.kind == "timeout"
    with door(deadline=0.2 if slow else 2.0) as fetch:
        report = rebuild(server, tmp_path, "well", "ill", fetch=fetch)
    assert (report.status, report.progress.completed, report.progress.failed) == ("partial_success", 3, 1)
    (error,) = report.errors
    assert (error.day, error.district_id, error.kind) == (DAYS[1], "ill", fault.kind)
    assert (error.stage, error.is_retryable, error.attempts) == (
        "validate" if fault.kind == "not_json" else "fetch",
        fault.is_retryable,
        fault.attempts,
    )
    assert server.url(f"/ill/{DAYS[1]}") in error.message
    assert fault.said in error.message
    (group,) = report.error_summary
    assert (group.kind, group.count, group.example) == (error.kind, 1, error.message)
    assert report.partial_snapshots == (DAYS[1],)
    assert report.performance_status is not None
    assert report.performance_status.requests == len(server.requests)
    asked = [request for request in server.requests if request.target == f"/ill/{DAYS[1]}"]
    assert len(asked) == fault.attempts
    assert stored(tmp_path) == {DAYS[0]: ("ill", "well"), DAYS[1]: ("well",)}
    before = {path: path.read_bytes() for path in tmp_path.rglob("district_*.json")}
    metadata = PerDistrictFileSnapshotStore(tmp_path).read(DAYS[1]).metadata
    assert (metadata.status, metadata.failed, [found.kind for found in metadata.errors]) == ("partial", ("ill",), [fault.kind])

    server.on(f"/ill/{DAYS[1]}", reply(FIGURES))
    sent = len(server.requests)
    again = rebuild(server, tmp_path, "well", "ill")
    assert (again.status, again.progress.skipped, again.progress.completed) == ("complete", 3, 1)
    assert len(server.requests) == sent + 1
    assert stored(tmp_path) == dict.fromkeys(DAYS, ("ill", "well"))
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_what_is_not_published_is_no_failure(status: str, server: FaultServer, tmp_path: Path) -> None:
    """A document that does not exist is unavailable: counted, remembered, asked for once, and the job is complete. [R6.5, R6.4, B5]"""
    for on in DAYS:
        server.on(f"/well/{on}", reply(FIGURES))
        server.on(f"/absent/{on}", reply(b"<html>no such page</html>", status=status))
    report = rebuild(server, tmp_path, "well", "absent")
    assert (report.status, report.progress.completed, report.progress.unavailable, report.errors) == ("complete", 2, 2, ())
    assert len(server.requests) == 4
    assert stored(tmp_path) == dict.fromkeys(DAYS, ("well",))
    assert PerDistrictFileSnapshotStore(tmp_path).read(DAYS[0]).metadata.unavailable == ("absent",)


def test_a_server_that_is_down_pauses_the_job_and_destroys_nothing(server: FaultServer, tmp_path: Path) -> None:
    """With nobody listening the job fails some units, retryable ones, and pauses with the reason; yesterday's snapshots stand. [R6.2, R6.4, B2]"""
    for on in DAYS:
        server.on(f"/a/{on}", reply(FIGURES))
    assert rebuild(server, tmp_path, "a").status is BackfillStatus.COMPLETE
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]  # free again when this block ends
    source = Publisher(lambda path: f"http://127.0.0.1:{port}{path}")
    store = PerDistrictFileSnapshotStore(tmp_path)
    with door() as fetch, BackfillService(source, store, fetch=fetch) as service:
        request = BackfillRequest(DAYS[0], DAYS[1], ["a", "b"], skip_existing=False)
        report = service.initiate_backfill(request).wait(PATIENCE)
        assert (report.status, report.progress.completed, report.error) == ("paused", 0, None)
        assert (report.progress.failed, report.progress.pending) == (len(report.errors), 4 - len(report.errors))
        assert report.status_reason is not None
        assert report.status_reason.startswith("HostDown: ")
        assert f"127.0.0.1:{port} does not answer" in report.status_reason
        assert {error.kind for error in report.errors} <= {"connection"}, "units that were not tried are no failures"
        assert all(error.is_retryable and f"127.0.0.1:{port}" in error.message for error in report.errors)
        assert report.snapshot_ids == ()
        coverage = service.coverage(DAYS[0], DAYS[1], districts=["a", "b"])
        failed = {(error.day, error.district_id) for error in report.errors}
        assert [coverage.state(on, "a") for on in DAYS] == [CellState.FULL] * 2
        assert [coverage.state(on, "b") is CellState.FAILED for on in DAYS] == [(on, "b") in failed for on in DAYS]
    assert stored(tmp_path) == dict.fromkeys(DAYS, ("a",))


def test_a_server_that_stays_down_is_left_alone_and_found_again(server: FaultServer, tmp_path: Path) -> None:
    """After ten failures in a row the host is called no more but for a probe, and the job pauses; later all is collected. [R9.4, R6.5]"""
    districts = [f"d{number}" for number in range(40)]
    for on in DAYS:
        for name in districts:
            server.on(f"/{name}/{on}", server.reset)
    with door(patience=0.0) as fetch:
        report = rebuild(server, tmp_path, *districts, fetch=fetch, concurrency=4)
        assert (report.status, report.progress.failed + report.progress.pending) == ("paused", 80)
        assert report.progress.pending > 60, "a host that is down is no failure of a unit"
        assert {error.kind for error in report.errors} <= {"connection"}
        assert len(server.requests) < 40, "the rest was never sent"
        assert report.performance_status is not None
        (host,) = report.performance_status.hosts
        assert (host.breaker, host.parked_seconds > 0) == ("open", True)
        assert "does not answer" in str(report.status_reason)
    for on in DAYS:
        for name in districts:
            server.on(f"/{name}/{on}", reply(FIGURES))
    assert rebuild(server, tmp_path, *districts, concurrency=8).progress.completed == 80
    assert stored(tmp_path) == dict.fromkeys(DAYS, tuple(sorted(districts)))


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_pause_that_is_asked_for_is_made_by_the_whole_job(status: str, server: FaultServer, tmp_path: Path) -> None:
    """After Retry-After nothing at all is sent to the host for so long, by any unit; then the job goes on to its end. [R6.5, B6, P10]"""
    districts = [f"d{number}" for number in range(6)]
    answered: list[float] = []
    asked: list[float] = []
    lock = threading.Lock()

    def behave(connection: socket.socket, _request: object) -> None:
        with lock:
            now = time.monotonic()
            first = not answered
            asked.append(now)
            if first:
                answered.append(now)
        connection.sendall(reply(status=status, Retry_After="1") if first else reply(FIGURES))

    for on in DAYS:
        for name in districts:
            server.on(f"/{name}/{on}", behave)
    with door(concurrency=1) as fetch:
        report = rebuild(server, tmp_path, *districts, fetch=fetch, concurrency=6)
    assert (report.status, report.progress.completed) == ("complete", 12)
    assert len(asked) == 13
    assert min(moment for moment in asked if moment > answered[0]) - answered[0] >= 1.0
    assert report.performance_status is not None
    assert report.performance_status.retries == 1


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_strain_shows_in_the_report_and_goes_slowly(status: str, server: FaultServer, tmp_path: Path) -> None:
    """A host that refuses is asked half as often; the report says so while it lasts, and after many good answers no more. [R9.5, B6]"""
    refused, good = [f"a{number}" for number in range(4)], [f"b{number}" for number in range(70)]
    for on in DAYS:
        for name in refused:
            server.on(f"/{name}/{on}", reply(status=status), reply(FIGURES))
        for name in good:
            server.on(f"/{name}/{on}", reply(FIGURES))
    seen = []
    with closing(PoliteFetcher(rate=1000, concurrency=1, retry=QUICK)) as fetch:
        for districts in (refused, good[:5], good[5:]):
            report = rebuild(server, tmp_path, *districts, fetch=fetch, concurrency=1)
            assert (report.status, report.progress.completed) == ("complete", 2 * len(districts))
            assert report.performance_status is not None
            (host,) = report.performance_status.hosts
            seen.append(host.slowdown)
    assert 1 < seen[1] < seen[0] <= MOST
    assert seen[2] == 1.0


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_pause_that_is_too_long_is_made_by_a_job_at_rest(status: str, server: FaultServer, tmp_path: Path) -> None:
    """A server that wants to be left alone for an hour fails no unit: the job pauses with the reason, and nothing more is sent. [R6.5, B6]"""
    for on in DAYS:
        server.on(f"/a/{on}", reply(status=status, Retry_After="3600"))
    store = PerDistrictFileSnapshotStore(tmp_path)
    with door() as fetch, BackfillService(Publisher(server.url), store, fetch=fetch) as service:
        job = service.initiate_backfill(BackfillRequest(DAYS[0], DAYS[1], ["a"], concurrency=2))
        for _turn in range(2):
            report = job.wait(PATIENCE)
            assert (report.status, report.progress.pending, report.progress.failed) == ("paused", 2, 0)
            assert "asks to be left alone for another 3" in str(report.status_reason)
            assert "resume the job when they are over" in str(report.status_reason)
            assert len(server.requests) <= 2, "those that were in flight at once"
            assert job.resume()
        job.wait(PATIENCE)
        assert job.cancel()


def test_everything_at_once_adds_up(server: FaultServer, tmp_path: Path) -> None:
    """A job over all faults together ends; each unit has its outcome, and what is well is stored. [P6, R6.1, R6.4]"""
    faults = {
        f"f{number}": fault
        for number, fault in enumerate(FAULTS.values())
        if fault.kind != "timeout" and "3600" not in fault.said
    }
    healthy = [f"h{number}" for number in range(12)]
    server.on("/round", reply(status="302 Found", Location=server.url("/round")))
    for on in DAYS:
        for name in healthy:
            server.on(f"/{name}/{on}", reply(FIGURES))
        for name, fault in faults.items():
            server.on(f"/{name}/{on}", fault.behaviour(server))  # type: ignore[arg-type] # a behaviour
    names = [name for pair in zip(healthy, list(faults)[:12], strict=True) for name in pair] + list(faults)[12:]
    with (
        door() as fetch,
        BackfillService(Publisher(server.url), PerDistrictFileSnapshotStore(tmp_path), fetch=fetch) as service,
    ):
        job = service.initiate_backfill(BackfillRequest(DAYS[0], DAYS[1], [*names, "absent"], concurrency=4))
        sampled = [job.report()]
        until(lambda: bool(sampled.append(job.report()) or job.future.done()))  # type: ignore[func-returns-value] # a condition that notes what it sees
        report = job.wait(PATIENCE)
    assert all(adds_up(found) for found in sampled)
    assert report.progress.unavailable == 2
    assert report.progress.completed == 24
    assert {(error.district_id, error.kind) for error in report.errors} == {(name, fault.kind) for name, fault in faults.items()}
    assert stored(tmp_path) == dict.fromkeys(DAYS, tuple(sorted(healthy)))


def test_a_job_over_a_flaky_line_is_complete_in_the_end(server: FaultServer, tmp_path: Path) -> None:
    """Documents that fail once or twice, each in another way, are had at last, and the report tells of the retries. [R6.5, R9.3]"""
    ways = [
        fault.behaviour(server)
        for fault in FAULTS.values()
        if fault.is_retryable and fault.attempts == 3 and fault.kind != "timeout"
    ]
    names = [f"d{number}" for number in range(len(ways))]
    for on in DAYS:
        for name, way in zip(names, ways, strict=True):
            server.on(f"/{name}/{on}", way, way, reply(FIGURES))  # type: ignore[arg-type] # a behaviour
    report = rebuild(server, tmp_path, *names, concurrency=2)
    assert (report.status, report.progress.completed) == ("complete", 2 * len(names))
    assert report.performance_status is not None
    assert (report.performance_status.requests, report.performance_status.retries) == (6 * len(names), 4 * len(names))
    assert stored(tmp_path) == dict.fromkeys(DAYS, tuple(sorted(names)))


def test_one_attempt_is_one_attempt(server: FaultServer, tmp_path: Path) -> None:
    """With retry_failures off each document is asked for once. [R6.5]"""
    for on in DAYS:
        server.on(f"/a/{on}", reply(status="503 Busy"), reply(FIGURES))
    report = rebuild(server, tmp_path, "a", retry_failures=False)
    assert (report.progress.failed, {error.attempts for error in report.errors}, len(server.requests)) == (2, {1}, 2)


def test_a_cancelled_job_lets_a_hanging_server_go(server: FaultServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Cancelled while a server hangs, a job ends long before the deadline, with what it had stored, and nothing failed. [R4.4]"""
    caplog.set_level(logging.INFO, "backfill")
    for on in DAYS:
        server.on(f"/a/{on}", reply(FIGURES))
        server.on(f"/b/{on}", server.hang)
    began = time.monotonic()
    with (
        door(deadline=100.0) as fetch,
        BackfillService(Publisher(server.url), PerDistrictFileSnapshotStore(tmp_path), fetch=fetch) as service,
    ):
        job = service.initiate_backfill(BackfillRequest(DAYS[0], DAYS[1], ["a", "b"], order="oldest-first", concurrency=1))
        until(lambda: any(request.target.startswith("/b/") for request in server.requests))
        job.cancel()
        report = job.wait(PATIENCE)
    assert time.monotonic() - began < 50
    assert (report.status, report.progress.completed, report.progress.pending, report.errors) == ("cancelled", 1, 3, ())
    assert stored(tmp_path) == {DAYS[0]: ("a",)}
    assert "job is at rest: cancelled" in caplog.messages


def test_a_server_that_goes_away_in_the_middle_leaves_what_was_stored(tmp_path: Path) -> None:
    """When the server dies during a job, the days before are stored and whole, and the job pauses; when it is back, the job goes on. [R6.3, R6.6, B2]"""
    root, archive = tmp_path / "root", tmp_path / "raw"
    days = [date(2024, 1, number) for number in range(1, 9)]

    def serve() -> FaultServer:
        server = FaultServer()
        for on in days:
            for name in "ab":
                server.on(f"/{name}/{on}", reply(FIGURES))
        return server

    servers = [serve(), serve()]
    addresses = [server.url("") for server in servers]  # one that has gone can no longer say where it was

    def address(path: str) -> str:
        return addresses[0] + path

    source = Publisher(address)
    with (
        door(archive=RawArchive(archive)) as fetch,
        BackfillService(source, PerDistrictFileSnapshotStore(root), fetch=fetch) as service,
    ):
        with servers[0] as dying:
            dying.on(f"/a/{days[4]}", dying.hang)
            job = service.initiate_backfill(BackfillRequest(days[0], days[-1], ["a", "b"], order="oldest-first", concurrency=1))
            until(lambda: any(request.target == f"/a/{days[4]}" for request in dying.requests))
        report = job.wait(PATIENCE)
        failed = report.progress.failed
        assert (report.status, report.progress.completed, report.progress.pending) == ("paused", 8, 8 - failed)
        assert failed < 8
        assert {error.kind for error in report.errors} <= {"connection", "timeout"}
        assert stored(root) == dict.fromkeys(days[:4], ("a", "b"))
        servers.reverse()
        addresses.reverse()
        with servers[0] as new:
            assert job.resume()
            assert job.wait(PATIENCE).progress.pending == 0
            assert len(new.requests) == 8 - failed, "what had failed for good is left to a retry"
            if failed:
                assert service.retry_failed(report.backfill_id).wait(PATIENCE).status == "complete"
            assert len(new.requests) == 8
    assert stored(root) == dict.fromkeys(days, ("a", "b"))
