"""Calls the source, through a door of the unit's own, and makes records of what it returns. Runs in worker threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, date, datetime, time
from typing import Generic, TypeVar, cast

from attrs import evolve, frozen

from backfill.engine.elsewhere import Elsewhere, SourceCall
from backfill.engine.failures import as_source_error, is_interrupt
from backfill.engine.gate import PlannedOnly
from backfill.engine.planner import documents_of
from backfill.engine.scoping import naming_of
from backfill.errors import Cancelled, DataUnavailable, InvalidRequest, PermanentSourceError, SourceError, TransientSourceError
from backfill.jsonvalues import JsonValue, to_json_value
from backfill.model import (
    Attempts,
    Collected,
    DistrictRecord,
    Document,
    DocumentRef,
    EncodedRecord,
    Finding,
    JobContext,
    PlannedDay,
    RetryPolicy,
    UnitContext,
    refuse_collisions,
)
from backfill.model.record import DETAILS
from backfill.protocols import (
    BatchSource,
    Clock,
    DataSource,
    DaySummarizer,
    DistrictCatalog,
    Fetch,
    Fetcher,
    RequestPlanner,
    SystemWideSource,
    Versioned,
)
from backfill.retrying import attempt
from backfill.serialization import PROVENANCE, encode_refs

_EVER = datetime.min.replace(tzinfo=UTC)

Items = tuple[tuple[object, object], ...]
Made = DistrictRecord | EncodedRecord | SourceError
T = TypeVar("T")


@frozen
class Batch:
    """What one call of the source gave.

    Attributes:
        values: For each district a record (in its stored form, where the source has it so), or the error that it has instead.
        findings: What was noticed.
        listed: Every district that the answer has, when the day was not listed before; else ``None``.
    """

    values: Mapping[str, Made]
    findings: tuple[Finding, ...] = ()
    listed: tuple[str, ...] | None = None


@frozen
class _Answer(Generic[T]):
    """What a source returned, with the documents that it had asked for."""

    value: T
    documents: tuple[DocumentRef, ...]


class Collector:
    """Collects on behalf of one job. Any thread.

    Each call is told of the attempts that its units have behind them, and notes further ones there.

    Args:
        source: What is called.
        fetcher: The door out.
        clock: The time.
        job: On whose behalf.
        policy: How often the source is called again.
        executor: Where it is called for figures; ``None`` = in the thread that asks. It is asked for lists and summaries here.

    Raises:
        InvalidRequest: The source cannot go to the executor.
    """

    def __init__(
        self,
        source: DataSource,
        fetcher: Fetcher,
        clock: Clock,
        job: JobContext,
        policy: RetryPolicy | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._source = source
        self._elsewhere = None if executor is None else Elsewhere(source, executor)
        self._fetcher = fetcher
        self._clock = clock
        self._job = job
        self._policy = (policy or RetryPolicy()) if job.retry else RetryPolicy(max_attempts=1)
        self._plans = isinstance(source, RequestPlanner)  # asked once: a look for a protocol is slow
        self._normalize = naming_of(source)
        self._version = str(source.calculation_version) if isinstance(source, Versioned) else "1.0.0"

    def list_day(self, planned: PlannedDay, source: DistrictCatalog, attempts: Attempts | None = None) -> tuple[str, ...]:
        """Return the districts of the day in normal form, in the order in which the source has them.

        Raises:
            SourceError: They cannot be had.
        """
        try:
            answer = self._call(
                planned, None, lambda fetch: _names(source.list_districts(planned.day, fetch)), stage="list", attempts=attempts
            )
        except SourceError as error:
            error.stage = "list"  # wherever in it the listing failed: what failed is the listing
            raise
        try:
            districts = tuple(dict.fromkeys(self._normalize(name) for name in answer.value))
            refuse_collisions(districts)
        except InvalidRequest as error:
            raise PermanentSourceError(str(error), kind="invalid_list", stage="list") from error
        return districts

    def collect_district(self, planned: PlannedDay, district: str, attempts: Attempts | None = None) -> Batch:
        """Return the one district's record, or its error."""
        try:
            answer = self._call(
                planned,
                district,
                lambda fetch: self._figures(self._source, "collect_district", (planned.day, district), fetch),
                stage="fetch",
                attempts=attempts,
            )
        except SourceError as error:
            return Batch({district: error})
        return self._batch(planned, {district: answer.value}, answer.documents)

    def collect_many(
        self, planned: PlannedDay, districts: tuple[str, ...], source: BatchSource, attempts: Attempts | None = None
    ) -> Batch:
        """Return a record or an error for each of *districts*, by one call."""
        try:
            answer = self._call(
                planned,
                None,
                lambda fetch: _items(
                    self._figures(source, "collect_many", (planned.day, districts), fetch), "collect_many", "district to value"
                ),
                stage="fetch",
                attempts=attempts,
            )
            values, findings = self._by_district(planned.day, answer.value, "collect_many")
        except SourceError as error:
            return Batch(dict.fromkeys(districts, error))
        dropped = tuple(
            Finding("unasked_district", f"collect_many returned {name!r}, which was not asked for; dropped", planned.day, name)
            for name in sorted(values.keys() - set(districts))
        )
        nothing = PermanentSourceError("collect_many returned nothing for it", kind="returned_nothing", stage="fetch")
        batch = self._batch(planned, {name: values.get(name, nothing) for name in districts}, answer.documents)
        return evolve(batch, findings=(*batch.findings, *findings, *dropped))

    def collect_all(
        self,
        planned: PlannedDay,
        districts: tuple[str, ...] | None,
        source: SystemWideSource,
        attempts: Attempts | None = None,
    ) -> Batch:
        """Return a record for each of *districts* that the one answer has (``None`` = for all that it has).

        Raises:
            SourceError: The call as a whole failed.
        """
        answer = self._call(
            planned,
            None,
            lambda fetch: _items(self._figures(source, "collect_all", (planned.day,), fetch), "collect_all", "district to value"),
            stage="fetch",
            attempts=attempts,
        )
        values, findings = self._by_district(planned.day, answer.value, "collect_all")
        wanted = tuple(values) if districts is None else districts
        missing = DataUnavailable("the day's answer for all districts does not have it")
        batch = self._batch(planned, {name: values.get(name, missing) for name in wanted}, answer.documents)
        return evolve(batch, findings=(*batch.findings, *findings), listed=wanted if districts is None else None)

    def summarize(self, planned: PlannedDay, districts: tuple[str, ...], source: DaySummarizer) -> Mapping[str, Collected]:
        """Return the summaries of the day.

        Raises:
            SourceError: They cannot be had.
        """
        answer = self._call(
            planned,
            None,
            lambda fetch: _items(source.summarize_day(planned.day, districts, fetch), "summarize_day", "name to Collected"),
            stage="fetch",
        )
        return {cast("str", name): _told(self._unwrap(value, planned)[0], answer.documents) for name, value in answer.value}

    # --- one call -----------------------------------------------------------------------------------------------------

    def _call(
        self,
        planned: PlannedDay,
        district: str | None,
        call: Callable[[Fetch], T],
        *,
        stage: str,
        attempts: Attempts | None = None,
    ) -> _Answer[T]:
        tried = attempts or Attempts()

        def once(_number: int) -> _Answer[T]:
            documents: dict[str, DocumentRef] = {}
            try:
                value = call(self._door(planned, district, documents, tried))
            except BaseException as error:  # a source may raise anything at all; none of it may stop the others
                failure = self._failure(error, planned, district)
                failure.stage = failure.stage or stage
                if isinstance(failure, TransientSourceError) and failure.attempts:
                    failure.max_attempts = 1  # the door has made its attempts; doing the whole call again would multiply them
                raise failure from error
            return _Answer(value, tuple(documents.values()))

        return attempt(
            once,
            policy=self._policy,
            clock=self._clock,
            cancel=self._job.cancel,
            on_retry=lambda error, _pause: tried.note(error),
            made=tried.earlier,
        )

    def _figures(self, source: object, method: str, arguments: tuple[object, ...], fetch: Fetch) -> object:
        """Return what a method of the source returns, called here or elsewhere."""
        if self._elsewhere is None:
            return getattr(source, method)(*arguments, fetch)
        extra = {"job_id": self._job.job_id, "method": method, "of": " ".join(map(str, arguments))}
        return self._elsewhere.call(SourceCall(method, arguments, extra), fetch, self._job.cancel)

    def _door(self, planned: PlannedDay, district: str | None, documents: dict[str, DocumentRef], tried: Attempts) -> Fetch:
        def record(document: Document) -> None:
            documents[document.name] = document.ref

        settled_on = planned.settled_on
        since = _EVER if settled_on is None else min(self._job.created_at, datetime.combine(settled_on, time(), UTC))
        fetch = self._fetcher.bind(UnitContext(self._job, planned.day, district, since, record, tried))
        documents_planned = documents_of(planned, self._source, district) if self._plans else None
        return fetch if documents_planned is None else PlannedOnly(fetch, frozenset(documents_planned))

    def _failure(self, error: BaseException, planned: PlannedDay, district: str | None) -> SourceError:
        if is_interrupt(error):
            raise error  # somebody waits here for a plan, or tries a source
        extra: dict[str, object] = {"job_id": self._job.job_id, "day": planned.day.isoformat(), "district": district}
        failure = as_source_error(error, extra=extra)
        if isinstance(failure, Cancelled) and not self._job.cancel.is_set():  # or its unit would stay pending, in a job that ends
            return PermanentSourceError("raised Cancelled, but nobody cancelled the job", kind="source_bug", stage="transform")
        return failure

    # --- what it returned ---------------------------------------------------------------------------------------------

    def _by_district(self, day: date, items: Items, call: str) -> tuple[dict[str, object], list[Finding]]:
        values: dict[str, object] = {}
        findings: list[Finding] = []
        for key, item in items:
            try:
                name = self._normalize(key)
            except InvalidRequest as error:
                findings.append(Finding("invalid_district", f"{call} returned a key that was dropped: {error}", day))
                continue
            if name in values:
                raise _invalid(f"{call} returned two values for district {name!r}; return one for each")
            values[name] = item
        try:
            refuse_collisions(values)
        except InvalidRequest as error:
            raise _invalid(str(error)) from error
        return values, findings

    def _batch(self, planned: PlannedDay, values: Mapping[str, object], documents: tuple[DocumentRef, ...]) -> Batch:
        made: dict[str, Made] = {}
        findings: list[Finding] = []
        for district, value in values.items():
            try:
                if isinstance(value, SourceError):
                    raise value  # noqa: TRY301 - an error in the place of a value is one all the same
                collected, content = self._unwrap(value, planned)
                if isinstance(collected.data, EncodedRecord):
                    made[district] = _of_this_unit(collected.data, planned.day, district)
                else:
                    own = _named(collected, self._documents_of(planned, district, documents))
                    made[district] = self._record(planned, district, collected, content, own)
            except BaseException as error:  # noqa: BLE001 - a value of the source's own class may raise anything when it is looked at
                made[district] = self._failure(error, planned, district)
            else:
                findings.extend(evolve(found, day=planned.day, district=district) for found in collected.findings)
        return Batch(made, tuple(findings))

    def _documents_of(self, planned: PlannedDay, district: str, documents: tuple[DocumentRef, ...]) -> tuple[DocumentRef, ...]:
        """Return those of a call's documents that one district was made from (B3): as far as the source says, else all of them."""
        own = documents_of(planned, self._source, district) if self._plans else None
        return documents if own is None else tuple(document for document in documents if document.name in own)

    def _unwrap(self, value: object, planned: PlannedDay) -> tuple[Collected, bytes]:
        """Return what a source gave in its full form, with its figures as JSON."""
        collected = value if isinstance(value, Collected) else Collected(value)
        as_of = planned.day if collected.as_of is None else collected.as_of
        if isinstance(as_of, datetime) or not isinstance(as_of, date):
            raise _invalid(f"as_of={as_of!r} is not a date; pass a datetime.date")
        if collected.detail not in DETAILS:
            raise _invalid(f"detail={collected.detail!r} is neither 'summary' nor 'full'")
        if collected.settled is not None and not isinstance(collected.settled, bool):
            raise _invalid(f"settled={collected.settled!r} is neither True, False nor None")
        for found in collected.findings:
            if not isinstance(found, Finding):
                raise _invalid(f"findings hold {type(found).__name__}; pass Finding values")
        if isinstance(collected.data, EncodedRecord):  # made elsewhere, in another process for instance: its bytes are final
            return evolve(collected, as_of=as_of), b""
        data, content = to_json_value(collected.data)
        return evolve(collected, as_of=as_of, data=data), content

    def _record(
        self, planned: PlannedDay, district: str, collected: Collected, content: bytes, documents: tuple[DocumentRef, ...]
    ) -> DistrictRecord:
        fetched = [document.fetched_at for document in documents] or [self._clock.now()]
        data = cast("JsonValue", collected.data)
        settled = planned.settled_on is None or min(fetched).date() >= planned.settled_on
        return DistrictRecord(
            district_id=district,
            day=planned.day,
            as_of=collected.as_of or planned.day,
            detail=collected.detail,
            data=data,
            collected_at=max(fetched),
            settled=settled if collected.settled is None else settled and collected.settled,
            provenance=documents,
            calculation_version=self._version,
            encoded=(data, content),
        )


