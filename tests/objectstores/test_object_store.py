"""What a store in a bucket does beyond the contract of all stores: races, retired states, left-overs, odd buckets."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from obstore.store import LocalStore, MemoryStore, S3Store

import backfill.objectstores
from backfill.errors import DamagedFile, DayLocked, InvalidRequest, SnapshotNotFound, StoreUnavailable
from backfill.objectstores import ObjectSnapshotStore
from backfill.objectstores._bucket import Bucket
from backfill.protocols import SupportsWriteCheck
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.samples import DAY, contribution, record, store_records
from object_doubles import FailingMemory, FailingRequests

WRITERS = 16


def keys(objects: MemoryStore | S3Store) -> list[str]:
    """Return all keys."""
    return sorted(found["path"] for page in objects.list() for found in page)


def exchange_at_once(bucket: Bucket, start: threading.Barrier, tag: str | None, content: bytes) -> bool:
    """Exchange an object when all others are ready to."""
    start.wait()
    return bucket.exchange("pointer", content, tag)


def test_of_sixteen_writers_one_wins(bucket_options: dict[str, Any]) -> None:
    """A condition lets one of sixteen through, whether the object is new or to be replaced, each time. [B2]"""
    bucket = Bucket(S3Store(**bucket_options), "")
    for turn in range(5):
        found = bucket.read_tagged("pointer")
        tag, start = found.tag if found else None, threading.Barrier(WRITERS)

        contents = [f"{turn} {number}".encode() for number in range(WRITERS)]
        with ThreadPoolExecutor(WRITERS) as pool:
            did = list(pool.map(partial(exchange_at_once, bucket, start, tag), contents))
        assert did.count(True) == 1
        assert bucket.read("pointer") == contents[did.index(True)]


def test_sixteen_writers_of_one_day_lose_nothing(bucket_options: dict[str, Any]) -> None:
    """Sixteen jobs that commit to one day at once are all in it, each with its operation, and no left-over remains. [B2, R5.4]"""
    objects = S3Store(**bucket_options)
    start = threading.Barrier(WRITERS)

    def store(number: int) -> None:
        mine = ObjectSnapshotStore(objects)
        with mine.begin(DAY, job_id=f"job-{number}") as draft:
            draft.put(record(f"{number:02d}", number))
            start.wait()
            draft.commit(contribution([f"{number:02d}"], job_id=f"job-{number}"))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(store, range(WRITERS)))
    snapshot = ObjectSnapshotStore(objects).read(DAY)
    assert {district: snapshot.district(district).data for district in snapshot.districts} == {
        f"{number:02d}": number for number in range(WRITERS)
    }
    assert len(snapshot.metadata.operations) == WRITERS
    folders = {key.split("/")[2] for key in keys(objects) if key.startswith("generations/")}
    pointer = ObjectSnapshotStore(objects)._generations.pointer(DAY)
    assert pointer is not None
    assert folders == set(pointer[0].tokens)


def test_a_generation_is_a_day_of_the_published_format(tmp_path: Path) -> None:
    """The objects of a generation, copied to a folder, are a day that the store in files reads as it is. [P4]"""
    objects = MemoryStore()
    store = ObjectSnapshotStore(objects)
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61", "a"))
        draft.put_summary("totals", {"n": 1}, as_of=DAY)
        draft.commit(contribution(["61"]))
    store_records(store, record("F", "b"), job_id="job-2")
    token = store._generations.pointer(DAY)[0].generation  # type: ignore[index] # it is stored
    (tmp_path / str(DAY)).mkdir()
    for key in keys(objects):
        if f"/{token}/" in key:
            (tmp_path / str(DAY) / key.rpartition("/")[2]).write_bytes(bytes(objects.get(key).bytes()))
    files = PerDistrictFileSnapshotStore(tmp_path).read(DAY)
    bucket = store.read(DAY)
    assert files.metadata == bucket.metadata
    assert [files.district(each) for each in files.districts] == [bucket.district(each) for each in bucket.districts]
    assert files.summary("totals") == {"n": 1}


def test_a_reader_keeps_its_state_for_a_minute() -> None:
    """What was read before a day was replaced stays readable for a while, then says that it is gone, and its objects are. [B2]"""
    clock, objects = VirtualClock(), MemoryStore()
    store = ObjectSnapshotStore(objects, clock=clock)
    store_records(store, record("61", "first"))
    before = store.read(DAY)
    store_records(store, record("61", "second"), job_id="job-2")
    assert before.district("61").data == "first"
    clock.advance(61)
    store_records(store, record("61", "third"), job_id="job-3")
    with pytest.raises(SnapshotNotFound, match="stored anew"):
        before.district("61")
    assert store.read(DAY).district("61").data == "third"
    clock.advance(61)
    assert store.sweep(older_than=timedelta(0)) == 0  # by the clock of the bucket, which is far ahead, it is not yet time
    assert len(keys(objects)) == 7


def test_what_is_the_same_is_not_copied() -> None:
    """A day collected again without a change is published with the files that were just uploaded; nothing is copied. [R9.3]"""
    objects = FailingMemory()
    objects.requests = FailingRequests()
    store = ObjectSnapshotStore(objects, clock=VirtualClock())
    store_records(store, record("61"), record("F"))
    objects.requests = requests = FailingRequests()
    store_records(store, record("61"), record("F"), job_id="job-2")
    assert not [what for what in requests.log if what.startswith("copy")]
    objects.requests = requests = FailingRequests()
    store_records(store, record("U"), job_id="job-3")
    assert len([what for what in requests.log if what.startswith("copy")]) == 2


def test_a_writer_that_never_wins_gives_up() -> None:
    """Who loses every exchange for too long says so, and the draft can be committed once the others rest. [B2]"""

    class Busy(MemoryStore):
        """A bucket whose pointer is never the one that was read."""

        busy = True

        def put(self, path: str, file: Any, **options: Any) -> Any:
            """Write an object."""
            if self.busy and path.startswith("days/"):
                options["mode"] = {"e_tag": '"never"'}
            return super().put(path, file, **options)

    objects = Busy()
    store = ObjectSnapshotStore(objects, lock_timeout=5, clock=VirtualClock())
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record())
        with pytest.raises(DayLocked, match="for 5 s"):
            draft.commit(contribution(["61"]))
        objects.busy = False
        assert draft.commit(contribution(["61"])) is not None
    assert len(keys(objects)) == 4


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json", "district_61.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_a_damaged_object_is_told(name: str, content: bytes | None) -> None:
    """An object that is missing, or is another one, is damage that names its key. [B3]"""
    objects = MemoryStore()
    store = ObjectSnapshotStore(objects, clock=VirtualClock())
    store_records(store, record("61"))
    (key,) = (key for key in keys(objects) if key.endswith(f"/{name}"))
    if content is None:
        objects.delete([key])
    else:
        objects.put(key, content)
    with pytest.raises(DamagedFile) as error:
        store.read(DAY).district("61")
    assert error.value.path == key
    assert error.value.is_missing == (content is None)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"schemaVersion": "99.0"}'])
def test_a_damaged_pointer_is_told(content: bytes) -> None:
    """A pointer that is none, or of a newer version, is damage; other objects beside the pointers are no days. [B3]"""
    objects = MemoryStore()
    objects.put("days/2024-01-31.json", content)
    objects.put("days/notes.txt", b"")
    objects.put("days/2024-01-31/deeper.json", b"")
    store = ObjectSnapshotStore(objects)
    assert list(store.days()) == [DAY]
    with pytest.raises(DamagedFile, match=r"days/2024-01-31\.json"):
        store.entries(DAY)


def test_a_pointer_of_another_day_is_told() -> None:
    """A pointer that was copied to another day's place is damage. [B3]"""
    objects = MemoryStore()
    store = ObjectSnapshotStore(objects)
    store_records(store, record())
    objects.copy(f"days/{DAY}.json", "days/2024-01-30.json")
    with pytest.raises(DamagedFile, match="pointer of 2024-01-31"):
        store.read(DAY.replace(day=30))


