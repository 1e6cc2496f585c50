"""The units of one day, a byte each."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from backfill.model.outcome import UnitState

CODES = tuple(UnitState)
"""The states by their bytes. Stored files hold these bytes, so further states go to the end."""

PENDING = CODES.index(UnitState.PENDING)
"""The byte of a unit that is still to be done: 0."""


@frozen
class DayRow:
    """The units of one day, a byte each. Frozen, so that copies of a job's state share their rows.

    Attributes:
        districts: The districts of the day; ``None`` = not listed yet: one unit stands for the day.
        states: A byte for each unit.
    """

    districts: tuple[str, ...] | None
    states: bytes

    @classmethod
    def pending(cls, districts: tuple[str, ...] | None) -> DayRow:
        """Return a row of which nothing is done yet."""
        return cls(districts, bytes(1 if districts is None else len(districts)))

    @property
    def units(self) -> tuple[str | None, ...]:
        """The districts, or ``None`` alone."""
        return (None,) if self.districts is None else self.districts

    def items(self) -> Iterable[tuple[str | None, UnitState]]:
        """Return each unit of the day with its state."""
        return ((name, CODES[code]) for name, code in zip(self.units, self.states, strict=True))
