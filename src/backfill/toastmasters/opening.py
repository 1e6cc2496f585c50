"""One folder that holds everything: snapshots, raw documents, configuration, limits, what was learnt of closing months, jobs."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import date
from pathlib import Path

from backfill.errors import DataUnavailable, InvalidRequest
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.job import Job
from backfill.jobstores import SqliteJobStore
from backfill.model import Document, DocumentRef, SnapshotInfo
from backfill.protocols import Clock, ScopeResolver
from backfill.scopes import DistrictConfigurationService, FixedScope
from backfill.service import BackfillService
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.dashboard import DASHBOARD_URL, parse_document_name
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.importing import ImportReport, import_reports
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.refresh import RefreshService
from backfill.toastmasters.seen import SeenRows
from backfill.toastmasters.source import RefreshServiceSource
from backfill.wholefile import WholeFile
from backfill.wiring import default_clock

logger = logging.getLogger("backfill.toastmasters")

DEFAULT_RATE = 5.0
"""Requests a second: what others who harvest the dashboard have settled on; no limit of the dashboard's own is known."""


class DashboardService(BackfillService):
    """A backfill service over one folder, with the dashboard as its source. Made by `open_service`.

    Attributes:
        root: The folder.
        refresh_service: The source's refresh service, for single figures.
        archive: The raw documents.
        configuration: The districts configured in the folder.
        jobs: The jobs of all processes that use the folder.
        resumed: The interrupted jobs that this service goes on with since it was opened.
    """

    def __init__(
        self,
        root: Path,
        *,
        base_url: str,
        scope: ScopeResolver | None,
        rate: float | None,
        clock: Clock | None,
        executor: Executor | None,
    ) -> None:
        clock = default_clock() if clock is None else clock
        self.root = root
        self.archive = RawArchive(root / "raw")
        self._snapshots = PerDistrictFileSnapshotStore(root / "snapshots", clock=clock)
        self.configuration = DistrictConfigurationService(
            root / "config" / "districts.json", normalize=normalize_district, clock=clock
        )
        self.jobs = SqliteJobStore(root / "jobs.sqlite3", clock=clock)
        self.resumed: tuple[Job, ...] = ()
        self._history_file = root / "history.sqlite3"
        self._polite = PoliteFetcher(rate=rate, archive=self.archive, shared_state=root / "limits", clock=clock)
        self._almanac = kept_almanac(root / "config" / "closings.json", SeenRows(root / "seen.sqlite3"))
        self.refresh_service = RefreshService(self._polite, base_url, clock, almanac=self._almanac)
        super().__init__(
            RefreshServiceSource(self.refresh_service),
            self._snapshots,
            scope or self.configuration,
            jobs=self.jobs,
            fetch=self._polite,
            executor=executor,
            clock=clock,
        )

    def __repr__(self) -> str:
        return f"DashboardService({str(self.root)!r})"

    @property
    def store(self) -> PerDistrictFileSnapshotStore:
        """The snapshots."""
        return self._snapshots

    def resume_interrupted(self) -> tuple[Job, ...]:
        """Go on with the jobs that were interrupted, as `resume_jobs` does, and say so in the log; return `resumed`.

        Where there is no file of jobs none is made.
        """
        if (self.root / "jobs.sqlite3").exists():
            self.resumed = tuple(self.resume_jobs())
            for job in self.resumed:
                progress = job.report().progress
                logger.info(
                    "goes on with an interrupted job: %d of %d units are still to be done",
                    progress.pending,
                    progress.total,
                    extra={"job_id": job.backfill_id},
                )
        return self.resumed

    def _close_own(self) -> None:
        super()._close_own()
        self._polite.close()
        self._almanac.close()
        self.jobs.close()

    def refresh(self, districts: Sequence[str] | None = None) -> SnapshotInfo:
        """Collect the newest day into the folder, within the service's scope; see `RefreshService.refresh`."""
        return self.refresh_service.refresh(self.store, districts, scope=self.scope)

    def import_reports(self, folder: str | os.PathLike[str]) -> ImportReport:
        """Take the CSV files below *folder* into the archive; `rebuild` makes snapshots of them. See `import_reports` of the module.

        Raises:
            InvalidRequest: There is no such folder.
            StoreError: The archive cannot be used.
        """
        return import_reports(folder, self.archive, self.refresh_service.almanac, today=self._clock.today())

    def read_raw(self, day: date, district: str | None, report: ReportKind | str) -> Document:
        """Return a raw document of a stored day: exactly the one that its figures were made from.

        Args:
            day: A stored day.
            district: A stored district; ``None`` for the summary of all districts.
            report: Which report: ``"clubperformance"``, ``"districtperformance"``, ``"divisionperformance"`` or ``"districtsummary"``.

        Raises:
            SnapshotNotFound: The day, or the district, is not stored.
            DataUnavailable: The figures were made without this report; or the archive no longer holds it.
            DamagedFile: The snapshot, or the archive, does not hold what it must.
            InvalidRequest: There is no such report, or it is not one of all districts.
        """
        kind = _kind(report)
        if district is None and kind is not ReportKind.SUMMARY:
            raise InvalidRequest("district", None, f"a {kind} is of one district", "name the district")
        snapshot = self.store.read(day)
        holders = snapshot.districts if district is None else (normalize_district(district),)
        for holder in holders:
            for ref in snapshot.district(holder).provenance:
                if _is_of(ref, kind, holder):
                    return self._archived(ref)
        message = f"the figures of {'all districts' if district is None else district} on {day} were made without a {kind}"
        raise DataUnavailable(message, kind="not_used")

    def _archived(self, ref: DocumentRef) -> Document:
        document = self.archive.get(ref.name, sha256=ref.sha256, fetched_at=ref.fetched_at)
        if document is None:
            message = f"the archive at {self.root / 'raw'} no longer holds {ref.name} with the content of {ref.fetched_at}"
            raise DataUnavailable(message, kind="not_archived")
        return document


