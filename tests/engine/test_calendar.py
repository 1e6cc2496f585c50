"""Which days a range means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

from backfill.engine.calendar import MAX_DAYS, check_range, list_editions
from backfill.errors import InvalidRequest
from backfill.model import Edition, Frequency, Gap
from backfill.testing import VirtualClock
from engine_doubles import One

TODAY = VirtualClock().today()
YESTERDAY = TODAY - timedelta(days=1)


class Editions(One):
    """A source with a catalog of editions."""

    def __init__(self, *editions: Edition) -> None:
        super().__init__()
        self._editions = editions

    def editions(self, _start: date, _end: date, _frequency: Frequency, /) -> Iterable[Edition]:
        """Return them, by and by."""
        return iter(self._editions)


class Forecast(One):
    """A source whose newest day lies some days from today."""

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self._ahead = ahead

    def latest_day(self, today: date, /) -> date:
        """Return it."""
        return today + timedelta(days=self._ahead)


@pytest.mark.parametrize("end", [TODAY, TODAY + timedelta(days=1), date(2126, 1, 1), date.max])
def test_today_and_the_future_are_refused(end: date) -> None:
    """A range that ends today or later is refused, naming the newest day that there can be. [R7.4]"""
    with pytest.raises(InvalidRequest, match=f"not published yet.*source 'one'.*{YESTERDAY}") as caught:
        check_range(date(2026, 1, 1), end, One(), VirtualClock())
    assert caught.value.field == "end_date"
    assert caught.value.value == end.isoformat()


def test_yesterday_is_accepted_and_is_that_of_utc() -> None:
    """The newest day is yesterday in UTC, wherever the program runs. [R7.4]"""
    check_range(YESTERDAY, YESTERDAY, One(), VirtualClock())
    late = VirtualClock(datetime.fromisoformat("2026-01-15T23:30:00-05:00"))
    check_range(date(2026, 1, 15), date(2026, 1, 15), One(), late)
    assert late.now().tzinfo is UTC


@pytest.mark.parametrize("ahead", [-3, 0, 7])
def test_a_source_may_say_which_day_is_its_newest(ahead: int) -> None:
    """A source whose newest day is not yesterday moves the limit, to and fro. [R3.4]"""
    latest = TODAY + timedelta(days=ahead)
    check_range(latest, latest, Forecast(ahead), VirtualClock())
    with pytest.raises(InvalidRequest, match=str(latest)):
        check_range(latest, latest + timedelta(days=1), Forecast(ahead), VirtualClock())


def test_a_range_of_a_century_is_refused() -> None:
    """The longest range is fifty-four years; a day more is refused, saying how many days it would be. [R7.4]"""
    check_range(YESTERDAY - timedelta(days=MAX_DAYS - 1), YESTERDAY, One(), VirtualClock())
    with pytest.raises(InvalidRequest, match=r"start_date.*20,001 days.*20,000.*split the range"):
        check_range(YESTERDAY - timedelta(days=MAX_DAYS), YESTERDAY, One(), VirtualClock())
    with pytest.raises(InvalidRequest, match="split the range"):
        check_range(date.min, YESTERDAY, One(), VirtualClock())


def test_without_a_catalog_every_day_has_a_settled_edition() -> None:
    """A source that says nothing of its editions has one for each day, given out on the day, which never changes. [R3.4]"""
    start = date(2026, 1, 1)
    editions = list_editions(start, start + timedelta(days=1), Frequency.DAILY, One())
    assert editions == (Edition(start, start), Edition(date(2026, 1, 2), date(2026, 1, 2)))
    assert not any(edition.gap or edition.settled_on for edition in editions)


def test_editions_come_in_order() -> None:
    """A catalog may answer in any order, and with days left out; the days are ascending all the same. [R3.4]"""
    start, end = date(2026, 1, 1), date(2026, 1, 9)
    later, earlier = Edition(end, None, Gap.CLOSING), Edition(start, date(2026, 1, 3), settled_on=date(2026, 2, 1))
    assert list_editions(start, end, Frequency.DAILY, Editions(later, earlier)) == (earlier, later)


@pytest.mark.parametrize("numbers", [(0, 0), (-1,), (2,)])
def test_a_catalog_that_answers_something_else_is_refused(numbers: tuple[int, ...]) -> None:
    """A day twice, or outside the range, is a mistake of the source's catalog, said before anything is done. [P7, P12]"""
    start, end = date(2026, 1, 1), date(2026, 1, 2)
    source = Editions(*(Edition(start + timedelta(days=number)) for number in numbers))
    with pytest.raises(
        InvalidRequest, match=r"source 'one' must name each day from 2026-01-01 to 2026-01-02 once.*mend editions"
    ):
        list_editions(start, end, Frequency.DAILY, source)


@pytest.mark.parametrize("source", [One(), Editions()])
def test_a_range_without_any_day_is_refused(source: One) -> None:
    """A frequency that selects nothing of the range is refused, rather than accepted as a job with nothing to do. [R7.4]"""
    with pytest.raises(InvalidRequest, match=r"frequency='month-end': selects no day from 2026-01-01 to 2026-01-30"):
        list_editions(date(2026, 1, 1), date(2026, 1, 30), Frequency.MONTH_END, source)
