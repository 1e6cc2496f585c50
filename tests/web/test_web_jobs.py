"""Jobs over HTTP: one POST starts one, and everything that can be asked of it or done to it answers as HTTP has it."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import cast

import pytest

from backfill import BackfillRequest, function_source
from backfill.errors import PermanentSourceError, TransientSourceError
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.jobstores import MemoryJobStore
from backfill.model import BackfillStatus, FetchStatus
from backfill.protocols import Fetch
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from backfill.web import WebLimits
from service_doubles import PATIENCE, GatedSource, NamedScope, day
from web_client import Json, Raw, finish, offering, pointers, problem, start

BODY = {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]}


def test_one_post_starts_a_backfill() -> None:
    """A POST is answered at once with 202, the job's address, when to ask again, and the whole report. [R8.1, R8.5]"""
    source = GatedSource()
    with offering(source) as (service, client):
        response = client.post("/backfills", BODY)
        report = response.json()
        assert response.status_code == 202
        assert response.headers["location"] == f"/backfills/{report['backfillId']}"
        assert int(response.headers["retry-after"]) >= 1
        assert response.headers["cache-control"] == "no-store"
        assert report["status"] in {"queued", "processing"}
        assert report["progress"]["total"] == 4
        source.gate.set()
        assert service.get_job(report["backfillId"]).wait(PATIENCE).status is BackfillStatus.COMPLETE


def test_the_body_carries_targets_and_every_option() -> None:
    """Every option of a request can be given in the body, and reaches the plan as it was given. [R8.2, R12.2]"""
    options = {
        "collectionType": "per-district",
        "detail": "full",
        "concurrency": 7,
        "retryFailures": False,
        "skipExisting": False,
        "enableCaching": False,
        "minIntervalSeconds": 0.5,
        "maxFailures": 9,
        "frequency": "weekly",
        "order": "oldest-first",
    }
    with offering() as (_, client):
        plan = client.post("/plans", BODY | options).json()
    assert plan["request"] == BODY | options


def test_what_is_left_out_or_null_has_its_default() -> None:
    """Only the first day must be given; ``null`` means the same as leaving an option out where it has no value. [R8.2]"""
    with offering() as (_, client):
        least = client.post("/plans", {"startDate": "2026-01-05"}).json()["request"]
        nulls = {"endDate": None, "targetDistricts": None, "minIntervalSeconds": None}
        assert client.post("/plans", {"startDate": "2026-01-05"} | nulls).json()["request"] == least
    request = BackfillRequest("2026-01-05")
    assert (least["endDate"], least["concurrency"], least["order"]) == ("2026-01-05", request.concurrency, request.order)


def test_a_key_makes_a_repeated_post_one_job() -> None:
    """The same Idempotency-Key gets the first job, also when the plan would be another by now; without one there are two. [R8.5]"""
    with offering() as (service, client):
        key = {"Idempotency-Key": "a-click"}
        first = client.post("/backfills", BODY, headers=key).json()["backfillId"]
        service.get_job(first).wait(PATIENCE)
        assert client.post("/backfills", BODY, headers=key).json()["backfillId"] == first
        assert client.post("/backfills", BODY).json()["backfillId"] != first


def test_a_key_for_another_request_is_refused() -> None:
    """A key that was used for another request is told to be so, in the header where it stands. [R8.4, R8.5]"""
    with offering() as (_, client):
        key = {"Idempotency-Key": "k"}
        client.post("/backfills", BODY, headers=key)
        found = problem(client.post("/backfills", BODY | {"concurrency": 1}, headers=key), 422, "invalid-request")
        assert pointers(found) == [("header", "#/Idempotency-Key")]


def test_a_key_stands_once() -> None:
    """Two keys in one request are not guessed at. [R8.4]"""
    with offering() as (_, client):
        raw = Raw(client.app)
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), *[(b"idempotency-key", b"k")] * 2]
        found = problem(raw.ask(raw.scope("POST", "/backfills", headers=headers), b"{}"), 400, "invalid-parameter")
        assert pointers(found) == [("header", "#/Idempotency-Key")]


@pytest.mark.parametrize("key", ["", "two words", "ä", "x" * 256])
def test_a_key_is_a_short_visible_text(key: str) -> None:
    """A key that is empty, too long, or not printable is refused before anything starts. [R8.4, R8.5]"""
    with offering() as (service, client):
        found = problem(client.post("/backfills", BODY, headers={"Idempotency-Key": key.encode()}), 400, "invalid-parameter")
        assert pointers(found) == [("header", "#/Idempotency-Key")]
        assert not service.list_backfills()


