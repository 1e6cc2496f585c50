"""Which (day, district) are stored, and what became of the others, from manifests and the ledger of outcomes (B5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from backfill.engine.calendar import check_range, list_editions
from backfill.model import CellState, Coverage, Frequency, RecordHeader, UnitState
from backfill.protocols import Clock, DataSource, JobStore, SnapshotStore, SupportsOutcomes

_OUTCOMES = {UnitState.FAILED: CellState.FAILED, UnitState.UNAVAILABLE: CellState.UNAVAILABLE}

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
    for day, outcomes in ledger.items():
        whole = _OUTCOMES.get(outcomes[None]) if None in outcomes else None
        if whole is not None and day in cells:
            cells[day] = {**dict.fromkeys(districts, whole), **cells[day]}
    return Coverage(
        start=start,
        end=end,
        frequency=str(frequency),
        days=tuple(edition.day for edition in editions),
        districts=districts,
        cells=cells,
        gaps={edition.day: str(edition.gap) for edition in editions if edition.gap is not None},
        incomplete=incomplete,
    )


def _cells(entries: Mapping[str, RecordHeader], outcomes: Mapping[str | None, UnitState]) -> dict[str, CellState]:
    cells = {
        district: _OUTCOMES[outcome] for district, outcome in outcomes.items() if district is not None and outcome in _OUTCOMES
    }
    cells.update((district, CellState(header.detail)) for district, header in entries.items())
    return cells
