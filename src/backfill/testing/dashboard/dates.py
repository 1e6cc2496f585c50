"""Months, program years and the dashboard's way of writing dates.

A month is named by its last day; a program year (1 July to 30 June) by the calendar year in which it begins.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)
FIRST_YEAR = 2008
"""The program year 2008-2009 is the oldest that the dashboard has."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
JULY, JUNE = 7, 6

_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_YEAR = re.compile(r"(\d{4})-(\d{4})", re.ASCII)


def month_end(day: date) -> date:
    """Return the last day of the month of *day*."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def month_before(end: date) -> date:
    """Return the last day of the month before the one that *end* names."""
    return end.replace(day=1) - ONE_DAY


def year_of(day: date) -> int:
    """Return the program year of *day*."""
    return day.year if day.month >= JULY else day.year - 1


def year_text(year: int) -> str:
    """Return a program year as the dashboard writes it, ``2022-2023``."""
    return f"{year:04d}-{year + 1:04d}"


def read_year(text: str) -> int | None:
    """Return the program year that *text* names, or ``None``."""
    found = _YEAR.fullmatch(text)
    return int(found[1]) if found and int(found[2]) == int(found[1]) + 1 else None


def months_of(year: int) -> list[date]:
    """Return the twelve months of a program year, July first."""
    return [month_end(date(year + (number < JULY), number, 1)) for number in (*range(JULY, 13), *range(1, JULY))]


def read_date(text: str) -> date | None:
    """Return the date of a slot, ``2/8/2023`` or ``02/08/2023``; ``None`` where it is empty or no such date."""
    found = _DATE.fullmatch(text.strip())
    if not found:
        return None
    month, day, year = map(int, found.groups())
    try:
        return date(year, month, day)
    except ValueError:  # in the form of a date, but none of the calendar
        return None


def slot(day: date) -> str:
    """Return *day* as the dashboard's own addresses have it, unpadded."""
    return f"{day.month}/{day.day}/{day.year}"
