"""The unit: a table is read, its rows counted and summed, and kept as one JSON file, brought to the disk."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from datetime import date, timedelta
from pathlib import Path

SLOTS = 8
"""Units in work at once."""

FIRST = date(2020, 1, 1)
DISTRICTS = tuple(f"{number:02d}" for number in range(1, 101))
"""Of each day: so that 3,000 units are thirty days."""


def days_of(units: int) -> list[date]:
    """Return the days that so many units are."""
    return [FIRST + timedelta(days=number) for number in range(max(1, units // len(DISTRICTS)))]


def parse(text: str) -> dict[str, object]:
    """Return what is kept of a table."""
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    sums = [sum(int(row[column]) for row in rows) for column in (3, 4, 5)]
    return {"count": len(rows), "sums": sums, "rows": [dict(zip(header, row, strict=True)) for row in rows]}


def dump(data: object) -> bytes:
    """Return the bytes of the file."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def write(path: Path, content: bytes, *, synced: bool) -> None:
    """Write a file; on the disk when it returns, if *synced*."""
    with path.open("xb") as file:
        file.write(content)
        if synced:
            file.flush()
            getattr(os, "fdatasync", os.fsync)(file.fileno())  # as the store does it


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk: until then a power failure may take a file that is on it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def pack(content: bytes) -> bytes:
    """Return a raw document as an archive keeps it."""
    return gzip.compress(content, 4, mtime=0)
