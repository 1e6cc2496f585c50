"""What is learnt of closes as answers come in, and kept from one run to the next."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from backfill.errors import DamagedFile, InvalidRequest
from backfill.model import Gap
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.sightings import Sighting
from tm_calendar_cases import CALENDAR, TODAY, edition, learnt, on

EARLIER, LATER = "2027-02-01", "2027-03-01"
OCTOBER = on("2026-10-31")


def test_a_month_seen_is_a_lower_limit() -> None:
    """A month shown as of a day in the next month closes no earlier, and the days until then are its closing. [B10]"""
    calendar = learnt(("2026-10-31", "2026-11-06"))
    assert calendar.closing_candidates(OCTOBER, today=on(EARLIER))[0] == on("2026-11-06")
    assert [edition(f"2026-11-0{day}", EARLIER, calendar).gap for day in (6, 7)] == [Gap.CLOSING, None]


def test_the_next_month_seen_is_an_upper_limit() -> None:
    """The next month shown as of a day means that the month had closed before; so does any later month. [B10]"""
    for month in ("2026-11-30", "2026-11-01"):
        assert learnt((month, "2026-11-09")).closing_candidates(OCTOBER, today=on(EARLIER))[-1] == on("2026-11-08")
    assert learnt(("2026-12-31", "2026-12-01")).closing_candidates(OCTOBER, today=on(LATER))[-1] == on("2026-11-18")
    assert learnt(("2026-12-31", "2026-12-01")).close_of(on("2026-11-30")).as_of == on("2026-11-30")


def test_both_limits_together_are_a_close() -> None:
    """Seen as of a day, and the next month as of the day after: the close is known, like one of the table. [B10]"""
    calendar = learnt(("2026-10-31", "2026-11-08"), ("2026-11-30", "2026-11-09"))
    close = calendar.close_of(OCTOBER)
    assert (close.earliest, close.as_of, close.latest, close.through) == (on("2026-11-08"),) * 4
    assert edition("2026-10-31", EARLIER, calendar).as_of == on("2026-11-08")
    assert edition("2026-10-31", EARLIER, calendar).settled_on == on("2026-11-10")
    assert calendar.search(OCTOBER, today=on(EARLIER)).next_probe is None


def test_a_month_seen_later_than_experience_may_close_later_still() -> None:
    """A month seen beyond the longest closing known is not taken to have closed then: its limit moves on with it. [B10]"""
    calendar = learnt(("2026-10-31", "2026-11-25"))
    assert calendar.closing_candidates(OCTOBER, today=on(EARLIER)) == tuple(on(f"2026-11-{day}") for day in (25, 26, 27, 28))


def test_what_is_learnt_wins_over_assumptions_and_labels() -> None:
    """Assumed closes give way to facts; so does a page's label that turns out to name a day too late, or too early. [B10]"""
    assumed = learnt(("2026-09-30", "2026-10-13"), ("2026-10-31", "2026-10-14"))
    assert assumed.close_of(on("2026-09-30")).as_of == on("2026-10-13")
    late = learnt(("2023-07-31", "2023-07-20"))
    assert edition("2023-06-30", calendar=late).as_of == on("2023-07-19")
    assert edition("2023-07-20", calendar=late).gap is None
    early = learnt(("2016-01-31", "2016-02-05"))
    assert early.closing_candidates(on("2016-01-31"), today=TODAY) == tuple(on(f"2016-02-0{day}") for day in (5, 6, 7, 8))
    exact = learnt(("2023-06-30", "2023-07-20"))
    assert exact.close_of(on("2023-06-30")).earliest == on("2023-07-20")
    assert edition("2023-07-20", calendar=exact).gap is Gap.CLOSING
    undoubted = learnt(("2016-07-31", "2016-08-01"), ("2016-08-31", "2016-08-02"))
    assert edition("2016-06-30", calendar=undoubted).as_of == on("2016-07-21")
    assert not any(calendar.contradictions != CALENDAR.contradictions for calendar in (assumed, late, early, exact))


