"""The published schema and the strict reader accept the same values; what is written is what is published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, cast

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from backfill.errors import InvalidRequest
from backfill.jsonvalues import JsonValue
from backfill.model import (
    BackfillReport,
    BackfillRequest,
    BackfillStatus,
    DayListed,
    DayPublished,
    DistrictError,
    Finding,
    Found,
    JobEvent,
    Stage,
    StatusChanged,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.web.bodies import Configuring, GapRequest
from backfill.web.convert import Misfit, pointer, read, show
from backfill.web.render import encode, write
from backfill.web.routes import START
from backfill.web.schema import Components, schema_of
from backfill.web.scrub import scrub
from backfill.web.shapes import Anything, Flag, Integer, Member, Moment, Nullable, Number, Object, Shape, Text
from backfill.web.wire import described, object_of, shape_of, wire_name
from backfill.wire import coverage_view, to_wire
from report_strategies import batches, coverages, plans
from service_doubles import bounded
from web_client import FORMATS

INCOMING: Mapping[str, Shape] = MappingProxyType(
    {"start": START, "plan": object_of(BackfillRequest), "gaps": object_of(GapRequest), "configuration": object_of(Configuring)}
)
"""Everything that a body can be."""

RIGHT: Mapping[str, dict[str, JsonValue]] = {
    "plan": {
        "startDate": "2024-02-29",
        "endDate": None,
        "targetDistricts": ["61", "F"],
        "collectionType": "auto",
        "detail": "full",
        "concurrency": 64,
        "retryFailures": False,
        "skipExisting": True,
        "enableCaching": True,
        "minIntervalSeconds": 0.5,
        "maxFailures": 5,
        "frequency": "month-end",
        "order": "oldest-first",
    },
    "gaps": {"start": "2024-01-01", "end": "2024-01-31", "districts": None, "frequency": "weekly"},
    "configuration": {"districts": ["61"], "by": "ada", "note": None},
}
RIGHT = {**RIGHT, "start": {**RIGHT["plan"], "planFingerprint": "0123456789abcdef" * 4}}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ODD: tuple[JsonValue, ...] = (
    None, True, False, -5, 0, 1, 64, 65, 86400, 86401, 3.0, 3.5, -0.0, 1e300, 10**30, "", "x", "5", "true", "null", "auto", "AUTO", "daily",
    "full", "2024-02-29", "2023-02-29", "20240101", "2024-W01-1", "2024-1-1", "2024-01-01\n", " 2024-01-01", "\uff12\uff10\uff12\uff14-01-01",
    "0000-01-01", "2024-01-01T00:00:00", "0123456789abcdef" * 4, "0123456789ABCDEF" * 4, "0" * 63, [], ["x"], ["x", 1], [None], [["x"]], {},
    {"x": 1},
)  # fmt: skip
"""Values that are right in one place, and wrong in others."""

odd_values: st.SearchStrategy[JsonValue] = st.one_of(
    st.sampled_from(ODD),
    st.integers(-5, 100),
    texts,
    st.lists(st.one_of(texts, st.integers(), st.none()), max_size=3).map(lambda items: cast("JsonValue", items)),
)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, JsonValue]:
    """Draw the kind of a body, and a right one to which a few things were done."""
    kind = draw(st.sampled_from(sorted(RIGHT)))
    body = dict(RIGHT[kind])
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.one_of(st.sampled_from(sorted(RIGHT[kind])), texts))
        match draw(st.sampled_from(["replace", "remove", "rename"])):
            case "replace":
                body[name] = draw(odd_values)
            case "remove":
                body.pop(name, None)
            case _:
                body[draw(texts)] = body.pop(name, None)
    return kind, draw(st.one_of(st.just(cast("JsonValue", body)), odd_values)) if draw(st.integers(0, 9)) == 0 else body


def validator_of(shape: Shape) -> Draft202012Validator:
    """Return what holds values against the published schema of *shape*."""
    components: Components = {}
    schema = schema_of(shape, components)
    return Draft202012Validator({**schema, "components": {"schemas": components}}, format_checker=FORMATS)


VALIDATORS = {kind: validator_of(shape) for kind, shape in INCOMING.items()}


def check_agreement(kind: str, body: JsonValue) -> None:
    """Check that reader and schema agree on *body*, and that the reader names every place that the schema does."""
    errors = list(VALIDATORS[kind].iter_errors(body))
    named: set[str] = set()
    try:
        read(INCOMING[kind], body)
    except Misfit as misfit:
        named = {error.pointer for error in misfit.wrong}
    except InvalidRequest:
        pass  # it fits, and cannot be done
    assert bool(errors) == bool(named), body
    elsewhere = [error for error in errors if error.validator not in {"required", "additionalProperties"}]
    assert {pointer(*map(str, error.absolute_path)) for error in elsewhere} <= named


@given(mutated())
@bounded
def test_p8_reader_and_schema_accept_the_same(case: tuple[str, JsonValue]) -> None:
    """Whatever is done to a body, the reader refuses it as a misfit if and only if the published schema does. [P8, R8.4]"""
    check_agreement(*case)


@pytest.mark.parametrize("kind", sorted(RIGHT))
def test_p8_reader_and_schema_agree_on_every_member(kind: str) -> None:
    """Each member with each of many odd values, and left out, is refused by both or by neither. [P8, R8.4]"""
    for name in RIGHT[kind]:
        check_agreement(kind, {other: value for other, value in RIGHT[kind].items() if other != name})
        for value in ODD:
            check_agreement(kind, {**RIGHT[kind], name: value})


@pytest.mark.parametrize("kind", sorted(RIGHT))
def test_what_is_right_is_read_and_written_as_it_was(kind: str) -> None:
    """A right body survives: read, and written again, it says the same. [P8, R8.2]"""
    found = read(INCOMING[kind], RIGHT[kind])
    if kind == "start":
        assert isinstance(found, dict)
        assert found["plan_fingerprint"] == RIGHT[kind]["planFingerprint"]
        return
    written = write(INCOMING[kind], found)
    assert isinstance(written, dict)
    defaults = {"endDate": "2024-02-29"}
    assert written == {name: defaults.get(name, value) if value is None else value for name, value in RIGHT[kind].items()}


LIMITS = [
    ("concurrency", 1, True),
    ("concurrency", 0, False),
    ("concurrency", 64, True),
    ("concurrency", 65, False),
    ("minIntervalSeconds", 0, True),
    ("minIntervalSeconds", -0.1, False),
    ("minIntervalSeconds", 86400, True),
    ("minIntervalSeconds", 86400.5, False),
    ("maxFailures", 1, True),
    ("maxFailures", 0, False),
    ("maxFailures", 2**53, False),
    ("targetDistricts", ["x"], True),
    ("targetDistricts", [], False),
]


@pytest.mark.parametrize(("name", "value", "fits"), LIMITS)
def test_limits_are_those_of_the_model(name: str, value: JsonValue, fits: bool) -> None:
    """The limits that are published are the ones that the model has: on both sides of each the two agree. [P8, R8.4]"""
    attribute = next(member.attribute for member in object_of(BackfillRequest).members if member.name == name)
    body: JsonValue = {"startDate": "2024-01-01", name: value}
    if fits:
        read(INCOMING["plan"], body)
        BackfillRequest("2024-01-01", **{attribute: value})  # type: ignore[arg-type] # of any kind
        return
    with pytest.raises(Misfit):
        read(INCOMING["plan"], body)
    with pytest.raises(InvalidRequest):
        BackfillRequest("2024-01-01", **{attribute: value})  # type: ignore[arg-type] # of any kind


def test_defaults_are_those_of_the_model() -> None:
    """The defaults that are published are the ones that the model has. [P8, R8.2]"""
    components: Components = {}
    schema_of(object_of(BackfillRequest), components)
    published = cast("dict[str, dict[str, dict[str, JsonValue]]]", components["BackfillRequest"])["properties"]
    written = cast("dict[str, JsonValue]", write(object_of(BackfillRequest), BackfillRequest("2024-01-01")))
    for name, said in published.items():
        if name not in {"startDate", "endDate"}:
            assert said["default"] == written[name], name


MOMENT = datetime(2026, 1, 15, 12, tzinfo=UTC)
FAILURE = DistrictError("A", date(2026, 1, 5), Stage.FETCH, "gone", "no", 1, is_retryable=False, timestamp=MOMENT)
CHANGES = [
    StatusChanged(BackfillStatus.COMPLETE, MOMENT, "done"),
    DayListed(date(2026, 1, 5), ("A",)),
    UnitsSettled(date(2026, 1, 5), {None: UnitState.FAILED, "A": UnitState.COMPLETED}),
    UnitFailed(FAILURE),
    DayPublished(date(2026, 1, 5), is_partial=True, at=MOMENT),
    Found(Finding("odd", "very", date(2026, 1, 5), "A")),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_every_change_is_written_as_published(change: object) -> None:
    """Each kind of change has a word of its own, and fits the schema of an event. [P8, R9.5]"""
    event = JobEvent(1, "j", MOMENT, change)  # type: ignore[arg-type] # each of them
    written = write(object_of(JobEvent), event)
    validator_of(object_of(JobEvent)).validate(written)
    assert json.loads(encode(written)) == written


def test_a_day_as_a_whole_has_a_key_that_no_district_can_have() -> None:
    """What stands for the day as a whole is a star, which cannot name a district. [P8]"""
    written = cast("dict[str, dict[str, JsonValue]]", write(object_of(JobEvent), JobEvent(1, "j", MOMENT, CHANGES[2])))  # type: ignore[arg-type] # an object, as its schema says
    assert written["change"]["states"] == {"*": "failed", "A": "completed"}


@given(st.lists(st.text(max_size=5), max_size=4))
@bounded
def test_pointers_lead_to_their_value(tokens: Sequence[str]) -> None:
    """A JSON Pointer as a URI fragment can be taken apart again, whatever the names are. [R8.4]"""
    from urllib.parse import unquote  # noqa: PLC0415 - used here only

    tokens = [token.encode("utf-8", "replace").decode() for token in tokens]
    found = pointer(*tokens)
    assert found.isascii()
    parts = found.removeprefix("#").split("/")[1:]
    assert [unquote(part).replace("~1", "/").replace("~0", "~") for part in parts] == tokens


def test_a_value_is_shown_without_control_characters() -> None:
    """What a problem repeats of a value is short, and plain text. [R8.4]"""
    assert show("a\r\nb\x00") == r'"a\r\nb\u0000"'
    assert len(show("x" * 1000)) < 100


def test_lone_surrogates_do_not_stop_an_answer() -> None:
    """A text that UTF-8 cannot hold, out of a file's name for instance, is sent with a question mark in it. [R8.4]"""
    assert encode("a\ud800b") == b'"a?b"'


