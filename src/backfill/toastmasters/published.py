"""Finds a day on the dashboard: under which month and as-of it was published, and what the summary of that edition says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Generic

from attrs import evolve, field, frozen

from backfill.errors import DataUnavailable, SourceError, TransientSourceError
from backfill.model import Document, Edition, Finding
from backfill.protocols import Fetch
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.answers import MAX_ATTEMPTS, NoRows, OtherPeriod, check_report
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.dashboard import DashboardDocument, open_years
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reports import Report, as_report
from backfill.toastmasters.rows import RowT, SummaryRow
from backfill.toastmasters.years import month_of, next_month

_NOT_THIS_ONE = (NoRows, OtherPeriod)


@frozen
class Published:
    """A day as the dashboard has it.

    Attributes:
        day: The day that the figures describe.
        month: Its month, by its last day.
        as_of: The as-of of its edition.
        summary: The summary of all districts.
        fetched_at: When that was fetched (aware, UTC).
        step_backs: Earlier as-ofs to try where a report of this one turns out to hold nothing.
    """

    day: date
    month: date
    as_of: date
    summary: Report[SummaryRow]
    fetched_at: datetime
    step_backs: tuple[date, ...] = ()

    @property
    def rows(self) -> dict[str, SummaryRow]:
        """The rows of the summary by district, in its order."""
        return {row.district: row for row in self.summary.rows if row.district is not None}


@frozen
class Answer(Generic[RowT]):
    """A report, and the document that it was read from."""

    as_of: date
    report: Report[RowT]
    document: Document = field(repr=False)


@frozen
class Reader:
    """Asks for reports, and believes no answer. Any thread.

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
        failure: SourceError | None = None
        for as_of in (wanted.as_of, *step_backs):
            attempts = MAX_ATTEMPTS if as_of == wanted.as_of else 1
            try:
                return self.read(evolve(wanted, as_of=as_of), row, day=day, attempts=attempts)
            except _NOT_THIS_ONE as error:
                failure = failure or error  # the first was asked most often, and is about what was asked for
        assert failure is not None  # noqa: S101 - the loop has at least one turn
        raise failure

    def find(self, edition: Edition) -> Published:
        """Return the day of *edition* as it was published.

        Raises:
            DataUnavailable: The day has no figures; its kind says why: that of the gap, ``closing``, or ``no_rows``.
            SourceError: The summary cannot be had, or believed.
        """
        if edition.gap is not None:
            message = f"{edition.day} has no figures of its own on the dashboard ({edition.gap})"
            raise DataUnavailable(message, kind=str(edition.gap))
        day, month = edition.day, month_of(edition.day)
        known = self.almanac.found(day, self.today)
        if day != month:
            answer = self._ordinary(day, month)
        elif known is not None:
            answer = self._summary(day, month, known, ())
        elif edition.as_of is not None:
            answer = self._summary(day, month, edition.as_of, self.calendar.step_backs(edition))
        else:
            answer = self._search(day, month)
        self.almanac.note_found(day, self.today, answer.as_of)
        back = self.calendar.step_backs(evolve(edition, as_of=answer.as_of))
        return Published(day, month, answer.as_of, answer.report, answer.document.fetched_at, back)

    # --- within -------------------------------------------------------------------------------------------------------

    def _ask(self, wanted: DashboardDocument, attempts: int) -> Document:
        urls = wanted.urls(self.base_url, open_years(self.calendar, self.today))
        for url in urls[:-1]:
            try:
                return self._ask_at(url, wanted, 1)
            except TransientSourceError:
                continue  # the year may not be served here any more
        return self._ask_at(urls[-1], wanted, attempts)

    def _ask_at(self, url: str, wanted: DashboardDocument, attempts: int) -> Document:
        def check(document: Document) -> object:
            return check_report(
                document, wanted.kind, month_end=wanted.month, as_of=wanted.as_of, district=wanted.district, max_attempts=attempts
            )

        return self.fetch(url, name=wanted.name, check=check)

    def _summary(self, day: date, month: date, as_of: date, steps: Sequence[date]) -> Answer[SummaryRow]:
        wanted = DashboardDocument(ReportKind.SUMMARY, None, month, as_of)
        try:
            return self.read_first(wanted, steps, SummaryRow, day=day)
        except NoRows as error:
            raise _nothing(day, error) from error

    def _ordinary(self, day: date, month: date) -> Answer[SummaryRow]:
        """Return the summary of an ordinary day, which may turn out to belong to the closing of the month before."""
        before = self.calendar.close_of(self.calendar.month_before(month))
        doubtful = before.through < day <= before.latest
        wanted = DashboardDocument(ReportKind.SUMMARY, None, month, day)
        try:
            return self.read(wanted, SummaryRow, day=day, attempts=1 if doubtful else MAX_ATTEMPTS)
        except OtherPeriod as error:
            if doubtful and (error.month_end, error.as_of) == (before.month, day):
                self.almanac.learn(before.month, day)
                raise _closing(day, before.month) from error
            raise
        except NoRows as error:
            if doubtful and self._shows(before.month, day):
                raise _closing(day, before.month) from error
            raise _nothing(day, error) from error

    def _search(self, day: date, month: date) -> Answer[SummaryRow]:
        """Return the last as-of of a month whose close is not known, and its summary; few requests, each in one attempt."""
        search = self.calendar.search(month, today=self.today)
        while (probe := search.next_probe) is not None:
            shown = self._shows(month, probe)
            if not shown and probe > month:
                self._shows(next_month(month), probe)  # which tells an as-of after the close from one that is missing
            search = search.answered(probe, shown=shown)
        steps = search.candidates
        if not steps:
            message = f"{day} is not published yet"
            raise DataUnavailable(message, kind="not-published-yet")
        return self._summary(day, month, steps[-1], ())

    def _shows(self, month: date, as_of: date) -> bool:
        """Return whether the month is shown, with rows, as of *as_of*; what that teaches is learnt."""
        try:
            self._ask(DashboardDocument(ReportKind.SUMMARY, None, month, as_of), 1)
        except NoRows:
            return False
        except OtherPeriod as error:
            if error.as_of == as_of and error.month_end == next_month(month):
                self.almanac.learn(error.month_end, as_of)
            return False
        self.almanac.learn(month, as_of)
        return True


def _closing(day: date, month: date) -> DataUnavailable:
    message = f"{day} has no figures of its own: the dashboard was still closing {month:%Y-%m}"
    return DataUnavailable(message, kind="closing", stage="fetch")


def _nothing(day: date, error: NoRows) -> DataUnavailable:
    return DataUnavailable(f"nothing was published for {day}: {error}", kind="no_rows", stage="fetch", attempts=error.attempts)