def test_a_plan_is_carried_out_exactly_or_not_at_all() -> None:
    """With the fingerprint of a plan the job runs if it would still do the same, and is refused with 409 if not. [R8.5, B1]"""
    with offering() as (service, client):
        plan = client.post("/plans", BODY).json()
        bound = BODY | {"planFingerprint": plan["fingerprint"]}
        first = client.post("/backfills", bound, headers={"Idempotency-Key": "k"})
        assert first.status_code == 202
        service.get_job(first.json()["backfillId"]).wait(PATIENCE)
        problem(client.post("/backfills", bound), 409, "plan-outdated")
        again = client.post("/backfills", bound, headers={"Idempotency-Key": "k"})
        assert again.json()["backfillId"] == first.json()["backfillId"]
        assert len(service.list_backfills()) == 1


def test_out_of_scope_targets_are_left_out_and_reported() -> None:
    """Targets outside the configuration are left out, each with the reason; with none left the request is refused. [R7.5, R8.4]"""
    with offering(scope=NamedScope("A")) as (_, client):
        report = client.post("/backfills", BODY).json()
        assert report["scope"]["districts"] == ["A"]
        assert report["scope"]["excluded"] == [{"text": "B", "why": "is not configured", "suggestions": []}]
        found = problem(client.post("/backfills", BODY | {"targetDistricts": ["Z"]}), 422, "invalid-request")
        assert pointers(found) == [("body", "#/targetDistricts")]


def test_what_cannot_be_done_is_told_with_its_place_and_a_remedy() -> None:
    """A request that fits the schema but cannot be done is 422, with a pointer to the value and the wire's own names. [R8.4]"""
    with offering() as (_, client):
        backwards = problem(client.post("/backfills", BODY | {"endDate": "2026-01-01"}), 422, "invalid-request")
        assert pointers(backwards) == [("body", "#/endDate")]
        assert backwards["detail"] == "lies before startDate 2026-01-05"
        future = problem(client.post("/backfills", BODY | {"endDate": "2027-01-01"}), 422, "invalid-request")
        assert pointers(future) == [("body", "#/endDate")]
        both = problem(
            client.post("/backfills", BODY | {"collectionType": "system-wide", "detail": "full"}), 422, "invalid-request"
        )
        assert pointers(both) == [("body", "#/detail")]
        assert "collectionType='per-district'" in str(both["remedy"])
        odd = problem(client.post("/plans", BODY | {"targetDistricts": ["../x"]}), 422, "invalid-request")
        assert pointers(odd) == [("body", "#/targetDistricts/0")]


def test_one_wrong_district_of_many_is_pointed_at() -> None:
    """Which of a list cannot be accepted is told by its place in it, in bodies and in queries. [R8.4]"""
    with offering() as (_, client):
        body = {"start": "2026-01-05", "end": "2026-01-06", "districts": ["A", "../x", "B"]}
        found = problem(client.post("/gaps", body), 422, "invalid-request")
        assert pointers(found) == [("body", "#/districts/1")]
        assert str(found["detail"]).startswith('"../x": ')
        address = "/coverage?start=2026-01-05&end=2026-01-06&district=A&district=../x"
        assert pointers(problem(client.get(address), 422, "invalid-request")) == [("query", "#/district/1")]


def test_every_wrong_value_is_told_at_once() -> None:
    """All values that do not fit are listed, each by JSON Pointer with what to write instead. [R8.4]"""
    body = {
        "startDate": "soon",
        "targetDistricts": ["A", 61],
        "concurrency": "3",
        "concurency": 3,
        "retryFailures": 1,
        "order": [],
    }
    with offering() as (service, client):
        found = problem(client.post("/backfills", body), 400, "invalid-body")
        assert sorted(pointers(found)) == [
            ("body", "#/concurency"),
            ("body", "#/concurrency"),
            ("body", "#/order"),
            ("body", "#/retryFailures"),
            ("body", "#/startDate"),
            ("body", "#/targetDistricts/1"),
        ]
        assert "did you mean concurrency?" in client.post("/backfills", body).text
        found = problem(client.post("/backfills", BODY | {"targetDistricts": "A"}), 400, "invalid-body")
        assert cast("list[Json]", found["errors"])[0]["remedy"] == 'write a list, for instance ["A"]'
        assert not service.list_backfills()


