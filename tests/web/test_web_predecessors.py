"""Every route of the interfaces that came before has one here, and every failure of theirs its answer.

The tables are those of docs/reference/http.md, under "Coming from toast-stats"; each row has its test.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import httpx
import pytest

from backfill import BackfillService, Job
from backfill.errors import PermanentSourceError
from backfill.model import BackfillStatus
from backfill.testing.source import ScriptedSource
from backfill.web import WebLimits
from service_doubles import PATIENCE, GatedSource, NamedScope
from web_client import Client, finish, offering, problem, start

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"
BODY = {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]}

Check = Callable[[BackfillService, Client], None]


def _start(service: BackfillService, client: Client) -> None:
    response = client.post("/backfills", BODY)
    assert (response.status_code, "location" in response.headers) == (202, True)
    assert service.get_job(response.json()["backfillId"]).wait(PATIENCE).status is BackfillStatus.COMPLETE


def _start_one(service: BackfillService, client: Client) -> None:
    report = client.post("/backfills", BODY | {"targetDistricts": ["A"]}).json()
    assert (report["scope"]["kind"], report["scope"]["districts"]) == ("single-district", ["A"])


def _look(service: BackfillService, client: Client) -> None:
    report = client.get(f"/backfills/{finish(service, client)}").json()
    assert (report["status"], report["progress"]["completed"]) == ("complete", 4)


def _cancel(service: BackfillService, client: Client) -> None:
    source = cast("GatedSource", service._source)
    source.gate.clear()
    backfill_id = start(client, skipExisting=False)
    source.await_arrivals()
    assert client.post(f"/backfills/{backfill_id}/cancel").status_code == 202
    source.gate.set()
    assert service.get_job(backfill_id).wait(PATIENCE).status is BackfillStatus.CANCELLED


def _plan(service: BackfillService, client: Client) -> None:
    plan = client.post("/plans", BODY).json()
    assert ([planned["day"] for planned in plan["days"]], service.list_backfills()) == (["2026-01-06", "2026-01-05"], [])


def _list(service: BackfillService, client: Client) -> None:
    ids = [finish(service, client) for _ in range(2)]
    page = client.get("/backfills?limit=1&offset=1&status=complete").json()
    assert [report["backfillId"] for report in page["items"]] == [ids[0]]


def _limits(service: BackfillService, client: Client) -> None:
    assert "performanceStatus" in client.get(f"/backfills/{finish(service, client)}").json()
    assert client.get("/metrics").status_code == 200


def _own_limits(service: BackfillService, client: Client) -> None:
    request = client.post("/plans", BODY | {"concurrency": 2, "minIntervalSeconds": 1.5}).json()["request"]
    assert (request["concurrency"], request["minIntervalSeconds"]) == (2, 1.5)
    assert client.post("/backfills", BODY | {"concurrency": 2, "minIntervalSeconds": 1.5}).status_code == 202


def _rebuild(service: BackfillService, client: Client) -> None:
    found = problem(client.post("/rebuilds", {"start": "2026-01-05", "end": "2026-01-06"}), 422, "invalid-request")
    assert "keeps none" in str(found["detail"]), "it would; this service has no archive"


ROUTES: dict[str, tuple[str, Check]] = {
    "POST /api/districts/backfill": ("POST /backfills", _start),
    "GET /api/districts/backfill/:id": ("GET /backfills/{backfillId}", _look),
    "DELETE /api/districts/backfill/:id": ("POST /backfills/{backfillId}/cancel", _cancel),
    "POST /api/districts/:districtId/backfill": ("POST /backfills", _start_one),
    "GET /api/districts/:districtId/backfill/:id": ("GET /backfills/{backfillId}", _look),
    "DELETE /api/districts/:districtId/backfill/:id": ("POST /backfills/{backfillId}/cancel", _cancel),
    "POST /api/admin/unified-backfill": ("POST /backfills", _start),
    "POST /api/admin/unified-backfill/preview": ("POST /plans", _plan),
    "GET /api/admin/unified-backfill/jobs": ("GET /backfills", _list),
    "GET /api/admin/unified-backfill/config/rate-limit": ("GET /metrics", _limits),
    "PUT /api/admin/unified-backfill/config/rate-limit": ("POST /backfills", _own_limits),
    "GET /api/admin/unified-backfill/:jobId": ("GET /backfills/{backfillId}", _look),
    "DELETE /api/admin/unified-backfill/:jobId": ("POST /backfills/{backfillId}/cancel", _cancel),
    "POST /api/admin/unified-backfill/:jobId/force-cancel": ("POST /backfills/{backfillId}/cancel", _cancel),
    "POST /api/admin/backfill": ("POST /rebuilds", _rebuild),
    "GET /api/admin/backfill/:id": ("GET /backfills/{backfillId}", _look),
    "DELETE /api/admin/backfill/:id": ("POST /backfills/{backfillId}/cancel", _cancel),
}


@pytest.mark.parametrize("theirs", ROUTES)
def test_a_route_of_before_has_one_here(theirs: str) -> None:
    """What the earlier interface did at this route, this one does at its own. [R8.1, R8.2, R10.1]"""
    source = GatedSource()
    source.gate.set()
    with offering(source) as (service, client):
        ROUTES[theirs][1](service, client)


def _answer(response: httpx.Response) -> str:
    return f"{response.status_code} {response.json()['code']}" if response.status_code >= 400 else str(response.status_code)


def _running(_service: BackfillService, client: Client) -> httpx.Response:
    start(client)
    return client.post("/backfills", BODY)


def _cached(service: BackfillService, client: Client) -> httpx.Response:
    finish(service, client)
    response = client.post("/backfills", BODY)
    job: Job = service.get_job(response.json()["backfillId"])
    assert job.wait(PATIENCE).progress.skipped == 4
    return response


def _forced(service: BackfillService, client: Client) -> httpx.Response:
    source = cast("GatedSource", service._source)
    source.gate.clear()
    backfill_id = start(client)
    source.await_arrivals()
    response = client.post(f"/backfills/{backfill_id}/cancel")
    source.gate.set()
    service.get_job(backfill_id).wait(PATIENCE)
    return response


def _twice(service: BackfillService, client: Client) -> httpx.Response:
    return client.post(f"/backfills/{_forced(service, client).json()['backfillId']}/cancel")


def _failed(_client: Client) -> httpx.Response:
    with offering(ScriptedSource(lambda _day, _district: PermanentSourceError("no"))) as (service, client):
        return client.post(f"/backfills/{finish(service, client)}/cancel")


def _closed(service: BackfillService, client: Client) -> httpx.Response:
    service.close()
    return client.post("/backfills", BODY)


def _broken(service: BackfillService, client: Client) -> httpx.Response:
    service._jobs = cast("object", None)  # type: ignore[assignment] # nothing works without it
    return client.get("/backfills")


def _crowded(_client: Client) -> httpx.Response:
    source = GatedSource()
    with offering(source, limits=WebLimits(max_queued=1)) as (_, client):
        start(client)
        source.await_arrivals()
        start(client)
        response = client.post("/backfills", BODY)
        source.gate.set()
        return response


FAILURES: dict[str, tuple[str, Callable[[BackfillService, Client], httpx.Response]]] = {
    "VALIDATION_ERROR": ("400 invalid-body", lambda _s, c: c.post("/backfills", {})),
    "INVALID_REQUEST": ("400 invalid-body", lambda _s, c: c.post("/backfills", BODY | {"jobType": "x"})),
    "INVALID_JOB_TYPE": ("400 invalid-body", lambda _s, c: c.post("/backfills", BODY | {"collectionType": "x"})),
    "INVALID_DATE_FORMAT": ("400 invalid-body", lambda _s, c: c.post("/backfills", BODY | {"startDate": "5.1.2026"})),
    "INVALID_DATE_RANGE": ("422 invalid-request", lambda _s, c: c.post("/backfills", BODY | {"endDate": "2026-01-01"})),
    "DATE_RANGE_TOO_LARGE": ("422 invalid-request", lambda _s, c: c.post("/backfills", BODY | {"startDate": "1900-01-01"})),
    "SCOPE_ERROR": ("422 invalid-request", lambda _s, c: c.post("/backfills", BODY | {"targetDistricts": ["Z"]})),
    "INVALID_DISTRICT_ID": ("422 invalid-request", lambda _s, c: c.post("/backfills", BODY | {"targetDistricts": ["/"]})),
    "CONFIGURATION_ERROR": ("202", lambda _s, c: c.post("/backfills", {"startDate": "2026-01-05"})),
    "ALL_DATES_CACHED": ("202", _cached),
    "JOB_ALREADY_RUNNING": ("202", _running),
    "INVALID_BACKFILL_ID": ("404 not-found", lambda _s, c: c.get("/backfills/a b")),
    "BACKFILL_NOT_FOUND": ("404 job-not-found", lambda _s, c: c.get("/backfills/none")),
    "JOB_NOT_FOUND": ("404 job-not-found", lambda _s, c: c.post("/backfills/none/cancel")),
    "CANNOT_CANCEL_JOB": ("409 job-state", lambda s, c: c.post(f"/backfills/{finish(s, c)}/cancel")),
    "CANNOT_CANCEL": ("409 job-state", lambda s, c: c.post(f"/backfills/{finish(s, c)}/cancel")),
    "CANCELLATION_FAILED": ("409 job-state", lambda s, c: c.post(f"/backfills/{finish(s, c)}/cancel")),
    "JOB_ALREADY_COMPLETED": ("409 job-state", lambda s, c: c.post(f"/backfills/{finish(s, c)}/cancel")),
    "JOB_ALREADY_CANCELLED": ("200", _twice),
    "JOB_ALREADY_FAILED": ("409 job-state", lambda _s, c: _failed(c)),
    "FORCE_REQUIRED": ("202", _forced),
    "INVALID_JOB_STATE": ("409 job-state", lambda s, c: c.post(f"/backfills/{finish(s, c)}/retry")),
    "STORAGE_ERROR": ("503 service-closed", _closed),
    "INTERNAL_ERROR": ("500 internal-error", _broken),
    "BACKFILL_ERROR": ("500 internal-error", _broken),
    "BACKFILL_CREATION_FAILED": ("429 queue-full", lambda _s, c: _crowded(c)),
    "PROGRESS_RETRIEVAL_FAILED": ("404 job-not-found", lambda _s, c: c.get("/backfills/none/errors")),
}


@pytest.mark.parametrize("code", FAILURES)
def test_a_failure_of_before_has_its_answer_here(code: str) -> None:
    """What failed with this code in the earlier interface is answered here as the table says, decided by a type. [R8.4, R8.5]"""
    source = GatedSource()
    source.gate.set()
    with offering(source, scope=NamedScope("A", "B")) as (service, client):
        expected, ask = FAILURES[code]
        assert _answer(ask(service, client)) == expected


def test_the_documented_tables_are_these() -> None:
    """The reference shows each of these routes and failures, with the answer that the tests expect, and no others. [R10.4]"""
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    documented = dict(rows)
    assert len(documented) == len(rows)
    expected = {theirs: ours for theirs, (ours, _) in (*ROUTES.items(), *FAILURES.items())}
    assert documented == expected
