"""The last outcome of every unit that any job ever settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from backfill.model import REBUILD, RERANK, Change, DayListed, UnitFailed, UnitsSettled, UnitState
from backfill.model.units import CODES, OutcomeRow


def of_collection(operation: str, changes: Iterable[Change]) -> list[Change]:
    """Return those of *changes* that a ledger keeps, by the *operation* of the job that they happen to.

    What fails in a rebuild was not asked of the publisher, and may be stored as it was: of a rebuild only what was completed counts.
    What becomes of summaries becomes of no district.
    """
    if operation == RERANK:
        return []
    if operation != REBUILD:
        return list(changes)
    kept: list[Change] = []
    for change in changes:
        if isinstance(change, UnitsSettled):
            done = {name: state for name, state in change.states.items() if state is UnitState.COMPLETED}
            if done:
                kept.append(UnitsSettled(change.day, done))
    return kept


class OutcomeLedger:
    """The last outcome of each (day, district), a byte each: ten years of 130 districts take half a megabyte.

    Not safe for several threads at once.

    Args:
        names: Whose outcome stands in which place of a row; ``None`` = the day as a whole. New districts follow at the end.
        days: The rows to begin with, a byte for each of *names*; a row may end before the last of them.
    """

    def __init__(self, names: Iterable[str | None] = (None,), days: Mapping[date, bytes] | None = None) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._days = {day: bytearray(row) for day, row in (days or {}).items()}

    @property
    def names(self) -> tuple[str | None, ...]:
        """Whose outcome stands in which place of a row."""
        return tuple(self._places)

    @property
    def days(self) -> Mapping[date, bytes]:
        """The rows."""
        return {day: bytes(row) for day, row in self._days.items()}

    def note(self, change: Change) -> None:
        """Keep the outcomes that *change* brings, if it brings any."""
        match change:
            case DayListed(day=day):  # what became of the day as a whole is superseded by what becomes of its districts
                self._put(day, None, UnitState.PENDING)
            case UnitsSettled(day=day, states=states):
                for district, state in states.items():
                    self._put(day, district, state)
            case UnitFailed(error=error):
                self._put(error.day, error.district_id, UnitState.FAILED)
            case _:
                pass

    def between(self, start: date, end: date) -> dict[date, OutcomeRow]:
        """Return what is known of the days from *start* to *end*, ascending; days of which nothing is known are left out."""
        names = self.names
        days = sorted(day for day, row in self._days.items() if start <= day <= end and any(row))
        return {day: OutcomeRow(names, bytes(self._days[day])) for day in days}

    def _put(self, day: date, district: str | None, state: UnitState) -> None:
        row = self._days.setdefault(day, bytearray())
        place = self._places.setdefault(district, len(self._places))
        if place >= len(row):
            row.extend(bytes(place + 1 - len(row)))
        row[place] = CODES.index(state)
