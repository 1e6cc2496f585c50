"""What a value looks like outside Python, in JSON files and over HTTP: names in camel case, dates in ISO form, nothing left out.

One home for every surface, so that a report printed by the command line is the one that another surface shows. HTTP, where a schema is
published, writes by that (`backfill.web.render`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from enum import Enum
from functools import cache
from typing import cast

import attrs
from attrs import frozen

from backfill.jsonvalues import JsonValue
from backfill.model import CellState, Coverage, Frequency

NAMES: Mapping[str, str] = {
    "as_of": "asOfDate",
    "job_id": "backfillId",
    "min_interval": "minIntervalSeconds",
}
"""Fields whose name is not simply theirs in camel case: stored files have the first, the second has no other name."""

WHOLE = "*"
"""The key that stands for ``None``: the day as a whole, beside its districts."""


def wire_name(attribute: str) -> str:
    """Return what the wire calls a field: ``targetDistricts`` for ``target_districts``."""
    if attribute in NAMES:
        return NAMES[attribute]
    first, *others = attribute.split("_")
    return first + "".join(word.capitalize() for word in others)


def to_wire(value: object) -> JsonValue:
    """Return *value* as JSON values: attrs classes, mappings, sequences, enumerations, dates, and what JSON has itself. Pure.

    Raises:
        TypeError: It is, or holds, anything else.
        ValueError: It is, or holds, NaN or an infinity, which no report holds.
    """
    match value:
        case Coverage():
            return to_wire(coverage_view(value))
        case Mapping():
            return {_key(key): to_wire(held) for key, held in value.items()}
        case list() | tuple():
            return [to_wire(item) for item in value]
        case _ if not isinstance(value, type) and attrs.has(type(value)):
            cls = cast("type[attrs.AttrsInstance]", type(value))
            return {wire_name(name): to_wire(getattr(value, name)) for name in _names(cls)}
        case _:
            return _scalar(value)


def _scalar(value: object) -> JsonValue:
    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        message = f"JSON has no {value}"
        raise ValueError(message)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    message = f"nothing on the wire is a {type(value).__name__}"
    raise TypeError(message)


@cache
def _names(cls: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(cls))


def _key(key: object) -> str:
    return WHOLE if key is None else str(to_wire(key))


@frozen
class CoverageRow:
    """One day of a coverage.

    Attributes:
        day: The day.
        gap: Why the publisher is known not to have it, or ``None``.
        cells: For each district, in the order of `CoverageView.districts`, the position of its state in `CoverageView.states`.
    """

    day: date
    gap: str | None
    cells: tuple[int, ...]


@frozen
class CoverageView:
    """A coverage in its short form.

    Attributes:
        start: First day.
        end: Last day, inclusive.
        frequency: Which days of the range were looked at.
        districts: The districts looked at.
        states: What is known of a (day, district); cells count from 0 in this list.
        rows: A row for each day, ascending.
        counts: How many (day, district) are in each state.
    """

    start: date
    end: date
    frequency: Frequency
    districts: tuple[str, ...]
    states: tuple[CellState, ...]
    rows: tuple[CoverageRow, ...]
    counts: Mapping[CellState, int]


def coverage_view(coverage: Coverage) -> CoverageView:
    """Return *coverage* in its short form: a number a cell, since there may be 400,000 of them. Pure."""
    states = tuple(CellState)
    rows = tuple(
        CoverageRow(day, coverage.gaps.get(day), tuple(row)) for day, row in zip(coverage.days, coverage.grid, strict=True)
    )
    return CoverageView(
        coverage.start, coverage.end, Frequency(coverage.frequency), coverage.districts, states, rows, coverage.counts
    )
