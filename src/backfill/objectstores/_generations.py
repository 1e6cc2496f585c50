"""The states that a day goes through, each a generation that is never changed, and how a reader stays with one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from attrs import frozen

from backfill.errors import DamagedFile, SnapshotNotFound
from backfill.model import SnapshotMetadata, StoredDay
from backfill.objectstores._bucket import Bucket
from backfill.objectstores._pointer import Pointer, generation_key, pointer_key
from backfill.stores._layout import MANIFEST, METADATA
from backfill.stores._manifest import REMEDY, FileFacts, Manifest, decode_manifest
from backfill.stores._metadata import decode_metadata

T = TypeVar("T")


@frozen
class Live:
    """A state of a day that was live when it was read.

    Attributes:
        pointer: What names it.
        tag: Of the pointer's object.
        manifest: Its manifest.
        metadata: Its metadata.
    """

    pointer: Pointer
    tag: str
    manifest: Manifest
    metadata: SnapshotMetadata

    @property
    def stored(self) -> StoredDay:
        """What a draft is merged with."""
        return StoredDay(self.metadata, self.manifest.entries, self.manifest.summaries)


class Generations:
    """Reads the states of days. Any thread.

    Args:
        bucket: Where they are.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def pointer(self, day: date) -> tuple[Pointer, str] | None:
        """Return the day's pointer and the tag of its object; ``None`` = the day is not stored.

        Raises:
            DamagedFile: It is no pointer of this day.
        """
        found = self._bucket.read_tagged(pointer_key(day))
        return None if found is None else (Pointer.decode(found.content, day), found.tag)

    def manifest(self, day: date) -> Manifest | None:
        """Return the live manifest of the day; ``None`` = the day is not stored.

        Raises:
            DamagedFile: It is missing, or does not hold what it must.
        """
        found = self.tagged_manifest(day)
        return None if found is None else found[1]

    def tagged_manifest(self, day: date) -> tuple[str, Manifest] | None:
        """Return the live manifest of the day with the tag of the pointer to it; ``None`` = the day is not stored.

        Raises:
            DamagedFile: It is missing, or does not hold what it must.
        """
        return self._of_live(day, lambda pointer, tag: (tag, self._manifest(pointer)))

    def load(self, day: date) -> Live | None:
        """Return the live state of the day; ``None`` = the day is not stored.

        Raises:
            DamagedFile: Its manifest or metadata is missing, or does not hold what it must.
        """

        def state(pointer: Pointer, tag: str) -> Live:
            manifest = self._manifest(pointer)
            content = self.fetch(pointer.generation, manifest, METADATA, manifest.metadata)
            key = generation_key(pointer.day, pointer.generation, METADATA)
            return Live(pointer, tag, manifest, decode_metadata(content, pointer.day, key))

        return self._of_live(day, state)

    def fetch(self, token: str, manifest: Manifest, name: str, facts: FileFacts) -> bytes:
        """Return a file of the generation *token*, which *manifest* describes.

        Raises:
            DamagedFile: It is missing, or has another content.
            SnapshotNotFound: The generation was replaced so long ago that it is gone.
        """
        return self._file(manifest.day, token, name, facts)

    def is_intact(self, day: date, token: str, name: str, facts: FileFacts) -> bool:
        """Whether a file of a generation is there and has the right content."""
        content = self._bucket.read(generation_key(day, token, name))
        return content is not None and facts.fit(content)

    def _manifest(self, pointer: Pointer) -> Manifest:
        content = self._file(pointer.day, pointer.generation, MANIFEST, pointer.manifest)
        return decode_manifest(content, pointer.day, generation_key(pointer.day, pointer.generation, MANIFEST))

    def _file(self, day: date, token: str, name: str, facts: FileFacts) -> bytes:
        key = generation_key(day, token, name)
        content = self._bucket.read(key)
        if content is not None and facts.fit(content):
            return content
        found = self.pointer(day)
        if found is not None and found[0].generation == token:
            rule = "is missing, though the manifest lists it" if content is None else "does not hold what the manifest says"
            raise DamagedFile(key, rule, REMEDY, is_missing=content is None)
        raise SnapshotNotFound(
            f"{day} was stored anew, or deleted, since this snapshot of it was read, and {name} as it was is gone; read({day}) again"
        )

    def _of_live(self, day: date, look: Callable[[Pointer, str], T]) -> T | None:
        """Return what *look* sees of the live state, whichever that is when all of it could be read."""
        while (found := self.pointer(day)) is not None:
            try:
                return look(*found)
            except SnapshotNotFound:  # replaced while it was looked at, by somebody slower than what is kept for readers
                continue
        return None
