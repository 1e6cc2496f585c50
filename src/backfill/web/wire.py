"""Makes shapes of the attrs classes: names from their fields, limits from `wording`, descriptions from their docstrings."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cache

import attrs

from backfill import wire
from backfill.model import BackfillRequest
from backfill.web.shapes import (
    Anything,
    Array,
    Choice,
    Day,
    Flag,
    Integer,
    Member,
    Moment,
    Nullable,
    Number,
    Object,
    OneOf,
    Shape,
    Table,
    Text,
)
from backfill.web.wording import INCOMING, NAMES, SHAPES

_PLAIN: Mapping[object, Shape] = {
    str: Text(), bool: Flag(), int: Integer(), float: Number(), date: Day(), datetime: Moment(), object: Anything(),
}  # fmt: skip


def wire_name(attribute: str) -> str:
    """Return what the wire calls a member: ``targetDistricts`` for ``target_districts``."""
    return NAMES.get(attribute) or wire.wire_name(attribute)


@cache
def object_of(cls: type) -> Object:
    """Return the shape of an attrs class."""
    hints = typing.get_type_hints(cls)
    defaults = {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}
    summary, said = described(cls)
    members = []
    for attribute in attrs.fields(cls):
        name = attribute.name
        default = defaults.get(name, inspect.Parameter.empty)
        shape = SHAPES.get((cls, name)) or shape_of(hints[name])
        if default is None and not isinstance(shape, Nullable):
            shape = Nullable(shape)
        members.append(
            Member(
                name, wire_name(name), shape, attrs.NOTHING if default is inspect.Parameter.empty else default, said.get(name, "")
            )
        )
    return Object(cls, cls.__name__, summary, tuple(members), incoming=cls in INCOMING)


def shape_of(hint: object) -> Shape:
    """Return the shape of a type.

    Raises:
        TypeError: The wire has none for it.
    """
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Choice(hint)
    if isinstance(hint, type) and attrs.has(hint):
        return object_of(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return Array(shape_of(arguments[0]))
    if origin is Mapping:
        return Table(shape_of(arguments[0]), shape_of(arguments[1]))
    if origin in {types.UnionType, typing.Union}:
        return _union(arguments)
    message = f"nothing on the wire is a {hint!r}"
    raise TypeError(message)


def _union(options: tuple[object, ...]) -> Shape:
    some = tuple(option for option in options if option is not types.NoneType)
    if len(some) == 1:
        return Nullable(shape_of(some[0]))
    objects = tuple(_tagged(object_of(option)) for option in some if isinstance(option, type))
    return OneOf("Change", objects)


def _tagged(shape: Object) -> Object:
    return attrs.evolve(shape, tag=re.sub(r"(?<!^)(?=[A-Z])", "-", shape.name).lower())


def described(cls: type) -> tuple[str, Mapping[str, str]]:
    """Return the first sentence of a class's docstring, and what it says of each attribute or argument."""
    text = inspect.cleandoc(cls.__doc__ or "")
    summary = text.partition("\n\n")[0].replace("\n", " ")
    said: dict[str, str] = {}
    for section in re.findall(r"^(?:Args|Attributes):\n((?:[ ]+.*\n?|\n)+)", text, re.MULTILINE):
        for name, words in re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", section, re.MULTILINE):
            said[name] = in_wire_words(re.sub(r"\s+", " ", words))
    return in_wire_words(summary), said


_PYTHON_NAMES = re.compile(rf"\b({'|'.join(field.name for field in attrs.fields(BackfillRequest) if '_' in field.name)})\b")
_REQUIREMENTS = re.compile(r" \(R[0-9]+(?:\.[0-9]+)?\)")
_PYTHON_VALUES: Mapping[str, str] = {
    "``None``": "`null`",
    "``True``": "`true`",
    "``False``": "`false`",
    "a ``datetime.date`` or ": "",
    "``": "`",
}


def in_wire_words(text: str) -> str:
    """Return *text* with members of a request and values called as on the wire. For people only; pure."""
    for python, wire_word in _PYTHON_VALUES.items():
        text = text.replace(python, wire_word)
    return _PYTHON_NAMES.sub(lambda found: wire_name(found[0]), _REQUIREMENTS.sub("", text))