def test_a_job_of_too_many_units_is_refused() -> None:
    """A job larger than the application allows is refused before it is queued, with what to ask for instead. [R8.4]"""
    with offering(limits=WebLimits(max_units=3)) as (service, client):
        found = problem(client.post("/backfills", BODY), 422, "invalid-request")
        assert "4 units" in str(found["detail"])
        problem(client.post("/plans", BODY), 422, "invalid-request")
        assert not service.list_backfills()
        problem(client.get("/coverage?start=2026-01-05&end=2026-01-06&district=A&district=B"), 422, "invalid-request")
        gaps = {"start": "2026-01-05", "end": "2026-01-06", "districts": ["A", "B"]}
        assert "4 units" in str(problem(client.post("/gaps", gaps), 422, "invalid-request")["detail"])
        assert not service.list_backfills()


def test_a_full_queue_asks_for_patience() -> None:
    """When too many jobs wait, another is refused with 429 and Retry-After, and filling gaps is as well. [R8.5]"""
    source = GatedSource()
    with offering(source, limits=WebLimits(max_queued=1)) as (_, client):
        start(client)
        source.await_arrivals()
        waiting = start(client)
        response = client.post("/backfills", BODY)
        problem(response, 429, "queue-full")
        assert int(response.headers["retry-after"]) > 0
        problem(client.post("/gaps", {"start": "2026-01-05", "end": "2026-01-06", "districts": ["A"]}), 429, "queue-full")
        assert client.post(f"/backfills/{waiting}/cancel").status_code == 202
        start(client)
        source.gate.set()


def test_a_report_says_all_of_it_and_when_to_ask_again() -> None:
    """While a job runs its report carries Retry-After and an ETag; once it has ended there is nothing to wait for. [R8.5, R6.4]"""
    source = GatedSource(lambda on, _district: on == day(0))
    with offering(source) as (service, client):
        backfill_id = start(client, order="newest-first", concurrency=1)
        source.await_arrivals()
        running = client.get(f"/backfills/{backfill_id}")
        assert running.json()["status"] == "processing"
        assert running.headers["retry-after"] in {"1", "2"}  # by whether the first unit has been noted yet
        assert running.headers["cache-control"] == "private, no-cache"
        source.gate.set()
        service.get_job(backfill_id).wait(PATIENCE)
        ended = client.get(f"/backfills/{backfill_id}")
        assert ended.json()["status"] == "complete"
        assert "retry-after" not in ended.headers
        assert ended.headers["etag"] != running.headers["etag"]


def test_the_time_to_ask_again_follows_the_time_left() -> None:
    """Who asks about a long job is told to come back later than who asks about a short one, half a minute at most. [R8.5, R9.5]"""
    clock = VirtualClock()
    source = GatedSource(lambda on, _district: on != day(0))
    with offering(source, clock=clock) as (service, client):
        backfill_id = start(client, endDate="2026-01-14", targetDistricts=["A"], concurrency=1, order="oldest-first")
        source.await_arrivals()
        while not service.get_backfill_status(backfill_id).progress.completed:
            pass
        clock.advance(10)
        assert client.get(f"/backfills/{backfill_id}").headers["retry-after"] == "9"
        clock.advance(1000)
        assert client.get(f"/backfills/{backfill_id}").headers["retry-after"] == "30"
        source.gate.set()


def test_a_report_that_is_still_so_is_not_sent_again() -> None:
    """With the ETag that it has, a client gets 304 and no body; a weak or a listed one counts, another does not. [R8.5]"""
    with offering() as (service, client):
        path = f"/backfills/{finish(service, client)}"
        etag = client.get(path).headers["etag"]
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            same = client.get(path, headers={"If-None-Match": known})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
        assert client.get(path, headers={"If-None-Match": "nonsense"}).status_code == 200


def test_a_client_may_ask_for_the_head_alone() -> None:
    """HEAD answers as GET does, without the body. [R8.5]"""
    with offering() as (service, client):
        path = f"/backfills/{finish(service, client)}"
        full, head = client.get(path), client.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == full.headers["etag"]
        assert head.headers["content-length"] == str(len(full.content))
        missing = client.request("HEAD", "/backfills/none")
        assert (missing.status_code, missing.content) == (404, b"")


