"""What holds for every range, every day, and whatever is learnt in whichever order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.model import Edition, Frequency, Gap, select_days
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.closings import shipped_closings
from backfill.toastmasters.years import month_of, next_month
from engine_doubles import bounded
from tm_calendar_cases import CALENDAR, DAY

DAYS = st.dates(date(2007, 1, 1), date(2031, 12, 31))
KNOWN = {closing.month: closing.last for closing in shipped_closings().values() if closing.is_exact and closing.last}

NEW = tuple(date(2026 + (9 + number) // 12, (9 + number) % 12 + 1, 1) for number in range(12))
"""The first days of twelve months after the table's end."""


@st.composite
def facts(draw: st.DrawFn) -> tuple[date, date]:
    """Return a month and an as-of on which it may have been shown, true or not."""
    month = month_of(draw(DAYS))
    return month, draw(st.dates(month.replace(day=1), month + timedelta(days=45)))


@bounded
@given(
    start=DAYS, length=st.integers(0, 120), frequency=st.sampled_from(Frequency), today=DAYS, told=st.lists(facts(), max_size=5)
)
def test_editions_of_any_range(
    start: date, length: int, frequency: Frequency, today: date, told: list[tuple[date, date]]
) -> None:
    """Each selected day exactly once, in order; gaps have no as-of; none lies beyond yesterday or before its day. [B10, P12]"""
    calendar = CALENDAR
    for month, as_of in told:
        calendar = calendar.learn(month, as_of)
    end = start + timedelta(days=length)
    editions = list(calendar.editions(start, end, frequency, today=today))
    assert [found.day for found in editions] == list(select_days(start, end, frequency))
    for found in editions:
        assert found == calendar.edition(found.day, today=today)
        check(found, today, calendar)


def check(found: Edition, today: date, calendar: ClosingCalendar) -> None:
    """Check what holds for one edition."""
    month_end = found.day == month_of(found.day)
    if found.gap is not None:
        assert (found.as_of, found.settled_on) == (None, None)
        assert not month_end or found.gap is not Gap.CLOSING
        return
    assert found.day < today
    assert found.settled_on is not None
    if found.as_of is None:
        assert month_end
        assert calendar.closing_candidates(found.day, today=today)
    else:
        assert found.day <= found.as_of < today
        assert found.settled_on >= found.as_of + timedelta(days=2)
        assert month_end or found.as_of == found.day
    if month_end and found.as_of is not None:
        assert all(found.day <= as_of < found.as_of for as_of in calendar.step_backs(found.day, found.as_of))


@bounded
@given(DAYS)
def test_no_ordinary_day_lies_in_a_known_closing(day: date) -> None:
    """A day of the next month up to a month's known close is a gap, and has nothing to ask for. [B10]"""
    gap = CALENDAR.edition(day, today=date(2032, 1, 1)).gap
    inside = any(month < day <= last for month, last in KNOWN.items()) and day != month_of(day)
    assert not inside or gap in {Gap.CLOSING, Gap.NEVER_EXISTED}


@bounded
@given(st.lists(facts(), max_size=12), st.randoms())
def test_the_order_of_learning_makes_no_difference(told: list[tuple[date, date]], random: object) -> None:
    """The same facts in another order, some of them twice, give the same calendar and the same contradictions. [B10]"""
    again = [*told, *told[:3]]
    random.shuffle(again)  # type: ignore[attr-defined] # a random.Random that hypothesis shrinks
    one = other = CALENDAR
    for month, as_of in told:
        one = one.learn(month, as_of)
    for month, as_of in again:
        other = other.learn(month, as_of)
    assert one == other
    assert one.contradictions == other.contradictions
    assert ClosingCalendar.from_json(one.to_json(), path="closings.json") == one
    half = len(told) // 2
    parts = [CALENDAR, CALENDAR]
    for number, (month, as_of) in enumerate(told):
        parts[number < half] = parts[number < half].learn(month, as_of)
    assert parts[0].merge(parts[1].sightings) == one == parts[1].merge(parts[0].sightings)


