"""Writes values as their shapes say: what goes out over HTTP.

`backfill.wire.to_wire` writes any value by looking at it, for files and the command line, which print more than is published, to who may
see all of it. Here the shape decides, not the value: what goes out has the types that the document promises, tells alternatives apart, and
hides secrets in texts that may quote an address. Names have one home, `backfill.wire`; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import cast

from backfill.jsonvalues import JsonValue
from backfill.web.scrub import scrub
from backfill.web.shapes import Array, Choice, Day, Moment, Nullable, Number, Object, OneOf, Shape, Table, Text


def write(shape: Shape, value: object) -> JsonValue:  # noqa: PLR0911 - a case, a return
    """Return *value* as JSON values. Pure; any thread."""
    match shape:
        case Object():
            tag: dict[str, JsonValue] = {} if shape.tag is None else {"kind": shape.tag}
            return tag | {member.name: write(member.shape, getattr(value, member.attribute)) for member in shape.members}
        case OneOf():
            (option,) = (option for option in shape.options if option.cls is type(value))
            return write(option, value)
        case Array():
            return [write(shape.item, item) for item in cast("Iterable[object]", value)]
        case Table():
            items = cast("Mapping[object, object]", value).items()
            return {_key(shape, key): write(shape.value, held) for key, held in items}
        case Nullable():
            return None if value is None else write(shape.inner, value)
        case Day() | Moment():
            return cast("date | datetime", value).isoformat()
        case Text():
            return scrub(str(value)) if shape.scrub else str(value)
        case Choice():
            return str(value)
        case Number():
            return float(cast("float", value))
        case _:
            return cast("JsonValue", value)


def _key(shape: Table, key: object) -> str:
    return str(shape.whole if key is None else write(shape.key, key))


def encode(value: JsonValue) -> bytes:
    """Return *value* as compact JSON in UTF-8.

    A lone surrogate (a message may quote a file name that is not UTF-8) becomes a question mark: an answer must not fail over it.

    Raises:
        ValueError: NaN or an infinity, which no stored value and no report can hold.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def encode_as(shape: Shape, value: object) -> bytes:
    """Return *value* as the JSON that *shape* says."""
    return encode(write(shape, value))
