"""Short cuts for the tests of the dashboard's calendar: days written as text, and editions of the shipped calendar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from backfill.model import Edition, Frequency
from backfill.toastmasters.calendar import ClosingCalendar

TODAY = date(2026, 10, 12)
"""After everything that the shipped table knows."""

CALENDAR = ClosingCalendar()
"""The shipped calendar."""

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data"
"""Real files beside the checkout, where there are any."""

DAY = timedelta(days=1)


def on(text: str) -> date:
    """Return the day written as YYYY-MM-DD."""
    return date.fromisoformat(text)


def edition(day: str, today: date | str = TODAY, calendar: ClosingCalendar = CALENDAR) -> Edition:
    """Return the edition of *day*."""
    return calendar.edition(on(day), today=on(today) if isinstance(today, str) else today)


def daily(start: str, end: str, today: date = TODAY, calendar: ClosingCalendar = CALENDAR) -> list[Edition]:
    """Return the editions of every day from *start* to *end*."""
    return list(calendar.editions(on(start), on(end), Frequency.DAILY, today=today))


def kinds(editions: Sequence[Edition]) -> dict[str, int]:
    """Return how many of *editions* are collected, and how many are gaps of each kind."""
    return dict(Counter(str(edition.gap or "collected") for edition in editions))


def learnt(*facts: tuple[str, str], calendar: ClosingCalendar = CALENDAR) -> ClosingCalendar:
    """Return *calendar* with *facts*: a month (any day of it), and the as-of on which it was shown."""
    for month, as_of in facts:
        calendar = calendar.learn(on(month), on(as_of))
    return calendar


def shared_file(*parts: str) -> Path:
    """Return a file beside the checkout; skips the test where it is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not beside this checkout")
    return path
