"""The table of layouts: which columns which report has in which year, and how a header is recognised."""

from __future__ import annotations

import sys
from typing import get_type_hints

import pytest

from backfill.toastmasters import cells
from backfill.toastmasters.columns import Column, columns_of, normal_heading
from backfill.toastmasters.identifiers import district_in_file
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.layouts import CLUBS, DISTRICT, DIVISIONS, LAYOUTS, SUMMARY, identify
from backfill.toastmasters.rows import NOTHING_MORE
from backfill.toastmasters.years import FIRST_YEAR

CLUBS_2012 = (
    "District", "Division", "Area", "Club Number", "Club Name", "Club Status", "Mem. Base", "Active Members", "Goals Met", "CCs", "Add. CCs",
    "ACs", "Add. ACs", "CL/AL/DTMs", "Add. CL/AL/DTMs", "New Members", "Add. New Members", "Off. Trained Round 1", "Off. Trained Round 2",
    "Mem. dues on time Oct", "Mem. dues on time Apr", "Off. List On Time", "Club Distinguished Status",
)  # fmt: skip
CLUBS_2018 = (
    *CLUBS_2012[:15], "Level 1s", "Level 2s", "Add. Level 2s", "Level 3s", "Level 4s", "Level 5s", *CLUBS_2012[15:],
)  # fmt: skip
CLUBS_2022 = (
    *CLUBS_2012[:9], "Level 1s", "Level 2s", "Add. Level 2s", "Level 3s", "Level 4s, Level 5s, or DTM award",
    "Add. Level 4s, Level 5s, or DTM award", *CLUBS_2012[15:],
)  # fmt: skip
CLUBS_2025 = (
    *CLUBS_2012[:6], "CSP", "Mem. Base", "Active Members", "Net Growth", "Goals Met", "Level 1s", "Level 2s", "Add. Level 2s", "Level 3s",
    "Level 4s, Path Completions, or DTM Awards", "Add. Level 4s, Path Completions, or DTM award", *CLUBS_2012[15:],
)  # fmt: skip
CLUBS_2026 = (*CLUBS_2025[:12], "Level 2s or EOM", "Add. Level 2s or EOM", *CLUBS_2025[14:])
SUMMARY_2022 = (
    "REGION", "DISTRICT", "DSP", "Training", "New Payments", "April Payments", "October Payments", "Late Payments", "Charter Payments",
    "Total YTD Payments", "Payment Base", "% Payment Growth", "Paid Club Base", "Paid Clubs", "% Club Growth", "Active Clubs",
    "Distinguished Clubs", "Select Distinguished Clubs", "Presidents Distinguished Clubs", "Total Distinguished Clubs", "% Distinguished Clubs",
)  # fmt: skip
SUMMARY_2025 = (
    *SUMMARY_2022[:4], "Market Analysis", "Communication Plan", "Region Advisor Visit", *SUMMARY_2022[4:19], "Smedley Distinguished Clubs",
    *SUMMARY_2022[19:],
)  # fmt: skip
DISTRICT_ALWAYS = (
    "District", "Division", "Area", "Club", "Club Name", "New", "Late Ren.", "Oct. Ren.", "Apr. Ren.", "Total Ren.", "Total Chart",
    "Total to Date", "Distinguished Status", "Charter Date/Suspend Date",
)  # fmt: skip

KNOWN = [
    (ReportKind.CLUBS, 2012, CLUBS_2012),
    (ReportKind.CLUBS, 2018, CLUBS_2018),
    (ReportKind.CLUBS, 2022, CLUBS_2022),
    (ReportKind.CLUBS, 2025, CLUBS_2025),
    (ReportKind.CLUBS, 2026, CLUBS_2026),
    (ReportKind.SUMMARY, 2012, SUMMARY_2022),
    (ReportKind.SUMMARY, 2022, SUMMARY_2022),
    (ReportKind.SUMMARY, 2026, SUMMARY_2025),
    (ReportKind.DISTRICT, 2012, DISTRICT_ALWAYS),
    (ReportKind.DISTRICT, 2026, DISTRICT_ALWAYS),
]


@pytest.mark.parametrize(("kind", "year", "header"), KNOWN)
def test_the_table_has_the_headings_of_every_year(kind: ReportKind, year: int, header: tuple[str, ...]) -> None:
    """The headings of each report in each period, in their order, are those that the dashboard publishes. [R3.2]"""
    assert tuple(LAYOUTS[kind].headings(year).values()) == header
    match = LAYOUTS[kind].match(header)
    assert not match.unknown
    assert not LAYOUTS[kind].missing(header, year)


def test_the_periods() -> None:
    """Club reports have five layouts, summaries two, the others one. [R3.2]"""
    assert CLUBS.years == (FIRST_YEAR.start, 2017, 2020, 2025, 2026)
    assert SUMMARY.years == (FIRST_YEAR.start, 2025)
    assert DISTRICT.years == DIVISIONS.years == (FIRST_YEAR.start,)
    assert len(DIVISIONS.headings(2022)) == 33


