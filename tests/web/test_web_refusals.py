"""Everything that is wrong with a request is told at once: each value by its JSON Pointer, with what to write instead."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from backfill.scopes import DistrictConfigurationService
from backfill.testing.source import ScriptedSource
from backfill.web import WebLimits
from service_doubles import NamedScope
from web_client import Json, offering, pointers, problem

BODY: Json = {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]}
RANGE: Json = {"start": "2026-01-05", "end": "2026-01-06"}


def at(place: str, *names: str) -> set[tuple[str, str]]:
    """Return the pointers of *names* in a part of the request."""
    return {(place, f"#/{name}") for name in names}


@pytest.mark.parametrize("path", ["/backfills", "/plans"])
def test_range_districts_and_options_are_refused_together(path: str) -> None:
    """A range that is backwards, options that exclude each other, and districts that cannot be: three fields, each told. [R8.4]"""
    wrong = {"endDate": "2026-01-01", "targetDistricts": ["../x", "a b"], "collectionType": "system-wide", "detail": "full"}
    with offering() as (service, client):
        found = problem(client.post(path, BODY | wrong), 422, "invalid-request")
        assert set(pointers(found)) == at("body", "endDate", "detail", "targetDistricts/0", "targetDistricts/1")
        assert not service.list_backfills()


@pytest.mark.parametrize("path", ["/backfills", "/plans"])
def test_what_only_the_planner_sees_is_refused_together(path: str) -> None:
    """A day in the future, districts out of scope, and a way that the source does not have, are told in one answer. [R8.4, R7.5]"""
    wrong = {"endDate": "2027-01-01", "targetDistricts": ["Z"], "collectionType": "system-wide"}
    with offering(ScriptedSource(), scope=NamedScope("A")) as (_, client):
        found = problem(client.post(path, BODY | wrong), 422, "invalid-request")
        assert set(pointers(found)) == at("body", "endDate", "targetDistricts", "collectionType")
        assert "3 values" in str(found["detail"])


def test_a_frequency_that_selects_nothing_hides_no_district() -> None:
    """A frequency without a day in the range is told beside the districts. [R8.4]"""
    with offering(scope=NamedScope("A")) as (_, client):
        found = problem(
            client.post("/plans", BODY | {"frequency": "month-end", "targetDistricts": ["Z"]}), 422, "invalid-request"
        )
        assert set(pointers(found)) == at("body", "frequency", "targetDistricts")


def test_each_district_out_of_scope_has_its_own_pointer(tmp_path: Path) -> None:
    """Where none is left, each district is told with what it may have been meant to be. [R8.4, R7.5]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    scope.set_districts(["61", "F"])
    with offering(scope=scope) as (_, client):
        found = problem(client.post("/plans", BODY | {"targetDistricts": ["6l", "a b"]}), 422, "invalid-request")
        assert set(pointers(found)) == at("body", "targetDistricts", "targetDistricts/0", "targetDistricts/1")
        (close,) = (error for error in found["errors"] if error["pointer"] == "#/targetDistricts/0")  # type: ignore[attr-defined] # a list, by the schema
        assert "'61'" in close["remedy"]


@pytest.mark.parametrize("path", ["/gaps", "/rebuilds"])
def test_gaps_and_rebuilds_tell_range_and_districts(path: str) -> None:
    """Of what names a range and districts, both are told. [R8.4]"""
    with offering() as (_, client):
        found = problem(client.post(path, RANGE | {"end": "2026-01-01", "districts": ["../x", "a b"]}), 422, "invalid-request")
        assert set(pointers(found)) == at("body", "end", "districts/0", "districts/1")


def test_the_query_of_a_coverage_is_told_whole() -> None:
    """Of a query, too. [R8.4]"""
    with offering() as (_, client):
        found = problem(
            client.get("/coverage?start=2026-01-05&end=2026-01-01&district=a%20b&district=A&district=%2F"), 422, "invalid-request"
        )
        assert set(pointers(found)) == at("query", "end", "district/0", "district/2")


def test_a_configuration_is_told_whole(tmp_path: Path) -> None:
    """Every district that cannot be one is told, and nothing is configured. [R8.4, R7.1]"""
    with offering(scope=DistrictConfigurationService(tmp_path / "districts.json")) as (_, client):
        found = problem(client.put("/configuration", {"districts": ["a b", "A", "../x"]}), 422, "invalid-request")
        assert set(pointers(found)) == at("body", "districts/0", "districts/2")
        assert client.get("/configuration").json()["districts"] is None


def test_a_job_that_is_too_large_is_pointed_at() -> None:
    """What is too much for one job is told of the range, where it can be shortened. [R8.4]"""
    with offering(limits=WebLimits(max_units=3)) as (_, client):
        for path in ("/backfills", "/plans"):
            assert pointers(problem(client.post(path, BODY), 422, "invalid-request")) == [("body", "#/endDate")]
        found = problem(client.get("/coverage?start=2026-01-05&end=2026-01-06&district=A&district=B"), 422, "invalid-request")
        assert pointers(found) == [("query", "#/end")]
        found = problem(client.post("/gaps", RANGE | {"districts": ["A", "B"]}), 422, "invalid-request")
        assert pointers(found) == [("body", "#/end")]


def test_unknown_and_missing_members_are_pointed_at_whole() -> None:
    """A member that there is not, however long its name, and one that is missing, each have the pointer that leads to them. [R8.4]"""
    odd = "start~/date " + "x" * 200
    with offering() as (_, client):
        found = problem(client.post("/backfills", {odd: 1}), 400, "invalid-body")
        names = {unquote(where).removeprefix("#/").replace("~1", "/").replace("~0", "~") for _, where in pointers(found)}
        assert names == {odd, "startDate"}
