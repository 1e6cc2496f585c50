"""What a service can do with what it has: make it anew from the archive, prove it, explain it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from backfill.engine.jobs import LiveJob
from backfill.engine.scoping import naming_of, resolve_scope
from backfill.errors import InvalidRequest
from backfill.job import Job
from backfill.model import REBUILD, RERANK, BackfillRequest
from backfill.model.checks import Refusals, as_bool, as_count, as_date, as_span, as_texts
from backfill.protocols import Cumulative, DataSource
from backfill.servicebase import EVERY, Admit, ServiceBase, as_asked

if TYPE_CHECKING:
    from backfill.history.cache import HistoryCache
    from backfill.history.days import DayDiff
    from backfill.history.noted import Findings
    from backfill.history.pruning import Pruning
    from backfill.model import Explanation, Finding, Verification
    from backfill.rebuilding.planning import Collaborators
    from backfill.service import BackfillService
    from backfill.tables import Table


class Historian(ServiceBase):
    """The part of `BackfillService` that works on what is stored and archived. Any thread."""

    _history_file: Path | None = None

    @cached_property
    def _figures(self) -> HistoryCache:
        """What a history has read before; made under the lock."""
        from backfill.history.cache import HistoryCache  # noqa: PLC0415 - only who looks at a history pays for it

        return HistoryCache(self._history_file)

    def rebuild(
        self,
        start: date | str,
        end: date | str | None = None,
        *,
        districts: Sequence[str] | None = None,
        max_units: int | None = None,
        idempotency_key: str | None = None,
        admit: Admit | None = None,
    ) -> Job:
        """Accept a job that makes the snapshots of a range anew from the raw archive, and asks the publisher nothing.

        A stored record is made from the very documents that it names, whatever was learnt or fetched since; so the same rules give the
        same bytes, and files that were damaged or edited are put right. It becomes neither older nor less for it. Days, and districts,
        that are lost are made from the newest documents that the archive has. What a document is missing for fails, with the kind
        ``document_missing`` or ``document_damaged``, and stays as it is stored.

        Args:
            start: First day.
            end: Last day, inclusive; ``None`` = the first alone.
            districts: Which; ``None`` = all that are in scope.
            max_units: More units of (day, district) than these are refused before the job is accepted; ``None`` = as many as there are.
            idempotency_key: A second call with the same key returns the job of the first.
            admit: Called with the plan of a new job before it is accepted; what it raises keeps it from being so, and is raised.

        Raises:
            InvalidRequest: There is no archive, nothing in it or stored, a value cannot be what it is said to be, the range is not
                published yet, spans more days than one request may, or holds too many units; or the key was used for something else.
            StoreUnavailable: The store, or the archive, cannot be used.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        from backfill.rebuilding.planning import archive_of, plan_rebuild  # noqa: PLC0415 - only who rebuilds pays for it
        from backfill.rebuilding.replay import carried  # noqa: PLC0415 - as above

        self._check_usable()
        refusals = Refusals()
        with refusals.noting():
            request = BackfillRequest(start, end, districts)
        if refusals and districts is not None:
            with refusals.noting():  # what else is wrong is told too
                resolve_scope(as_texts("target_districts", districts), self._source, self._scope, self._store)
        refusals.check()
        named = request.target_districts
        asked = as_asked("rebuild", request.start_date, request.end_date, None if named is None else sorted(named))
        known = self._accepted_before(idempotency_key, asked)
        if known is not None:
            return self._job(known)
        archive = archive_of(self._door())
        if self._executor is not None:
            carried(self._source, archive, self._executor)  # refused here rather than by the job
        plan = plan_rebuild(
            self._collaborators(),
            archive,
            start,
            end,
            districts=districts,
            concurrency=2 if self._executor is None else 4,
            max_units=None if max_units is None else as_count("max_units", max_units, least=1, most=EVERY),
        )
        accepted = self._accept(plan, idempotency_key=idempotency_key, asked=asked, operation=REBUILD, admit=admit)
        return self._job(accepted)

    def verify(
        self,
        start: date | str,
        end: date | str | None = None,
        *,
        districts: Sequence[str] | None = None,
    ) -> Verification:
        """Return whether what is stored of a range is what the archive gives: all of it is made anew in memory, and compared.

        Nothing is changed, and nobody is asked. Blocks until it is done; memory does not grow with the range.

        Args:
            start: First day.
            end: Last day, inclusive; ``None`` = the first alone.
            districts: Which; ``None`` = all that are stored, and the summaries of the days.

        Raises:
            InvalidRequest: There is no archive, or a value cannot be what it is said to be.
            StoreUnavailable: The store, or the archive, cannot be read.
            ServiceUnusable: The service was closed, or its executor runs nothing any more, or cannot run this.
            TransientSourceError: Kind ``worker_lost``: the executor's workers died with a piece of it again and again.
        """
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above
        from backfill.rebuilding.verifying import verify  # noqa: PLC0415 - as above

        self._check_usable()
        archive = archive_of(self._door())
        return verify(self._collaborators(), archive, start, end, districts=districts, executor=self._executor)

    def rerank(self, start: date | str, end: date | str | None = None) -> Job:
        """Accept a job that makes the summaries of the stored days of a range anew from the archive.

        A rebuild of summaries only: no district's record is touched. The job's units are days: completed are those whose summaries
        are others now, skipped those whose summaries came out the same.

        Raises:
            InvalidRequest: There is no archive, the source makes no summaries, nothing of the range is stored, or a value cannot be what it is
                said to be.
            StoreUnavailable: The store, or the archive, cannot be used.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above
        from backfill.rebuilding.reranking import plan_rerank  # noqa: PLC0415 - as above

        self._check_usable()
        archive_of(self._door())  # refused here rather than by the job
        return self._job(self._accept(plan_rerank(self._collaborators(), start, end), operation=RERANK))

    def explain(self, day: date | str, district: str | None = None) -> Explanation:
        """Return the chain from a stored figure to the bytes that it was made from; or why there is no figure.

        Args:
            day: The day.
            district: The district; ``None`` = the summaries of the day as a whole.

        Raises:
            InvalidRequest: *day* is no day, or *district* cannot name one.
        """
        from backfill.rebuilding.explaining import explain  # noqa: PLC0415 - as above

        self._check_process()
        return explain(self._collaborators(), self._door(), day, district)

    # --- over time ----------------------------------------------------------------------------------------------------

    def history(
        self,
        districts: Sequence[str] | None = None,
        fields: Sequence[str] | None = None,
        start: date | str | None = None,
        end: date | str | None = None,
    ) -> Table:
        """Return figures of stored records over time: a row for each (day, district), a column for each figure.

        Any library that understands Arrow reads the table as it is; ``to_frame()`` makes a frame of whichever is installed. Only records
        that have changed since they were read last are opened.

        Args:
            districts: Which; ``None`` = all.
            fields: Columns of figures, named by their paths, such as ``totals.totalMembership``; ``None`` = all that are not in lists. A figure
                whose path is ``day``, ``district``, ``as_of`` or ``detail`` has the column ``figure.day`` and so on. One named twice is there once.
            start: First day; ``None`` = the first stored.
            end: Last day, inclusive; ``None`` = the last stored.

        Raises:
            InvalidRequest: A value cannot be what it is said to be, or no record has such a field.
        """
        from backfill.history.reading import read_history  # noqa: PLC0415 - as above

        self._check_process()
        first, last = as_span(start, end)
        names = self._names(districts)
        paths = (
            None
            if fields is None
            else as_texts("fields", fields, if_empty="name paths of figures, or leave it out to mean all of them")
        )
        with self._lock:
            figures = self._figures
        return read_history(self._store, figures, districts=names, fields=paths, start=first, end=last)

    def diff(self, before: date | str, after: date | str, *, districts: Sequence[str] | None = None) -> DayDiff:
        """Return what differs between two stored days: districts that came, went and changed, and in which figures.

        Raises:
            SnapshotNotFound: One of them is not stored.
            DamagedFile: One of them cannot be read.
            InvalidRequest: A value cannot be what it is said to be, or the two are one: compared with itself a day never changes.
        """
        from backfill.history.days import diff_days  # noqa: PLC0415 - as above

        self._check_process()
        first, second = as_date("before", before), as_date("after", after)
        if first == second:
            raise InvalidRequest(
                "after", second.isoformat(), "the day to compare with is the same day", "name two different days"
            )
        return diff_days(self._store, first, second, districts=self._names(districts))

    def findings(
        self,
        start: date | str | None = None,
        end: date | str | None = None,
        *,
        districts: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
    ) -> Findings:
        """Return what was found about the stored figures of a range, by day; then the figures that decrease though they add up.

        It is looked up when one goes through it, and anew each time. Days at the ends of the range are compared with stored ones beyond them.

        Args:
            start: First day; ``None`` = the first stored.
            end: Last day, inclusive; ``None`` = the last stored.
            districts: Of which; ``None`` = all, and of days as a whole.
            kinds: Which kinds; ``None`` = all.

        Raises:
            InvalidRequest: A value cannot be what it is said to be.
        """
        from backfill.engine.growth import DECREASE  # noqa: PLC0415 - as above
        from backfill.history.noted import Findings, around, decreases, noted  # noqa: PLC0415 - as above

        self._check_process()
        first, last = as_span(start, end)
        names = self._names(districts)
        wanted = None if kinds is None else frozenset(as_texts("kinds", kinds))
        only = None if names is None else frozenset(names)

        def look() -> Iterator[Finding]:
            kept = noted(self._store, first, last, districts=only, kinds=wanted)
            if not isinstance(self._source, Cumulative):
                yield from kept
                return
            yield from (finding for finding in kept if finding.kind != DECREASE)  # these are told as they are now
            if wanted is None or DECREASE in wanted:
                yield from decreases(self.history(districts, None, *around(self._store, first, last)), self._source, first, last)

        return Findings(look)

    def prune(
        self,
        start: date | str | None = None,
        end: date | str | None = None,
        *,
        keep: Callable[[date], bool] | None = None,
        dry_run: bool = False,
        archive: bool = False,
    ) -> Pruning:
        """Remove stored days of a range, and return which: all that a rule does not keep, and no job that has not ended has in its plan.

        The raw archive stays, unless it is asked for too, so that `rebuild` brings removed days back.

        Args:
            start: First day; ``None`` = the first stored.
            end: Last day, inclusive; ``None`` = the last stored.
            keep: Says of a day whether it is kept; ``None`` = the last of each month, and the day before.
            dry_run: Remove nothing, and return what would be.
            archive: Remove the raw documents of the removed days, too. For good.

        Raises:
            InvalidRequest: A value cannot be what it is said to be, or raw documents cannot be removed by day.
            StoreUnavailable: The store, or the archive, cannot be written.
        """
        from backfill.history.pruning import discard_raw, month_ends, prune, removable  # noqa: PLC0415 - as above
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above

        self._check_usable()
        first, last = as_span(start, end)
        dry_run, archive = as_bool("dry_run", dry_run), as_bool("archive", archive)
        if keep is not None and not callable(keep):
            raise InvalidRequest("keep", keep, "not a function", "pass a function of a day that returns whether it is kept")
        if archive:
            raw = removable(archive_of(self._door()), self._source)
        done = prune(self._store, self._jobs, first, last, keep=keep or month_ends, dry_run=dry_run)
        if archive and not dry_run and done.removed:
            discard_raw(*raw, done.removed)
        return done

    # --- within -------------------------------------------------------------------------------------------------------

    def _job(self, job_id: str) -> Job:
        return Job(cast("BackfillService", self), job_id)

    def _carry_out(self, job: LiveJob) -> None:
        if job.spec.operation != RERANK:
            super()._carry_out(job)
            return
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above
        from backfill.rebuilding.reranking import SummaryRunner  # noqa: PLC0415 - as above

        SummaryRunner(job, self._collaborators(), archive_of(self._door())).run()

    def _collaborators(self) -> Collaborators:
        from backfill.rebuilding.planning import Collaborators  # noqa: PLC0415 - as above

        return Collaborators(self._source, self._store, self._scope, self._jobs, self._clock)

    def _names(self, districts: Sequence[str] | None) -> tuple[str, ...] | None:
        return None if districts is None else tuple(map(naming_of(self._source), as_texts("districts", districts)))

    def _source_of(self, job: LiveJob) -> DataSource:
        """Return what a job collects from: the source, or for a rebuild the archive."""
        spec = job.spec
        if spec.operation != REBUILD:
            return self._source
        from backfill.rebuilding.evidence import Catalog  # noqa: PLC0415 - as above
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above
        from backfill.rebuilding.source import ArchivedSource  # noqa: PLC0415 - as above

        archive, request = archive_of(self._door()), spec.plan.request
        catalog = Catalog.of(archive, self._source, request.start_date, request.end_date)
        return ArchivedSource(self._source, archive, self._store, spec.plan.days, catalog, self._executor, job.context.cancel)