@pytest.mark.parametrize(("kind", "year", "header"), KNOWN)
def test_a_header_says_which_layout_it_is(kind: ReportKind, year: int, header: tuple[str, ...]) -> None:
    """Report and period are recognised by the headings, whatever their order, also when a few are missing. [R3.2, R6.2]"""
    layout = LAYOUTS[kind]
    expected = max(since for since in layout.years if since <= year)
    for variant in (header, header[::-1], (*header, ""), (*header, "A new column"), header[:1] + header[3:]):
        assert layout.year_of(variant) == expected
        for asked in ReportKind:
            assert identify(variant, asked) is kind


@pytest.mark.parametrize(
    "header", [(), ("",), ('{"error":"not a csv"}',), ("<!DOCTYPE html>",), ("Name", "Status"), ("District", "Division", "A")]
)
def test_what_is_no_report_is_not_taken_for_one(header: tuple[str, ...]) -> None:
    """A line with hardly any heading of any report is no header, even if one or two words fit. [R6.2]"""
    assert identify(header, ReportKind.CLUBS) is None


def test_a_header_of_several_reports_is_the_one_asked_for() -> None:
    """Where the headings are as many of one report's as of another's, the one that was asked for is believed. [R6.2]"""
    header = ("District", "Division", "Area", "Club", "Club Name")
    assert {identify(header, kind) for kind in (ReportKind.CLUBS, ReportKind.DISTRICT, ReportKind.DIVISIONS)} == {
        ReportKind.CLUBS,
        ReportKind.DISTRICT,
        ReportKind.DIVISIONS,
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("May Visit award", "May visit award"),
        ("Club Name", "ClubName"),
        ("Add. Level 2s", "Add Level 2s"),
        ("Oct. Ren.", " OCT REN "),
    ],
)
def test_headings_differ_in_case_blanks_and_points(one: str, other: str) -> None:
    """Case, blanks and punctuation of a heading do not count: "May visit award" is "May Visit award" (pitfall 31). [R3.2]"""
    assert normal_heading(one) == normal_heading(other)


def test_percentages_and_counts_are_two_columns() -> None:
    """The percent sign of a heading counts: "% Distinguished Clubs" is not "Distinguished Clubs". [R3.2]"""
    assert normal_heading("% Distinguished Clubs") != normal_heading("Distinguished Clubs")
    assert normal_heading("% Club Growth") == normal_heading("%Club growth")


@pytest.mark.parametrize("kind", ReportKind)
def test_no_heading_means_two_columns(kind: ReportKind) -> None:
    """Within one report no heading stands for two columns, or which one it fills would be chance. [R3.2]"""
    seen: dict[str, str] = {}
    for key, column in LAYOUTS[kind].columns.items():
        for heading in column.headings:
            assert seen.setdefault(normal_heading(heading), key) == key


@pytest.mark.parametrize("kind", ReportKind)
def test_fields_have_the_type_that_their_cells_are_read_as(kind: ReportKind) -> None:
    """Each field of a row class is annotated with what the reader of its column returns. [R10.2]"""
    row = LAYOUTS[kind].row
    hints = get_type_hints(row)
    assert (*columns_of(row), "extra") == row._fields
    for key, column in columns_of(row).items():
        reader = column.read
        module = sys.modules[getattr(reader, "__module__", cells.__name__)]
        assert get_type_hints(getattr(reader, "__wrapped__", reader), vars(module))["return"] == hints[key], key
    assert row().extra is NOTHING_MORE


def test_the_newest_heading_wins() -> None:
    """A file with two headings for one column is read by the newer published one; others are kept as unknown columns. [R3.2]"""
    column = Column(cells.count, "Old", "Alias", since=2010, renamed={2020: "New"}, until=2029)
    assert column.headings == ("New", "Old", "Alias")
    assert [column.heading(year) for year in (2009, 2010, 2019, 2020, 2029, 2030)] == [None, "Old", "Old", "New", "New", None]
    assert column.turns == {2010, 2020, 2030}
    match = CLUBS.match(("Club", "Club Number", "Base", "Mem. Base", "Level 2s", "Level 2s or EOM"))
    found = {key: position for key, position in zip(CLUBS.columns, match.positions, strict=True) if position is not None}
    assert found == {"club_number": 1, "membership_base": 3, "level2s": 5}
    assert match.unknown == ((0, "Club"), (2, "Base"), (4, "Level 2s"))


def test_columns_without_a_heading_of_their_own() -> None:
    """A repeated heading is read once; the repetitions and blank ones are called by their position, those at the end are none. [R3.2]"""
    match = DISTRICT.match(("Club", "New", "New", "", "Fancy", "Fancy", "", ""))
    assert match.width == 6
    assert match.unknown == ((2, "column 3"), (3, "column 4"), (4, "Fancy"), (5, "column 6"))


def test_rows_can_tell_what_they_are_about() -> None:
    """A row is about a district, or about a club by its number without zeros. [R3.2]"""
    assert SUMMARY.row(district="61").key == "61"
    assert [layout.row(club_number="00009905").key for layout in (CLUBS, DISTRICT, DIVISIONS)] == ["9905"] * 3
    assert [layout.row().key for layout in LAYOUTS.values()] == [None] * 4
    assert district_in_file("9") == "09"
