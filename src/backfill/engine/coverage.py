"""Which (day, district) are stored, and what became of the others, from manifests and the ledger of outcomes (B5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from backfill.engine.calendar import check_range, list_editions
from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, CellState, Coverage, DayCells, DayOutline, Edition, Frequency, UnitState
from backfill.model.coveragecells import STATES, STORED
from backfill.model.units import OutcomeRow
from backfill.protocols import Clock, DataSource, JobStore, SnapshotStore, SupportsOutcomes, SupportsOutlines

_MISSING = frozenset({CellState.FAILED, CellState.NEVER_TRIED})
_OUTCOMES: Mapping[UnitState, CellState] = {
    UnitState.FAILED: CellState.FAILED,
    UnitState.UNAVAILABLE: CellState.UNAVAILABLE,
}

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

    Opens no district file and sends no request.

    Raises:
        InvalidRequest: The range reaches beyond what can have been published, or selects no day.
    """
    check_range(start, end, source, clock)
    editions = list_editions(start, end, frequency, source)
    ledger: Ledger = jobs.outcomes(start, end) if isinstance(jobs, SupportsOutcomes) else {}
    stored = store.outlines(start, end) if isinstance(store, SupportsOutlines) else _outlines(store, start, end, editions)
    cells: dict[date, Mapping[str, CellState]] = {}
    incomplete: dict[date, frozenset[str]] = {}
    for day in (edition.day for edition in editions):
        outline = stored.get(day, _NOTHING)
        cells[day] = _cells(outline.cells, ledger.get(day))
        if outline.incomplete:
            incomplete[day] = outline.incomplete if districts is None else outline.incomplete & frozenset(districts)
    if districts is None:
        districts = _districts(cells.values())
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
    )


def missing_units(coverage: Coverage) -> dict[date, tuple[str, ...] | None]:
    """Return, for each day of *coverage* with something missing that can be had, the districts (``None`` = all that the day has).

    Missing is what failed, and what was never tried. Where no district is known at all, whole days are.

    Raises:
        InvalidRequest: Nothing is missing.
    """
    missing: dict[date, tuple[str, ...] | None] = {}
    for day, row in zip(coverage.days, coverage.grid, strict=True):
        if not coverage.districts and day not in coverage.gaps and coverage.whole.get(day) is not CellState.UNAVAILABLE:
            missing[day] = None
        names = tuple(district for district, code in zip(coverage.districts, row, strict=True) if STATES[code] in _MISSING)
        if names:
            missing[day] = names
    if not missing:
        rule = "nothing is missing that can be had"
        raise InvalidRequest("coverage", f"{coverage.start} to {coverage.end}", rule, "there is nothing to do")
    return missing


def filling(coverage: Coverage, configured: tuple[str, ...] | None) -> BackfillRequest:
    """Return a request for the days and districts of *coverage*, in the detail in which the rest is stored: in full if all of it is.

    Args:
        coverage: What is there.
        configured: The districts in scope; ``None`` = those that the source lists.
    """
    stored = set(_details(coverage))
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


def _outlines(store: SnapshotStore, start: date, end: date, editions: Sequence[Edition]) -> Mapping[date, DayOutline]:
    stored = frozenset(store.days(start, end))
    return {edition.day: DayOutline.of(store.entries(edition.day)) for edition in editions if edition.day in stored}


def _cells(stored: DayCells, outcomes: Mapping[str | None, UnitState] | None) -> Mapping[str, CellState]:
    """Return what is known of a day's districts: what is stored counts before what became of it later."""
    if not outcomes or (isinstance(outcomes, OutcomeRow) and not outcomes.has(_OUTCOMES)):
        return stored
    return {
        **{name: _OUTCOMES[outcome] for name, outcome in outcomes.items() if name is not None and outcome in _OUTCOMES},
        **stored,
    }


def _districts(cells: Iterable[Mapping[str, CellState]]) -> tuple[str, ...]:
    """Return every district of which anything is known, in text order."""
    lists = {known.districts if isinstance(known, DayCells) else tuple(known) for known in cells}
    return tuple(sorted({name for names in lists for name in names}))
