"""Which (day, district) are there, and why the others are not (B5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType

from attrs import field, frozen

from backfill.model.checks import frozen_mapping, sized
from backfill.model.coverageforms import CellState, CoverageForms


def _cells(value: Mapping[date, Mapping[str, CellState]]) -> Mapping[date, Mapping[str, CellState]]:
    return frozen_mapping(value)


def _names(value: Mapping[date, frozenset[str]]) -> Mapping[date, frozenset[str]]:
    return frozen_mapping(value)


def _gaps(value: Mapping[date, str]) -> Mapping[date, str]:
    return frozen_mapping(value)


def _whole(value: Mapping[date, CellState]) -> Mapping[date, CellState]:
    return frozen_mapping(value)


@frozen
class Coverage(CoverageForms):
    """Every (day, district) of a range with its state.

    Attributes:
        start: First day.
        end: Last day, inclusive.
        frequency: Which days of the range were looked at.
        days: They, ascending.
        districts: The districts looked at, in text order.
        cells: For each day the states of its districts; a district that is missing from it was never tried.
        gaps: Days that the source is known not to have, with the kind of gap.
        incomplete: For each day the districts that are stored, and that a later run completes.
        whole: What became of days as a whole, whose districts could not be listed: failed, or unavailable.
    """

    start: date
    end: date
    frequency: str
    days: tuple[date, ...] = field(repr=sized("days"))
    districts: tuple[str, ...]
    cells: Mapping[date, Mapping[str, CellState]] = field(repr=False, converter=_cells)
    gaps: Mapping[date, str] = field(factory=dict, repr=False, converter=_gaps)
    incomplete: Mapping[date, frozenset[str]] = field(factory=dict, repr=False, converter=_names, kw_only=True)
    whole: Mapping[date, CellState] = field(factory=dict, repr=False, converter=_whole)

    def state(self, day: date, district: str) -> CellState:
        """Return the state of one (day, district); a day in a known gap is unavailable."""
        known = self.cells.get(day, {}).get(district)
        if known is not None:
            return known
        return CellState.UNAVAILABLE if day in self.gaps else CellState.NEVER_TRIED

    def __iter__(self) -> Iterator[tuple[date, str, CellState]]:
        """Iterate over every (day, district, state), by day, then by district."""
        for day in self.days:
            for district in self.districts:
                yield day, district, self.state(day, district)

    @property
    def counts(self) -> Mapping[CellState, int]:
        """How many (day, district) are in each state."""
        wanted = frozenset(self.districts)
        counted: Counter[CellState] = Counter()
        for day in self.days:
            known = [state for district, state in self.cells.get(day, {}).items() if district in wanted]
            counted.update(known)
            counted[CellState.UNAVAILABLE if day in self.gaps else CellState.NEVER_TRIED] += len(self.districts) - len(known)
        return MappingProxyType({state: counted[state] for state in CellState})
