"""The one table of layouts: each report's columns, in the report's order, with type, headings and the years that have them.

Sources: exports as they came, for club and district reports since 2020-21; a published census of the headings from 2017-01 to
2026-08; the code of several harvesters, for older club reports, for the division report, and for the summary before 2025-26,
of which nobody has published a file as it came.

Every field is ``None`` where the file does not say: the column is missing, or the cell is blank (`Report.columns` tells which of
the two). ``extra`` holds, by heading, the cells of columns that this library does not know, and those that it could not read.
Rows are named tuples: hundreds are made for every district and day, in a tenth of the time of a class of attrs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, NamedTuple, TypeVar

from backfill.model.checks import frozen_mapping
from backfill.toastmasters import cells
from backfill.toastmasters.cells import ClubDates, Unit
from backfill.toastmasters.columns import Column
from backfill.toastmasters.identifiers import club_key, district_in_file

NOTHING_MORE: Mapping[str, str] = frozen_mapping(None)

_PATHWAYS = 2017  # the first program year that expects both education programmes; files of 2016-17 have both from January on
_ONLY_PATHWAYS = 2020
_SUCCESS_PLAN = 2025
_ONLINE_MASTERY = 2026

_District = Annotated[str | None, Column(district_in_file, "District")]
_Division = Annotated[Unit | None, Column(cells.division, "Division", "Div")]
_Area = Annotated[Unit | None, Column(cells.area, "Area")]
_Club = Annotated[str | None, Column(cells.word, "Club", "Club Number", "Club ID")]
_ClubName = Annotated[str | None, Column(cells.text, "Club Name", "Name")]


class SummaryRow(NamedTuple):
    """One district in the summary of all districts."""

    region: Annotated[str | None, Column(cells.word, "REGION")] = None
    district: Annotated[str | None, Column(district_in_file, "DISTRICT")] = None
    dsp: Annotated[bool | None, Column(cells.flag, "DSP")] = None
    training: Annotated[bool | None, Column(cells.flag, "Training")] = None
    market_analysis: Annotated[bool | None, Column(cells.flag, "Market Analysis", since=_SUCCESS_PLAN)] = None
    communication_plan: Annotated[bool | None, Column(cells.flag, "Communication Plan", since=_SUCCESS_PLAN)] = None
    region_advisor_visit: Annotated[bool | None, Column(cells.flag, "Region Advisor Visit", since=_SUCCESS_PLAN)] = None
    new_payments: Annotated[int | None, Column(cells.count, "New Payments")] = None
    april_payments: Annotated[int | None, Column(cells.count, "April Payments")] = None
    october_payments: Annotated[int | None, Column(cells.count, "October Payments")] = None
    late_payments: Annotated[int | None, Column(cells.count, "Late Payments")] = None
    charter_payments: Annotated[int | None, Column(cells.count, "Charter Payments")] = None
    total_payments: Annotated[int | None, Column(cells.count, "Total YTD Payments")] = None
    payment_base: Annotated[int | None, Column(cells.count, "Payment Base")] = None
    payment_growth: Annotated[Decimal | None, Column(cells.percent, "% Payment Growth")] = None
    paid_club_base: Annotated[int | None, Column(cells.count, "Paid Club Base")] = None
    paid_clubs: Annotated[int | None, Column(cells.count, "Paid Clubs")] = None
    club_growth: Annotated[Decimal | None, Column(cells.percent, "% Club Growth")] = None
    active_clubs: Annotated[int | None, Column(cells.count, "Active Clubs")] = None
    distinguished_clubs: Annotated[int | None, Column(cells.count, "Distinguished Clubs")] = None
    select_distinguished_clubs: Annotated[int | None, Column(cells.count, "Select Distinguished Clubs")] = None
    presidents_distinguished_clubs: Annotated[int | None, Column(cells.count, "Presidents Distinguished Clubs")] = None
    smedley_distinguished_clubs: Annotated[
        int | None, Column(cells.count, "Smedley Distinguished Clubs", since=_SUCCESS_PLAN)
    ] = None
    total_distinguished_clubs: Annotated[int | None, Column(cells.count, "Total Distinguished Clubs")] = None
    distinguished_percent: Annotated[Decimal | None, Column(cells.percent, "% Distinguished Clubs")] = None

    extra: Mapping[str, str] = NOTHING_MORE

    @property
    def key(self) -> str | None:
        """The district: two rows of one key are about the same district."""
        return self.district


class ClubRow(NamedTuple):
    """One club in the club report: members, goals, level."""

    district: _District = None
    division: _Division = None
    area: _Area = None
    club_number: Annotated[str | None, Column(cells.word, "Club Number", "Club ID", "Club")] = None
    club_name: _ClubName = None
    club_status: Annotated[str | None, Column(cells.word, "Club Status", "Status")] = None
    csp: Annotated[
        bool | None,
        Column(cells.flag, "CSP", "Club Success Plan", "CSP Submitted", "Club Success Plan Submitted", since=_SUCCESS_PLAN),
    ] = None
    membership_base: Annotated[int | None, Column(cells.count, "Mem. Base", "Membership Base", "Base")] = None
    active_members: Annotated[
        int | None, Column(cells.count, "Active Members", "Membership", "Members", "Active Membership", "Paid Members")
    ] = None
    net_growth: Annotated[int | None, Column(cells.count, "Net Growth", since=_SUCCESS_PLAN)] = None
    goals_met: Annotated[int | None, Column(cells.goals, "Goals Met", "DCP Goals", "Goals")] = None
    ccs: Annotated[int | None, Column(cells.count, "CCs", until=_ONLY_PATHWAYS - 1)] = None
    add_ccs: Annotated[int | None, Column(cells.count, "Add. CCs", until=_ONLY_PATHWAYS - 1)] = None
    acs: Annotated[int | None, Column(cells.count, "ACs", until=_ONLY_PATHWAYS - 1)] = None
    add_acs: Annotated[int | None, Column(cells.count, "Add. ACs", until=_ONLY_PATHWAYS - 1)] = None
    leaders: Annotated[int | None, Column(cells.count, "CL/AL/DTMs", until=_ONLY_PATHWAYS - 1)] = None
    add_leaders: Annotated[int | None, Column(cells.count, "Add. CL/AL/DTMs", until=_ONLY_PATHWAYS - 1)] = None
    level1s: Annotated[int | None, Column(cells.count, "Level 1s", since=_PATHWAYS)] = None
    level2s: Annotated[
        int | None, Column(cells.count, "Level 2s", since=_PATHWAYS, renamed={_ONLINE_MASTERY: "Level 2s or EOM"})
    ] = None
    add_level2s: Annotated[
        int | None, Column(cells.count, "Add. Level 2s", since=_PATHWAYS, renamed={_ONLINE_MASTERY: "Add. Level 2s or EOM"})
    ] = None
    level3s: Annotated[int | None, Column(cells.count, "Level 3s", since=_PATHWAYS)] = None
    level4s: Annotated[
        int | None,
        Column(
            cells.count,
            "Level 4s",
            "Level 4",
            "Level 4s, Path Completions, or DTM award",
            "Level 4s, Level 5s, or DTM awards",
            since=_PATHWAYS,
            renamed={
                _ONLY_PATHWAYS: "Level 4s, Level 5s, or DTM award",
                _SUCCESS_PLAN: "Level 4s, Path Completions, or DTM Awards",
            },
        ),
    ] = None
    level5s: Annotated[int | None, Column(cells.count, "Level 5s", since=_PATHWAYS, until=_ONLY_PATHWAYS - 1)] = None
    add_level4s: Annotated[
        int | None,
        Column(
            cells.count,
            "Add. Level 4s, Level 5s, or DTM award",
            "Add. Level 4s",
            "Add. Level 4",
            "Add. Level 4s, Path Completions, or DTM Awards",
            "Add. Level 4s, Level 5s, or DTM awards",
            since=_ONLY_PATHWAYS,
            renamed={_SUCCESS_PLAN: "Add. Level 4s, Path Completions, or DTM award"},
        ),
    ] = None
    new_members: Annotated[int | None, Column(cells.count, "New Members")] = None
    add_new_members: Annotated[int | None, Column(cells.count, "Add. New Members")] = None
    trained_round1: Annotated[int | None, Column(cells.count, "Off. Trained Round 1")] = None
    trained_round2: Annotated[int | None, Column(cells.count, "Off. Trained Round 2")] = None
    dues_october: Annotated[int | None, Column(cells.count, "Mem. dues on time Oct")] = None
    dues_april: Annotated[int | None, Column(cells.count, "Mem. dues on time Apr")] = None
    officer_list: Annotated[int | None, Column(cells.count, "Off. List On Time")] = None
    distinguished_status: Annotated[
        str | None, Column(cells.level, "Club Distinguished Status", "Distinguished Status", "Distinguished")
    ] = None
    charter_date: Annotated[date | None, Column(cells.day, None, "Charter Date", "Chartered")] = None
    october_renewals: Annotated[int | None, Column(cells.count, None, "Oct. Ren.", "October Renewals")] = None
    april_renewals: Annotated[int | None, Column(cells.count, None, "Apr. Ren.", "April Renewals")] = None
    payments: Annotated[int | None, Column(cells.count, None, "Total to Date", "Payments", "Total")] = None
    extra: Mapping[str, str] = NOTHING_MORE

    @property
    def key(self) -> str | None:
        """The club's number without leading zeros: two rows of one key are about the same club."""
        return None if self.club_number is None else club_key(self.club_number)