@bounded
@given(st.lists(facts(), max_size=8), facts(), st.integers(0, 45))
def test_what_is_known_teaches_nothing(told: list[tuple[date, date]], fact: tuple[date, date], offset: int) -> None:
    """What a calendar says that it knows changes no close when it is learnt, and what was learnt once is known. [B10, R9.3]"""
    calendar = CALENDAR
    for month, as_of in told:
        calendar = calendar.learn(month, as_of)
        assert calendar.knows(month, as_of)
    for month, as_of in (fact, *((month, month + timedelta(days=offset)) for month, _as_of in told)):
        wiser = calendar.learn(month, as_of)
        if calendar.knows(month, as_of):
            around = (calendar.month_before(month), month, next_month(month))
            assert [wiser.close_of(near) for near in around] == [calendar.close_of(near) for near in around]
            assert wiser.contradictions == calendar.contradictions


def test_the_table_knows_what_its_lists_show() -> None:
    """Of a month whose list is known every as-of in it is known to be shown; of one with a last as-of alone none but by learning. [B10]"""
    august, april = date(2022, 8, 31), date(2023, 4, 30)
    assert [CALENDAR.knows(august, date(2022, month, day)) for month, day in ((8, 9), (8, 10), (9, 8), (9, 9))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not CALENDAR.knows(april, date(2023, 5, 12))
    assert CALENDAR.learn(april, date(2023, 5, 12)).knows(april, date(2023, 5, 12))


@frozen
class Schedule:
    """When the months after the table's end close, in truth."""

    closes: Mapping[date, date]

    def shown(self, as_of: date) -> date:
        """Return the month that is shown as of a day."""
        return next(month for month, last in self.closes.items() if as_of <= last)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Return closes within all experience, each before the next month's end."""
    closes = {date(2026, 9, 30): date(2026, 9, 30) + timedelta(days=draw(st.integers(0, 17)))}
    for first in NEW:
        month = month_of(first)
        closes[month] = month + timedelta(days=draw(st.integers(13, 30) if month.month == 6 else st.integers(0, 17)))
    return Schedule(closes)


@bounded
@given(schedules(), st.lists(st.integers(0, 330), max_size=30))
def test_learning_only_comes_closer_to_the_truth(truth: Schedule, offsets: list[int]) -> None:
    """True facts never exclude a true close, never widen what is possible, and never contradict each other. [B10]"""
    calendar, today = CALENDAR, date(2028, 1, 1)
    for offset in offsets:
        as_of = NEW[0] + timedelta(days=offset)
        wiser = calendar.learn(truth.shown(as_of), as_of)
        for month, last in truth.closes.items():
            before, after = calendar.close_of(month), wiser.close_of(month)
            assert before.earliest <= after.earliest <= last <= after.latest <= before.latest
            assert after.as_of in {None, last}
            assert before.as_of in {None, after.as_of}
            assert after.through == after.earliest
            assert last in wiser.closing_candidates(month, today=today)
        calendar = wiser
    assert calendar.contradictions == CALENDAR.contradictions


@settings(bounded, max_examples=10)
@given(schedules())
def test_a_daily_collection_learns_every_close(truth: Schedule) -> None:
    """What answers to each day teach is every close but the last month's: the next plan has no doubt left. [B10, B1]"""
    calendar, today = CALENDAR, date(2027, 10, 1)
    start = date(2026, 10, 1)
    for offset in range((today - start).days):
        as_of = start + timedelta(days=offset)
        calendar = calendar.learn(truth.shown(as_of), as_of)
    for found in calendar.editions(start, date(2027, 8, 31), Frequency.DAILY, today=today):
        month = month_of(found.day)
        if found.day == month:
            assert found.as_of == truth.closes[month]
        elif truth.shown(found.day) == month:
            assert (found.gap, found.as_of) == (None, found.day)
        else:
            assert found.gap is Gap.CLOSING
    last = month_of(today - DAY)
    assert calendar.close_of(last).as_of is None
    assert next_month(last) not in calendar.sightings
