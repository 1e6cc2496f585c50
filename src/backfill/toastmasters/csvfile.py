"""A report's bytes as a header and rows of text. Nothing here knows a column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from attrs import frozen

from backfill.toastmasters.footer import footer_text


@frozen
class Table:
    """A file of comma-separated values, taken apart.

    Attributes:
        header: The cells of its first row, without surrounding blanks.
        rows: The rows of data, as they stand; blank rows, and those that belong to the footer, are left out.
        footers: What the rows of the footer say, in their order; empty = the file may have been cut.
        is_utf8: Whether it is UTF-8; otherwise it was read as cp1252.
    """

    header: tuple[str, ...]
    rows: tuple[list[str], ...]
    footers: tuple[str, ...]
    is_utf8: bool


def read_table(content: bytes) -> Table:
    """Return *content* taken apart: any line ends, with or without a byte order mark, blank lines anywhere. Pure.

    Whatever is not a table comes out as a strange header; it is never an error.
    """
    text, is_utf8 = _decode(content)
    records = _records(text)
    header = tuple(cell.strip() for cell in next(records, ()))
    rows: list[list[str]] = []
    footers: list[str] = []
    for record in records:
        # nearly every row begins with the number of its region or district, and needs no closer look
        footer = None if record[0][:1].isdigit() else footer_text(record)
        if footer is None:
            rows.append(record)
        else:
            footers.append(footer)
    return Table(header, tuple(rows), tuple(footers), is_utf8)


def _decode(content: bytes) -> tuple[str, bool]:
    try:
        return content.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), False


def _records(text: str) -> Iterator[list[str]]:
    """Iterate over the records that are not blank; stops where a quote was never closed and the rest is too long for a cell."""
    try:
        for record in csv.reader(io.StringIO(text, newline="")):
            if any(map(str.strip, record)):
                yield record
    except csv.Error:  # what follows is no CSV: the footer that is missing then tells of the cut
        return
