"""Pictures made of letters: a coverage, and bars. As wide as the terminal, and readable without colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from backfill.model import CellState, Coverage
from backfill.model.coverageforms import DRAWN, TYPED
from backfill.terminal import printable

ROWS_SHOWN = 24
"""So many different rows a picture has at most; the rest is counted."""

_HEADINGS = 2  # lines: years and months
_MARGIN = 2
_LEAST = 10  # columns for a bar, however narrow the terminal

_STYLES: Mapping[CellState, str] = {
    CellState.FULL: "green",
    CellState.SUMMARY: "cyan",
    CellState.PARTIAL: "yellow",
    CellState.FAILED: "bold red",
    CellState.UNAVAILABLE: "dim",
    CellState.NEVER_TRIED: "",
    CellState.DAMAGED: "bold magenta",
}


def print_coverage(console: Console, coverage: Coverage) -> None:
    """Print which (day, district) are there: a row for districts that look alike, a column a day or for several."""
    glyphs = DRAWN if can_draw(console) else TYPED
    for number, parts in enumerate(coverage.drawing(console.width, glyphs, most_rows=ROWS_SHOWN)):
        line = Text(style="dim" if number < _HEADINGS else "")
        for text, state in parts:
            line.append(printable(text), style=None if state is None else _STYLES[state])
        console.print(line, soft_wrap=True)


def print_damaged(console: Console, coverage: Coverage) -> None:
    """Print the days that cannot be read, each with what is wrong and the remedy."""
    for day, why in coverage.damaged.items():
        console.print(Text(printable(f"{day} is damaged: {why}")), soft_wrap=True)


def print_lost(console: Console, coverage: Coverage) -> None:
    """Print how many of those that are shown as never tried were stored once, if any were."""
    number = sum(map(len, coverage.lost.values()))
    if number:
        console.print(
            f"Of those never tried {number:,} {'were' if number > 1 else 'was'} stored once: pruned, or lost. `backfill rebuild` brings back "
            "what the archive has."
        )


def can_draw(console: Console) -> bool:
    """Whether more than the letters of ASCII can be written."""
    return not console.options.ascii_only


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
