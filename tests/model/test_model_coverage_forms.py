"""What a coverage can be turned into."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import InvalidRequest
from backfill.jsonvalues import dumps, loads
from backfill.model import CellState, Coverage
from backfill.model.coveragecells import CODES, DayCells
from backfill.model.coverageforms import NARROWEST, TYPED, Columns

START = date(2023, 1, 1)
FULL, SUMMARY, PARTIAL, FAILED, UNAVAILABLE, NEVER, DAMAGED = CellState
KNOWN = [state for state in CellState if state not in {PARTIAL, NEVER, DAMAGED}]


@st.composite
def coverages(draw: st.DrawFn) -> Coverage:
    """Any coverage of some days and districts."""
    number = draw(st.integers(1, 40))
    districts = tuple(draw(st.lists(st.sampled_from(["01", "61", "F", "<U>"]), unique=True, max_size=4)))
    days = tuple(START + timedelta(days=index) for index in range(number))
    gaps = dict.fromkeys(draw(st.lists(st.sampled_from(days), unique=True)), "closing")
    cells: dict[date, Mapping[str, CellState]] = {}
    for day in days:
        known = draw(st.dictionaries(st.sampled_from([*districts, "gone"]), st.sampled_from(KNOWN)))
        cells[day] = known
        if draw(st.booleans()):  # in the columnar form as well
            cells[day] = DayCells(tuple(known), bytes(CODES[state] for state in known.values()))
    incomplete = {day: frozenset(draw(st.lists(st.sampled_from([*districts, "gone"]), max_size=2))) for day in days}
    return Coverage(days[0], days[-1], "daily", days, districts, cells, gaps, incomplete=incomplete)


@given(coverage=coverages())
def test_every_form_says_the_same(coverage: Coverage) -> None:
    """Counts, ranges, CSV, JSON and table agree on every (day, district). [B5]"""
    cells = list(coverage)
    assert {state: sum(one[2] is state for one in cells) for state in CellState} == dict(coverage.counts)
    assert sum(coverage.unavailable.values()) == coverage.counts[UNAVAILABLE]
    rows = list(csv.DictReader(io.StringIO(coverage.to_csv())))
    assert [(row["day"], row["district"], row["state"]) for row in rows] == [
        (str(day), name, state) for day, name, state in cells
    ]
    assert [row["detail"] or None for row in rows] == [coverage.detail(day, name) for day, name, _state in cells]
    assert all(state is coverage.state(day, name) for day, name, state in cells)
    assert sum(row["state"] == "partial" for row in rows) == coverage.counts[PARTIAL]
    assert [row["kind"] or None for row in rows] == [coverage.kind(day, name) for day, name, _state in cells]
    held = loads(dumps(coverage.to_json()))
    assert isinstance(held, dict)
    letters, days = held["letters"], held["days"]
    assert isinstance(letters, dict)
    assert isinstance(days, dict)
    assert [letters[letter] for row in days.values() for letter in str(row)] == [state for _day, _name, state in cells]
    for district in coverage.districts:
        days_of = [
            (day, state) for first, last, state in coverage.ranges(district) for day in coverage.days if first <= day <= last
        ]
        assert days_of == [(day, coverage.state(day, district)) for day in coverage.days]


class _Tables(HTMLParser):
    """Counts what a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note an opening."""
        self.cells += tag == "td"
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Every element is closed in its turn."""
        assert self.open.pop() == tag


@given(coverage=coverages())
def test_the_html_is_whole_and_safe(coverage: Coverage) -> None:
    """Elements are closed in their turn, names are escaped, and each kind of row has a cell for each column. [B5, B9]"""
    page = coverage._repr_html_()
    parser = _Tables()
    parser.feed(page)
    assert parser.open == []
    assert "<U>" not in page
    columns = Columns.fitting(coverage.days, 120)
    assert parser.cells == len(columns.groups) * len(list(coverage.rows(columns)))


def test_the_picture_is_text() -> None:
    """A row for districts that look alike, a letter a day, counts below; with plain letters where others cannot be shown. [B5]"""
    days = tuple(START + timedelta(days=index) for index in range(5))
    states = [FULL, SUMMARY, FAILED, UNAVAILABLE, SUMMARY]
    cells = {day: {"61": state, "F": state} for day, state in zip(days, states, strict=True)}
    partial = {days[-1]: frozenset({"61", "F"})}
    coverage = Coverage(days[0], days[-1], "daily", days, ("61", "F", "U"), cells, {}, incomplete=partial)
    assert coverage.to_text(ascii_only=True).splitlines() == [
        f"{'':26}2023",
        f"{'':26}Jan",
        f"{'61 F':26}#+x.~",
        "U",
        "# full 2   + summary 2   ~ partial 2   x failed 2   . unavailable 2   blank never tried 5",
    ]
    assert coverage.to_text().splitlines()[2] == f"{'61 F':26}█▒✗·▓"


