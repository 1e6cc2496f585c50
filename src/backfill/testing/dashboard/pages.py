"""The HTML pages: what harvesters read from them, which is the lists to choose from and the name of the export."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from html import escape

from backfill.testing.dashboard.answer import Answer, make_page
from backfill.testing.dashboard.archive import ReportArchive
from backfill.testing.dashboard.asked import Asked
from backfill.testing.dashboard.dates import FIRST_YEAR, JUNE, MONTHS, months_of, read_date, slot, year_text
from backfill.testing.dashboard.report import SUMMARY, Report, ReportKey

PAGES = {
    "": SUMMARY,
    "default.aspx": SUMMARY,
    "club.aspx": "clubperformance",
    "division.aspx": "divisionperformance",
    "district.aspx": "districtperformance",
}
"""Which page shows which report."""

_PREFIX = "cpContent_TopControls1_"
Option = tuple[str, str, bool]  # value, text, selected


def make_report_page(archive: ReportArchive, asked: Asked, today: date, *, live: int) -> Answer:
    """Return a page with its lists: districts, program years, months that exist, as-of dates, exports; and the report's rows.

    Without a month that exists it shows the newest; without an as-of of that month, the last one with data.

    Args:
        archive: The reports.
        asked: The request: parameters ``id`` (district), ``month`` (1-12) and ``day`` (M/D/YYYY).
        today: The day of the request.
        live: The program year that is open.
    """
    year = live if asked.year is None else asked.year
    report = PAGES[asked.page]
    district = "" if report == SUMMARY else asked.query.get("id", "")
    begun = [month for month in months_of(year) if (window := archive.windows.of(month)) and window.first <= today]
    month = next((each for each in begun if str(each.month) == asked.query.get("month")), begun[-1])
    window = archive.windows.of(month)
    as_ofs = window.as_ofs(today) if window else []
    default = min(window.last, today) if window else today
    chosen = read_date(asked.query.get("day", ""))
    as_of = chosen if chosen in as_ofs and chosen is not None else default
    final = year < live and month.month == JUNE and as_of == default
    export = "~".join([report, *([district] if district else []), slot(month), "" if final else slot(as_of), year_text(year)])
    shown = ReportKey(month, as_of, report, district)
    lists = [
        _select("ddlDistricts", [(each, f"District {each}", each == district) for each in _districts(archive, month)]),
        _select("ddlProgramYear", [(year_text(y), year_text(y), y == year) for y in range(live, FIRST_YEAR - 1, -1)]),
        _select("ddlMonth", [(str(each.month), MONTHS[each.month - 1], each == month) for each in begun]),
        _select("ddlAsOf", [(_value(day, default), f"As of {_day(day)}", day == as_of) for day in as_ofs]),
        _select("ddlExport", [("", "Export", True), (export, "CSV", False)]),
    ]
    return make_page("", "".join(lists) + (_table(archive[shown]) if shown in archive else ""))


def _districts(archive: ReportArchive, month: date) -> list[str]:
    summaries = archive.find(SUMMARY, "", month=month)
    if not summaries:
        return []
    summary = archive[summaries[-1]]
    rows = csv.DictReader((summary.heading + summary.rows).decode(errors="replace").splitlines())
    return sorted({row["DISTRICT"] for row in rows if row.get("DISTRICT")})


def _value(day: date, default: date) -> str:
    return "" if day == default else slot(day)


def _day(day: date) -> str:
    return f"{day.day}-{MONTHS[day.month - 1]}-{day.year}"


def _select(name: str, options: Iterable[Option]) -> str:
    chosen = {True: ' selected="selected"', False: ""}
    lines = [f'<option{chosen[on]} value="{escape(value)}">{escape(text)}</option>' for value, text, on in options]
    return "\r\n".join([f'<select name="{name}" id="{_PREFIX}{name}">', *lines, "</select>", ""])


def _table(report: Report) -> str:
    rows = csv.reader((report.heading + report.rows).decode(errors="replace").splitlines())
    cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "\r\n".join(["<table>", *(f"<tr>{row}</tr>" for row in cells), "</table>", ""])
