"""The chain from a stored figure to the bytes that it was made from; or why there is no figure (B3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from attrs import evolve

from backfill.engine.coverage import THERE
from backfill.engine.scoping import naming_of
from backfill.errors import DamagedFile, InvalidRequest, SnapshotNotFound, StoreError
from backfill.fetching.pinned import DAMAGED, damage
from backfill.fetching.reuse import Archive
from backfill.model import (
    DocumentRef,
    Evidence,
    Explanation,
    Gap,
    Kept,
    RecordHeader,
    SnapshotMetadata,
    Standing,
    UnitState,
)
from backfill.model.checks import as_date
from backfill.protocols import (
    DataSource,
    DocumentDating,
    Fetcher,
    JobStore,
    Snapshot,
    SnapshotStore,
    Summarized,
    SupportsOutcomes,
    SupportsRemnants,
)
from backfill.rebuilding.evidence import AsOfs, Catalog, Named, edition_of
from backfill.rebuilding.lost import collected
from backfill.rebuilding.planning import Collaborators, archive_of
from backfill.serialization import refs_of_summary

_GAPS = {
    Gap.CLOSING: "the publisher was still giving out the month before on that day",
    Gap.NEVER_EXISTED: "the publisher never had it",
    Gap.NOT_PUBLISHED_YET: "it has not been published yet",
    Gap.NO_SUCH_AS_OF: "the publisher gave nothing out on that day",
    Gap.UNKNOWN: "the publisher is not known to have it",
}


def explain(collaborators: Collaborators, fetcher: Fetcher, day: date | str, district: str | None) -> Explanation:
    """Return where a figure comes from, or why there is none; see `backfill.BackfillService.explain`."""
    day = as_date("day", day)
    name = None if district is None else naming_of(collaborators.source)(district)
    archive = _archive(fetcher)
    try:
        entries = collaborators.store.entries(day)
        snapshot = collaborators.store.read(day) if entries else None
        if not entries and _is_remnant(collaborators.store, day):
            why = "the day has files, and no manifest that would say what they are; move its folder away, then rebuild the day"
            return Explanation(day, name, Standing.DAMAGED, why)
    except (DamagedFile, SnapshotNotFound) as error:
        return Explanation(day, name, Standing.DAMAGED, f"the stored day cannot be read: {error}")
    if snapshot is not None and name is None:
        return _of_day(snapshot, collaborators.source, archive)
    if snapshot is not None and name in entries:
        return _of_record(snapshot, str(name), entries[str(name)], collaborators.source, archive)
    if snapshot is not None and name in snapshot.districts:
        return Explanation(day, name, Standing.DAMAGED, "its file is gone; a rebuild of the day puts it right")
    return _absent(collaborators, archive, day, name, None if snapshot is None else snapshot.metadata)


def _is_remnant(store: SnapshotStore, day: date) -> bool:
    return isinstance(store, SupportsRemnants) and day in store.remnants(day, day)


def _archive(fetcher: Fetcher) -> Archive | None:
    try:
        return archive_of(fetcher)
    except InvalidRequest:  # a door without an archive: nothing can be shown of documents
        return None


def _of_record(
    snapshot: Snapshot, district: str, header: RecordHeader, source: DataSource, archive: Archive | None
) -> Explanation:
    told = Explanation(snapshot.day, district, Standing.STORED, "", header=header, operations=snapshot.metadata.operations)
    try:
        record = snapshot.district(district)
    except (DamagedFile, SnapshotNotFound) as error:
        return evolve(told, standing=Standing.DAMAGED, why=f"{error}; a rebuild of the day makes it anew from the archive")
    documents = tuple(_evidence(record.provenance, source, archive))
    why = f"stored in {header.detail}, as of {header.as_of}"
    if header.stale_detail:
        why += "; a newer state is known in summary only"
    elif not header.settled:
        why += "; a later run completes it"
    return evolve(told, why=why, calculation_version=record.calculation_version, documents=documents)


def _of_day(snapshot: Snapshot, source: DataSource, archive: Archive | None) -> Explanation:
    refs: dict[str, DocumentRef] = {}
    names: tuple[str, ...] = ()
    if isinstance(snapshot, Summarized):
        names = tuple(snapshot.summaries)
        for name in names:
            try:
                refs.update((ref.name, ref) for ref in refs_of_summary(snapshot.summary(name)))
            except StoreError as error:
                return Explanation(snapshot.day, None, Standing.DAMAGED, str(error), operations=snapshot.metadata.operations)
    made = f"summaries: {', '.join(names)}" if names else "it has no summaries"
    why = f"stored, {len(snapshot.districts)} districts; {made}"
    documents = tuple(_evidence(refs.values(), source, archive))
    return Explanation(snapshot.day, None, Standing.STORED, why, documents=documents, operations=snapshot.metadata.operations)


def _evidence(refs: Iterable[DocumentRef], source: DataSource, archive: Archive | None) -> Iterator[Evidence]:
    for ref in refs:
        dated = source.date_document(ref.name) if isinstance(source, DocumentDating) else None
        kept, size = _kept(ref, archive)
        yield Evidence(ref, None if dated is None else dated.as_of, kept, size)


def _kept(ref: DocumentRef, archive: Archive | None) -> tuple[Kept, int | None]:
    if archive is None:
        return Kept.UNKNOWN, None
    try:
        document = archive.get(ref.name, sha256=ref.sha256, fetched_at=ref.fetched_at)
    except DamagedFile as error:
        return (Kept.DAMAGED if damage(error) == DAMAGED else Kept.MISSING), None
    except StoreError:
        return Kept.UNKNOWN, None
    return (Kept.MISSING, None) if document is None else (Kept.THERE, len(document.content))


def _absent(
    collaborators: Collaborators, archive: Archive | None, day: date, district: str | None, metadata: SnapshotMetadata | None
) -> Explanation:
    """Return why there is no figure: as the stored day says, as the calendar says, or as the ledger of outcomes says."""
    operations = () if metadata is None else metadata.operations
    told = Explanation(day, district, Standing.NEVER_TRIED, "no job has tried to collect it", operations=operations)
    return (
        (None if metadata is None else _by_metadata(told, metadata))
        or _by_calendar(told, collaborators.source)
        or _by_ledger(told, collaborators.jobs, collaborators.source, archive)
    )


def _by_metadata(told: Explanation, metadata: SnapshotMetadata) -> Explanation | None:
    error = next((one for one in metadata.errors if one.district_id == told.district), None)
    if error is not None:
        again = "another attempt may help" if error.is_retryable else "another attempt would end in the same way"
        why = f"it failed ({error.stage}, {error.attempts} attempts): {error.message}; {again}"
        return evolve(told, standing=Standing.FAILED, why=why, error=error, kind=error.kind)
    if told.district in metadata.unavailable:
        why = "nothing was published of this district for that day"
        return evolve(told, standing=Standing.UNAVAILABLE, why=why, kind="unavailable")
    if metadata.listed and told.district not in metadata.expected:
        why = "the day's own list does not have this district"
        return evolve(told, standing=Standing.UNAVAILABLE, why=why, kind="no_such_district")
    return None


def _by_calendar(told: Explanation, source: DataSource) -> Explanation | None:
    edition = edition_of(source, told.day)
    if edition.gap is None:
        return None
    return evolve(told, standing=Standing.UNAVAILABLE, why=f"{_GAPS[edition.gap]} ({edition.gap})", kind=str(edition.gap))


def _by_ledger(told: Explanation, jobs: JobStore, source: DataSource, archive: Archive | None) -> Explanation:
    outcomes = jobs.outcomes(told.day, told.day).get(told.day, {}) if isinstance(jobs, SupportsOutcomes) else {}
    outcome = outcomes.get(told.district, outcomes.get(None))
    if told.district is None and outcome is None and collected(outcomes):
        outcome = UnitState.COMPLETED
    if outcome is UnitState.FAILED:
        why = "a job failed to collect it; list_backfills() and errors() of the job say why"
        return evolve(told, standing=Standing.FAILED, why=why)
    if outcome is UnitState.UNAVAILABLE:
        why = "a job asked for it, and nothing was published"
        return evolve(told, standing=Standing.UNAVAILABLE, why=why, kind="unavailable")
    if outcome in THERE:
        return evolve(
            told,
            why=f"a job stored it, and it is not stored any more; {_way_back(told, source, archive)}",
            standing=Standing.LOST,
        )
    return told


def _way_back(told: Explanation, source: DataSource, archive: Archive | None) -> str:
    """Return how something comes back that is not stored any more."""
    if archive is None:
        return "collect it again"
    if not isinstance(source, DocumentDating) or not isinstance(archive, Named):
        return "a rebuild makes it anew, if the archive still has its documents; else collect it again"
    as_ofs = _archived_of(told.day, source, archive)
    if as_ofs is None:
        return "a rebuild makes it anew, if the archive, which cannot be read now, still has its documents; else collect it again"
    if told.district in as_ofs or None in as_ofs:
        return "a rebuild makes it anew from the archive"
    if as_ofs and told.district is None:
        return "a rebuild makes of it what the archive has documents of"
    return "nor does the archive have its documents any more, as after pruning with the archive: collect it again"


def _archived_of(day: date, source: DataSource, archive: Archive) -> AsOfs | None:
    try:
        return Catalog.of(archive, source, day, day).of_day(day)
    except StoreError:  # an archive that cannot be read explains nothing; verify tells what is wrong with it
        return None
