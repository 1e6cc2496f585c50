"""Pictures made of letters: a coverage, and bars. As wide as the terminal, and readable without colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import ceil

from attrs import frozen
from rich.console import Console
from rich.text import Text

from backfill.cli.wording import plural
from backfill.model import CellState, Coverage
from backfill.terminal import printable

ROWS_SHOWN = 24
"""So many different rows a picture has at most; the rest is counted."""

_LABEL = 24  # columns for the names of districts
_MARGIN = 2
_MONTH = 4  # columns of a month's name and a space
_LEAST = 10  # columns for the days, however narrow the terminal

_STYLES: Mapping[CellState, str] = {
    CellState.FULL: "green",
    CellState.SUMMARY: "cyan",
    CellState.FAILED: "bold red",
    CellState.UNAVAILABLE: "dim",
    CellState.NEVER_TRIED: "",
}
_DRAWN = dict(zip(CellState, "█▒✗· ", strict=True))
_TYPED = dict(zip(CellState, "#+x. ", strict=True))

_WORST_FIRST = (CellState.FAILED, CellState.NEVER_TRIED, CellState.SUMMARY, CellState.FULL, CellState.UNAVAILABLE)
"""Which state a column shows that stands for several days: what is wanting must not hide behind what is there."""


@frozen
class Columns:
    """How days become columns.

    Attributes:
        groups: The days of each column.
        cell: Columns of the terminal that each takes, a space at its end included where it takes more than one.
    """

    groups: tuple[tuple[date, ...], ...]
    cell: int

    @classmethod
    def fitting(cls, days: Sequence[date], width: int) -> Columns:
        """Return the widest form that fits: a month's name a column, a letter a day, or a letter for several days."""
        months = {(day.year, day.month) for day in days}
        if len(months) == len(days) and len(days) * _MONTH <= width:
            return cls(tuple((day,) for day in days), _MONTH)
        step = ceil(len(days) / max(width, _LEAST))
        return cls(tuple(tuple(days[start : start + step]) for start in range(0, len(days), step)), 1)

    @property
    def heading(self) -> str:
        """The months, each above the first of its columns that has room for it."""
        line, last = "", None
        for number, (first, *_) in enumerate(self.groups):
            at, month = number * self.cell, (first.year, first.month)
            if month != last and (not line or len(line) < at):
                line = line.ljust(at) + f"{first:%b}"
                last = month
        return line

    @property
    def years(self) -> str:
        """The years, as the months."""
        line, last = "", None
        for number, (first, *_) in enumerate(self.groups):
            at = number * self.cell
            if first.year != last and (not line or len(line) < at):
                line = line.ljust(at) + f"{first:%Y}"
                last = first.year
        return line


def print_coverage(console: Console, coverage: Coverage) -> None:
    """Print which (day, district) are there: a row for districts that look alike, a column a day or for several."""
    columns = Columns.fitting(coverage.days, console.width - _LABEL - _MARGIN)
    glyphs = _DRAWN if can_draw(console) else _TYPED
    indent = " " * (_LABEL + _MARGIN)
    console.print(Text(indent + columns.years, style="dim"))
    console.print(Text(indent + columns.heading, style="dim"))
    rows = list(_rows(coverage, columns))
    for states, districts in rows[:ROWS_SHOWN]:
        line = Text(_label(districts).ljust(_LABEL + _MARGIN))
        for state in states:
            line.append((glyphs[state] * max(1, columns.cell - 1)).ljust(columns.cell), style=_STYLES[state])
        console.print(line, soft_wrap=True)
    hidden = sum(len(districts) for _states, districts in rows[ROWS_SHOWN:])
    if hidden:
        console.print(f"… and {plural(hidden, 'district')} more")
    _print_legend(console, coverage, glyphs, most=max(len(group) for group in columns.groups))


def can_draw(console: Console) -> bool:
    """Whether more than the letters of ASCII can be written."""
    return not console.options.ascii_only


def _rows(coverage: Coverage, columns: Columns) -> Iterator[tuple[tuple[CellState, ...], tuple[str, ...]]]:
    """Iterate over the different rows with their districts: those with the most in full first, then the most districts."""
    alike: dict[tuple[CellState, ...], list[str]] = {}
    for district in coverage.districts:
        states = tuple(_state(coverage, district, group) for group in columns.groups)
        alike.setdefault(states, []).append(district)
    order = sorted(alike, key=lambda states: (-states.count(CellState.FULL), -len(alike[states]), alike[states]))
    return ((states, tuple(alike[states])) for states in order)


def _state(coverage: Coverage, district: str, days: Sequence[date]) -> CellState:
    found = {coverage.state(day, district) for day in days}
    return next(state for state in _WORST_FIRST if state in found)


def _label(districts: Sequence[str]) -> str:
    named = printable(" ".join(districts))
    return named if len(named) <= _LABEL else plural(len(districts), "district")


def _print_legend(console: Console, coverage: Coverage, glyphs: Mapping[CellState, str], *, most: int) -> None:
    line = Text()
    for state, number in coverage.counts.items():
        if number:
            glyph = glyphs[state].strip() or "blank"
            line.append(glyph, style=_STYLES[state]).append(f" {state.replace('-', ' ')} {number:,}   ")
    console.print(line, soft_wrap=True)
    if most > 1:
        console.print(f"A column stands for {most} days, and shows what is most wanting in them.")


def print_bars(console: Console, bars: Sequence[tuple[str, int, str]]) -> None:
    """Print a bar for each of *bars*: label, value, and a note behind the value. Bars begin at zero."""
    if not bars:
        return
    letter = "█" if can_draw(console) else "#"
    label = max(len(name) for name, _value, _note in bars)
    figure = max(len(f"{value:,}") for _name, value, _note in bars)
    note = max(len(text) for _name, _value, text in bars)
    room = max(_LEAST, console.width - label - figure - note - 2 * _MARGIN - 2)
    largest = max(1, *(value for _name, value, _note in bars))
    for name, value, text in bars:
        line = Text(f"{name.ljust(label)}  {value:>{figure},} {text.rjust(note)}  ")
        line.append(letter * max(1, round(room * value / largest)), style="green")
        console.print(line, soft_wrap=True)
