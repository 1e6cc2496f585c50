"""Collects what the dashboard published of a day: all districts in summary, or districts one by one in full.

This is the one copy of the collecting code. A program that wants a single figure calls it as it is; a backfill calls it for every
day of its plan, through `backfill.toastmasters.source.RefreshServiceSource`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from datetime import date

from backfill.clock import SystemClock
from backfill.errors import DataUnavailable, SourceError
from backfill.model import Collected, DocumentRequest, Edition, Finding, Frequency, JobContext, SnapshotInfo, UnitContext
from backfill.model.checks import as_date
from backfill.protocols import Clock, Fetch, Fetcher, SnapshotStore
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.answers import NoRows
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.dashboard import DASHBOARD_URL, DashboardDocument, checked_base_url, document_requests
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.published import Answer, Published, Reader
from backfill.toastmasters.ranking import rankings
from backfill.toastmasters.reports import Report
from backfill.toastmasters.rows import ClubRow, DistrictRow, DivisionRow, RowT, SummaryRow
from backfill.toastmasters.statistics import district_data, summary_data

RANKINGS = "all-districts-rankings"


class RefreshService:
    """The dashboard's figures of any day. Any thread.

    Args:
        fetch: The way to the dashboard: a `Fetch`, or a `Fetcher` such as `PoliteFetcher`, which stays the caller's to close;
            ``None`` = a polite one with its defaults, made on first use.
        base_url: The dashboard's address.
        clock: Tells which day it is (UTC); ``None`` = the system's.
        almanac: What is known of closing months; ``None`` = what comes with the package. It learns as answers come.

    Raises:
        InvalidRequest: *base_url* is no address, or *fetch* no way to anywhere.
    """

    def __init__(
        self,
        fetch: Fetch | Fetcher | None = None,
        base_url: str = DASHBOARD_URL,
        clock: Clock | None = None,
        *,
        almanac: Almanac | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._base_url = checked_base_url(base_url)
        self._almanac = almanac or Almanac()
        self._fetch = fetch

    def __repr__(self) -> str:
        return f"RefreshService(base_url={self._base_url!r})"

    def using(self, fetch: Fetch | Fetcher) -> RefreshService:
        """Return a copy bound to another door; cheap, and what one learns of closing months all know."""
        other = copy.copy(self)
        other._fetch = fetch  # noqa: SLF001 - of the same class
        return other

    @property
    def calendar(self) -> ClosingCalendar:
        """What is known of closing months by now."""
        return self._almanac.calendar

    # --- collecting ---------------------------------------------------------------------------------------------------

    def list_districts(self, day: date) -> tuple[str, ...]:
        """Return the districts that existed on the day, from its own summary, in its order.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
        """
        return tuple(self._find(day).rows)

    def get_all_districts(self, day: date) -> dict[str, Collected]:
        """Return a summary of each district of the day, by one request.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
        """
        published = self._find(day)
        return {
            district: Collected(summary_data(published.day, district, row), published.as_of, "summary")
            for district, row in published.rows.items()
        }

    def get_district_performance(self, day: date, district: str) -> Collected:
        """Return a district's figures in full, from its three reports, by three requests and the day's summary.

        Where the district or the division report has no rows, the fields that it alone knows are null, with a finding, and the
        record is not settled: a later run completes it.

        Raises:
            DataUnavailable: The day has no figures, or not of this district.
            SourceError: A report cannot be had, or believed; kind ``missing_rows``: the club report has no rows although the summary
                lists the district with clubs.
            InvalidRequest: *district* cannot name one.
        """
        name = normalize_district(district)
        published = self._find(day)
        row = published.rows.get(name)
        if row is None:
            message = f"the summary of {published.day} does not have district {name}"
            raise DataUnavailable(message, kind="no_such_district")
        clubs = self._clubs(published, name, row)
        payments = self._optional(ReportKind.DISTRICT, DistrictRow, published, name, clubs.as_of)
        visits = self._optional(ReportKind.DIVISIONS, DivisionRow, published, name, clubs.as_of)
        made = district_data(published.day, name, clubs.report, payments, visits, row)
        return Collected(made.data, clubs.as_of, "full", findings=made.findings, settled=None if made.settled else False)

    def get_multiple_districts(self, day: date, districts: Sequence[str]) -> dict[str, Collected | SourceError]:
        """Return the figures of several districts in full, or in the place of one the error that it has.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
            InvalidRequest: A text of *districts* cannot name one.
        """
        names = dict.fromkeys(map(normalize_district, districts))
        self._find(day)
        results: dict[str, Collected | SourceError] = {}
        for name in names:
            try:
                results[name] = self.get_district_performance(day, name)
            except SourceError as error:
                results[name] = error
        return results

    def get_rankings(self, day: date) -> Collected:
        """Return the ranking of all districts of the day, in the form of ``all-districts-rankings.json``.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
        """
        published = self._find(day)
        summary = published.summary
        findings = tuple(Finding(found.kind, found.message, published.day, found.district) for found in summary.findings)
        ranked = rankings(published.day, published.as_of, summary, fetched_at=published.fetched_at)
        return Collected(ranked, published.as_of, "summary", findings=findings)

    def refresh(self, store: SnapshotStore, districts: Sequence[str] | None = None) -> SnapshotInfo:
        """Collect the newest day that there is, and store it as a backfill of that day would.

        The newest day is yesterday (UTC); as long as nothing is there, up to three days before it are tried. While a month is closing
        this is the month's last day, in its newest state.

        Args:
            store: Where the snapshot goes.
            districts: Which, in full; ``None`` = all, in summary.

        Raises:
            DataUnavailable: None of these days has any figures.
            SourceError: They cannot be had, or believed: nothing was stored.
            StoreError: They cannot be stored.
        """
        from backfill.toastmasters.newest import refresh_newest  # noqa: PLC0415 - only this needs the whole engine

        return refresh_newest(self, self._fetch, store, districts, self._clock)

    # --- planning -----------------------------------------------------------------------------------------------------

    def editions(self, start: date, end: date, frequency: Frequency) -> Iterator[Edition]:
        """Iterate over the editions of a range, by what is known of closing months; see `ClosingCalendar.editions`. Pure."""
        return self.calendar.editions(start, end, frequency, today=self._clock.today())

    def requests_for(self, edition: Edition, district: str | None) -> list[DocumentRequest]:
        """Return the documents that an edition needs; see `backfill.toastmasters.dashboard.document_requests`. Pure."""
        return document_requests(edition, district, calendar=self.calendar, today=self._clock.today(), base_url=self._base_url)

    # --- within -------------------------------------------------------------------------------------------------------

    def _reader(self, day: date, district: str | None) -> Reader:
        return Reader(self._door(day, district), self._base_url, self._almanac, self._clock.today())

    def _door(self, day: date, district: str | None) -> Fetch:
        fetch = self._fetch
        if fetch is None:
            from backfill.wiring import default_fetcher  # noqa: PLC0415 - only who comes without a door pays for one

            fetch = self._fetch = default_fetcher(self._clock)
        if isinstance(fetch, Fetcher):
            now = self._clock.now()
            return fetch.bind(UnitContext(JobContext("refresh-service", now), day, district, now))
        return fetch

    def _find(self, day: date) -> Published:
        day = as_date("day", day)
        reader = self._reader(day, None)
        return reader.find(self.calendar.edition(day, today=reader.today))

    def _clubs(self, published: Published, district: str, row: SummaryRow) -> Answer[ClubRow]:
        wanted = DashboardDocument(ReportKind.CLUBS, district, published.month, published.as_of)
        try:
            return self._reader(published.day, district).read_first(wanted, published.step_backs, ClubRow, day=published.day)
        except NoRows as error:
            if not row.paid_clubs and not row.active_clubs:
                message = f"nothing was published of district {district} for {published.day}"
                raise DataUnavailable(message, kind="no_rows") from error
            raise

    def _optional(
        self, kind: ReportKind, row: type[RowT], published: Published, district: str, as_of: date
    ) -> Report[RowT] | None:
        """Return a report that a district's figures can do without; ``None`` = it has no rows, or does not exist."""
        wanted = DashboardDocument(kind, district, published.month, as_of)
        try:
            return self._reader(published.day, district).read(wanted, row, day=published.day).report
        except (NoRows, DataUnavailable):
            return None
