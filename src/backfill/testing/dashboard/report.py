"""One report file: its place in an archive, and its bytes in three parts that are never interpreted further than needed."""

from __future__ import annotations

import re
from datetime import date
from typing import Self

from attrs import frozen

from backfill.testing.dashboard.dates import MONTHS, month_end, read_date, read_year, year_of, year_text

SUMMARY = "districtsummary"
DISTRICT_REPORTS = ("clubperformance", "divisionperformance", "districtperformance")
REPORTS = (SUMMARY, *DISTRICT_REPORTS)

_NAME = re.compile(r"(\w+)(?:~(\w+))?\.csv", re.ASCII)
_FOOTER = re.compile(rb'"?Month of ([A-Z][a-z]{2})[a-z]*, As of (\d{1,2}/\d{1,2}/\d{4})"?[\s,]*')


@frozen(order=True)
class ReportKey:
    """What a report shows.

    Attributes:
        month: The last day of the month that the figures belong to.
        as_of: The day on which they stood so.
        report: The dashboard's name of the report.
        district: The district; empty for the summary of all districts.
    """

    month: date
    as_of: date
    report: str
    district: str = ""

    @property
    def path(self) -> str:
        """Where an archive keeps it, as ``2022-2023/2023-01-31/2023-02-08/clubperformance~91.csv``."""
        name = f"{self.report}~{self.district}" if self.district else self.report
        return f"{year_text(year_of(self.month))}/{self.month}/{self.as_of}/{name}.csv"

    @classmethod
    def of_path(cls, path: str) -> Self:
        """Return what the file at *path* in an archive shows.

        Raises:
            ValueError: With the rule that the path breaks.
        """
        year, *folders, name = path.split("/")
        found = _NAME.fullmatch(name)
        report, district = found.groups() if found else ("", None)
        if report not in REPORTS or (district is None) is not (report == SUMMARY):
            names = ", ".join(f"{each}~DISTRICT.csv" for each in DISTRICT_REPORTS)
            raise ValueError(f"a report is called {SUMMARY}.csv, {names}")
        try:
            month, as_of = map(date.fromisoformat, folders)
        except ValueError:
            raise ValueError("a report lies in YEAR/MONTH END/AS-OF/, dates written as YYYY-MM-DD") from None
        if month != month_end(month) or year_of(month) != read_year(year):
            raise ValueError("the second folder is the last day of a month of the program year that the first names")
        return cls(month, as_of, report, district or "")


@frozen
class Report:
    """The bytes of a report: together they are the file.

    Attributes:
        heading: The first line that is not empty, with what precedes it.
        rows: All rows; empty where there are none.
        footer: The last line that is not empty, with what follows it.
    """

    heading: bytes
    rows: bytes
    footer: bytes

    @property
    def content(self) -> bytes:
        """The file as it lies there."""
        return self.heading + self.rows + self.footer

    def with_footer(self, month: date, as_of: date) -> bytes:
        """Return the file with another footer."""
        return self.heading + self.rows + footer_line(month, as_of)

    def without_rows(self, month: date, as_of: date) -> bytes:
        """Return headings and footer only: what the dashboard says where it has no data."""
        return self.heading + footer_line(month, as_of)


def read_report(content: bytes) -> Report:
    """Take a file apart.

    Raises:
        ValueError: There is no heading, or the last line is not a footer.
    """
    lines = content.splitlines(keepends=True)
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if not filled or read_footer(lines[filled[0]]):
        raise ValueError("a report begins with its headings")
    first, last = filled[0] + 1, filled[-1]
    if not read_footer(lines[last]):
        raise ValueError("a report ends with a line such as 'Month of Jan, As of 02/08/2023'")
    return Report(b"".join(lines[:first]), b"".join(lines[first:last]), b"".join(lines[last:]))


def footer_line(month: date, as_of: date) -> bytes:
    """Return the last line of a report, as the dashboard writes it."""
    return f"Month of {MONTHS[month.month - 1]}, As of {as_of:%m/%d/%Y}\r\n".encode()


def read_footer(line: bytes) -> tuple[int, date] | None:
    """Return the number of the month and the as-of date of a footer, or ``None`` where *line* is none."""
    found = _FOOTER.fullmatch(line.strip())
    if not found or found[1].decode() not in MONTHS:
        return None
    as_of = read_date(found[2].decode())
    return (MONTHS.index(found[1].decode()) + 1, as_of) if as_of else None
