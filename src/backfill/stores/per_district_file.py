"""Snapshots in files: one directory per day, one JSON file per district, published as a whole or not at all.

.. code-block:: text

    <root>/2024-01-31/manifest.json               which files the day has, with size and SHA-256 of each
    <root>/2024-01-31/metadata.json               source, scope, times, versions; what is missing, and why
    <root>/2024-01-31/district_61.json            one district's record
    <root>/2024-01-31/all-districts-rankings.json a summary of the day as a whole

A day is built beside the live ones, brought to the disk, and then exchanged with the live directory in one instant; files
that stay as they are are linked, not copied. Readers see one state of a day or another, never a mixture.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

from backfill.clock import SystemClock
from backfill.errors import DamagedFile
from backfill.model import DayOutline, RecordHeader
from backfill.model.checks import as_date, as_path, as_seconds
from backfill.protocols import Clock
from backfill.stores._atomic import FileSystem
from backfill.stores._draft import FileDraft
from backfill.stores._generations import Generations, Stamp
from backfill.stores._index import EntryIndex
from backfill.stores._layout import METADATA, Layout, district_file, parse_day
from backfill.stores._locks import Locks
from backfill.stores._manifest import FileFacts, Manifest
from backfill.stores._metadata import decode_metadata
from backfill.stores._missing import no_day, no_manifest, no_metadata
from backfill.stores._outlines import OutlineIndex
from backfill.stores._problems import translated
from backfill.stores._snapshot import FileSnapshot
from backfill.stores._writing import Writer


class PerDistrictFileSnapshotStore:
    """Keeps snapshots in a directory that any number of threads and processes of one machine may share.

    Making one touches nothing, and who only reads leaves nothing behind but a cache beside the days. It holds no open file, may
    be pickled, and needs no closing.

    Args:
        root: The directory; made by the first draft that stages anything.
        lock_timeout: Seconds to wait for another writer of the same day.
        clock: Tells the time of commits, and waits for locks; ``None`` = the system's.
        files: What is asked of the file system; ``None`` = the real one. For tests, which let it fail.

    Raises:
        StoreUnavailable: *root* is not a directory.
        InvalidRequest: *root* is no path, or *lock_timeout* no number of seconds.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        lock_timeout: float = 60.0,
        clock: Clock | None = None,
        files: FileSystem | None = None,
    ) -> None:
        self._root = as_path("root", root).absolute()  # a later change of the working directory must not move the store
        with translated(self._root, "opening the store"), suppress(FileNotFoundError):  # made by the first draft
            if not stat.S_ISDIR(self._root.stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self._root))
        timeout = as_seconds("lock_timeout", lock_timeout)
        self._files = files or FileSystem()
        self._layout = Layout(self._root)
        its_clock = clock or SystemClock()
        self._generations = Generations(self._layout, self._files, its_clock)
        self._index = EntryIndex(self._layout, self._files)
        self._outlines = OutlineIndex(self._layout, self._files)
        locks = Locks(self._layout, self._files, its_clock, timeout)
        self._writer = Writer(self._layout, self._files, its_clock, locks, self._generations, self._index)

    def __repr__(self) -> str:
        return f"PerDistrictFileSnapshotStore({str(self._root)!r})"

    @property
    def root(self) -> Path:
        """The directory."""
        return self._root

    def begin(self, day: date, /, *, job_id: str) -> FileDraft:
        """Return a draft of the day. Takes no lock, and touches nothing before the first `put`."""
        return FileDraft(self._writer, self._files, self._root, as_date("day", day), job_id)

    def check_writable(self) -> None:
        """Return if days can be stored, as far as permissions tell. Touches nothing.

        Raises:
            StoreUnavailable: This user may not write there, the disk is read-only, or something is in the directory's place.
        """
        with translated(self._root, "looking whether days can be stored"):
            place = self._root
            while not os.path.lexists(place):  # made by the first draft, in the nearest directory above that is there
                place = place.parent
            if not place.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
            if not os.access(place, os.W_OK | os.X_OK):
                cause = errno.EROFS if _is_read_only(place) else errno.EACCES
                raise OSError(cause, os.strerror(cause), str(place))

    def read(self, day: date, /) -> FileSnapshot:
        """Return the stored day. Its manifest and metadata are read now, its districts when they are asked for.

        Raises:
            SnapshotNotFound: The store has none.
            DamagedFile: Its manifest or metadata cannot be read.
        """
        with translated(self._root, f"reading {day}"):
            found = self._generations.load(as_date("day", day))
        if found is None:
            raise no_day(day)
        return FileSnapshot(self._fetch, *found)

    def _fetch(self, manifest: Manifest, name: str, facts: FileFacts) -> bytes:
        with translated(self._root, f"reading {name} of {manifest.day}"):
            return self._generations.fetch(manifest, name, facts)

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        """Return what the day's manifest says of each record whose file is there; empty when the day is not stored.

        Quick, also for ten years: no file of a record is opened, and a day whose directory has not changed is not listed again.

        Raises:
            DamagedFile: The manifest cannot be read.
        """
        wanted = as_date("day", day)
        with translated(self._root, f"reading {day}"):
            while (found := self._entries(wanted)) is None:
                pass
        return found

    def _entries(self, day: date) -> Mapping[str, RecordHeader] | None:
        """Return the entries of one state of the day; ``None`` = it was replaced while it was looked at."""
        stamp = self._generations.stamp(day)
        known = None if stamp is None else self._index.load(day, stamp)
        if known is not None:
            return known
        manifest = self._generations.manifest(day)
        if manifest is None:
            return {}
        if stamp is None:  # it stands aside for a moment, while its successor is put in place
            return manifest.entries
        names = self._generations.names(day)
        if self._generations.stamp(day) != stamp:
            return None
        present = {district: header for district, header in manifest.entries.items() if district_file(district) in names}
        if len(present) == len(manifest.entries):
            self._index.save(day, stamp, present)
        return present

    def outlines(self, start: date | None = None, end: date | None = None, /) -> Mapping[date, DayOutline]:
        """Return the outline of each stored day from *start* to *end* (inclusive), ascending.

        Quick, also for ten years: of days that have not changed, nothing is opened but one file for all of them. A day whose manifest
        cannot be read, or that has files and none, says so in its outline.
        """
        known = self._outlines.load()
        found: dict[date, DayOutline] = {}
        news = False
        for day in self._named(start, end):
            stamp = self._generations.stamp(day)
            if stamp is None and not self._generations.is_stored(day):
                if self._is_remnant(day):
                    found[day] = DayOutline.damaged(no_manifest(self._layout.live(day)))
                continue
            kept = known.get(day)
            if kept is not None and kept[0] == stamp:
                found[day] = kept[1]
                continue
            try:
                found[day] = DayOutline.of(self.entries(day), self._own_list(day))
                self._refuse_without_metadata(day, stamp)
            except DamagedFile as error:  # not kept: it costs a look each time, until somebody mends it
                found[day] = DayOutline.damaged(error)
                continue
            if stamp is not None:  # if the day was replaced meanwhile, the outline will not be believed
                known[day] = stamp, found[day]
                news = True
        if news:
            self._outlines.save(known)
        return found

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the stored days from *start* to *end* (inclusive), ascending.

        Directories that are no days, or have no manifest, are passed over.
        """
        for day in self._named(start, end):
            if self._generations.is_stored(day):
                yield day

    def remnants(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the days from *start* to *end* (inclusive), ascending, that have files and no manifest.

        They are damaged: nothing says what they hold, and nothing is stored over them. `backfill.stores.check` tells of them, too.
        """
        for day in self._named(start, end):
            if not self._generations.is_stored(day) and self._is_remnant(day):
                yield day

    def _own_list(self, day: date) -> tuple[str, ...] | None:
        """Return the districts that a day's own list has; ``None`` = it was never listed, or its metadata cannot be read, as its readers are told."""
        path = self._layout.live(day) / METADATA
        try:
            return decode_metadata(self._files.read(path), day, str(path)).own_list
        except (OSError, DamagedFile):  # told to who reads the day; here it only says nothing of its list
            return None

    def _refuse_without_metadata(self, day: date, stamp: Stamp | None) -> None:
        """Raise `DamagedFile` if the day, in the state that has *stamp*, has lost its metadata, without which it cannot be read."""
        if stamp is not None and METADATA not in self._generations.names(day) and self._generations.stamp(day) == stamp:
            raise no_metadata(self._layout.live(day))

    def _is_remnant(self, day: date) -> bool:
        """Whether a day that has no manifest has files; it may be stored in between."""
        return bool(self._generations.names(day)) and not self._generations.is_stored(day)

    def _named(self, start: date | None, end: date | None) -> list[date]:
        """Return the days that have a directory, ascending."""
        first = date.min if start is None else as_date("start", start)
        last = date.max if end is None else as_date("end", end)
        with translated(self._root, "listing the days"):
            try:
                names = self._files.names(self._root)
            except FileNotFoundError:  # no folder yet: nothing is stored
                names = []
        found = {parse_day(name) or self._layout.day_set_aside(name) for name in names}
        return sorted(day for day in found if day is not None and first <= day <= last)

    def delete(self, day: date, /) -> None:
        """Remove a day: out of sight in one instant, then from the disk; nothing happens when it is not stored.

        Raises:
            DayLocked: A writer held the day for too long.
        """
        with translated(self._root, f"deleting {day}"):
            self._writer.delete(as_date("day", day))


def _is_read_only(place: Path) -> bool:
    """Return whether *place* lies on a disk that nobody may write to, where the platform can tell."""
    return hasattr(os, "statvfs") and bool(os.statvfs(place).f_flag & os.ST_RDONLY)
