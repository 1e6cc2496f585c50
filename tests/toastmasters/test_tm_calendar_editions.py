"""Which days were published, and when each of them was given out: real dates of the shipped table."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backfill.model import Edition, Frequency, Gap
from backfill.toastmasters.calendar import SETTLING, ClosingCalendar, day_of, newest_day
from backfill.toastmasters.closings import Closing, Evidence
from tm_calendar_cases import CALENDAR, DAY, TODAY, daily, edition, kinds, learnt, on


def collected(editions: list[Edition]) -> list[str]:
    """Return the days of *editions* that are collected."""
    return [str(found.day) for found in editions if found.gap is None]


def gaps(editions: list[Edition], gap: Gap) -> list[str]:
    """Return the days of *editions* with that gap."""
    return [str(found.day) for found in editions if found.gap is gap]


def span(start: str, end: str) -> list[str]:
    """Return every day from *start* to *end*."""
    return [str(on(start) + timedelta(days=number)) for number in range((on(end) - on(start)).days + 1)]


# --- the plan of two ranges ---------------------------------------------------------------------------------------------


def test_a_daily_plan_over_a_new_year() -> None:
    """From 28 December 2022 to 15 February 2023: 31 days to collect, 18 in two closings, and one as-of that is missing. [B1, B10]"""
    editions = daily("2022-12-28", "2023-02-15")
    assert len(editions) == 50
    assert kinds(editions) == {"collected": 31, "closing": 18, "no-such-as-of": 1}
    assert gaps(editions, Gap.CLOSING) == span("2023-01-01", "2023-01-10") + span("2023-02-01", "2023-02-08")
    assert gaps(editions, Gap.NO_SUCH_AS_OF) == ["2023-01-22"]
    as_ofs = {str(found.day): str(found.as_of) for found in editions if found.gap is None and found.as_of != found.day}
    assert as_ofs == {"2022-12-31": "2023-01-10", "2023-01-31": "2023-02-08"}


def test_a_daily_plan_over_a_program_years_end() -> None:
    """From 25 June to 15 August 2022: 13 days to collect, 37 in the closings of June and July, two without an as-of. [B1, B10]"""
    editions = daily("2022-06-25", "2022-08-15")
    assert len(editions) == 52
    assert kinds(editions) == {"collected": 13, "closing": 37, "no-such-as-of": 2}
    assert gaps(editions, Gap.CLOSING) == span("2022-07-01", "2022-07-28") + span("2022-08-01", "2022-08-09")
    assert gaps(editions, Gap.NO_SUCH_AS_OF) == ["2022-07-29", "2022-07-30"]
    assert collected(editions) == [
        *span("2022-06-25", "2022-06-30"), "2022-07-31", *span("2022-08-10", "2022-08-15"),
    ]  # fmt: skip
    as_ofs = {str(found.day): str(found.as_of) for found in editions if found.gap is None and found.as_of != found.day}
    assert as_ofs == {"2022-06-30": "2022-07-28", "2022-07-31": "2022-08-09"}


# --- ordinary days, and the last day of a month --------------------------------------------------------------------------


def test_an_ordinary_day_is_given_out_as_of_itself() -> None:
    """Pitfall 10: an ordinary day asks for its own month, not for the month before; two days later it no longer changes. [B10]"""
    assert edition("2023-01-15") == Edition(on("2023-01-15"), on("2023-01-15"), None, on("2023-01-17"))
    assert timedelta(days=2) == SETTLING


@pytest.mark.parametrize(
    ("day", "as_of"),
    [
        ("2022-12-31", "2023-01-10"), ("2023-01-31", "2023-02-08"), ("2022-09-30", "2022-10-17"), ("2018-03-31", "2018-04-18"),
        ("2022-05-31", "2022-06-17"), ("2024-02-29", "2024-03-08"), ("2013-12-31", "2014-01-01"), ("2018-12-31", "2019-01-02"),
        ("2012-12-31", "2013-01-01"),
    ],
)  # fmt: skip
def test_the_last_day_of_a_month_is_its_close(day: str, as_of: str) -> None:
    """A month's last day is given out as of the month's last as-of, in the month after, a December's as early as 1 January. [B10]"""
    assert edition(day) == Edition(on(day), on(as_of), None, on(as_of) + SETTLING)


