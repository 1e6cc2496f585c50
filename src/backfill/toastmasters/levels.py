"""The recognition programmes: which goals a club has met, and which level it or its district has reached.

A level that is worked out here is no more than what the published figures say; the one that the dashboard prints is kept beside it.
All functions are pure. ``None`` goes in for what is not known, and comes out where the answer depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from attrs import frozen

from backfill.toastmasters.rows import ClubRow


class Level(StrEnum):
    """A level of recognition, of a club or of a district."""

    NONE = "NotDistinguished"
    DISTINGUISHED = "Distinguished"
    SELECT = "Select"
    PRESIDENTS = "President"
    SMEDLEY = "Smedley"


@frozen
class _ClubRule:
    """What a club needs for a level: goals, and either members or net growth (``None`` = members it must be)."""

    level: Level
    goals: int
    members: int
    growth: int | None


def _same_growth(growth: int) -> tuple[_ClubRule, ...]:
    return (
        _ClubRule(Level.PRESIDENTS, 9, 20, growth),
        _ClubRule(Level.SELECT, 7, 20, growth),
        _ClubRule(Level.DISTINGUISHED, 5, 20, growth),
    )


_CLUB_RULES: tuple[tuple[int, tuple[_ClubRule, ...]], ...] = (
    (
        2025,
        (
            _ClubRule(Level.SMEDLEY, 10, 25, None),
            _ClubRule(Level.PRESIDENTS, 9, 20, None),
            _ClubRule(Level.SELECT, 7, 20, 5),
            _ClubRule(Level.DISTINGUISHED, 5, 20, 3),
        ),
    ),
    (2022, _same_growth(3)),
    (0, _same_growth(5)),
)
"""The rules by the first program year that has them, newest first; within a year the highest level first.

