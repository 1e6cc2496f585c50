"""Asks the dashboard for one report after another, and believes no answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Generic

from attrs import evolve, field, frozen

from backfill.errors import DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.model import Document, Finding
from backfill.protocols import Fetch
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.answers import MAX_ATTEMPTS, NoRows, OtherPeriod, check_report
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.dashboard import DashboardDocument, open_years
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reports import Report, as_report
from backfill.toastmasters.rows import RowT

_NO_SUCH_ADDRESS = frozenset({"http_404", "http_410"})


@frozen
class Answer(Generic[RowT]):
    """A report, and the document that it was read from."""

    as_of: date
    report: Report[RowT]
    document: Document = field(repr=False)


@frozen
class Reader:
    """Reads reports through a door. Any thread.

    Attributes:
        fetch: The door.
        base_url: The dashboard's address.
        almanac: What is known of closing months, and learnt here.
        today: The day in UTC.
    """

    fetch: Fetch
    base_url: str
    almanac: Almanac
    today: date

    @property
    def calendar(self) -> ClosingCalendar:
        """What is known of closing months by now."""
        return self.almanac.calendar

    def read(self, wanted: DashboardDocument, row: type[RowT], *, day: date, attempts: int = MAX_ATTEMPTS) -> Answer[RowT]:
        """Return a report, with a finding where another day has the very same rows.

        Raises:
            NoRows: There are none for that day.
            OtherPeriod: The dashboard answered with another month or another day.
            SourceError: It cannot be had, or believed.
        """
        document = self._ask(wanted, attempts)
        report = as_report(document.parsed, row)
        self.almanac.learn(wanted.month, wanted.as_of)
        other = self.almanac.seen_before(wanted.kind, wanted.district, day, document)
        if other is not None:
            same = Finding("same_rows", f"{wanted.name} has the same rows as the report of {other.isoformat()}")
            report = evolve(report, findings=(*report.findings, same))
        return Answer(wanted.as_of, report, document)

    def read_first(self, wanted: DashboardDocument, step_backs: Sequence[date], row: type[RowT], *, day: date) -> Answer[RowT]:
        """Return the report of the first as-of that has it, the wanted one or those to step back to.

        Raises:
            NoRows: None has rows.
            SourceError: As for `read`.
        """
        try:
            return self.read(wanted, row, day=day)
        except (NoRows, OtherPeriod) as error:
            failure: SourceError = error  # it was asked most often, and is about what was asked for
        for as_of in step_backs:
            try:
                return self.read(evolve(wanted, as_of=as_of), row, day=day, attempts=1)
            except (NoRows, OtherPeriod):  # the next step back may have it; what failed first is told
                continue
        raise failure

    def shows(self, month: date, as_of: date, *, attempts: int = 1) -> bool:
        """Return whether *month* is shown, with rows, as of *as_of*; what the answer teaches is learnt.

        Raises:
            SourceError: The answer cannot be had, or believed.
        """
        try:
            self._ask(DashboardDocument(ReportKind.SUMMARY, None, month, as_of), attempts)
        except NoRows:
            return False
        except OtherPeriod as error:
            self.learns(error, month, as_of)
            return False
        self.almanac.learn(month, as_of)
        return True

    def learns(self, error: NoRows | OtherPeriod, month: date, as_of: date) -> bool:
        """Learn from an answer to a question as of *as_of* that shows another month as of that day; return whether it is *month*.

        Nothing is learnt without rows, nor where the as-of is another one as well: it may be no more than the day of the download.
        """
        if not isinstance(error, OtherPeriod) or not error.has_rows or error.as_of != as_of:
            return False
        self.almanac.learn(error.month_end, as_of)
        return error.month_end == month

    # --- within -------------------------------------------------------------------------------------------------------

    def _ask(self, wanted: DashboardDocument, attempts: int) -> Document:
        url, *others = wanted.urls(self.base_url, open_years(self.calendar, self.today))
        if not others:
            return self._ask_at(url, wanted, attempts)
        try:
            return self._ask_at(url, wanted, 1)
        except TransientSourceError as error:  # the year may not be served here any more
            failure = error
        try:
            return self._ask_at(others[0], wanted, attempts)
        except (NoRows, OtherPeriod):
            raise
        except TransientSourceError as error:  # or, so its folder says in its way, it still is
            raise (failure if isinstance(failure, NoRows) else error) from error

    def _ask_at(self, url: str, wanted: DashboardDocument, attempts: int) -> Document:
        def check(document: Document) -> object:
            return check_report(
                document, wanted.kind, month_end=wanted.month, as_of=wanted.as_of, district=wanted.district, max_attempts=attempts
            )

        try:
            return self.fetch(url, name=wanted.name, check=check)
        except DataUnavailable as error:
            if error.kind not in _NO_SUCH_ADDRESS:
                raise
            message = (
                f"{wanted.name}: {error}; the dashboard answers 200 to whatever it has, so look whether its address is right"
            )
            raise PermanentSourceError(message, kind=error.kind, stage="fetch", attempts=error.attempts) from error
