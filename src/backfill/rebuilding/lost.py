"""Which districts a day had that is not stored any more, where the names of documents do not tell the day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date

from backfill.engine.calendar import list_editions
from backfill.engine.coverage import THERE
from backfill.errors import DamagedFile, SourceError
from backfill.fetching.reuse import Archive
from backfill.model import Edition, Frequency, Method, UnitState
from backfill.protocols import DataSource, RequestPlanner, SnapshotStore
from backfill.rebuilding.evidence import method_of
from backfill.rebuilding.replay import Part, make

Ledger = Mapping[date, Mapping[str | None, UnitState]]


def collected(outcomes: Mapping[str | None, UnitState]) -> set[str]:
    """Return the districts that jobs have stored, as the ledger says."""
    return {name for name, state in outcomes.items() if name is not None and state in THERE}


def lost_days(
    source: DataSource,
    store: SnapshotStore,
    archive: Archive,
    ledger: Ledger,
    scope: Iterable[str] | None,
    first: date,
    last: date,
) -> Iterator[tuple[Edition, set[str]]]:
    """Iterate over the editions from *first* to *last* that are not stored and that the archive gives something of, with their districts.

    These are the ones that jobs have stored, as the ledger says. Of other days those in scope, else those of the stored days nearest to
    the range and of the ledger, as far as the archive has their documents: by the documents that the source plans, and where it plans
    none, by what comes of it when they are made.
    """
    stored = frozenset(store.days(first, last))
    candidates = tuple(sorted(set(scope) if scope is not None else _known(store, ledger, first, last)))
    for edition in list_editions(first, last, Frequency.DAILY, source):
        if edition.day in stored or edition.gap is not None:
            continue
        names = collected(ledger.get(edition.day, {})) or set(_archived(source, archive, edition, candidates))
        if names:
            yield edition, names


def _known(store: SnapshotStore, ledger: Ledger, first: date, last: date) -> set[str]:
    """Return the districts of the days of the range, and of the stored ones nearest to it."""
    days = list(store.days())
    before, after = [day for day in days if day < first], [day for day in days if day > last]
    near = [*before[-1:], *(day for day in days if first <= day <= last), *after[:1]]
    names = {name for outcomes in ledger.values() for name in outcomes if name is not None}
    for day in near:
        with suppress(DamagedFile):  # the others say enough, or nothing does; its own rebuild tells of it
            names.update(store.entries(day))
    return names


def _archived(source: DataSource, archive: Archive, edition: Edition, districts: tuple[str, ...]) -> Iterator[str]:
    method = method_of(source, is_own=False)
    if isinstance(source, RequestPlanner) and method is not Method.SYSTEM_WIDE:
        for district in districts:
            needed = [one for one in source.requests_for(edition, district) if not one.conditional]
            if needed and all(_has(archive, one.identity) for one in needed):
                yield district
        return
    made = make(source, archive, Part(edition.day, edition.as_of, edition.settled_on, method, districts)) if districts else None
    for district, value in made.records.items() if made else ():
        if not isinstance(value, SourceError):
            yield district


def _has(archive: Archive, identity: str) -> bool:
    try:
        return archive.get(identity) is not None
    except DamagedFile:  # it was there, and the job says what became of it
        return True
