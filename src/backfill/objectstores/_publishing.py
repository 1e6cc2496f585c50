"""How a draft becomes the day: a whole new generation is uploaded, then the pointer exchanged if it is still what was merged with.

Until the exchange nobody sees anything of it; the exchange is one request, which the bucket carries out or not; what comes after
it only tidies up. Of several writers one wins each exchange, and the others merge again with what that one has published.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime
from uuid import uuid4

from attrs import define, evolve, field, frozen

from backfill.errors import DamagedFile, DayLocked, StoreUnavailable
from backfill.model import Contribution, MergedDay, RecordHeader, SnapshotInfo, StoredDay, SummaryHeader, combine_day, decide
from backfill.objectstores._bucket import Bucket
from backfill.objectstores._generations import Generations, Live
from backfill.objectstores._pointer import Pointer, Retired, generation_key, pointer_key
from backfill.protocols import Clock
from backfill.serialization import decode_record
from backfill.stores._layout import MANIFEST, METADATA, district_file, summary_file
from backfill.stores._manifest import REMEDY, FileFacts, encode_manifest
from backfill.stores._metadata import encode_metadata
from backfill.stores._staged import complete, refuse_twins

AT_ONCE = 16
"""Requests at a time while a generation is put together."""

_LONGEST_PAUSE = 0.05
"""Seconds that a writer who lost an exchange waits at most before its second try; with each further one twice as long, up to 1."""


@define
class Staged:
    """What a draft has uploaded so far.

    Attributes:
        day: Its day.
        token: Names the generation that it was uploaded to.
        records: The header of each district's record.
        summaries: The same of each summary of the day.
        tried: By token, what was to be published, where it is not known for sure that it was not.
    """

    day: date
    token: str
    records: dict[str, RecordHeader] = field(factory=dict)
    summaries: dict[str, SummaryHeader] = field(factory=dict)
    tried: dict[str, SnapshotInfo] = field(factory=dict)

    @property
    def files(self) -> dict[str, RecordHeader | SummaryHeader]:
        """The headers of everything that was uploaded, by the names of their files."""
        return {**_by_file(self.records, self.summaries)}

    def published(self, pointer: Pointer) -> SnapshotInfo | None:
        """Return what was published after all, as the pointer shows, though no answer had said so."""
        return next((self.tried[token] for token in pointer.tokens if token in self.tried), None)


@frozen
class _Build:
    """A generation that is to be put together.

    Attributes:
        token: Its name.
        merged: What it holds.
        copies: Where each file that is not there yet is copied from, by name.
    """

    token: str
    merged: MergedDay
    copies: Mapping[str, str]


class Publisher:
    """Everything that changes a day. Any thread, any number of processes and machines beside it.

    Args:
        bucket: Where days are.
        generations: Reads them.
        clock: Tells the time of commits, and waits.
        timeout: Seconds after which a writer who loses again and again gives up.
    """

    def __init__(self, bucket: Bucket, generations: Generations, clock: Clock, timeout: float) -> None:
        self._bucket = bucket
        self._generations = generations
        self._clock = clock
        self._timeout = timeout

    def publish(self, staged: Staged, contribution: Contribution) -> SnapshotInfo | None:
        """Merge *staged* into the day, and publish; ``None`` = the day would hold nothing.

        Raises:
            DayLocked: Others won every exchange, for too long.
            DamagedFile: What is live cannot be read, and so cannot be merged with.
            InvalidRequest: A district differs from a stored one in case only.
            StoreUnavailable: The bucket cannot be written.
        """
        give_up = self._clock.monotonic() + self._timeout
        longest = _LONGEST_PAUSE
        while True:
            live = self._generations.load(staged.day)
            if live is not None and (info := staged.published(live.pointer)) is not None:
                return info
            staged.tried.clear()  # the pointers that they were to replace are gone, so that they never will be published
            build = self._plan(staged, contribution, live)
            if build is None:
                self.discard(staged)
                return None
            if self._put_together(build, live) and self._exchange(build, staged, live):
                return build.merged.info
            if self._clock.monotonic() >= give_up:
                raise DayLocked(
                    f"{self._bucket.name}: other writers published {staged.day} again and again for {self._timeout:g} s; "
                    "commit again, or let fewer jobs write the same day"
                )
            self._clock.wait(threading.Event(), random.uniform(0, longest))  # noqa: S311 - no secret
            longest = min(2 * longest, 1.0)

    def delete(self, day: date) -> None:
        """Remove a day: out of sight with one request, then from the bucket."""
        found = self._generations.pointer(day)
        if found is not None:
            self._bucket.remove([pointer_key(day)])
            for token in found[0].tokens:
                self.clear(day, token)

    def discard(self, staged: Staged) -> None:
        """Remove what a draft has uploaded, unless it may have been published."""
        if staged.token not in staged.tried:
            self._bucket.remove(generation_key(staged.day, staged.token, name) for name in staged.files)

    def clear(self, day: date, token: str) -> int:
        """Remove a generation, and return how many objects it had."""
        keys = [found.key for found in self._bucket.listed(generation_key(day, token))]
        self._bucket.remove(keys)
        return len(keys)

    def _plan(self, staged: Staged, contribution: Contribution, live: Live | None) -> _Build | None:
        headers = complete(dict(staged.records), contribution)
        old = None
        if live is not None:
            old = live.stored
            refuse_twins({*headers, *old.entries}, {*staged.summaries, *old.summaries})
            old = self._without_damage(old, live.pointer.generation, staged)
        merged = combine_day(old, headers, dict(staged.summaries), contribution, self._clock.now())
        if merged is None:
            return None
        mine = staged.files
        holds = _by_file(merged.day.entries, merged.day.summaries)
        own = {name for name, header in holds.items() if name in mine and mine[name].sha256 == header.sha256}
        usable = own == mine.keys()  # else a file would stand there that the generation does not hold, or another in its place
        token = staged.token if usable else uuid4().hex
        copies = (
            {}
            if live is None
            else {name: generation_key(staged.day, live.pointer.generation, name) for name in holds if name not in own}
        )
        if not usable:
            copies.update({name: generation_key(staged.day, staged.token, name) for name in own})
        return _Build(token, merged, copies)

    def _without_damage(self, old: StoredDay, token: str, staged: Staged) -> StoredDay:
        """Return *old* without the files that are damaged and could be replaced by what is staged, so that they will be."""

        def is_lost(name: str, before: RecordHeader | SummaryHeader, new: RecordHeader | SummaryHeader) -> bool:
            if before.sha256 == new.sha256:
                return False  # what is staged is the same file, and is taken
            return not self._generations.is_intact(staged.day, token, name, FileFacts(before.size, before.sha256))

        lost = {
            district
            for district, new in staged.records.items()
            if (before := old.entries.get(district)) is not None
            and decide(before, new) != "replace"
            and is_lost(district_file(district), before, new)
        }
        lost_summaries = {
            name
            for name, summary in staged.summaries.items()
            if (known := old.summaries.get(name)) is not None and is_lost(summary_file(name), known, summary)
        }
        return evolve(
            old,
            entries={district: header for district, header in old.entries.items() if district not in lost},
            summaries={name: header for name, header in old.summaries.items() if name not in lost_summaries},
        )

    def _put_together(self, build: _Build, live: Live | None) -> bool:
        """Copy what is kept; ``False`` = the day was replaced, and what was to be kept is gone already."""
        day = build.merged.day.metadata.day
        if not build.copies:
            return True
        with ThreadPoolExecutor(min(AT_ONCE, len(build.copies)), "backfill-copy") as pool:
            copied = pool.map(
                lambda name: self._bucket.copy(build.copies[name], generation_key(day, build.token, name)), build.copies
            )
            missing = [build.copies[name] for name, is_there in zip(build.copies, copied, strict=True) if not is_there]
        if not missing:
            return True
        found = self._generations.pointer(day)
        if live is not None and found is not None and found[1] == live.tag:
            remedy = "collect the whole day again with skip_existing=False, or bring the object back from a copy"
            raise DamagedFile(missing[0], "is missing, though the manifest lists it", remedy, is_missing=True)
        return False

    def _exchange(self, build: _Build, staged: Staged, live: Live | None) -> bool:
        """Complete the generation, and make it the live one if the day is still what it was merged with."""
        day, now = staged.day, self._clock.now()
        fresh = build.merged.fresh
        modified = {
            district: now if live is None or district in fresh else live.manifest.modified[district]
            for district in build.merged.day.entries
        }
        rules = self._rules(build, live)
        metadata = encode_metadata(build.merged.day.metadata, rules)
        manifest = encode_manifest(build.merged.day, modified, FileFacts.of(metadata), rules)
        self._bucket.write(generation_key(day, build.token, METADATA), metadata)
        self._bucket.write(generation_key(day, build.token, MANIFEST), manifest)
        retired, over = _retire(live, now)
        pointer = Pointer(day, build.token, FileFacts.of(manifest), retired)
        staged.tried[build.token] = build.merged.info
        if not self._bucket.exchange(pointer_key(day), pointer.encode(), live.tag if live else None):
            return False
        with suppress(StoreUnavailable):  # the day is published, and what is left over is swept later
            if build.token != staged.token:
                self._bucket.remove(generation_key(day, staged.token, name) for name in staged.files)
            for token in over:
                self.clear(day, token)
        return True

    def _rules(self, build: _Build, live: Live | None) -> str:
        """Return the version of the rules that made the newest records: those that come now, else those that came last."""
        if live is not None and not build.merged.fresh:
            return live.manifest.calculation_version
        day = build.merged.day.metadata.day
        key = generation_key(day, build.token, district_file(min(build.merged.fresh)))
        content = self._bucket.read(key)
        if content is None:
            raise DamagedFile(key, "is gone, though it was uploaded a moment ago", REMEDY, is_missing=True)
        return decode_record(content, settled=True, path=key).calculation_version


def _by_file(
    records: Mapping[str, RecordHeader], summaries: Mapping[str, SummaryHeader]
) -> dict[str, RecordHeader | SummaryHeader]:
    return {
        **{district_file(district): header for district, header in records.items()},
        **{summary_file(name): header for name, header in summaries.items()},
    }


def _retire(live: Live | None, now: datetime) -> tuple[tuple[Retired, ...], Iterable[str]]:
    """Return what the next pointer keeps for readers, and the tokens of what nobody can count on any more."""
    if live is None:
        return (), ()
    former = (Retired(live.pointer.generation, now), *live.pointer.retired)
    return (
        tuple(one for one in former if not one.is_over(now)),
        [one.generation for one in former if one.is_over(now)],
    )
