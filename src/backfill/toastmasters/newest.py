"""A refresh: the newest day, collected and stored by the very engine that backfills the others (R3.5, R11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from backfill.engine.jobs import LiveJob
from backfill.errors import DataUnavailable, PermanentSourceError, SourceError, StoreError, TransientSourceError
from backfill.model import BackfillReport, BackfillRequest, RecordHeader, SnapshotInfo, Stage, UnitState
from backfill.protocols import Clock, Fetch, Fetcher, ScopeResolver, SnapshotStore
from backfill.service import BackfillService
from backfill.toastmasters.calendar import ClosingCalendar, newest_day
from backfill.toastmasters.published import Published
from backfill.toastmasters.source import RefreshServiceSource
from backfill.toastmasters.years import month_of

if TYPE_CHECKING:
    from backfill.toastmasters.refresh import RefreshService

STEPS_BACK = 3


class _Refreshes(BackfillService):
    operation: ClassVar[str] = "refresh"
    newest: LiveJob | None = None

    def _run(self, job: LiveJob) -> None:
        self.newest = job
        super()._run(job)

    def raise_failure(self, report: BackfillReport) -> None:
        """Raise what kept the day of the job that ran last from being stored, if it was not that there are no figures.

        Raises:
            SourceError: It could not be collected.
            StoreError: It could not be stored.
        """
        halted_by = None if self.newest is None else self.newest.halted_by
        if halted_by is not None:
            raise halted_by
        if report.error is not None and not report.errors:
            raise StoreError(report.error)
        if report.errors:
            error = report.errors[-1]
            if error.stage is Stage.STORE:
                raise StoreError(error.message)
            kind: type[SourceError] = TransientSourceError if error.is_retryable else PermanentSourceError
            raise kind(error.message, kind=error.kind, stage=error.stage, attempts=error.attempts)


def refresh_newest(
    service: RefreshService,
    fetch: Fetch | Fetcher | None,
    store: SnapshotStore,
    districts: Sequence[str] | None,
    scope: ScopeResolver | None,
    clock: Clock,
) -> SnapshotInfo:
    """Return what the newest day, of those that a refresh tries, became in *store*; see `RefreshService.refresh`."""
    found: dict[date, Published] = {}
    source = RefreshServiceSource(service.noting(lambda published: found.setdefault(published.day, published)))
    with _Refreshes(source, store, scope, fetch=fetch, clock=clock) as refreshes:
        tried: list[date] = []
        for as_of in _given_out(newest_day(clock.today())):
            for day in _described(as_of, service.calendar):
                if day in tried:
                    continue
                tried.append(day)
                request = BackfillRequest(day, target_districts=districts, skip_existing=False)
                before = store.entries(day)
                report = refreshes.run_backfill(request, progress=False)
                if report.snapshot_ids:
                    return _stored(store, day, before, report)
                refreshes.raise_failure(report)
                if day in found:
                    raise _lists_none(found[day], districts)
    shown = ", ".join(day.isoformat() for day in tried)
    raise DataUnavailable(f"the dashboard has no figures of any of the newest days ({shown})")


def _lists_none(published: Published, districts: Sequence[str] | None) -> DataUnavailable:
    there = ", ".join(sorted(published.rows))
    message = (
        f"{published.day}, the newest day of which the dashboard has figures, has none of {', '.join(districts or ())}: "
        f"it lists {there}; leave out what is not among them, or backfill a day on which it was"
    )
    return DataUnavailable(message, kind="no_such_district")


def _given_out(newest: date) -> Iterator[date]:
    return (newest - timedelta(days=number) for number in range(STEPS_BACK + 1))


def _described(as_of: date, calendar: ClosingCalendar) -> Iterator[date]:
    """Iterate over the days that figures given out as of *as_of* may describe: it itself, or the close of the month before."""
    before = calendar.close_of(calendar.month_before(month_of(as_of)))
    if as_of > before.through:
        yield as_of
    if as_of <= before.latest:
        yield before.month


def _stored(store: SnapshotStore, day: date, before: Mapping[str, RecordHeader], report: BackfillReport) -> SnapshotInfo:
    metadata, after = store.read(day).metadata, store.entries(day)
    put = [name for name, ends in report.progress.district_progress.items() if ends.get(UnitState.COMPLETED)]
    new = {name for name in put if name not in before or before[name].sha256 != after[name].sha256}
    kept = tuple(sorted(name for name in put if name not in new))
    return SnapshotInfo(day, metadata.status, tuple(sorted(new)), kept, metadata.districts, metadata.failed)
