"""What a rebuild will do: which days, which districts; from what is stored, what the archive has, and what is known to have been."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from datetime import time as time_of_day
from functools import partial
from heapq import merge

from attrs import evolve, frozen

from backfill.engine.calendar import check_range, list_editions
from backfill.engine.collect import Collector
from backfill.engine.planner import Planner
from backfill.engine.scoping import naming_of, resolve_scope
from backfill.errors import DamagedFile, InvalidRequest, SnapshotNotFound, SourceError
from backfill.fetching.offline import ArchiveFetch
from backfill.fetching.pinned import PinnedFetch
from backfill.fetching.reuse import Archive
from backfill.model import (
    REBUILD,
    BackfillPlan,
    BackfillRequest,
    BackfillScope,
    CollectionStrategy,
    Edition,
    Frequency,
    JobContext,
    Method,
    PlannedDay,
    UnitState,
    select_days,
)
from backfill.model.checks import Refusals
from backfill.protocols import (
    Clock,
    DataSource,
    DistrictCatalog,
    DocumentDating,
    EditionCatalog,
    Fetcher,
    JobStore,
    Replaying,
    ScopeResolver,
    SnapshotStore,
    SupportsOffline,
    SupportsOutcomes,
)
from backfill.rebuilding.evidence import Catalog, Named, edition_as_of
from backfill.rebuilding.lost import collected, lost_days

RATIONALE = (
    "from the raw archive, nothing is asked of the publisher: each record from the documents that it names, else from the newest"
)


@frozen(eq=False)
class Collaborators:
    """What a rebuild, or a proof, is made with.

    Attributes:
        source: Whose rules make figures of documents.
        store: What is stored.
        scope: Which districts may be touched.
        jobs: What is known to have been collected.
        clock: The time.
    """

    source: DataSource
    store: SnapshotStore
    scope: ScopeResolver
    jobs: JobStore
    clock: Clock


def archive_of(fetcher: Fetcher) -> Archive:
    """Return the archive behind a door.

    Raises:
        InvalidRequest: It has none that can be looked into.
    """
    offline = fetcher.offline() if isinstance(fetcher, SupportsOffline) else fetcher
    if not isinstance(offline, ArchiveFetch):
        rule = "a rebuild and a proof need the raw documents, and this door out keeps none"
        raise InvalidRequest("fetch", fetcher, rule, "pass PoliteFetcher(archive=RawArchive(folder)) to the service")
    return offline.archive


def plan_rebuild(
    collaborators: Collaborators,
    archive: Archive,
    start: date | str,
    end: date | str | None,
    *,
    districts: Sequence[str] | None,
    concurrency: int,
    max_units: int | None = None,
) -> BackfillPlan:
    """Return what a rebuild of a range will do. Reads manifests and the archive's index; of days that are lost, their lists.

    Stored days are made anew as far as they are stored. Days that are not stored, but of which the archive has documents, are made
    with the districts that are known to have been collected; where nothing is known, with all that the archive can give. Of a source
    whose documents do not tell their day, see `lost_days`.

    Raises:
        InvalidRequest: A value cannot be what it is said to be, the range is too long or not published yet, or it holds nothing that
            can be made, or more than *max_units* units of (day, district).
    """
    request = BackfillRequest(start, end, districts, concurrency=concurrency, retry_failures=False, skip_existing=False)
    refusals = Refusals()
    with refusals.noting():
        check_range(request.start_date, request.end_date, collaborators.source, collaborators.clock)
    with refusals.noting():
        scope = resolve_scope(request.target_districts, collaborators.source, collaborators.scope, collaborators.store)
    refusals.check()
    first, last = request.start_date, request.end_date
    catalog = Catalog.of(archive, collaborators.source, first, last)
    named = None if districts is None else scope.districts
    days = tuple(_bounded(_days(collaborators, archive, catalog, scope, named, first, last), first, max_units))
    if not days:
        rule = "no day from there on is stored, and of none does the archive have documents that say which day they are of"
        raise InvalidRequest(
            "start_date",
            first.isoformat(),
            f"{rule}, up to {last}",
            "collect the range first, import documents, or name the districts to try",
        )
    strategy = CollectionStrategy(Method.TARGETED, "full", RATIONALE)
    draft = BackfillPlan(
        request=request, scope=scope, strategy=strategy, source=collaborators.source.name, days=days, requests={},
        seconds_at_rate=None, exact=True, fingerprint="",
    )  # fmt: skip
    planner = Planner(collaborators.source, collaborators.store, collaborators.scope, collaborators.clock)
    return evolve(planner.complete(draft, rate=None), requests={}, seconds_at_rate=0.0, exact=True)


def _bounded(days: Iterable[PlannedDay], first: date, max_units: int | None) -> Iterator[PlannedDay]:
    """Iterate over *days*, and stop with an error as soon as they hold too much: before the rest is looked for."""
    units = 0
    for planned in days:
        units += len(planned.districts or ())
        if max_units is not None and units > max_units:
            rule = f"the days from there on hold more than the {max_units:,} units of (day, district) that one job may have"
            raise InvalidRequest("start_date", first.isoformat(), rule, "shorten the range, or name fewer districts")
        yield planned


def _days(
    collaborators: Collaborators,
    archive: Archive,
    catalog: Catalog,
    scope: BackfillScope,
    named: tuple[str, ...] | None,
    first: date,
    last: date,
) -> Iterator[PlannedDay]:
    source, store, jobs = collaborators.source, collaborators.store, collaborators.jobs
    stored = frozenset(store.days(first, last))
    ledger = jobs.outcomes(first, last) if isinstance(jobs, SupportsOutcomes) else {}
    lost: Iterator[tuple[Edition, set[str]]] = iter(())
    if named is None and not (isinstance(source, DocumentDating) and isinstance(archive, Named)):
        lost = lost_days(
            source, store, archive, ledger, scope.districts, first, last
        )  # one by one: whoever has enough asks no further
    days = {*stored, *catalog.days}
    if named is not None and not catalog.days:  # nothing tells which days the archive has: those that are named are tried
        days |= frozenset(select_days(first, last, Frequency.DAILY))
    editions = _editions(source, days)
    at_hand = ((editions[day], set[str]()) for day in sorted(days))
    for edition, found in merge(at_hand, lost, key=lambda pair: pair[0].day):
        day = edition.day
        as_ofs = catalog.of_day(day)
        planned = PlannedDay(day, edition_as_of(as_ofs, None) or edition.as_of, None, edition.settled_on, Method.TARGETED, ())
        if day in stored:
            known = {*_stored_names(store, day, ledger.get(day, {})), *(name for name in as_ofs if name is not None)}
        elif named is not None and not as_ofs:
            known = set(named)
        elif found:
            known = found
        else:
            known = {name for name in as_ofs if name is not None} | _once_there(
                ledger.get(day, {}), partial(_listed, collaborators, archive, planned)
            )
        names = tuple(sorted(name for name in known if scope.districts is None or name in scope.districts))
        if names:
            yield evolve(planned, districts=names)


def _once_there(outcomes: Mapping[str | None, UnitState], listed: Callable[[], Iterable[str]]) -> set[str]:
    """Return the districts of a lost day: those that jobs have stored; where the ledger names none, all that the day *listed*.

    What failed last may have been stored before, so it is among them if the day's own list has it.
    """
    there = collected(outcomes)
    failed = {name for name, state in outcomes.items() if name is not None and state is UnitState.FAILED}
    if there and not failed:
        return there
    return there | (failed.intersection(listed()) if there else set(listed()))


def _stored_names(store: SnapshotStore, day: date, outcomes: Mapping[str | None, UnitState]) -> set[str]:
    """Return the districts that a day's manifest has, also those whose file is gone.

    Where it is damaged, those that jobs have stored: they fail by name then.
    """
    try:
        return {*store.entries(day), *store.read(day).districts}
    except (DamagedFile, SnapshotNotFound):
        return collected(outcomes)


def _editions(source: DataSource, days: set[date]) -> Mapping[date, Edition]:
    """Return an edition for each day: as the source has it, but for gaps, in which nothing can be that is there after all."""
    found: dict[date, Edition] = {}
    if days and isinstance(source, EditionCatalog):
        found = {edition.day: edition for edition in list_editions(min(days), max(days), Frequency.DAILY, source)}
    return {day: found.get(day) or Edition(day, day) for day in days}


def _listed(collaborators: Collaborators, archive: Archive, planned: PlannedDay) -> tuple[str, ...]:
    """Return the districts of a day that is not stored, from its own list, if the archive has it."""
    source: object = collaborators.source
    if isinstance(source, Replaying):
        source = source.replaying(planned.edition)
    if not isinstance(source, DistrictCatalog) or not isinstance(source, DataSource):
        return ()
    long_ago = datetime.combine(date.min, time_of_day(), collaborators.clock.now().tzinfo)
    context = JobContext(REBUILD, long_ago, retry=False)
    collector = Collector(source, PinnedFetch(archive, {}), collaborators.clock, context)
    normalize = naming_of(collaborators.source)
    try:
        return tuple(normalize(name) for name in collector.list_day(planned, source))
    except SourceError:
        return ()
