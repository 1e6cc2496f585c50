"""Which (day, district) are there, and why the others are not (B5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cached_property

from attrs import field, frozen

from backfill.model.checks import as_date, frozen_mapping, shortened, sized
from backfill.model.coveragecells import STATES, STORED, CellState, DayCells, grid_row
from backfill.model.coverageforms import CoverageForms

_MISSING = frozenset({CellState.FAILED, CellState.NEVER_TRIED, CellState.PARTIAL})


def _cells(value: Mapping[date, Mapping[str, CellState]]) -> Mapping[date, Mapping[str, CellState]]:
    return frozen_mapping(value)


def _names(value: Mapping[date, frozenset[str]]) -> Mapping[date, frozenset[str]]:
    return frozen_mapping(value)


def _texts(value: Mapping[date, str]) -> Mapping[date, str]:
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
        cells: For each day what is known of its districts: in which detail they are stored, or why they are not; a district that is
            missing from it was never tried.
        gaps: Days that the source is known not to have, with the kind of gap.
        incomplete: For each day the districts that are stored, and that a later run completes; their state is partial.
        whole: What became of days as a whole, whose districts could not be listed: failed, or unavailable.
        damaged: Days of which something is stored that cannot be read, each with what is wrong and the remedy.
        lost: For each day the districts that a job has stored and that are not stored any more: pruned, or their files are gone. They are
            among the missing, and a rebuild brings them back as well.
    """

    start: date
    end: date
    frequency: str
    days: tuple[date, ...] = field(repr=sized("days"))
    districts: tuple[str, ...] = field(repr=shortened)
    cells: Mapping[date, Mapping[str, CellState]] = field(repr=False, converter=_cells)
    gaps: Mapping[date, str] = field(factory=dict, repr=False, converter=_texts)
    incomplete: Mapping[date, frozenset[str]] = field(factory=dict, repr=False, converter=_names, kw_only=True)
    whole: Mapping[date, CellState] = field(factory=dict, repr=False, converter=_whole)
    damaged: Mapping[date, str] = field(factory=dict, repr=False, converter=_texts, kw_only=True)
    lost: Mapping[date, frozenset[str]] = field(factory=dict, repr=False, converter=_names, kw_only=True)

    @cached_property
    def grid(self) -> tuple[bytes, ...]:
        """For each day a byte for each district: the place of its state in `CellState`."""
        orders: dict[tuple[str, ...], Callable[[bytes], tuple[int, ...]]] = {}
        nothing: Mapping[str, CellState] = DayCells((), b"")
        return tuple(
            grid_row(self.districts, self.cells.get(day, nothing), self._otherwise(day), self.incomplete.get(day), orders)
            for day in self.days
        )

    @cached_property
    def missing(self) -> Mapping[date, tuple[str, ...] | None]:
        """For each day with something missing that can be had, its districts; ``None`` = all that the day has, as none is known at all.

        Missing is what failed, what was never tried, and what is partial. What is known not to have been published cannot be had, nor
        can what is damaged: nothing is stored over it.
        """
        found: dict[date, tuple[str, ...] | None] = {}
        for day, row in zip(self.days, self.grid, strict=True):
            if day in self.gaps or day in self.damaged:
                continue
            names = tuple(district for district, code in zip(self.districts, row, strict=True) if STATES[code] in _MISSING)
            if names:
                found[day] = names
            elif not self.districts and self.whole.get(day) is not CellState.UNAVAILABLE:
                found[day] = None
        return frozen_mapping(found)

    def state(self, day: date | str, district: str) -> CellState:
        """Return the state of one (day, district); a day in a known gap is unavailable.

        Raises:
            InvalidRequest: *day* is no date.
        """
        day = as_date("day", day)
        known = self.cells.get(day, {}).get(district)
        if known is None:
            return self._otherwise(day)
        return CellState.PARTIAL if known in STORED and district in self.incomplete.get(day, ()) else known

    def detail(self, day: date | str, district: str) -> str | None:
        """Return in which detail a (day, district) is stored, ``"full"`` or ``"summary"``, partial or not; ``None`` = it is not.

        Raises:
            InvalidRequest: *day* is no date.
        """
        known = self.cells.get(as_date("day", day), {}).get(district)
        return str(known) if known in STORED else None

    def __iter__(self) -> Iterator[tuple[date, str, CellState]]:
        """Iterate over every (day, district, state), by day, then by district."""
        states = tuple(CellState)
        for day, row in zip(self.days, self.grid, strict=True):
            for district, code in zip(self.districts, row, strict=True):
                yield day, district, states[code]

    def _otherwise(self, day: date) -> CellState:
        if day in self.damaged:
            return CellState.DAMAGED
        return CellState.UNAVAILABLE if day in self.gaps else CellState.NEVER_TRIED