def test_a_kept_record_that_is_gone_stops_the_merge() -> None:
    """A record that is to be kept and is not there is damage, and the day stays as it was. [B2]"""
    objects = MemoryStore()
    store = ObjectSnapshotStore(objects, clock=VirtualClock())
    store_records(store, record("61"))
    objects.delete([key for key in keys(objects) if key.endswith("district_61.json")])
    with pytest.raises(DamagedFile, match=r"district_61\.json"):
        store_records(store, record("F"), job_id="job-2")
    assert list(store.entries(DAY)) == ["61"]


def test_a_bucket_that_cannot_be_reached_is_told_at_once(bucket_options: dict[str, Any]) -> None:
    """Who asks before anything is fetched learns that there is no such bucket, or nobody who answers. [B2]"""
    store = ObjectSnapshotStore(S3Store(**bucket_options))
    assert isinstance(store, SupportsWriteCheck)
    store.check_writable()
    nowhere = {**bucket_options, "endpoint": "http://127.0.0.1:9", "retry_config": {"max_retries": 0}}
    for options in ({**bucket_options, "bucket": "there-is-none"}, nowhere):
        lost = ObjectSnapshotStore(S3Store(**options))
        with pytest.raises(StoreUnavailable, match="look at the address"):
            lost.check_writable()


