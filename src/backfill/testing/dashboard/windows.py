"""Which month the dashboard shows on which as-of date.

Each month is open for a window of as-of dates, usually from the day after the month before it was closed until some days into
the next month. On a day in no window nothing is published: the weeks of July in which June is closed already, and the future.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date

from attrs import frozen

from backfill.errors import DamagedFile
from backfill.testing.dashboard.dates import ONE_DAY, month_before, month_end

_COLUMNS = ("data_month", "first_as_of", "last_as_of")


@frozen
class Window:
    """The as-of dates of a month.

    Attributes:
        first: The first of them.
        last: The last with data.
        listed: The last that the pages list; a day later than *last* for a few months.
        missing: Days between *first* and *last* that the pages do not list.
    """

    first: date
    last: date
    listed: date
    missing: frozenset[date] = frozenset()

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def as_ofs(self, until: date) -> list[date]:
        """Return the dates that a page lists on the day *until*, the newest first."""
        end = min(self.listed, until)
        days = (date.fromordinal(number) for number in range(end.toordinal(), self.first.toordinal() - 1, -1))
        return [day for day in days if day not in self.missing]


class Windows:
    """The windows of all months. A month about which nothing is known is closed on its last day.

    Args:
        known: Windows by month; ``None`` for a month that the dashboard does not have.
    """

    def __init__(self, known: Mapping[date, Window | None]) -> None:
        self._known = dict(known)

    def of(self, month: date) -> Window | None:
        """Return the window of *month*, or ``None`` for one that never existed."""
        if month in self._known:
            return self._known[month]
        before = month_before(month)
        closed = self._known.get(before)
        return Window((closed.last if closed else before) + ONE_DAY, month, month)

    def open_on(self, day: date) -> date | None:
        """Return the month whose figures *day* shows, or ``None`` where nothing was published on that day."""
        month = month_end(day)
        for candidate in (month, month_before(month)):
            window = self.of(candidate)
            if window and day in window:
                return candidate
        return None

    def newest_on(self, day: date) -> date:
        """Return the month that a visitor of *day* sees first: the open one, else the one that was closed last."""
        month = month_end(day)
        while (window := self.of(month)) is None or window.first > day:
            month = month_before(month)
        return month


def windows_of_files(filed: Iterable[tuple[date, date]]) -> Windows:
    """Return the windows that *filed* pairs of month and as-of suggest: each month lasts until its newest as-of.

    An as-of beyond the end of the following month is the day of a later download, and says nothing.
    """
    closes: dict[date, date] = {}
    for month, as_of in filed:
        if as_of <= month_end(month + ONE_DAY):
            closes[month] = max(as_of, closes.get(month, as_of))
    known: dict[date, Window | None] = {}
    for month in sorted(closes):
        before = month_before(month)
        known[month] = Window(closes.get(before, before) + ONE_DAY, closes[month], closes[month])
    return Windows(known)


def read_windows(text: str, path: str) -> Windows:
    """Return the windows of a calendar file: CSV with ``data_month``, ``first_as_of`` and ``last_as_of``.

    Empty dates mean that the month does not exist. Optional columns: ``page_label``, the newest as-of that a page lists, and
    ``missing_as_of``, dates that it lacks, parted by blanks.

    Raises:
        DamagedFile: A column is missing, or a date is none.
    """
    rows = csv.DictReader(text.splitlines())
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        raise DamagedFile(path, f"a calendar has the columns {', '.join(_COLUMNS)}", "restore the file, or leave it out")
    known: dict[date, Window | None] = {}
    for row in rows:
        try:
            known[month_end(date.fromisoformat(f"{row['data_month']}-01"))] = _window(row)
        except (ValueError, TypeError) as error:
            raise DamagedFile(
                path, f"line {rows.line_num} holds dates: {error}", "write them as YYYY-MM and YYYY-MM-DD"
            ) from error
    return Windows(known)


def _window(row: Mapping[str, str]) -> Window | None:
    if not row["first_as_of"]:
        return None
    first, last = date.fromisoformat(row["first_as_of"]), date.fromisoformat(row["last_as_of"])
    label = row.get("page_label")
    missing = frozenset(map(date.fromisoformat, (row.get("missing_as_of") or "").split()))
    return Window(first, last, date.fromisoformat(label) if label else last, missing)
