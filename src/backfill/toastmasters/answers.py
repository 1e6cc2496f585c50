"""Distrust: whether an answer of the dashboard is what it was asked for.

The dashboard answers 200 to nearly everything: with another month or another day where it does not like the question, with its
error page, with a report of no rows. An answer is taken for the report that was asked for when it has that report's headings, its
footer names the month and the day that were asked for, its rows are of the district, and there are some.

A file is told from a cut one by its footer alone: the shortest whole reports are smaller than many a cut one, so a size proves
nothing. What has no footer counts as cut, headings without rows and nothing at all included. Where the dashboard has no rows for a
day it says so with a footer: the 408 bytes seen after a summary's last publication are its headings and a footer.
"""

from __future__ import annotations

from datetime import date

from backfill.errors import TransientSourceError
from backfill.model import Document
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.layouts import identify
from backfill.toastmasters.reports import Report, read_report
from backfill.toastmasters.rows import Row


class NoRows(TransientSourceError):  # noqa: N818 - reads as what it reports
    """All is right with an answer, but it has no rows. Asked again it may have some; where it has not, there are none for the day."""

    default_kind = "missing_rows"


class OtherPeriod(TransientSourceError):  # noqa: N818 - as above
    """An answer is of another month, or as of another day, than was asked for.

    Attributes:
        month_end: The last day of the month that it is of.
        as_of: The day as of which it is.
        has_rows: Whether it has figures of them; the footer of an empty answer is no more than plausible.
    """

    default_kind = "wrong_period"

    def __init__(
        self,
        message: str = "",
        *,
        month_end: date,
        as_of: date,
        has_rows: bool,
        stage: str | None = None,
        max_attempts: int | None = None,
    ) -> None:
        super().__init__(message, stage=stage, max_attempts=max_attempts)
        self.month_end, self.as_of, self.has_rows = month_end, as_of, has_rows


MAX_ATTEMPTS = 2
"""Asking a third time has not been seen to help: what is wrong is the question or the day, not the moment."""


def check_report(
    document: Document,
    kind: ReportKind,
    *,
    month_end: date,
    as_of: date,
    district: str | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> Report[Row]:
    """Return the report in *document* if it is the one that was asked for. Pure; any thread; for use as `Fetch`'s ``check``.

    Args:
        document: The answer.
        kind: The report that was asked for.
        month_end: The last day of the month that was asked for.
        as_of: The as-of day that was asked for.
        district: The district that was asked for, in any spelling; ``None`` for the summary.
        max_attempts: How often the question is worth asking where the answer is none of that day; one when stepping back from day
            to day. What is no whole report is asked for again all the same.

    Raises:
        NoRows: All is right, but there are no rows (kind ``missing_rows``).
        OtherPeriod: It is of another month or as of another day (kind ``wrong_period``).
        TransientSourceError: It is not what was asked for in another way. The kinds: ``truncated`` (no footer), ``not_csv`` (an
            error page, or whatever else is no report), ``wrong_report``, ``wrong_district``.
        InvalidRequest: *district* cannot name one.
    """
    wanted = None if district is None else normalize_district(district)
    report = read_report(document.content, kind, requested=month_end)
    footer = report.footer
    problem = _misfit(document, report)
    if problem is None and footer is not None and (footer.month_end, footer.as_of) != (month_end, as_of):
        what = (
            f"the answer is of {footer.month_end:%Y-%m} as of {footer.as_of}, where {month_end:%Y-%m} as of {as_of} was asked for"
        )
        raise OtherPeriod(
            f"{document.name}: {what}",
            month_end=footer.month_end,
            as_of=footer.as_of,
            has_rows=bool(report.rows),
            stage="validate",
            max_attempts=max_attempts,
        )
    problem = problem or _wrong_rows(report, wanted)
    if problem is not None:
        word, what = problem
        text = f"{document.name}: {what}"
        if word == NoRows.default_kind:
            raise NoRows(text, stage="validate", max_attempts=max_attempts)
        raise TransientSourceError(text, kind=word, stage="validate", max_attempts=MAX_ATTEMPTS)
    return report


_Problem = tuple[str, str]  # its kind, and what is wrong


def _misfit(document: Document, report: Report[Row]) -> _Problem | None:
    """Return why the answer is no whole report of its kind."""
    if not document.content.strip():
        return "truncated", "the answer is empty"
    found = identify(report.header, report.kind)
    if found is None:
        return "not_csv", f"the answer is no report; it begins with {document.content[:60]!r}"
    if found is not report.kind:
        return "wrong_report", f"the answer has the headings of {found}, where {report.kind} was asked for"
    if report.footer is not None:
        return None
    return "truncated", f"the answer has no footer: it was cut after {report.lines} rows"


def _wrong_rows(report: Report[Row], district: str | None) -> _Problem | None:
    """Return what is wrong with the rows of an answer that is right otherwise."""
    if not report.rows:
        return "missing_rows", "the answer has the right footer, and no rows"
    strangers = {row.district for row in report.rows if row.district is not None} - {district}
    if district is not None and strangers:
        return "wrong_district", f"the answer has rows of {', '.join(sorted(strangers))}, where {district} was asked for"
    return None
