"""Proves that what is stored is what the archive gives: it is made anew in memory, and compared byte for byte (B4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import date
from itertools import islice

from attrs import define, evolve, field, frozen

from backfill.comparing import differing
from backfill.engine.coverage import THERE
from backfill.engine.scoping import naming_of
from backfill.errors import DamagedFile, SnapshotNotFound, SourceError
from backfill.fetching.pinned import DAMAGED, MISSING
from backfill.fetching.reuse import Archive
from backfill.jsonvalues import JsonValue, dumps
from backfill.model import (
    BackfillRequest,
    Cause,
    Collected,
    Difference,
    DistrictRecord,
    EncodedRecord,
    Method,
    PlannedDay,
    RecordHeader,
    Verification,
)
from backfill.protocols import DaySummarizer, JobStore, Snapshot, Summarized, SupportsOutcomes, SupportsRemnants, Versioned
from backfill.rebuilding.evidence import Catalog, edition_as_of, edition_of, parts_of
from backfill.rebuilding.making import Maker
from backfill.rebuilding.planning import Collaborators
from backfill.rebuilding.replay import NO_PROVENANCE, Made, Part, make_summaries
from backfill.rebuilding.source import summaries_part
from backfill.serialization import PROVENANCE, decode_record

_CAUSES = {
    MISSING: Cause.DOCUMENT_MISSING,
    DAMAGED: Cause.DOCUMENT_DAMAGED,
    "not_archived": Cause.DOCUMENT_MISSING,
    NO_PROVENANCE: Cause.NO_PROVENANCE,
}
_SHOWN = 3  # places in which something differs that one message names
_VERSION = "Version"


def verify(
    collaborators: Collaborators,
    archive: Archive,
    start: date | str,
    end: date | str | None,
    *,
    districts: Sequence[str] | None = None,
    executor: Executor | None = None,
) -> Verification:
    """Return whether what is stored of a range is what the archive gives; see `backfill.BackfillService.verify`."""
    request = BackfillRequest(start, end, districts)
    first, last = request.start_date, request.end_date
    names = None
    if request.target_districts is not None:
        names = frozenset(map(naming_of(collaborators.source), request.target_districts))
    proof = _Proof(collaborators, archive, Catalog.of(archive, collaborators.source, first, last), names)
    maker = Maker(collaborators.source, archive, executor)
    days = tuple(collaborators.store.days(first, last))
    for made in maker.make(proof.parts(iter(days))):
        proof.compare(made)
    remnants = proof.look_for_remnants(first, last)
    return evolve(proof.result(), absent=tuple(_absent(collaborators.jobs, first, last, frozenset((*days, *remnants)), names)))


@frozen(eq=False)
class _Stored:
    """A record as it is stored."""

    header: RecordHeader
    record: DistrictRecord


@define
class _Counts:
    days: int = 0
    records: int = 0
    summaries: int = 0
    same: int = 0


@define(eq=False)
class _Proof:
    """The comparison under way: parts are asked for a few days ahead of what is compared."""

    collaborators: Collaborators
    archive: Archive
    catalog: Catalog
    names: frozenset[str] | None
    found: list[Difference] = field(factory=list)
    counts: _Counts = field(factory=_Counts)
    _waiting: dict[tuple[date, str], _Stored] = field(factory=dict)

    def parts(self, days: Iterator[date]) -> Iterator[Part]:
        """Iterate over the parts of the stored days; what is wrong with the files alone is noted on the way."""
        for day in days:
            self.counts.days += 1
            try:
                snapshot = self.collaborators.store.read(day)
                entries = self.collaborators.store.entries(day)
            except (DamagedFile, SnapshotNotFound) as error:
                remedy = "or move its folder away, then rebuild the day"
                self._note(day, None, Cause.DAY_UNREADABLE, f"the day cannot be read: {error}; {remedy}")
                continue
            planned = self._planned(day)
            self._look_at_summaries(planned, snapshot)
            known = sorted({*entries, *snapshot.districts})  # also those whose file is gone
            wanted = [name for name in known if self.names is None or name in self.names]
            readable = [name for name in wanted if self._read(day, name, snapshot, entries.get(name))]
            self._look_at_as_ofs(planned, [name for name in wanted if name in entries], entries)
            refs = {name: self._waiting[day, name].record.provenance for name in readable}  # read once, by this process alone
            yield from parts_of(planned, readable, self.collaborators.source, entries, refs.get, {})

    def compare(self, made: Made) -> None:
        """Compare what was made with what is stored."""
        for name, value in made.records.items():
            day = made.day
            stored = self._waiting.pop((day, name))
            if isinstance(value, SourceError):
                self._note(day, name, self._cause(value, stored.record), str(value))
            elif value.header.sha256 == stored.header.sha256:
                self.counts.same += 1
            else:
                self._note(day, name, *_divergence(stored.record, value))

    def look_for_remnants(self, first: date, last: date) -> tuple[date, ...]:
        """Note the days of which files are there, and nothing that says what they are; return them."""
        store = self.collaborators.store
        found = tuple(store.remnants(first, last)) if isinstance(store, SupportsRemnants) else ()
        for day in found:
            self.counts.days += 1
            message = (
                "the day has files, and no manifest that would say what they are; move its folder away, then rebuild the day"
            )
            self._note(day, None, Cause.DAY_UNREADABLE, message)
        return found

    def result(self) -> Verification:
        """Return what was found."""
        counts = self.counts
        order = sorted(self.found, key=lambda one: (one.day, one.district or "", one.name or "", one.cause))
        return Verification(counts.days, counts.records, counts.summaries, counts.same, order)

    # --- within -------------------------------------------------------------------------------------------------------

    def _note(self, day: date, district: str | None, cause: Cause, message: str, name: str | None = None) -> None:
        self.found.append(Difference(day, district, cause, message, name))

    def _planned(self, day: date) -> PlannedDay:
        edition = edition_of(self.collaborators.source, day)
        return PlannedDay(day, edition.as_of, edition.gap, edition.settled_on, Method.TARGETED, ())

    def _read(self, day: date, district: str, snapshot: Snapshot, header: RecordHeader | None) -> bool:
        self.counts.records += 1
        try:
            record = snapshot.district(district)
        except (DamagedFile, SnapshotNotFound) as error:
            self._note(day, district, _file_cause(error), f"{error}; a rebuild of the day puts it right")
            return False
        if not record.provenance:
            rule = f"the record names no document; source {self.collaborators.source.name!r} made it without its `fetch`"
            self._note(day, district, Cause.NO_PROVENANCE, rule)
            return False
        if header is None:  # it came back meanwhile
            return False
        self._waiting[day, district] = _Stored(header, record)
        return True

    def _look_at_as_ofs(self, planned: PlannedDay, districts: Sequence[str], entries: Mapping[str, RecordHeader]) -> None:
        """Note what was stored before the day's last state was known."""
        today = self.collaborators.clock.today()
        if planned.as_of is None or (planned.settled_on is not None and planned.settled_on > today):
            return  # it is not known yet
        archived = edition_as_of(self.catalog.of_day(planned.day), None)
        for name in districts:
            header = entries[name]
            is_known = not header.settled or (archived is not None and archived > header.as_of)
            if header.as_of < planned.as_of and is_known:
                message = (
                    f"stored as of {header.as_of}, while the day's figures were given out until {planned.as_of}, as is known by now; "
                    "collect it again"
                )
                self._note(planned.day, name, Cause.CLOSE_LEARNT_LATER, message)

    def _look_at_summaries(self, planned: PlannedDay, snapshot: Snapshot) -> None:
        source = self.collaborators.source
        if self.names is not None or not isinstance(snapshot, Summarized) or not snapshot.summaries:
            return
        if not isinstance(source, DaySummarizer):
            return
        newest = edition_as_of(self.catalog.of_day(planned.day), None)
        part = summaries_part(planned, snapshot, source, newest, snapshot.districts)
        made: Mapping[str, Collected] = {}
        failure: SourceError | None = None
        try:
            made = make_summaries(source, self.archive, part)
        except SourceError as error:
            failure = error
        for name, header in snapshot.summaries.items():
            self.counts.summaries += 1
            try:
                stored = snapshot.summary(name)
            except (DamagedFile, SnapshotNotFound) as error:
                self._note(planned.day, None, _file_cause(error), f"{error}; a rebuild of the day puts it right", name)
                continue
            if name not in made:
                why = "the source makes none of this name" if failure is None else str(failure)
                cause = Cause.CANNOT_BE_MADE if failure is None else _CAUSES.get(failure.kind, Cause.CANNOT_BE_MADE)
                self._note(planned.day, None, cause, why, name)
            elif _sha256(made[name].data) == header.sha256:
                self.counts.same += 1
            else:
                self._note(planned.day, None, *_of_values(stored, made[name].data), name)

    def _cause(self, error: SourceError, record: DistrictRecord) -> Cause:
        known = _CAUSES.get(error.kind)
        source = self.collaborators.source
        if known is None and isinstance(source, Versioned) and str(source.calculation_version) != record.calculation_version:
            return Cause.RULES_CHANGED
        return known or Cause.CANNOT_BE_MADE


