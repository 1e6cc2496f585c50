"""Pictures of history, as PNG and SVG: a coverage, figures over time, how districts move in a ranking. Needs the extra ``plots``.

.. code-block:: python

    coverage_map(service.coverage("2023-01-01", "2023-12-31")).save("coverage.png")

Nothing is shown, and no setting of matplotlib is changed: a `Picture` is handed out, which a notebook shows by itself. Colours are ones that
colour-blind people tell apart, and never stand alone.
"""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from attrs import frozen

from backfill.display.markup import BLUE, GREEN, GREY, RED, YELLOW
from backfill.errors import InvalidRequest, MissingExtra, SnapshotNotFound
from backfill.model import CellState, Coverage
from backfill.model.checks import as_count
from backfill.protocols import SnapshotStore
from backfill.tables import Table
from backfill.wording import listing

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter
except ImportError as error:
    raise MissingExtra("backfill.plots", "plots") from error

RANKINGS = "all-districts-rankings"
"""The summary of a day that holds the rankings of its districts."""

LINES = 8
"""So many lines are told apart by colour and marker; further ones are grey."""

CELLS = 4000
"""A map of so many cells has lines between them and marks in them."""

_STATES = {
    CellState.NEVER_TRIED: ("#ffffff", ""),
    CellState.UNAVAILABLE: (GREY, "."),
    CellState.FAILED: (RED, "x"),
    CellState.PARTIAL: (YELLOW, "+"),
    CellState.SUMMARY: (BLUE, "_"),
    CellState.FULL: (GREEN, ""),
    CellState.DAMAGED: ("#cc79a7", "X"),
}
_ORDER = tuple(_STATES)
_HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d00")
_MARKERS = "osD^vPX*"
_WIDTH = 10.0  # inches
_LABELS = 60  # names of districts beside a map, at most
_DPI = 150


