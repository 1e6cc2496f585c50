"""Tables that data frame libraries take over."""

from __future__ import annotations

import sys
from datetime import date
from importlib import util
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import InvalidRequest, MissingExtra
from backfill.tables import Column, Kind, Table, kind_of

DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
KINDS: list[st.SearchStrategy[Any]] = [
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(),
    DAYS,
]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any table."""
    length = draw(st.integers(0, 12))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5))
    return Table(
        tuple(
            Column.of(f"c{number}", draw(st.lists(st.none() | kind, min_size=length, max_size=length)))
            for number, kind in enumerate(kinds)
        )
    )


@settings(deadline=None, max_examples=60)
@given(table=tables())
def test_polars_reads_what_is_in_it(table: Table) -> None:
    """Whatever the values, the frame has the same, missing ones as missing; and nothing is kept when it is gone. [B9]"""
    polars = pytest.importorskip("polars")
    for frame in (table.to_frame("polars"), polars.DataFrame(table)):
        assert frame.columns == list(table.names)
        assert list(frame.iter_rows()) == list(table.rows())
        assert frame.schema == polars.DataFrame(table).schema
        assert isinstance(frame, polars.DataFrame)


def table_of_each() -> Table:
    """A table with a column of each kind."""
    return Table(
        (
            Column.of("day", [date(2024, 1, 1), None]),
            Column.of("district", ["Łódź", None]),
            Column.of("members", [None, -3]),
            Column.of("growth", [1.5, 2]),
            Column.of("settled", [True, None]),
        )
    )


def test_duckdb_reads_what_is_in_it() -> None:
    """The relation has the same values. [B9]"""
    pytest.importorskip("duckdb")
    assert table_of_each().to_frame("duckdb").fetchall() == list(table_of_each().rows())


def test_pandas_gets_types_in_which_values_can_be_missing() -> None:
    """Whole numbers stay whole where one is missing, and days are days. [B9]"""
    pytest.importorskip("pandas")
    frame = table_of_each().to_frame("pandas")
    assert [str(kind) for kind in frame.dtypes] == ["datetime64[s]", "string", "Int64", "Float64", "boolean"]
    assert frame["members"].to_list()[1] == -3
    assert frame.isna().sum().to_list() == [1, 1, 1, 0, 1]


def test_the_schema_is_that_of_the_stream() -> None:
    """Who asks for the types first gets those that the values have. [B9]"""
    nanoarrow = pytest.importorskip("nanoarrow")
    table = table_of_each()
    schema = nanoarrow.Schema(table)
    assert [field.name for field in schema.fields] == list(table.names)
    assert nanoarrow.ArrayStream(table).schema == schema or repr(nanoarrow.ArrayStream(table).schema) == repr(schema)


def test_a_table_that_arrow_cannot_hold_is_an_error() -> None:
    """A number too large for 64 bits does not end the process: who reads it gets an error. [B9]"""
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match="too big"):
        polars.DataFrame(Table((Column("n", Kind.INTEGER, [2**70]),)))


def test_a_missing_nanoarrow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what makes the stream, whoever asks for it is told which extra has it. [B9, R10.5]"""
    monkeypatch.setitem(sys.modules, "nanoarrow", None)
    for ask in (table_of_each().__arrow_c_stream__, table_of_each().__arrow_c_schema__):
        with pytest.raises(MissingExtra, match=r"backfill\[frames\]"):
            ask()


def test_no_library_is_needed_and_a_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows, the columns and the CSV are there without any library; a frame says which extra it needs. [B9]"""
    table = table_of_each()
    monkeypatch.setattr("backfill.tables.find_spec", lambda _name: None)
    for name in (None, "polars"):
        with pytest.raises(MissingExtra, match=r"backfill\[frames\]"):
            table.to_frame(name)
    with pytest.raises(InvalidRequest, match="pandas, polars, duckdb"):
        table.to_frame("excel")
    assert table.to_csv().splitlines() == ["day,district,members,growth,settled", "2024-01-01,Łódź,,1.5,True", ",,-3,2.0,"]
    assert len(table) == 2
    assert len(Table(())) == 0
    assert table["members"] == [None, -3]
    with pytest.raises(KeyError):
        table["nothing"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], Kind.FLAG), ([1, 2], Kind.INTEGER), ([1, 2.5], Kind.NUMBER), ([date(2024, 1, 1)], Kind.DAY),
        (["a", 1], Kind.TEXT), ([True, 1], Kind.TEXT), ([], Kind.TEXT), ([None], Kind.TEXT),
    ],
)  # fmt: skip
def test_a_column_is_of_the_narrowest_kind_that_fits(values: list[object], kind: Kind) -> None:
    """Mixed values become text, yes and no are no numbers. [B9]"""
    assert kind_of(values) is kind
    if kind is Kind.TEXT:
        assert Column.of("c", values).values == [None if value is None else str(value) for value in values]


def test_the_library_loads_none_of_them() -> None:
    """Importing tables loads no library of frames, nor nanoarrow. [R10.2]"""
    assert util.find_spec("backfill.tables") is not None
    import subprocess  # noqa: PLC0415 - used here only

    code = "import sys, backfill.tables; print([n for n in ('pandas', 'polars', 'duckdb', 'nanoarrow') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_table_is_told_on_a_line() -> None:
    """A table says how many rows it has, and of what. [R9.5, B9]"""
    assert repr(Table((Column.of("day", [date(2024, 1, 1)]), Column.of("mm", [1.5])))) == "<Table: 1 rows of day, mm>"
