"""How a draft becomes the day: merge with what is live, build the whole new state unseen, put it in the place of the old one.

Whatever fails before the exchange leaves the live day as it was; what follows it no reader notices.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

from attrs import evolve, frozen

from backfill.errors import DamagedFile
from backfill.model import Contribution, MergedDay, RecordHeader, SnapshotInfo, StoredDay, SummaryHeader, combine_day, decide
from backfill.protocols import Clock
from backfill.serialization import content_digest, decode_record
from backfill.stores._atomic import FileSystem, link_or_copy, remove_tree, replace_directory
from backfill.stores._generations import KEPT_SECONDS, Generations, stamp_of
from backfill.stores._index import EntryIndex
from backfill.stores._layout import MANIFEST, METADATA, Layout, district_file, summary_file
from backfill.stores._locks import Locks
from backfill.stores._manifest import FileFacts, Manifest, encode_manifest
from backfill.stores._metadata import encode_metadata
from backfill.stores._missing import no_manifest
from backfill.stores._staged import complete, refuse_twins
from backfill.stores._staging import Staging, Workspace
from backfill.stores._tidying import Housekeeping

_SWEEP_SECONDS = KEPT_SECONDS / 4
"""So long from one sweep of former states to the next: a listing for each commit would add up."""

_COLLECT_AGAIN = "collect the whole day again with skip_existing=False, or bring the file back from a copy"


@frozen
class Staged:
    """What a draft has written so far.

    Attributes:
        records: The header and the file of each district's record.
        summaries: The same of each summary of the day.
    """

    records: Mapping[str, tuple[RecordHeader, Path]]
    summaries: Mapping[str, tuple[SummaryHeader, Path]]


class Writer:
    """Everything that changes a store. Any thread, any number of processes beside it.

    Args:
        layout: Where days are.
        files: The file system.
        clock: Tells the time of commits.
        locks: Make one writer a day.
        generations: What is live now.
        index: Told of what is published.
    """

    def __init__(
        self, layout: Layout, files: FileSystem, clock: Clock, locks: Locks, generations: Generations, index: EntryIndex
    ) -> None:
        self._layout = layout
        self._files = files
        self._clock = clock
        self._locks = locks
        self._generations = generations
        self._index = index
        self._staging = Staging(layout, files, locks)
        self._house = Housekeeping(layout, files, locks, generations, self._staging)
        self._is_tidy = False
        self._next_sweep = 0.0

    def claim(self) -> Workspace:
        """Return a directory for a draft; the first time, also clear away what dead processes have left."""
        if not self._is_tidy:
            self._house.tidy()
            self._is_tidy = True
            self._next_sweep = self._clock.monotonic() + _SWEEP_SECONDS
        return self._staging.claim()

    def commit(self, staged: Staged, contribution: Contribution, build: Path) -> SnapshotInfo | None:
        """Merge *staged* into the day, and publish; ``None`` = the day would hold nothing.

        A merge that changes no record publishes as well, for what it says of the operation; then all files are links.

        Args:
            staged: What the draft has.
            contribution: What is to be said of it.
            build: A path on the same file system where nothing stands; the new state is built there.
        """
        with self._locks.day(contribution.day, f"job {contribution.job_id}"):
            info = self._publish(staged, contribution, build)
        if self._clock.monotonic() >= self._next_sweep:
            self._house.sweep_retired()
            self._next_sweep = self._clock.monotonic() + _SWEEP_SECONDS
        return info

    def delete(self, day: date) -> None:
        """Remove a day: out of sight in one instant, then from the disk."""
        live = self._layout.live(day)
        if not live.exists() and not self._layout.aside(day).exists():
            return
        gone = self._layout.staging / f"deleted-{uuid.uuid4().hex}"  # left there by a process that ends here, it is swept
        with self._locks.day(day, "a deletion"):
            self._generations.recover_to_write(day)
            self._files.make_directory(gone.parent)
            with suppress(FileNotFoundError):  # another was quicker
                self._files.rename(live, gone)
            self._files.sync_directory(self._layout.root)
            self._index.forget(day)
        remove_tree(self._files, gone)

    def _publish(self, staged: Staged, contribution: Contribution, build: Path) -> SnapshotInfo | None:
        day = contribution.day
        self._generations.recover_to_write(day)
        found = self._generations.load(day)
        if found is None:
            manifest, old = None, None
            self._refuse_foreign(day)
        else:
            manifest, old = found[0], StoredDay(found[1], found[0].entries, found[0].summaries)
        headers = complete({district: header for district, (header, _path) in staged.records.items()}, contribution)
        summaries = {name: header for name, (header, _path) in staged.summaries.items()}
        if old is not None:
            refuse_twins({*headers, *old.entries}, {*summaries, *old.summaries})
            old = self._without_damage(old, headers, summaries)
        now = self._clock.now()
        merged = combine_day(old, headers, summaries, contribution, now)
        if merged is None:
            return None
        self._build(merged, staged, manifest, build, now)
        stamp = stamp_of(build / MANIFEST)
        self._put_in_place(day, build, manifest)
        self._index.save(day, stamp, merged.day.entries)
        return merged.info

    def _refuse_foreign(self, day: date) -> None:
        live = self._layout.live(day)
        if live.is_dir() and self._files.names(live):
            raise no_manifest(live)

    def _without_damage(
        self, old: StoredDay, headers: Mapping[str, RecordHeader], summaries: Mapping[str, SummaryHeader]
    ) -> StoredDay:
        """Return *old* without the files that are damaged and could be replaced by what is staged, so that they will be."""

        def is_lost(name: str, header: RecordHeader | SummaryHeader) -> bool:
            return not self._generations.is_intact(old.metadata.day, name, FileFacts(header.size, header.sha256))

        lost = {
            district
            for district, before in old.entries.items()
            if district in headers
            and decide(before, headers[district]) != "replace"
            and (
                is_lost(district_file(district), before) or self._is_edited(old.metadata.day, district, before, headers[district])
            )
        }
        lost_summaries = {
            name for name, before in old.summaries.items() if name in summaries and is_lost(summary_file(name), before)
        }
        return evolve(
            old,
            entries={district: header for district, header in old.entries.items() if district not in lost},
            summaries={name: header for name, header in old.summaries.items() if name not in lost_summaries},
        )

    def _is_edited(self, day: date, district: str, before: RecordHeader, new: RecordHeader) -> bool:
        """Whether a file that is to be kept, since it says the same, does not: somebody has edited it, and its hash in the manifest."""
        if before.sha256 == new.sha256 or before.content_digest != new.content_digest:
            return False
        path = self._layout.live(day) / district_file(district)
        try:
            return content_digest(decode_record(self._files.read(path), settled=True, path=str(path))) != before.content_digest
        except DamagedFile:
            return True

    def _build(self, merged: MergedDay, staged: Staged, old: Manifest | None, build: Path, now: datetime) -> None:
        day = merged.day.metadata.day
        live = self._layout.live(day)
        self._files.make_directory(build)
        fresh = {
            **{district_file(district): staged.records[district][1] for district in merged.fresh},
            **{summary_file(summary): staged.summaries[summary][1] for summary in merged.fresh_summaries},
        }
        for name in (*map(district_file, merged.day.entries), *map(summary_file, merged.day.summaries)):
            if name in fresh:
                link_or_copy(self._files, fresh[name], build / name)
            else:
                self._keep(live / name, build / name)
        rules = self._rules(merged, build, old)
        modified = {
            district: now if old is None or district in merged.fresh else old.modified[district]
            for district in merged.day.entries
        }
        metadata = encode_metadata(merged.day.metadata, rules)
        self._files.create(build / METADATA, metadata)
        self._files.create(build / MANIFEST, encode_manifest(merged.day, modified, FileFacts.of(metadata), rules))
        self._files.sync_directory(build)

    def _keep(self, source: Path, target: Path) -> None:
        try:
            link_or_copy(self._files, source, target)
        except FileNotFoundError as error:
            raise DamagedFile(str(source), "is missing, though the manifest lists it", _COLLECT_AGAIN, is_missing=True) from error

    def _rules(self, merged: MergedDay, build: Path, old: Manifest | None) -> str:
        """Return the version of the rules that made the newest records: those that come now, else those that came last."""
        if old is not None and not merged.fresh:
            return old.calculation_version
        path = build / district_file(min(merged.fresh))
        return decode_record(self._files.read(path), settled=True, path=str(path)).calculation_version

    def _put_in_place(self, day: date, build: Path, old: Manifest | None) -> None:
        live = self._layout.live(day)
        if old is None:
            self._files.rename(build, live)
        else:
            place = self._generations.new_retired(day, old.generation)
            self._files.make_directory(place.parent)
            self._files.rename(build, place)  # so that the exchange alone retires the old state, and readers never miss it
            replace_directory(self._files, live, place, self._layout.aside(day))
        self._files.sync_directory(self._layout.root)
