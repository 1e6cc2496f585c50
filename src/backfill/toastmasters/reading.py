"""Rows of text become typed rows, a column at a time: most cells are among a few texts that were read before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from attrs import field, frozen

from backfill.model import Finding
from backfill.model.checks import frozen_mapping
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.layouts import Layout, Match, extra_heading
from backfill.toastmasters.rows import NOTHING_MORE, Row

_SHOWN = 5  # things of a kind that one finding names

_Extras = dict[int, dict[str, str]]


@frozen
class Notes:
    """Collects what a reader of one report should know.

    Attributes:
        report: The report.
        findings: What was noted so far.
    """

    report: ReportKind
    findings: list[Finding] = field(factory=list)

    def add(self, kind: str, message: str) -> None:
        """Note *message*, a sentence about the report."""
        self.findings.append(Finding(kind, f"{self.report}: {message}"))


def listed(things: Iterable[object]) -> str:
    """Return the first few of *things*, quoted, and how many more there are."""
    shown = [repr(thing) for thing in things]
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def read_rows(rows: Sequence[list[str]], layout: Layout[Row], match: Match, notes: Notes) -> tuple[Row, ...]:
    """Return the typed rows in the file's order, one for each district or club: of several, the first counts."""
    extras: _Extras = {}
    width = match.width
    even = [row if len(row) == width else _fit(index, row, width, extras) for index, row in enumerate(rows)]
    short = sum(len(row) < width for row in rows)
    if short:
        notes.add("ragged_row", f"{short} of {len(rows)} rows end before the last column; the cells they lack are unknown")
    if extras:
        notes.add("ragged_row", f"{len(extras)} of {len(rows)} rows go on beyond the last column; what is there is kept")
    texts = list(zip(*even, strict=True))
    _keep_unknown(texts, match, extras)
    values: list[Sequence[object]] = []
    for column, position in zip(layout.columns.values(), match.positions, strict=True):
        if position is None or not rows:
            values.append((None,) * len(rows))
            continue
        try:
            values.append(list(map(column.read, texts[position])))
        except ValueError:  # one cell of the column is odd: each is read alone, and told
            values.append(_read_singly(column.read, texts[position], match.headings[position], extras, notes))
    values.append([frozen_mapping(extras.get(index)) if extras else NOTHING_MORE for index in range(len(rows))])
    return _distinct(cast("Iterable[Row]", map(layout.row._make, zip(*values, strict=True))), notes)


def _fit(index: int, row: list[str], width: int, extras: _Extras) -> list[str]:
    """Return *row* with exactly *width* cells."""
    for position in range(width, len(row)):
        if row[position].strip():
            extras.setdefault(index, {})[extra_heading(position)] = row[position]
    return row[:width] + [""] * (width - len(row))


def _keep_unknown(texts: Sequence[Sequence[str]], match: Match, extras: _Extras) -> None:
    for position, heading in match.unknown:
        for index, cell in enumerate(texts[position] if texts else ()):
            if cell or match.headings[position]:
                extras.setdefault(index, {})[heading] = cell


def _read_singly(
    read: Callable[[str], object], texts: Sequence[str], heading: str, extras: _Extras, notes: Notes
) -> list[object]:
    """Return what each of *texts* says, ``None`` for those that cannot be read."""
    values: list[object] = []
    unreadable: dict[str, str] = {}
    for index, cell in enumerate(texts):
        try:
            values.append(read(cell))
        except ValueError as error:
            values.append(None)
            extras.setdefault(index, {})[heading] = cell
            unreadable[cell] = str(error)
    cells = ", ".join(f"{cell!r} ({why})" for cell, why in list(unreadable.items())[:_SHOWN])
    notes.add("unreadable_cell", f"in column {heading!r} these cannot be read, and count as unknown: {cells}")
    return values


def _distinct(rows: Iterable[Row], notes: Notes) -> tuple[Row, ...]:
    """Return *rows* without those that are about nothing, and only the first of those that are about the same."""
    kept: dict[str, Row] = {}
    about_nothing: list[Row] = []
    again: list[str] = []
    for row in rows:
        key = row.key
        if key is None:
            about_nothing.append(row)
            continue
        other = kept.setdefault(key, row)
        if other is row:
            continue
        if other == row:
            again.append(key)
        else:
            notes.add("conflicting_rows", f"{key} stands twice, and the first is kept: {_differences(other, row)}")
    if again:
        notes.add("duplicate_row", f"these stand twice with the same figures, and count once: {listed(again)}")
    if about_nothing:
        notes.add("dropped_row", f"{len(about_nothing)} rows name no district or club, and are left out")
    return tuple(kept.values())


def _differences(first: Row, second: Row) -> str:
    pairs = zip(first._fields, first, second, strict=True)
    return ", ".join(f"{name} is {one!r} and {other!r}" for name, one, other in pairs if one != other)