def test_jobs_are_listed_by_page_and_state() -> None:
    """The list is newest first, a page at a time with the address of the next, filtered by any number of states. [R8.3, R1.3]"""
    with offering(root="/bf") as (service, client):
        ids = [finish(service, client) for _ in range(3)]
        first = client.get("/backfills?limit=2&status=complete&status=error").json()
        assert [report["backfillId"] for report in first["items"]] == [ids[2], ids[1]]
        assert first["next"] == f"/bf/backfills?limit=2&status=complete&status=error&after={ids[1]}"
        second = client.get(first["next"].removeprefix("/bf")).json()
        assert ([report["backfillId"] for report in second["items"]], second["next"]) == ([ids[0]], None)
        assert client.get("/backfills?status=cancelled").json() == {"items": [], "next": None}


@pytest.mark.parametrize("can_page", [True, False])
def test_a_page_goes_on_after_its_last_job(can_page: bool) -> None:
    """A job that is accepted while somebody pages moves none of the others, with any job store; an offset leads into the pages. [R8.3]"""

    class Plain(MemoryJobStore):
        list_after = None  # type: ignore[assignment] # the ability is told by its method

    with offering(jobs=MemoryJobStore() if can_page else Plain()) as (service, client):
        ids = [finish(service, client) for _ in range(5)][::-1]
        first = client.get("/backfills?limit=1&offset=1").json()
        assert [report["backfillId"] for report in first["items"]] == [ids[1]]
        finish(service, client)
        found, following = [], first["next"]
        while following:
            page = client.get(following).json()
            found += [report["backfillId"] for report in page["items"]]
            following = page["next"]
        assert found == ids[2:]
        assert client.get(f"/backfills?after={ids[1]}&status=error").json() == {"items": [], "next": None}
        problem(client.get("/backfills?after=nobody"), 404, "job-not-found")


def test_failures_are_listed_by_page() -> None:
    """All failures of a job can be had, a page at a time, each with district, day, stage, kind, attempts and whether to retry. [R6.2, R8.3]"""
    failing = ScriptedSource(lambda _day, _district: PermanentSourceError("no", kind="gone"))
    with offering(failing) as (service, client):
        path = f"/backfills/{finish(service, client, endDate='2026-01-05', targetDistricts=['A', 'B', 'C'])}/errors"
        first = client.get(path + "?limit=2").json()
        second = client.get(first["next"]).json()
        found = [*first["items"], *second["items"]]
        assert (len(first["items"]), second["next"]) == (2, None)
        assert {error["districtId"] for error in found} == {"A", "B", "C"}
        assert {(error["kind"], error["stage"], error["isRetryable"]) for error in found} == {("gone", "fetch", False)}


@pytest.mark.parametrize("path", ["", "/errors", "/events"])
def test_a_job_that_is_not_there_is_not_found(path: str) -> None:
    """What is asked of a job that does not exist is 404, with where to look for those that do. [R8.4, R8.5]"""
    with offering() as (_, client):
        found = problem(client.get(f"/backfills/20260115T120000-0000000000000000{path}"), 404, "job-not-found")
        assert "GET /backfills" in str(found["remedy"])


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_nothing_can_be_done_to_a_job_that_is_not_there(action: str) -> None:
    """An action on a job that does not exist is 404. [R8.5]"""
    with offering() as (_, client):
        problem(client.post(f"/backfills/none/{action}"), 404, "job-not-found")


def test_a_job_is_cancelled_once() -> None:
    """Cancelling is 202, to repeat it 200, and to cancel what ended otherwise 409. [R4.4, R8.5]"""
    source = GatedSource()
    with offering(source) as (service, client):
        backfill_id = start(client)
        source.await_arrivals()
        first = client.post(f"/backfills/{backfill_id}/cancel")
        assert first.status_code == 202
        assert "retry-after" in first.headers
        assert client.post(f"/backfills/{backfill_id}/cancel").status_code == 200
        source.gate.set()
        assert service.get_job(backfill_id).wait(PATIENCE).status is BackfillStatus.CANCELLED
        again = client.post(f"/backfills/{backfill_id}/cancel")
        assert (again.status_code, again.json()["status"]) == (200, "cancelled")
        found = problem(client.post(f"/backfills/{finish(service, client)}/cancel"), 409, "job-state")
        assert "complete" in str(found["detail"])