@pytest.mark.parametrize(
    ("year", "as_of"),
    [
        (2013, "2013-07-19"), (2014, "2014-07-16"), (2015, "2015-07-21"), (2016, "2016-07-21"), (2017, "2017-07-25"),
        (2018, "2018-07-24"), (2019, "2019-07-17"), (2020, "2020-07-13"), (2021, "2021-07-19"), (2022, "2022-07-28"),
        (2023, "2023-07-20"), (2024, "2024-07-20"),
    ],
)  # fmt: skip
def test_june_closes_late(year: int, as_of: str) -> None:
    """Pitfall 42: month-ends were looked for in the first fourteen days of the next month only, and June closes up to 29 later. [B10]"""
    assert edition(f"{year}-06-30").as_of == on(as_of)
    assert edition(f"{year}-07-12").gap is (Gap.NEVER_EXISTED if year == 2016 else Gap.CLOSING)


def test_a_month_may_close_on_its_last_day() -> None:
    """April 2022 closed on 30 April: it has no closing, and May begins on the first. [B10]"""
    assert edition("2022-04-30").as_of == on("2022-04-30")
    assert edition("2022-05-01") == Edition(on("2022-05-01"), on("2022-05-01"), None, on("2022-05-03"))
    assert kinds(daily("2022-04-25", "2022-05-10")) == {"collected": 16}


def test_july_may_have_no_day_of_its_own() -> None:
    """Of July 2022 nothing was given out within July: its days are gaps, and its close is of 9 August. [B10]"""
    july = daily("2022-07-01", "2022-07-31")
    assert collected(july) == ["2022-07-31"]
    assert july[-1].as_of == on("2022-08-09")


@pytest.mark.parametrize("day", ["2016-07-01", "2016-07-15", "2016-07-22", "2016-07-31"])
def test_a_month_that_never_existed(day: str) -> None:
    """July 2016 is not among the months of the dashboard; August follows June's close at once, with all of its days. [B10]"""
    assert edition(day) == Edition(on(day), None, Gap.NEVER_EXISTED)
    assert kinds(daily("2016-08-01", "2016-08-31")) == {"collected": 31}


def test_a_year_with_one_as_of_a_month() -> None:
    """Of 2012-13 the dashboard kept one as-of a month: the closes can be had, the other days are closings or have none. [B10]"""
    year = daily("2012-07-01", "2013-06-30")
    assert collected(year) == [
        "2012-07-31", "2012-08-31", "2012-09-30", "2012-10-31", "2012-11-30", "2012-12-31", "2013-01-31", "2013-02-28",
        "2013-03-31", "2013-04-30", "2013-05-31", "2013-06-30",
    ]  # fmt: skip
    assert edition("2012-07-31").as_of == on("2012-07-31")
    assert [edition(day).gap for day in ("2012-09-04", "2012-09-05")] == [Gap.CLOSING, Gap.NO_SUCH_AS_OF]
    assert kinds(year)["no-such-as-of"] + kinds(year)["closing"] + 12 == 365


@pytest.mark.parametrize(
    ("day", "gap"),
    [
        ("0001-01-01", Gap.NEVER_EXISTED), ("2008-06-30", Gap.NEVER_EXISTED), ("2008-07-01", Gap.UNKNOWN), ("2008-07-31", Gap.UNKNOWN),
        ("2012-06-30", Gap.UNKNOWN), ("2012-06-29", Gap.UNKNOWN), ("2012-07-01", Gap.NO_SUCH_AS_OF),
    ],
)  # fmt: skip
def test_what_lies_before_the_table(day: str, gap: Gap) -> None:
    """Nothing lies before July 2008; from then to June 2012 it is not known which as-of is left of a month. [B10]"""
    assert edition(day).gap is gap


def test_what_was_learnt_of_years_before_the_table() -> None:
    """An as-of seen of a month before the table is the one that is left of it: its close can be had, its days cannot. [B10]"""
    calendar = learnt(("2010-03-31", "2010-04-08"))
    assert edition("2010-03-31", calendar=calendar) == Edition(on("2010-03-31"), on("2010-04-08"), None, on("2010-04-10"))
    assert edition("2010-03-30", calendar=calendar).gap is Gap.UNKNOWN
    assert edition("2010-04-30", calendar=calendar).gap is Gap.UNKNOWN
    assert calendar.close_of(on("2010-03-01")).as_of == on("2010-04-08")


