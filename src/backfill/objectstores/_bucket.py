"""The few things that are asked of a bucket, and what it says when it cannot, in the words of `backfill.errors`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import AzureStore, GCSStore, MemoryStore, S3Store, from_url

from backfill.errors import InvalidRequest, StoreUnavailable

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ObjectStore

_PREFIX = re.compile(r"(?:[A-Za-z0-9._=-]+/)*[A-Za-z0-9._=-]*", re.ASCII)
_KINDS = (S3Store, GCSStore, AzureStore, MemoryStore)


@frozen
class Tagged:
    """An object's content, and the tag of just this state of it."""

    content: bytes
    tag: str


@frozen
class Listed:
    """An object that was listed: its key, when it was written, by the clock of the bucket, and the tag of its state (``""`` = not told)."""

    key: str
    modified: datetime
    tag: str = ""


class Bucket:
    """The objects below one prefix. Any thread; can be pickled if its store can.

    Args:
        objects: A store of obstore, or the address of one (``s3://bucket/prefix``).
        prefix: Stands before every key.

    Raises:
        InvalidRequest: *objects* is neither, or cannot exchange an object on a condition; *prefix* cannot stand in a key.
    """

    def __init__(self, objects: ObjectStore | str, prefix: str) -> None:
        self._objects = _as_objects(objects)
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
            raise InvalidRequest("prefix", prefix, "not names of letters, digits and ._=- with / between them", "write 'history'")
        self.prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        self.name = f"{self._objects!r}/{self.prefix}" if prefix else repr(self._objects)

    def read(self, key: str) -> bytes | None:
        """Return an object's content; ``None`` = there is none."""
        found = self.read_tagged(key)
        return None if found is None else found.content

    def read_tagged(self, key: str) -> Tagged | None:
        """Return an object's content and tag; ``None`` = there is none."""
        with self._translated(f"reading {key}"):
            try:
                found = self._objects.get(self.prefix + key)
                return Tagged(bytes(found.bytes()), found.meta["e_tag"] or "")
            except FileNotFoundError:  # no such object, which is an answer
                return None

    def write(self, key: str, content: bytes) -> None:
        """Write an object, whatever was there. Kept by the bucket when it returns."""
        with self._translated(f"writing {key}"):
            self._objects.put(self.prefix + key, content)

    def exchange(self, key: str, content: bytes, tag: str | None) -> bool:
        """Write an object if it is in the state that *tag* names (``None`` = not there), and return whether it was.

        ``False`` may also mean that an answer was lost on the way, and the object was written at a first try: who has to know
        reads it again.
        """
        with self._translated(f"exchanging {key}"):
            try:
                mode: PutMode = "create" if tag is None else {"e_tag": tag}
                self._objects.put(self.prefix + key, content, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                return False
            return True

    def copy(self, source: str, target: str) -> bool:
        """Copy an object within the bucket; ``False`` = *source* is not there."""
        with self._translated(f"copying {source}"):
            try:
                self._objects.copy(self.prefix + source, self.prefix + target)
            except FileNotFoundError:
                return False
            return True

    def listed(self, folder: str) -> Iterator[Listed]:
        """Iterate over the objects whose keys begin with *folder*, which ends with a slash, in the order of their keys."""
        with self._translated(f"listing {folder}"):
            for page in self._objects.list(self.prefix + folder):
                for found in page:
                    yield Listed(found["path"].removeprefix(self.prefix), found["last_modified"], found["e_tag"] or "")

    def folders(self, folder: str) -> list[str]:
        """Return the names directly below *folder* that other keys go on from, in text order."""
        with self._translated(f"listing {folder}"):
            found = self._objects.list_with_delimiter(self.prefix + folder)["common_prefixes"]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are passed over."""
        paths = [self.prefix + key for key in keys]
        if paths:
            with self._translated(f"removing {len(paths)} objects"):
                self._objects.delete(paths)

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, NotImplementedError) as error:  # obstore raises the built-in ones for what has one
            said = str(error).partition("\n")[0]  # its other lines are for its own authors
            remedy = "look at the address, the credentials and the network; what was stored stays stored"
            raise StoreUnavailable(f"{self.name}: {said} while {doing}; {remedy}") from error


def _as_objects(value: ObjectStore | str) -> ObjectStore:
    remedy = "pass obstore.store.S3Store(…), or an address such as 's3://bucket/prefix'"
    if isinstance(value, str):
        try:
            value = from_url(value)
        except (BaseError, ValueError) as error:
            raise InvalidRequest("objects", value, f"no store that can be used ({_first_line(error)})", remedy) from error
    if not isinstance(value, _KINDS):
        rule = "not a store of obstore that can exchange an object on a condition"
        raise InvalidRequest("objects", value, rule, f"{remedy}; for a folder, PerDistrictFileSnapshotStore and RawArchive")
    return value


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
