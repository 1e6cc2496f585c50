"""A stored day in short: which districts, in which detail, and which of them a later run completes."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from backfill.model.coveragecells import CODES, CellState, DayCells
from backfill.model.record import RecordHeader

_NOTHING: frozenset[str] = frozenset()


@frozen
class DayOutline:
    """What a coverage needs to know of a stored day. Days with the same districts may share the tuple of their names.

    Attributes:
        cells: For each district the detail in which it is stored.
        incomplete: The districts that a later run completes: not settled, or of which a newer state is known in summary only.
        damage: What is wrong with the day, of which something is there and cannot be read; ``None`` = nothing.
        listed: Every district that there was on the day, as its own list says; ``None`` = it was never listed, or the store does not look.
    """

    cells: DayCells
    incomplete: frozenset[str] = _NOTHING
    damage: str | None = None
    listed: tuple[str, ...] | None = None

    @classmethod
    def of(cls, entries: Mapping[str, RecordHeader], listed: tuple[str, ...] | None = None) -> DayOutline:
        """Return the outline of a day with such *entries* in its manifest, and *listed* by its metadata."""
        codes = bytes(CODES[CellState(header.detail)] for header in entries.values())
        incomplete = frozenset(name for name, header in entries.items() if not header.settled or header.stale_detail)
        return cls(DayCells(tuple(entries), codes), incomplete, listed=listed)

    @classmethod
    def damaged(cls, why: object) -> DayOutline:
        """Return the outline of a day that cannot be read; *why* is shown."""
        return cls(DayCells((), b""), damage=str(why))