def test_only_the_failed_part_is_retried() -> None:
    """A retry is a new job of only what failed, answered as a start is; what has not ended or did not fail is 409. [R6.6, R8.5]"""
    script = {(day(0), "A"): {"x": 1}, (day(0), "B"): [TransientSourceError("later"), {"x": 2}]}
    with offering(ScriptedSource(script)) as (service, client):
        failed = finish(service, client, endDate="2026-01-05", retryFailures=False)
        response = client.post(f"/backfills/{failed}/retry")
        assert response.status_code == 202
        assert response.headers["location"] == f"/backfills/{response.json()['backfillId']}"
        assert response.json()["progress"]["total"] == 1
        report = service.get_job(response.json()["backfillId"]).wait(PATIENCE)
        assert report.status is BackfillStatus.COMPLETE
        found = problem(client.post(f"/backfills/{report.backfill_id}/retry"), 409, "job-state")
        assert pointers(found) == [("path", "#/backfillId")]


def test_a_job_is_paused_and_resumed() -> None:
    """Pausing and resuming answer as cancelling does: 202 once, 200 when it was so already, 409 when the job has ended. [R4.4, R8.5]"""
    source = GatedSource(lambda *_: True)
    with offering(source) as (service, client):
        path = f"/backfills/{start(client)}"
        source.await_arrivals()
        assert client.post(f"{path}/resume").status_code == 200, "it runs"
        assert client.post(f"{path}/pause").status_code == 202
        source.gate.set()
        job = service.get_job(path.rpartition("/")[2])
        assert job.wait(PATIENCE).status is BackfillStatus.PAUSED
        assert client.post(f"{path}/pause").status_code == 200
        assert client.post(f"{path}/resume").status_code == 202
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
        for action in ("pause", "resume"):
            problem(client.post(f"{path}/{action}"), 409, "job-state")


def test_gaps_are_filled_by_one_call() -> None:
    """A POST of a range starts the job that fills its gaps, with the same names as the coverage has. [B5, R8.1]"""
    with offering() as (service, client):
        finish(service, client, startDate="2026-01-05", endDate="2026-01-05", targetDistricts=["A"])
        body = {"start": "2026-01-05", "end": "2026-01-13", "districts": ["A", "B"], "frequency": "weekly"}
        response = client.post("/gaps", body)
        assert response.status_code == 202
        report = service.get_job(response.json()["backfillId"]).wait(PATIENCE)
        assert report.snapshot_ids == ("2026-01-12", "2026-01-05")
        assert report.progress.completed == 3, "all but the one that was there"
        assert "nothing is missing" in str(problem(client.post("/gaps", body), 422, "invalid-request")["detail"])
        found = problem(client.post("/gaps", {"start": "2026-01-05", "districts": []}), 400, "invalid-body")
        assert pointers(found) == [("body", "#/end"), ("body", "#/districts")]


def asking(on: date, district: str, fetch: Fetch) -> dict[str, str]:
    """Collect one document."""
    return {"text": fetch(f"made:{on}/{district}").text}


ASKING = function_source("asking")(asking)
"""A source whose units ask the door for one document each."""


def answering(archive: RawArchive | None = None) -> PoliteFetcher:
    """Return a door behind which every document is there."""
    return PoliteFetcher(clock=VirtualClock(), transports={"made:": lambda _request: b"6.1"}, archive=archive)


def test_snapshots_are_rebuilt_by_one_call(tmp_path: Path) -> None:
    """A POST of a range starts the job that makes its snapshots anew from the archive, without a request to the publisher. [B4, R8.1]"""
    with closing(answering(RawArchive(tmp_path))) as fetch, offering(ASKING, fetch=fetch) as (service, client):
        finish(service, client)
        asked = cast("FetchStatus", service.fetch_status()).requests
        before = client.get("/snapshots/2026-01-05/districts/A").content
        response = client.post("/rebuilds", {"start": "2026-01-05", "end": "2026-01-05"})
        assert response.status_code == 202
        report = service.get_job(response.json()["backfillId"]).wait(PATIENCE)
        assert (report.status, report.progress.completed) == (BackfillStatus.COMPLETE, 2)
        assert cast("FetchStatus", service.fetch_status()).requests == asked == 4
        assert client.get("/snapshots/2026-01-05/districts/A").content == before


def test_a_poll_that_finds_nothing_new_is_told_when_to_ask_again() -> None:
    """A 304 for a job that waits carries Retry-After as the report does, and the document says so. [R8.5, P8]"""
    source = GatedSource()
    with offering(source) as (_, client):
        start(client)
        source.await_arrivals()
        waiting = start(client)
        first = client.get(f"/backfills/{waiting}")
        second = client.get(f"/backfills/{waiting}", headers={"If-None-Match": first.headers["etag"]})
        assert second.status_code == 304
        assert second.headers["retry-after"] == first.headers["retry-after"]
        source.gate.set()
    item = cast("dict[str, Json]", client.document["paths"])["/backfills/{backfillId}"]
    assert "Retry-After" in cast("Json", item["get"])["responses"]["304"]["headers"]  # type: ignore[index] # JSON, of known form