def _named(collected: Collected, documents: tuple[DocumentRef, ...]) -> tuple[DocumentRef, ...]:
    """Return those of the *documents* handed out that the source says it has used; all of them, where it says nothing.

    A source that searches for what it wants is handed documents that no figure comes from.
    """
    used = frozenset(ref.name for ref in collected.documents)
    return tuple(document for document in documents if document.name in used) if used else documents


def _told(summary: Collected, documents: tuple[DocumentRef, ...]) -> Collected:
    """Return a summary of the day that names its documents, if it is an object that can, and was made from any (B3)."""
    used = _named(summary, documents)
    if not used or not isinstance(summary.data, dict) or PROVENANCE in summary.data:
        return summary
    return evolve(summary, data={PROVENANCE: encode_refs(used), **summary.data})


def _of_this_unit(record: EncodedRecord, day: date, district: str) -> EncodedRecord:
    if (record.day, record.district_id) != (day, district):
        raise _invalid(f"the record is of {record.district_id} on {record.day}, not of {district} on {day}")
    return record


def _names(value: object) -> tuple[object, ...]:
    """Return the items of a list, while the door is open: it may be a sequence of the source's own, which fetches as it is read."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        message = f"list_districts returned {type(value).__name__}, not a sequence of strings"
        raise PermanentSourceError(message, kind="invalid_list", stage="list")
    return tuple(value)


def _items(value: object, call: str, of: str) -> Items:
    """Return the items of a mapping, while the door is open, as `_names` does."""
    if not isinstance(value, Mapping):
        raise _invalid(f"{call} returned {type(value).__name__}, not a mapping of {of}")
    return tuple(value.items())


def _invalid(what: str) -> PermanentSourceError:
    return PermanentSourceError(what, kind="invalid_payload", stage="validate")
