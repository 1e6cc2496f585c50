"""What callers of a job store may say, checked alike by every store."""

from __future__ import annotations

import sys

from backfill.model import Wanted
from backfill.model.checks import as_choice, as_count, as_seconds

_SHORTEST_TTL = 1e-3
_LONGEST_TTL = 86_400.0


def as_most_events(value: int) -> int:
    """Return *value* as the number of events to keep.

    Raises:
        InvalidRequest: It is not a whole number from 1.
    """
    return as_count("max_events", value, least=1, most=sys.maxsize)


def as_limit(value: int) -> int:
    """Return *value* if it can limit an answer.

    Raises:
        InvalidRequest: It is not a whole number from 1.
    """
    return as_count("limit", value, least=1, most=sys.maxsize)


def as_start(value: int) -> int:
    """Return *value* if an answer can begin after so many.

    Raises:
        InvalidRequest: It is not a whole number from 0.
    """
    return as_count("after", value, least=0, most=sys.maxsize)


def as_ttl(value: float) -> float:
    """Return *value* as the seconds for which a lease holds.

    Raises:
        InvalidRequest: It is not a number from a millisecond to a day.
    """
    return as_seconds("ttl", value, least=_SHORTEST_TTL, most=_LONGEST_TTL)


def as_wanted(value: Wanted) -> Wanted:
    """Return what *value* is or names.

    Raises:
        InvalidRequest: Nothing that can be asked for.
    """
    return as_choice("wanted", value, Wanted)
