"""Plans, coverage and snapshots over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backfill.errors import DamagedFile, PermanentSourceError
from backfill.model import CellState
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from service_doubles import day
from web_client import finish, offering, pointers, problem


def test_a_plan_is_made_without_a_request_to_the_publisher() -> None:
    """POST /plans says days, districts, what exists already and how much is to be asked for, and asks for nothing. [B1, R8.1]"""
    source = ScriptedSource()
    with offering(source) as (service, client):
        finish(service, client, endDate="2026-01-05", targetDistricts=["A"])
        asked = len(source.calls)
        plan = client.post("/plans", {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A"]}).json()
        assert [(planned["day"], planned["existing"]) for planned in plan["days"]] == [("2026-01-06", []), ("2026-01-05", ["A"])]
        assert plan["strategy"]["rationale"]
        assert (plan["exact"], plan["secondsAtRate"]) == (False, None)
        assert len(source.calls) == asked


def test_coverage_says_what_is_there_and_why_the_rest_is_not() -> None:
    """Each row names, for each district in order, the place of its state in the list of states; the counts agree. [B5, R8.3]"""
    script = {(day(0), "A"): {"x": 1}, (day(0), "B"): PermanentSourceError("no"), (day(1), "A"): {"x": 2}}
    with offering(ScriptedSource(script)) as (service, client):
        finish(service, client, targetDistricts=["A", "B"])
        coverage = client.get("/coverage?start=2026-01-05&end=2026-01-07&district=B&district=A").json()
    states = [[coverage["states"][cell] for cell in row["cells"]] for row in coverage["rows"]]
    assert coverage["districts"] == ["A", "B"]
    assert states == [["full", "failed"], ["full", "unavailable"], ["never-tried", "never-tried"]]
    assert coverage["counts"] == {
        "full": 2,
        "summary": 0,
        "partial": 0,
        "failed": 1,
        "unavailable": 1,
        "never-tried": 2,
        "damaged": 0,
    }
    assert coverage["states"] == list(CellState)


def test_coverage_is_asked_for_with_a_range() -> None:
    """Without its range, or with a range that cannot be, the problem names the parameter of the query. [R8.4]"""
    with offering() as (_, client):
        found = problem(client.get("/coverage?start=2026-01-05"), 400, "invalid-parameter")
        assert pointers(found) == [("query", "#/end")]
        found = problem(client.get("/coverage?start=2026-01-05&end=2026-01-01"), 422, "invalid-request")
        assert pointers(found) == [("query", "#/end")]
        found = problem(client.get("/coverage?start=2026-01-05&end=2026-01-05&district=.x"), 422, "invalid-request")
        assert pointers(found) == [("query", "#/district/0")]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "#/limit"),
        ("limit=101", "#/limit"),
        ("limit=1e1", "#/limit"),
        ("limit=", "#/limit"),
        ("limit=1&limit=2", "#/limit"),
        ("offset=-1", "#/offset"),
        ("offset=10001", "#/offset"),
        ("after=..%2Fx", "#/after"),
        ("ofset=1", "#/ofset"),
        ("status=done", "#/status/0"),
        ("status=complete&status=x%00", "#/status/1"),
    ],
)
def test_a_query_is_held_against_what_is_published(query: str, pointer: str) -> None:
    """A parameter that does not exist, stands twice, or is not what it must be is refused by name. [R8.4]"""
    with offering() as (_, client):
        assert pointers(problem(client.get(f"/backfills?{query}"), 400, "invalid-parameter")) == [("query", pointer)]


def test_stored_days_are_listed_by_page() -> None:
    """Days are ascending, with their number of districts, a page at a time from one day to another. [R8.3]"""
    with offering() as (service, client):
        finish(service, client, endDate="2026-01-08")
        first = client.get("/snapshots?start=2026-01-06&limit=2").json()
        assert first["items"] == [{"day": "2026-01-06", "districtCount": 2}, {"day": "2026-01-07", "districtCount": 2}]
        assert client.get(first["next"]).json() == {"items": [{"day": "2026-01-08", "districtCount": 2}], "next": None}
        assert client.get("/snapshots?end=2026-01-04").json() == {"items": [], "next": None}


def test_a_damaged_day_does_not_hide_the_others(tmp_path: Path) -> None:
    """A day whose manifest cannot be read is listed without its number of districts; asked for itself it is 500. [B2, R8.4]"""
    store = PerDistrictFileSnapshotStore(tmp_path, clock=VirtualClock())
    with offering(store=store) as (service, client):
        finish(service, client)
        (tmp_path / "2026-01-05" / "manifest.json").write_bytes(b"{")
        fresh = PerDistrictFileSnapshotStore(tmp_path, clock=VirtualClock())
        with pytest.raises(DamagedFile):
            fresh.read(day(0))
        service._store = fresh
        items = client.get("/snapshots").json()["items"]
        assert [item["districtCount"] for item in items] == [None, 2]
        found = problem(client.get("/snapshots/2026-01-05"), 500, "internal-error")
        assert str(tmp_path) not in json.dumps(found)


def test_a_day_is_shown_with_its_metadata_and_districts() -> None:
    """A stored day says where it came from, by which jobs, and what its manifest says of each district. [R5.5, R8.3]"""
    with offering() as (service, client):
        backfill_id = finish(service, client)
        view = client.get("/snapshots/2026-01-05").json()
    assert (view["metadata"]["day"], view["metadata"]["status"], view["metadata"]["source"]) == (
        "2026-01-05",
        "success",
        "scripted",
    )
    assert [operation["job"] for operation in view["metadata"]["operations"]] == [backfill_id]
    assert {name: entry["backfillId"] for name, entry in view["entries"].items()} == {"A": backfill_id, "B": backfill_id}


def test_a_district_is_sent_as_it_is_stored(tmp_path: Path) -> None:
    """What is sent is byte for byte the stored file, and its ETag is the SHA-256 that the manifest has. [R5.2, R11.3, P8]"""
    store = PerDistrictFileSnapshotStore(tmp_path, clock=VirtualClock())
    with offering(store=store) as (service, client):
        finish(service, client)
        response = client.get("/snapshots/2026-01-05/districts/A")
        assert response.content == (tmp_path / "2026-01-05" / "district_A.json").read_bytes()
        assert response.headers["etag"] == f'"{store.entries(day(0))["A"].sha256}"'
        same = client.get("/snapshots/2026-01-05/districts/A", headers={"If-None-Match": response.headers["etag"]})
        assert same.status_code == 304


def test_what_is_not_stored_is_not_found_with_what_may_be_meant() -> None:
    """A day or district that is not stored is 404, with where to look and which district may be meant. [R8.4, R8.5]"""
    with offering(ScriptedSource(), store=MemorySnapshotStore(clock=VirtualClock())) as (service, client):
        finish(service, client, targetDistricts=["61", "F"])
        problem(client.get("/snapshots/2026-01-01"), 404, "snapshot-not-found")
        problem(client.get("/snapshots/2026-01-01/districts/61"), 404, "snapshot-not-found")
        found = problem(client.get("/snapshots/2026-01-05/districts/62"), 404, "snapshot-not-found")
        assert "did you mean 61?" in str(found["remedy"])
        assert "did you mean" not in str(client.get("/snapshots/2026-01-05/districts/xyz").json()["remedy"])


def test_what_cannot_be_a_day_or_district_is_not_found() -> None:
    """A path whose parts cannot name anything is 404, and says which part. [R8.4]"""
    with offering() as (_, client):
        for path, pointer in (("/snapshots/yesterday", "#/day"), ("/snapshots/2026-01-05/districts/.x", "#/districtId")):
            assert pointers(problem(client.get(path), 404, "not-found")) == [("path", pointer)]
