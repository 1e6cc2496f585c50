"""Makes records anew from archived documents: the collecting code itself, behind a door that opens to the archive only.

Everything here is values and functions, so that it runs in any thread or process alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from datetime import UTC, date, datetime
from typing import TypeAlias

from attrs import evolve, field, frozen

from backfill.clock import SystemClock
from backfill.engine.collect import Batch, Collector
from backfill.engine.growth import grown
from backfill.engine.pickled import Carried
from backfill.errors import BackfillError, DataUnavailable, InvalidRequest, NotArchived, PermanentSourceError, SourceError
from backfill.fetching.pinned import PinnedFetch
from backfill.fetching.reuse import Archive
from backfill.model import (
    REBUILD,
    Collected,
    DistrictRecord,
    DocumentRef,
    Edition,
    EncodedRecord,
    Finding,
    JobContext,
    Method,
    PlannedDay,
)
from backfill.protocols import BatchSource, Cumulative, DataSource, DaySummarizer, Replaying, SystemWideSource
from backfill.serialization import encode_record

NO_PROVENANCE = "no_provenance"
"""The kind of the error of a record that no document is named for."""

CANNOT_BE_MADE = "cannot_be_made"
"""The kind of the error where a stored record's documents are there, and give no record by the rules of today."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Pins = Mapping[str, tuple[DocumentRef, ...]]


@frozen
class Part:
    """Districts of one day that are made in one way, from the same documents of the day as a whole.

    Attributes:
        day: The day.
        as_of: The as-of of the edition that they are made from, where that is known.
        settled_on: From when on that edition no longer changes.
        method: The strategy by which they were, or would be, collected.
        districts: Which.
        pins: For each that was stored, the documents that it was made from.
    """

    day: date
    as_of: date | None
    settled_on: date | None
    method: Method
    districts: tuple[str, ...]
    pins: Pins = field(factory=dict, repr=False)

    @property
    def planned(self) -> PlannedDay:
        """It as a planned day."""
        return PlannedDay(self.day, self.as_of, None, self.settled_on, self.method, self.districts)


@frozen
class Made:
    """What became of a part.

    Attributes:
        day: Its day.
        records: For each of its districts a record in its stored form, or why there is none.
        findings: What a reader should know.
    """

    day: date
    records: Mapping[str, EncodedRecord | SourceError]
    findings: tuple[Finding, ...] = ()


def make(source: DataSource, archive: Archive, part: Part) -> Made:
    """Return the records of *part*, made from the archive. Waits for nothing but the archive.

    Raises:
        StoreUnavailable: The archive cannot be read.
    """
    source = _replaying(source, part)
    batch = _collected(source, _collector(source, archive, part.pins), part)
    records = {name: _final(value, name, part, source) for name, value in batch.values.items()}
    return Made(part.day, records, batch.findings)


def make_summaries(source: DataSource, archive: Archive, part: Part) -> Mapping[str, Collected]:
    """Return the summaries of the day that *part* describes; its pins stand for them under ``""``.

    Raises:
        SourceError: They cannot be made.
        StoreUnavailable: The archive cannot be read.
    """
    source = _replaying(source, part)
    if not isinstance(source, DaySummarizer):
        return {}
    planned = evolve(part.planned, strategy=Method.SYSTEM_WIDE)
    try:
        return _collector(source, archive, part.pins).summarize(planned, part.districts, source)
    except NotArchived as error:
        raise _not_archived(error) from error


Rules: TypeAlias = Carried[tuple[DataSource, Archive]]
"""By whose rules records are made, and from which archive."""


def carried(source: DataSource, archive: Archive, executor: Executor) -> Rules:
    """Return *source* and *archive* in a form that goes to an executor.

    Raises:
        InvalidRequest: They cannot go to its processes.
    """
    remedy = "use a ThreadPoolExecutor, or leave the executor out, or keep the archive in a RawArchive"
    return Carried((source, archive), executor, source, what="the source and its archive", remedy=remedy)


def make_elsewhere(rules: Rules, part: Part) -> Made:
    """Return what `make` returns, in the process that this is called in."""
    source, archive = rules.value
    return make(source, archive, part)


# --- within -----------------------------------------------------------------------------------------------------------


def _replaying(source: DataSource, part: Part) -> DataSource:
    if not isinstance(source, Replaying):
        return source
    copy = source.replaying(Edition(part.day, part.as_of, None, part.settled_on))
    if not isinstance(copy, DataSource):
        raise InvalidRequest("source", copy, "replaying() returned no source", "mend replaying() of the source")
    return copy


def _collector(source: DataSource, archive: Archive, pins: Pins) -> Collector:
    context = JobContext(REBUILD, _LONG_AGO, retry=False)
    door = PinnedFetch(archive, {ref.name: ref for refs in pins.values() for ref in refs})
    return Collector(source, door, SystemClock(), context)


def _collected(source: DataSource, collector: Collector, part: Part) -> Batch:
    if part.method is Method.SYSTEM_WIDE and isinstance(source, SystemWideSource):
        try:
            return collector.collect_all(part.planned, part.districts, source)
        except SourceError as error:
            return Batch(dict.fromkeys(part.districts, error))
    if part.method is Method.TARGETED and isinstance(source, BatchSource):
        return collector.collect_many(part.planned, part.districts, source)
    batches = [collector.collect_district(part.planned, district) for district in part.districts]
    values = {name: value for batch in batches for name, value in batch.values.items()}
    return Batch(values, tuple(found for batch in batches for found in batch.findings))


def _final(
    value: DistrictRecord | EncodedRecord | SourceError, district: str, part: Part, source: DataSource
) -> EncodedRecord | SourceError:
    pins = part.pins.get(district)
    if isinstance(value, SourceError):
        return _failed(value, is_stored=pins is not None)
    if isinstance(value, EncodedRecord):
        return value
    if not value.provenance:
        message = (
            "no document is named for the record, so nothing shows what it was made from; the source made it without its `fetch`"
        )
        return PermanentSourceError(message, kind=NO_PROVENANCE, stage="fetch")
    if pins is not None and pins != value.provenance and set(value.provenance) <= set(pins):
        # documents that it was handed besides, when it was made first, stay named: they are part of how it came about
        value = evolve(value, provenance=pins, collected_at=max(ref.fetched_at for ref in pins))
    try:
        encoded = encode_record(value, job_id="", method=str(part.method))
    except (BackfillError, ValueError, TypeError) as error:
        return PermanentSourceError(f"cannot be stored: {error}", kind=CANNOT_BE_MADE, stage="transform")
    return evolve(encoded, grown=grown(source, value.data)) if isinstance(source, Cumulative) else encoded


def _failed(error: SourceError, *, is_stored: bool) -> SourceError:
    if isinstance(error, NotArchived):
        return _not_archived(error)
    if isinstance(error, DataUnavailable) and is_stored:
        return PermanentSourceError(f"its documents give no record any more: {error}", kind=CANNOT_BE_MADE, stage="transform")
    return error


def _not_archived(error: NotArchived) -> PermanentSourceError:
    """Return that as a failure: what the archive lacks may have been published all the same."""
    return PermanentSourceError(str(error), kind=error.default_kind, stage="fetch")
