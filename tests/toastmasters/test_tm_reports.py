"""Reports are read from bytes in any state, layout and order of columns."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.model import Finding
from backfill.toastmasters.cells import ClubDates, Unit
from backfill.toastmasters.footer import Footer
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.layouts import LAYOUTS
from backfill.toastmasters.reading import listed
from backfill.toastmasters.reports import as_report, located, read_report
from backfill.toastmasters.rows import ClubRow, DistrictRow, SummaryRow
from foundation_samples import bounded
from tm_files import clubs, export, only, payments, rows_of, summary, visits, written

ONE = {"district": "61", "club_number": "00009905", "club_name": "One", "active_members": "25"}
TWO = {"district": "61", "club_number": "00000042", "club_name": "Two", "active_members": "12"}


def kinds(findings: tuple[Finding, ...]) -> list[str]:
    """Return what the findings are about."""
    return [finding.kind for finding in findings]


@pytest.mark.parametrize(("kind", "year"), [(kind, year) for kind, layout in LAYOUTS.items() for year in layout.years])
def test_every_layout_comes_back(kind: ReportKind, year: int) -> None:
    """A generated file of every report and layout gives the values it was made from, also with its columns shuffled, its headings written otherwise, its lines ended otherwise, and a byte order mark. [R3.2]"""
    respellings: list[Callable[[str], str]] = [str, str.upper, str.lower, lambda text: text.replace(".", "").replace(" ", "")]

    @settings(bounded, max_examples=12)
    @given(
        rows_of(kind, year),
        st.randoms(use_true_random=False),
        st.sampled_from(respellings),
        st.sampled_from(["\r\n", "\n"]),
        st.booleans(),
    )
    def check(
        rows: list[dict[str, tuple[str, object]]], random: Random, respell: Callable[[str], str], end: str, marked: bool
    ) -> None:
        content = export(
            kind,
            [{key: cell for key, (cell, _value) in row.items()} for row in rows],
            year=year,
            footer=f"Month of Jan, As of 02/08/{year + 1}",
            order=lambda keys: random.sample(keys, len(keys)),
            respell=respell,
        )
        report = read_report(b"\xef\xbb\xbf" * marked + content.replace(b"\r\n", end.encode()), kind)
        assert [row._asdict() for row in report.rows] == [
            LAYOUTS[kind].row()._asdict() | {key: value for key, (_cell, value) in row.items()} for row in rows
        ]
        assert report.findings == ()
        assert report.footer == Footer(date(year + 1, 1, 31), date(year + 1, 2, 8))
        assert report.columns == set(LAYOUTS[kind].headings(year))
        assert report.layout == max(since for since in LAYOUTS[kind].years if since <= year)

    check()


def test_a_report_is_a_value() -> None:
    """A report can be sent to another process, and says briefly what it is. [B8]"""
    report = clubs([ONE], more=["Fancy"])
    assert pickle.loads(pickle.dumps(report)) == report
    assert "<1 rows>" in repr(report)


def test_names_are_kept_as_they_are() -> None:
    """Commas, doubled quotes, line breaks and letters of any language in a name are read as they stand. [R3.2]"""
    names = ['The "Quoted" Club', "Speak, Lead", "Kraków", "東京", "Two Line\r\nClub", " blanks "]
    report = clubs([{"club_number": str(number), "club_name": name} for number, name in enumerate(names, 1)])
    assert [row.club_name for row in report.rows] == names


def test_other_encodings_are_a_finding() -> None:
    """What is not UTF-8 is read as cp1252, and said so. [R3.2]"""
    content = export(ReportKind.CLUBS, [{"club_number": "1", "club_name": "Kr\xf3l"}]).decode().encode("cp1252")
    report = as_report(read_report(content, ReportKind.CLUBS), ClubRow)
    assert only(report).club_name == "Kr\xf3l"
    assert kinds(report.findings) == ["encoding"]


def test_blank_lines_anywhere() -> None:
    """Blank lines before the header, between rows and after the footer are no rows. [R3.2]"""
    content = export(ReportKind.CLUBS, [ONE, TWO]).replace(b"\r\n", b"\r\n\r\n")
    report = read_report(b"\r\n \r\n,,\r\n" + content + b"\r\n,,,\r\n", ReportKind.CLUBS)
    assert len(report.rows) == 2
    assert report.footer is not None
    assert report.findings == ()


def test_cells_that_are_cut_off_are_unknown() -> None:
    """A row that ends early has its last cells unknown, and is a finding; one that goes on keeps what is there. [R3.2]"""
    content = written(
        ("Club", "Club Name", "New", "Late Ren."),
        [("1", "One", "5"), ("2", "Two", "5", "6", "", "seven", "8"), ("3", "Three", "5", "6")],
        None,
    )
    report = as_report(read_report(content, ReportKind.DISTRICT, requested=date(2023, 1, 31)), DistrictRow)
    assert [(row.new_members, row.late_renewals) for row in report.rows] == [(5, None), (5, 6), (5, 6)]
    assert [dict(row.extra) for row in report.rows] == [{}, {"column 6": "seven", "column 7": "8"}, {}]
    assert kinds(report.findings) == ["ragged_row", "ragged_row", "missing_column"]
    assert "1 of 3 rows" in report.findings[0].message


@pytest.mark.parametrize("in_rows", [True, False])
def test_the_empty_column_of_the_transition(in_rows: bool) -> None:
    """The files of 2017-18 to 2019-20 have an empty column at their end, in the header alone or in the rows too: it is none. [R3.2]"""
    content = export(ReportKind.CLUBS, [ONE, TWO], year=2018, footer="Month of Jan, As of 02/08/2019")
    lines = [
        line + b"," if line.startswith(b'"') and (in_rows or b"Club Name" in line) else line for line in content.split(b"\r\n")
    ]
    report = read_report(b"\r\n".join(lines), ReportKind.CLUBS)
    assert report.findings == ()
    assert report.layout == 2017
    assert report.rows == clubs([ONE, TWO], year=2018).rows


def test_unknown_columns_are_kept() -> None:
    """Columns that nobody knows, and cells below a blank heading, are kept as they stand, and are a finding (pitfall 29). [R3.2]"""
    report = clubs([ONE | {"Fancy": "x"}, TWO], more=["Fancy"])
    assert [dict(row.extra) for row in report.rows] == [{"Fancy": "x"}, {"Fancy": ""}]
    assert [finding.kind for finding in report.findings] == ["unknown_column"]
    assert "'Fancy'" in report.findings[0].message
    content = written(("Club", "", "New"), [("1", "kept", "5"), ("2", "", "6")], "Month of Jan, As of 02/08/2023")
    assert [dict(row.extra) for row in read_report(content, ReportKind.DISTRICT).rows] == [{"column 2": "kept"}, {}]


@pytest.mark.parametrize(("year", "missing"), [(2022, "level3s"), (2025, "csp"), (2018, "ccs"), (2026, "level2s")])
def test_a_missing_column_is_said(year: int, missing: str) -> None:
    """A column that the file's program year should have, and has under no name, is a finding; it is never read as 0 (pitfall 30). [R3.2]"""
    report = clubs([ONE], year=year, without=[missing], footer=f"Month of Jan, As of 02/08/{year + 1}")
    assert report.missing == (LAYOUTS[ReportKind.CLUBS].headings(year)[missing],)
    assert kinds(report.findings) == ["missing_column"]
    assert repr(report.missing[0]) in report.findings[0].message
    assert getattr(only(report), missing) is None
    assert missing not in report.columns


