"""Finds a day on the dashboard: under which month and as-of it was published, and what the summary of that edition says."""

from __future__ import annotations

from datetime import date, timedelta

from attrs import evolve, frozen

from backfill.errors import DataUnavailable
from backfill.model import DocumentRef, Edition
from backfill.toastmasters.almanac import Found
from backfill.toastmasters.answers import MAX_ATTEMPTS, NoRows, OtherPeriod
from backfill.toastmasters.asking import Answer, Reader
from backfill.toastmasters.calendar import newest_day
from backfill.toastmasters.dashboard import DashboardDocument
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reports import Report
from backfill.toastmasters.rows import SummaryRow
from backfill.toastmasters.years import month_of, next_month

_DAY = timedelta(days=1)


@frozen
class Published:
    """A day as the dashboard has it.

    Attributes:
        day: The day that the figures describe.
        month: Its month, by its last day.
        as_of: The as-of of its edition.
        summary: The summary of all districts.
        documents: The document that it was read from; empty = there is none, where an archive is all that is asked, and it has no rows.
        step_backs: Earlier as-ofs to try where a report of this one turns out to hold nothing.
        is_by_label: Whether the as-of expected was no more than the label of a page, which may be days too late.
        is_doubted: Whether a later state of the day may be had yet, whatever the calendar says: it is not settled.
    """

    day: date
    month: date
    as_of: date
    summary: Report[SummaryRow]
    documents: tuple[DocumentRef, ...]
    step_backs: tuple[date, ...] = ()
    is_by_label: bool = False
    is_doubted: bool = False

    @property
    def rows(self) -> dict[str, SummaryRow]:
        """The rows of the summary by district, in its order."""
        return {row.district: row for row in self.summary.rows if row.district is not None}


def without_summary(edition: Edition) -> Published:
    """Return the day of *edition*, whose as-of is known, where its summary cannot be had: nothing is compared with it then."""
    nothing: Report[SummaryRow] = Report(ReportKind.SUMMARY, None, (), 0, (), frozenset())
    return Published(edition.day, month_of(edition.day), edition.as_of or edition.day, nothing, (), is_doubted=True)


def find_day(reader: Reader, edition: Edition) -> Published:
    """Return the day of *edition* as it was published.

    Raises:
        DataUnavailable: The day has no figures; its kind says why: that of the gap, ``closing``, or ``no_rows``.
        SourceError: The summary cannot be had, or believed.
    """
    if edition.gap is not None:
        message = f"{edition.day} has no figures of its own on the dashboard ({edition.gap})"
        raise DataUnavailable(message, kind=str(edition.gap))
    day, month = edition.day, month_of(edition.day)
    if day != month:
        answer, found = _ordinary(reader, day, month), Found(day)
    else:
        answer, found = _month_end(reader, edition)
    return Published(
        day,
        month,
        answer.as_of,
        answer.report,
        (answer.document.ref,),
        found.step_backs,
        is_by_label=found.is_by_label,
        is_doubted=found.is_doubted,
    )


def _ordinary(reader: Reader, day: date, month: date) -> Answer[SummaryRow]:
    """Return the summary of an ordinary day, which may turn out to belong to the closing of the month before."""
    before = reader.calendar.close_of(reader.calendar.month_before(month))
    wanted = _summary_of(month, day)
    asked = 0
    if before.through < day <= before.latest:
        try:
            return reader.read(wanted, SummaryRow, day=day, attempts=1)
        except (NoRows, OtherPeriod) as error:
            if reader.learns(error, before.month, day) or reader.shows(before.month, day):
                message = f"{day} has no figures of its own: the dashboard was still closing {before.month:%Y-%m}"
                raise DataUnavailable(message, kind="closing", stage="fetch") from error
            asked = 1
    try:
        return reader.read(wanted, SummaryRow, day=day, attempts=MAX_ATTEMPTS - asked)
    except NoRows as error:
        raise _nothing(day, error, asked) from error
    except OtherPeriod as error:
        error.attempts += asked
        if asked and not error.has_rows and (error.month_end, error.as_of) == (before.month, day):
            raise _nothing(day, error) from error  # nor is there anything of the month that its footer names
        raise


def _month_end(reader: Reader, edition: Edition) -> tuple[Answer[SummaryRow], Found]:
    """Return the summary of a month's last as-of, and how that was found."""
    day = month = edition.day
    found = reader.almanac.found(day, reader.today) or _told(reader, month) or _search(reader, month)
    try:
        answer = reader.read_first(_summary_of(month, found.as_of), found.step_backs, SummaryRow, day=day)
    except NoRows as error:
        raise _nothing(day, error) from error
    if answer.as_of != found.as_of:
        left = tuple(as_of for as_of in found.step_backs if as_of < answer.as_of)
        found = evolve(found, as_of=answer.as_of, step_backs=left, is_doubted=not found.is_by_label)
    reader.almanac.note_found(day, reader.today, found)
    return answer, found


def _told(reader: Reader, month: date) -> Found | None:
    """Return the month's last as-of, or the newest before it, as far as the calendar knows; ``None`` = it has to be searched for."""
    close = reader.calendar.close_of(month)
    if close.as_of is None:
        return None
    as_of = min(close.as_of, newest_day(reader.today))
    return Found(as_of, reader.calendar.step_backs(month, as_of), is_by_label=close.earliest < close.latest)


def _search(reader: Reader, month: date) -> Found:
    """Return the last as-of of a month whose close is not known; in few requests, of which only that for the newest is repeated."""
    search = reader.calendar.search(month, today=reader.today)
    newest, following = search.newest, next_month(month)
    limit = min(search.latest, newest)
    while (probe := search.next_probe) is not None:
        shown = reader.shows(month, probe, attempts=MAX_ATTEMPTS if probe == newest else 1)
        if not shown and probe > month and not reader.calendar.knows(following, probe):
            reader.shows(following, probe)  # which tells an as-of after the close from one that is missing
        search = search.answered(probe, shown=shown)
    end = max(search.candidates, default=newest)  # there are none where the clock is behind what is known: the month is open then
    as_of, is_doubted = _confirmed(reader, month, end, limit)
    return Found(as_of, reader.calendar.step_backs(month, as_of), is_doubted=is_doubted)


def _confirmed(reader: Reader, month: date, end: date, limit: date) -> tuple[date, bool]:
    """Return *end*, or a later as-of that the search has missed, and whether there may be a later one still.

    It is beyond doubt when the next month was shown on the day after it; or later, and nothing in between: after June closed, nothing
    is given out for days.
    """
    after, begun = end + _DAY, reader.calendar.shown_after(month)
    if begun == after or reader.calendar.knows(next_month(month), after):
        return end, False
    if begun is None or begun < after or end >= limit:
        return end, True
    until = min(begun - _DAY, limit)
    between = (until - number * _DAY for number in range((until - end).days))
    later = (as_of for as_of in between if reader.shows(month, as_of, attempts=MAX_ATTEMPTS))
    return next(later, end), False


def _summary_of(month: date, as_of: date) -> DashboardDocument:
    return DashboardDocument(ReportKind.SUMMARY, None, month, as_of)


def _nothing(day: date, error: NoRows | OtherPeriod, asked: int = 0) -> DataUnavailable:
    message = f"nothing was published for {day}: {error}"
    return DataUnavailable(message, kind="no_rows", stage="fetch", attempts=error.attempts + asked)
