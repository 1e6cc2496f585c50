"""The outlines of all days in one file: a cache that makes a coverage over ten years a matter of a moment.

An outline is believed if it carries the stamp of the day's live manifest, and the file if it carries the checksum of its own content.
Anything else is as good as none. So it needs no lock, no sync, and no atomic writing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, TypeVar

from backfill.jsonvalues import dumps
from backfill.model import DayCells, DayOutline
from backfill.stores._atomic import FileSystem
from backfill.stores._generations import Stamp
from backfill.stores._layout import Layout

_FORMAT = 3
_UNLISTED = -1

M = TypeVar("M", bound=tuple[int | str, ...])

Stamped = tuple[Stamp, DayOutline]
"""An outline, and the stamp of the manifest that it is of."""


class OutlineIndex:
    """The outlines of one store. Any thread, any number of processes; an error of it is never an error of the store.

    Args:
        layout: Where they are.
        files: The file system.
    """

    def __init__(self, layout: Layout, files: FileSystem) -> None:
        self._layout = layout
        self._files = files

    def load(self) -> dict[date, Stamped]:
        """Return what is known of days, whichever state they are in by now."""
        try:
            return decode_outlines(self._files.read(self._layout.outlines), as_stamp)
        except (OSError, ValueError, TypeError, IndexError):
            return {}

    def is_whole(self) -> bool:
        """Whether what is kept is as it was written; so too where nothing is."""
        try:
            kept = self._files.read(self._layout.outlines)
            return int(kept[:8], 16) == zlib.crc32(kept[8:])
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False

    def save(self, outlines: Mapping[date, Stamped]) -> None:
        """Keep outlines, where that is possible, in the place of those that were kept."""
        with suppress(OSError):  # read-only, or full
            self._files.make_directory(self._layout.index)
            self._files.overwrite(self._layout.outlines, encode_outlines(outlines))


def as_stamp(mark: Sequence[int]) -> Stamp:
    """Return the stamp of a manifest, as it was written."""
    modified, size, inode, around = mark
    return modified, size, inode, around


def encode_outlines(outlines: Mapping[date, tuple[M, DayOutline]]) -> bytes:
    """Return outlines in one piece, each with the mark of the state that it is of.

    The names of districts stand once for all days that have the same, and each district of a day is a digit.
    """
    lists: dict[tuple[str, ...], int] = {}
    rows = []
    for day, (mark, outline) in outlines.items():
        districts = outline.cells.districts
        which = lists.setdefault(districts, len(lists))
        open_ones = "".join("01"[name in outline.incomplete] for name in districts) if outline.incomplete else ""
        own = _UNLISTED if outline.listed is None else lists.setdefault(outline.listed, len(lists))
        rows.append([day.toordinal(), list(mark), which, "".join(map(str, outline.cells.codes)), open_ones, own])
    content = dumps([_FORMAT, list(lists), rows])
    return b"%08x" % zlib.crc32(content) + content


def decode_outlines(kept: bytes, as_mark: Callable[[Any], M]) -> dict[date, tuple[M, DayOutline]]:
    """Return what `encode_outlines` was given, marks as *as_mark* makes them; nothing, where it is not as it was written.

    Raises:
        ValueError: It is no such piece; `TypeError` and `IndexError` likewise.
    """
    checksum, content = kept[:8], kept[8:]
    if int(checksum, 16) != zlib.crc32(content):
        return {}
    form, lists, rows = json.loads(content)
    if form != _FORMAT:
        return {}
    names = [tuple(districts) for districts in lists]
    found: dict[date, tuple[M, DayOutline]] = {}
    for day, mark, which, digits, open_ones, own in rows:
        cells = DayCells(names[which], digits.encode().translate(_DIGITS))
        incomplete = (
            frozenset(name for name, digit in zip(names[which], open_ones, strict=True) if digit == "1")
            if open_ones
            else frozenset()
        )
        found[date.fromordinal(day)] = (
            as_mark(mark),
            DayOutline(cells, incomplete, listed=None if own == _UNLISTED else names[own]),
        )
    return found


_DIGITS = bytes(code - ord("0") if ord("0") <= code <= ord("9") else 0 for code in range(256))