def test_what_a_year_should_have_depends_on_the_month_that_was_asked_for() -> None:
    """Where the footer has no year of its own, columns are expected of the program year that was asked for; without either, of the layout that the headings are nearest to. [R3.2]"""
    stale = export(ReportKind.CLUBS, [ONE], year=2022, footer="Month of Jun, As of 09/13/2026")
    assert "CSP" in read_report(stale, ReportKind.CLUBS).missing
    assert read_report(stale, ReportKind.CLUBS, requested=date(2023, 6, 30)).missing == ()
    cut = export(ReportKind.CLUBS, [ONE], year=2022, footer=None)
    assert read_report(cut, ReportKind.CLUBS).missing == ()
    assert "CSP" in read_report(cut, ReportKind.CLUBS, requested=date(2026, 1, 31)).missing


def test_cells_that_cannot_be_read_are_unknown() -> None:
    """A cell that cannot be read is unknown and a finding, its text is kept, and the cells around it are read. [R3.2]"""
    rows = [ONE | {"active_members": "many", "goals_met": "7"}, TWO | {"active_members": "1,2"}, TWO | {"club_number": "7"}]
    report = clubs(rows)
    assert [(row.active_members, row.goals_met) for row in report.rows] == [(None, 7), (None, None), (12, None)]
    assert [dict(row.extra) for row in report.rows] == [{"Active Members": "many"}, {"Active Members": "1,2"}, {}]
    assert kinds(report.findings) == ["unreadable_cell"]
    assert "'many' (not a whole number)" in report.findings[0].message


def test_the_same_row_twice_is_one_club() -> None:
    """Identical rows are one club and a finding; the number's zeros make no other club (duplicate club rows). [R3.2]"""
    report = clubs([ONE, TWO, ONE])
    assert [row.club_name for row in report.rows] == ["One", "Two"]
    assert kinds(report.findings) == ["duplicate_row"]
    assert "'9905'" in report.findings[0].message