def test_the_wire_refuses_types_that_it_has_no_shape_for() -> None:
    """A type that the wire does not know is a mistake that is told at once, and so is one that cannot come in. [R10.2]"""
    with pytest.raises(TypeError, match="nothing on the wire is a"):
        shape_of(complex)
    with pytest.raises(TypeError, match="nothing that comes in is a Anything"):
        read(Anything(), 1)


def test_whatever_a_shape_holds_is_read_and_published() -> None:
    """Flags, numbers without limits and moments are published as what they are. [P8]"""
    assert read(Flag(), value=True) is True
    assert read(Integer(), 10**30) == 10**30
    assert read(Number(), 3) == 3.0
    assert schema_of(Moment(), {}) == {"type": "string", "format": "date-time"}
    assert schema_of(Nullable(Text("x")), {}) == {"type": ["string", "null"], "pattern": "^x$"}


def test_a_missing_member_without_a_description_is_named() -> None:
    """A member that is missing is named, also where there is nothing to say of it. [R8.4]"""
    shape = Object(dict, "X", "", (Member("a", "a", Text(), attrs.NOTHING, ""),))
    with pytest.raises(Misfit) as caught:
        read(shape, {})
    assert [(value.pointer, value.remedy) for value in caught.value.wrong] == [("#/a", "add a")]


