"""Snapshots in a bucket: each state of a day a folder of its own that is never changed, and one small object that names the live one.

A day is uploaded beside the live ones, then the object that names the live one is exchanged, on the condition that it is still the
one that was merged with. Readers see one state of a day or another, never a mixture, from any number of machines; no lock is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from backfill.clock import SystemClock
from backfill.errors import DamagedFile, InvalidRequest
from backfill.model import DayOutline, RecordHeader
from backfill.model.checks import as_date, as_seconds
from backfill.objectstores._bucket import Bucket
from backfill.objectstores._draft import ObjectDraft
from backfill.objectstores._generations import Generations
from backfill.objectstores._outlines import load_outlines, save_outlines
from backfill.objectstores._pointer import GENERATIONS, POINTERS, day_of, generation_key
from backfill.objectstores._publishing import AT_ONCE, Publisher
from backfill.protocols import Clock
from backfill.stores._layout import parse_day
from backfill.stores._manifest import Manifest
from backfill.stores._missing import no_day
from backfill.stores._snapshot import FileSnapshot

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_DAY = timedelta(days=1)


class ObjectSnapshotStore:
    """Keeps snapshots in a bucket that any number of threads, processes and machines may share.

    It has no remnants (`backfill.protocols.SupportsRemnants`): a day is there exactly if its pointer is, which is written last, so that
    files without one are no damaged day, but what killed processes left, for `sweep` to remove.

    Making one sends nothing. It may be pickled if *objects* can, and needs no closing. Not to be carried over a fork: start
    processes with ``spawn``.

    Args:
        objects: A store of obstore: ``S3Store``, ``GCSStore``, ``AzureStore``, ``MemoryStore``; or its address, as in
            ``"s3://bucket/prefix"``, with credentials from the environment.
        prefix: Stands before every key, and a slash behind it.
        lock_timeout: Seconds to go on merging anew while others publish the same day again and again.
        clock: Tells the time of commits, and waits; ``None`` = the system's.

    Raises:
        InvalidRequest: *objects* cannot exchange an object on a condition (a folder cannot), or *prefix* cannot stand in a key.
    """

    def __init__(
        self, objects: ObjectStore | str, /, prefix: str = "", *, lock_timeout: float = 60.0, clock: Clock | None = None
    ) -> None:
        self._bucket = Bucket(objects, prefix)
        self._clock = clock or SystemClock()
        self._generations = Generations(self._bucket)
        self._publisher = Publisher(self._bucket, self._generations, self._clock, as_seconds("lock_timeout", lock_timeout))

    def __repr__(self) -> str:
        return f"<ObjectSnapshotStore: {self._bucket.name}>"

    def begin(self, day: date, /, *, job_id: str) -> ObjectDraft:
        """Return a draft of the day. Takes no lock, and sends nothing before the first `put`."""
        return ObjectDraft(self._bucket, self._publisher, as_date("day", day), job_id)

    def check_writable(self) -> None:
        """Return if the bucket can be reached and listed. Whether it may be written to shows only when it is. Changes nothing.

        Raises:
            StoreUnavailable: There is no such bucket, the credentials are not good for it, or the network is not.
        """
        self._bucket.folders("")

    def read(self, day: date, /) -> FileSnapshot:
        """Return the stored day. Its manifest and metadata are read now, its districts when they are asked for.

        Raises:
            SnapshotNotFound: The store has none.
            DamagedFile: Its pointer, manifest or metadata cannot be read.
            StoreUnavailable: The bucket cannot be reached.
        """
        live = self._generations.load(as_date("day", day))
        if live is None:
            raise no_day(day)
        return FileSnapshot(partial(self._generations.fetch, live.pointer.generation), live.manifest, live.metadata)

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        """Return what the day's manifest says of each record; empty when the day is not stored. Two requests.

        Raises:
            DamagedFile: The pointer or the manifest cannot be read.
            StoreUnavailable: The bucket cannot be reached.
        """
        manifest = self._generations.manifest(as_date("day", day))
        return MappingProxyType({} if manifest is None else manifest.entries)

    def outlines(self, start: date | None = None, end: date | None = None, /) -> Mapping[date, DayOutline]:
        """Return the outline of each stored day from *start* to *end* (inclusive), ascending.

        One request for a thousand days, one for all that have not changed since somebody looked, and two for each that has: sixteen
        of those at once, and one that keeps what was seen for whoever looks next. A day whose pointer or manifest cannot be read says
        so in its outline. What the days' own lists have is not looked at, which would be a request more for each.

        Raises:
            StoreUnavailable: The bucket cannot be reached.
        """
        tags = self._tags(start, end)
        known = load_outlines(self._bucket) if tags else {}
        unknown = [day for day, tag in tags.items() if day not in known or known[day][0] != (tag,)]
        damaged: dict[date, DayOutline] = {}  # not kept: it costs a look each time, until somebody mends it
        if unknown:
            with ThreadPoolExecutor(min(AT_ONCE, len(unknown)), "backfill-outlines") as pool:
                for day, seen in zip(unknown, pool.map(self._seen, unknown), strict=True):
                    known.pop(day, None)
                    if isinstance(seen, DamagedFile):
                        damaged[day] = DayOutline.damaged(seen)
                    elif seen is not None:  # it was deleted meanwhile
                        known[day] = (seen[0],), DayOutline.of(seen[1].entries)
            save_outlines(self._bucket, known)
        return {day: damaged[day] if day in damaged else known[day][1] for day in tags if day in damaged or day in known}

    def _seen(self, day: date) -> tuple[str, Manifest] | DamagedFile | None:
        """Return what is live of a day, or what is wrong with it: one that is damaged keeps none of the others from being told."""
        try:
            return self._generations.tagged_manifest(day)
        except DamagedFile as error:
            return error

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the stored days from *start* to *end* (inclusive), ascending. One request for a thousand days.

        Raises:
            StoreUnavailable: The bucket cannot be reached.
        """
        yield from self._tags(start, end)

    def delete(self, day: date, /) -> None:
        """Remove a day: out of sight with one request, then from the bucket; nothing happens when it is not stored.

        Raises:
            DamagedFile: Its pointer cannot be read.
            StoreUnavailable: The bucket cannot be written.
        """
        self._publisher.delete(as_date("day", day))

    def sweep(self, *, older_than: timedelta = _DAY) -> int:
        """Remove what killed processes have left and what no reader can count on any more; return how many objects.

        Lists every object below the prefix. What is live is never touched.

        Args:
            older_than: Left alone is what has been written to within this time, by the clock of the bucket. No draft may rest
                for longer between two puts, or between the last one and its commit.

        Raises:
            InvalidRequest: *older_than* is negative.
            StoreUnavailable: The bucket cannot be written.
        """
        if not isinstance(older_than, timedelta) or older_than < timedelta(0):
            raise InvalidRequest("older_than", older_than, "not a length of time", "write timedelta(days=1)")
        days = [day for day in map(parse_day, self._bucket.folders(GENERATIONS)) if day is not None]
        return sum(self._sweep_day(day, older_than) for day in days)

    def _tags(self, start: date | None, end: date | None) -> dict[date, str]:
        """Return the tags of the pointers of the stored days of a range, ascending."""
        first = date.min if start is None else as_date("start", start)
        last = date.max if end is None else as_date("end", end)
        found = {day_of(listed.key): listed.tag for listed in self._bucket.listed(POINTERS)}
        return dict(sorted((day, tag) for day, tag in found.items() if day is not None and first <= day <= last))

    def _sweep_day(self, day: date, older_than: timedelta) -> int:
        now = self._clock.now()
        folder = generation_key(day, "").rstrip("/") + "/"
        removed = 0
        for token in self._bucket.folders(folder):
            youngest = max((listed.modified for listed in self._bucket.listed(generation_key(day, token))), default=now)
            found = self._generations.pointer(day)  # after the listing, so that what was published meanwhile is seen
            kept = set()
            if found is not None:
                kept = {found[0].generation, *(one.generation for one in found[0].retired if not one.is_over(now))}
            if token not in kept and now - youngest >= older_than:
                removed += self._publisher.clear(day, token)
        return removed
