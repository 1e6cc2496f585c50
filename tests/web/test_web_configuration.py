"""The configured districts over HTTP: seen, replaced as a whole, and never over somebody else's change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill import BackfillService
from backfill.errors import ConfigurationChanged
from backfill.scopes import DistrictConfigurationService
from web_client import Client, offering, pointers, problem


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[tuple[DistrictConfigurationService, BackfillService, Client]]:
    """A configuration with a service that obeys it, and a client."""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    with offering(scope=scope) as (service, client):
        yield scope, service, client


Configured = tuple[DistrictConfigurationService, BackfillService, Client]


def test_districts_are_configured_and_shown(configured: Configured) -> None:
    """What is put is what is configured, with who did it and why in the history; ``null`` opens the scope again. [R7.1, R7.2, R8.3]"""
    scope, _, client = configured
    assert client.get("/configuration").json() == {"districts": None, "history": []}
    put = client.put("/configuration", {"districts": ["61", "F", "61"], "by": "ada", "note": "a start"})
    assert put.json()["districts"] == ["61", "F"] == list(scope.districts or ())
    shown = client.get("/configuration")
    assert (shown.json(), shown.headers["etag"]) == (put.json(), put.headers["etag"])
    assert [(change["action"], change["by"], change["note"]) for change in shown.json()["history"]] == [("set", "ada", "a start")]
    assert client.put("/configuration", {"districts": None}).json()["districts"] is None
    assert scope.districts is None


def test_a_change_is_based_on_what_was_seen(configured: Configured) -> None:
    """With If-Match a change is made only if nobody changed the configuration since; else 412, and nothing happens. [R7.1, R8.5]"""
    scope, _, client = configured
    seen = client.get("/configuration").headers["etag"]
    changed = client.put("/configuration", {"districts": ["1"]}, headers={"If-Match": seen})
    assert changed.status_code == 200
    found = problem(client.put("/configuration", {"districts": ["2"]}, headers={"If-Match": seen}), 412, "configuration-changed")
    assert "GET /configuration" in str(found["remedy"])
    weak = f"W/{changed.headers['etag']}"
    problem(client.put("/configuration", {"districts": ["2"]}, headers={"If-Match": weak}), 412, "configuration-changed")
    assert scope.districts == ("1",)
    assert client.put("/configuration", {"districts": ["2"]}, headers={"If-Match": "*"}).status_code == 200


def test_a_change_between_the_look_and_the_write_is_seen(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that slips in after If-Match was checked is not overwritten either: the file itself is asked. [R7.1, R8.5]"""
    scope, _, client = configured
    seen = client.get("/configuration").headers["etag"]
    original = scope.set_districts

    def slower(districts: tuple[str, ...], **options: object) -> None:
        original(["other"])
        original(districts, **options)  # type: ignore[arg-type] # whatever the interface passes

    monkeypatch.setattr(scope, "set_districts", slower)
    problem(client.put("/configuration", {"districts": ["1"]}, headers={"If-Match": seen}), 412, "configuration-changed")
    assert scope.districts == ("other",)


def test_what_a_change_is_based_on_is_checked_by_the_configuration_itself(tmp_path: Path) -> None:
    """Setting and clearing with an expectation that no longer holds raises, says both, and changes nothing. [R7.1]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    scope.set_districts(["1"], expected=None)
    with pytest.raises(ConfigurationChanged, match="meanwhile") as caught:
        scope.set_districts(["2"], expected=None)
    assert (caught.value.expected, caught.value.found) == (None, ("1",))
    with pytest.raises(ConfigurationChanged, match="meanwhile"):
        scope.clear(expected=("2",))
    assert scope.districts == ("1",)
    scope.clear(expected=("1",))
    assert scope.districts is None


def test_wrong_districts_are_refused_by_name(configured: Configured) -> None:
    """An empty list, a wrong type, an identifier that cannot be one, or two that collide are refused; nothing changes. [R7.1, R8.4]"""
    scope, _, client = configured
    assert pointers(problem(client.put("/configuration", {"districts": []}), 400, "invalid-body")) == [("body", "#/districts")]
    assert pointers(problem(client.put("/configuration", {}), 400, "invalid-body")) == [("body", "#/districts")]
    for districts, pointer in ((["b", "../etc"], "#/districts/1"), (["a", "A"], "#/districts")):
        found = problem(client.put("/configuration", {"districts": districts}), 422, "invalid-request")
        assert pointers(found) == [("body", pointer)]
    assert scope.districts is None


@pytest.mark.parametrize("remark", ["by", "note"])
def test_a_remark_is_no_book(configured: Configured, remark: str) -> None:
    """Who and why are told in up to a thousand characters: the history is sent to everybody who asks. [R8.4, R7.1]"""
    scope, _, client = configured
    assert client.put("/configuration", {"districts": ["A"], remark: "x" * 1000}).status_code == 200
    found = problem(client.put("/configuration", {"districts": ["B"], remark: "x" * 1001}), 422, "invalid-request")
    assert pointers(found) == [("body", f"#/{remark}")]
    assert scope.districts == ("A",)


def test_a_configuration_bounds_what_is_started(configured: Configured) -> None:
    """What is configured over HTTP is what jobs may touch from then on. [R7.3, P7]"""
    _, _, client = configured
    client.put("/configuration", {"districts": ["61"]})
    scope = client.post("/plans", {"startDate": "2026-01-05", "targetDistricts": ["61", "F"]}).json()["scope"]
    assert (scope["districts"], [doubt["text"] for doubt in scope["excluded"]]) == (["61"], ["F"])


def test_without_a_configuration_the_address_is_not_there() -> None:
    """A service with another scope neither publishes nor answers the configuration. [R8.3, R10.1]"""
    with offering() as (_, client):
        assert "/configuration" not in str(client.document["paths"])
        problem(client.get("/configuration"), 404, "not-found")
