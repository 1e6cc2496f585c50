"""Every status that the document publishes for an operation is one that it answers with: each pair is provoked, and held against the document."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import cast

import httpx
import pytest
from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request

from backfill import BackfillService, function_source
from backfill.errors import PermanentSourceError
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.protocols import Fetch
from backfill.scopes import DistrictConfigurationService
from backfill.testing import VirtualClock
from backfill.web import WebLimits, create_app, everybody
from backfill.web.openapi import document_of
from backfill.web.routes import OPERATIONS
from backfill.web.security import Authorize
from service_doubles import PATIENCE, serving
from web_client import Client, Json, finish, start

Pair = tuple[str, str, int]


def published() -> Iterator[Pair]:
    """Go through every operation of the document with every status that it says."""
    for path, item in cast("dict[str, dict[str, Json]]", document_of(OPERATIONS, "", "")["paths"]).items():
        for method, operation in item.items():
            for status in cast("Json", operation["responses"]):
                if status != "default":  # a status of the host's own
                    yield method.upper(), path, int(status)


PAIRS = tuple(published())
WITH_BODY = {(operation.method, operation.path) for operation in OPERATIONS if operation.body is not None}
RANGE: Json = {"start": "2026-01-05", "end": "2026-01-06"}
REQUEST: Json = {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]}
BODIES: Mapping[str, Json] = {
    "/backfills": REQUEST,
    "/plans": REQUEST,
    "/gaps": RANGE | {"districts": ["A", "D"]},
    "/rebuilds": RANGE,
    "/configuration": {"districts": ["A", "B", "C"]},
}
QUERIES: Mapping[str, str] = {"/coverage": "?start=2026-01-05&end=2026-01-06", "/backfills/{backfillId}/events": "?after=0"}


BACKWARDS: Mapping[str, Json] = {
    "/backfills": REQUEST | {"endDate": "2026-01-01"},
    "/plans": REQUEST | {"endDate": "2026-01-01"},
    "/gaps": RANGE | {"end": "2026-01-01"},
    "/rebuilds": RANGE | {"end": "2026-01-01"},
    "/configuration": {"districts": ["../etc"]},
}
"""What fits the schema, and cannot be done."""

STREAMS_END = WebLimits(stream_seconds=0.0)
"""A client in this process hears a stream only when it has ended."""


@frozen
class Stage:
    """A service that has carried out two jobs, and the operation that is asked of it.

    Attributes:
        service: The service.
        whole: A job that is complete.
        failed: A job in which a unit failed.
        gate: Units of district W wait until it opens.
        method: The operation's method.
        path: Its path.
        document: What the application publishes.
    """

    service: BackfillService
    whole: str
    failed: str
    gate: threading.Event
    method: str
    path: str
    document: Json

    def ask(self, *, limits: WebLimits = STREAMS_END, authorize: Authorize = everybody, **options: object) -> httpx.Response:
        """Ask rightly, but for what is said otherwise: of the job that is complete, and of a day that is stored."""
        parts = {"backfillId": options.pop("job", self.whole), "day": options.pop("day", "2026-01-05"), "districtId": "A"}
        address = self.path.format(**parts) + str(options.pop("query", QUERIES.get(self.path, "")))
        if (self.method, self.path) in WITH_BODY and "content" not in options:
            options.setdefault("json", BODIES[self.path])
        client = Client(create_app(self.service, authorize=authorize, limits=limits))
        client.document = self.document  # which the application may refuse
        return client.request(self.method, address, **options)

    def start_waiting(self) -> str:
        """Start a job whose unit waits at the gate."""
        return start(Client(create_app(self.service, authorize=everybody)), endDate="2026-01-05", targetDistricts=["W"])

    def rested(self, job: str) -> str:
        """Open the gate, and return the job when it has come to rest."""
        self.gate.set()
        self.service.get_job(job).wait(PATIENCE)
        return job


@pytest.fixture
def service_and_gate(tmp_path: Path) -> Iterator[tuple[BackfillService, threading.Event]]:
    """A service with everything that can be offered: a configuration, and an archive."""
    gate = threading.Event()

    def collect(on: date, district: str, fetch: Fetch) -> Json:
        if district == "W":
            assert gate.wait(PATIENCE), "the test never opened the gate"
        if district == "C":
            raise PermanentSourceError("it is gone")
        return {"text": fetch(f"made:{on}/{district}").text}

    door = PoliteFetcher(clock=VirtualClock(), transports={"made:": lambda _: b"6.1"}, archive=RawArchive(tmp_path / "raw"))
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    with closing(door), serving(function_source("gated")(collect), scope=scope, fetch=door) as service:
        try:
            yield service, gate
        finally:
            gate.set()


def challenge(_request: Request) -> bool:
    """Ask who it is."""
    raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


def break_down(_request: Request) -> bool:
    """Fail as nobody has foreseen."""
    message = "the directory of users is on fire"
    raise RuntimeError(message)


def fill_queue(stage: Stage) -> httpx.Response:
    """Ask while one job runs and another waits, and there may be no more."""
    stage.start_waiting()
    stage.start_waiting()
    return stage.ask(job=stage.failed, limits=WebLimits(max_queued=1))


def ask_twice(stage: Stage) -> httpx.Response:
    """Ask for what is so already."""
    job = stage.start_waiting()
    assert stage.ask(job=job).status_code == 202
    return stage.ask(job=stage.rested(job))


def retry_under_a_used_key(stage: Stage) -> httpx.Response:
    """Retry a job under the key of another one."""
    key = {"Idempotency-Key": "used"}
    Client(create_app(stage.service, authorize=everybody)).post("/backfills", REQUEST, headers=key)
    return stage.ask(job=stage.failed, headers=key)


def resume_paused(stage: Stage) -> httpx.Response:
    """Have a job go on that rests."""
    job = stage.start_waiting()
    stage.service.pause_backfill(job)
    return stage.ask(job=stage.rested(job))


Provocation = Callable[[Stage], httpx.Response]
JOB = "/backfills/{backfillId}"

ALIKE: Mapping[int, Provocation] = {
    200: lambda stage: stage.ask(),
    202: lambda stage: stage.ask(job=stage.failed),
    304: lambda stage: stage.ask(headers={"If-None-Match": "*"}),
    400: lambda stage: stage.ask(query="?nonsense=1"),
    401: lambda stage: stage.ask(authorize=challenge),
    403: lambda stage: stage.ask(authorize=lambda _request: False),
    404: lambda stage: stage.ask(job="nobody", day="1999-12-31"),
    409: lambda stage: stage.ask(),  # the job has ended, and nothing failed in it
    413: lambda stage: stage.ask(content=b" " * 70_000, headers={"Content-Type": "application/json"}),
    415: lambda stage: stage.ask(content=b"{}", headers={"Content-Type": "text/plain"}),
    421: lambda stage: stage.ask(headers={"Host": "evil.example"}),
    422: lambda stage: stage.ask(json=BACKWARDS[stage.path]),
    429: fill_queue,
    500: lambda stage: stage.ask(authorize=break_down),
    503: lambda stage: stage.ask(limits=WebLimits(max_waiting=0)),
}
"""What makes any operation answer with a status."""

PARTICULAR: Mapping[Pair, Provocation] = {
    ("POST", "/backfills", 409): lambda stage: stage.ask(json=REQUEST | {"planFingerprint": "0" * 64}),
    ("GET", "/backfills", 404): lambda stage: stage.ask(query="?after=nobody"),
    ("POST", JOB + "/retry", 422): retry_under_a_used_key,
    ("POST", JOB + "/cancel", 200): ask_twice,
    ("POST", JOB + "/cancel", 202): lambda stage: stage.ask(job=stage.start_waiting()),
    ("POST", JOB + "/pause", 200): ask_twice,
    ("POST", JOB + "/pause", 202): lambda stage: stage.ask(job=stage.start_waiting()),
    ("POST", JOB + "/resume", 200): lambda stage: stage.ask(job=stage.start_waiting()),
    ("POST", JOB + "/resume", 202): resume_paused,
    ("GET", JOB + "/events", 204): lambda stage: stage.ask(query="", headers={"Last-Event-ID": "999999"}),
    ("GET", "/coverage", 422): lambda stage: stage.ask(query="?start=2026-01-06&end=2026-01-05"),
    ("PUT", "/configuration", 412): lambda stage: stage.ask(headers={"If-Match": '"what it was"'}),
}
"""What makes one operation answer with a status, where it takes something else."""


@pytest.mark.parametrize(("method", "path", "status"), PAIRS, ids=str)
def test_p8_every_published_status_is_answered_as_published(
    method: str, path: str, status: int, service_and_gate: tuple[BackfillService, threading.Event]
) -> None:
    """Each status of each operation happens, and its media type, body and headers are those of the document. [P8, R8.3, R8.4, R8.5]"""
    service, gate = service_and_gate
    client = Client(create_app(service, authorize=everybody))
    whole, failed = finish(service, client), finish(service, client, targetDistricts=["A", "C"])
    provoke = PARTICULAR.get((method, path, status)) or ALIKE[status]
    response = provoke(Stage(service, whole, failed, gate, method, path, client.document))
    assert response.status_code == status, response.text


def test_every_pair_is_provoked(record_property: Callable[[str, object], None]) -> None:
    """Nothing that the document publishes is left out above, and nothing is provoked that it does not publish. [P8]"""
    left_out = [pair for pair in PAIRS if pair not in PARTICULAR and pair[2] not in ALIKE]
    assert not left_out
    assert set(PARTICULAR) <= set(PAIRS)
    record_property(
        "figures", f"statuses of operations provoked: {len(PAIRS)}, of {len(OPERATIONS)} operations; left out: {len(left_out)}"
    )
