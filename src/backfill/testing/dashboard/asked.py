"""What a request asks the dashboard for, read from its address alone."""

from __future__ import annotations

from datetime import date
from typing import Self
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from backfill.testing.dashboard.dates import month_end, read_date, read_year
from backfill.testing.dashboard.report import SUMMARY

EXPORT = "export.aspx"


@frozen
class Asked:
    """A request, taken apart.

    Attributes:
        path: The path of the address.
        year: The program year that the path begins with; ``None`` at the root.
        page: The last part of the path, in small letters.
        query: The parameters; the first value of each.
        report: The report asked for; empty for a page.
        district: The district; empty for the summary.
        month_slot: The month-end slot as it was written.
        as_of_slot: The as-of slot as it was written.
    """

    path: str
    year: int | None
    page: str
    query: dict[str, str]
    report: str = ""
    district: str = ""
    month_slot: str = ""
    as_of_slot: str = ""

    @property
    def month(self) -> date | None:
        """The month asked for, by its last day; ``None`` where the slot is empty or no date."""
        day = read_date(self.month_slot)
        return month_end(day) if day else None

    @property
    def as_of(self) -> date | None:
        """The as-of asked for; ``None`` where the slot is empty or no date."""
        return read_date(self.as_of_slot)

    @classmethod
    def of(cls, target: str) -> Self:
        """Take the target of a request apart."""
        address = urlsplit(target)
        folder, _, rest = address.path.removeprefix("/").partition("/")
        year = read_year(folder)
        page = (rest if year is not None else address.path.removeprefix("/")).lower()
        query = {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
        if page != EXPORT:
            return cls(address.path, year, page, query)
        report, *slots = query.get("report", "").split("~")
        if report == SUMMARY:
            slots = ["", *slots]
        district, month, as_of = [*slots, "", "", ""][:3]
        return cls(address.path, year, page, query, report, district, month, as_of)
