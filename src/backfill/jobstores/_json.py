"""JSON in ASCII, and what must stand in it: readers that refuse whatever is not exactly of their kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar, cast

from backfill.jsonvalues import JsonValue, loads

T = TypeVar("T")

MISFITS = (ValueError, TypeError, LookupError)
"""What reading a text raises that does not hold what it should."""


def dump(value: object) -> str:
    """Return *value* as compact JSON in ASCII."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def load(text: str) -> JsonValue:
    """Return the value that *text* holds.

    Raises:
        ValueError: It is no JSON.
    """
    return loads(text.encode())


def _of(value: JsonValue, cls: type[T]) -> T:
    if type(value) is not cls:
        message = f"{cls.__name__} is expected, and {value!r} found"
        raise TypeError(message)
    return value


def as_text(value: JsonValue) -> str:
    """Return *value*, a text."""
    return _of(value, str)


def as_whole(value: JsonValue) -> int:
    """Return *value*, a whole number."""
    return _of(value, int)


def as_flag(value: JsonValue) -> bool:
    """Return *value*, true or false."""
    return _of(value, bool)


def as_number(value: JsonValue) -> float:
    """Return *value*, a number."""
    return value if type(value) is int else _of(value, float)


def as_list(value: JsonValue) -> list[JsonValue]:
    """Return *value*, a list."""
    return cast("list[JsonValue]", _of(value, list))


def as_object(value: JsonValue) -> dict[str, JsonValue]:
    """Return *value*, an object."""
    return cast("dict[str, JsonValue]", _of(value, dict))


def as_texts(value: JsonValue) -> tuple[str, ...]:
    """Return *value*, a list of texts."""
    return tuple(map(as_text, as_list(value)))


def as_maybe(decode: Callable[[JsonValue], T], value: JsonValue) -> T | None:
    """Return *value* as *decode* reads it, or ``None``."""
    return None if value is None else decode(value)