def test_a_collectors_last_day_is_completed() -> None:
    """Of a close known from a collector, the next month's first as-of tells whether it was the last. [B10]"""
    assert learnt(("2025-02-28", "2025-02-11")).close_of(on("2025-01-31")).as_of == on("2025-02-10")
    longer = learnt(("2025-01-31", "2025-02-12"), ("2025-02-28", "2025-02-13"))
    assert longer.close_of(on("2025-01-31")).as_of == on("2025-02-12")


@pytest.mark.parametrize(
    ("month", "as_of", "against"),
    [
        ("2023-01-31", "2023-02-12", "2023-01 was seen as of 2023-02-12, but 2023-02 as of 2023-02-09"),
        ("2023-04-30", "2023-05-20", "2023-04 was seen as of 2023-05-20, but it is known to have closed as of 2023-05-12"),
        ("2023-02-28", "2023-02-05", "2023-01 was seen as of 2023-02-08, but 2023-02 as of 2023-02-05"),
        ("2016-07-31", "2016-08-03", "2016-07 was seen as of 2016-08-03, but the dashboard's lists do not have the month"),
    ],
)
def test_contradictions_are_told(month: str, as_of: str, against: str) -> None:
    """What contradicts the table is not swallowed: it is told, with both of the facts. [B10, R6.2]"""
    assert against in [str(found) for found in learnt((month, as_of)).contradictions]


def test_a_contradicted_close_is_in_doubt() -> None:
    """Seen after its exact close, a month takes no day from the next one: they are asked for, and the close is searched for. [B10]"""
    calendar = learnt(("2023-04-30", "2023-05-20"))
    assert [edition(f"2023-05-{day}", calendar=calendar).gap for day in (12, 13, 20, 21)] == [Gap.CLOSING, None, None, None]
    assert edition("2023-04-30", calendar=calendar).as_of is None
    candidates = calendar.closing_candidates(on("2023-04-30"), today=TODAY)
    assert (candidates[0], candidates[-1]) == (on("2023-05-12"), on("2023-05-23"))


def test_contradicted_days_are_asked_for() -> None:
    """Seen of January and of February alike, the days between are asked for, and January's close is searched for there. [B10]"""
    calendar = learnt(("2023-02-28", "2023-02-05"))
    assert [edition(f"2023-02-0{day}", calendar=calendar).gap for day in (4, 5, 8, 9)] == [Gap.CLOSING, None, None, None]
    assert edition("2023-01-31", calendar=calendar).as_of is None
    assert calendar.closing_candidates(on("2023-01-31"), today=TODAY) == tuple(on(f"2023-02-0{day}") for day in (4, 5, 6, 7, 8))


def test_a_month_that_never_existed_may_turn_up() -> None:
    """A month that the table does not have and an answer shows is searched for, like any other. [B10]"""
    calendar = learnt(("2016-07-31", "2016-08-03"))
    assert edition("2016-07-31", calendar=calendar).gap is None
    assert calendar.month_before(on("2016-08-31")) == on("2016-07-31")
    assert CALENDAR.month_before(on("2016-08-31")) == on("2016-06-30")
    assert CALENDAR.month_before(on("2008-07-01")) == on("2008-07-31")


def test_what_is_known_already_changes_nothing() -> None:
    """Learning a fact again gives the same calendar, so that nothing need be kept anew; calendars are values. [B10]"""
    calendar = learnt(("2026-10-31", "2026-11-06"), ("2026-10-31", "2026-11-02"))
    assert calendar.learn(on("2026-10-05"), on("2026-11-04")) is calendar
    assert calendar.sightings == {OCTOBER: Sighting(on("2026-11-02"), on("2026-11-06"))}
    assert calendar == learnt(("2026-10-31", "2026-11-02"), ("2026-10-31", "2026-11-06"))
    assert pickle.loads(pickle.dumps(calendar)) == calendar
    assert "171 months" in repr(calendar)