class DistrictRow(NamedTuple):
    """One club in the district report. It counts payments, never members."""

    district: _District = None
    division: _Division = None
    area: _Area = None
    club_number: _Club = None
    club_name: _ClubName = None
    new_members: Annotated[int | None, Column(cells.count, "New", "New Members")] = None
    late_renewals: Annotated[int | None, Column(cells.count, "Late Ren.", "Late Renewals")] = None
    october_renewals: Annotated[int | None, Column(cells.count, "Oct. Ren.", "October Renewals")] = None
    april_renewals: Annotated[int | None, Column(cells.count, "Apr. Ren.", "April Renewals")] = None
    total_renewals: Annotated[int | None, Column(cells.count, "Total Ren.", "Total Renewals")] = None
    charter_payments: Annotated[int | None, Column(cells.count, "Total Chart")] = None
    payments: Annotated[int | None, Column(cells.count, "Total to Date", "Payments", "Total")] = None
    distinguished_status: Annotated[str | None, Column(cells.level, "Distinguished Status", "Club Distinguished Status")] = None
    dates: Annotated[ClubDates | None, Column(cells.club_dates, "Charter Date/Suspend Date")] = None
    extra: Mapping[str, str] = NOTHING_MORE

    @property
    def key(self) -> str | None:
        """The club's number without leading zeros: two rows of one key are about the same club."""
        return None if self.club_number is None else club_key(self.club_number)


