"""What values look like in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from backfill.model import CellState, Coverage, UnitState
from backfill.wire import coverage_view, to_wire, wire_name


@frozen
class Inner:
    """A value within another."""

    as_of: date
    job_id: str


@frozen
class Outer:
    """A value with everything that a report may hold."""

    min_interval: float | None
    created_at: datetime
    states: Mapping[str | None, UnitState]
    days: Mapping[date, int]
    inner: tuple[Inner, ...]
    is_done: bool


def test_names_are_in_camel_case() -> None:
    """Members have their names in camel case, but for the few whose name is fixed otherwise. [R8.3]"""
    names = ("backfill_id", "target_districts", "status", "as_of", "job_id", "min_interval", "eta_seconds")
    assert [wire_name(name) for name in names] == [
        "backfillId", "targetDistricts", "status", "asOfDate", "backfillId", "minIntervalSeconds", "etaSeconds",
    ]  # fmt: skip


def test_every_kind_of_value_has_its_form() -> None:
    """Dates are in ISO form, enumerations their values, keys text; nothing is left out, not even what is null. [R8.3]"""
    value = Outer(
        None,
        datetime(2023, 1, 31, 12, tzinfo=UTC),
        {"91": UnitState.FAILED, None: UnitState.PENDING},
        {date(2023, 1, 31): 1},
        (Inner(date(2023, 2, 8), "x"),),
        is_done=True,
    )
    assert to_wire(value) == {
        "minIntervalSeconds": None,
        "createdAt": "2023-01-31T12:00:00+00:00",
        "states": {"91": "failed", "*": "pending"},
        "days": {"2023-01-31": 1},
        "inner": [{"asOfDate": "2023-02-08", "backfillId": "x"}],
        "isDone": True,
    }


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), Inner, [object()]])
def test_what_has_no_form_is_refused(value: object) -> None:
    """Nothing is written that could not be read: the type is named. [R8.3]"""
    with pytest.raises(TypeError, match="nothing on the wire is a"):
        to_wire(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_has_not_are_refused(value: float) -> None:
    """NaN and infinities are no JSON. [R8.3]"""
    with pytest.raises(ValueError, match="JSON has no"):
        to_wire({"x": value})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_itself_stays_as_it_is(value: object) -> None:
    """What is JSON already comes out unchanged. [R8.3]"""
    assert to_wire(value) == value
    assert json.loads(json.dumps(to_wire(value))) == value


def test_a_coverage_is_a_number_for_each_cell() -> None:
    """Its short form says the same as the coverage, gaps included. [B5]"""
    days = (date(2023, 1, 30), date(2023, 1, 31))
    coverage = Coverage(days[0], days[1], "daily", days, ("91", "F"), {days[0]: {"91": CellState.FULL}}, {days[1]: "closing"})
    view = coverage_view(coverage)
    told = {
        (row.day, district): view.states[cell]
        for row in view.rows
        for district, cell in zip(view.districts, row.cells, strict=True)
    }
    assert told == {(day, district): state for day, district, state in coverage}
    wire = to_wire(coverage)
    assert isinstance(wire, dict)
    assert wire["rows"] == [
        {"day": "2023-01-30", "gap": None, "cells": [0, 5]},
        {"day": "2023-01-31", "gap": "closing", "cells": [4, 4]},
    ]
    assert wire["counts"] == {
        "full": 1,
        "summary": 0,
        "partial": 0,
        "failed": 0,
        "unavailable": 2,
        "never-tried": 1,
        "damaged": 0,
    }
