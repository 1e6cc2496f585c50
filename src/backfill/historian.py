"""What a service can do with what it has: make it anew from the archive, prove it, explain it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import date
from typing import TYPE_CHECKING, cast

from backfill.job import Job
from backfill.model import JobSpec
from backfill.protocols import DataSource
from backfill.servicebase import ServiceBase

if TYPE_CHECKING:
    from backfill.model import Explanation, Verification
    from backfill.rebuilding.planning import Collaborators
    from backfill.rebuilding.reranking import Reranking
    from backfill.service import BackfillService


class Historian(ServiceBase):
    """The part of `BackfillService` that works on what is stored and archived. Any thread."""

    @property
    def _executors(self) -> dict[str, Executor]:
        """Where rebuilds of this process make their records."""
        kept: dict[str, Executor] = self.__dict__.setdefault("_executors_of_jobs", {})
        return kept

    def rebuild(
        self,
        start: date | str,
        end: date | str | None = None,
        *,
        districts: Sequence[str] | None = None,
        executor: Executor | None = None,
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
            executor: Where records are made; ``None`` = in threads of the service. Source and archive must be such as pickle can carry
                to its processes. A rebuild that is gone on with by another process goes on without it.

        Raises:
            InvalidRequest: There is no archive, nothing in it or stored, or a value cannot be what it is said to be.
            StoreUnavailable: The store, or the archive, cannot be used.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        from backfill.rebuilding.planning import OPERATION, archive_of, plan_rebuild  # noqa: PLC0415 - only who rebuilds pays for it
        from backfill.rebuilding.replay import packed  # noqa: PLC0415 - as above

        self._check_usable()
        archive = archive_of(self._door())
        if executor is not None:
            packed(self._source, archive)  # refused here rather than by the job
        plan = plan_rebuild(
            self._collaborators(),
            archive,
            start,
            end,
            districts=districts,
            concurrency=2 if executor is None else 4,
        )
        with self._lock:  # so that it does not begin before it is known where
            job_id = self._accept(plan, operation=OPERATION)
            if executor is not None:
                self._executors[job_id] = executor
        return Job(cast("BackfillService", self), job_id)

    def verify(
        self,
        start: date | str,
        end: date | str | None = None,
        *,
        districts: Sequence[str] | None = None,
        executor: Executor | None = None,
    ) -> Verification:
        """Return whether what is stored of a range is what the archive gives: all of it is made anew in memory, and compared.

        Nothing is changed, and nobody is asked. Blocks until it is done; memory does not grow with the range.

        Args:
            start: First day.
            end: Last day, inclusive; ``None`` = the first alone.
            districts: Which; ``None`` = all that are stored, and the summaries of the days.
            executor: As for `rebuild`.

        Raises:
            InvalidRequest: There is no archive, or a value cannot be what it is said to be.
            StoreUnavailable: The store, or the archive, cannot be read.
        """
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above
        from backfill.rebuilding.verifying import verify  # noqa: PLC0415 - as above

        self._check_usable()
        archive = archive_of(self._door())
        return verify(self._collaborators(), archive, start, end, districts=districts, executor=executor)

    def rerank(self, start: date | str, end: date | str | None = None) -> Reranking:
        """Make the summaries of the stored days of a range anew from the archive, and return what became of them.

        A rebuild of summaries only: no district's record is touched. Days whose summaries come out the same are left as they are. Blocks
        until it is done.

        Raises:
            InvalidRequest: There is no archive, the source makes no summaries, or a value cannot be what it is said to be.
            StoreUnavailable: The store, or the archive, cannot be used.
        """
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above
        from backfill.rebuilding.reranking import rerank  # noqa: PLC0415 - as above

        self._check_usable()
        return rerank(self._collaborators(), archive_of(self._door()), start, end)

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

    # --- within -------------------------------------------------------------------------------------------------------

    def _collaborators(self) -> Collaborators:
        from backfill.rebuilding.planning import Collaborators  # noqa: PLC0415 - as above

        return Collaborators(self._source, self._store, self._scope, self._jobs, self._clock)

    def _source_of(self, spec: JobSpec) -> DataSource:
        """Return what a job collects from: the source, or for a rebuild the archive."""
        if spec.operation != "rebuild":
            return self._source
        from backfill.rebuilding.evidence import Catalog  # noqa: PLC0415 - as above
        from backfill.rebuilding.planning import archive_of  # noqa: PLC0415 - as above
        from backfill.rebuilding.source import ArchivedSource  # noqa: PLC0415 - as above

        archive, request = archive_of(self._door()), spec.plan.request
        catalog = Catalog.of(archive, self._source, request.start_date, request.end_date)
        with self._lock:
            executor = self._executors.pop(spec.job_id, None)
        return ArchivedSource(self._source, archive, self._store, spec.plan.days, catalog, executor)
