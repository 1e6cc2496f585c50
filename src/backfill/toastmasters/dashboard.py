"""The dashboard's documents: their names, their addresses, and which of them a day needs.

A name is what a document is, and never changes. Its address does: the dashboard keeps the program year that is live under its root,
and moves it to a folder of its own when the next one goes live.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from urllib.parse import urlsplit

from attrs import frozen

from backfill.errors import InvalidRequest
from backfill.model import DatedDocument, DocumentRequest, Edition, normalize_district
from backfill.model.checks import as_date
from backfill.toastmasters.calendar import ClosingCalendar, day_of, newest_day
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.years import ProgramYear, month_of, next_month, program_year

DASHBOARD_URL = "https://dashboards.toastmasters.org"

DISTRICT_REPORTS = (ReportKind.CLUBS, ReportKind.DISTRICT, ReportKind.DIVISIONS)
"""The reports of one district, the one that it cannot do without first."""

SWITCH_DAYS = 7
"""Days after the latest as-of that June can have, within which the new program year goes live at the latest. Seen: 2022-08-01 with
June closed as of 07-28, and in July 2026 before June had closed."""

_NAME = re.compile(r"([a-z]+)(?:~([^~]+))?~(\d{4}-\d{2}-\d{2})~(\d{4}-\d{2}-\d{2})", re.ASCII)


@frozen
class DashboardDocument:
    """One document of the dashboard: what is asked for, apart from where.

    Attributes:
        kind: Which report.
        district: Of which district, in the published form (``01``, ``117``, ``F``); ``None`` for the summary of all.
        month: Of which month, by its last day.
        as_of: As of which day.
    """

    kind: ReportKind
    district: str | None
    month: date
    as_of: date

    def __attrs_post_init__(self) -> None:
        month, as_of = as_date("month_end", self.month), as_date("as_of", self.as_of)
        if (self.district is None) != (self.kind is ReportKind.SUMMARY):
            rule = "the summary is of all districts" if self.kind is ReportKind.SUMMARY else "this report is of one district"
            raise InvalidRequest("district", self.district, rule, "pass None for the summary, and one district otherwise")
        if self.district is not None and normalize_district(self.district) != self.district:
            raise InvalidRequest("district", self.district, "surrounded by blanks", "normalize it first")
        if month != month_of(month):
            raise InvalidRequest("month_end", month.isoformat(), "not the last day of a month", f"write {month_of(month)}")
        if as_of < month.replace(day=1):
            rule = f"lies before {month.isoformat()[:7]}, of which nothing can have been given out then"
            raise InvalidRequest("as_of", as_of.isoformat(), rule, "ask for a day of the month, or of its closing")

    @property
    def name(self) -> str:
        """The document's identity: ``clubperformance~61~2023-01-31~2023-02-08``, ``districtsummary~2023-01-31~2023-02-08``."""
        return "~".join([self.kind, *filter(None, [self.district]), self.month.isoformat(), self.as_of.isoformat()])

    @property
    def program_year(self) -> ProgramYear:
        """The program year that it belongs to, by its month: June's figures are given out in July, and belong to the year before."""
        return program_year(self.month)

    def url(self, base_url: str, *, open_year: bool) -> str:
        """Return its address; *open_year* says whether its program year is the live one."""
        year = self.program_year
        slots = [self.kind, *filter(None, [self.district]), _slot(self.month), _slot(self.as_of), str(year)]
        folder = "" if open_year else f"/{year}"
        return f"{base_url.rstrip('/')}{folder}/export.aspx?type=CSV&report={'~'.join(slots)}"

    def urls(self, base_url: str, live: Sequence[ProgramYear]) -> tuple[str, ...]:
        """Return the addresses at which it may be, in the order in which to try them; mostly there is one.

        There are two for a program year that may or may not have been replaced as the live one; *live* is what `open_years` says.
        The root comes first: where it does not serve the year, it answers with figures of another, which a check sees at once, while
        the folder of a live year answers 500, which is tried again and counts as trouble of the host.
        """
        at_root, in_folder = self.url(base_url, open_year=True), self.url(base_url, open_year=False)
        if self.program_year >= live[-1]:
            return (at_root,)
        return (at_root, in_folder) if self.program_year in live else (in_folder,)


def checked_base_url(url: object) -> str:
    """Return the address of a dashboard without a slash at its end.

    Raises:
        InvalidRequest: It is none.
    """
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise InvalidRequest(
            "base_url", url, "not the address of a dashboard", f"write {DASHBOARD_URL!r}, or that of a copy of it"
        )
    return str(url).rstrip("/")


def document_name(kind: ReportKind, district: str | None, month_end: date, as_of: date) -> str:
    """Return the identity of a document, under which it is archived; see `DashboardDocument`.

    Raises:
        InvalidRequest: There is no such document.
    """
    return DashboardDocument(kind, district, month_end, as_of).name


def parse_document_name(name: str) -> DashboardDocument:
    """Return the document that *name*, made by `document_name`, is the identity of.

    Raises:
        InvalidRequest: It is of none.
    """
    found = _NAME.fullmatch(name)
    if found is None or found[1] not in set(ReportKind):
        kinds = ", ".join(ReportKind)
        raise InvalidRequest("name", name, f"not the name of a report ({kinds})", "write 'districtsummary~2023-01-31~2023-02-08'")
    return DashboardDocument(ReportKind(found[1]), found[2], as_date("month_end", found[3]), as_date("as_of", found[4]))


