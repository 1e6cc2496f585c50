"""The process ends, or the network does, at each request of each change in turn: the day is the old one or the new one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from obstore.store import ObjectStore

from backfill.errors import StoreUnavailable
from backfill.objectstores import ObjectSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.samples import DAY, contribution, record, store_records
from object_doubles import FailingMemory, FailingRequests, FailingS3, Gone, unreachable
from stores.store_changes import CHANGES, records_of

Opening = Callable[[FailingRequests], ObjectStore]
"""Opens one bucket again and again: what is sent to it goes through the requests that are given."""

LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""When everything that is left over has been so for long, whatever the clock of the bucket says."""

every_change = pytest.mark.parametrize("name", CHANGES)


def in_memory() -> Opening:
    """Return how to open a new bucket in memory."""
    bucket = FailingMemory()

    def opening(requests: FailingRequests) -> ObjectStore:
        bucket.requests = requests
        return bucket

    return opening


def on_a_server(options: dict[str, Any], place: str) -> Opening:
    """Return how to open a part of a server's bucket."""

    def opening(requests: FailingRequests) -> ObjectStore:
        bucket = FailingS3(**{**options, "prefix": f"{options['prefix']}/{place}"})
        bucket.requests = requests
        return bucket

    return opening


def open_store(opening: Opening, requests: FailingRequests | None = None) -> ObjectSnapshotStore:
    """Return a store on a clock that stands still, so that the same change gives the same state."""
    return ObjectSnapshotStore(opening(requests or FailingRequests()), "history", clock=VirtualClock())


def state_of(opening: Opening) -> object:
    """Return all that a newly opened store reads of the day; ``None`` = it is not stored."""
    store = open_store(opening)
    if DAY not in store.days():
        return None
    snapshot = store.read(DAY)
    records = {district: snapshot.district(district) for district in snapshot.districts}
    return records, dict(store.entries(DAY)), snapshot.metadata, snapshot.summary("totals")


def states_around(name: str, opening: Opening) -> tuple[object, object, list[str]]:
    """Return the state before the change and after it, and the requests that it takes."""
    CHANGES[name].before(open_store(opening))
    before, counting = state_of(opening), FailingRequests()
    CHANGES[name].change(open_store(opening, counting))
    return before, state_of(opening), counting.log


def objects_of(opening: Opening) -> int:
    """Return how many objects there are below the prefix."""
    return sum(len(page) for page in opening(FailingRequests()).list("history/"))


def crash_at(number: int, name: str, opening: Opening, error: Callable[[], BaseException], *, answered: bool) -> bool:
    """Make a change that fails at one request and all later ones; return whether it was told."""
    CHANGES[name].before(open_store(opening))
    try:
        CHANGES[name].change(open_store(opening, FailingRequests(number, error, answered=answered)))
    except (Gone, StoreUnavailable):
        return True
    return False


def look_after_a_crash(opening: Opening, before: object, after: object, name: str, point: object) -> None:
    """See that one of the two states is there whole, that the next writer goes on, and that nothing is left over."""
    found = state_of(opening)
    assert found in (before, after), point
    CHANGES[name].change(open_store(opening))
    assert records_of(state_of(opening)) == records_of(after), point
    later = ObjectSnapshotStore(opening(FailingRequests()), "history", clock=VirtualClock(LATER))
    later.sweep()
    state = state_of(opening)
    assert records_of(state) == records_of(after), point
    needed = 0 if state is None else 3 + len(state[0]) + 1  # type: ignore[index] # pointer, manifest, metadata, records, summary
    assert objects_of(opening) == needed, point


@every_change
@pytest.mark.parametrize("answered", [False, True], ids=["before the request", "after it"])
@pytest.mark.parametrize("error", [Gone, unreachable], ids=["the process ends", "the network ends"])
def test_a_crash_at_every_request_leaves_one_state(name: str, error: Callable[[], BaseException], answered: bool) -> None:
    """Wherever a change ends, the day is what it was or what it became, whole, and what is left over is swept. [B2]"""
    before, after, log = states_around(name, in_memory())
    told = 0
    for number in range(len(log)):
        opening = in_memory()
        told += crash_at(number, name, opening, error, answered=answered)
        look_after_a_crash(opening, before, after, name, (number, log[number]))
    assert told >= 1
    assert len(log) >= 3


@pytest.mark.parametrize("name", ["replace some", pytest.param("delete", marks=pytest.mark.slow)])
def test_a_crash_at_every_request_to_a_server_leaves_one_state(bucket_options: dict[str, Any], name: str) -> None:
    """The same with a real server, which has carried out what came before. [B2]"""
    before, after, log = states_around(name, on_a_server(bucket_options, "counted"))
    for number in range(len(log)):
        opening = on_a_server(bucket_options, str(number))
        crash_at(number, name, opening, Gone, answered=False)
        look_after_a_crash(opening, before, after, name, (number, log[number]))


@every_change
@pytest.mark.parametrize("answered", [False, True], ids=["request lost", "answer lost"])
def test_one_request_that_fails_is_made_up_for(name: str, answered: bool) -> None:
    """Whichever request fails once, it is told or did not matter, and the same change by the same store then succeeds. [B2, P6]"""
    _before, after, log = states_around(name, in_memory())
    for number in range(len(log)):
        opening = in_memory()
        CHANGES[name].before(open_store(opening))
        store = open_store(opening, FailingRequests(number, unreachable, answered=answered, once=True))
        try:
            CHANGES[name].change(store)
        except StoreUnavailable:  # the one request that failed: the caller tries again
            CHANGES[name].change(store)
        assert records_of(state_of(opening)) == records_of(after), (number, log[number])


def test_a_commit_whose_answer_was_lost_is_not_made_twice() -> None:
    """The same draft committed again finds that it was published, and says so. [B2]"""
    opening = in_memory()
    _before, after, log = states_around("first time", in_memory())
    exchange = next(number for number, what in enumerate(log) if what == f"put history/days/{DAY}.json")
    requests = FailingRequests(exchange, unreachable, answered=True, once=True)
    store = open_store(opening, requests)
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61", "before"))
        draft.put(record("F", "before"))
        draft.put_summary("totals", "before", as_of=DAY)
        with pytest.raises(StoreUnavailable):
            draft.commit(contribution(["61", "F"]))
        found = state_of(opening)
        info = draft.commit(contribution(["61", "F"]))
    assert info is not None
    assert info.stored == ("61", "F")
    assert state_of(opening) == found == after
    assert requests.log.count(f"put history/days/{DAY}.json") == 1


def test_a_commit_whose_answer_was_lost_is_found_behind_a_later_one() -> None:
    """Also when another has published the day since. [B2]"""
    opening = in_memory()
    requests = FailingRequests()
    store = open_store(opening, requests)
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("61", "mine"))
        requests.at, requests.error, requests.answered, requests.once = len(requests.log) + 4, unreachable, True, True
        with pytest.raises(StoreUnavailable):
            draft.commit(contribution(["61"]))
        assert requests.log[-1] == f"put history/days/{DAY}.json"
        store_records(ObjectSnapshotStore(opening(requests), "history", clock=VirtualClock()), record("F"), job_id="job-2")
        sent = len(requests.log)
        assert draft.commit(contribution(["61"])) is not None
        assert len(requests.log) > sent
        assert not any(what.startswith("put") for what in requests.log[sent:])
    assert store.read(DAY).districts == ("61", "F")
