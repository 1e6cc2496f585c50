"""Stores that fail or dawdle as a test says."""

from __future__ import annotations

import pytest

from backfill.errors import DayLocked, StoreError, StoreUnavailable
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.doubles import FlakyStore, SlowStore
from backfill.testing.samples import DAY, contribution, record, store_records


def test_nothing_fails_that_is_not_said_to() -> None:
    """Without a number a flaky store only counts: what it is asked, in its order, with its arguments. [B7]"""
    store = FlakyStore(MemorySnapshotStore())
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record())
        draft.put_summary("totals", 1, as_of=DAY)
        draft.commit(contribution())
    snapshot = store.read(DAY)
    assert (snapshot.day, snapshot.districts, snapshot.metadata.source) == (DAY, ("61",), "test")
    assert (snapshot.district("61"), snapshot.summary("totals")) == (record(), 1)
    assert (list(store.days(DAY)), list(store.entries(DAY))) == ([DAY], ["61"])
    store.delete(DAY)
    names = [name for name, _arguments in store.log]
    assert names == ["begin", "put", "put_summary", "commit", "leave", "read", "district", "summary", "days", "entries", "delete"]
    assert store.log[0] == ("begin", (DAY, "job-1"))


@pytest.mark.parametrize("at", range(5))
def test_the_chosen_operation_fails(at: int) -> None:
    """The operation of the number fails, does not happen, and those after it do. [B7, P6]"""
    store = FlakyStore(MemorySnapshotStore(), at, lambda: StoreUnavailable("full"))
    with pytest.raises(StoreUnavailable, match="full"):
        store_records(store, record("61"), record("F"))
    assert len(store.log) >= at + 1
    assert list(store.days()) == ([DAY] if at == 4 else [])  # only leaving comes after the commit
    assert store_records(store, record("U")).stored == ("U",)


def test_several_operations_fail_or_all_of_them() -> None:
    """Several numbers may be named, and a disk that is full stays full. [B7]"""
    store = FlakyStore(MemorySnapshotStore(), at=[0, 2])
    for fails in (True, False, True, False):
        if fails:
            with pytest.raises(StoreError, match="as the test says"):
                store.days()
        else:
            store.days()
    full = FlakyStore(MemorySnapshotStore(), at=1, go_wrong=lambda: StoreUnavailable("full"), forever=True)
    full.days()
    for _look in range(3):
        with pytest.raises(StoreUnavailable):
            full.days()


def test_an_answer_can_be_lost() -> None:
    """An operation may happen although it fails: whoever asked cannot know, and must look. [B7, B2]"""
    store = FlakyStore(MemorySnapshotStore(), at=2, go_wrong=lambda: DayLocked("no answer"), afterwards=True)
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record())
        with pytest.raises(DayLocked):
            draft.commit(contribution())
    assert list(store.days()) == [DAY]


def test_a_slow_store_takes_its_time() -> None:
    """Each operation takes the time that is said, on the clock that is given, and does what it does. [B7, R9.5]"""
    clock = VirtualClock()
    store = SlowStore(MemorySnapshotStore(clock=clock), 0.5, clock=clock)
    store_records(store, record())
    assert store.read(DAY).district("61") == record()
    assert clock.monotonic() == 6 * 0.5  # begin, put, commit, leave; read, district
    assert clock.waits == [0.5] * 6
    assert list(SlowStore(MemorySnapshotStore(), 0.0).days()) == []