def test_names_on_the_wire_are_in_camel_case() -> None:
    """Names are those of the model in camel case, but for the few that say more on the wire. [R8.3]"""
    names = [wire_name(name) for name in ("backfill_id", "target_districts", "min_interval", "as_of", "day")]
    assert names == ["backfillId", "targetDistricts", "minIntervalSeconds", "asOfDate", "day"]
    assert all("_" not in member.name for member in object_of(BackfillReport).members)


def test_descriptions_come_from_docstrings() -> None:
    """What a class's docstring says of its attributes is published, in a line each; without one there is nothing to say. [R8.3]"""

    class Documented:
        """A thing.

        Attributes:
            one: First,
                continued.
            two: Second.

        Raises:
            ValueError: Never.
        """

    assert described(Documented) == ("A thing.", {"one": "First, continued.", "two": "Second."})

    class Silent:
        pass

    assert described(Silent) == ("", {})


def scrubbed(value: JsonValue) -> JsonValue:
    """Return *value* with every text as HTTP may show it."""
    match value:
        case str():
            return scrub(value)
        case list():
            return [scrubbed(item) for item in value]
        case dict():
            return {name: scrubbed(held) for name, held in value.items()}
        case _:
            return value


@settings(deadline=None)
@given(value=batches.map(lambda batch: batch[0]) | plans() | coverages().map(coverage_view))
def test_the_command_line_prints_what_http_sends(value: object) -> None:
    """A report, a plan and a coverage are the same JSON on every surface, but for the secrets that HTTP hides. [R8.3, P8]"""
    sent = write(object_of(cast("Any", type(value))), value)
    assert scrubbed(to_wire(value)) == scrubbed(sent)
