"""The entries of each day's manifest in short, beside the days: a cache that makes looking over ten years quick.

A file is believed if it carries the stamp of the day's live manifest and the checksum of its own content; anything else is as
good as none, and is written anew by whoever had to read the manifest. So it needs no lock, no sync, and no atomic writing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from backfill.jsonvalues import dumps
from backfill.model import RecordHeader
from backfill.stores._atomic import FileSystem
from backfill.stores._generations import Stamp
from backfill.stores._layout import Layout

_FORMAT = 1


class EntryIndex:
    """The index of one store. Any thread, any number of processes; an error of it is never an error of the store.

    Args:
        layout: Where it is.
        files: The file system.
    """

    def __init__(self, layout: Layout, files: FileSystem) -> None:
        self._layout = layout
        self._files = files

    def load(self, day: date, stamp: Stamp) -> Mapping[str, RecordHeader] | None:
        """Return the entries of the manifest that has *stamp*; ``None`` = not known."""
        try:
            return _decode(self._files.read(self._layout.entries(day)), stamp)
        except (OSError, ValueError, TypeError, IndexError):  # a cache that cannot be believed is one that is not there
            return None

    def is_whole(self, day: date) -> bool:
        """Whether what is kept of a day is as it was written, of whichever manifest; so too where nothing is kept."""
        try:
            kept = self._files.read(self._layout.entries(day))
            return int(kept[:8], 16) == zlib.crc32(kept[8:])
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False

    def save(self, day: date, stamp: Stamp, entries: Mapping[str, RecordHeader]) -> None:
        """Keep the entries of the manifest that has *stamp*, where that is possible."""
        with suppress(OSError):  # read-only, or full
            self._files.make_directory(self._layout.index)
            self._files.overwrite(self._layout.entries(day), _encode(entries, stamp))

    def forget(self, day: date) -> None:
        """Remove what is kept of a day."""
        with suppress(OSError):  # its stamp fits no manifest any more, so nobody believes it
            self._files.unlink(self._layout.entries(day))


def _encode(entries: Mapping[str, RecordHeader], stamp: Stamp) -> bytes:
    """Write columns; what most records of a day share, such as job and as-of date, stands once."""
    shared: dict[tuple[object, ...], int] = {}
    which = [
        shared.setdefault((h.detail, h.as_of.isoformat(), h.settled, h.job_id, h.method, h.stale_detail), len(shared))
        for h in entries.values()
    ]
    columns = [
        list(entries),
        which,
        [header.content_digest for header in entries.values()],
        [header.sha256 for header in entries.values()],
        [header.size for header in entries.values()],
    ]
    content = dumps([_FORMAT, list(stamp), list(shared), columns])
    return b"%08x" % zlib.crc32(content) + content


def _decode(kept: bytes, stamp: Stamp) -> dict[str, RecordHeader] | None:
    checksum, content = kept[:8], kept[8:]
    if int(checksum, 16) != zlib.crc32(content):
        return None
    form, its_stamp, shared, columns = json.loads(content)
    if form != _FORMAT or tuple(its_stamp) != stamp:
        return None
    groups = [(detail, date.fromisoformat(as_of), *rest) for detail, as_of, *rest in shared]
    entries: dict[str, RecordHeader] = {}
    for district, which, digest, sha256, size in zip(*columns, strict=True):
        detail, as_of, settled, job_id, method, stale_detail = groups[which]
        entries[district] = RecordHeader(detail, as_of, settled, digest, sha256, size, job_id, method, stale_detail)
    return entries