class DivisionRow(NamedTuple):
    """One club in the division report; the figures of its area and division are repeated in each of their clubs' rows."""

    district: _District = None
    division: _Division = None
    area: _Area = None
    club_number: _Club = None
    club_name: _ClubName = None
    october_renewals: Annotated[int | None, Column(cells.count, "October Renewals", "Oct. Ren.")] = None
    april_renewals: Annotated[int | None, Column(cells.count, "April Renewals", "Apr. Ren.")] = None
    november_visit: Annotated[int | None, Column(cells.count, "Nov Visit award")] = None
    may_visit: Annotated[int | None, Column(cells.count, "May Visit award")] = None
    members: Annotated[int | None, Column(cells.count, "Membership to date")] = None
    goals_met: Annotated[int | None, Column(cells.goals, "Club Goals Met")] = None
    distinguished_status: Annotated[str | None, Column(cells.level, "Distinguished Club")] = None
    area_base: Annotated[int | None, Column(cells.count, "Area Club Base")] = None
    area_paid_for_distinguished: Annotated[int | None, Column(cells.count, "Area Paid Club Goal for Dist.")] = None
    area_paid_for_select: Annotated[int | None, Column(cells.count, "Area Paid Club Goal for Select Dist.")] = None
    area_paid_for_presidents: Annotated[int | None, Column(cells.count, "Area Paid Club Goal for Pres. Dist.")] = None
    area_paid: Annotated[int | None, Column(cells.count, "Total Paid Area Clubs")] = None
    area_level_for_distinguished: Annotated[int | None, Column(cells.count, "Area Dist. Club Goal for Dist.")] = None
    area_level_for_select: Annotated[int | None, Column(cells.count, "Area Dist. Club Goal for Select Dist.")] = None
    area_level_for_presidents: Annotated[int | None, Column(cells.count, "Area Dist. Club Goal for Pres. Dist.")] = None
    area_distinguished: Annotated[int | None, Column(cells.count, "Total Dist. Area Clubs")] = None
    area_status: Annotated[str | None, Column(cells.level, "Distinguished Area")] = None
    division_base: Annotated[int | None, Column(cells.count, "Division Club Base")] = None
    division_paid_for_distinguished: Annotated[int | None, Column(cells.count, "Division Paid Club Goal for Dist.")] = None
    division_paid_for_select: Annotated[int | None, Column(cells.count, "Division Paid Club Goal for Select Dist.")] = None
    division_paid_for_presidents: Annotated[int | None, Column(cells.count, "Division Paid Club Goal for Pres. Dist.")] = None
    division_paid: Annotated[int | None, Column(cells.count, "Total Paid Division Clubs")] = None
    division_level_for_distinguished: Annotated[int | None, Column(cells.count, "Division Dist. Club Goal for Dist.")] = None
    division_level_for_select: Annotated[int | None, Column(cells.count, "Division Dist. Club Goal for Select Dist.")] = None
    division_level_for_presidents: Annotated[int | None, Column(cells.count, "Division Dist. Club Goal for Pres. Dist.")] = None
    division_distinguished: Annotated[int | None, Column(cells.count, "Total Dist. Division Clubs")] = None
    division_status: Annotated[str | None, Column(cells.level, "Distinguished Division")] = None
    dates: Annotated[ClubDates | None, Column(cells.club_dates, "Charter Date/Suspend Date")] = None
    extra: Mapping[str, str] = NOTHING_MORE

    @property
    def key(self) -> str | None:
        """The club's number without leading zeros: two rows of one key are about the same club."""
        return None if self.club_number is None else club_key(self.club_number)


Row = SummaryRow | ClubRow | DistrictRow | DivisionRow
"""A row of any report."""

RowT = TypeVar("RowT", bound=Row)
RowT_co = TypeVar("RowT_co", bound=Row, covariant=True)
