"""Pictures made of letters: a coverage, and bars. As wide as the terminal, and readable without colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from backfill.cli.wording import plural
from backfill.model import CellState, Coverage
from backfill.model.coverageforms import DRAWN, TYPED, Columns
from backfill.terminal import printable

ROWS_SHOWN = 24
"""So many different rows a picture has at most; the rest is counted."""

_LABEL = 24  # columns for the names of districts
_MARGIN = 2
_LEAST = 10  # columns for the days, however narrow the terminal

_STYLES: Mapping[CellState, str] = {
    CellState.FULL: "green",
    CellState.SUMMARY: "cyan",
    CellState.FAILED: "bold red",
    CellState.UNAVAILABLE: "dim",
    CellState.NEVER_TRIED: "",
}


def print_coverage(console: Console, coverage: Coverage) -> None:
    """Print which (day, district) are there: a row for districts that look alike, a column a day or for several."""
    columns = Columns.fitting(coverage.days, console.width - _LABEL - _MARGIN)
    glyphs = DRAWN if can_draw(console) else TYPED
    indent = " " * (_LABEL + _MARGIN)
    console.print(Text(indent + columns.years, style="dim"))
    console.print(Text(indent + columns.heading, style="dim"))
    rows = list(coverage.rows(columns))
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