From 2025-26 on, the dashboard's own table, which toast-stats applies to every year. For 2022-23 and 2023-24, growth of three is what
the printed levels of district 91 say, in 875 of 875 rows; 2024-25 is taken to be like them. Before, growth of five, as clubs and
districts described the programme in those years.
"""

_FIRST_WITH_PLAN = 2025
_CONFIRMED_MONTHS = range(4, 7)  # April to June
_ENOUGH_TRAINED = 4
_UNKNOWN = (None,) * 6


def club_level(
    goals: int | None, members: int | None, net_growth: int | None, *, year: int, plan: bool | None = None
) -> Level | None:
    """Return the highest level that a club's figures reach.

    Args:
        goals: Goals met.
        members: Members; April renewals, to ask which level is confirmed already.
        net_growth: Of these, more than the membership base.
        year: The program year that began in *year*: the rules differ.
        plan: Whether the club success plan was submitted; without it there is no level from 2025-26 on. ``None`` = the report does
            not say, which counts as submitted.
    """
    if plan is False and year >= _FIRST_WITH_PLAN:
        return Level.NONE
    if goals is None:
        return None
    for rule in _club_rules(year):
        if goals >= rule.goals and (enough := _has_members(rule, members, net_growth)) is not False:
            return rule.level if enough else None
    return Level.NONE


def is_provisional(
    level: Level | None, april_renewals: int | None, membership_base: int | None, *, year: int, month: int
) -> bool | None:
    """Return whether a club could still lose *level*.

    Outside April to June it could, unless its April renewals alone are members enough for the level (toast-stats' rule).
    """
    if level is None or level is Level.NONE or month in _CONFIRMED_MONTHS:
        return None if level is None else False
    growth = None if april_renewals is None or membership_base is None else april_renewals - membership_base
    rule = next(rule for rule in _club_rules(year) if rule.level is level)
    confirmed = _has_members(rule, april_renewals, growth)
    return None if confirmed is None else not confirmed


def goals_achieved(club: ClubRow) -> tuple[bool | None, ...]:
    """Return, for each of the ten goals, whether the club has met it.

    From 2020-21 on: four Level 1 awards; two Level 2; two more; two Level 3; one Level 4 or higher; one more; four new members; four
    more; four officers trained in each of two rounds; officer list and dues on time. Before the new education programme: two CC; two
    more; one AC; one more; one CL, AL or DTM; one more; the last four as now. While both programmes ran side by side either
    counted, by a rule that no reading of the columns reproduces: the first six goals of those years are unknown.

    A club chartered after the first round of training is excused from it, and the report does not say which clubs those are: where
    only the second round is there, the number of goals that the report prints decides (as it does in all files
    seen; toast-stats counts the goal as missed there).
    """
    education = _education_goals(club)
    trained = _both(_least(club.trained_round1, _ENOUGH_TRAINED), _least(club.trained_round2, _ENOUGH_TRAINED))
    dues = _either(_least(club.dues_october, 1), _least(club.dues_april, 1))
    others = [_least(club.new_members, 4), _least(club.add_new_members, 4), _both(_least(club.officer_list, 1), dues)]
    if trained is False and _least(club.trained_round2, _ENOUGH_TRAINED):
        trained = _decided_by_total(club.goals_met, [*education, *others])
    return (*education, others[0], others[1], trained, others[2])


def district_level(
    gates: Sequence[bool | None],
    *,
    paid_clubs: int | None,
    paid_club_base: int | None,
    club_growth: Decimal | None,
    payment_growth: Decimal | None,
    distinguished: Fraction | None,
) -> Level | None:
    """Return the level that a district's figures reach, by the rules from 2025-26 on (toast-stats).

    Args:
        gates: Whether each requirement is met without which there is no level.
        paid_clubs: Paid clubs.
        paid_club_base: Those at the beginning of the year.
        club_growth: Their growth in per cent.
        payment_growth: Growth of payments in per cent.
        distinguished: Share of distinguished clubs among the base, in per cent.
    """
    if any(gate is False for gate in gates):
        return Level.NONE
    if paid_clubs is None or paid_club_base is None or club_growth is None or payment_growth is None or distinguished is None:
        return None
    if not all(gates):
        return None
    gained = paid_clubs - paid_club_base
    for level, payments, clubs_grown, share in (
        (Level.SMEDLEY, 8, club_growth >= 8, 60),  # noqa: PLR2004 - the table of the programme
        (Level.PRESIDENTS, 5, club_growth >= 5, 55),  # noqa: PLR2004 - the programme's own figures
        (Level.SELECT, 3, gained >= 1, 50),
        (Level.DISTINGUISHED, 1, gained >= 0, 45),
    ):
        if payment_growth >= payments and clubs_grown and distinguished >= share:
            return level
    return Level.NONE


@lru_cache(64)
def _club_rules(year: int) -> tuple[_ClubRule, ...]:
    return next(rules for since, rules in _CLUB_RULES if since <= year)


def _has_members(rule: _ClubRule, members: int | None, growth: int | None) -> bool | None:
    if rule.growth is None:
        return _least(members, rule.members)
    return _either(_least(members, rule.members), _least(growth, rule.growth))


def _education_goals(club: ClubRow) -> list[bool | None]:
    pathways = (club.level1s, club.level2s, club.add_level2s, club.level3s, club.level4s, club.add_level4s)
    traditional = (club.ccs, club.add_ccs, club.acs, club.add_acs, club.leaders, club.add_leaders)
    if _UNKNOWN not in (traditional, pathways):
        return list(_UNKNOWN)
    if traditional != _UNKNOWN:
        return [_least(value, least) for value, least in zip(traditional, (2, 2, 1, 1, 1, 1), strict=True)]
    return [_least(value, least) for value, least in zip(pathways, (4, 2, 2, 2, 1, 1), strict=True)]


def _decided_by_total(total: int | None, others: Sequence[bool | None]) -> bool | None:
    if total is None or any(other is None for other in others):
        return None
    return total > sum(map(bool, others))


def _least(value: int | None, least: int) -> bool | None:
    return None if value is None else value >= least


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _either(one: bool | None, other: bool | None) -> bool | None:
    if one or other:
        return True
    return None if one is None or other is None else False
