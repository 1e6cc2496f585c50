"""Which (day, district) are stored, and what became of the others, from manifests and the ledger of outcomes (B5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from backfill.engine.calendar import check_range, list_editions
from backfill.errors import DamagedFile, InvalidRequest, SnapshotNotFound
from backfill.model import BackfillRequest, CellState, Coverage, DayCells, DayOutline, Edition, Frequency, Method, UnitState
from backfill.model.coveragecells import CODES, STORED
from backfill.model.units import OutcomeRow
from backfill.protocols import Clock, DataSource, JobStore, SnapshotStore, SupportsOutcomes, SupportsOutlines, SupportsRemnants

_OUTCOMES: Mapping[UnitState, CellState] = {
    UnitState.FAILED: CellState.FAILED,
    UnitState.UNAVAILABLE: CellState.UNAVAILABLE,
}

THERE = frozenset({UnitState.COMPLETED, UnitState.SKIPPED})
"""The outcomes of what is stored."""

_NOTHING = DayOutline(DayCells((), b""))

Ledger = Mapping[date, Mapping[str | None, UnitState]]


def survey(
    start: date,
    end: date,
    frequency: Frequency,
    districts: tuple[str, ...] | None,
    *,
    source: DataSource,
    store: SnapshotStore,
    jobs: JobStore,
    clock: Clock,
) -> Coverage:
    """Return the state of every (day, district) of the range; *districts* ``None`` = all that are stored or were tried.

    Opens no district file and sends no request. A day that is damaged keeps none of the others from being told.

    Raises:
        InvalidRequest: The range reaches beyond what can have been published, or selects no day.
    """
    check_range(start, end, source, clock)
    editions = list_editions(start, end, frequency, source)
    ledger: Ledger = jobs.outcomes(start, end) if isinstance(jobs, SupportsOutcomes) else {}
    stored = store.outlines(start, end) if isinstance(store, SupportsOutlines) else _outlines(store, start, end, editions)
    cells: dict[date, Mapping[str, CellState]] = {}
    incomplete: dict[date, frozenset[str]] = {}
    damaged: dict[date, str] = {}
    listed: dict[date, tuple[str, ...]] = {}
    for day in (edition.day for edition in editions):
        outline = stored.get(day, _NOTHING)
        if outline.damage is not None:
            damaged[day] = outline.damage
            continue
        cells[day] = _cells(outline.cells, ledger.get(day))
        if outline.listed is not None:
            listed[day] = outline.listed
        if outline.incomplete:
            incomplete[day] = outline.incomplete if districts is None else outline.incomplete & frozenset(districts)
    lost = {day: names for day in cells if (names := _lost(ledger.get(day, {}), cells[day]))}
    if districts is None:
        tried = (_tried(ledger.get(day, {})) for day in damaged)
        districts = _districts(
            (*cells.values(), *tried, *(dict.fromkeys(names, CellState.NEVER_TRIED) for names in lost.values()))
        )
    _note_absent(cells, listed, districts)
    whole = {
        day: _OUTCOMES[outcomes[None]] for day, outcomes in ledger.items() if day in cells and outcomes.get(None) in _OUTCOMES
    }
    for day, state in whole.items():
        cells[day] = {**dict.fromkeys(districts, state), **cells[day]}
    return Coverage(
        start=start,
        end=end,
        frequency=str(frequency),
        days=tuple(edition.day for edition in editions),
        districts=districts,
        cells=cells,
        gaps={edition.day: str(edition.gap) for edition in editions if edition.gap is not None},
        incomplete=incomplete,
        whole=whole,
        damaged=damaged,
        lost=lost,
    )


def missing_units(coverage: Coverage, method: Method) -> tuple[dict[date, tuple[str, ...] | None], frozenset[date]]:
    """Return what of *coverage* a job that collects by *method* fills, and the days of it that need a call for each district instead.

    What is partial and stored in full, a summary of the day does not complete. So where the method is such a summary, a day that lacks
    nothing else is collected by districts; of one that does, only the rest is filled, and these by the next job.

    Raises:
        InvalidRequest: Nothing is missing that can be had.
    """
    if not coverage.missing:
        rule = "nothing is missing that can be had"
        remedy = f"mend the damaged days first: {_listed(coverage.damaged)}" if coverage.damaged else "there is nothing to do"
        raise InvalidRequest("coverage", f"{coverage.start} to {coverage.end}", rule, remedy)
    missing, by_district = dict(coverage.missing), set[date]()
    for day, names in coverage.missing.items() if method is Method.SYSTEM_WIDE else ():
        rest = tuple(name for name in names or () if coverage.detail(day, name) != CellState.FULL)
        if rest:
            missing[day] = rest
        elif names is not None:
            by_district.add(day)
    return missing, frozenset(by_district)


def _listed(days: Iterable[date]) -> str:
    return ", ".join(map(str, days))


def filling(coverage: Coverage, configured: tuple[str, ...] | None) -> BackfillRequest:
    """Return a request for the days and districts of *coverage*, in the detail in which the rest is stored: in full if all of it is.

    Args:
        coverage: What is there.
        configured: The districts in scope; ``None`` = those that the source lists.
    """
    stored = set(_details(coverage))
    if coverage.missing and all(
        coverage.detail(day, name) == CellState.FULL for day, names in coverage.missing.items() for name in names or ("",)
    ):
        stored = {"full"}  # nothing but records in full that are partial: no summary would complete them
    detail = "auto" if not stored else "full" if stored == {"full"} else "summary"
    is_all = not coverage.districts or (configured is not None and set(configured) == set(coverage.districts))
    targets = None if is_all else coverage.districts
    return BackfillRequest(coverage.start, coverage.end, targets, frequency=coverage.frequency, detail=detail)


def _details(coverage: Coverage) -> Iterator[str | None]:
    """Iterate over the details in which something of *coverage* is stored."""
    counts = coverage.counts
    yield from (str(state) for state in STORED if counts[state])
    for day, names in coverage.incomplete.items() if counts[CellState.PARTIAL] else ():
        yield from {coverage.detail(day, name) for name in names} - {None}


def _note_absent(
    cells: dict[date, Mapping[str, CellState]], listed: Mapping[date, tuple[str, ...]], districts: tuple[str, ...]
) -> None:
    """Put into *cells* that those of *districts* are unavailable which a day's own list does not have."""
    absent: dict[tuple[str, ...], tuple[str, ...]] = {}
    names: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}
    for day, own in listed.items():
        if own not in absent:
            there = frozenset(own)
            absent[own] = tuple(name for name in districts if name not in there)
        missing, known = absent[own], cells[day]
        if not missing:
            continue
        if not isinstance(known, DayCells):
            cells[day] = {**dict.fromkeys(missing, CellState.UNAVAILABLE), **known}
            continue
        key = (known.districts, missing)
        if key not in names:
            stored = frozenset(known.districts)
            names[key] = tuple(name for name in missing if name not in stored)
        more = names[key]
        cells[day] = DayCells((*known.districts, *more), known.codes + bytes((CODES[CellState.UNAVAILABLE],)) * len(more))


