"""The outlines of all days of a bucket from a handful of requests: what the manifests say, whatever happened to either."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from obstore.store import MemoryStore

from backfill.model import CellState, DayOutline
from backfill.objectstores import ObjectSnapshotStore
from backfill.protocols import SupportsOutlines
from backfill.testing.samples import DAY, record, store_records
from object_doubles import FailingMemory, FailingRequests, FailingS3, unreachable

SECOND, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
INDEX = "index/outlines.json.gz"

Counted = FailingMemory | FailingS3


@pytest.fixture(params=["memory", "server"])
def objects(request: pytest.FixtureRequest) -> Counted:
    """A bucket that counts what is asked of it: in memory, and on a real server."""
    options: dict[str, Any] = {} if request.param == "memory" else request.getfixturevalue("bucket_options")
    bucket = FailingMemory() if request.param == "memory" else FailingS3(**options)
    bucket.requests = FailingRequests()
    return bucket


@pytest.fixture
def store(objects: Counted) -> ObjectSnapshotStore:
    """A store of three days: in full, in summary, not settled."""
    store = ObjectSnapshotStore(objects)
    store_records(store, record("61"), record("F"), day=DAY)
    store_records(store, record("61", day=SECOND, detail="summary"), record("F", day=SECOND), day=SECOND)
    store_records(store, record("61", day=THIRD, settled=False), record("F", day=THIRD), day=THIRD)
    return store


def expected(store: ObjectSnapshotStore) -> dict[date, DayOutline]:
    """Return what the manifests say."""
    return {day: DayOutline.of(store.entries(day)) for day in store.days()}


def asked(objects: Counted, look: Callable[[], object]) -> int:
    """Return how many requests a look takes; a list of fewer than a thousand is one."""
    objects.requests = FailingRequests()
    look()
    return len(objects.requests.log)


def test_an_outline_says_what_is_stored(store: ObjectSnapshotStore) -> None:
    """The detail of each district, and which of them a later run completes. [B5]"""
    assert isinstance(store, SupportsOutlines)
    for _look in ("from the manifests", "from the one object"):
        found = store.outlines()
        assert list(found) == [DAY, SECOND, THIRD]
        assert dict(found[SECOND].cells) == {"61": CellState.SUMMARY, "F": CellState.FULL}
        assert [found[day].incomplete for day in found] == [frozenset(), frozenset(), {"61"}]
        assert found == expected(store)
    assert list(store.outlines(SECOND, SECOND)) == [SECOND]


def test_the_second_look_asks_twice(store: ObjectSnapshotStore, objects: Counted) -> None:
    """Days that have not changed cost a list and one object, whoever looks; one that has costs two requests more, and one that keeps it. [B5]"""
    first = asked(objects, store.outlines)
    assert first == 1 + 1 + 2 * 3 + 1
    again = ObjectSnapshotStore(objects)
    assert asked(objects, again.outlines) == 2
    store_records(store, record("U", day=SECOND), day=SECOND)
    assert asked(objects, again.outlines) == 2 + 2 + 1
    assert list(store.outlines()[SECOND].cells) == ["61", "F", "U"]
    assert asked(objects, again.outlines) == 2


def test_ten_years_are_a_handful_of_requests() -> None:
    """Looked at once, 3,653 days are listed in pages of a thousand, and read from one object, which is small. [B5]"""
    objects = FailingMemory()
    objects.requests = FailingRequests()
    store = ObjectSnapshotStore(objects)
    count = 3653
    names = [f"{number:02d}" for number in range(3)]
    for number in range(count):
        on = DAY + timedelta(days=number)
        store_records(store, *(record(name, day=on) for name in names), day=on)
    assert asked(objects, store.outlines) == 2 + 2 * count + 1
    objects.requests = FailingRequests()
    assert len(store.outlines()) == count
    pages = sum(1 for _page in MemoryStore.list(objects, "days/", chunk_size=1000))
    assert pages == 4
    assert len(objects.requests.log) - 1 + pages == 5, "a page is a request"
    assert len(bytes(objects.get(INDEX).bytes())) < 100 * count


def _store_again(store: ObjectSnapshotStore, _objects: Counted) -> None:
    store.delete(SECOND)
    store_records(store, record("U", day=SECOND), day=SECOND)


CHANGES: dict[str, Callable[[ObjectSnapshotStore, Counted], object]] = {
    "a day replaced": lambda store, _objects: store_records(store, record("61", "newer", day=THIRD), day=THIRD),
    "a day deleted": lambda store, _objects: store.delete(SECOND),
    "a day deleted and stored again": _store_again,
    "the object gone": lambda _store, objects: objects.delete([INDEX]),
    "the object cut": lambda _store, objects: objects.put(INDEX, bytes(objects.get(INDEX).bytes())[:-20]),
    "no object of this library": lambda _store, objects: objects.put(INDEX, b"rubbish"),
    "another content": lambda _store, objects: objects.put(INDEX, gzip.compress(b"00000000[2,[],[]]")),
    "an empty one": lambda _store, objects: objects.put(INDEX, b""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_outlines_follow_the_days(store: ObjectSnapshotStore, objects: Counted, change: Callable[..., object]) -> None:
    """Whatever happened to the days, or to the object, the outlines are those of the manifests. [B2, B5]"""
    store.outlines()
    change(store, objects)
    for _look in range(2):
        assert store.outlines() == expected(store)


def test_a_part_forgets_nothing_of_the_rest(store: ObjectSnapshotStore, objects: Counted) -> None:
    """Who looks at some days keeps what is known of the others. [B5]"""
    store.outlines(DAY, SECOND)
    store.outlines(THIRD)
    assert asked(objects, store.outlines) == 2


def test_who_may_not_write_looks_all_the_same(store: ObjectSnapshotStore, objects: Counted) -> None:
    """When the object cannot be written, the outlines are right, and nothing is told. [B5]"""
    writing = asked(objects, lambda: list(store.days())) + 1 + 6
    objects.requests = FailingRequests(writing, unreachable)
    assert len(store.outlines()) == 3
    assert objects.requests.log[-1] == f"put {INDEX}"
    objects.requests = FailingRequests()
    assert store.outlines() == expected(store)


def test_a_day_that_changes_while_it_is_looked_at_is_not_mistaken(store: ObjectSnapshotStore, objects: Counted) -> None:
    """What is kept carries the tag of what was read, not of what was listed. [B2, B5]"""

    class Late(FailingRequests):
        def send(self, what: str, request: Callable[[], Any]) -> Any:
            if what.startswith("get days/") and str(SECOND) in what and not self.done:
                self.done = True
                store_records(ObjectSnapshotStore(objects), record("U", day=SECOND), day=SECOND)
            return super().send(what, request)

        done = False

    objects.requests = Late()
    assert list(store.outlines()[SECOND].cells) == ["61", "F", "U"]
    assert store.outlines() == expected(store)


def test_damage_is_told(store: ObjectSnapshotStore, objects: Counted) -> None:
    """A manifest, or a pointer, that cannot be read is no day without districts, keeps no other day from being told, and is not remembered. [B5]"""
    whole = expected(store)
    (key,) = [found["path"] for page in objects.list(f"generations/{SECOND}/") for found in page if "manifest" in found["path"]]
    pointer = f"days/{THIRD}.json"
    kept = {where: bytes(objects.get(where).bytes()) for where in (key, pointer)}
    for where in kept:
        objects.put(where, b"{}")
    for _look in range(2):
        found = store.outlines()
        assert {day for day, outline in found.items() if outline.damage is not None} == {SECOND, THIRD}
        assert found[DAY] == whole[DAY]
    for where, content in kept.items():
        objects.put(where, content)
    assert store.outlines() == whole


def test_an_empty_bucket_has_none(objects: Counted) -> None:
    """Nothing is written by looking. [B5]"""
    store = ObjectSnapshotStore(objects)
    assert asked(objects, store.outlines) == 1
    assert store.outlines() == {}
