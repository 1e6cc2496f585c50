"""What may stand in a payload, how it becomes JSON, and how it comes back."""

from __future__ import annotations

import json
import re
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple, TypedDict

import pytest
from attrs import define, frozen
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import InvalidRequest, PermanentSourceError
from backfill.jsonvalues import JsonValue, dumps, loads, structure, to_json_value
from foundation_samples import bounded, json_values


class Colour(StrEnum):
    """An enumeration of texts."""

    RED = "red"


class Level(IntEnum):
    """An enumeration of numbers."""

    HIGH = 3


@frozen
class Station:
    """An attrs class."""

    name: str
    opened: date
    colour: Colour = Colour.RED


@define
class Day:
    """An attrs class of classes."""

    stations: list[Station]
    rain: Decimal
    read_at: datetime
    notes: dict[str, int]


@dataclass
class Pair:
    """A dataclass."""

    low: float
    high: float | None = None


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int


class Typed(TypedDict):
    """A typed dictionary."""

    count: int


@bounded
@given(json_values)
def test_p4_a_payload_comes_back_as_it_went(value: JsonValue) -> None:
    """Whatever JSON can hold comes back the same, in one encoding, and its encoding is stable. [P4]"""
    if value is None:
        value = [None]
    found, content = to_json_value(value)
    assert found == value
    assert loads(content) == value
    assert dumps(found) == content
    assert to_json_value(found) == (found, content)
    assert json.loads(content) == value


def test_p4_classes_become_json_and_come_back() -> None:
    """Attrs classes, dataclasses, enumerations, dates and decimals become JSON, and come back as the class. [P4, R10.5]"""
    day = Day([Station("A", date(2020, 1, 1))], Decimal("1.50"), datetime(2026, 1, 5, 8, tzinfo=UTC), {"a": 1})
    value, _content = to_json_value(day)
    assert value == {
        "stations": [{"name": "A", "opened": "2020-01-01", "colour": "red"}],
        "rain": "1.50",
        "read_at": "2026-01-05T08:00:00+00:00",
        "notes": {"a": 1},
    }
    assert structure(value, Day) == day
    assert structure(to_json_value(Pair(1.5))[0], Pair) == Pair(1.5)
    assert structure({"count": 3}, Typed) == {"count": 3}
    assert structure([{"low": 1, "high": 2}], list[Pair]) == [Pair(1, 2)]


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        ((1, 2), [1, 2]),
        (deque([1]), [1]),
        (Point(1, 2), [1, 2]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (defaultdict(list, {"a": [1]}), {"a": [1]}),
        ({Colour.RED: Level.HIGH}, {"red": 3}),
        ({date(2026, 1, 5): True}, {"2026-01-05": True}),
        ({"a": None, "b": {}}, {"a": None, "b": {}}),
        (0, 0),
        ("", ""),
        ([], []),
    ],
)
def test_other_containers_become_the_json_ones(payload: object, value: object) -> None:
    """Sequences become lists, mappings objects, in their own order; None may stand within. [R3.4]"""
    assert to_json_value(payload)[0] == value


def itself() -> list[object]:
    """Return a list in itself."""
    loop: list[object] = []
    loop.append({"a": (loop,)})
    return loop


def nested(depth: int) -> list[object]:
    """Return lists in lists."""
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "payload",
    [
        None,
        b"bytes",
        bytearray(b"x"),
        memoryview(b"x"),
        float("nan"),
        {"a": float("inf")},
        [-float("inf")],
        {"a": b"bytes"},
        {1, 2},
        {"a": frozenset("x")},
        itself(),
        nested(100_000),
        "\ud800",
        {"\udfff": 1},
        {1: "a"},
        {"a": [{None: 1}]},
        {True: 1},
        {1.5: 1},
        {Level.HIGH: 1},
        ({"a": ({(1, 2): 1},)},),
        10**5000,
        object(),
        iter([1]),
        1j,
        {"a": 1}.keys(),
    ],
    ids=lambda payload: type(payload).__name__,
)
def test_what_json_cannot_hold_fails_for_good(payload: object) -> None:
    """None, NaN, bytes, sets, cycles, lone surrogates, other keys and objects fail as invalid_payload, with a remedy. [R6.2, P4]"""
    with pytest.raises(PermanentSourceError, match="the payload cannot be stored") as caught:
        to_json_value(payload)
    assert (caught.value.kind, caught.value.stage) == ("invalid_payload", "validate")
    assert str(caught.value).rpartition("; ")[2].startswith(("return ", "raise ", "parse "))


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"clubs": [{"id": 1}, {"id": 2, "growth": float("inf")}]}, "clubs[1].growth is inf;"),
        (float("nan"), "the whole is nan;"),
        ({"a": (1, {2})}, "a[1] is a set;"),
        ({"a": {"b": object()}}, "a.b is a object;"),
        ([1, [b"x"]], "[1][0] is a bytes;"),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_place(payload: object, told: str) -> None:
    """Of thousands of figures the one that is at fault is named, with where it stands. [R6.2]"""
    with pytest.raises(PermanentSourceError, match=re.escape(told)):
        to_json_value(payload)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'{"a":1,"a":2}',
        b"\xff",
        b'"\xed\xa0\x80"',
        b"[" * 100_000,
        b"nul",
        b"1 2",
    ],
)
def test_what_is_not_json_is_refused(content: bytes) -> None:
    """Damage, NaN, repeated keys and bottomless nesting are all one error to a reader. [B2]"""
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        loads(content)


@pytest.mark.parametrize(
    ("value", "cls", "words"),
    [
        ({"stations": [{"name": "A", "opened": "2020-13-01"}], "rain": "much", "notes": {}}, Day, "stations"),
        ({"stations": [], "rain": "much", "read_at": "2026-01-05T08:00:00", "notes": {}}, Day, "rain"),
        ({}, Pair, "low"),
        (5, Station, "Station"),
        (None, Station, "Station"),
        ("much", Decimal, "Decimal"),
        ("many", int, "int"),
        (5, date, "date"),
        ("red", Level, "Level"),
        ({}, object, "object"),
        ([1], dict[str, int], "dict"),
    ],
)
def test_data_that_do_not_fit_are_refused_by_place(value: JsonValue, cls: type[object], words: str) -> None:
    """Asking for a class that the data do not fit names the class and each place. [R10.2]"""
    with pytest.raises(InvalidRequest, match=words) as caught:
        structure(value, cls)
    assert caught.value.field == "data"
    assert caught.value.__cause__ is not None


@bounded
@given(
    st.recursive(
        st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(st.text(max_size=3) | st.integers(), inner),
        max_leaves=6,
    )
)
def test_keys_are_text_or_refused(payload: object) -> None:
    """No key is ever turned into text silently: a payload comes back the same, or not at all. [P4]"""
    try:
        found, _content = to_json_value(payload)
    except PermanentSourceError as error:
        assert "is not text" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert found == payload
