"""Exports of the dashboard made by hand: any report, in the layout of any program year, as the dashboard writes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import strategies as st

from backfill.model import Document
from backfill.toastmasters import cells
from backfill.toastmasters.cells import ClubDates, Unit
from backfill.toastmasters.identifiers import district_in_file
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.layouts import LAYOUTS
from backfill.toastmasters.reports import Report, as_report, read_report
from backfill.toastmasters.rows import ClubRow, DistrictRow, DivisionRow, RowT, SummaryRow

SHARED = Path(__file__).parents[2] / "shared" / "data"
"""Real files that are not part of the project; where a checkout lies beside them, tests read them too."""

Cells = Mapping[str, str]
"""One row: cells by field of the row class; those left out are blank."""


def shared_file(path: str) -> bytes:
    """Return a real file, or skip the test."""
    file = SHARED / "dashboard" / path
    if not file.exists():
        pytest.skip(f"the real file {path} does not lie beside this checkout")
    return file.read_bytes()


def footer_of(month: str, as_of: date) -> str:
    """Return a footer as the dashboard writes it."""
    return f"Month of {month}, As of {as_of:%m/%d/%Y}"


def written(header: Sequence[str], rows: Iterable[Sequence[str]], footer: str | None) -> bytes:
    """Return an export as the dashboard writes it: every cell quoted, CRLF, the footer's line without quotes."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return (buffer.getvalue() + ("" if footer is None else footer + "\r\n")).encode()


def export(
    kind: ReportKind,
    rows: Iterable[Cells],
    *,
    year: int = 2022,
    footer: str | None = "Month of Jan, As of 02/08/2023",
    more: Sequence[str] = (),
    without: Iterable[str] = (),
    order: Callable[[list[str]], Sequence[str]] = list,
    respell: Callable[[str], str] = str,
) -> bytes:
    """Return an export in the layout of a program year.

    Args:
        kind: The report.
        rows: Its rows.
        year: The program year whose layout it has.
        footer: Its last line; ``None`` = none.
        more: Headings of further columns; their cells are found under the heading.
        without: Fields whose columns are left out.
        order: Puts the fields in order.
        respell: Changes how a heading is written.
    """
    headings = {key: heading for key, heading in LAYOUTS[kind].headings(year).items() if key not in set(without)}
    headings |= {heading: heading for heading in more}
    keys = order(list(headings))
    table = [[row.get(key, "") for key in keys] for row in rows]
    return written([respell(headings[key]) for key in keys], table, footer)


def clubs(rows: Iterable[Cells], **options: object) -> Report[ClubRow]:
    """Return a club report with these rows."""
    return as_report(read_report(export(ReportKind.CLUBS, rows, **options), ReportKind.CLUBS), ClubRow)  # type: ignore[arg-type] # passed through


def payments(rows: Iterable[Cells], **options: object) -> Report[DistrictRow]:
    """Return a district report with these rows."""
    return as_report(read_report(export(ReportKind.DISTRICT, rows, **options), ReportKind.DISTRICT), DistrictRow)  # type: ignore[arg-type] # as above


def visits(rows: Iterable[Cells], **options: object) -> Report[DivisionRow]:
    """Return a division report with these rows."""
    return as_report(read_report(export(ReportKind.DIVISIONS, rows, **options), ReportKind.DIVISIONS), DivisionRow)  # type: ignore[arg-type] # as above


def summary(rows: Iterable[Cells], **options: object) -> Report[SummaryRow]:
    """Return a summary of all districts with these rows."""
    return as_report(read_report(export(ReportKind.SUMMARY, rows, **options), ReportKind.SUMMARY), SummaryRow)  # type: ignore[arg-type] # as above


def answer(content: bytes) -> Document:
    """Return an answer of the dashboard."""
    return Document.of("http://127.0.0.1/export.aspx", content, name="the answer")


def only(report: Report[RowT]) -> RowT:
    """Return the row of a report that has one."""
    (row,) = report.rows
    return row


_names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
_days = st.dates(date(2000, 1, 1), date(2060, 12, 31))


def _event(dates: ClubDates) -> str:
    parts = [f"{word} {day:%m/%d/%y}" for word, day in (("Charter", dates.charter), ("Susp", dates.suspend)) if day is not None]
    return " ".join(parts)


CellStrategy = st.SearchStrategy[tuple[str, object]]


def _written_as(numbers: st.SearchStrategy[int], value: Callable[[int], object], *forms: str) -> CellStrategy:
    """Return cells of *numbers*, each in one of several *forms*, with what they say."""
    return st.tuples(numbers, st.sampled_from(forms)).map(lambda drawn: (drawn[1].format(value(drawn[0])), value(drawn[0])))


CELLS: Mapping[Callable[[str], object], CellStrategy] = {
    cells.word: st.integers(1, 99_999_999).map(lambda value: (f"{value:08d}", f"{value:08d}")),
    cells.text: _names.map(lambda value: (value, value)),
    cells.count: _written_as(st.integers(-99_999, 99_999), int, "{}", "{:,}", " {} "),
    cells.goals: _written_as(st.integers(0, 10), int, "{}", "{}/10"),
    cells.percent: _written_as(
        st.integers(-99_999, 999_999), lambda number: Decimal(number) / 100, "{:.2f}%", "{:.2f}", "{:,.2f}%"
    ),
    cells.flag: st.sampled_from([("Y", True), ("N", False), ("yes", True), ("", None)]),
    cells.level: st.sampled_from([("D", "D"), ("S", "S"), ("P", "P"), ("M", "M"), ("", None), ("Select Distinguished", "S")]),
    cells.division: st.sampled_from([("A", Unit("A", "Division A")), ("0D", Unit("0D", "Division 0D")), ("", None)]),
    cells.area: st.sampled_from([("01", Unit("01", "Area 01")), ("Area 12", Unit("12", "Area 12")), ("", None)]),
    cells.club_dates: st.builds(ClubDates, st.none() | _days, st.none() | _days).map(
        lambda dates: (_event(dates), dates if dates != ClubDates() else None)
    ),
    district_in_file: st.sampled_from([("61", "61"), ("F", "F"), ("5", "05"), ("05", "05"), ("117", "117")]),
}
"""For each kind of published column: cells, and what they say."""


@st.composite
def rows_of(draw: st.DrawFn, kind: ReportKind, year: int) -> list[dict[str, tuple[str, object]]]:
    """Draw rows, as cells with what they say by field; no two are about the same."""
    layout = LAYOUTS[kind]
    keys = layout.headings(year)
    row = st.fixed_dictionaries({key: CELLS[layout.columns[key].read] for key in keys})
    about = "district" if kind is ReportKind.SUMMARY else "club_number"
    return draw(st.lists(row, max_size=3, unique_by=lambda item: str(item[about][1]).lstrip("0")))