def date_document(name: str) -> DatedDocument | None:
    """Return which day, and which district, the document of this identity is about; ``None`` = it is none of the dashboard's."""
    try:
        found = parse_document_name(name)
    except InvalidRequest:  # of another source
        return None
    return DatedDocument(day_of(found.month, found.as_of), found.district, found.as_of)


def export_url(base_url: str, kind: ReportKind, district: str | None, month_end: date, as_of: date, *, open_year: bool) -> str:
    """Return the address of a document's export as CSV, both dates always filled in.

    An empty month slot makes the dashboard ignore the as-of, and an empty as-of slot gives the latest state under the date of the
    download: neither is ever sent. The year is that of the month, not of the as-of.

    Args:
        base_url: Scheme, host and any folder of the dashboard.
        kind: Which report.
        district: Of which district; ``None`` for the summary.
        month_end: Of which month, by its last day.
        as_of: As of which day.
        open_year: Whether the month's program year is the live one, which is served at the root; finished years have a folder each.

    Raises:
        InvalidRequest: There is no such document.
    """
    return DashboardDocument(kind, district, month_end, as_of).url(base_url, open_year=open_year)


def open_years(calendar: ClosingCalendar, today: date) -> tuple[ProgramYear, ...]:
    """Return the program year that is live, and served at the dashboard's root, when it is *today* in UTC.

    Not that of the calendar: a program year stays live until the first figures of the next one are published, which is when June
    has closed or shortly before. From 1 July until that is known to have happened there are two, the old one first: known, when a
    month of the new year was seen, or when June can no longer be open; known not to have happened, while June has an as-of to come.
    """
    new, newest = program_year(today), newest_day(today)
    old = ProgramYear(new.start - 1)
    june = calendar.close_of(old.last_day)
    begun, first = calendar.shown_after(old.last_day), calendar.first_as_of(new.first_day)
    if newest >= june.latest + timedelta(days=SWITCH_DAYS) or (begun is not None and begun <= newest):
        return (new,)
    if newest <= june.earliest or (first is not None and today < first):
        return (old,)
    return (old, new)


def document_requests(
    edition: Edition,
    district: str | None,
    *,
    calendar: ClosingCalendar,
    today: date,
    base_url: str = DASHBOARD_URL,
) -> list[DocumentRequest]:
    """Return the documents that an edition needs, for one *district* or (``None``) for the day as a whole; of a gap none.

    The day as a whole needs the summary, a district its three reports. Conditional are, at a month's end, the same as of the days to
    step back to and of every day on which the month may have closed; and for finding that out, the summaries of either month as of
    those days. So are, on a day that may belong to the closing of the month before, that month's summary. Of a close that is not
    known the likeliest as-of stands for the one that will be found, so that the plan's count is right.

    Args:
        edition: The day's edition, of this calendar or of an earlier state of it.
        district: In the published form.
        calendar: What is known of closes by now.
        today: The day in UTC.
        base_url: The dashboard's address.
    """
    if edition.gap is not None:
        return []
    month = month_of(edition.day)
    kinds = (ReportKind.SUMMARY,) if district is None else DISTRICT_REPORTS
    if edition.day != month:
        wanted = [DashboardDocument(kind, district, month, edition.day) for kind in kinds]
        others = _asked_in_doubt(month, edition.day, calendar)
    else:
        search = calendar.search(month, today=today)
        expected = edition.as_of or search.next_probe or search.earliest
        wanted = [DashboardDocument(kind, district, month, expected) for kind in kinds]
        found = search.candidates or (expected,)
        days = dict.fromkeys((*calendar.step_backs(month, expected), *found, *calendar.step_backs(month, found[0])))
        others = [DashboardDocument(kind, district, month, as_of) for as_of in days for kind in kinds]
        others += _asked_in_search(month, search.candidates)
    live = open_years(calendar, today)
    requests = {document.name: _request(document, base_url, live) for document in wanted}
    for document in others:
        if document.name not in requests:
            requests[document.name] = _request(document, base_url, live, conditional=True)
    return list(requests.values())


def _asked_in_doubt(month: date, day: date, calendar: ClosingCalendar) -> list[DashboardDocument]:
    """Return the summary that tells whether *day* belongs to the closing of the month before *month*, where that is not known."""
    close = calendar.close_of(calendar.month_before(month))
    doubtful = close.through < day <= close.latest
    return [DashboardDocument(ReportKind.SUMMARY, None, close.month, day)] if doubtful else []


def _asked_in_search(month: date, days: Sequence[date]) -> list[DashboardDocument]:
    """Return the summaries by which a month's close is searched for: of the month, and of the next one from its first day on."""
    if len(days) < 2:  # noqa: PLR2004 - one candidate is a result
        return []
    following = next_month(month)
    months = [DashboardDocument(ReportKind.SUMMARY, None, month, as_of) for as_of in days]
    return months + [DashboardDocument(ReportKind.SUMMARY, None, following, as_of) for as_of in days if as_of > month]


def _request(
    document: DashboardDocument, base_url: str, live: Sequence[ProgramYear], *, conditional: bool = False
) -> DocumentRequest:
    url = document.urls(base_url, live)[0]
    return DocumentRequest(url, name=document.name, report=document.kind.value, conditional=conditional)


def _slot(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"
