"""Whether the reports of a district agree. What does not agree is said, and never corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backfill.jsonvalues import JsonValue
from backfill.model import Finding
from backfill.toastmasters.clubs import Club
from backfill.toastmasters.groups import sum_known
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reading import listed
from backfill.toastmasters.reports import Report
from backfill.toastmasters.rows import ClubRow, DistrictRow, DivisionRow, SummaryRow


def compare_clubs(clubs: Report[ClubRow], other: Report[DistrictRow] | Report[DivisionRow]) -> Iterator[Finding]:
    """Iterate over what differs between the lists of clubs of two reports of one district."""
    ours, theirs = {str(row.key) for row in clubs.rows}, {str(row.key) for row in other.rows}
    for has, lacks, numbers in ((other.kind, clubs.kind, theirs - ours), (clubs.kind, other.kind, ours - theirs)):
        if numbers:
            yield Finding("clubs_differ", f"{has} has clubs that {lacks} has not: {listed(sorted(numbers))}")


def compare_goals(clubs: Sequence[Club]) -> Iterator[Finding]:
    """Iterate over what differs between the number of goals met that is printed and the goals that the columns show."""
    uneven = [
        club.row.club_number for club in clubs if None not in club.goals and sum(map(bool, club.goals)) != club.row.goals_met
    ]
    if uneven:
        yield Finding("goals_differ", f"the columns show another number of goals than is printed, in clubs {listed(uneven)}")


def compare_sums(totals: Mapping[str, JsonValue], clubs: Sequence[Club], summary: SummaryRow | None) -> Iterator[Finding]:
    """Iterate over the sums that differ: between reports, and from the district's row in the summary."""
    visited = sum_known(club.visits.members for club in clubs)
    yield from _differing("members", totals["totalMembership"], ReportKind.DIVISIONS, visited)
    if summary is None:
        return
    yield from _differing("payments", totals["totalPayments"], ReportKind.SUMMARY, summary.total_payments)
    yield from _differing("active clubs", totals["activeClubs"], ReportKind.SUMMARY, summary.active_clubs)
    yield from _differing(
        "distinguished clubs", totals["distinguishedClubs"], ReportKind.SUMMARY, summary.total_distinguished_clubs
    )
    there, active = totals["totalClubs"], summary.active_clubs
    if isinstance(there, int) and active is not None and there < active:
        yield Finding("fewer_clubs", f"{ReportKind.CLUBS} has {there} clubs, {ReportKind.SUMMARY} says that {active} are active")


def _differing(what: str, ours: JsonValue, report: ReportKind, theirs: int | None) -> Iterator[Finding]:
    if ours is not None and theirs is not None and ours != theirs:
        yield Finding("sums_differ", f"{ours} {what} by the clubs' rows, {theirs} by {report}")