# --- what has not been published yet ---------------------------------------------------------------------------------


@pytest.mark.parametrize("frequency", Frequency)
def test_nothing_is_newer_than_yesterday(frequency: Frequency) -> None:
    """Pitfall 14: the newest day is yesterday in UTC; today and the future are not published yet, up to the end of time. [B10]"""
    assert newest_day(on("2024-03-01")) == on("2024-02-29")
    editions = CALENDAR.editions(on("2024-02-27"), on("2024-03-31"), frequency, today=on("2024-03-01"))
    unpublished = [found.day for found in editions if found.gap is Gap.NOT_PUBLISHED_YET]
    assert all(day > on("2024-02-29") for day in unpublished)
    assert edition("2024-02-29", "2024-03-01").gap is None
    assert edition("2024-03-01", "2024-03-01").gap is Gap.NOT_PUBLISHED_YET
    assert CALENDAR.edition(date.max, today=TODAY).gap is Gap.NOT_PUBLISHED_YET


def test_a_close_still_open_is_collected_as_it_stands() -> None:
    """While a month is closing, its last day is as of yesterday, and settled after its close: a later run updates it. [B10]"""
    assert edition("2023-01-31", "2023-02-01") == Edition(on("2023-01-31"), on("2023-01-31"), None, on("2023-02-10"))
    assert edition("2023-01-31", "2023-02-05") == Edition(on("2023-01-31"), on("2023-02-04"), None, on("2023-02-10"))
    assert edition("2023-01-31", "2023-02-09") == Edition(on("2023-01-31"), on("2023-02-08"), None, on("2023-02-10"))
    assert edition("2023-02-05", "2023-02-06").gap is Gap.CLOSING


def test_a_month_whose_first_as_of_is_to_come_is_not_published_yet() -> None:
    """July 2022 ended before anything of it was given out: on 1 August there is nothing, on the 2nd the first as-of. [B10]"""
    assert edition("2022-07-31", "2022-08-01").gap is Gap.NOT_PUBLISHED_YET
    assert edition("2022-07-31", "2022-08-02").as_of == on("2022-08-01")


# --- what is not known exactly -----------------------------------------------------------------------------------------


def test_a_page_label_may_name_a_day_too_late() -> None:
    """A label is believed; the three days before it may be tried as well, but neither before the month's end nor its first as-of. [B10]"""
    assert edition("2023-06-30").as_of == on("2023-07-20")
    assert backs("2023-06-30", "2023-07-20") == ("2023-07-19", "2023-07-18", "2023-07-17")
    assert backs("2018-12-31", "2019-01-02") == ("2019-01-01", "2018-12-31")
    assert backs("2022-04-30", "2022-04-30") == ()
    assert backs("2022-07-31", "2022-08-02") == ("2022-08-01",)


def backs(month: str, as_of: str) -> tuple[str, ...]:
    """Return the days to step back to."""
    return tuple(map(str, CALENDAR.step_backs(on(month), on(as_of))))


def test_days_in_doubt_are_asked_for() -> None:
    """Where a collector did not get as far as the label, the days between may belong to either month, and are asked for. [B10]"""
    assert edition("2019-07-16").gap is Gap.CLOSING
    assert edition("2019-07-17") == Edition(on("2019-07-17"), on("2019-07-17"), None, on("2019-07-19"))
    assert edition("2016-07-21", calendar=learnt(("2016-07-31", "2016-08-05"))).gap is Gap.CLOSING
    assert [edition(f"2025-02-{day}").gap for day in (10, 11)] == [Gap.CLOSING, None]


def test_a_collectors_last_day_is_not_taken_for_the_close() -> None:
    """Of a close known from a collector alone, up to three days may be missing: it is searched for, and settled after them. [B10]"""
    assert edition("2025-01-31") == Edition(on("2025-01-31"), None, None, on("2025-02-15"))
    assert CALENDAR.closing_candidates(on("2025-01-31"), today=TODAY) == tuple(on(f"2025-02-{day}") for day in (10, 11, 12, 13))
    assert edition("2025-01-31", "2025-02-11").as_of == on("2025-02-10")


