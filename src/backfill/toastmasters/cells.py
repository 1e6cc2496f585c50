"""What a single cell of a report says.

Every reader takes the text of a cell, returns its value or ``None`` for a cell that says nothing (blank, ``N/A``), and raises
ValueError for one that cannot be read. They are pure. The same few texts come again and again, so results are remembered.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from attrs import frozen

_REMEMBERED = 4096  # texts per kind of cell

_NOTHING = frozenset({"", "N/A", "NA", "-"})
_COUNT = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)")
_OUT_OF = re.compile(r"([0-9]+)\s*/\s*[0-9]+")
_PERCENT = re.compile(r"([+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?)\s*%?")
_FLAGS = {"Y": True, "YES": True, "TRUE": True, "1": True, "N": False, "NO": False, "FALSE": False, "0": False}
_AMERICAN = r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})"
_DAY = re.compile(_AMERICAN)
_EVENT = re.compile(rf"\s*(charter|susp)(?:ed|ended)?[.:]?\s*{_AMERICAN}\s*", re.IGNORECASE)
_CENTURY_TURNS = 70  # two-digit years from here on belong to the last century

LEVELS = {"D": "Distinguished", "S": "Select Distinguished", "P": "President's Distinguished", "M": "Smedley Distinguished"}
"""What the letters in the columns of distinguished clubs, areas and divisions stand for."""

_LEVEL_WORDS = (("DISTINGUISHED", "D"), ("SELECT", "S"), ("PRES", "P"), ("SMEDLEY", "M"))


class Unit(NamedTuple):
    """A division or an area. Clubs are grouped by it, so that its hash is to be quick.

    Attributes:
        id: Its letter or number, as in the file; ``None`` = the file does not say.
        name: What to call it.
    """

    id: str | None
    name: str | None


NOWHERE = Unit(None, None)
"""Stands in where a file does not say in which unit something is."""


@frozen
class ClubDates:
    """What the column of charter and suspension dates says; it is filled for few clubs."""

    charter: date | None = None
    suspend: date | None = None


def text(cell: str) -> str | None:
    """Return the text as it stands, blanks at its ends included; empty = ``None``."""
    return cell or None


@lru_cache(_REMEMBERED)
def word(cell: str) -> str | None:
    """Return the text without surrounding blanks; empty = ``None``."""
    return cell.strip() or None


@lru_cache(_REMEMBERED)
def count(cell: str) -> int | None:
    """Return a whole number; thousands may be separated by commas."""
    bare = cell.strip()
    if bare.upper() in _NOTHING:
        return None
    if _COUNT.fullmatch(bare) is None:
        message = "not a whole number"
        raise ValueError(message)
    return int(bare.replace(",", ""))


@lru_cache(_REMEMBERED)
def goals(cell: str) -> int | None:
    """Return the number of goals met, written ``7`` or ``7/10``."""
    out_of = _OUT_OF.fullmatch(cell.strip())
    return count(out_of[1] if out_of else cell)


@lru_cache(_REMEMBERED)
def percent(cell: str) -> Decimal | None:
    """Return a percentage exactly as printed, with or without its sign."""
    bare = cell.strip()
    if bare.upper() in _NOTHING:
        return None
    match = _PERCENT.fullmatch(bare)
    if match is None:
        message = "not a percentage"
        raise ValueError(message)
    return Decimal(match[1].replace(",", ""))


@lru_cache(_REMEMBERED)
def flag(cell: str) -> bool | None:
    """Return a Y or N as a bool."""
    bare = cell.strip().upper()
    if bare in _NOTHING:
        return None
    if bare not in _FLAGS:
        message = "neither Y nor N"
        raise ValueError(message)
    return _FLAGS[bare]


@lru_cache(_REMEMBERED)
def level(cell: str) -> str | None:
    """Return the letter of a distinguished level: D, S, P or M. The words are understood too."""
    bare = cell.strip().upper()
    if bare in _NOTHING or bare.startswith("NOT "):
        return None
    if bare in LEVELS:
        return bare
    for beginning, code in _LEVEL_WORDS:
        if bare.startswith(beginning):
            return code
    message = "not a distinguished level"
    raise ValueError(message)


@lru_cache(_REMEMBERED)
def day(cell: str) -> date | None:
    """Return a date, written month/day/year."""
    bare = cell.strip()
    if bare.upper() in _NOTHING:
        return None
    match = _DAY.fullmatch(bare)
    if match is None:
        message = "not a date of the form month/day/year"
        raise ValueError(message)
    return _date(match[1], match[2], match[3])


@lru_cache(_REMEMBERED)
def club_dates(cell: str) -> ClubDates | None:
    """Return the dates of a cell such as ``Charter 04/15/26``, ``Susp 09/30/25`` or both."""
    if not cell.strip():
        return None
    found: dict[str, date] = {}
    end = 0
    while match := _EVENT.match(cell, end):
        found[match[1].lower()] = _date(match[2], match[3], match[4])
        end = match.end()
    if end != len(cell):
        message = "neither a charter nor a suspension date"
        raise ValueError(message)
    return ClubDates(found.get("charter"), found.get("susp"))


@lru_cache(_REMEMBERED)
def division(cell: str) -> Unit | None:
    """Return a division, written ``A`` or ``Division A``; clubs in none have the code ``0D``."""
    return _unit(cell, "Division")


@lru_cache(_REMEMBERED)
def area(cell: str) -> Unit | None:
    """Return an area, written ``12`` or ``Area 12``; clubs in none have the code ``0A``."""
    return _unit(cell, "Area")


def _unit(cell: str, kind: str) -> Unit | None:
    bare = cell.strip()
    first, _blank, rest = bare.partition(" ")
    if first.casefold() == kind.casefold() and rest.strip():
        return Unit(rest.strip(), bare)
    return Unit(bare, f"{kind} {bare}") if bare else None


def _date(month: str, day_of_month: str, year: str) -> date:
    number = int(year)
    if len(year) == 2:  # noqa: PLR2004 - digits of a year
        number += 1900 if number >= _CENTURY_TURNS else 2000
    return date(number, int(month), int(day_of_month))
