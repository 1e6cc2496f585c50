"""What is where below the root of a file store: every path is built here, from checked names only.

.. code-block:: text

    <root>/<day>/            a live day: manifest.json, metadata.json, district_<id>.json, <summary>.json
    <root>/.old-<day>        a live day moved aside for an instant, where directories cannot be exchanged
    <root>/.staging/<token>/ a draft in the making, its owner holding the lock on the file "in-use" in it
    <root>/.retired/         former states of days, kept a while for readers that still hold them
    <root>/.locks/           a lock for each day, with a note of who holds it
    <root>/.index/           for each day its manifest's entries in short; a cache
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from backfill.errors import InvalidRequest
from backfill.model import normalize_district
from backfill.model.checks import as_date

MANIFEST = "manifest.json"
METADATA = "metadata.json"
RANKINGS = "all-districts-rankings"

_DISTRICT_PREFIX = "district_"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SUMMARY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", re.ASCII)
_RESERVED = frozenset({"manifest", "metadata"})


def district_file(district: str) -> str:
    """Return the name of a district's file.

    Raises:
        InvalidRequest: *district* is not in the one form that may stand in a file name.
    """
    return f"{_DISTRICT_PREFIX}{checked_district(district)}.json"


def checked_district(district: object) -> str:
    """Return *district* if it is in its normal form already.

    Raises:
        InvalidRequest: It is not; a store never changes an identifier, since its caller would look for the one it gave.
    """
    normal = normalize_district(district)
    if normal != district:
        raise InvalidRequest("district", district, "has blanks around it", f"write {normal!r}")
    return normal


def summary_file(name: str) -> str:
    """Return the file name of a summary of the day.

    Raises:
        InvalidRequest: *name* cannot stand in a file name, or would take the place of another kind of file.
    """
    return f"{checked_summary(name)}.json"


def checked_summary(name: object) -> str:
    """Return *name* if it can name a summary of the day.

    Raises:
        InvalidRequest: It cannot.
    """
    if not isinstance(name, str) or _SUMMARY.fullmatch(name) is None:
        rule = "a summary's name is 1 to 64 of the letters A-Z, digits, '.', '_' and '-', and does not begin with a dot"
        raise InvalidRequest("name", name, rule, f"choose a name such as {RANKINGS!r}")
    if name.lower() in _RESERVED or name.lower().startswith(_DISTRICT_PREFIX):
        rule = "this name belongs to the store's own files"
        raise InvalidRequest("name", name, rule, "choose a name other than 'manifest', 'metadata' and 'district_…'")
    return name


def parse_day(name: str) -> date | None:
    """Return the day that a directory's name says; ``None`` = it is none of ours."""
    if _DAY.fullmatch(name) is None:
        return None
    try:
        return date.fromisoformat(name)
    except ValueError:  # in the form of a day, but none of the calendar
        return None


class Layout:
    """The paths below one root. Builds paths, touches none. Any thread.

    Args:
        root: The directory of the store.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.staging = root / ".staging"
        self.retired = root / ".retired"
        self.locks = root / ".locks"
        self.index = root / ".index"
        self.outlines = self.index / "outlines.json"

    def live(self, day: date) -> Path:
        """Return the directory of a day."""
        return self.root / _name(day)

    def aside(self, day: date) -> Path:
        """Return where a day stands while its new state takes its place, if the two cannot be exchanged at once."""
        return self.root / f".old-{_name(day)}"

    def day_set_aside(self, name: str) -> date | None:
        """Return the day that stands aside under *name*; ``None`` = it is something else."""
        return parse_day(name.removeprefix(".old-")) if name.startswith(".old-") else None

    def lock(self, day: date) -> Path:
        """Return the lock file of a day."""
        return self.locks / f"{_name(day)}.lock"

    def entries(self, day: date) -> Path:
        """Return the index file of a day."""
        return self.index / f"{_name(day)}.json"


def _name(day: date) -> str:
    return as_date("day", day).isoformat()  # a datetime is a date too, but its text would name another directory