@frozen(eq=False)
class Picture:
    """A picture, and what it shows in words. A notebook shows it by itself.

    Attributes:
        figure: The ``matplotlib.figure.Figure``, to change before it is saved.
        says: What it shows, for who does not see it; it stands in the files, too.
    """

    figure: Figure
    says: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, and return its path; the file's name ends with ``.png`` or ``.svg``.

        Raises:
            InvalidRequest: It ends otherwise.
            OSError: It cannot be written.
        """
        target = Path(path)
        made = {".png": self.to_png, ".svg": self.to_svg}.get(target.suffix.lower())
        if made is None:
            raise InvalidRequest("path", os.fspath(path), "neither a PNG nor an SVG", "let the name end with .png or .svg")
        target.write_bytes(made())
        return target

    def to_png(self) -> bytes:
        """Return it as PNG."""
        return self._written("png", {"Description": self.says})

    def to_svg(self) -> bytes:
        """Return it as SVG: the same bytes for the same picture."""
        return self._written("svg", {"Title": self.says, "Date": None})

    def _repr_png_(self) -> bytes:
        return self.to_png()

    def _written(self, form: str, metadata: Mapping[str, str | None]) -> bytes:
        content = io.BytesIO()
        with mpl.rc_context({"svg.hashsalt": "backfill", "svg.fonttype": "none"}):
            self.figure.savefig(content, format=form, dpi=_DPI, metadata=dict(metadata))
        return content.getvalue()


def coverage_map(coverage: Coverage) -> Picture:
    """Return a map of a coverage: a row for each district, a column for each day, a colour for each state, and where cells are few a mark.

    Raises:
        InvalidRequest: The coverage has no day or no district.
    """
    days, districts = coverage.days, coverage.districts
    if not days or not districts:
        raise InvalidRequest(
            "coverage", coverage, "without a day or a district", "ask for days that are stored, or name districts"
        )
    height = min(14.0, 1.6 + 0.22 * len(districts))
    figure, axes = _axes(height)
    codes = [[_ORDER.index(coverage.state(day, district)) for day in days] for district in districts]
    colours = ListedColormap([colour for colour, _mark in _STATES.values()])
    axes.pcolormesh(
        range(len(days) + 1),
        range(len(districts) + 1),
        codes,
        cmap=colours,
        norm=BoundaryNorm(range(len(_ORDER) + 1), len(_ORDER)),
        edgecolors="#dddddd" if len(days) * len(districts) <= CELLS else "none",
        linewidth=0.3,
        rasterized=True,
    )
    few = len(days) * len(districts) <= CELLS
    if few:
        _mark_cells(axes, codes)
    axes.invert_yaxis()
    step = -(-len(districts) // _LABELS)
    axes.set_yticks([row + 0.5 for row in range(0, len(districts), step)], districts[::step])
    marked = _marked(days)
    axes.set_xticks([column + 0.5 for column in marked], [f"{days[column]}" for column in marked], rotation=30, ha="right")
    axes.tick_params(length=0)
    counts = {state: number for state, number in coverage.counts.items() if number}
    said = ", ".join(f"{number:,} {state.replace('-', ' ')}" for state, number in counts.items())
    title = f"{days[0]} to {days[-1]}: {len(districts):,} districts"
    axes.set_title(title, loc="left")
    figure.legend(
        handles=[
            Patch(facecolor=_STATES[state][0], edgecolor="#333333", label=_named(state, number, marked=few))
            for state, number in counts.items()
        ],
        loc="outside lower left",
        ncols=len(counts),
        frameon=False,
    )
    return Picture(figure, f"{title}; {said}")


def history_lines(table: Table, fields: Sequence[str] | None = None, *, districts: Sequence[str] | None = None) -> Picture:
    """Return figures over time: a panel for each figure, a line for each district, named at its end.

    Args:
        table: What `backfill.BackfillService.history` returned.
        fields: Which columns; ``None`` = all that hold numbers.
        districts: Which; ``None`` = all of the table.

    Raises:
        InvalidRequest: There is no such column or district, a column has no number, or there is nothing to draw.
    """
    chosen = [name for name in table.names if _is_numeric(table[name])] if fields is None else list(fields)
    unknown = [name for name in chosen if name not in table.names or not _is_numeric(table[name])]
    if unknown or not chosen or not len(table):
        named = ", ".join(unknown) or "fields"
        raise InvalidRequest("fields", named, "nothing to draw", f"name columns with numbers, of {', '.join(table.names)}")
    known = dict.fromkeys(str(name) for name in table["district"])
    wanted = tuple(known) if districts is None else tuple(districts)
    _check_known(wanted, known)
    figure = Figure(figsize=(_WIDTH, 0.8 + 2.8 * len(chosen)), layout="constrained")
    panels = figure.subplots(len(chosen), 1, sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, chosen, strict=True):
        lines = {district: _points(table, name, district) for district in wanted}
        _draw(panel, lines, highlighted=wanted[:LINES])
        panel.set_title(name, loc="left")
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    _date_axis(panels[-1])
    return Picture(
        figure, f"{', '.join(chosen)} of {', '.join(wanted[:LINES])}{' and others' if len(wanted) > LINES else ''} over time"
    )


def ranking_movement(
    store: SnapshotStore,
    days: Iterable[date] | None = None,
    *,
    districts: Sequence[str] = (),
    rank: str = "overallRank",
    most: int = 20,
) -> Picture:
    """Return how districts move in the rankings of stored days: a line each, the first rank at the top.

    Args:
        store: Where the days are stored.
        days: Which; ``None`` = all stored that have rankings.
        districts: Which are highlighted, wherever they stand; none = those that move most.
        rank: Which of the ranks: ``overallRank``, ``clubsRank``, ``paymentsRank`` or ``distinguishedRank``.
        most: So many of the best of the last day are shown, beside the highlighted ones.

    Raises:
        InvalidRequest: Fewer than two of the days have rankings, or not of this kind; one of the districts is in none of them; or *most*
            is no number from 1 to 1,000.
    """
    as_count("most", most, least=1, most=1000)
    ranks = {day: found for day in (store.days() if days is None else days) if (found := _ranks(store, day, rank))}
    if len(ranks) < 2:  # noqa: PLR2004 - movement is between two
        raise InvalidRequest(
            "days", len(ranks), f"fewer than two days with a ranking by {rank}", "collect more days, system-wide"
        )
    ordered = dict(sorted(ranks.items()))
    _check_known(districts, sorted({name for of_day in ordered.values() for name in of_day}))
    last = ordered[max(ordered)]
    best = sorted(last, key=lambda name: (last[name], name))[:most]
    shown = tuple(dict.fromkeys([*districts, *best]))
    lines = {name: [(day, float(of_day[name])) for day, of_day in ordered.items() if name in of_day] for name in shown}
    highlighted = tuple(districts)[:LINES] or tuple(sorted(best, key=lambda name: -_moved(lines[name]))[:LINES])
    figure, axes = _axes(2.0 + 0.25 * len(shown))
    axes.invert_yaxis()
    _draw(axes, lines, highlighted=highlighted, named=shown)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(rank)
    axes.set_xticks([_at(day) for day in ordered], [f"{day}" for day in ordered], rotation=30, ha="right")
    title = f"{rank}, {min(ordered)} to {max(ordered)}"
    axes.set_title(title, loc="left")
    moves = ", ".join(f"{name} from {lines[name][0][1]:.0f} to {lines[name][-1][1]:.0f}" for name in highlighted if lines[name])
    return Picture(figure, f"{title}: {moves}")


def _check_known(wanted: Iterable[str], known: Collection[str]) -> None:
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InvalidRequest("districts", ", ".join(unknown), "nothing there to draw", f"name some of {listing(tuple(known))}")


def _axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _mark_cells(axes: Axes, codes: Sequence[Sequence[int]]) -> None:
    """Put the marks of the states into the cells, so that they are told apart without colours."""
    for code, (_colour, mark) in enumerate(_STATES.values()):
        cells = [
            (column + 0.5, row + 0.5) for row, states in enumerate(codes) for column, state in enumerate(states) if state == code
        ]
        if mark and cells:
            across, down = zip(*cells, strict=True)
            axes.scatter(across, down, marker=mark, s=9, color="#000000", linewidths=0.6)


def _named(state: CellState, number: int, *, marked: bool) -> str:
    mark = _STATES[state][1] if marked else ""
    return f"{state.replace('-', ' ')}{f' ({mark})' if mark else ''} {number:,}"


def _draw(
    axes: Axes,
    lines: Mapping[str, Sequence[tuple[date, float]]],
    *,
    highlighted: Sequence[str],
    named: Sequence[str] | None = None,
) -> None:
    """Draw lines: those highlighted in colours with markers, the others in grey; each named at its end."""
    styles = dict(zip(highlighted, zip(_HUES, _MARKERS, strict=True), strict=False))
    ends: list[tuple[float, date, str, str]] = []
    for name, points in lines.items():
        if not points:
            continue
        hue, marker = styles.get(name, ("#bbbbbb", ""))
        days, values = [day for day, _value in points], [value for _day, value in points]
        many = len(points) > 40  # noqa: PLR2004 - markers that would run into each other
        axes.plot(
            days,  # type: ignore[arg-type] # matplotlib takes days
            values,
            color=hue,
            marker=marker or None,
            markersize=4,
            markevery=max(1, len(points) // 12) if many else 1,
            linewidth=1.8 if marker else 1.0,
            zorder=3 if marker else 2,
        )
        if name in styles or name in (named or ()):
            ends.append((values[-1], days[-1], name, hue if marker else "#666666"))
    _name_ends(axes, ends)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.6)


def _name_ends(axes: Axes, ends: Sequence[tuple[float, date, str, str]]) -> None:
    """Write each name beside the end of its line; names that would lie upon each other are moved apart."""
    if not ends:
        return
    low, high = sorted(axes.get_ylim())
    height = axes.get_window_extent().height * 72 / axes.figure.dpi
    ordered = sorted(ends)
    places = _spread([value for value, *_rest in ordered], (high - low) * 10 / height, low, high)
    for (value, last, name, hue), place in zip(ordered, places, strict=True):
        axes.annotate(
            name,
            (_at(last), value),
            xytext=(30, place),
            textcoords=("offset points", "data"),
            va="center",
            fontsize=8,
            color=hue,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": hue, "linewidth": 0.6, "relpos": (0, 0.5), "shrinkA": 0, "shrinkB": 3},
        )


def _spread(values: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return places for the rising *values*, each at least *least* above the one before, moved little, and from *low* to *high* if there is room."""
    groups: list[tuple[float, int]] = []  # the middle of neighbours that touch, and how many they are
    for value in values:
        middle, size = value, 1
        while groups and middle - groups[-1][0] < least * (size + groups[-1][1]) / 2:
            before, of = groups.pop()
            middle, size = (before * of + middle * size) / (of + size), of + size
        groups.append((middle, size))
    places = [middle + least * (number - (size - 1) / 2) for middle, size in groups for number in range(size)]
    raised = [max(place, low + least * number) for number, place in enumerate(places)]
    return [min(place, high - least * number) for number, place in enumerate(reversed(raised))][::-1]


