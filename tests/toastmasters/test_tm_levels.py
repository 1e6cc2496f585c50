"""Goals and levels of recognition."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.toastmasters.levels import Level, club_level, district_level, goals_achieved, is_provisional
from backfill.toastmasters.rows import ClubRow
from foundation_samples import bounded

NOW = 2025
COUNTS = st.none() | st.integers(0, 12)

ALL = {
    "level1s": 4, "level2s": 2, "add_level2s": 2, "level3s": 2, "level4s": 1, "add_level4s": 1, "new_members": 4, "add_new_members": 4,
    "trained_round1": 4, "trained_round2": 4, "officer_list": 1, "dues_october": 1, "dues_april": 1,
}  # fmt: skip
TRADITIONAL = {"ccs": 2, "add_ccs": 2, "acs": 1, "add_acs": 1, "leaders": 1, "add_leaders": 1}


def goals(**counts: int | None) -> tuple[bool | None, ...]:
    """Return the goals of a club that has met all, but for these counts."""
    return goals_achieved(ClubRow(**(ALL | counts)))  # type: ignore[arg-type] # counts of columns


@pytest.mark.parametrize(
    ("met", "members", "growth", "level"),
    [
        (10, 25, 0, Level.SMEDLEY), (10, 24, 0, Level.PRESIDENTS), (9, 25, 0, Level.PRESIDENTS), (9, 20, -5, Level.PRESIDENTS),
        (9, 19, 9, Level.SELECT), (9, 19, 4, Level.DISTINGUISHED), (8, 20, 0, Level.SELECT), (7, 8, 5, Level.SELECT), (7, 8, 4, Level.DISTINGUISHED),
        (6, 20, 0, Level.DISTINGUISHED), (5, 8, 3, Level.DISTINGUISHED), (5, 8, 2, Level.NONE), (4, 40, 20, Level.NONE), (0, 0, 0, Level.NONE),
    ],
)  # fmt: skip
def test_club_levels(met: int, members: int, growth: int, level: Level) -> None:
    """From 2025-26 on a level needs goals, and members or growth: the highest that is reached counts. [R3.2]"""
    assert club_level(met, members, growth, year=NOW) is level
    assert club_level(met, members, growth, year=NOW + 3, plan=True) is level


@pytest.mark.parametrize(
    ("year", "met", "members", "growth", "level"),
    [
        (2023, 10, 30, 9, Level.PRESIDENTS), (2023, 10, 14, 3, Level.PRESIDENTS), (2022, 9, 16, 3, Level.PRESIDENTS), (2022, 7, 9, 4, Level.SELECT),
        (2024, 7, 9, 3, Level.SELECT), (2022, 7, 9, 2, Level.NONE), (2021, 7, 9, 4, Level.NONE), (2012, 9, 12, 5, Level.PRESIDENTS), (2019, 5, 20, 0, Level.DISTINGUISHED),
    ],
)  # fmt: skip
def test_earlier_rules(year: int, met: int, members: int, growth: int, level: Level) -> None:
    """Before 2025-26 there was no Smedley level, and one growth stood in for members at all levels: three from 2022-23 on, five before. [R3.2]"""
    assert club_level(met, members, growth, year=year) is level


def test_the_plan_is_needed() -> None:
    """Without a club success plan there is no level from 2025-26 on; where the report does not say, it counts as there. [R3.2]"""
    assert club_level(10, 30, 9, year=2025, plan=False) is Level.NONE
    assert club_level(10, 30, 9, year=2025, plan=None) is Level.SMEDLEY
    assert club_level(10, 30, 9, year=2024, plan=False) is Level.PRESIDENTS


@bounded
@given(COUNTS, st.none() | st.integers(0, 30), st.none() | st.integers(-3, 9), st.sampled_from([2012, 2022, 2025]))
def test_unknown_figures_give_no_level_that_others_could_change(
    met: int | None, members: int | None, growth: int | None, year: int
) -> None:
    """A level comes out only where it would be the same whatever the unknown figures are; otherwise it is unknown. [R3.2]"""
    level = club_level(met, members, growth, year=year)
    possible = {
        club_level(a, b, c, year=year)
        for a in (range(13) if met is None else [met])
        for b in ((0, 20, 25) if members is None else [members])
        for c in ((-1, 3, 5) if growth is None else [growth])
    }
    assert level in possible | {None}
    assert (level is None) >= (len(possible) > 1)
    if met is not None and members is not None and growth is not None:
        assert level is not None


@pytest.mark.parametrize(
    ("level", "april", "base", "month", "provisional"),
    [
        (Level.SELECT, 10, 15, 2, True), (Level.SELECT, 20, 15, 2, False), (Level.SELECT, 20, 30, 9, False), (Level.SELECT, 18, 13, 2, False),
        (Level.SELECT, 18, 14, 2, True), (Level.DISTINGUISHED, 18, 15, 12, False), (Level.PRESIDENTS, 19, 10, 3, True), (Level.PRESIDENTS, 20, 15, 3, False),
        (Level.SMEDLEY, 24, 10, 1, True), (Level.SMEDLEY, 25, 10, 1, False), (Level.SELECT, 0, 15, 4, False), (Level.SELECT, None, 15, 6, False),
        (Level.SELECT, None, 15, 7, None), (Level.SELECT, 10, None, 2, None), (Level.PRESIDENTS, 10, None, 2, True), (Level.NONE, 0, 0, 1, False),
        (None, 30, 0, 1, None),
    ],
)  # fmt: skip
def test_provisional_levels(
    level: Level | None, april: int | None, base: int | None, month: int, provisional: bool | None
) -> None:
    """Outside April to June a level is provisional, unless the April renewals alone are members enough for it. [R3.2]"""
    assert is_provisional(level, april, base, year=NOW, month=month) is provisional


def test_all_goals_met() -> None:
    """A club that has just enough of everything has met all ten goals; with one less of anything it misses that goal. [R3.2]"""
    assert goals() == (True,) * 10
    goal_of = [0, 1, 2, 3, 4, 5, 6, 7, 8, None, 9]
    for number, (key, least) in zip(goal_of, list(ALL.items())[:11], strict=True):
        if number is not None:
            missed = goals(goals_met=9, **{key: least - 1})
            assert missed.count(False) == 1
            assert missed[number] is False
    assert goals(dues_october=0) == goals(dues_april=0) == (True,) * 10
    assert goals(dues_october=0, dues_april=0)[9] is False


def test_unknown_counts_make_unknown_goals() -> None:
    """A goal whose column is not there is unknown, unless the rest decides it. [R3.2]"""
    assert goals_achieved(ClubRow()) == (None,) * 10
    assert goals(level1s=None)[0] is None
    assert goals(officer_list=None)[9] is None
    assert goals(officer_list=0, dues_october=None)[9] is False
    assert goals(dues_october=None)[9] is True
    assert goals(dues_october=None, dues_april=0)[9] is None
    assert goals(trained_round1=None)[8] is None
    assert goals(trained_round1=None, trained_round2=0)[8] is False


def test_goals_of_the_traditional_programme() -> None:
    """Until 2016-17 the first six goals are counted from the traditional awards. [R3.2]"""
    club = ClubRow(**TRADITIONAL, new_members=4)  # type: ignore[arg-type] # counts of columns
    assert goals_achieved(club)[:7] == (True,) * 7
    assert goals_achieved(club._replace(ccs=1, add_leaders=0))[:6] == (False, True, True, True, True, False)


def test_goals_of_the_transition_are_unknown() -> None:
    """While both education programmes ran side by side, no reading of the columns gives the goals that were counted: they are unknown, and the last four are not. [R3.2]"""
    assert goals(**TRADITIONAL) == (None,) * 6 + (True,) * 4


@pytest.mark.parametrize(
    ("printed", "round1", "round2", "trained"),
    [(10, 0, 4, True), (9, 0, 4, False), (10, 0, 3, False), (10, 4, 0, False), (9, 4, 4, True), (None, 0, 4, None)],
)
def test_a_club_chartered_late_needs_one_training(printed: int | None, round1: int, round2: int, trained: bool | None) -> None:
    """A club chartered after the first training is excused from it, and only the printed number of goals tells which clubs those are. [R3.2]"""
    assert goals(goals_met=printed, trained_round1=round1, trained_round2=round2)[8] is trained


def test_an_unknown_goal_hides_the_training() -> None:
    """With another goal unknown the printed number does not tell any more. [R3.2]"""
    assert goals(goals_met=10, trained_round1=0, level1s=None)[8] is None


@pytest.mark.parametrize(
    ("clubs", "club_growth", "payment_growth", "share", "level"),
    [
        (108, 8, 8, 60, Level.SMEDLEY), (108, 8, 8, 59, Level.PRESIDENTS), (105, 5, 5, 55, Level.PRESIDENTS), (105, 5, 4, 55, Level.SELECT),
        (101, 1, 3, 50, Level.SELECT), (100, 3, 3, 50, Level.DISTINGUISHED), (100, 0, 1, 45, Level.DISTINGUISHED), (99, -1, 1, 45, Level.NONE),
        (100, 0, 0, 45, Level.NONE), (110, 10, 10, 44, Level.NONE),
    ],
)  # fmt: skip
def test_district_levels(clubs: int, club_growth: int, payment_growth: int, share: int, level: Level) -> None:
    """A district's level needs growth of payments, growth of clubs and a share of distinguished clubs: the highest reached counts. [R3.2]"""
    figures = {
        "paid_clubs": clubs,
        "paid_club_base": 100,
        "club_growth": Decimal(club_growth),
        "payment_growth": Decimal(payment_growth),
    }
    assert district_level((True,) * 5, **figures, distinguished=Fraction(share)) is level  # type: ignore[arg-type] # figures of two types
    assert district_level((True, True, False, True, None), **figures, distinguished=Fraction(share)) is Level.NONE  # type: ignore[arg-type] # as above
    assert district_level((True, True, None, True, True), **figures, distinguished=Fraction(share)) is None  # type: ignore[arg-type] # as above
    assert district_level((True,) * 5, **figures, distinguished=None) is None  # type: ignore[arg-type] # as above