def test_it_can_be_pickled(bucket_options: dict[str, Any]) -> None:
    """A store that was sent to another process is the same store. [B8]"""
    store = ObjectSnapshotStore(S3Store(**bucket_options), "history/2024")
    store_records(store, record())
    other = pickle.loads(pickle.dumps(store))
    assert repr(other) == repr(store)
    assert other.read(DAY).district("61") == store.read(DAY).district("61")


@pytest.mark.parametrize("objects", [LocalStore(), object(), None, "nosuch://bucket", "/folder"])
def test_what_is_no_bucket_is_refused(objects: object) -> None:
    """A folder, and what is no store at all, is refused with the remedy. [R6.2]"""
    with pytest.raises(InvalidRequest, match=r"S3Store"):
        ObjectSnapshotStore(objects)  # type: ignore[arg-type] # that is what is tested


@pytest.mark.parametrize("prefix", ["a//b", "/a", "..", "a/../b", ".", "ä", "a b", 1])
def test_a_prefix_that_cannot_stand_in_a_key_is_refused(prefix: str) -> None:
    """A prefix is names with slashes between them. [R6.2]"""
    with pytest.raises(InvalidRequest, match="prefix"):
        ObjectSnapshotStore(MemoryStore(), prefix)


def test_an_address_will_do() -> None:
    """The address of a bucket names it, prefix included. [B8]"""
    store = ObjectSnapshotStore("s3://bucket/pre/fix", "history/")
    assert "bucket" in repr(store)
    assert "pre/fix" in repr(store)
    assert repr(store).count("history/") == 1


def test_a_negative_age_is_refused() -> None:
    """What is swept has an age. [R6.2]"""
    with pytest.raises(InvalidRequest, match="older_than"):
        ObjectSnapshotStore(MemoryStore()).sweep(older_than=timedelta(-1))


def test_without_the_library_the_extra_is_named() -> None:
    """Where obstore is not installed, using a store names the extra; the module itself can be imported. [R10.2]"""
    code = (
        "import sys; sys.modules['obstore'] = None; sys.modules['obstore.exceptions'] = None\n"
        "import backfill.objectstores as o\n"
        "from backfill.errors import MissingExtra\n"
        "for name in o.__all__:\n"
        "    try: getattr(o, name)\n"
        "    except MissingExtra as error: print(error.extra)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["s3", "s3"]


def test_public_names() -> None:
    """The module has its names, and no others. [R10.2]"""
    assert dir(backfill.objectstores) == ["ObjectRawArchive", "ObjectSnapshotStore"]
    with pytest.raises(AttributeError, match="ObjectStore"):
        _ = backfill.objectstores.ObjectStore
