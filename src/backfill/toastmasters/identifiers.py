"""What the dashboard's identifiers look like, and when two spellings mean the same district or club."""

from __future__ import annotations

import re
from functools import lru_cache

from backfill.errors import InvalidRequest

_PREFIX = re.compile(r"\Adistrict\s+", re.IGNORECASE)
_NORMAL = re.compile(r"[0-9]{1,3}|[A-Z]")
_IN_FILES = re.compile(r"[A-Z0-9]+")


def normalize_district(text: object, /) -> str:
    """Return the published form of a district: ``01``, ``61``, ``117``, ``F``. Pure; any thread.

    Surrounding blanks and a leading "District " are dropped, letters become capitals, numbers below ten get their zero:
    ``1``, ``01`` and ``District 1`` are one district.

    Raises:
        InvalidRequest: Neither a number of up to three digits nor a single letter.
    """
    if not isinstance(text, str):
        raise InvalidRequest("district", text, "a district is a string", f'write "{text}" in quotes')
    bare = _bare(text)
    if _NORMAL.fullmatch(bare) is None:
        rule = "a district is a number of up to three digits or a single letter"
        raise InvalidRequest("district", text, rule, "write it as the dashboard does, for instance '61', '05' or 'F'")
    return _padded(bare)


@lru_cache(4096)  # every row repeats it
def district_in_file(text: str) -> str | None:
    """Return the district that a cell of a report names, in its normal form; blank = ``None``.

    Any letters and digits are let through here, since a rule that is too narrow has dropped districts F and U before.

    Raises:
        ValueError: Something else, for instance a piece of the footer.
    """
    bare = _bare(text)
    if not bare:
        return None
    if _IN_FILES.fullmatch(bare) is None:
        message = "not letters and digits"
        raise ValueError(message)
    return _padded(bare)


def club_key(number: str) -> str:
    """Return what a club's number is joined on: without leading zeros; a number of nothing but zeros stays as it is."""
    return number.lstrip("0") or number


def _bare(text: str) -> str:
    return _PREFIX.sub("", text.strip(), count=1).upper()


def _padded(bare: str) -> str:
    return f"{int(bare):02d}" if bare.isdecimal() else bare