def test_a_contradiction_is_in_doubt() -> None:
    """June 2026 was seen as of 29 July, and July as of the 26th: June is searched for in between, and these days asked for. [B10]"""
    assert edition("2026-06-30").as_of is None
    assert CALENDAR.closing_candidates(on("2026-06-30"), today=TODAY) == tuple(on(f"2026-07-{day}") for day in range(25, 30))
    assert [edition(f"2026-07-{day}").gap for day in (25, 26, 29, 30)] == [Gap.CLOSING, None, None, None]


def test_days_that_may_belong_to_an_unknown_close_are_asked_for() -> None:
    """After the table's end no day is taken for a closing by mere experience: each is asked for, and the answer tells. [B10]"""
    editions = daily("2026-10-01", "2026-12-31", today=on("2027-02-01"))
    assert kinds(editions) == {"collected": 92}
    ordinary = [found for found in editions if found.day not in {on("2026-10-31"), on("2026-11-30"), on("2026-12-31")}]
    assert all(found.as_of == found.day for found in ordinary)


def test_an_unknown_close_that_must_be_over_is_searched_for() -> None:
    """Nothing is said of when it was given out; it is settled when, by all experience, it must have been over. [B10]"""
    assert edition("2026-10-31", "2027-02-01") == Edition(on("2026-10-31"), None, None, on("2026-11-20"))
    assert edition("2027-06-30", "2027-12-01") == Edition(on("2027-06-30"), None, None, on("2027-08-02"))


def test_an_unknown_close_that_is_likely_to_be_open_is_as_of_yesterday() -> None:
    """In the first days after a month nothing is searched for: yesterday's figures are the newest there can be. [B10]"""
    for today in ("2026-11-01", "2026-11-02", "2026-11-05"):
        assert edition("2026-10-31", today) == Edition(on("2026-10-31"), on(today) - DAY, None, on("2026-11-20"))
    assert edition("2026-10-31", "2026-11-19").as_of is None


# --- frequencies, and days of answers ------------------------------------------------------------------------------------


def test_frequencies_select_the_engines_days() -> None:
    """Weekly is every seventh day from the first, month-end the last of each month; what they are does not depend on that. [R11.5]"""
    start, end = on("2022-06-25"), on("2022-08-15")
    weekly = list(CALENDAR.editions(start, end, Frequency.WEEKLY, today=TODAY))
    assert weekly == daily("2022-06-25", "2022-08-15")[::7]
    monthly = list(CALENDAR.editions(start, end, Frequency.MONTH_END, today=TODAY))
    assert monthly == [edition("2022-06-30"), edition("2022-07-31")]


@pytest.mark.parametrize(
    ("month", "as_of", "day"),
    [
        ("2023-01-31", "2023-02-08", "2023-01-31"), ("2023-01-31", "2023-01-31", "2023-01-31"), ("2023-01-01", "2023-01-15", "2023-01-15"),
        ("2022-12-31", "2023-01-05", "2022-12-31"), ("2024-02-10", "2024-03-02", "2024-02-29"), ("2022-06-30", "2022-07-28", "2022-06-30"),
    ],
)  # fmt: skip
def test_the_day_that_an_answer_describes(month: str, as_of: str, day: str) -> None:
    """What is given out within its month describes that day, what is given out in its closing describes the month's last. [B10]"""
    assert day_of(on(month), on(as_of)) == on(day)


def test_a_table_of_ones_own() -> None:
    """A calendar without the shipped table knows nothing, and one with another table knows that. [R10.5]"""
    nothing = ClosingCalendar(closings={})
    assert kinds(daily("2022-06-25", "2022-08-15", calendar=nothing)) == {"collected": 52}
    assert edition("2022-06-30", calendar=nothing).as_of is None
    closing = Closing(
        month=on("2022-06-30"), first=on("2022-06-05"), last=on("2022-07-03"), first_is_exact=True, evidence=Evidence.PROBED
    )
    little = ClosingCalendar(closings={closing.month: closing})
    assert kinds(daily("2022-06-01", "2022-07-06", calendar=little)) == {"no-such-as-of": 4, "collected": 29, "closing": 3}
