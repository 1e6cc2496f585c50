"""A district's figures of one day, from its three reports or from its row in the summary.

Field names are those of toast-stats' district statistics. Unlike there, what is not known is null and never 0, payments never
stand in for members, levels are counted by the dashboard's letters, and nothing is made up or corrected: where reports disagree,
a finding says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from backfill.jsonvalues import JsonValue
from backfill.model import Finding
from backfill.toastmasters.clubs import Club, club_data, counted_columns, join_clubs
from backfill.toastmasters.comparing import compare_clubs, compare_goals, compare_sums
from backfill.toastmasters.groups import area_data, division_data, sum_known
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reports import Report, located
from backfill.toastmasters.rows import ClubRow, DistrictRow, DivisionRow, RowT, SummaryRow
from backfill.toastmasters.years import program_year

_FIRST_WITH_SMEDLEY = 2025


class DistrictData(NamedTuple):
    """What the reports say of a district.

    Attributes:
        data: The figures, as JSON values.
        findings: What a reader should know of them, with day and district.
        settled: Whether all reports were there; otherwise a later run should collect the district again.
    """

    data: dict[str, JsonValue]
    findings: tuple[Finding, ...]
    settled: bool


def district_data(
    day: date,
    district: str,
    clubs: Report[ClubRow] | None,
    district_report: Report[DistrictRow] | None,
    divisions: Report[DivisionRow] | None,
    summary_row: SummaryRow | None = None,
) -> DistrictData:
    """Return a district's full figures. Pure; any thread.

    A report that is not there, or has no rows, leaves its fields null: without the district report payments, renewals and the number
    of active clubs; without the division report visits and goals of areas and divisions; without the club report all of clubs,
    areas and divisions.

    Totals: ``totalClubs`` counts all clubs, suspended ones included; ``activeClubs`` those that nothing says are suspended, neither a
    ``Susp`` date of the district report nor their status (it is the summary's number of active clubs; dates alone miss clubs);
    ``distinguishedClubs`` all levels by the letters that are printed, the others one level each.

    Args:
        day: The day that the figures describe.
        district: The district, in its normal form.
        clubs: Its club report.
        district_report: Its district report.
        divisions: Its division report.
        summary_row: Its row in the summary of all districts, to compare with.
    """
    there, payments, visits = _with_rows(clubs), _with_rows(district_report), _with_rows(divisions)
    joined = () if there is None else join_clubs(there, payments, visits)
    counted = () if there is None else counted_columns(there)
    totals = _totals(joined, there, payments, day)
    data: dict[str, JsonValue] = {
        "districtId": district,
        "snapshotDate": day.isoformat(),
        "dcpColumns": None if there is None else [name for _, name in counted],
        "clubs": None if there is None else [club_data(club, day, counted) for club in joined],
        "divisions": None if there is None else division_data(joined),
        "areas": None if there is None else area_data(joined),
        "totals": totals,
    }
    reports = {ReportKind.CLUBS: there, ReportKind.DISTRICT: payments, ReportKind.DIVISIONS: visits}
    given = [report for report in (clubs, district_report, divisions) if report is not None]
    findings = [finding for report in given for finding in report.findings]
    findings += [
        Finding("missing_report", f"{kind} has no rows; what it alone says is unknown")
        for kind in reports
        if reports[kind] is None
    ]
    findings += _comparisons(joined, there, payments, visits)
    findings += compare_sums(totals, joined, summary_row)
    return DistrictData(data, located(findings, day, district), settled=None not in reports.values())


def summary_data(day: date, district: str, row: SummaryRow) -> dict[str, JsonValue]:
    """Return a district's figures as far as the summary of all districts knows them. Pure; any thread.

    The keys are those of the full figures; ``summary`` holds the row, with types. Clubs and their columns, areas, divisions and members are null: the
    summary counts payments, clubs and levels only.
    """
    return {
        "districtId": district,
        "snapshotDate": day.isoformat(),
        "dcpColumns": None,
        "clubs": None,
        "divisions": None,
        "areas": None,
        "totals": {
            "totalClubs": None,
            "activeClubs": row.active_clubs,
            "totalMembership": None,
            "totalPayments": row.total_payments,
            "membershipBase": None,
            "distinguishedClubs": row.total_distinguished_clubs,
            "selectDistinguishedClubs": row.select_distinguished_clubs,
            "presidentDistinguishedClubs": row.presidents_distinguished_clubs,
            "smedleyDistinguishedClubs": row.smedley_distinguished_clubs,
        },
        "summary": _typed(row),
    }


def _with_rows(report: Report[RowT] | None) -> Report[RowT] | None:
    return report if report is not None and report.rows else None


def _totals(
    joined: Sequence[Club], clubs: Report[ClubRow] | None, payments: Report[DistrictRow] | None, day: date
) -> dict[str, JsonValue]:
    codes = None
    if clubs is not None and "distinguished_status" in clubs.columns:
        codes = [row.distinguished_status for row in clubs.rows]
    paid = [club.payment_count for club in joined] if payments is None else [row.payments for row in payments.rows]
    known = clubs is not None
    return {
        "totalClubs": len(joined) if known else None,
        "activeClubs": sum(club.is_active for club in joined) if known and payments is not None else None,
        "totalMembership": sum_known(club.row.active_members for club in joined) if known else None,
        "totalPayments": sum_known(paid) if paid else None,
        "membershipBase": sum_known(club.row.membership_base for club in joined) if known else None,
        "distinguishedClubs": None if codes is None else len(codes) - codes.count(None),
        "selectDistinguishedClubs": None if codes is None else codes.count("S"),
        "presidentDistinguishedClubs": None if codes is None else codes.count("P"),
        "smedleyDistinguishedClubs": None if codes is None or program_year(day).start < _FIRST_WITH_SMEDLEY else codes.count("M"),
    }


def _comparisons(
    joined: Sequence[Club],
    clubs: Report[ClubRow] | None,
    payments: Report[DistrictRow] | None,
    visits: Report[DivisionRow] | None,
) -> Iterator[Finding]:
    if clubs is None:
        return
    if payments is not None:
        yield from compare_clubs(clubs, payments)
    if visits is not None:
        yield from compare_clubs(clubs, visits)
    yield from compare_goals(joined)


def _typed(row: SummaryRow) -> dict[str, JsonValue]:
    """Return the row with the names of JSON: camel case."""
    values = row._asdict()
    return {
        _camel(name): float(value) if isinstance(value, Decimal) else value for name, value in values.items() if name != "extra"
    } | {"extra": dict(row.extra)}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
