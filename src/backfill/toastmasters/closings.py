"""What is known of when the dashboard's months began and closed: a table of facts, shipped beside this module.

A month is named by its last day. It stays open for corrections while its successor has begun: in that time the dashboard gives
out its figures as of days of the next month, and nothing of that month itself. `closings.csv` says where each date comes from.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources

from attrs import frozen

from backfill.model.checks import FrozenMapping
from backfill.toastmasters.sightings import Sighting
from backfill.toastmasters.years import parse_month

LONGEST_CLOSING = 18
"""Days after its end that a month other than June has been shown at most: 0 to 18 in the closes of 2012 to 2026 (`closings.csv`)."""

LONGEST_JUNE = 31
"""The same of June, with which the program year closes: 13 to 29 so far, and two more for good measure."""

COLLECTED_SHORT = 3
"""Days by which a collector's last as-of may fall short of the true one: one in 21 of 94 months, three in another (2022-06)."""

LABEL_LATE = 3
"""Days by which the newest label of a page may lie past the last as-of with data: one is known of, three are allowed for."""


class Evidence(StrEnum):
    """How the last as-of of a month is known; `closings.csv` explains each."""

    LISTED = "listed"
    PROBED = "probed"
    CONFIRMED = "confirmed"
    LABEL = "label"
    COLLECTED = "collected"
    ASSUMED = "assumed"
    NEVER_EXISTED = "never-existed"


_EXACT = frozenset({Evidence.LISTED, Evidence.PROBED, Evidence.CONFIRMED})


@frozen(kw_only=True)
class Closing:
    """What the table says of one month.

    Attributes:
        month: The month, by its last day.
        first: Its first as-of; ``None`` = the month never existed.
        last: Its last as-of, or the best guess at it; ``None`` = as above.
        first_is_exact: Whether no earlier as-of shows the month; else `first` is a guess.
        evidence: How `last` is known.
        seen: An as-of on which it was seen with data, where `last` says no better.
        missing: As-ofs between first and last that the dashboard never had.
    """

    month: date
    first: date | None
    last: date | None
    first_is_exact: bool
    evidence: Evidence
    seen: date | None = None
    missing: frozenset[date] = frozenset()

    @property
    def is_exact(self) -> bool:
        """Whether `last` is known to have data, and to be the last."""
        return self.evidence in _EXACT

    @property
    def label(self) -> date | None:
        """The last as-of, where that is known by the label of the month's page alone."""
        return self.last if self.evidence is Evidence.LABEL else None

    @property
    def lag(self) -> int | None:
        """Days from the month's end to its last as-of; ``None`` = that is a guess, or there is none."""
        return None if self.last is None or self.evidence is Evidence.ASSUMED else (self.last - self.month).days

    @property
    def latest(self) -> date | None:
        """The latest as-of that may have shown the month; ``None`` = the table sets no limit."""
        if self.last is None or self.evidence is Evidence.ASSUMED:
            return None
        return self.last + timedelta(days=COLLECTED_SHORT) if self.evidence is Evidence.COLLECTED else self.last

    @property
    def sighting(self) -> Sighting | None:
        """The as-ofs that are known to have shown the month; ``None`` = of none it is known."""
        last = self.last if self.is_exact or self.evidence is Evidence.COLLECTED else self.seen
        first = self.first if self.first_is_exact else self.seen or last
        return None if first is None else Sighting(first, last or first)


@cache
def shipped_closings() -> Mapping[date, Closing]:
    """Return the table that comes with the package, by month."""
    text = resources.files(__package__).joinpath("closings.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return FrozenMapping({closing.month: closing for closing in map(_closing, rows)})


def _closing(row: Mapping[str, str]) -> Closing:
    return Closing(
        month=parse_month(row["data_month"]),
        first=_day(row["first_as_of"]),
        last=_day(row["last_as_of"]),
        first_is_exact=row["first_evidence"] in {"listed", "probed"},
        evidence=Evidence(row["last_evidence"]),
        seen=_day(row["seen_as_of"]),
        missing=frozenset(map(date.fromisoformat, row["missing_as_of"].split())),
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
