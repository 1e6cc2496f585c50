"""What the archive, and the stored days themselves, say of what a day was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Protocol, runtime_checkable

from attrs import define, field, frozen

from backfill.engine.calendar import list_editions
from backfill.errors import DamagedFile, SnapshotNotFound
from backfill.model import DocumentRef, Edition, Frequency, Method, PlannedDay, RecordHeader
from backfill.protocols import BatchSource, DataSource, DocumentDating, EditionCatalog, Snapshot, SystemWideSource
from backfill.rebuilding.replay import Part

APART = timedelta(days=3)
"""So long at most before the day's documents a district's own may have been given out, to be of the same edition."""

AsOfs = Mapping[str | None, tuple[date, ...]]
"""The as-ofs of which a day has documents, ascending: of each district, and (``None``) of the day as a whole."""


def edition_of(source: DataSource, day: date) -> Edition:
    """Return what the source says of a day; of a source without a calendar, that it gave it out on that day."""
    if not isinstance(source, EditionCatalog):
        return Edition(day, day)
    (edition,) = list_editions(day, day, Frequency.DAILY, source)
    return edition


@runtime_checkable
class Named(Protocol):
    """An archive that can list what it holds."""

    def names(self) -> Iterable[str]:
        """Return the identities of all usable documents."""
        ...


@frozen
class Catalog:
    """Which days an archive has documents of.

    Attributes:
        days: For each day the as-ofs of its documents.
    """

    days: Mapping[date, AsOfs] = field(factory=dict, repr=False)

    @classmethod
    def of(cls, archive: object, source: DataSource, start: date, end: date) -> Catalog:
        """Return what *archive* has of the days from *start* to *end*, as far as the names of documents tell; reads no document."""
        if not isinstance(archive, Named) or not isinstance(source, DocumentDating):
            return cls()
        found: dict[date, dict[str | None, set[date]]] = {}
        for name in archive.names():
            dated = source.date_document(name)
            if dated is not None and start <= dated.day <= end:
                found.setdefault(dated.day, {}).setdefault(dated.district, set()).add(dated.as_of)
        return cls({day: {key: tuple(sorted(as_ofs)) for key, as_ofs in found[day].items()} for day in sorted(found)})

    def of_day(self, day: date) -> AsOfs:
        """Return the as-ofs of a day's documents."""
        return self.days.get(day, {})


def edition_as_of(as_ofs: AsOfs, district: str | None) -> date | None:
    """Return the as-of of the newest edition of a day that can be made of one district; ``None`` = nothing tells.

    A district's own documents may have been had of an as-of some days before the day's: then that is the edition.
    """
    own, of_day = as_ofs.get(district, ()), as_ofs.get(None, ())
    if not own:
        return max(of_day, default=None)
    nearest = next((as_of for as_of in of_day if as_of >= own[-1]), own[-1])
    return nearest if nearest - own[-1] <= APART else own[-1]


def pinned_as_of(refs: Iterable[DocumentRef], source: DataSource, day: date) -> date | None:
    """Return the as-of of the edition that something was made from, as its documents of the day as a whole tell."""
    if not isinstance(source, DocumentDating):
        return None
    dated = (source.date_document(ref.name) for ref in refs)
    return max((one.as_of for one in dated if one is not None and one.district is None and one.day == day), default=None)


@define
class _Growing:
    districts: list[str]
    pins: dict[str, tuple[DocumentRef, ...]]
    by_name: dict[str, DocumentRef]

    def takes(self, refs: tuple[DocumentRef, ...]) -> bool:
        return all(self.by_name.get(ref.name, ref) == ref for ref in refs)

    def add(self, district: str, refs: tuple[DocumentRef, ...] | None) -> None:
        self.districts.append(district)
        if refs is not None:
            self.pins[district] = refs
            self.by_name.update((ref.name, ref) for ref in refs)


def parts_of(
    planned: PlannedDay,
    districts: Iterable[str],
    source: DataSource,
    entries: Mapping[str, RecordHeader],
    named: Callable[[str], tuple[DocumentRef, ...] | None],
    as_ofs: AsOfs,
) -> Iterator[Part]:
    """Iterate over the parts in which *districts* of a day are made: the stored ones from what they were made from before.

    A stored record that is damaged cannot say what it was made from: it is made from the newest documents, as one that is not stored.

    Args:
        planned: The day.
        districts: Of it.
        source: By whose rules.
        entries: What is stored of it.
        named: Returns the documents that the stored record of a district names; ``None`` = it cannot be read.
        as_ofs: Of which as-ofs the archive has documents of the day.
    """
    growing: dict[tuple[date | None, Method, bool], list[_Growing]] = {}
    for district in districts:
        header = entries.get(district)
        refs = None if header is None else named(district)
        if header is None:
            as_of, method = edition_as_of(as_ofs, district) or planned.as_of, method_of(source, is_own=district in as_ofs)
        else:
            found = None if refs is None else pinned_as_of(refs, source, planned.day)
            as_of, method = found or header.as_of, _recorded(header, source)
        of_kind = growing.setdefault((as_of, method, refs is not None), [])
        fitting = next((one for one in of_kind if one.takes(refs or ())), None)
        if fitting is None:
            fitting = _Growing([], {}, {})
            of_kind.append(fitting)
        fitting.add(district, refs)
    for (as_of, method, _is_pinned), of_kind in growing.items():
        for one in of_kind:
            yield Part(planned.day, as_of, planned.settled_on, method, tuple(one.districts), one.pins)


def refs_of(snapshot: Snapshot | None, district: str) -> tuple[DocumentRef, ...] | None:
    """Return the documents that a stored record names; ``None`` = it cannot be read, or is not there."""
    if snapshot is None:
        return None
    try:
        return snapshot.district(district).provenance
    except (DamagedFile, SnapshotNotFound):  # told by who verifies the record itself
        return None


def _recorded(header: RecordHeader, source: DataSource) -> Method:
    if header.method == Method.SYSTEM_WIDE and isinstance(source, SystemWideSource):
        return Method.SYSTEM_WIDE
    return Method.TARGETED if header.method == Method.TARGETED and isinstance(source, BatchSource) else Method.PER_DISTRICT


def method_of(source: DataSource, *, is_own: bool) -> Method:
    """Return how a record is made that is not stored; *is_own* = the archive has documents of the district itself."""
    if not is_own and isinstance(source, SystemWideSource):
        return Method.SYSTEM_WIDE
    return Method.TARGETED if isinstance(source, BatchSource) else Method.PER_DISTRICT
