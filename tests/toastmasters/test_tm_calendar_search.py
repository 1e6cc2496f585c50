"""The search for a month's last as-of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.toastmasters.closings import Closing, shipped_closings
from backfill.toastmasters.search import CloseSearch
from backfill.toastmasters.years import month_of, next_month
from engine_doubles import bounded
from tm_calendar_cases import CALENDAR, DAY, on

OCTOBER = on("2026-10-31")


def run(search: CloseSearch, shows: Callable[[date], bool]) -> tuple[CloseSearch, list[date]]:
    """Search to the end; return the last state, and the as-ofs that were asked for."""
    asked: list[date] = []
    while (as_of := search.next_probe) is not None:
        assert as_of in search.candidates
        assert as_of not in asked
        asked.append(as_of)
        search = search.answered(as_of, shown=shows(as_of))
    return search, asked


def until(last: date) -> Callable[[date], bool]:
    """Return a dashboard that shows the month as of days up to *last*."""
    return lambda as_of: as_of <= last


def test_a_search_finds_the_close() -> None:
    """Asking for one as-of after the other, the search ends with the month's last, having asked for a few of nineteen. [B10, R9.3]"""
    found, asked = run(CALENDAR.search(OCTOBER, today=on("2027-01-01")), until(on("2026-11-10")))
    assert found.candidates == (on("2026-11-10"),)
    assert [day.isoformat() for day in asked] == ["2026-11-07", "2026-11-09", "2026-11-11", "2026-11-10"]


@pytest.mark.parametrize("today", ["2026-11-02", "2026-11-03", "2026-11-05"])
def test_an_open_close_takes_one_request(today: str) -> None:
    """In a closing's first days the newest as-of is asked for first; when it shows the month, nothing newer can. [B10, R9.3]"""
    found, asked = run(CALENDAR.search(OCTOBER, today=on(today)), lambda _as_of: True)
    assert asked == [on(today) - DAY] == list(found.candidates)


def test_a_search_that_cannot_begin() -> None:
    """Before the month's end, and when the first as-of is to come, there is nothing to search for. [B10]"""
    assert CALENDAR.closing_candidates(OCTOBER, today=on("2026-10-31")) == ()
    assert CALENDAR.closing_candidates(OCTOBER, today=on("2026-11-01")) == (OCTOBER,)
    assert CALENDAR.search(OCTOBER, today=on("2026-11-01")).next_probe is None
    assert CALENDAR.closing_candidates(on("2022-07-31"), today=on("2022-08-01")) == ()


@bounded
@given(st.dates(date(2026, 10, 1), date(2031, 12, 31)), st.data())
def test_a_search_always_ends_with_the_last_as_of(month: date, data: st.DataObject) -> None:
    """Wherever the close lies, and whatever is published yet, the search ends, asks nothing twice, and finds it. [B10]"""
    month = month_of(month)
    longest = 31 if month.month == 6 else 18
    close = month + timedelta(days=data.draw(st.integers(0, longest), label="lag"))
    today = month + timedelta(days=data.draw(st.integers(1, 60), label="today"))
    search = CALENDAR.search(month, today=today)
    found, asked = run(search, until(close))
    assert found.candidates == (min(close, today - DAY),)
    assert len(asked) < max(2, len(search.candidates))


def test_how_many_requests_a_search_takes() -> None:
    """Had none of the closes of the table been known, finding them would have taken three to four requests each on average. [R9.3]"""
    counts = []
    for closing in shipped_closings().values():
        if closing.lag is not None:
            later = closing.month.replace(year=closing.month.year + 20, day=1)  # the same month, of which nothing is known
            month = month_of(later)
            close = month + timedelta(days=closing.lag)
            _found, asked = run(CALENDAR.search(month, today=next_month(next_month(month))), until(close))
            counts.append(len(asked))
    assert 3 < sum(counts) / len(counts) < 4
    assert max(counts) <= 8


def test_answers_out_of_order() -> None:
    """An as-of that shows the month beyond the limit moves it; an empty one before what was shown changes nothing. [B10]"""
    search = CALENDAR.search(OCTOBER, today=on("2027-01-01"))
    beyond = search.answered(on("2026-11-25"), shown=True)
    assert beyond.candidates == (on("2026-11-25"),)
    shown = search.answered(on("2026-11-05"), shown=True)
    assert shown.answered(on("2026-11-03"), shown=False).candidates == (on("2026-11-05"),)
    assert shown.answered(on("2026-11-02"), shown=True) == shown


def test_without_experience_a_search_halves() -> None:
    """Where no month like it is known, each request halves what is left. [B10]"""
    search = CloseSearch(OCTOBER, OCTOBER, OCTOBER + timedelta(days=16), on("2027-01-01"), {})
    for lag in range(17):
        _found, asked = run(search, until(OCTOBER + timedelta(days=lag)))
        assert len(asked) <= 5


def test_assumed_closes_are_no_experience() -> None:
    """Guesses of the table do not weigh in a search. [B10]"""
    guesses = [closing for closing in shipped_closings().values() if closing.lag is None]
    assert all(isinstance(closing, Closing) for closing in guesses)
    september = CALENDAR.search(on("2027-09-30"), today=on("2028-01-01"))
    assert sum(september.lags.values()) == 14
