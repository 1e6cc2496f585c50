"""A coverage, as a table of coloured cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from backfill.display import markup
from backfill.display.markup import Html

if TYPE_CHECKING:
    from backfill.model.coveragecells import CellState
    from backfill.model.coverageforms import Columns, CoverageForms

ROWS = 60
"""So many different rows a notebook is shown; the rest is counted."""

_COLOURS = {
    "full": markup.GREEN,
    "summary": markup.BLUE,
    "partial": markup.YELLOW,
    "failed": markup.RED,
    "unavailable": markup.GREY,
    "never-tried": markup.NONE,
    "damaged": markup.RED,
}
_LETTERS = {"summary": "-", "partial": "~", "failed": "x", "unavailable": ".", "damaged": "!"}
"""What tells the states apart without colours: those in full and those never tried have none."""

_CELL = "background:{};min-width:7px;height:14px;padding:0;border:1px solid rgba(128,128,128,.4);font:9px/1 monospace;text-align:center;color:#000"
_SMALL = "font:10px sans-serif;padding:0 2px 0 0;text-align:left;vertical-align:top;background:none"


def coverage_html(coverage: CoverageForms, columns: Columns, label: int, *, most_rows: int | None = None) -> Html:
    """Return the picture of *coverage*, in rows with names of at most *label* letters; *most_rows* = so many of them at most."""
    rows = list(coverage.rows(columns))
    heads = [markup.element("th", name, scope="col", title=_days(group), style=_SMALL) for group, name in _labels(columns)]
    body = [
        markup.element(
            "tr",
            markup.element(
                "th", _names(districts, label), scope="row", style="text-align:left;font:11px sans-serif;padding:0 .6em 0 0"
            ),
            *map(_cell, columns.groups, states),
        )
        for states, districts in islice(rows, most_rows)
    ]
    table = markup.element(
        "table",
        markup.element("thead", markup.element("tr", markup.element("th", "district", scope="col", style=_SMALL), *heads)),
        markup.element("tbody", *body),
        style="border-collapse:collapse;color:inherit",
    )
    hidden = sum(len(districts) for _states, districts in rows[len(body) :])
    more = [markup.line(f"… and {hidden:,} {'district' if hidden == 1 else 'districts'} more")] if hidden else []
    return markup.element(
        "section",
        markup.element("div", table, style="overflow-x:auto"),
        *more,
        markup.line(*_legend(coverage)),
        style="font:13px/1.5 system-ui,sans-serif;color:inherit",
    )


def _legend(coverage: CoverageForms) -> Iterator[Html]:
    for state, number in coverage.counts.items():
        if number:
            square = markup.element(
                "span", _LETTERS.get(state, "\u00a0"), style=f"display:inline-block;width:14px;{_CELL.format(_COLOURS[state])}"
            )
            yield markup.join((square, f" {state.replace('-', ' ')} {number:,}\u2003"))


def _cell(group: tuple[date, ...], state: CellState) -> Html:
    said = f"{_days(group)}: {state.replace('-', ' ')}"
    return markup.element("td", _LETTERS.get(state, ""), title=said, style=_CELL.format(_COLOURS[state]))


def _days(group: Sequence[date]) -> str:
    return str(group[0]) if len(group) == 1 else f"{group[0]} to {group[-1]}"


def _labels(columns: Columns) -> Iterator[tuple[tuple[date, ...], Html]]:
    year = month = None
    for group in columns.groups:
        first = group[0]
        name = f"{first:%b}" if (first.year, first.month) != (year, month) else ""
        yield group, markup.join((name, Html("<br>"), f"{first.year}")) if first.year != year else markup.join((name,))
        year, month = first.year, first.month


def _names(districts: Sequence[str], most: int) -> str:
    named = " ".join(districts)
    return named if len(named) <= most or len(districts) == 1 else f"{len(districts):,} districts"
