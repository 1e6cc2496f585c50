"""The forms in which a coverage is looked at: ranges, a picture of letters, HTML, CSV, JSON, a table for data frames. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from math import ceil
from textwrap import wrap
from types import MappingProxyType
from typing import TypeAlias

from attrs import frozen

from backfill.jsonvalues import JsonValue
from backfill.model.checks import as_count, as_date
from backfill.model.coveragecells import CODES, STATES, CellState
from backfill.tables import Column as TableColumn
from backfill.tables import Table

DRAWN = dict(zip(CellState, "█▒▓✗· !", strict=True))
"""The letter that a picture has for each state."""

TYPED = dict(zip(CellState, "#+~x. !", strict=True))
"""The same of the letters of ASCII."""

NOT_PUBLISHED = "nothing-published"
"""The kind of what a job asked for, where nothing was published."""

LOST = "lost"
"""The kind of what a job stored, and what is not stored any more: pruned, or its file is gone."""

NARROWEST = 30
"""So many letters a line of a picture may have at least."""

_WORST_FIRST = (
    CellState.DAMAGED,
    CellState.FAILED,
    CellState.NEVER_TRIED,
    CellState.PARTIAL,
    CellState.SUMMARY,
    CellState.FULL,
    CellState.UNAVAILABLE,
)
_RANKS = bytes(_WORST_FIRST.index(state) for state in STATES)
_RANKED = _RANKS.ljust(256, b"\0")
_LETTERED = "".join(TYPED.values()).encode().ljust(256, b"?")
_MONTH = 4  # columns of a month's name and a space
_LEAST = 10  # columns for the days, however narrow
_LABEL = 26  # columns for the names of districts, and a margin
_MARGIN = 2
_BETWEEN = "   "
_WIDEST = 10_000
_ROWS = 40  # rows of a picture, at most
_HTML_COLUMNS = 120


_Part = Callable[[date], tuple[int, int]]

Line: TypeAlias = list[tuple[str, CellState | None]]
"""A line of a picture, in parts: a text, and the state that it shows."""


@frozen
class Columns:
    """How days become columns.

    Attributes:
        groups: The days of each column.
        cell: Letters that each takes, a space at its end included where it takes more than one.
        room: Letters that there are for all of them.
    """

    groups: tuple[tuple[date, ...], ...]
    cell: int
    room: int

    @classmethod
    def fitting(cls, days: Sequence[date], width: int) -> Columns:
        """Return the widest form that fits: a month's name a column, a letter a day, or a letter for several days."""
        months = {(day.year, day.month) for day in days}
        if len(months) == len(days) and len(days) * _MONTH <= width:
            return cls(tuple((day,) for day in days), _MONTH, width)
        room = max(width, _LEAST)
        step = ceil(len(days) / room)
        return cls(tuple(tuple(days[start : start + step]) for start in range(0, len(days), step)), 1, room)

    @property
    def heading(self) -> str:
        """The months, each above the first of its columns that has room for it."""
        return self._over("%b", lambda day: (day.year, day.month))

    @property
    def years(self) -> str:
        """The years, as the months."""
        return self._over("%Y", lambda day: (day.year, 0))

    def _over(self, form: str, part: _Part) -> str:
        line, last = "", None
        for number, (first, *_) in enumerate(self.groups):
            at, this = number * self.cell, part(first)
            name = f"{first:{form}}"
            if this != last and (not line or len(line) < at) and at + len(name) <= self.room:
                line = line.ljust(at) + name
                last = this
        return line


