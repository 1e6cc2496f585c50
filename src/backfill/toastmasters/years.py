"""Program years and months: the dashboard's own division of time, from dates without a time of day."""

from __future__ import annotations

import re
from datetime import date, timedelta

from attrs import frozen

from backfill.errors import InvalidRequest
from backfill.model.checks import as_date, last_of_month

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_YEAR = re.compile(r"(\d{4})-(\d{4})", re.ASCII)
_JULY = 7


@frozen(order=True)
class ProgramYear:
    """A program year: from 1 July to 30 June. Its text is the dashboard's, ``2022-2023``.

    Attributes:
        start: The calendar year in which it begins.
    """

    start: int

    def __str__(self) -> str:
        return f"{self.start}-{self.start + 1}"

    @classmethod
    def parse(cls, text: str) -> ProgramYear:
        """Return the program year that *text* names.

        Raises:
            InvalidRequest: It names none.
        """
        found = _YEAR.fullmatch(text)
        if found is None or int(found[2]) != int(found[1]) + 1:
            raise InvalidRequest("program_year", text, "not two years in succession", "write '2022-2023'")
        return cls(int(found[1]))

    @property
    def first_day(self) -> date:
        """The 1 July with which it begins."""
        return date(self.start, _JULY, 1)

    @property
    def last_day(self) -> date:
        """The 30 June with which it ends."""
        return date(self.start + 1, 6, 30)

    @property
    def months(self) -> tuple[date, ...]:
        """The last days of its twelve months."""
        return tuple(self.month(number) for number in (*range(_JULY, 13), *range(1, _JULY)))

    def month(self, number: int) -> date:
        """Return its month of that *number*, 1 for January, named by its last day."""
        return last_of_month(date(self.start + (number < _JULY), number, 1))

    def has_ended(self, today: date) -> bool:
        """Return whether its last day is over; on 30 June itself it is not.

        This is a matter of the calendar. Where the dashboard keeps the year is another one: see
        `backfill.toastmasters.dashboard.open_years`.
        """
        return today > self.last_day


FIRST_YEAR = ProgramYear(2008)
"""The first program year that the dashboard serves."""


def program_year(day: date) -> ProgramYear:
    """Return the program year of a day of data.

    Of the day that figures describe, never of the day on which they were given out: June is given out in July, and belongs to
    the year that has ended.
    """
    return ProgramYear(day.year if day.month >= _JULY else day.year - 1)


def month_of(day: date) -> date:
    """Return the month that *day* lies in, named by its last day.

    Raises:
        InvalidRequest: Not a date; or one with a time of day, which would need a time zone to mean a day.
    """
    return last_of_month(as_date("month", day))


def next_month(month: date) -> date:
    """Return the month after *month*, each named by its last day."""
    return last_of_month(month + timedelta(days=1))


def previous_month(month: date) -> date:
    """Return the month before *month*, each named by its last day."""
    return month.replace(day=1) - timedelta(days=1)


def parse_month(text: str) -> date:
    """Return the month that *text*, as ``2022-07``, names, as its last day.

    Raises:
        InvalidRequest: It names none.
    """
    found = _MONTH.fullmatch(text)
    if found is None or found[1] == "0000":
        raise InvalidRequest("month", text, "not a month of the calendar", "write '2022-07'")
    return last_of_month(date(int(found[1]), int(found[2]), 1))


def month_text(month: date) -> str:
    """Return *month* as ``2022-07``."""
    return month.isoformat()[:7]