@pytest.mark.parametrize("as_of", ["2026-09-30", "2026-12-16", "2028-08-20"])
def test_what_cannot_have_been_is_not_learnt(as_of: str) -> None:
    """A month is shown from its first day on and not for years: finished years stamp the day of the download on their June. [R7.4]"""
    with pytest.raises(InvalidRequest, match=r"2026-10 can have been given out from its first day to 2026-12-15 only"):
        learnt(("2026-10-31", as_of))


def test_times_of_day_are_not_learnt() -> None:
    """Pitfall 14: neither a month nor an as-of has a time of day. [R7.4]"""
    moment = datetime(2026, 11, 6, 12, tzinfo=UTC)
    with pytest.raises(InvalidRequest, match="no time of day"):
        CALENDAR.learn(OCTOBER, moment)
    with pytest.raises(InvalidRequest, match="no time of day"):
        CALENDAR.learn(moment, on("2026-11-06"))


def test_what_was_learnt_is_kept() -> None:
    """A file holds what was learnt, readably, without the table; what another process has learnt is merged in. [B10, R9.3]"""
    calendar = learnt(("2026-10-31", "2026-11-06"), ("2026-11-30", "2026-11-09"))
    content = calendar.to_json()
    assert content == (
        b'{"schemaVersion":"1.0.0","sightings":['
        b'{"dataMonth":"2026-10","firstAsOf":"2026-11-06","lastAsOf":"2026-11-06"},'
        b'{"dataMonth":"2026-11","firstAsOf":"2026-11-09","lastAsOf":"2026-11-09"}]}'
    )
    assert ClosingCalendar.from_json(content, path="closings.json") == calendar
    assert ClosingCalendar.from_json(CALENDAR.to_json(), path="closings.json") == CALENDAR
    other = learnt(("2026-10-31", "2026-11-08"))
    assert calendar.merge(other.sightings).close_of(OCTOBER).as_of == on("2026-11-08")
    assert calendar.merge({}) is calendar


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"{}", b'{"schemaVersion":"1.0.0"}', b'{"schemaVersion":"1.0.0","sightings":{"2026-10":1}}',
        b'{"schemaVersion":"1.0.0","sightings":[1]}', b'{"schemaVersion":"1.0.0","sightings":[{"dataMonth":"2026-10"}]}',
        b'{"schemaVersion":"1.0.0","sightings":[{"dataMonth":"2026-13","firstAsOf":"2026-11-06","lastAsOf":"2026-11-06"}]}',
        b'{"schemaVersion":"1.0.0","sightings":[{"dataMonth":202610,"firstAsOf":"2026-11-06","lastAsOf":"2026-11-06"}]}',
        b'{"schemaVersion":"1.0.0","sightings":[{"dataMonth":"2026-10","firstAsOf":"06.11.2026","lastAsOf":"2026-11-06"}]}',
        b'{"schemaVersion":"1.0.0","sightings":[{"dataMonth":"2026-10","firstAsOf":"2026-11-06","lastAsOf":"2028-11-06"}]}',
        b'{"schemaVersion":"1.0.0","sightings":[{"dataMonth":"2026-10","firstAsOf":null,"lastAsOf":"2026-11-06"}]}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_name(content: bytes) -> None:
    """What does not hold what it must is not taken for an empty file: the error names it, and says what to do. [B4, R6.2]"""
    with pytest.raises(DamagedFile, match=r"closings\.json: does not hold what was learnt .*; restore it from a copy") as caught:
        ClosingCalendar.from_json(content, path="config/closings.json")
    assert caught.value.path == "config/closings.json"


def test_a_file_of_another_version_is_refused() -> None:
    """A file that a newer release wrote is not misread. [B4, R6.2]"""
    with pytest.raises(DamagedFile, match=r"has schema version 2\.0\.0, and this release reads 1\.0\.0"):
        ClosingCalendar.from_json(b'{"schemaVersion":"2.0.0","sightings":[]}', path="closings.json")