def test_of_conflicting_rows_the_first_counts() -> None:
    """Of rows about one club with different figures the first of the file is kept, and the finding names both (duplicate club rows). [R3.2]"""
    report = clubs([ONE, ONE | {"active_members": "28"}, ONE | {"club_number": "9905"}])
    assert only(report).active_members == 25
    assert kinds(report.findings) == ["conflicting_rows", "conflicting_rows"]
    assert "active_members is 25 and 28" in report.findings[0].message
    assert "club_number is '00009905' and '9905'" in report.findings[1].message


def test_pieces_of_the_footer_are_no_districts() -> None:
    """Pieces of the footer in the columns of region and district, and rows without a district, are dropped here, once for all (pitfall 11). [R3.2]"""
    rows = [
        {"region": "01", "district": "02", "paid_clubs": "5"},
        {"region": "As of 03/19/2026"},
        {"district": "As of 03/19/2026"},
        {"region": "Month of Jan", "district": "As of 02/08/2023"},
    ]
    report = summary(rows, footer=None)
    assert [row.district for row in report.rows] == ["02"]
    assert report.footer == Footer(date(2023, 1, 31), date(2023, 2, 8))
    assert report.findings == ()
    strays = summary(
        [*rows, {"region": "02", "paid_clubs": "7"}, {"region": "02", "district": "As of 3/9/26", "paid_clubs": "1"}]
    )
    assert [row.district for row in strays.rows] == ["02"]
    assert kinds(strays.findings) == ["unreadable_cell", "dropped_row"]
    assert "2 rows" in strays.findings[1].message


def test_letters_are_districts() -> None:
    """Districts F and U are read like all others, also where their row begins with a letter (pitfall 12). [R3.2]"""
    rows = [{"region": "DNAR", "district": "U"}, {"region": "02", "district": "F"}, {"region": "", "district": "U1"}]
    assert [(row.region, row.district) for row in summary(rows).rows] == [("DNAR", "U"), ("02", "F"), (None, "U1")]


def test_units_and_dates_are_read() -> None:
    """Divisions, areas and dates of the district and division reports are typed. [R3.2]"""
    row = only(
        payments([{"club_number": "1", "division": "Division A", "area": "12", "dates": " Susp 09/30/22", "payments": "42"}])
    )
    assert (row.division, row.area, row.payments) == (Unit("A", "Division A"), Unit("12", "Area 12"), 42)
    assert row.dates == ClubDates(None, date(2022, 9, 30))
    visited = only(
        visits([{"club_number": "1", "may_visit": "1", "area_status": "D"}], respell=lambda text: text.replace("Visit", "visit"))
    )
    assert (visited.november_visit, visited.may_visit, visited.area_status) == (None, 1, "D")


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"{}", b"<html></html>", b'"', b"\x00\x01", b"\xff\xfe", b'"' + b"x" * 200_000]
)
@pytest.mark.parametrize("kind", ReportKind)
def test_whatever_comes_is_read(content: bytes, kind: ReportKind) -> None:
    """Reading never fails, whatever the bytes: it finds no rows, and says what is missing (error page saved as data). [R6.2]"""
    report = read_report(content, kind)
    assert report.rows == ()
    assert report.footer is None
    assert report.missing


@bounded
@given(st.binary(max_size=300), st.sampled_from(list(ReportKind)), st.integers(0, 900))
def test_damaged_files_are_read(noise: bytes, kind: ReportKind, place: int) -> None:
    """Noise written over any part of a report makes no exception. [R6.2]"""
    content = export(kind, [ONE if kind is not ReportKind.SUMMARY else {"district": "61"}])
    report = read_report(content[:place] + noise + content[place + len(noise) :], kind)
    assert len(report.rows) <= 1 + noise.count(b"\n") + noise.count(b"\r")


def test_a_parsed_document_is_known_for_what_it_is() -> None:
    """What a check has returned can be taken back as the report it is, and as no other. [R10.2]"""
    report = read_report(export(ReportKind.CLUBS, [ONE]), ReportKind.CLUBS)
    assert as_report(report, ClubRow) is report
    for value in (report, None, object()):
        with pytest.raises(TypeError, match="is not a report of SummaryRow"):
            as_report(value, SummaryRow)


def test_findings_are_located() -> None:
    """The caller, who knows them, adds day and district to what was found. [R3.2]"""
    found = located([Finding("a", "b")], date(2023, 1, 31), "61")
    assert found == (Finding("a", "b", day=date(2023, 1, 31), district="61"),)


def test_long_lists_are_shortened() -> None:
    """A finding names a few things, and how many more there are. [R9.5]"""
    assert listed([1, 2]) == "1, 2"
    assert listed(range(7)) == "0, 1, 2, 3, 4 and 2 more"