def _outlines(store: SnapshotStore, start: date, end: date, editions: Sequence[Edition]) -> Mapping[date, DayOutline]:
    remnants = store.remnants(start, end) if isinstance(store, SupportsRemnants) else ()
    found = {day: DayOutline.damaged("it has files, and no manifest that would say what they are") for day in remnants}
    stored = frozenset(store.days(start, end))
    return found | {edition.day: _outline(store, edition.day) for edition in editions if edition.day in stored}


def _outline(store: SnapshotStore, day: date) -> DayOutline:
    try:
        entries = store.entries(day)
    except DamagedFile as error:
        return DayOutline.damaged(error)
    try:
        return DayOutline.of(entries, store.read(day).metadata.own_list)
    except (DamagedFile, SnapshotNotFound):  # its metadata say nothing: told by who reads the day
        return DayOutline.of(entries)


def _tried(outcomes: Mapping[str | None, UnitState]) -> dict[str, CellState]:
    """Return the districts that jobs have tried to collect, whatever became of them."""
    return {name: CellState.DAMAGED for name in outcomes if name is not None}


def _cells(stored: DayCells, outcomes: Mapping[str | None, UnitState] | None) -> Mapping[str, CellState]:
    """Return what is known of a day's districts: what is stored counts before what became of it later."""
    if not outcomes or (isinstance(outcomes, OutcomeRow) and not outcomes.has(_OUTCOMES)):
        return stored
    return {
        **{name: _OUTCOMES[outcome] for name, outcome in outcomes.items() if name is not None and outcome in _OUTCOMES},
        **stored,
    }


def _lost(outcomes: Mapping[str | None, UnitState], cells: Mapping[str, CellState]) -> frozenset[str]:
    """Return the districts of a day that jobs have stored, as the ledger says, and that are not stored any more."""
    if isinstance(outcomes, OutcomeRow):
        there = outcomes.with_states(THERE)
    else:
        there = [name for name, state in outcomes.items() if state in THERE]
    if not there:
        return frozenset()
    known = frozenset(cells.districts if isinstance(cells, DayCells) else cells)
    return frozenset(name for name in there if name is not None and name not in known)


def _districts(cells: Iterable[Mapping[str, CellState]]) -> tuple[str, ...]:
    """Return every district of which anything is known, in text order."""
    lists = {known.districts if isinstance(known, DayCells) else tuple(known) for known in cells}
    return tuple(sorted({name for names in lists for name in names}))
