"""The layouts of the four reports through the years, and which columns a header has. Found by heading, never by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Generic

from attrs import field, frozen

from backfill.toastmasters.columns import Column, columns_of, normal_heading
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.rows import ClubRow, DistrictRow, DivisionRow, Row, RowT_co, SummaryRow

_REMEMBERED = 256  # headers; a few dozen exist
_LEAST_KNOWN = 3  # headings that a table must have to pass for a report: prose has a comma or two as well


@frozen
class Match:
    """What a header holds of a report.

    Attributes:
        positions: Of each column, in the order of the row class, the position in the file; ``None`` = the file lacks it.
        unknown: The other positions, each with its heading; one that is blank or repeated gets a heading made from its position.
        headings: The headings up to the last that is not blank.
    """

    positions: tuple[int | None, ...]
    unknown: tuple[tuple[int, str], ...]
    headings: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.headings)


@frozen
class Layout(Generic[RowT_co]):
    """A report's columns.

    Attributes:
        kind: The report.
        row: The class of its rows.
        columns: Its columns by field of that class, in the report's order.
    """

    kind: ReportKind
    row: type[RowT_co]
    columns: Mapping[str, Column] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "columns", columns_of(self.row))

    @property
    def years(self) -> tuple[int, ...]:
        """The program years from which on the report looks different, ascending."""
        return tuple(sorted({year for column in self.columns.values() for year in column.turns}))

    def headings(self, year: int) -> dict[str, str]:
        """Return, by field and in the report's order, the headings of the program year that began in *year*."""
        named = {key: column.heading(year) for key, column in self.columns.items()}
        return {key: heading for key, heading in named.items() if heading is not None}

    def year_of(self, header: Sequence[str]) -> int:
        """Return the first program year of the layout that *header* is nearest to; of several, the oldest."""
        return _year_of(self.kind, tuple(header))

    def match(self, header: Sequence[str]) -> Match:
        """Return which columns *header* has, and where."""
        return _match(self.kind, tuple(header))

    def missing(self, header: Sequence[str], year: int) -> tuple[str, ...]:
        """Return the headings of the program year that began in *year* whose columns *header* has under no name."""
        return _missing(self.kind, tuple(header), year)


SUMMARY = Layout(ReportKind.SUMMARY, SummaryRow)
CLUBS = Layout(ReportKind.CLUBS, ClubRow)
DISTRICT = Layout(ReportKind.DISTRICT, DistrictRow)
DIVISIONS = Layout(ReportKind.DIVISIONS, DivisionRow)

LAYOUTS: Mapping[ReportKind, Layout[Row]] = {layout.kind: layout for layout in (SUMMARY, CLUBS, DISTRICT, DIVISIONS)}


def identify(header: Sequence[str], asked: ReportKind) -> ReportKind | None:
    """Return the report that *header* has most headings of, *asked* if it is among several; ``None`` = hardly any of any."""
    known = {kind: sum(position is not None for position in layout.match(header).positions) for kind, layout in LAYOUTS.items()}
    best = max(known, key=lambda kind: (known[kind], kind is asked))
    return best if known[best] >= _LEAST_KNOWN else None


@lru_cache(_REMEMBERED)
def _match(kind: ReportKind, header: tuple[str, ...]) -> Match:
    first: dict[str, int] = {}
    for position, heading in enumerate(header):
        if heading:
            first.setdefault(normal_heading(heading), position)
    positions = tuple(
        next((first[name] for name in map(normal_heading, column.headings) if name in first), None)
        for column in LAYOUTS[kind].columns.values()
    )
    width = max((position + 1 for position, heading in enumerate(header) if heading), default=0)
    rest = [position for position in range(width) if position not in positions]
    unique = {position for position in rest if header[position] and header.index(header[position]) == position}
    unknown = tuple((position, header[position] if position in unique else extra_heading(position)) for position in rest)
    return Match(positions, unknown, header[:width])


@lru_cache(_REMEMBERED)
def _missing(kind: ReportKind, header: tuple[str, ...], year: int) -> tuple[str, ...]:
    layout = LAYOUTS[kind]
    found = dict(zip(layout.columns, layout.match(header).positions, strict=True))
    return tuple(heading for key, heading in layout.headings(year).items() if found[key] is None)


@lru_cache(_REMEMBERED)
def _year_of(kind: ReportKind, header: tuple[str, ...]) -> int:
    layout = LAYOUTS[kind]
    found = set(map(normal_heading, header)) - {""}
    return min(layout.years, key=lambda year: len(found ^ set(map(normal_heading, layout.headings(year).values()))))


def extra_heading(position: int) -> str:
    """Return what a column without a heading of its own is called."""
    return f"column {position + 1}"
