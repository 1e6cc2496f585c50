"""Tables that any data frame library can take over, without one of them being needed here.

A `Table` holds columns of plain values. Polars, DuckDB, pyarrow and others read it as it is, by its ``__arrow_c_stream__``
(https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html; nanoarrow, of the extra ``frames``, makes the stream);
`Table.to_frame` makes a frame of whichever is installed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from attrs import field, frozen

from backfill.errors import InvalidRequest, MissingExtra

_LEAST, _MOST = -(2**63), 2**63 - 1
_EPOCH = date(1970, 1, 1).toordinal()

LIBRARIES = ("pandas", "polars", "duckdb")
"""The libraries that `Table.to_frame` knows, in the order in which it looks for them."""


class Kind(Enum):
    """What a column holds, beside ``None`` where something is not known: the names of its type in Arrow, Polars and pandas."""

    INTEGER = ("int64", "Int64", "Int64")
    NUMBER = ("float64", "Float64", "Float64")
    FLAG = ("bool_", "Boolean", "boolean")
    TEXT = ("string", "String", "string")
    DAY = ("date32", "Date", "datetime64[s]")

    @property
    def arrow(self) -> str:
        """The name of the type in nanoarrow."""
        return self.value[0]

    @property
    def polars(self) -> str:
        """The name of the type in Polars."""
        return self.value[1]

    @property
    def pandas(self) -> str:
        """The name of the type in pandas."""
        return self.value[2]


Value = int | float | bool | str | date | None


def kind_of(values: Sequence[object]) -> Kind:
    """Return what a column of *values* holds: the narrowest kind that fits all of them; text, if nothing else does.

    A whole number that does not fit 64 bits makes a column of text: no library has a type that would keep it exactly.
    """
    types = {type(value) for value in values if value is not None}
    if int in types and not all(_LEAST <= value <= _MOST for value in values if type(value) is int):
        return Kind.TEXT
    if types and types <= {bool}:
        return Kind.FLAG
    if types and types <= {int}:
        return Kind.INTEGER
    if types and types <= {int, float}:
        return Kind.NUMBER
    return Kind.DAY if types and types <= {date} else Kind.TEXT


@frozen
class Column:
    """One column.

    Attributes:
        name: Its name.
        kind: What it holds.
        values: Its values, ``None`` where something is not known.
    """

    name: str
    kind: Kind
    values: Sequence[Value] = field(repr=lambda values: f"<{len(values)} values>")

    @classmethod
    def of(cls, name: str, values: Sequence[object], kind: Kind | None = None) -> Column:
        """Return a column of the kind that fits *values*; what is none of the kinds becomes text.

        *kind* is that of a column in which nothing is known, so that it has a type of its own.
        """
        if kind is None or any(value is not None for value in values):
            kind = kind_of(values)
        plain: list[Any] = list(values)
        if kind is Kind.TEXT:
            plain = [None if value is None else str(value) for value in values]
        elif kind is Kind.NUMBER:
            plain = [None if value is None else float(value) for value in plain]
        return cls(name, kind, plain)


@frozen
class Table:
    """Columns of one length. Immutable; any thread.

    Attributes:
        columns: They.
    """

    columns: tuple[Column, ...]

    def __repr__(self) -> str:
        return f"<Table: {len(self):,} rows of {', '.join(self.names) or 'nothing'}>"

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.columns[0].values) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Sequence[Value]:
        """Return the values of the column *name*.

        Raises:
            KeyError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column.values
        raise KeyError(name)

    def rows(self) -> Iterator[tuple[Value, ...]]:
        """Iterate over the rows."""
        return zip(*(column.values for column in self.columns), strict=True)

    def to_csv(self) -> str:
        """Return the table as CSV, with a heading; what is not known is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.names)
        writer.writerows(self.rows())
        return text.getvalue()

    def __arrow_c_schema__(self) -> object:
        """Return the schema of the columns, for libraries that understand Arrow.

        Raises:
            MissingExtra: nanoarrow is not installed.
        """
        return _nanoarrow_schema(self.columns).__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the columns as an Arrow stream of one batch, for libraries that understand Arrow; in the types that they have here.

        Raises:
            MissingExtra: nanoarrow is not installed.
        """
        del requested_schema
        arrow, schema = _nanoarrow(), _nanoarrow_schema(self.columns)
        children = [arrow.c_array(_physical(column), getattr(arrow, column.kind.arrow)()) for column in self.columns]
        batch = arrow.c_array_from_buffers(schema, len(self), [None], null_count=0, children=children)
        return arrow.c_array_stream(batch).__arrow_c_stream__()

    def to_frame(self, library: str | None = None) -> Any:
        """Return the table as a data frame of pandas or Polars, or as a relation of DuckDB.

        Args:
            library: ``"pandas"``, ``"polars"`` or ``"duckdb"``; ``None`` = the first of them that is installed.

        Raises:
            MissingExtra: It, or any of them, is not installed; or, for DuckDB, nanoarrow is not.
            InvalidRequest: There is no such library here.
        """
        if library is not None and library not in LIBRARIES:
            raise InvalidRequest("library", library, "not a library that is known here", f"use one of {', '.join(LIBRARIES)}")
        found = next((name for name in ((library,) if library else LIBRARIES) if find_spec(name) is not None), None)
        if found is None:
            raise MissingExtra(f"a data frame ({library or ', '.join(LIBRARIES)})", "frames")
        module = import_module(found)
        if found == "pandas":
            return module.DataFrame(
                {column.name: module.array(list(column.values), dtype=column.kind.pandas) for column in self.columns}
            )
        if found == "polars":
            types = {column.name: getattr(module, column.kind.polars) for column in self.columns}
            return module.DataFrame({column.name: column.values for column in self.columns}, schema=types)
        return module.from_arrow(self)

    def _repr_html_(self) -> str:
        from backfill.display.stored import table_html  # noqa: PLC0415 - only a notebook pays for it

        return table_html(self)


def _nanoarrow() -> Any:
    """Return the library that makes Arrow's arrays, loaded by whoever hands a table on.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import nanoarrow  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise MissingExtra("a table for libraries that read Arrow", "frames") from error
    return nanoarrow


def _nanoarrow_schema(columns: Sequence[Column]) -> Any:
    arrow = _nanoarrow()
    return arrow.c_schema(arrow.struct({column.name: getattr(arrow, column.kind.arrow)() for column in columns}))


def _physical(column: Column) -> Sequence[object]:
    """Return the values as Arrow stores them: a day as the number of days since 1970."""
    if column.kind is not Kind.DAY:
        return column.values
    days = cast("Sequence[date | None]", column.values)
    return [None if day is None else day.toordinal() - _EPOCH for day in days]