def _at(day: date) -> float:
    return float(date2num(day))  # type: ignore[no-untyped-call] # matplotlib's is untyped


def _marked(days: Sequence[date]) -> list[int]:
    """Return the columns whose days are written: the first of each month, or what of them leaves room for each."""
    months = [0, *(number for number, (before, day) in enumerate(pairwise(days), 1) if day.month != before.month)]
    return months[:: -(-len(months) // 12)]


def _date_axis(axes: Axes) -> None:
    locator = AutoDateLocator()  # type: ignore[no-untyped-call] # matplotlib's is untyped
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call] # as above


def _is_numeric(values: Sequence[object]) -> bool:
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _points(table: Table, name: str, district: str) -> list[tuple[date, float]]:
    found: list[tuple[date, float]] = []
    for day, of, value in zip(table["day"], table["district"], table[name], strict=True):
        if of == district and isinstance(day, date) and isinstance(value, int | float):
            found.append((day, float(value)))
    return sorted(found)


def _ranks(store: SnapshotStore, day: date, rank: str) -> dict[str, int]:
    try:
        summary: Any = store.read(day).summary(RANKINGS)
    except SnapshotNotFound:
        return {}
    return {row["districtId"]: row[rank] for row in summary["rankings"] if isinstance(row.get(rank), int)}


def _moved(points: Sequence[tuple[date, float]]) -> float:
    return abs(points[-1][1] - points[0][1]) if points else 0.0