def test_a_rebuild_is_bounded_as_a_plan_is(tmp_path: Path) -> None:
    """A rebuild of days to come, of thousands of years, or of more units than allowed is refused before it begins. [R8.4, R9.2]"""
    limits = WebLimits(max_units=5)
    with closing(answering(RawArchive(tmp_path))) as fetch, offering(ASKING, fetch=fetch, limits=limits) as (service, client):
        asked = {"start": "2026-01-01", "end": "2026-01-06", "districts": ["A"]}
        future = problem(client.post("/rebuilds", asked | {"end": "2999-01-01"}), 422, "invalid-request")
        assert pointers(future) == [("body", "#/end")]
        ages = problem(client.post("/rebuilds", asked | {"start": "0001-01-01"}), 422, "invalid-request")
        assert pointers(ages) == [("body", "#/start")]
        many = problem(client.post("/rebuilds", asked), 422, "invalid-request")
        assert pointers(many) == [("body", "#/start")]
        assert "5 units" in str(many["detail"])
        assert not service.list_backfills()
        assert client.post("/rebuilds", asked | {"start": "2026-01-02"}).status_code == 202


def test_a_closed_service_says_so() -> None:
    """Once the service is closed nothing is started; jobs can still be looked at. [R8.5]"""
    with offering() as (service, client):
        backfill_id = finish(service, client)
        service.close()
        response = client.post("/backfills", BODY)
        problem(response, 503, "service-closed")
        assert "retry-after" in response.headers
        problem(client.get("/health"), 503, "service-closed")
        assert client.get(f"/backfills/{backfill_id}").status_code == 200


def test_jobs_of_an_earlier_process_are_there() -> None:
    """What the job store keeps is shown whoever carried it out. [R4.2, R8.3]"""
    kept = MemoryJobStore()
    with offering(jobs=kept) as (service, client):
        backfill_id = finish(service, client)
    with offering(jobs=kept) as (_, client):
        assert client.get(f"/backfills/{backfill_id}").json()["status"] == "complete"


def test_the_door_out_shows_in_a_report() -> None:
    """A report shows limits, breakers and the cache of the door out, where the door can say. [R12.4, R8.3]"""
    with closing(PoliteFetcher(rate=7, clock=VirtualClock())) as fetcher, offering(fetch=fetcher) as (service, client):
        report = client.get(f"/backfills/{finish(service, client)}").json()
        assert report["performanceStatus"]["rate"] == 7.0


def test_the_door_of_this_process_says_nothing_of_a_job_of_another() -> None:
    """Who only looks at a job that ran elsewhere shows no limits of its own for it. [R12.4, R8.3]"""
    kept = MemoryJobStore()
    with offering(jobs=kept) as (service, client):
        backfill_id = finish(service, client)
    with closing(PoliteFetcher(rate=7, clock=VirtualClock())) as fetcher, offering(jobs=kept, fetch=fetcher) as (_, client):
        assert client.get(f"/backfills/{backfill_id}").json()["performanceStatus"] is None


def test_the_report_of_an_ended_job_stays_as_it_is() -> None:
    """What other jobs do at the door changes neither the report of an ended one nor its ETag. [R8.5]"""
    with closing(answering()) as fetch, offering(ASKING, fetch=fetch) as (service, client):
        path = f"/backfills/{finish(service, client)}"
        before = client.get(path)
        assert before.json()["performanceStatus"]["requests"] == 4
        finish(service, client, startDate="2026-01-07", endDate="2026-01-07")
        again = client.get(path, headers={"If-None-Match": before.headers["etag"]})
        assert again.status_code == 304


def test_cleaned_up_jobs_are_gone() -> None:
    """A job that was cleaned up is 404 afterwards. [R4.5, R8.5]"""
    clock = VirtualClock()
    with offering(clock=clock) as (service, client):
        backfill_id = finish(service, client)
        clock.advance(10)
        assert service.cleanup_old_jobs(older_than=timedelta(seconds=1), keep=0) == 1
        problem(client.get(f"/backfills/{backfill_id}"), 404, "job-not-found")