def open_service(
    root: str | os.PathLike[str],
    *,
    base_url: str = DASHBOARD_URL,
    districts: Sequence[str] | None = None,
    rate: float | None = DEFAULT_RATE,
    resume: bool = True,
    clock: Clock | None = None,
    executor: Executor | None = None,
) -> DashboardService:
    """Return a service that collects the dashboard's history into a folder, and goes on with what was interrupted there.

    Any number of processes of one machine may have the folder open. Jobs of those that are alive are left to them; they can be looked
    at, paused, resumed and cancelled from here. Where no job was interrupted nothing is fetched, and nothing written, by opening.

    Args:
        root: The folder: ``snapshots/``, ``raw/`` (every document received), ``config/``, ``limits/`` (shared by all processes that
            use the folder), ``jobs.sqlite3``; and notes that can be done without, ``history.sqlite3`` and ``seen.sqlite3``.
        base_url: The dashboard's address.
        districts: A scope for this service alone; ``None`` = the districts configured in the folder, else all. What is
            configured does not change.
        rate: Requests a second, over all processes that use the folder; ``None`` = no limit.
        resume: ``False`` = leave interrupted jobs alone, for those who only look.
        clock: The time; ``None`` = the system's.
        executor: Where figures are made, see `BackfillService`; ``None`` = in threads of the service.

    Raises:
        InvalidRequest: An argument cannot be what it is said to be.
        StoreUnavailable: *root* is a file, or cannot be read; or, with *resume*, its jobs cannot be written.
        DamagedFile: A file of it does not hold what it must.
        ServiceUnusable: No thread can be had for an interrupted job.
    """
    scope = None if districts is None else FixedScope(districts, normalize=normalize_district)
    service = DashboardService(Path(root).absolute(), base_url=base_url, scope=scope, rate=rate, clock=clock, executor=executor)
    if resume:
        try:
            service.resume_interrupted()
        except BaseException:
            service.close()  # nobody has it who could
            raise
    return service


def kept_almanac(path: Path, seen: SeenRows | None = None) -> Almanac:
    """Return an almanac that keeps what it learns in a file, shared with whoever else uses that file.

    Args:
        path: The file.
        seen: Which rows were seen before; ``None`` = none.

    Raises:
        DamagedFile: The file does not hold what was learnt of closing months.
        StoreUnavailable: It cannot be read.
    """
    file = WholeFile(path)

    def keep(calendar: ClosingCalendar) -> ClosingCalendar:
        with file.locked():
            merged = calendar.merge(_kept(file).sightings)
            file.replace(merged.to_json())
        return merged

    return Almanac(_kept(file), on_learnt=keep, seen=seen)


def _kept(file: WholeFile) -> ClosingCalendar:
    found = file.read()
    return ClosingCalendar() if found is None else ClosingCalendar.from_json(found[1], path=str(file.path))


def _is_of(ref: DocumentRef, kind: ReportKind, district: str) -> bool:
    """Return whether a document is this report, of the district or of all; one of another source is not."""
    try:
        found = parse_document_name(ref.name)
    except InvalidRequest:
        return False
    return found.kind is kind and found.district in {None, district}


def _kind(report: ReportKind | str) -> ReportKind:
    try:
        return ReportKind(report)
    except ValueError:
        raise InvalidRequest("report", report, "not a report of the dashboard", f"use one of {', '.join(ReportKind)}") from None
