"""Which days a frequency selects."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backfill.model import Frequency, select_days
from engine_doubles import bounded

ANY_DAY = st.dates(date(1999, 1, 1), date(2031, 12, 31))


@bounded
@given(start=ANY_DAY, length=st.integers(0, 800), frequency=st.sampled_from(Frequency))
def test_the_days_of_a_frequency(start: date, length: int, frequency: Frequency) -> None:
    """Every day, each seventh from the first, or exactly the last days of months, ascending, both ends included. [R2.2]"""
    end = start + timedelta(days=length)
    every = [start + timedelta(days=number) for number in range(length + 1)]
    expected = {
        Frequency.DAILY: every,
        Frequency.WEEKLY: every[::7],
        Frequency.MONTH_END: [day for day in every if day.day == monthrange(day.year, day.month)[1]],
    }
    assert list(select_days(start, end, frequency)) == expected[frequency]


def test_the_last_days_of_time() -> None:
    """The end of the calendar is no error: neither the last of its days nor the last of its months has one after it. [R2.2]"""
    start = date(9999, 11, 1)
    assert list(select_days(start, date.max, Frequency.MONTH_END)) == [date(9999, 11, 30), date.max]
    assert list(select_days(date.max, date.max, Frequency.DAILY)) == [date.max]
