"""The archive in a bucket keeps the contract of all raw archives: in memory, and on a real server."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore, ObjectStore, S3Store

from backfill.fetching.reuse import Archive
from backfill.objectstores import ObjectRawArchive
from backfill.testing.contracts import RawArchiveContract


class _InABucket(RawArchiveContract):
    """What both have in common."""

    durable = True
    objects: ObjectStore

    def make_archive(self, place: Path, /) -> Archive:
        """Return an archive below a prefix of the test's own."""
        self.prefix = f"archives/{place.name}"
        return ObjectRawArchive(self.objects, self.prefix)

    def tear(self, archive: Archive, sha256: str, /) -> None:
        """Cut the object in half."""
        key = f"{self.prefix}/contents/{sha256[:2]}/{sha256[2:]}.gz"
        content = bytes(self.objects.get(key).bytes())
        self.objects.put(key, content[: len(content) // 2])


class TestInMemory(_InABucket):
    """A bucket in memory, which no other process can have."""

    @pytest.fixture(autouse=True)
    def bucket(self) -> None:
        """Make an empty one."""
        self.objects = MemoryStore()

    def test_it_goes_to_other_processes(self) -> None:
        """It does not: pickle refuses it, and so does a service with an executor of processes. [B8]"""
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(self.new_archive())


class TestOnAServer(_InABucket):
    """A bucket of a real server."""

    portable = True

    @pytest.fixture(autouse=True)
    def bucket(self, bucket_options: dict[str, Any]) -> None:
        """Make an empty one."""
        self.objects = S3Store(**bucket_options)
