"""The states that a day goes through, one whole directory after another, and how a reader stays with one of them.

A state is named by its manifest's hash. Its files are looked for where the day is live, then where it may stand aside, then
among the retired: the order in which a state moves, so that none is missed while it moves. What counts is only whether a file
has the size and hash that the reader's own manifest says; so what is read is of one state, whatever happens meanwhile.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

from backfill.errors import DamagedFile, SnapshotNotFound
from backfill.model import SnapshotMetadata
from backfill.protocols import Clock
from backfill.stores._atomic import FileSystem, remove_tree
from backfill.stores._layout import MANIFEST, METADATA, Layout
from backfill.stores._manifest import REMEDY, FileFacts, Manifest, decode_manifest
from backfill.stores._metadata import decode_metadata
from backfill.stores._set_aside import Fate, judge
from backfill.stores._staging import Swept

KEPT_SECONDS = 60.0
"""So long a former state is kept for readers that still hold it."""

Stamp = tuple[int, int, int, int]
"""Modification time in ns, size and inode of a manifest, and modification time of its directory: a new state has another one, and
so has one of which a file was taken away."""


class Generations:
    """The states of the days below one root. Any thread.

    Args:
        layout: Where they are.
        files: The file system.
        clock: Tells how long a state is retired.
    """

    def __init__(self, layout: Layout, files: FileSystem, clock: Clock) -> None:
        self._layout = layout
        self._root = f"{layout.root}{os.sep}"
        self._files = files
        self._clock = clock

    def manifest(self, day: date) -> Manifest | None:
        """Return the live manifest of the day; ``None`` = the day is not stored.

        Raises:
            DamagedFile: It is no manifest of this day.
        """
        found = self._live_manifest(day)
        return decode_manifest(found[1], day, str(found[0])) if found else None

    def stamp(self, day: date) -> Stamp | None:
        """Return the stamp of the live manifest; ``None`` = the day is not stored where it belongs."""
        around = f"{self._root}{day.isoformat()}"  # no Path: that would take longer than the looks, which are for each day of a history
        with suppress(FileNotFoundError, NotADirectoryError):  # not stored there, which is an answer
            return _stamp(f"{around}{os.sep}{MANIFEST}", around)
        return None

    def names(self, day: date) -> frozenset[str]:
        """Return the names of the files of the live day; none where it is not stored."""
        try:
            return frozenset(self._files.names(self._layout.live(day)))
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()

    def is_stored(self, day: date) -> bool:
        """Whether the day has a manifest."""
        return any(path.exists() for path in self._manifests(day))

    def load(self, day: date) -> tuple[Manifest, SnapshotMetadata] | None:
        """Return manifest and metadata of one state of the day, the live one; ``None`` = the day is not stored.

        Raises:
            DamagedFile: One of the two does not hold what it must.
        """
        while (manifest := self.manifest(day)) is not None:
            content = self._find(manifest, METADATA, manifest.metadata)
            path = str(self._layout.live(day) / METADATA)
            if content is not None:
                return manifest, decode_metadata(content, day, path)
            if self._is_live(manifest):
                raise _damaged(path, is_missing=METADATA not in self.names(day))
        return None

    def fetch(self, manifest: Manifest, name: str, facts: FileFacts) -> bytes:
        """Return a file of the state that *manifest* describes.

        Raises:
            DamagedFile: It is missing, or has another content.
            SnapshotNotFound: The state was replaced so long ago that it is gone.
        """
        content = self._find(manifest, name, facts)
        if content is not None:
            return content
        if self._is_live(manifest):
            raise _damaged(str(self._layout.live(manifest.day) / name), is_missing=name not in self.names(manifest.day))
        raise SnapshotNotFound(
            f"{manifest.day} was stored anew, or deleted, since this snapshot of it was read, and {name} as it was is gone; "
            f"read({manifest.day}) again"
        )

    def is_intact(self, day: date, name: str, facts: FileFacts) -> bool:
        """Whether a file of the live day is there and has the right content."""
        return self._read(self._layout.live(day) / name, facts) is not None

    def new_retired(self, day: date, generation: str) -> Path:
        """Return a fresh place among the retired for a state of the day, named by when it will have come there."""
        retired_at = int(self._clock.now().timestamp())
        return self._layout.retired / f"{day}~{generation}~{retired_at}~{uuid.uuid4().hex[:8]}"

    def recover(self, day: date) -> Fate | None:
        """Finish what a process that ended between two renames has left; to be called by the holder of the day's lock.

        Returns:
            Whether the former state was put back, or retired, since the change had gone forward, or stays, since it is damaged;
            ``None`` = nothing was left.
        """
        live, aside = self._layout.live(day), self._layout.aside(day)
        if not aside.exists():
            return None
        verdict = judge(self._layout, self._files, day)
        if verdict is None:
            return None
        if verdict.fate is Fate.BACK:
            if not verdict.is_alone:
                self._retire(live, day)
            self._files.rename(aside, live)
        elif verdict.fate is Fate.FORWARD:
            self._retire(aside, day)
        return verdict.fate

    def recover_to_write(self, day: date) -> None:
        """Do the same for who is about to store or delete the day, to whom nothing may stand aside.

        A damaged state that is all there is of the day takes its place, where readers see it already: what is built from it takes
        only what is whole, or is refused. Beside a live day, as damaged, it is retired.
        """
        live, aside = self._layout.live(day), self._layout.aside(day)
        if self.recover(day) is Fate.STAYS:
            if not live.exists():
                self._files.rename(aside, live)
            elif live.is_dir():
                self._retire(aside, day)

    def sweep(self) -> Swept:
        """Remove the states that have been retired for long enough; return the names of those that are gone, and of those that stay."""
        now = self._clock.now().timestamp()
        swept = Swept()
        for name in self._retired():
            retired_at = name.rpartition("~")[0].rpartition("~")[2]
            if not retired_at.isdecimal() or abs(now - int(retired_at)) > KEPT_SECONDS:  # or a clock was set back
                try:
                    remove_tree(self._files, self._layout.retired / name)
                    swept.gone.append(name)
                except OSError as error:  # perhaps another user's: it must not keep the others
                    swept.kept[name] = error
        return swept

    def _retire(self, state: Path, day: date) -> None:
        retired = self.new_retired(day, "aside")
        self._files.make_directory(retired.parent)
        self._files.rename(state, retired)

    def _live_manifest(self, day: date) -> tuple[Path, bytes] | None:
        for path in self._manifests(day):
            with suppress(FileNotFoundError, NotADirectoryError):  # not at this of its two places
                return path, self._files.read(path)
        return None

    def _manifests(self, day: date) -> tuple[Path, Path, Path]:
        """Return where the live manifest may be, to be looked at in this order: between the first two looks it may come back."""
        live, aside = self._layout.live(day) / MANIFEST, self._layout.aside(day) / MANIFEST
        return live, aside, live

    def _is_live(self, manifest: Manifest) -> bool:
        now = self.manifest(manifest.day)
        return now is not None and now.generation == manifest.generation

    def _find(self, manifest: Manifest, name: str, facts: FileFacts) -> bytes | None:
        for _ in range(2):  # twice, since a state that stood aside may have been put back in between
            for directory in self._places(manifest):
                content = self._read(directory / name, facts)
                if content is not None:
                    return content
        return None

    def _places(self, manifest: Manifest) -> Iterator[Path]:
        yield self._layout.live(manifest.day)
        yield self._layout.aside(manifest.day)
        for name in self._retired():
            if name.startswith(f"{manifest.day}~{manifest.generation}~"):
                yield self._layout.retired / name

    def _read(self, path: Path, facts: FileFacts) -> bytes | None:
        try:
            content = self._files.read(path)
        except (FileNotFoundError, NotADirectoryError):  # not there, which is an answer
            return None
        return content if facts.fit(content) else None

    def _retired(self) -> list[str]:
        try:
            return self._files.names(self._layout.retired)
        except FileNotFoundError:
            return []


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of a manifest."""
    return _stamp(os.fspath(path), os.fspath(path.parent))


def _stamp(manifest: str, around: str) -> Stamp:
    facts = os.stat(manifest)  # noqa: PTH116 - no Path, see `Generations.stamp`
    return facts.st_mtime_ns, facts.st_size, facts.st_ino, os.stat(around).st_mtime_ns  # noqa: PTH116 - as above


def _damaged(path: str, *, is_missing: bool) -> DamagedFile:
    rule = (
        "is missing, though the manifest lists it" if is_missing else "does not have the size and SHA-256 that the manifest says"
    )
    return DamagedFile(path, rule, REMEDY, is_missing=is_missing)
