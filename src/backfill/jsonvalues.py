"""What may stand in a payload: plain JSON values, how anything becomes one, and how it comes back.

Knows nothing of this library's own classes; `backfill.serialization` builds their stored forms on top of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from backfill.errors import InvalidRequest, PermanentSourceError

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

_MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a value as a class of another shape raises: 'much' as a Decimal, a list as a dictionary."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
"""A value that JSON can hold."""


def dumps(value: object) -> bytes:
    """Return *value* as compact JSON in UTF-8, keys in the order they are in.

    Raises:
        ValueError: NaN, an infinity, a lone surrogate, or a reference to itself.
        TypeError: A value that JSON cannot hold.
    """
    return _ENCODER.encode(value).encode()


def loads(content: bytes) -> JsonValue:
    """Return the value that *content* holds; NaN, infinities and repeated keys are refused.

    Raises:
        ValueError: Not JSON in UTF-8, or JSON with one of these, or nested too deeply to be read.
    """
    try:
        text = content.decode()  # or the library would guess at UTF-16, and let lone surrogates pass
        return cast("JsonValue", json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys))
    except RecursionError:
        message = "nested too deeply"
        raise ValueError(message) from None


def _refuse_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        message = "a key is repeated"
        raise ValueError(message)
    return result


@cache
def _converter() -> Converter:
    from cattrs import Converter  # noqa: PLC0415 - 50 ms that an import of the package must not cost

    converter = Converter(forbid_extra_keys=False)
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    converter.register_structure_hook(date, lambda value, _: date.fromisoformat(value))
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_unstructure_hook(Decimal, str)
    return converter


def to_json_value(payload: object) -> tuple[JsonValue, bytes]:
    """Return *payload* as JSON values, and their compact encoding.

    Attrs classes, dataclasses, mappings with text keys, sequences, enums, dates and decimals become JSON; what can be read
    back is equal to what is returned here, which is *payload* itself where it is made of nothing else. Pure; any thread.

    Raises:
        PermanentSourceError: Kind ``invalid_payload``: ``None``, NaN, an infinity, bytes, or anything else that is not JSON.
    """
    if payload is None:
        _refuse("it is None", "raise DataUnavailable when nothing was published")
    if isinstance(payload, bytes | bytearray | memoryview):
        _refuse("it is bytes", "parse the document, and return its figures")
    plain = payload
    try:
        if _is_plain(payload):
            return cast("JsonValue", payload), dumps(payload)  # it would come back as it is
        plain = _converter().unstructure(payload)
        _refuse_other_keys(plain)
        content = dumps(plain)
        return cast("JsonValue", json.loads(content)), content  # what was just written needs no distrust
    except RecursionError:
        _refuse("it refers to itself, or is nested too deeply", "return plain values")
    except (TypeError, ValueError) as error:
        _refuse(
            _first_fault(plain) or str(error),
            "return attrs classes, mappings with text keys, sequences, text, finite numbers, booleans or None in them",
        )


_LEAVES = frozenset({str, int, float, bool, type(None)})


_TEXT = frozenset({str})


def _is_plain(value: object) -> bool:
    """Whether *value* is made of JSON's own types throughout, so that nothing is to be turned into anything."""
    kind = type(value)
    if kind is dict:
        return _are_plain((value,))
    if kind is list:
        items = cast("list[object]", value)
        return _LEAVES.issuperset(map(type, items)) or _are_plain(items)
    return kind in _LEAVES


def _are_plain(values: Iterable[object]) -> bool:
    """Whether all *values* are; of rows whose keys are the same, which most are, the keys of the first are looked at only."""
    known: list[object] | None = None
    for value in values:
        if type(value) is dict:
            held = cast("dict[object, object]", value)
            keys = list(held)
            if keys != known:
                if not _TEXT.issuperset(map(type, keys)):
                    return False
                known = keys
            if not _LEAVES.issuperset(map(type, held.values())) and not _are_plain(held.values()):
                return False
        elif type(value) not in _LEAVES and not _is_plain(value):
            return False
    return True


def _refuse_other_keys(value: object) -> None:
    """Refuse keys that are not text: the encoder would turn 1, True and None into text, and they would not come back."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                message = f"the key {key!r} is not text"
                raise TypeError(message)
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for item in value:
        if isinstance(item, dict | list | tuple):  # asked here too: most items are leaves, and a call for each costs
            _refuse_other_keys(item)


def _first_fault(value: object, path: str = "") -> str | None:
    """Return what in *value* is no JSON and where it stands, as far as it consists of mappings and sequences; ``None`` = nothing."""
    if isinstance(value, dict):
        steps = [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        steps = [(f"{path}[{number}]", item) for number, item in enumerate(value)]
    elif type(value) in _LEAVES and (not isinstance(value, float) or math.isfinite(value)):
        return None
    else:
        what = f"{value!r}" if isinstance(value, float) else f"a {type(value).__name__}"
        return f"{path or 'the whole'} is {what}"
    return next(filter(None, (_first_fault(item, step) for step, item in steps)), None)


def _refuse(what: str, remedy: str) -> NoReturn:
    message = f"the payload cannot be stored: {what}; {remedy}"
    raise PermanentSourceError(message, kind="invalid_payload", stage="validate")


def structure(value: JsonValue, cls: type[T]) -> T:
    """Return *value* as an instance of *cls*: an attrs class, a dataclass, a typed dictionary or a container of them.

    Raises:
        InvalidRequest: The value does not fit; the message names every place that does not.
    """
    from cattrs import BaseValidationError, StructureHandlerNotFoundError, transform_error  # noqa: PLC0415 - as above

    try:
        return _converter().structure(value, cls)
    except (BaseValidationError, StructureHandlerNotFoundError, *_MISFITS) as error:
        what = "; ".join(transform_error(error)) if isinstance(error, BaseValidationError) else str(error)
        raise InvalidRequest("data", value, f"does not fit {cls!r} ({what})", "ask for a class that the data fit") from error
