"""Real files of the dashboard, read where they lie beside the checkout; skipped visibly where they do not."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from backfill.errors import TransientSourceError
from backfill.jsonvalues import JsonValue
from backfill.toastmasters.answers import check_report
from backfill.toastmasters.footer import Footer
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.levels import club_level
from backfill.toastmasters.ranking import rankings
from backfill.toastmasters.reports import Report, as_report, read_report
from backfill.toastmasters.rows import ClubRow, DistrictRow, DivisionRow, Row, SummaryRow
from backfill.toastmasters.statistics import district_data, summary_data
from backfill.toastmasters.years import program_year
from tm_files import SHARED, answer, shared_file

FILES = SHARED / "dashboard"
_PLACE = re.compile(r"(?P<month_end>[0-9-]{10})/(?P<as_of>[0-9-]{10})/(?P<report>[a-z]+)(?:~(?P<district>\w+))?\.csv$")


class Export(NamedTuple):
    """A real file, and what it is by its place."""

    path: Path
    kind: ReportKind
    month_end: date
    as_of: date
    district: str | None

    def read(self) -> Report[Row]:
        """Return it, read for the month that its place says."""
        return read_report(self.path.read_bytes(), self.kind, requested=self.month_end)


def found() -> list[Export]:
    """Return every real export, or skip."""
    if not FILES.is_dir():
        pytest.skip("no real files lie beside this checkout")
    places = [(path, _PLACE.search(path.as_posix())) for path in sorted(FILES.glob("20*/*/*/*.csv"))]
    return [
        Export(
            path,
            ReportKind(place["report"]),
            date.fromisoformat(place["month_end"]),
            date.fromisoformat(place["as_of"]),
            place["district"],
        )
        for path, place in places
        if place is not None
    ]


@pytest.fixture(scope="module")
def exports() -> list[Export]:
    """Return every real export."""
    return found()


def test_every_real_file_is_read(exports: list[Export]) -> None:
    """Every real export is believed for the month, day and district that it is kept under, has a row for each line, and nothing in it is unknown or unreadable. [R3.2, B10]"""
    layouts: Counter[str] = Counter()
    for export in exports:
        content = export.path.read_bytes()
        report = check_report(
            answer(content), export.kind, month_end=export.month_end, as_of=export.as_of, district=export.district
        )
        lines = [line for line in csv.reader(io.StringIO(content.decode(), newline="")) if line]
        assert len(report.rows) == len(lines) - 2, export.path
        assert report.findings == (), export.path
        assert report.footer == Footer(export.month_end, export.as_of), export.path
        layouts[f"{export.kind} of {report.layout}-"] += 1
    sys.stdout.write(
        "\nreal files read by layout: " + ", ".join(f"{name}: {count}" for name, count in sorted(layouts.items())) + "\n"
    )
    assert sum(layouts.values()) == len(exports) == 141
    assert layouts == {
        "clubperformance of 2020-": 62,
        "clubperformance of 2025-": 5,
        "districtperformance of 2008-": 14,
        "districtsummary of 2008-": 36,
        "districtsummary of 2025-": 3,
        "divisionperformance of 2008-": 21,
    }


def test_every_cell_of_the_real_files_arrives(exports: list[Export]) -> None:
    """Each number and text of the real files stands in the typed rows as it is in the file. [R3.2]"""
    compared = 0
    for export in exports:
        table = list(csv.DictReader(io.StringIO(export.path.read_bytes().decode(), newline="")))[:-1]
        report = export.read()
        layout = [(key, value) for key, value in LAYOUT_OF[export.kind].items() if value in table[0]]
        for line, row in zip(table, report.rows, strict=True):
            for key, heading in layout:
                assert shown(getattr(row, key)) == line[heading].strip(), (export.path, key)
                compared += 1
    sys.stdout.write(f"\ncells compared: {compared}\n")
    assert compared > 200_000


LAYOUT_OF: dict[ReportKind, dict[str, str]] = {
    ReportKind.SUMMARY: {"region": "REGION", "district": "DISTRICT", "paid_clubs": "Paid Clubs", "total_payments": "Total YTD Payments",
                         "active_clubs": "Active Clubs", "total_distinguished_clubs": "Total Distinguished Clubs", "dsp": "DSP"},
    ReportKind.CLUBS: {"club_number": "Club Number", "club_name": "Club Name", "club_status": "Club Status", "membership_base": "Mem. Base",
                       "active_members": "Active Members", "goals_met": "Goals Met", "level1s": "Level 1s", "level2s": "Level 2s",
                       "add_level2s": "Add. Level 2s", "level3s": "Level 3s", "new_members": "New Members", "add_new_members": "Add. New Members",
                       "trained_round1": "Off. Trained Round 1", "trained_round2": "Off. Trained Round 2", "dues_october": "Mem. dues on time Oct",
                       "dues_april": "Mem. dues on time Apr", "officer_list": "Off. List On Time", "distinguished_status": "Club Distinguished Status",
                       "district": "District", "csp": "CSP", "net_growth": "Net Growth", "level4s": "Level 4s, Level 5s, or DTM award",
                       "add_level4s": "Add. Level 4s, Level 5s, or DTM award"},
    ReportKind.DISTRICT: {"club_number": "Club", "new_members": "New", "late_renewals": "Late Ren.", "october_renewals": "Oct. Ren.",
                          "april_renewals": "Apr. Ren.", "total_renewals": "Total Ren.", "charter_payments": "Total Chart",
                          "payments": "Total to Date", "distinguished_status": "Distinguished Status"},
    ReportKind.DIVISIONS: {"club_number": "Club", "october_renewals": "October Renewals", "november_visit": "Nov Visit award",
                           "may_visit": "May Visit award", "members": "Membership to date", "goals_met": "Club Goals Met",
                           "area_base": "Area Club Base", "division_distinguished": "Total Dist. Division Clubs"},
}  # fmt: skip
"""Columns whose cells the files write in one way only."""


def shown(value: object) -> str:
    """Return a typed cell as the files write it."""
    if value is None:
        return ""
    return {True: "Y", False: "N"}[value] if isinstance(value, bool) else str(value).strip()


def test_the_three_reports_of_a_district_agree_with_the_summary(exports: list[Export]) -> None:
    """For district 91 members, payments, active clubs and distinguished clubs made from its three reports are those of the summary and of each other, at all twelve closes of 2022-23: no finding, nothing unsettled. [R3.2, R3.5]"""
    reports = {(export.kind, export.district, export.as_of): export for export in exports}
    closes = [export for export in exports if export.kind is ReportKind.DIVISIONS and export.district == "91"]
    assert len(closes) == 12
    for close in closes:
        read = partial(_read, reports, close.as_of)
        row = {row.district: row for row in as_report(read(ReportKind.SUMMARY, None), SummaryRow).rows}["91"]
        made = district_data(
            close.month_end,
            "91",
            as_report(read(ReportKind.CLUBS, "91"), ClubRow),
            as_report(read(ReportKind.DISTRICT, "91"), DistrictRow),
            as_report(read(ReportKind.DIVISIONS, "91"), DivisionRow),
            row,
        )
        assert made.findings == ()
        assert made.settled
        totals = cast("dict[str, JsonValue]", made.data["totals"])
        assert totals["activeClubs"] == row.active_clubs
        of_summary = cast("dict[str, JsonValue]", summary_data(close.month_end, "91", row)["totals"])
        assert {name: totals[name] for name, value in of_summary.items() if value is not None} == {
            name: value for name, value in of_summary.items() if value is not None
        }


def _read(
    reports: dict[tuple[ReportKind, str | None, date], Export], as_of: date, kind: ReportKind, district: str | None
) -> Report[Row]:
    return reports[kind, district, as_of].read()


def test_goals_and_levels_are_those_that_are_printed(exports: list[Export]) -> None:
    """The goals worked out from the columns are as many as are printed in every row of every real club report, and the levels are the letters that are printed, wherever any are. [R3.2]"""
    code = {"NotDistinguished": None, "Distinguished": "D", "Select": "S", "President": "P", "Smedley": "M"}
    goals = levels = 0
    for export in exports:
        if export.kind is not ReportKind.CLUBS:
            continue
        report = as_report(export.read(), ClubRow)
        made = district_data(export.month_end, "00", report, None, None)
        for entry in cast("list[dict[str, JsonValue]]", made.data["clubs"]):
            assert sum(map(bool, cast("list[bool]", entry["dcpGoalsAchieved"]))) == entry["dcpGoals"]
            goals += 1
        if any(row.distinguished_status for row in report.rows):
            for row in report.rows:
                members, base = row.active_members or 0, row.membership_base or 0
                level = club_level(
                    row.goals_met, members, members - base, year=program_year(export.month_end).start, plan=row.csp
                )
                assert code[str(level)] == row.distinguished_status, row
                assert row.net_growth in {None, members - base}
                levels += 1
    sys.stdout.write(f"\nclub rows with goals as printed: {goals}; with levels as printed: {levels}\n")
    assert (goals, levels) == (9510, 1566)


def test_active_clubs_are_those_without_a_suspension() -> None:
    """In the reports of a district, clubs whose date or status says suspended are as many as the summary has not active: shown on the division reports with dates. [R3.2]"""
    counted = 0
    for export in found():
        if export.kind is not ReportKind.DIVISIONS or export.district == "91":
            continue
        report = as_report(export.read(), DivisionRow)
        suspended = sum(row.dates is not None and row.dates.suspend is not None for row in report.rows)
        summary_file = export.path.with_name("districtsummary.csv")
        rows = as_report(read_report(summary_file.read_bytes(), ReportKind.SUMMARY), SummaryRow).rows
        active = {row.district: row.active_clubs for row in rows}[export.district]
        assert len(report.rows) - suspended == active, export.path
        counted += 1
    assert counted == 9


@pytest.mark.parametrize("state", ["2026-05-31", "2026-06-02", "2026-06-03"])
def test_published_rankings_in_full(state: str) -> None:
    """Of the published rankings every figure that the summary knows comes out the same, to the last bit, for all 128 districts (pitfalls 5 and 37). [R3.2, R5.3]"""
    published = json.loads(shared_file(f"quirks/closing-2026-05-31/{state}-all-districts-rankings.json"))["rankings"]
    content = shared_file(f"2025-2026/2026-05-31/{state}/districtsummary.csv")
    report = as_report(read_report(content, ReportKind.SUMMARY), SummaryRow)
    made = cast("list[dict[str, JsonValue]]", rankings(date(2026, 5, 31), date.fromisoformat(state), report)["rankings"])
    ours = {entry["districtId"]: entry for entry in made}
    unknown = {"clubsWith20PlusMembers", "newCharteredClubs"}
    for entry in published:
        same = {name: value for name, value in entry.items() if name not in unknown}
        assert {name: ours[entry["districtId"]][name] for name in same} == same
    assert len(ours) == len(published) == 128


class Period(NamedTuple):
    """A month, and the day as of which it was asked for."""

    month_end: date
    as_of: date


SEPTEMBER = Period(date(2022, 9, 30), date(2022, 10, 17))
FEBRUARY = Period(date(2023, 1, 31), date(2023, 2, 8))
JUNE = Period(date(2023, 6, 30), date(2025, 9, 13))
TRANSITION = Period(date(2018, 1, 31), date(2018, 2, 8))

BELIEVED: dict[str, tuple[ReportKind, Period, int, tuple[str, ...]]] = {
    "bom.csv": (ReportKind.CLUBS, JUNE, 7, ()),
    "lf-only.csv": (ReportKind.CLUBS, JUNE, 7, ()),
    "leading-and-trailing-blank-lines.csv": (ReportKind.CLUBS, JUNE, 7, ()),
    "duplicate-rows-identical.csv": (ReportKind.CLUBS, JUNE, 9, ("duplicate_row",)),
    "duplicate-rows-conflicting.csv": (ReportKind.CLUBS, JUNE, 9, ("conflicting_rows",)),
    "names-commas-quotes-accents.csv": (ReportKind.CLUBS, FEBRUARY, 15, ()),
    "names-cp1252.csv": (ReportKind.CLUBS, FEBRUARY, 13, ("encoding",)),
    "newline-in-name.csv": (ReportKind.CLUBS, FEBRUARY, 1, ()),
    "trailing-empty-column-2017-2020.csv": (ReportKind.CLUBS, TRANSITION, 6, ()),
    "trailing-empty-column-header-only.csv": (ReportKind.CLUBS, TRANSITION, 6, ()),
    "unaligned-0D-0A.csv": (ReportKind.CLUBS, FEBRUARY, 2, ()),
    "susp-leading-space.csv": (ReportKind.DISTRICT, JUNE, 5, ()),
    "footer-full-month.csv": (ReportKind.CLUBS, SEPTEMBER, 4, ()),
    "footer-quoted.csv": (ReportKind.CLUBS, SEPTEMBER, 4, ()),
    "footer-unpadded.csv": (ReportKind.CLUBS, Period(date(2022, 9, 30), date(2022, 10, 7)), 4, ()),
    "footer-trailing-commas.csv": (ReportKind.CLUBS, SEPTEMBER, 4, ()),
    "footer-trailing-space.csv": (ReportKind.CLUBS, SEPTEMBER, 4, ()),
    "footer-no-newline.csv": (ReportKind.CLUBS, SEPTEMBER, 4, ()),
    "footer-december-in-january.csv": (ReportKind.CLUBS, Period(date(2022, 12, 31), date(2023, 1, 10)), 4, ()),
    "as-of-in-DISTRICT-column.csv": (ReportKind.SUMMARY, FEBRUARY, 4, ()),
    "percent-NA.csv": (ReportKind.SUMMARY, FEBRUARY, 3, ()),
    "thousands-separator.csv": (ReportKind.SUMMARY, FEBRUARY, 3, ()),
    "stale-june-instead-of-january.csv": (ReportKind.CLUBS, JUNE, 175, ()),
}

REFUSED: dict[str, tuple[ReportKind, Period, str]] = {
    "html-error-page.csv": (ReportKind.CLUBS, FEBRUARY, "not_csv"),
    "json-body.csv": (ReportKind.CLUBS, FEBRUARY, "not_csv"),
    "empty.csv": (ReportKind.CLUBS, FEBRUARY, "truncated"),
    "truncated-mid-row.csv": (ReportKind.CLUBS, JUNE, "truncated"),
    "truncated-at-row-end.csv": (ReportKind.CLUBS, JUNE, "truncated"),
    "footer-missing.csv": (ReportKind.CLUBS, SEPTEMBER, "truncated"),
    "header-only.csv": (ReportKind.CLUBS, FEBRUARY, "truncated"),
    "header-only-no-newline.csv": (ReportKind.CLUBS, FEBRUARY, "truncated"),
    "header-footer.csv": (ReportKind.CLUBS, FEBRUARY, "missing_rows"),
    "header-footer-summary.csv": (
        ReportKind.SUMMARY,
        Period(date(2022, 7, 31), date(2022, 7, 29)),
        "missing_rows",
    ),
    "stale-june-instead-of-january.csv": (ReportKind.CLUBS, FEBRUARY, "wrong_period"),
}


@pytest.mark.parametrize("name", BELIEVED)
def test_awkward_files_that_are_believed(name: str) -> None:
    """Of the awkward real files those that are whole are read, with the findings that they deserve. [R3.2, R6.2]"""
    kind, period, rows, kinds = BELIEVED[name]
    report = check_report(answer(shared_file(f"quirks/{name}")), kind, month_end=period.month_end, as_of=period.as_of)
    assert len(report.rows) == rows
    assert tuple(finding.kind for finding in report.findings) == kinds


@pytest.mark.parametrize("name", REFUSED)
def test_awkward_files_that_are_refused(name: str) -> None:
    """Of the awkward real files those that are cut, empty, of another period or no report are refused, each with its kind. [R6.2]"""
    kind, period, word = REFUSED[name]
    with pytest.raises(TransientSourceError) as caught:
        check_report(answer(shared_file(f"quirks/{name}")), kind, month_end=period.month_end, as_of=period.as_of)
    assert caught.value.kind == word


def test_no_awkward_file_is_left_out() -> None:
    """Every awkward real file is either believed or refused by a test here. [R10.3]"""
    if not FILES.is_dir():
        pytest.skip("no real files lie beside this checkout")
    assert {path.name for path in (FILES / "quirks").glob("*.csv")} == BELIEVED.keys() | REFUSED.keys()


def quirk(name: str, kind: ReportKind) -> Report[Row]:
    """Return an awkward real file, read."""
    return read_report(shared_file(f"quirks/{name}"), kind)


def test_awkward_cells() -> None:
    """Accents in either encoding, line breaks, codes of clubs in no division, dates in one cell, N/A and thousands arrive as what they are. [R3.2]"""
    accents = [row.club_name for row in as_report(quirk("names-commas-quotes-accents.csv", ReportKind.CLUBS), ClubRow).rows]
    western = [row.club_name for row in as_report(quirk("names-cp1252.csv", ReportKind.CLUBS), ClubRow).rows]
    assert set(western) < set(accents)
    assert {"Speak, Lead, Succeed Toastmasters", 'The "Quoted" Club'} <= set(western)
    broken = as_report(quirk("newline-in-name.csv", ReportKind.CLUBS), ClubRow)
    assert broken.rows[0].club_name == "Two Line\r\nClub"
    unaligned = as_report(quirk("unaligned-0D-0A.csv", ReportKind.CLUBS), ClubRow).rows[1]
    assert (unaligned.division and unaligned.division.id, unaligned.area and unaligned.area.id) == ("0D", "0A")
    dates = [row.dates for row in as_report(quirk("susp-leading-space.csv", ReportKind.DISTRICT), DistrictRow).rows]
    assert [found and (found.charter, found.suspend) for found in dates] == [
        None,
        (None, date(2025, 3, 31)),
        (date(2024, 8, 5), None),
        (date(2022, 7, 1), date(2023, 1, 23)),
        (None, date(2025, 4, 9)),
    ]
    second = as_report(quirk("percent-NA.csv", ReportKind.SUMMARY), SummaryRow).rows[1]
    assert (second.payment_growth, second.club_growth, second.paid_club_base, second.paid_clubs) == (None, None, 0, 118)
    thousands = as_report(quirk("thousands-separator.csv", ReportKind.SUMMARY), SummaryRow)
    assert {row.total_payments for row in thousands.rows} == {1234}
    pieces = as_report(quirk("as-of-in-DISTRICT-column.csv", ReportKind.SUMMARY), SummaryRow)
    assert [row.district for row in pieces.rows] == ["02", "07", "09", "15"]
