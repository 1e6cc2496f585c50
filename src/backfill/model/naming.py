"""What may name a district: the one rule, used wherever an identifier comes in or becomes a file name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from backfill.errors import InvalidRequest

_ALLOWED = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", re.ASCII)
_RULE = "a district is 1 to 64 of the letters A-Z, digits, '.', '_' and '-', and does not begin with a dot"


def normalize_district(text: object, /) -> str:
    """Return the district that *text* names, without surrounding blanks.

    The default form for sources that do not bring their own ``normalize_district``. Pure; any thread.

    Raises:
        InvalidRequest: Not a string, empty, too long, or with characters that could not stand in a file name everywhere.
    """
    if not isinstance(text, str):
        raise InvalidRequest("district", text, "a district is a string", f'write "{text}" in quotes')
    stripped = text.strip()
    if _ALLOWED.fullmatch(stripped) is None:
        raise InvalidRequest("district", text, _RULE, "write the publisher's short identifier, for instance '61' or 'F'")
    return stripped


def refuse_collisions(districts: Iterable[str], /) -> None:
    """Refuse identifiers that differ only in case: they would be one file on some file systems.

    Raises:
        InvalidRequest: Two of them collide.
    """
    seen: dict[str, str] = {}
    for district in districts:
        other = seen.setdefault(district.casefold(), district)
        if other != district:
            raise InvalidRequest(
                "districts",
                (other, district),
                "two districts differ only in upper and lower case, and would be one file on some file systems",
                "give each district one spelling",
            )