def _absent(jobs: JobStore, first: date, last: date, stored: frozenset[date], names: frozenset[str] | None) -> Iterator[date]:
    """Iterate over the days that jobs have stored, as the ledger says, and that are not among *stored*."""
    ledger = jobs.outcomes(first, last) if isinstance(jobs, SupportsOutcomes) else {}
    for day in sorted(ledger.keys() - stored):
        if any(state in THERE and (names is None or name in names) for name, state in ledger[day].items()):
            yield day


def _file_cause(error: DamagedFile | SnapshotNotFound) -> Cause:
    is_there = isinstance(error, DamagedFile) and not error.is_missing
    return Cause.FILE_EDITED if is_there else Cause.FILE_MISSING


def _divergence(stored: DistrictRecord, made: EncodedRecord) -> tuple[Cause, str]:
    record = decode_record(made.content, settled=True)
    if record.calculation_version != stored.calculation_version:
        changed = f"the rules were {stored.calculation_version}, and are {record.calculation_version}"
        return Cause.RULES_CHANGED, f"{changed}; {_places(stored.data, record.data)}"
    if record.data == stored.data:
        return Cause.FILE_EDITED, "the figures are those of its documents; what else the file says is not"
    return Cause.FILE_EDITED, f"its documents, by the same rules, give other figures: {_places(stored.data, record.data)}"


def _of_values(stored: object, made: object) -> tuple[Cause, str]:
    places = list(differing(_plain(stored), _plain(made)))
    shown = _shown(places)
    if any(place.path.endswith(_VERSION) for place in places):
        return Cause.RULES_CHANGED, f"other rules, other figures: {shown}"
    return Cause.FILE_EDITED, f"its documents give something else: {shown}"


def _plain(value: object) -> JsonValue:
    return {key: held for key, held in value.items() if key != PROVENANCE} if isinstance(value, dict) else repr(value)


def _places(stored: JsonValue, made: JsonValue) -> str:
    return _shown(list(differing(stored, made)))


def _shown(places: Sequence[object]) -> str:
    if not places:
        return "the figures are the same"
    more = len(places) - _SHOWN
    return "; ".join(map(str, islice(places, _SHOWN))) + (f"; and {more} more" if more > 0 else "")


def _sha256(value: object) -> str:
    return hashlib.sha256(dumps(value)).hexdigest()
