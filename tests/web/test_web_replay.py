"""A POST that comes again under its Idempotency-Key is answered as the first was, whatever has become of the world meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from backfill import BackfillService
from backfill.errors import PermanentSourceError
from backfill.jobstores import MemoryJobStore
from backfill.model import BackfillScope
from backfill.testing.source import ScriptedSource
from backfill.web import WebLimits, create_app, everybody
from service_doubles import PATIENCE, GatedSource, NamedScope, day
from web_client import Client, Json, finish, offering, pointers, problem

BODY: Json = {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]}
RANGE: Json = {"start": "2026-01-05", "end": "2026-01-06", "districts": ["A", "B"]}
KEY = {"Idempotency-Key": "a-click"}


class ShrinkingScope:
    """A scope that has everything, until it has nothing any more."""

    def __init__(self) -> None:
        self.is_empty = False

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return the scope of *requested*."""
        return NamedScope(*("Z" if self.is_empty else "AB")).resolve(requested)


@contextmanager
def one_failed() -> Iterator[tuple[BackfillService, Client, str]]:
    """Hand out a service with a job in which everything of B failed."""
    with offering(ScriptedSource({(on, "B"): PermanentSourceError("it is gone") for on in (day(0), day(1))})) as (
        service,
        client,
    ):
        yield service, client, finish(service, client)


def test_a_full_queue_refuses_no_repetition() -> None:
    """A client that lost the first answer gets its job although the queue is full by now. [R8.5]"""
    source = GatedSource()
    with offering(source, limits=WebLimits(max_queued=1)) as (service, client):
        client.post("/backfills", BODY | {"targetDistricts": ["A"]})
        first = client.post("/backfills", BODY, headers=KEY).json()["backfillId"]
        problem(client.post("/backfills", BODY), 429, "queue-full")
        again = client.post("/backfills", BODY, headers=KEY)
        assert (again.status_code, again.json()["backfillId"]) == (202, first)
        assert again.headers["location"] == f"/backfills/{first}"
        assert len(service.list_backfills()) == 2
        source.gate.set()


def test_a_changed_scope_refuses_no_repetition() -> None:
    """Nor does a configuration that has lost its districts since; a new request is refused. [R8.5, R7.5]"""
    scope = ShrinkingScope()
    with offering(scope=scope) as (_, client):
        first = client.post("/backfills", BODY, headers=KEY).json()["backfillId"]
        scope.is_empty = True
        problem(client.post("/backfills", BODY), 422, "invalid-request")
        assert client.post("/backfills", BODY, headers=KEY).json()["backfillId"] == first


def test_a_smaller_limit_refuses_no_repetition() -> None:
    """Nor does a limit on units that was lowered since. [R8.5]"""
    with offering() as (service, client):
        first = client.post("/backfills", BODY, headers=KEY).json()["backfillId"]
        strict = Client(create_app(service, authorize=everybody, limits=WebLimits(max_units=1)))
        problem(strict.post("/backfills", BODY), 422, "invalid-request")
        assert strict.post("/backfills", BODY, headers=KEY).json()["backfillId"] == first


def test_a_plan_out_of_date_refuses_no_repetition_but_another_plan_does() -> None:
    """A job started by a plan is found by its key when the plan is out of date; under the key of one plan no other is started. [R8.5, B1]"""
    with offering() as (service, client):
        bound = BODY | {"planFingerprint": client.post("/plans", BODY).json()["fingerprint"]}
        first = client.post("/backfills", bound, headers=KEY).json()["backfillId"]
        service.get_job(first).wait(PATIENCE)
        assert client.post("/backfills", bound, headers=KEY).json()["backfillId"] == first
        fresh = BODY | {"planFingerprint": client.post("/plans", BODY).json()["fingerprint"]}
        found = problem(client.post("/backfills", fresh, headers=KEY), 422, "invalid-request")
        assert pointers(found) == [("header", "#/Idempotency-Key")]
        assert len(service.list_backfills()) == 1


def test_a_job_store_that_cannot_look_keys_up_still_makes_one_job() -> None:
    """Without the ability the key is looked at when the job is kept: the same job, as long as it could be started anew. [R8.5]"""

    class Blind(MemoryJobStore):
        created_with = None  # type: ignore[assignment] # the ability is told by its method

    with offering(jobs=Blind()) as (service, client):
        bound = BODY | {"planFingerprint": client.post("/plans", BODY).json()["fingerprint"]}
        first = client.post("/backfills", bound, headers=KEY).json()["backfillId"]
        service.get_job(first).wait(PATIENCE)
        assert client.post("/backfills", BODY, headers=KEY).json()["backfillId"] == first
        fresh = BODY | {"planFingerprint": client.post("/plans", BODY).json()["fingerprint"]}
        found = problem(client.post("/backfills", fresh, headers=KEY), 422, "invalid-request")
        assert pointers(found) == [("header", "#/Idempotency-Key")]


def test_gaps_are_filled_once_under_a_key() -> None:
    """POST /gaps under a key is one job, also when nothing is missing any more and the queue is full; another range is refused. [R8.5, B5]"""
    with offering() as (service, client):
        first = client.post("/gaps", RANGE, headers=KEY)
        assert first.status_code == 202
        service.get_job(first.json()["backfillId"]).wait(PATIENCE)
        problem(client.post("/gaps", RANGE), 422, "invalid-request")
        full = Client(create_app(service, authorize=everybody, limits=WebLimits(max_queued=0, max_units=1)))
        again = full.post("/gaps", RANGE, headers=KEY)
        assert (again.status_code, again.json()["backfillId"]) == (202, first.json()["backfillId"])
        for other in (RANGE | {"end": "2026-01-05"}, RANGE | {"districts": ["A"]}, RANGE | {"frequency": "weekly"}):
            found = problem(client.post("/gaps", other, headers=KEY), 422, "invalid-request")
            assert pointers(found) == [("header", "#/Idempotency-Key")]


def test_a_job_is_retried_once_under_a_key() -> None:
    """POST …/retry under a key is one job, also when the queue is full; under another job's address the key is refused. [R8.5, R9.3]"""
    with one_failed() as (service, client, failed):
        first = client.post(f"/backfills/{failed}/retry", headers=KEY)
        assert first.status_code == 202
        service.get_job(first.json()["backfillId"]).wait(PATIENCE)
        full = Client(create_app(service, authorize=everybody, limits=WebLimits(max_queued=0)))
        problem(full.post(f"/backfills/{failed}/retry"), 429, "queue-full")
        assert full.post(f"/backfills/{failed}/retry", headers=KEY).json()["backfillId"] == first.json()["backfillId"]
        other = client.post(f"/backfills/{first.json()['backfillId']}/retry", headers=KEY)
        assert pointers(problem(other, 422, "invalid-request")) == [("header", "#/Idempotency-Key")]


def test_a_key_stands_for_one_kind_of_request() -> None:
    """The key of a retry or of gaps starts nothing else, although the job's own request may read the same. [R8.5]"""
    with one_failed() as (service, client, failed):
        retried = client.post(f"/backfills/{failed}/retry", headers=KEY).json()["backfillId"]
        service.get_job(retried).wait(PATIENCE)
        gaps = {"Idempotency-Key": "other"}
        client.post("/gaps", RANGE, headers=gaps)
        for path, body, key in (("/backfills", BODY, KEY), ("/backfills", BODY, gaps), ("/gaps", RANGE, KEY)):
            found = problem(client.post(path, body, headers=key), 422, "invalid-request")
            assert pointers(found) == [("header", "#/Idempotency-Key")]
