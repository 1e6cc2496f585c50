"""The units of one day, a byte each."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping

from attrs import frozen

from backfill.model.outcome import UnitState

CODES = tuple(UnitState)
"""The states by their bytes. Stored files hold these bytes, so further states go to the end."""

PENDING = CODES.index(UnitState.PENDING)
"""The byte of a unit that is still to be done: 0."""


class OutcomeRow(Mapping[str | None, UnitState]):
    """What became of the units of one day, a byte each. Immutable.

    Args:
        names: Whose outcome stands in which place; ``None`` = the day as a whole.
        codes: The outcomes; a pending unit has none. May end before the last name.

    Raises:
        ValueError: A byte stands for no state, or for no unit.
    """

    __slots__ = ("codes", "names")

    def __init__(self, names: tuple[str | None, ...], codes: bytes) -> None:
        if len(codes) > len(names) or (codes and max(codes) >= len(CODES)):
            message = f"{codes!r} are no states of {len(names)} units"
            raise ValueError(message)
        self.names = names
        self.codes = codes

    def __getitem__(self, name: str | None, /) -> UnitState:
        place = self.names.index(name) if name in self.names else len(self.codes)
        if place >= len(self.codes) or self.codes[place] == PENDING:
            raise KeyError(name)
        return CODES[self.codes[place]]

    def __iter__(self) -> Iterator[str | None]:
        return (name for name, code in zip(self.names, self.codes, strict=False) if code != PENDING)

    def __len__(self) -> int:
        return len(self.codes) - self.codes.count(PENDING)

    def __repr__(self) -> str:
        return f"OutcomeRow({dict(self)!r})"

    def has(self, states: Iterable[UnitState]) -> bool:
        """Return whether any unit has one of *states*."""
        return any(CODES.index(state) in self.codes for state in states)

    def with_states(self, states: Iterable[UnitState]) -> list[str | None]:
        """Return the units that have one of *states*."""
        wanted = bytes(CODES.index(state) for state in states)
        return [name for name, code in zip(self.names, self.codes, strict=False) if code in wanted]

    def items(self) -> ItemsView[str | None, UnitState]:
        """Return each unit that has an outcome, with it."""
        return {name: CODES[code] for name, code in zip(self.names, self.codes, strict=False) if code != PENDING}.items()


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
