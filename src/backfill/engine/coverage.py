"""Which (day, district) are stored, and what became of the others, from manifests and the ledger of outcomes (B5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from backfill.engine.calendar import check_range, list_editions
from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, CellState, Coverage, Frequency, RecordHeader, UnitState
from backfill.model.coveragecells import STATES, STORED
from backfill.protocols import Clock, DataSource, JobStore, SnapshotStore, SupportsOutcomes

_MISSING = frozenset({CellState.FAILED, CellState.NEVER_TRIED})
_OUTCOMES: Mapping[UnitState | None, CellState] = {
    UnitState.FAILED: CellState.FAILED,
    UnitState.UNAVAILABLE: CellState.UNAVAILABLE,
}

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
    stored = frozenset(store.days(start, end))
    cells: dict[date, dict[str, CellState]] = {}
    incomplete: dict[date, frozenset[str]] = {}
    for day in (edition.day for edition in editions):
        entries = store.entries(day) if day in stored else {}
        cells[day] = _cells(entries, ledger.get(day, {}))
        names = frozenset(name for name, header in entries.items() if not header.settled or header.stale_detail)
        if names:
            incomplete[day] = names if districts is None else names & frozenset(districts)
    if districts is None:
        districts = tuple(sorted({district for known in cells.values() for district in known}))
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


def _cells(entries: Mapping[str, RecordHeader], outcomes: Mapping[str | None, UnitState]) -> dict[str, CellState]:
    cells = {
        district: _OUTCOMES[outcome] for district, outcome in outcomes.items() if district is not None and outcome in _OUTCOMES
    }
    cells.update((district, CellState(header.detail)) for district, header in entries.items())
    return cells
