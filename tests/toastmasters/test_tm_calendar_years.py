"""Program years and months."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import InvalidRequest
from backfill.toastmasters.years import (
    ProgramYear,
    month_of,
    month_text,
    next_month,
    parse_month,
    previous_month,
    program_year,
)
from engine_doubles import bounded
from tm_calendar_cases import on

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("day", "year"),
    [
        ("2022-07-01", "2022-2023"), ("2022-12-31", "2022-2023"), ("2023-01-01", "2022-2023"), ("2023-06-30", "2022-2023"),
        ("2023-07-01", "2023-2024"), ("2024-02-29", "2023-2024"), ("1999-12-31", "1999-2000"),
    ],
)  # fmt: skip
def test_a_day_belongs_to_the_program_year_of_its_month(day: str, year: str) -> None:
    """July begins a program year, June ends one; January belongs to the year that began before it. [R11.5]"""
    assert str(program_year(on(day))) == year


@bounded
@given(DAYS)
def test_a_program_year_holds_its_days(day: date) -> None:
    """A day lies in its program year and in one of its twelve months, and the year's text reads back as the year. [R11.5]"""
    year = program_year(day)
    assert year.first_day <= day <= year.last_day
    assert month_of(day) in year.months
    assert (len(year.months), year.months[0].month, year.months[-1]) == (12, 7, year.last_day)
    assert year.month(day.month) == month_of(day)
    assert year.first_day - timedelta(days=1) == ProgramYear(year.start - 1).last_day
    assert ProgramYear.parse(str(year)) == year


@pytest.mark.parametrize("text", ["", "2022", "2022-2024", "2022-23", "2022/2023", "2023-2022", " 2022-2023", "٢٠٢٢-2023"])
def test_what_names_no_program_year_is_refused(text: str) -> None:
    """Two successive years with a dash between, and nothing else, name a program year. [R7.4]"""
    with pytest.raises(InvalidRequest, match="not two years in succession"):
        ProgramYear.parse(text)


@pytest.mark.parametrize(("today", "ended"), [("2023-06-29", False), ("2023-06-30", False), ("2023-07-01", True)])
def test_a_program_year_has_ended_the_day_after_its_last(today: str, ended: bool) -> None:
    """On 30 June the program year is not over yet. [R11.5]"""
    assert ProgramYear(2022).has_ended(on(today)) == ended


@bounded
@given(DAYS)
def test_months_are_named_by_their_last_day(day: date) -> None:
    """Any day names its month; months follow each other without a day between; their text reads back. [R11.5]"""
    month = month_of(day)
    assert (month + timedelta(days=1)).day == 1
    assert month_of(day.replace(day=1)) == month
    assert next_month(previous_month(month)) == month == previous_month(next_month(month))
    assert previous_month(month) + timedelta(days=1) == month.replace(day=1)
    assert parse_month(month_text(month)) == month


@pytest.mark.parametrize("text", ["", "2022", "2022-7", "2022-00", "2022-13", "0000-01", "2022-07-31", "not-valid", "07-2022"])
def test_what_names_no_month_is_refused(text: str) -> None:
    """A year of four digits, a dash and a month of two digits name a month, and nothing else does. [R7.4]"""
    with pytest.raises(InvalidRequest, match="not a month of the calendar"):
        parse_month(text)


def test_a_time_of_day_is_no_day() -> None:
    """Pitfall 14, days off by one between time zones: a datetime is refused where a day is meant, it has none by itself. [R7.4]"""
    with pytest.raises(InvalidRequest, match="no time of day or time zone"):
        month_of(datetime(2022, 7, 31, 23, 30, tzinfo=UTC))
