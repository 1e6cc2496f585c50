"""Collects what the dashboard published of a day: all districts in summary, or districts one by one in full.

This is the one copy of the collecting code. A program that wants a single figure calls it as it is; a backfill calls it for every
day of its plan, through `backfill.toastmasters.source.RefreshServiceSource`.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from backfill.clock import SystemClock
from backfill.errors import NotArchived, ServiceUnusable, SourceError
from backfill.model import Collected, DocumentRequest, Edition, Frequency, JobContext, SnapshotInfo, UnitContext
from backfill.model.checks import as_date, as_texts
from backfill.protocols import Clock, Fetch, Fetcher, ScopeResolver, SnapshotStore
from backfill.toastmasters.almanac import Almanac, Found
from backfill.toastmasters.asking import Reader
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.collecting import collect_in_full, collect_rankings, collect_summaries, collectable
from backfill.toastmasters.dashboard import DASHBOARD_URL, checked_base_url, document_requests
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.published import Published, find_day, without_summary

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class RefreshService:
    """The dashboard's figures of any day. Any thread.

    One that made its own way to the dashboard is to be closed: enter it, or call `close`.

    Args:
        fetch: The way to the dashboard: a `Fetch`, or a `Fetcher` such as `PoliteFetcher`, which stays the caller's to close, and
            from whose archive what no longer changes is taken; ``None`` = a polite one with its defaults, made on first use, and
            closed with the service.
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
        self._told: Edition | None = None
        self._note: Callable[[Published], object] | None = None
        self._own: Fetcher | None = None
        self._closed = False
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RefreshService(base_url={self._base_url!r})"

    def __getstate__(self) -> dict[str, object]:
        """Pickle it without its door, which belongs to this process: `using` gives the copy one."""
        return {**self.__dict__, "_fetch": None, "_own": None, "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore it."""
        self.__dict__.update({**state, "_lock": threading.Lock()})

    def __enter__(self) -> Self:
        """Return the service."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the way to the dashboard that the service made itself, if it did; what it was given is not touched.

        May be called twice. Copies made by `using` go on working: they have a door of their own.
        """
        with self._lock:
            self._closed = True
            own, self._own = self._own, None
        if own is not None:
            own.close()

    def using(self, fetch: Fetch | Fetcher) -> RefreshService:
        """Return a copy bound to another door; cheap, and what one learns of closing months all know."""
        other = copy.copy(self)
        other._fetch = fetch  # noqa: SLF001 - of the same class
        other._own = None  # noqa: SLF001 - as above
        return other

    def noting(self, note: Callable[[Published], object]) -> RefreshService:
        """Return a copy that calls *note* with every day of which it finds figures, in whichever thread finds them."""
        other = copy.copy(self)
        other._note = note  # noqa: SLF001 - of the same class
        other._own = None  # noqa: SLF001 - as above
        return other

    def replaying(self, edition: Edition) -> RefreshService:
        """Return a copy that takes *edition* for what was published of its day, whatever was learnt since, and learns nothing for others.

        For making a day anew from the documents that it was made from: without it, what is known by now of a close would have other
        documents asked for.
        """
        other = copy.copy(self)
        other._told = edition  # noqa: SLF001 - of the same class
        other._own = None  # noqa: SLF001 - as above
        other._almanac = self._almanac.apart()  # noqa: SLF001 - as above
        if edition.as_of is not None:
            back = self.calendar.step_backs(edition.day, edition.as_of)
            other._almanac.note_found(edition.day, self._clock.today(), Found(edition.as_of, back))  # noqa: SLF001 - as above
        return other

    @property
    def calendar(self) -> ClosingCalendar:
        """What is known of closing months by now."""
        return self._almanac.calendar

    @property
    def almanac(self) -> Almanac:
        """What is known of closing months, and learns."""
        return self._almanac

    # --- collecting ---------------------------------------------------------------------------------------------------

    def list_districts(self, day: date) -> tuple[str, ...]:
        """Return the districts that existed on the day, from its own summary, in its order.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
        """
        return tuple(collectable(self._find(day)))

    def get_all_districts(self, day: date) -> dict[str, Collected]:
        """Return a summary of each district of the day, by one request.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
        """
        return collect_summaries(self._find(day))

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
        edition = self._edition(day)
        return collect_in_full(self._reader(edition, name), self._find_at_all(day), name)

    def get_multiple_districts(self, day: date, districts: Sequence[str]) -> dict[str, Collected | SourceError]:
        """Return the figures of several districts in full, or in the place of one the error that it has.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
            InvalidRequest: A text of *districts* cannot name one, or there is none.
        """
        names = dict.fromkeys(map(normalize_district, as_texts("districts", districts)))
        edition, published = self._edition(day), self._find_at_all(day)
        results: dict[str, Collected | SourceError] = {}
        for name in names:
            try:
                results[name] = collect_in_full(self._reader(edition, name), published, name)
            except SourceError as error:
                results[name] = error
        return results

    def get_rankings(self, day: date) -> Collected:
        """Return the ranking of all districts of the day, in the form of ``all-districts-rankings.json``.

        Of the summary's rows all are ranked; a finding names those whose district cannot be collected, since nothing can be called so.

        Raises:
            DataUnavailable: The day has no figures.
            SourceError: The summary cannot be had, or believed.
        """
        return collect_rankings(self._find(day))

    def refresh(
        self, store: SnapshotStore, districts: Sequence[str] | None = None, *, scope: ScopeResolver | None = None
    ) -> SnapshotInfo:
        """Collect the newest day that there is, and store it as a backfill of that day would.

        The newest day is yesterday (UTC); as long as nothing at all is there, up to three days before it are tried. While a month is closing
        this is the month's last day, in its newest state.

        Args:
            store: Where the snapshot goes.
            districts: Which, in full; ``None`` = all, in summary.
            scope: Which districts may be touched; ``None`` = all.

        Raises:
            InvalidRequest: None of *districts* is in *scope*.
            DataUnavailable: None of these days has any figures, or the newest that has lists none of *districts*.
            SourceError: They cannot be had, or believed: nothing was stored.
            StoreError: They cannot be stored.
        """
        from backfill.toastmasters.newest import refresh_newest  # noqa: PLC0415 - only this needs the whole engine

        return refresh_newest(self, self._way_out(), store, districts, scope, self._clock)

    # --- planning -----------------------------------------------------------------------------------------------------

    def editions(self, start: date, end: date, frequency: Frequency) -> Iterator[Edition]:
        """Iterate over the editions of a range, by what is known of closing months; see `ClosingCalendar.editions`. Pure."""
        return self.calendar.editions(start, end, frequency, today=self._clock.today())

    def requests_for(self, edition: Edition, district: str | None) -> list[DocumentRequest]:
        """Return the documents that an edition needs; see `backfill.toastmasters.dashboard.document_requests`. Pure."""
        return document_requests(edition, district, calendar=self.calendar, today=self._clock.today(), base_url=self._base_url)

    # --- within -------------------------------------------------------------------------------------------------------

    def _edition(self, day: date) -> Edition:
        if self._told is not None and self._told.day == day:
            return self._told
        return self.calendar.edition(as_date("day", day), today=self._clock.today())

    def _find(self, day: date) -> Published:
        edition = self._edition(day)
        published = find_day(self._reader(edition, None), edition)
        if self._note is not None:
            self._note(published)
        return published

    def _find_at_all(self, day: date) -> Published:
        """Return the day; without its summary, where an archive that is to give it anew does not have that."""
        try:
            return self._find(day)
        except NotArchived:
            if self._told is None:
                raise
            return without_summary(self._told)

    def _reader(self, edition: Edition, district: str | None) -> Reader:
        return Reader(self._door(edition, district), self._base_url, self._almanac, self._clock.today())

    def _door(self, edition: Edition, district: str | None) -> Fetch:
        fetch = self._way_out()
        if isinstance(fetch, Fetcher):
            now = self._clock.now()
            settled = now if edition.settled_on is None else datetime.combine(edition.settled_on, time(), UTC)
            return fetch.bind(UnitContext(JobContext("refresh-service", now), edition.day, district, min(now, settled)))
        return fetch

    def _way_out(self) -> Fetch | Fetcher:
        if self._fetch is not None:
            return self._fetch
        with self._lock:
            if self._closed:
                raise ServiceUnusable("this RefreshService was closed; make a new one")
            if self._own is None:
                from backfill.wiring import default_fetcher  # noqa: PLC0415 - only who comes without a door pays for one

                self._own = default_fetcher(self._clock)
            return self._own