class CoverageForms:
    """What `Coverage` can be turned into."""

    __slots__ = ()

    days: tuple[date, ...]
    districts: tuple[str, ...]
    gaps: Mapping[date, str]
    damaged: Mapping[date, str]
    lost: Mapping[date, frozenset[str]]

    @property
    @abstractmethod
    def grid(self) -> tuple[bytes, ...]:
        """For each day a byte for each district: the place of its state in `CellState`."""

    @abstractmethod
    def state(self, day: date | str, district: str) -> CellState:
        """Return the state of one (day, district)."""

    @abstractmethod
    def detail(self, day: date | str, district: str) -> str | None:
        """Return in which detail a (day, district) is stored."""

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[date, str, CellState]]:
        """Iterate over every (day, district, state)."""

    # --- what is in it ------------------------------------------------------------------------------------------------

    @property
    def counts(self) -> Mapping[CellState, int]:
        """How many (day, district) are in each state."""
        everything = b"".join(self.grid)
        return MappingProxyType({state: everything.count(code) for state, code in CODES.items()})

    def kind(self, day: date | str, district: str) -> str | None:
        """Return why a (day, district) is unavailable: the kind of the day's gap, or that nothing was published.

        Of what a job stored and is not there any more, that it is ``lost``; of all else ``None``.

        Raises:
            InvalidRequest: *day* is no date.
        """
        day = as_date("day", day)
        if self.state(day, district) is not CellState.UNAVAILABLE:
            return LOST if district in self.lost.get(day, ()) else None
        return self.gaps.get(day, NOT_PUBLISHED)

    @property
    def unavailable(self) -> Mapping[str, int]:
        """How many (day, district) are unavailable, by kind."""
        counted: dict[str, int] = {}
        for day, row in zip(self.days, self.grid, strict=True):
            number = row.count(CODES[CellState.UNAVAILABLE])
            if number:
                kind = self.gaps.get(day, NOT_PUBLISHED)
                counted[kind] = counted.get(kind, 0) + number
        return MappingProxyType(dict(sorted(counted.items())))

    @property
    def partial_days(self) -> tuple[date, ...]:
        """The days of which some districts are stored, and others failed."""
        stored = bytes(CODES[state] for state in (CellState.FULL, CellState.SUMMARY, CellState.PARTIAL))
        return tuple(
            day
            for day, row in zip(self.days, self.grid, strict=True)
            if CODES[CellState.FAILED] in row and any(code in row for code in stored)
        )

    def ranges(self, district: str) -> list[tuple[date, date, CellState]]:
        """Return the stretches of days in which a district is in one state: first day, last day, state."""
        found: list[tuple[date, date, CellState]] = []
        for day in self.days:
            state = self.state(day, district)
            if found and found[-1][2] is state:
                found[-1] = (found[-1][0], day, state)
            else:
                found.append((day, day, state))
        return found

    # --- pictures -----------------------------------------------------------------------------------------------------

    def rows(self, columns: Columns) -> Iterator[tuple[tuple[CellState, ...], tuple[str, ...]]]:
        """Iterate over the different rows with their districts: those with the most in full first, then the most districts."""
        rows = iter(self.grid)
        ranked = [_worst([next(rows).translate(_RANKED) for _day in group]) for group in columns.groups]
        looks = zip(*ranked, strict=True) if ranked else iter([()] * len(self.districts))
        alike: dict[tuple[int, ...], list[str]] = {}
        for district, look in zip(self.districts, looks, strict=True):
            alike.setdefault(look, []).append(district)
        full = _WORST_FIRST.index(CellState.FULL)
        order = sorted(alike, key=lambda look: (-look.count(full), -len(alike[look]), alike[look]))
        return ((tuple(_WORST_FIRST[rank] for rank in look), tuple(alike[look])) for look in order)

    def drawing(self, width: int, letters: Mapping[CellState, str], *, most_rows: int) -> Iterator[Line]:
        """Iterate over the lines of a picture, each in parts: a text, and the state that it shows, if it shows one.

        A row is for districts that look alike, a letter for a day or for several; months stand above, counts below.

        Args:
            width: Letters of a line; a picture is never narrower than `NARROWEST`.
            letters: What is drawn for each state.
            most_rows: So many rows at most; the rest is counted.
        """
        width = max(width, NARROWEST)
        label = min(_LABEL, width - _LEAST)
        columns = Columns.fitting(self.days, width - label)
        yield [(" " * label + columns.years, None)]
        yield [(" " * label + columns.heading, None)]
        rows = list(self.rows(columns))
        for states, districts in rows[:most_rows]:
            cells = ((letters[state] * max(1, columns.cell - 1)).ljust(columns.cell) for state in states)
            yield [(_label(districts, label - _MARGIN).ljust(label), None), *zip(cells, states, strict=True)]
        hidden = sum(len(districts) for _states, districts in rows[most_rows:])
        if hidden:
            yield [(f"… and {hidden:,} {'district' if hidden == 1 else 'districts'} more", None)]
        yield from _legend(self.counts, letters, width)
        step = max((len(group) for group in columns.groups), default=1)
        if step > 1:
            told = f"A column stands for {step} days, and shows what is most wanting in them."
            for line in wrap(told, width):
                yield [(line, None)]

    def to_text(self, width: int = 100, *, ascii_only: bool = False) -> str:
        """Return the picture as text, in lines of at most *width* letters.

        Raises:
            InvalidRequest: *width* is no number of letters, or less than `NARROWEST`.
        """
        width = as_count("width", width, least=NARROWEST, most=_WIDEST)
        drawn = self.drawing(width, TYPED if ascii_only else DRAWN, most_rows=_ROWS)
        return "\n".join("".join(text for text, _state in line).rstrip() for line in drawn)

    def to_html(self) -> str:
        """Return the picture as a table of HTML, whole in itself: no script, no style sheet, nothing from elsewhere."""
        return self._html(None)

    def _repr_html_(self) -> str:
        from backfill.display.coverage import ROWS  # noqa: PLC0415 - as below

        return self._html(ROWS)

    def _html(self, most_rows: int | None) -> str:
        from backfill.display.coverage import coverage_html  # noqa: PLC0415 - only who looks at HTML pays for it

        return coverage_html(self, Columns.fitting(self.days, _HTML_COLUMNS), _LABEL - _MARGIN, most_rows=most_rows)

    # --- tables -------------------------------------------------------------------------------------------------------

    def table(self) -> Table:
        """Return a row for each (day, district): its state, its kind where it is unavailable or lost, and in which detail it is stored."""
        cells = list(self)
        return Table(
            (
                TableColumn.of("day", [day for day, _district, _state in cells]),
                TableColumn.of("district", [district for _day, district, _state in cells]),
                TableColumn.of("state", [str(state) for _day, _district, state in cells]),
                TableColumn.of("kind", [self.kind(day, district) for day, district, _state in cells]),
                TableColumn.of("detail", [self.detail(day, district) for day, district, _state in cells]),
            )
        )

    def to_csv(self) -> str:
        """Return `table` as CSV."""
        return self.table().to_csv()

    def to_frame(self, library: str | None = None) -> object:
        """Return `table` as a data frame; see `backfill.tables.Table.to_frame`.

        Raises:
            MissingExtra: No library for it is installed.
        """
        return self.table().to_frame(library)

    def to_json(self) -> dict[str, JsonValue]:
        """Return what is in it as JSON values: what is known of each district of each day, a letter a district, and the counts."""
        counts = self.counts
        return {
            "districts": list(self.districts),
            "letters": {TYPED[state]: str(state) for state in CellState},
            "days": {day.isoformat(): row.translate(_LETTERED).decode() for day, row in zip(self.days, self.grid, strict=True)},
            "gaps": {day.isoformat(): kind for day, kind in self.gaps.items()},
            "damaged": {day.isoformat(): why for day, why in self.damaged.items()},
            "lost": {day.isoformat(): [*sorted(names)] for day, names in self.lost.items()},
            "counts": {str(state): counts[state] for state in CellState},
            "unavailable": dict(self.unavailable),
        }


def _legend(counts: Mapping[CellState, int], letters: Mapping[CellState, str], width: int) -> Iterator[Line]:
    """Iterate over the lines that say how many are in each state."""
    line: Line = []
    taken = 0
    for state, number in counts.items():
        if number:
            letter, name = letters[state].strip() or "blank", f" {state.replace('-', ' ')} {number:,}"
            needed = len(letter) + len(name)
            if line and taken + len(_BETWEEN) + needed > width:
                yield line
                line, taken = [], 0
            if line:
                line.append((_BETWEEN, None))
                taken += len(_BETWEEN)
            line += [(letter, state), (name, None)]
            taken += needed
    yield line


def _worst(rows: Sequence[bytes]) -> bytes:
    """Return for each district the lowest of its ranks."""
    return rows[0] if len(rows) == 1 else bytes(map(min, *rows))


def _label(districts: Sequence[str], most: int) -> str:
    named = " ".join(districts)
    if len(named) <= most:
        return named
    return f"{named[: most - 1]}…" if len(districts) == 1 else f"{len(districts):,} districts"
