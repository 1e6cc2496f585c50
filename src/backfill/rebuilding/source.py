"""The archive as a source: what a rebuild collects from, as any other job collects from a publisher."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from datetime import date
from functools import partial

from attrs import evolve, frozen

from backfill.engine.failures import DAMAGED_DAY
from backfill.engine.growth import DECREASE
from backfill.errors import DamagedFile, PermanentSourceError, SnapshotNotFound, SourceError
from backfill.fetching.reuse import Archive
from backfill.model import Collected, DocumentRef, EncodedRecord, Finding, Method, PlannedDay, RecordHeader
from backfill.protocols import DataSource, DaySummarizer, Fetch, Snapshot, SnapshotStore, Summarized
from backfill.rebuilding.evidence import AsOfs, Catalog, edition_as_of, parts_of, pinned_as_of, refs_of
from backfill.rebuilding.making import Maker
from backfill.rebuilding.replay import Part, make_summaries
from backfill.serialization import refs_of_summary

_Value = tuple[EncodedRecord | SourceError, tuple[Finding, ...]]


@frozen(eq=False)
class _Day:
    """A planned day, with what is stored of it."""

    planned: PlannedDay
    entries: Mapping[str, RecordHeader]
    snapshot: Snapshot | None


class ArchivedSource:
    """A `DataSource` whose figures are made from the archive by another source's rules. Any thread.

    Each record is made from the very documents that it was made from before, where it is stored; else from the newest.

    Args:
        source: Whose rules.
        archive: The raw documents.
        store: What is stored, and names its documents.
        days: What is planned.
        catalog: Which days the archive has documents of.
        executor: Where records are made; ``None`` = in the thread that asks.
        cancel: The flag of the job.
    """

    def __new__(  # noqa: PYI034 - a subclass, by what the source can do
        cls, source: DataSource, *_parts: object
    ) -> ArchivedSource:
        """Return a source that makes summaries of days if *source* does: an ability is found by its methods, which must not lie."""
        return super().__new__(_Summarizing if isinstance(source, DaySummarizer) else cls)

    def __init__(
        self,
        source: DataSource,
        archive: Archive,
        store: SnapshotStore,
        days: Iterable[PlannedDay],
        catalog: Catalog,
        executor: Executor | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._source = source
        self._archive = archive
        self._store = store
        self._days = {planned.day: planned for planned in days}
        self._catalog = catalog
        self._maker = Maker(source, archive, executor, cancel)

    @property
    def name(self) -> str:
        """That of the source whose rules they are."""
        return self._source.name

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return one district's record.

        Raises:
            SourceError: There is none.
        """
        value = self.collect_many(day, (district,), fetch)[district]
        if isinstance(value, SourceError):
            raise value
        return value

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Return for each of *districts* its record in the stored form, or why there is none."""
        del fetch  # nothing of it is asked for anywhere
        try:
            found = self._look(day)
        except DamagedFile as error:  # a record that nothing can be merged with is not made
            message = f"{error}; or move the day's folder away, and rebuild the day: what the archive has documents of comes back"
            return dict.fromkeys(districts, PermanentSourceError(message, kind=DAMAGED_DAY, stage="store"))
        as_ofs = self._catalog.of_day(day)
        fuller = tuple(name for name in districts if name in as_ofs and _is_improvable(found.entries.get(name)))
        made = dict(self._made(evolve(found, entries={}), fuller, as_ofs))
        failed = {name: made[name] for name in fuller if isinstance(made[name][0], SourceError)}
        rest = tuple(name for name in districts if name in failed or name not in fuller)
        for_all: AsOfs = {None: as_ofs[None]} if None in as_ofs else {}
        made |= self._made(found, rest, for_all)
        made |= {name: why for name, why in failed.items() if isinstance(made[name][0], SourceError)}
        return {name: self._told(found, name, *made[name]) for name in districts}

    def as_ofs(self, day: date) -> date | None:
        """Return the as-of of the newest edition of a day that the archive has; ``None`` = nothing tells."""
        return edition_as_of(self._catalog.of_day(day), None)

    # --- within -------------------------------------------------------------------------------------------------------

    def _look(self, day: date) -> _Day:
        entries = self._store.entries(day)
        return _Day(self._days[day], entries, self._store.read(day) if entries else None)

    def _made(self, found: _Day, districts: tuple[str, ...], as_ofs: AsOfs) -> Iterator[tuple[str, _Value]]:
        parts = parts_of(found.planned, districts, self._source, found.entries, partial(refs_of, found.snapshot), as_ofs)
        for result in self._maker.make(parts):
            for name, value in result.records.items():
                yield name, (value, tuple(note for note in result.findings if note.district == name))

    def _told(
        self, found: _Day, district: str, value: EncodedRecord | SourceError, findings: tuple[Finding, ...]
    ) -> Collected | SourceError:
        """Return a record with what else is known of it: neither settled nor up to date because it was made again."""
        if isinstance(value, SourceError):
            return value
        before = found.entries.get(district)
        if before is not None and before.as_of >= value.header.as_of and before.detail == value.header.detail:
            header = evolve(
                value.header,
                settled=value.header.settled and before.settled,
                stale_detail=before.stale_detail,
                method=before.method,
            )
            value = evolve(value, header=header)
            if before.content_digest == header.content_digest and found.snapshot is not None:
                known = (one for one in found.snapshot.metadata.findings if one.district == district and one.kind != DECREASE)
                findings = tuple(dict.fromkeys((*findings, *known)))  # what was noticed by looking at other days, too
        return Collected(value, value.header.as_of, value.header.detail, findings=findings)


class _Summarizing(ArchivedSource):
    def summarize_day(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
        """Return the summaries of the day, from what they were made from before, where they are stored."""
        del fetch
        found = self._look(day)
        part = summaries_part(found.planned, found.snapshot, self._source, self.as_ofs(day), tuple(districts))
        return make_summaries(self._source, self._archive, part)


def summaries_part(
    planned: PlannedDay, snapshot: Snapshot | None, source: DataSource, newest: date | None, districts: tuple[str, ...]
) -> Part:
    """Return how the summaries of a day are made: from the documents that the stored ones name, else from the *newest* edition."""
    pins = tuple({ref.name: ref for ref in _summary_refs(snapshot)}.values())
    as_of = pinned_as_of(pins, source, planned.day) or newest or planned.as_of
    if snapshot is not None and not pins and as_of is None:
        as_of = snapshot.metadata.as_of
    return Part(planned.day, as_of, planned.settled_on, Method.SYSTEM_WIDE, districts, {"": pins} if pins else {})


def _summary_refs(snapshot: Snapshot | None) -> Iterator[DocumentRef]:
    """Iterate over the documents that a stored day's summaries name."""
    if snapshot is None or not isinstance(snapshot, Summarized):
        return
    for name in snapshot.summaries:
        with suppress(DamagedFile, SnapshotNotFound):  # a summary that cannot be read is made anew from the others' documents
            yield from refs_of_summary(snapshot.summary(name))


def _is_improvable(header: RecordHeader | None) -> bool:
    return header is None or header.detail == "summary"
