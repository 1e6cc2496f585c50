"""What is known of each (day, district), a byte each: hundreds of thousands of them are looked at at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from enum import StrEnum
from operator import itemgetter


class CellState(StrEnum):
    """What is known of one (day, district)."""

    FULL = "full"
    """Stored in full."""
    SUMMARY = "summary"
    """Stored as far as a summary of all districts knows it."""
    PARTIAL = "partial"
    """Stored, and a later run completes it: its close was open, a report had no rows, or a newer state is known in summary only."""
    FAILED = "failed"
    """Not stored: it was tried, and could not be had."""
    UNAVAILABLE = "unavailable"
    """Not stored: nothing was published."""
    NEVER_TRIED = "never-tried"
    """Not stored, and nothing is known of it; or a job stored it, and it is not there any more (`Coverage.lost`, its kind is ``lost``)."""
    DAMAGED = "damaged"
    """Something is stored of the day, and cannot be read; nothing says which districts, and nothing is stored over it."""


STORED = frozenset({CellState.FULL, CellState.SUMMARY})
"""What stands in a day's cells where something is stored."""

STATES = tuple(CellState)
"""The states by their bytes."""

CODES: Mapping[CellState, int] = {state: code for code, state in enumerate(STATES)}
"""The byte of each state."""

_FEW = 2  # names that one getter returns as a tuple


class DayCells(Mapping[str, CellState]):
    """What is known of the districts of one day, a byte for each. Immutable; days with the same districts share their names.

    Args:
        districts: The districts.
        codes: A byte for each: the place of its state in `CellState`.
    """

    __slots__ = ("codes", "districts")

    def __init__(self, districts: tuple[str, ...], codes: bytes) -> None:
        self.districts = districts
        self.codes = codes

    def __getitem__(self, district: str, /) -> CellState:
        try:
            return STATES[self.codes[self.districts.index(district)]]
        except ValueError:
            raise KeyError(district) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.districts)

    def __len__(self) -> int:
        return len(self.districts)

    def __repr__(self) -> str:
        return f"DayCells({dict(self)!r})"


Orders = MutableMapping[tuple[str, ...], Callable[[bytes], tuple[int, ...]]]
"""For each tuple of names how its bytes, and one for what is missing, are put into the order of a table."""


def grid_row(
    districts: tuple[str, ...],
    known: Mapping[str, CellState],
    otherwise: CellState,
    incomplete: Collection[str] | None,
    orders: Orders,
) -> bytes:
    """Return a byte for each of *districts*.

    Args:
        districts: The columns of the table.
        known: What is known of a day.
        otherwise: The state of those that it lacks.
        incomplete: Those of the stored that are partial.
        orders: Remembers, from day to day, how names are put into order.
    """
    rest = CODES[otherwise]
    if not isinstance(known, DayCells):
        row = bytes([CODES[known.get(district, otherwise)] for district in districts])
    elif known.districts is districts or known.districts == districts:
        row = known.codes
    else:
        if known.districts not in orders:
            orders[known.districts] = _order(districts, known.districts)
        row = bytes(orders[known.districts](known.codes + bytes((rest,))))
    if not incomplete:
        return row
    stored = {CODES[state] for state in STORED}
    partial = CODES[CellState.PARTIAL]
    return bytes([partial if code in stored and name in incomplete else code for name, code in zip(districts, row, strict=True)])


def _order(districts: tuple[str, ...], names: tuple[str, ...]) -> Callable[[bytes], tuple[int, ...]]:
    places = {name: place for place, name in enumerate(names)}
    wanted = [places.get(district, len(names)) for district in districts]
    if len(wanted) < _FEW:  # a getter of one item returns it bare
        return lambda row: tuple(row[place] for place in wanted)
    return itemgetter(*wanted)
