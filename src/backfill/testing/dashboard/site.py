"""The dashboard's behaviour as a function: an archive, what is asked, and the day on which it is asked, give an answer.

The letters and the forms of addresses are described in the how-to page "Test against the dashboard".
"""

from __future__ import annotations

from datetime import date
from http import HTTPStatus

from attrs import evolve

from backfill.testing.dashboard.answer import Answer, make_answer, make_error_page, make_page, make_redirect
from backfill.testing.dashboard.archive import ReportArchive
from backfill.testing.dashboard.asked import EXPORT, Asked
from backfill.testing.dashboard.dates import FIRST_YEAR, JULY, ONE_DAY, month_before, months_of, year_of
from backfill.testing.dashboard.pages import PAGES, make_report_page
from backfill.testing.dashboard.report import REPORTS, SUMMARY, ReportKey

_FILE_NAMES = {
    SUMMARY: "District_Summary.csv",
    "clubperformance": "Club_Performance.csv",
    "divisionperformance": "Division_Performance.csv",
    "districtperformance": "District_Performance.csv",
}
_ERROR_PAGE = "error.aspx"
_REWRITE_ERROR = "URL Rewrite Module Error."


class Site:
    """The dashboard over one archive. Pure, and so any thread.

    Args:
        archive: The reports that it has.
    """

    def __init__(self, archive: ReportArchive) -> None:
        self.archive = archive

    def live_year(self, today: date) -> int:
        """Return the program year that the root serves: the one of the month that is open, so that early July is still June's."""
        return year_of(self.archive.windows.newest_on(today))

    def answer(self, asked: Asked, today: date) -> Answer:
        """Answer a request made on *today*."""
        live = self.live_year(today)
        refusal = self._refuse(asked, live)
        if refusal:
            return refusal
        if asked.page != EXPORT:
            return make_report_page(self.archive, asked, today, live=live)
        return self._live(asked, today, live) if asked.year is None else self._finished(asked, today, asked.year)

    @staticmethod
    def _refuse(asked: Asked, live: int) -> Answer | None:
        """Return the answer to what is not served at all, or ``None``."""
        year = asked.year
        if asked.page not in (EXPORT, _ERROR_PAGE, *PAGES) or (year is not None and year < FIRST_YEAR):
            return make_page("404 - File or directory not found.", status=HTTPStatus.NOT_FOUND)
        if year == live:
            return evolve(make_page(_REWRITE_ERROR, status=HTTPStatus.INTERNAL_SERVER_ERROR), reason=_REWRITE_ERROR)
        if asked.page == _ERROR_PAGE:
            return make_error_page()
        unknown = asked.page == EXPORT and (asked.report not in REPORTS or asked.query.get("type", "").upper() != "CSV")
        return make_redirect(asked.path) if unknown or (year is not None and year > live) else None

    def _live(self, asked: Asked, today: date, live: int) -> Answer:
        """Answer at the root: the open year, whatever year is asked; an as-of counts only beside a month, whatever month."""
        day = asked.as_of
        if not asked.month_slot or day is None or self.live_year(day) < live:
            return self._current(asked, today, live)
        return self._state(asked, self.archive.windows.newest_on(day), day, today)

    def _current(self, asked: Asked, today: date, live: int) -> Answer:
        states = self.archive.find(asked.report, asked.district, year=live, until=today)
        if states:
            return self._file(max(states, key=lambda key: key.as_of))
        yesterday = today - ONE_DAY
        month = self.archive.windows.newest_on(yesterday)
        window = self.archive.windows.of(month)
        return self._nothing(asked, month, min(yesterday, window.last) if window else yesterday)

    def _finished(self, asked: Asked, today: date, year: int) -> Answer:
        """Answer for a year that is over: month end and as-of are honoured; what is no date counts as left out."""
        month, day = asked.month, asked.as_of
        if month is None:
            return self._latest(asked, months_of(year)[-1], today)
        if day is None:
            return self._latest(asked, month, today) if year_of(month) == year else self._nothing(asked, month, today)
        shown = self.archive.windows.open_on(day) or month
        if year_of(month) != year or not (year_of(shown) == year or (month.month == JULY and shown == month_before(month))):
            return self._nothing(asked, month, day)
        return self._state(asked, month, day, today)

    def _latest(self, asked: Asked, month: date, today: date) -> Answer:
        """Answer with the last state of a month, stamped with the day of the request as if it were one of today."""
        states = self.archive.find(asked.report, asked.district, month=month, until=today)
        if not states:
            return self._nothing(asked, month, today)
        newest = max(states, key=lambda key: key.as_of)
        return self._csv(self.archive[newest].with_footer(month, today), ReportKey(month, today, asked.report, asked.district))

    def _state(self, asked: Asked, month: date, day: date, today: date) -> Answer:
        """Answer with a state of *day*: of *month*, or of the month that is open on that day."""
        opened = self.archive.windows.open_on(day) or month
        for candidate in (month, opened):
            key = ReportKey(candidate, day, asked.report, asked.district)
            if key in self.archive and day <= today:
                return self._file(key)
        return self._nothing(asked, opened, day)

    def _file(self, key: ReportKey) -> Answer:
        return self._csv(self.archive[key].content, key)

    def _nothing(self, asked: Asked, month: date, day: date) -> Answer:
        """Answer that there is no data: headings, a footer that looks right, and no rows."""
        headings = self.archive.headings(asked.report, month)
        return self._csv(headings.without_rows(month, day), ReportKey(month, day, asked.report, asked.district))

    @staticmethod
    def _csv(content: bytes, shows: ReportKey) -> Answer:
        answer = make_answer(content, "text/csv; charset=utf-8", shows=shows)
        return answer.with_header("Content-Disposition", f"attachment; filename={_FILE_NAMES[shows.report]}")
