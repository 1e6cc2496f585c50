"""The outlines of all days in one file: a cache that makes a coverage over ten years a matter of a moment.

An outline is believed if it carries the stamp of the day's live manifest, and the file if it carries the checksum of its own content.
Anything else is as good as none. So it needs no lock, no sync, and no atomic writing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from backfill.jsonvalues import dumps
from backfill.model import DayCells, DayOutline
from backfill.stores._atomic import FileSystem
from backfill.stores._generations import Stamp
from backfill.stores._layout import Layout

_FORMAT = 1

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
            return _decode(self._files.read(self._layout.outlines))
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
            self._files.overwrite(self._layout.outlines, _encode(outlines))


def _encode(outlines: Mapping[date, Stamped]) -> bytes:
    """Write the names of districts once for all days that have the same, and a digit for each district of a day."""
    lists: dict[tuple[str, ...], int] = {}
    rows = []
    for day, (stamp, outline) in outlines.items():
        districts = outline.cells.districts
        which = lists.setdefault(districts, len(lists))
        open_ones = "".join("01"[name in outline.incomplete] for name in districts) if outline.incomplete else ""
        rows.append([day.toordinal(), *stamp, which, "".join(map(str, outline.cells.codes)), open_ones])
    content = dumps([_FORMAT, list(lists), rows])
    return b"%08x" % zlib.crc32(content) + content


def _decode(kept: bytes) -> dict[date, Stamped]:
    checksum, content = kept[:8], kept[8:]
    if int(checksum, 16) != zlib.crc32(content):
        return {}
    form, lists, rows = json.loads(content)
    if form != _FORMAT:
        return {}
    names = [tuple(districts) for districts in lists]
    found: dict[date, Stamped] = {}
    for day, modified, size, inode, around, which, digits, open_ones in rows:
        cells = DayCells(names[which], digits.encode().translate(_DIGITS))
        incomplete = (
            frozenset(name for name, digit in zip(names[which], open_ones, strict=True) if digit == "1")
            if open_ones
            else frozenset()
        )
        found[date.fromordinal(day)] = (modified, size, inode, around), DayOutline(cells, incomplete)
    return found


_DIGITS = bytes(code - ord("0") if ord("0") <= code <= ord("9") else 0 for code in range(256))
