"""Checks that several values of the model share; each error names the value, the rule and the remedy."""

from __future__ import annotations

import math
import os
import reprlib
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypeVar

from backfill.errors import InvalidRequest

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)
KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

_SHORT = 200
_ABRIDGING = reprlib.Repr()
_ABRIDGING.maxlevel, _ABRIDGING.maxdict, _ABRIDGING.maxlist, _ABRIDGING.maxtuple = 2, 8, 2, 2


class Refusals:
    """Notes what is wrong with several values of one call, so that all of it is told at once. Of one thread."""

    def __init__(self) -> None:
        self._noted: list[InvalidRequest] = []

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note an `InvalidRequest` that is raised within the ``with``, and go on after it."""
        try:
            yield
        except InvalidRequest as error:
            self._noted.append(error)

    def __bool__(self) -> bool:
        return bool(self._noted)

    def check(self) -> None:
        """Tell what was noted.

        Raises:
            InvalidRequest: Something was: the first, with the others.
        """
        if self._noted:
            first, *others = self._noted
            raise first.with_others(others)


def as_date(field: str, value: object) -> date:
    """Return *value* as a date: a ``datetime.date``, or text of the form YYYY-MM-DD.

    Raises:
        InvalidRequest: Anything else; a ``datetime`` too, since its day depends on a time zone that it may not name.
    """
    remedy = "write a datetime.date or 'YYYY-MM-DD'"
    if isinstance(value, datetime):
        raise InvalidRequest(field, value, "a day has no time of day or time zone", "pass its .date()")
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise InvalidRequest(field, value, "not a date", remedy)
    try:
        parsed = date.fromisoformat(value)
    except ValueError:
        raise InvalidRequest(field, value, "not a date of the calendar in the form YYYY-MM-DD", remedy) from None
    if parsed.isoformat() != value:
        raise InvalidRequest(field, value, "not in the form YYYY-MM-DD", f"write {parsed.isoformat()!r}")
    return parsed


def as_span(start: object, end: object) -> tuple[date | None, date | None]:
    """Return the first and the last day of a range; ``None`` = it has no limit there.

    Raises:
        InvalidRequest: One of them is no date, or the last lies before the first.
    """
    first, last = None if start is None else as_date("start", start), None if end is None else as_date("end", end)
    if first is not None and last is not None and last < first:
        raise InvalidRequest("end", last.isoformat(), f"lies before start {first.isoformat()}", "exchange the two")
    return first, last


_LONGEST_NAME = 255


def as_name(field: str, value: object) -> str:
    """Return *value* if it is a name that can be shown on a line and stored: not blank, printable, up to 255 characters.

    Raises:
        InvalidRequest: It is not.
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _LONGEST_NAME:
        rule = f"not a name of 1 to {_LONGEST_NAME} printable characters"
        raise InvalidRequest(field, value, rule, "write a short text of one line")
    return value


def as_path(field: str, value: object) -> Path:
    """Return *value*, a text or a ``PathLike`` of one, as a path. Looks at nothing on the disk.

    Raises:
        InvalidRequest: It is neither, or empty, which would mean the working directory, or holds a zero character.
    """
    text: object = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidRequest(field, value, "not a path", "write a text or a pathlib.Path, '.' for the working directory")
    return Path(text)


def as_choice(field: str, value: object, choices: type[ChoiceT]) -> ChoiceT:
    """Return the member of *choices* that *value* is or names.

    Raises:
        InvalidRequest: It names none.
    """
    try:
        return choices(value)  # type: ignore[arg-type] # a StrEnum looks any value up, and refuses what it does not know
    except ValueError:
        names = ", ".join(repr(str(choice)) for choice in choices)
        raise InvalidRequest(field, value, "not one of the choices", f"write one of {names}") from None


def as_bool(field: str, value: object) -> bool:
    """Return *value* if it is a bool.

    Raises:
        InvalidRequest: Anything else, also 0 and "yes": a typing slip must not switch an option.
    """
    if not isinstance(value, bool):
        raise InvalidRequest(field, value, "not a bool", "write True or False")
    return value


def as_count(field: str, value: object, *, least: int, most: int) -> int:
    """Return *value* if it is a whole number from *least* to *most*.

    Raises:
        InvalidRequest: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequest(field, value, f"not a whole number from {least} to {most}", "choose one in that range")
    return value


def as_seconds(field: str, value: object, *, least: float = 0.0, most: float = math.inf) -> float:
    """Return *value* as a finite number of seconds (or per second) from *least* to *most*.

    Raises:
        InvalidRequest: It is not.
    """
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:  # a whole number beyond the largest float
        number = math.inf
    if not math.isfinite(number):
        raise InvalidRequest(field, value, "not a finite number", "write a number")
    if not least <= number <= most:
        raise InvalidRequest(field, value, f"not from {least:g} to {most:g}", "choose a number in that range")
    return number


def as_texts(
    field: str, value: object, *, if_empty: str = "name districts, or leave it out to mean all of them"
) -> tuple[str, ...]:
    """Return *value*, a non-empty sequence of strings, as a tuple without repetitions, in its own order.

    *if_empty* is the remedy for an empty one.

    Raises:
        InvalidRequest: It is one string, not iterable, empty, or holds something that is not a string.
    """
    if isinstance(value, str | bytes):
        raise InvalidRequest(field, value, "one string, where a list of them is meant", f"write [{value!r}]")
    if not isinstance(value, Iterable):
        raise InvalidRequest(field, value, "not a list of strings", "write a list, for instance ['61', 'F']")
    items = tuple(value)
    if not items:
        raise InvalidRequest(field, value, "an empty list selects nothing", if_empty)
    for item in items:
        if not isinstance(item, str):
            raise InvalidRequest(field, item, "not a string", f'write "{item}"')
    return tuple(dict.fromkeys(items))


def last_of_month(day: date) -> date:
    """Return the last day of the month that *day* lies in."""
    return day.replace(day=_days_of(day.year, day.month))


@cache
def _days_of(year: int, month: int) -> int:
    return monthrange(year, month)[1]


class FrozenMapping(Mapping[KeyT, ValueT]):
    """A mapping that cannot change. A MappingProxyType would do, could it be pickled and copied, as plans and documents must be."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[KeyT, ValueT]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: KeyT) -> ValueT:
        return self._items[key]

    def __iter__(self) -> Iterator[KeyT]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)


def frozen_mapping(value: Mapping[KeyT, ValueT] | None) -> Mapping[KeyT, ValueT]:
    """Return a read-only copy of *value*, empty for ``None``: a frozen value must not change through what it was made from.

    As a converter of attrs it needs a wrapper with the field's own types: the type checker cannot carry type variables there.
    """
    return FrozenMapping(value or {})


def sized(what: str) -> Callable[[Sized], str]:
    """Return a representation that says how much there is, for fields too long to show."""
    return lambda value: f"<{len(value)} {what}>"


def shortened(value: object) -> str:
    """Return the representation of *value*, cut where it is long: a district in full fills a hundred thousand characters."""
    whole = repr(value)
    return whole if len(whole) <= _SHORT else _ABRIDGING.repr(value)
