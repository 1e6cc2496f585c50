"""The strict reader of what comes in: every value that does not fit is reported, by JSON Pointer; nothing is coerced or dropped.

`read` and the published schema accept the same values: what `read` refuses as a `Misfit`, the schema refuses, and the other way
round. What fits the schema but cannot be done (an end before its start) is told by the model's own constructors, as `InvalidRequest`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches

import attrs
from attrs import evolve, field, frozen

from backfill.jsonvalues import JsonValue
from backfill.web.bodies import WrongValue
from backfill.web.shapes import Array, Choice, Day, Flag, Integer, Nullable, Number, Object, Shape, Text

SHOWN = 60
"""Characters of a value that a problem repeats."""

MOST = 100
"""So many wrong values a problem lists at most."""

LONGEST = 256
"""Characters of a name that a pointer repeats; of a longer one it leads to the object that has it."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Misfit(Exception):  # noqa: N818 - what it is about is the value
    """Values do not fit the published schema. Never leaves the application.

    Attributes:
        wrong: They, at most a hundred.
    """

    def __init__(self, wrong: Sequence[WrongValue]) -> None:
        self.wrong = tuple(wrong)
        super().__init__("; ".join(f"{value.pointer}: {value.detail}" for value in self.wrong))


@frozen
class _Spot:
    """A place in what is being read; what is wrong is noted for the whole of it."""

    place: str
    tokens: tuple[str, ...] = ()
    wrong: list[WrongValue] = field(factory=list)

    def at(self, token: object) -> _Spot:
        return evolve(self, tokens=(*self.tokens, str(token)))

    def refuse(self, detail: str, remedy: str) -> None:
        if len(self.wrong) < MOST:
            self.wrong.append(WrongValue(self.place, pointer(*self.tokens), detail, remedy))


def pointer(*tokens: str) -> str:
    """Return the JSON Pointer (RFC 6901) of the value that *tokens* lead to, as a URI fragment."""
    escaped = (token.replace("~", "~0").replace("/", "~1") for token in tokens)
    return "#" + "".join("/" + re.sub(r"[^A-Za-z0-9._~!$&'()*+,;=:@-]", _percent, token) for token in escaped)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def show(value: JsonValue) -> str:
    """Return *value* as a problem repeats it: as JSON without control characters, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def read(shape: Shape, value: JsonValue, *, place: str = "body") -> object:
    """Return *value* as what *shape* stands for.

    Args:
        shape: What it should be.
        value: What came in: JSON values, without infinities.
        place: Where it came in, for the problems.

    Raises:
        Misfit: It does not fit; the error names every place that does not.
        InvalidRequest: It fits, but the class that would be made of it refuses it.
    """
    spot = _Spot(place)
    found = _read(shape, value, spot)
    if spot.wrong:
        raise Misfit(spot.wrong)
    return found


def _read(shape: Shape, value: JsonValue, spot: _Spot) -> object:
    """Return *value* as *shape* says; anything at all where something was noted at the *spot*."""
    match shape:
        case Nullable():
            return None if value is None else _read(shape.inner, value, spot)
        case Object():
            return _object(shape, value, spot)
        case Array():
            return _array(shape, value, spot)
        case Text() | Choice() | Day():
            return _text(shape, value, spot)
        case Integer() | Number():
            return _number(shape, value, spot)
        case Flag():
            if not isinstance(value, bool):
                spot.refuse(f"{show(value)} is not a boolean", "write true or false")
            return value
        case _:
            message = f"nothing that comes in is a {type(shape).__name__}"
            raise TypeError(message)


def _object(shape: Object, value: JsonValue, spot: _Spot) -> object:
    if not isinstance(value, dict):
        spot.refuse(f"{show(value)} is not an object", f"write an object with {_names(shape)}")
        return None
    known = {member.name: member for member in shape.members}
    for name in (name for name in value if name not in known):
        close = get_close_matches(name, known, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"leave it out; there are {_names(shape)}"
        if len(name) > LONGEST:
            spot.refuse(f"there is no such member as {show(name)}", remedy)
        else:
            spot.at(name).refuse("there is no such member", remedy)
    found: dict[str, object] = {}
    for name, member in known.items():
        if name in value:
            found[member.attribute] = _read(member.shape, value[name], spot.at(name))
        elif member.default is attrs.NOTHING:
            spot.at(name).refuse("it is missing", f"add {name}: {member.description}" if member.description else f"add {name}")
    return None if spot.wrong else shape.cls(**found)


def _names(shape: Object) -> str:
    return ", ".join(member.name for member in shape.members)


def _array(shape: Array, value: JsonValue, spot: _Spot) -> object:
    if not isinstance(value, list):
        spot.refuse(f"{show(value)} is not a list", f"write a list, for instance [{show(value)}]")
        return None
    if len(value) < shape.at_least:
        spot.refuse("an empty list selects nothing", "name something, or leave it out to mean all of them")
    return tuple(_read(shape.item, item, spot.at(number)) for number, item in enumerate(value))


def _text(shape: Text | Choice | Day, value: JsonValue, spot: _Spot) -> object:
    if not isinstance(value, str):
        spot.refuse(f"{show(value)} is not text", f'write it in quotes: "{show(value)}"' if _is_scalar(value) else "write text")
        return None
    match shape:
        case Text():
            if shape.pattern is not None and re.fullmatch(shape.pattern, value) is None:
                spot.refuse(f"{show(value)} is not of the form {shape.pattern}", "copy it as it was given to you")
            return value
        case Choice():
            members = {str(member): member for member in shape.members}
            if value not in members:
                spot.refuse(f"{show(value)} is not one of the choices", f"write one of {', '.join(members)}")
            return members.get(value)
        case _:
            return _day(value, spot)


def _is_scalar(value: JsonValue) -> bool:
    return isinstance(value, int | float)


def _day(value: str, spot: _Spot) -> date | None:
    if _DAY.fullmatch(value) is not None:
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass  # told below, as what is not of that form
    spot.refuse(f"{show(value)} is not a date of the calendar in the form YYYY-MM-DD", "write it like 2024-01-31")
    return None


def _number(shape: Integer | Number, value: JsonValue, spot: _Spot) -> int | float | None:
    whole = isinstance(shape, Integer)
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
        spot.refuse(f"{show(value)} is not a {'whole ' if whole else ''}number", "write digits, without quotes")
        return None
    least = -math.inf if shape.least is None else shape.least
    most = math.inf if shape.most is None else shape.most
    if not least <= value <= most:
        spot.refuse(f"{show(value)} is not from {least:,} to {most:,}", "choose a number in that range")
        return None
    return int(value) if whole else float(value)
