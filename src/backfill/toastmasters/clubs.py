"""One club's figures, joined from the three reports of its district, and the form in which they are stored.

Clubs make up nine tenths of a district's file, and there are ten years of days of files; so their entries hold nothing that says
nothing:

* What most clubs do not have, or a program year cannot have, is left out where it is unknown: dates, the printed level, visits,
  the success plan, cells of unknown columns. A key that is not there is unknown. The keys of toast-stats' clubs that every
  report can fill are always there, and null where they are unknown.
* The columns that goals are counted from are numbers in a fixed order, which the district's ``dcpColumns`` names once.
* Whether a level is provisional is said of clubs that have one.

Nothing is lost by it: of the 180 clubs of district 91, January 2023, 168 KB become 107.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from attrs import frozen

from backfill.jsonvalues import JsonValue
from backfill.toastmasters.cells import LEVELS, NOWHERE, ClubDates
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.levels import Level, club_level, goals_achieved, is_provisional
from backfill.toastmasters.reports import Report
from backfill.toastmasters.rows import NOTHING_MORE, ClubRow, DistrictRow, DivisionRow
from backfill.toastmasters.years import program_year

T = TypeVar("T")

_NO_PAYMENTS = DistrictRow()  # stands in for a club that the district report does not list: all is unknown
_NO_VISITS = DivisionRow()
_NO_DATES = ClubDates()

_COUNTED = {
    "ccs": "ccs",
    "add_ccs": "addCcs",
    "acs": "acs",
    "add_acs": "addAcs",
    "leaders": "clAlDtms",
    "add_leaders": "addClAlDtms",
    "level1s": "level1s",
    "level2s": "level2s",
    "add_level2s": "addLevel2s",
    "level3s": "level3s",
    "level4s": "level4s",
    "level5s": "level5s",
    "add_level4s": "addLevel4s",
    "new_members": "newMembers",
    "add_new_members": "addNewMembers",
    "trained_round1": "trainedRound1",
    "trained_round2": "trainedRound2",
    "dues_october": "duesOctober",
    "dues_april": "duesApril",
    "officer_list": "officerList",
}
"""The columns that goals are counted from, with their names in ``dcpColumns``; which there are differs between the years."""


@frozen
class Club:
    """One club, in the rows of up to three reports.

    Attributes:
        row: In the club report.
        payments: In the district report.
        visits: In the division report.
        goals: For each of the ten goals, whether it is met; see `goals_achieved`.
    """

    row: ClubRow
    payments: DistrictRow
    visits: DivisionRow
    goals: tuple[bool | None, ...]

    @property
    def payment_count(self) -> int | None:
        """Payments in the program year so far."""
        return _first(self.payments.payments, self.row.payments)

    @property
    def october_renewals(self) -> int | None:
        """Renewals for the half-year from October on."""
        return _first(self.payments.october_renewals, self.row.october_renewals)

    @property
    def april_renewals(self) -> int | None:
        """Renewals for the half-year from April on."""
        return _first(self.payments.april_renewals, self.row.april_renewals)

    @property
    def new_members(self) -> int | None:
        """New members in the program year: the district report's number, which is the sum of the club report's two."""
        some, more = self.row.new_members, self.row.add_new_members
        return _first(self.payments.new_members, some if some is None or more is None else some + more)

    @property
    def net_growth(self) -> int | None:
        """Members more than the base. Printed from 2025-26 on; it is the difference there, so it is worked out before."""
        members, base = self.row.active_members, self.row.membership_base
        return _first(self.row.net_growth, None if members is None or base is None else members - base)

    @property
    def charter_date(self) -> date | None:
        """When it was chartered: given for few, most of them clubs of this program year."""
        reported = _first((self.payments.dates or _NO_DATES).charter, (self.visits.dates or _NO_DATES).charter)
        return _first(reported, self.row.charter_date)

    @property
    def suspend_date(self) -> date | None:
        """When it was suspended."""
        return _first((self.payments.dates or _NO_DATES).suspend, (self.visits.dates or _NO_DATES).suspend)

    @property
    def is_active(self) -> bool:
        """Whether nothing says that it is suspended: neither a date nor its status."""
        return self.suspend_date is None and (self.row.club_status or "").casefold() != "suspended"

    @property
    def status(self) -> str | None:
        """Its distinguished level in words, else its status."""
        code = self.row.distinguished_status
        return self.row.club_status if code is None else LEVELS[code]


def join_clubs(
    clubs: Report[ClubRow], payments: Report[DistrictRow] | None, visits: Report[DivisionRow] | None
) -> tuple[Club, ...]:
    """Return the clubs of the club report, each with its rows in the others: found by number, without leading zeros. Pure.

    Clubs that only the other reports have are not made up from them.
    """
    paid = {} if payments is None else {row.key: row for row in payments.rows}
    visited = {} if visits is None else {row.key: row for row in visits.rows}
    return tuple(
        Club(row, paid.get(key, _NO_PAYMENTS), visited.get(key, _NO_VISITS), goals_achieved(row))
        for row, key in ((row, row.key) for row in clubs.rows)
    )


def counted_columns(clubs: Report[ClubRow]) -> tuple[tuple[str, str], ...]:
    """Return the columns of the report that goals are counted from: the field, and the name in the data."""
    return tuple((key, name) for key, name in _COUNTED.items() if key in clubs.columns)


def club_data(club: Club, day: date, counted: Sequence[tuple[str, str]]) -> dict[str, JsonValue]:
    """Return a club's entry of a district's data. Pure.

    Members, goals, status and base are the club report's; payments and renewals the district report's (its club's row where that
    report has such columns); visits the division report's. Level and provisional are `club_level` and `is_provisional` for
    the month of *day*.

    Args:
        club: The club.
        day: The day that the figures describe.
        counted: See `counted_columns`.
    """
    row, payments, visits = club.row, club.payments, club.visits
    division, area = row.division or NOWHERE, row.area or NOWHERE
    data: dict[str, JsonValue] = {
        "clubId": row.club_number,
        "clubName": row.club_name,
        "divisionId": division.id,
        "divisionName": division.name,
        "areaId": area.id,
        "areaName": area.name,
        "membershipCount": row.active_members,
        "membershipBase": row.membership_base,
        "newMembers": club.new_members,
        "paymentsCount": club.payment_count,
        "octoberRenewals": club.october_renewals,
        "aprilRenewals": club.april_renewals,
        "status": club.status,
        "dcpGoals": row.goals_met,
        "dcpGoalsAchieved": [*club.goals],
        "dcp": [getattr(row, key) for key, _ in counted],
    }
    more: dict[str, JsonValue] = {
        "netGrowth": club.net_growth,
        "lateRenewals": payments.late_renewals,
        "totalRenewals": payments.total_renewals,
        "charterPayments": payments.charter_payments,
        "clubStatus": row.club_status,
        "distinguishedStatus": row.distinguished_status,
        **_level(club, day),
        "cspSubmitted": row.csp,
        "charterDate": _iso(club.charter_date),
        "suspendDate": _iso(club.suspend_date),
        "novemberVisit": visits.november_visit,
        "mayVisit": visits.may_visit,
        "extra": _extra(club) or None,
    }
    data.update((name, value) for name, value in more.items() if value is not None)
    return data


def _level(club: Club, day: date) -> dict[str, JsonValue]:
    """Return the level that the figures reach and, where that is one, whether it could still be lost."""
    row, year = club.row, program_year(day).start
    level = club_level(row.goals_met, row.active_members, club.net_growth, year=year, plan=row.csp)
    if level is None or level is Level.NONE:
        return {"clubLevel": None if level is None else level.value}
    provisional = is_provisional(level, club.april_renewals, row.membership_base, year=year, month=day.month)
    return {"clubLevel": level.value, "clubLevelProvisional": provisional}


def _extra(club: Club) -> dict[str, JsonValue]:
    """Return the cells of unknown columns: of the club report by heading, of the others with the report before it."""
    if club.row.extra is club.payments.extra is club.visits.extra is NOTHING_MORE:  # as in nearly all clubs
        return {}
    found: dict[str, JsonValue] = dict(club.row.extra)
    for kind, row in ((ReportKind.DISTRICT, club.payments), (ReportKind.DIVISIONS, club.visits)):
        found.update({f"{kind}: {heading}": cell for heading, cell in row.extra.items()})
    return found


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _first(one: T | None, other: T | None) -> T | None:
    return other if one is None else one
