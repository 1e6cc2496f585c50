"""Which days and districts are there, as a picture and as tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from backfill.cli.picture import print_bars, print_coverage, print_lost
from backfill.model import CellState, Coverage
from backfill.model.coverageforms import Columns
from cli_running import YEAR, call

START = date(2023, 1, 1)


def drawn(coverage: Coverage, *, width: int = 80, encoding: str = "utf-8") -> list[str]:
    """Return the lines of a picture on a terminal of this width and encoding, without trailing blanks."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_coverage(Console(file=file, width=width, color_system=None), coverage)
    file.seek(0)
    return [line.rstrip() for line in file.read().splitlines()]


def covering(cells: Mapping[str, list[CellState]], *, step: int = 1) -> Coverage:
    """Return a coverage of as many days as there are states."""
    number = len(next(iter(cells.values())))
    days = tuple(START + timedelta(days=step * index) for index in range(number))
    by_day = {day: {district: states[index] for district, states in cells.items()} for index, day in enumerate(days)}
    return Coverage(days[0], days[-1], "daily", days, tuple(cells), by_day)


def test_the_picture_shows_every_district_by_month(collected: Path) -> None:
    """Districts that look alike share a row; a column is a month, and the legend counts. [B5]"""
    done = call("coverage", collected, "2022-07-01", "2023-06-30", "--frequency", "month-end")
    assert done.exit_code == 0
    years, months, first, second, legend = [line.rstrip() for line in done.stdout.splitlines()]
    assert years.split() == ["2022", "2023"]
    assert months.split() == ["Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar", "Apr", "May", "Jun"]
    assert first.split() == ["91", *["███"] * 12]
    assert second.split() == ["127", "districts", *["▒▒▒"] * 12]
    assert legend.split("   ") == ["█ full 12", "▒ summary 1,524"]


def test_the_csv_has_a_line_for_each_day_and_district(collected: Path) -> None:
    """Any program can read the coverage as a table. [B5, B9]"""
    done = call("coverage", collected, "2023-05-31", "2023-06-30", "--frequency", "month-end", "-d", "91", "-d", "F", "--csv")
    assert list(csv.reader(io.StringIO(done.stdout))) == [
        ["day", "district", "state", "kind", "detail"],
        ["2023-05-31", "91", "full", "", "full"],
        ["2023-05-31", "F", "summary", "", "summary"],
        ["2023-06-30", "91", "full", "", "full"],
        ["2023-06-30", "F", "summary", "", "summary"],
    ]


def test_the_json_has_a_number_for_each_cell(collected: Path) -> None:
    """The document names the states once and refers to them by position. [B5, R8.3]"""
    view = json.loads(call("coverage", collected, *YEAR, "--json").stdout)
    assert list(view) == ["start", "end", "frequency", "districts", "states", "rows", "counts"]
    assert view["states"] == [str(state) for state in CellState]
    assert len(view["districts"]) == 128
    column = view["districts"].index("91")
    assert {view["states"][row["cells"][column]] for row in view["rows"]} == {"full"}
    assert view["counts"]["summary"] == 1524


def test_nothing_stored_is_said(tmp_path: Path) -> None:
    """An empty folder has no picture, and a folder that is not there is a slip of the pen. [B5]"""
    assert call("coverage", tmp_path, "2023-01-31", "2023-01-31").stdout == (
        "Nothing is stored of 2023-01-31 to 2023-01-31, and nothing was tried.\n"
    )
    slip = call("coverage", tmp_path / "nowhere", "2023-01-31", "2023-01-31")
    assert slip.exit_code == 2
    assert "there is no such folder" in slip.stderr


def test_each_state_has_its_letter() -> None:
    """A day is a letter where months do not fit, and every state can be told without colours. [B5]"""
    full, summary, _partial, failed, unavailable, never, _damaged = CellState
    lines = drawn(covering({"91": [full, summary, failed, unavailable, never, full]}))
    assert lines == [
        f"{'':26}2023",
        f"{'':26}Jan",
        f"{'91':26}█▒✗· █",
        "█ full 2   ▒ summary 1   ✗ failed 1   · unavailable 1   blank never tried 1",
    ]


@pytest.mark.parametrize(
    ("lost", "said"), [({}, ""), ({START: frozenset("A")}, "1 was stored once"), ({START: frozenset("AB")}, "2 were stored once")]
)
def test_what_was_stored_once_is_said(lost: Mapping[date, frozenset[str]], said: str) -> None:
    """What is gone is told from what nobody ever tried, with the way back. [B5]"""
    file = io.StringIO()
    coverage = Coverage(START, START, "daily", (START,), ("A", "B"), {}, lost=lost)
    print_lost(Console(file=file, width=200, color_system=None), coverage)
    assert said in file.getvalue()
    assert ("backfill rebuild" in file.getvalue()) is bool(lost)


def test_a_terminal_without_unicode_gets_plain_letters() -> None:
    """Where more than ASCII cannot be written, the picture is drawn with what can. [B5]"""
    full, summary, _partial, failed, unavailable, never, _damaged = CellState
    lines = drawn(covering({"91": [full, summary, failed, unavailable, never]}), encoding="ascii")
    assert lines[2] == f"{'91':26}#+x."
    assert lines[3].startswith("# full 1   + summary 1   x failed 1   . unavailable 1")


def test_days_share_a_column_where_there_are_too_many() -> None:
    """A column for several days shows what is most wanting in them, and the picture says so. [B5]"""
    states = [CellState.FULL] * 365
    states[100] = CellState.FAILED
    lines = drawn(covering({"91": states}))
    assert lines[2].count("✗") == 1
    assert len(lines[2]) <= 80
    assert lines[-1] == "A column stands for 7 days, and shows what is most wanting in them."


def test_many_different_rows_are_cut_short() -> None:
    """After so many rows the rest of the districts is counted. [B5]"""
    cells = {
        f"{number}": [CellState.FULL if number & 1 << bit else CellState.SUMMARY for bit in range(5)] for number in range(32)
    }
    lines = drawn(covering(cells))
    assert sum("█" in line or "▒" in line for line in lines[2:-2]) == 24
    assert lines[-2] == "… and 8 districts more"


@given(number=st.integers(1, 800), step=st.integers(1, 40), width=st.integers(20, 200))
def test_every_day_is_in_one_column_and_the_columns_fit(number: int, step: int, width: int) -> None:
    """Whatever the range and the terminal, each day has one column, and a row is no wider than the room. [B5]"""
    days = [START + timedelta(days=step * index) for index in range(number)]
    columns = Columns.fitting(days, width)
    assert [day for group in columns.groups for day in group] == days
    assert len(columns.groups) * columns.cell <= max(width, 10)
    assert len(columns.heading) <= max(width, 10) + 3
    assert columns.years.split()[0] == "2023"


@pytest.mark.parametrize("width", [30, 80, 200])
def test_bars_begin_at_zero_and_fit(width: int) -> None:
    """The longest bar ends at the edge, the others are as long as their share, and a small value is still seen."""
    file = io.StringIO()
    print_bars(Console(file=file, width=width, color_system=None), [("a", 1000, ""), ("b", 500, "-500"), ("c", 1, "-499")])
    lengths = [line.count("█") for line in file.getvalue().splitlines()]
    assert lengths[0] == max(lengths) <= width
    assert lengths[1] == pytest.approx(lengths[0] / 2, abs=1)
    assert lengths[2] == 1


def test_no_bars_print_nothing() -> None:
    """Without values there is no chart."""
    file = io.StringIO()
    print_bars(Console(file=file), [])
    assert file.getvalue() == ""
