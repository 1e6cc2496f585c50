"""A report, read: its rows with typed fields, its footer, and what a reader should know of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Generic, cast

from attrs import evolve, field, frozen

from backfill.model import Finding
from backfill.model.checks import sized
from backfill.toastmasters.csvfile import read_table
from backfill.toastmasters.footer import Footer, parse_footer
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.layouts import LAYOUTS
from backfill.toastmasters.reading import Notes, listed, read_rows
from backfill.toastmasters.rows import Row, RowT, RowT_co
from backfill.toastmasters.years import program_year


@frozen
class Report(Generic[RowT_co]):
    """One export of the dashboard.

    Attributes:
        kind: Which report it is.
        footer: Month and as-of date; ``None`` = it has no footer, and may have been cut.
        rows: Its rows in the file's order, one for each district or club.
        lines: How many rows of data the file has, those included that name no district or club, or one again.
        header: Its headings, as they stand.
        columns: The fields of the rows that the file has a column for; the others are ``None`` throughout.
        missing: Headings that it should have in its program year, and has not under any name.
        layout: The first program year of the layout that its headings are nearest to.
        findings: What a reader should know; without day and district, which the caller adds.
    """

    kind: ReportKind
    footer: Footer | None
    rows: tuple[RowT_co, ...] = field(repr=sized("rows"))
    lines: int
    header: tuple[str, ...] = field(repr=sized("headings"))
    columns: frozenset[str] = field(repr=sized("columns"))
    missing: tuple[str, ...] = ()
    layout: int = 0
    findings: tuple[Finding, ...] = ()


def read_report(content: bytes, kind: ReportKind, *, requested: date | None = None) -> Report[Row]:
    """Return the report that *content* holds, whatever state it is in: distrust is `check_report`'s part. Pure; any thread.

    Columns are found by heading. Cells that are blank, ``N/A`` or cut off are ``None``; those that cannot be read are ``None``
    and a finding, and their text is kept in the row's `extra`, as are columns that nobody knows. Rows that are not about a
    district or club are dropped. Of rows about the same one, the first in the file counts.

    Args:
        content: The bytes as they came.
        kind: Which report it is meant to be.
        requested: A day of the month that was asked for: settles the year of the footer's month (see `parse_footer`), and the
            program year whose columns are expected where there is no footer.
    """
    layout = LAYOUTS[kind]
    table = read_table(content)
    match = layout.match(table.header)
    notes = Notes(kind)
    if not table.is_utf8:
        notes.add("encoding", "it is not UTF-8, and was read as cp1252")
    footers = (parse_footer(text, requested=requested) for text in reversed(table.footers))
    footer = next((found for found in footers if found is not None), None)
    rows = read_rows(table.rows, layout, match, notes)
    nearest = layout.year_of(table.header)
    month = footer.month_end if footer is not None else requested
    missing = layout.missing(table.header, nearest if month is None else program_year(month).start)
    if missing:
        notes.add("missing_column", f"it has no column {listed(missing)}, which its program year should have")
    named = [heading for position, heading in match.unknown if table.header[position]]
    if named:
        notes.add("unknown_column", f"it has columns that are not known, and kept as they stand: {listed(named)}")
    found = zip(layout.columns, match.positions, strict=True)
    return Report(
        kind=kind,
        footer=footer,
        rows=rows,
        lines=len(table.rows),
        header=table.header,
        columns=frozenset(key for key, position in found if position is not None),
        missing=missing,
        layout=nearest,
        findings=tuple(notes.findings),
    )


def as_report(value: object, row: type[RowT]) -> Report[RowT]:
    """Return *value*, for instance ``document.parsed``, as the report of such rows that it is.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(value, Report) or LAYOUTS[value.kind].row is not row:
        message = f"{value!r} is not a report of {row.__name__}"
        raise TypeError(message)
    return cast("Report[RowT]", value)


def located(findings: Iterable[Finding], day: date, district: str | None = None) -> tuple[Finding, ...]:
    """Return *findings* with the day and the district that they concern."""
    return tuple(evolve(finding, day=day, district=district) for finding in findings)