@given(coverage=coverages(), width=st.integers(NARROWEST, 130), ascii_only=st.booleans())
def test_no_line_of_a_picture_is_wider_than_asked_for(coverage: Coverage, width: int, *, ascii_only: bool) -> None:
    """Headings, rows, long names, counts and notes keep to the width. [B5, B9]"""
    named = Coverage(
        coverage.start, coverage.end, "daily", coverage.days, (*coverage.districts, "district-of-a-name-as-long-as-names-may-be"), coverage.cells
    )  # fmt: skip
    for one in (coverage, named):
        assert max(map(len, one.to_text(width, ascii_only=ascii_only).splitlines())) <= width


def test_a_picture_that_ends_with_a_month_keeps_to_its_width() -> None:
    """A month, or a year, that begins at the edge is not named there; counts that do not fit go on in the next line. [B5]"""
    days = tuple(date(2022, 12, 20) + timedelta(days=index) for index in range(14))
    states = [FULL, SUMMARY, FAILED, UNAVAILABLE, PARTIAL]
    cells = {day: {"61": states[index % 5]} for index, day in enumerate(days)}
    lines = Coverage(days[0], days[-1], "daily", days, ("61",), cells).to_text(40).splitlines()
    assert lines[0] == f"{'':26}2022"
    assert lines[1] == f"{'':26}Dec"
    assert lines[3:] == ["█ full 3   ▒ summary 3   ▓ partial 2", "✗ failed 3   · unavailable 3"]
    days = tuple(date(2022, 12, 31) + timedelta(days=index) for index in range(400))
    assert max(map(len, Coverage(days[0], days[-1], "daily", days, ("61",), {}).to_text(31).splitlines())) <= 31


@pytest.mark.parametrize("width", ["x", 29, True, 1.5, None, 10**9])
def test_a_width_that_cannot_be_is_refused(width: object) -> None:
    """A picture has room for a name and ten columns at least. [B5]"""
    with pytest.raises(InvalidRequest, match="width"):
        Coverage(START, START, "daily", (START,), ("61",), {}).to_text(width)  # type: ignore[arg-type] # of any kind


def test_many_different_rows_are_cut_short() -> None:
    """A picture has so many rows at most; the rest is counted. [B5]"""
    days = tuple(START + timedelta(days=index) for index in range(6))
    names = tuple(f"{number:02}" for number in range(64))
    cells = {day: {name: FULL for name in names if int(name) >> index & 1} for index, day in enumerate(days)}
    lines = Coverage(days[0], days[-1], "daily", days, names, cells, {}).to_text().splitlines()
    assert lines[-2] == "… and 24 districts more"


def test_a_day_is_partial_when_some_of_it_failed() -> None:
    """Partial days, incomplete records and the kinds of what is not there can be asked for. [B5, R6.3]"""
    days = (START, START + timedelta(days=1), START + timedelta(days=2))
    cells = {days[0]: {"61": FULL, "F": FAILED}, days[1]: {"61": FAILED, "F": UNAVAILABLE}}
    coverage = Coverage(
        days[0], days[-1], "daily", days, ("61", "F"), cells, {days[2]: "closing"}, incomplete={days[0]: frozenset({"61"})}
    )
    assert coverage.partial_days == (days[0],)
    assert (coverage.state(days[0], "61"), coverage.detail(days[0], "61")) == (PARTIAL, "full")
    assert (coverage.state(days[0], "F"), coverage.detail(days[0], "F")) == (FAILED, None)
    assert coverage.counts[PARTIAL] == 1
    assert coverage.unavailable == {"closing": 2, "nothing-published": 1}
    assert coverage.kind(days[0], "61") is None


def test_a_coverage_becomes_a_data_frame() -> None:
    """A row for each (day, district). [B9]"""
    pytest.importorskip("polars")
    coverage = Coverage(START, START, "daily", (START,), ("61",), {START: {"61": FULL}}, {})
    frame = coverage.to_frame("polars")
    assert list(frame.iter_rows()) == [(START, "61", "full", None, "full")]  # type: ignore[attr-defined] # a frame of Polars
    assert list(TYPED.values()) == list("#+~x. !")
