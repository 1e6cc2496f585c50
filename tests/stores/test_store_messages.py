"""What the built-in stores say when they refuse, beyond what their contract asks of any store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve

from backfill.errors import InvalidRequest, SnapshotNotFound, StoreError
from backfill.jsonvalues import JsonValue
from backfill.protocols import SnapshotStore
from backfill.serialization import encode_record
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.files import UnsyncedFiles
from backfill.testing.samples import DAY, contribution, record, store_records

Maker = Callable[[Path, VirtualClock], SnapshotStore]

MAKERS: dict[str, Maker] = {
    "memory": lambda _place, clock: MemorySnapshotStore(clock=clock),
    "files": lambda place, clock: PerDistrictFileSnapshotStore(place, clock=clock, files=UnsyncedFiles()),
}


@pytest.fixture
def clock() -> VirtualClock:
    """Return the time that the store sees."""
    return VirtualClock()


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> SnapshotStore:
    """Return an empty store of each kind."""
    return MAKERS[request.param](tmp_path, clock)


def test_a_missing_day_says_how_it_would_come(store: SnapshotStore) -> None:
    """Reading a day that is not stored says how it would come into the store."""
    with pytest.raises(SnapshotNotFound, match="a backfill of 2024-01-31 would make it"):
        store.read(DAY)


def test_a_missing_district_is_explained(store: SnapshotStore) -> None:
    """A district that the day does not have is answered with those that may have been meant, a summary with those there are."""
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("01"))
        draft.put(record("F"))
        draft.put_summary("all-districts-rankings", 1, as_of=DAY)
        draft.commit(contribution(["01", "F"]))
    with pytest.raises(SnapshotNotFound, match=r"no district '1' \(did you mean '01'\?\)"):
        store.read(DAY).district("1")
    with pytest.raises(SnapshotNotFound, match=r"no district 'xyz'; \.districts lists"):
        store.read(DAY).district("xyz")
    with pytest.raises(SnapshotNotFound, match=r"no summary 'rankings'.*'all-districts-rankings'"):
        store.read(DAY).summary("rankings")


def test_a_used_draft_says_what_to_do(store: SnapshotStore) -> None:
    """A draft that was committed says how to make another."""
    draft = store.begin(DAY, job_id="job-1")
    draft.put(record())
    draft.commit(contribution())
    with pytest.raises(StoreError, match="makes another"):
        draft.put(record())


def test_a_refused_put_says_why(store: SnapshotStore) -> None:
    """A record of another day, an altered one, one that is not JSON, a twin and a reserved name are refused with the rule."""
    encoded = encode_record(record(), job_id="job-1")
    with store.begin(DAY, job_id="job-1") as draft:
        with pytest.raises(InvalidRequest, match="its own day"):
            draft.put(record(day=date(2024, 2, 1)))
        with pytest.raises(InvalidRequest, match="size and SHA-256"):
            draft.put(evolve(encoded, content=encoded.content + b" "))
        with pytest.raises(InvalidRequest, match="not what JSON can hold"):
            draft.put(record("61", cast("JsonValue", {1, 2})))
        with pytest.raises(InvalidRequest, match="the store's own files"):
            draft.put_summary("manifest", 1, as_of=DAY)
        draft.put(record("F"))
        draft.put_summary("totals", 1, as_of=DAY)
        with pytest.raises(InvalidRequest, match="upper and lower case"):
            draft.put(record("f"))
        with pytest.raises(InvalidRequest, match="two summaries differ"):
            draft.put_summary("Totals", 1, as_of=DAY)
        with pytest.raises(InvalidRequest, match="its own day"):
            draft.commit(contribution(day=date(2024, 2, 1)))


def test_a_refused_commit_says_why(store: SnapshotStore) -> None:
    """Twins of what the day has already are refused with the rule, districts and summaries alike."""
    with store.begin(DAY, job_id="job-1") as draft:
        draft.put(record("F"))
        draft.put_summary("totals", 1, as_of=DAY)
        draft.commit(contribution(["F"]))
    with store.begin(DAY, job_id="job-2") as draft:
        draft.put(record("f"))
        with pytest.raises(InvalidRequest, match="upper and lower case"):
            draft.commit(contribution(["f"], job_id="job-2"))
    with store.begin(DAY, job_id="job-3") as draft:
        draft.put_summary("Totals", 1, as_of=DAY)
        with pytest.raises(InvalidRequest, match="two summaries differ"):
            draft.commit(contribution(["f"], job_id="job-3"))


def test_a_moment_is_refused_by_name(store: SnapshotStore) -> None:
    """A datetime in the place of a day is refused with the reason."""
    with pytest.raises(InvalidRequest, match="time of day"):
        store.read(datetime(2024, 1, 31))  # noqa: DTZ001 - the point of the test


def test_times_are_those_of_the_clock(store: SnapshotStore, clock: VirtualClock) -> None:
    """Metadata have the time of the first and of the last commit, by the store's own clock. [R5.5]"""
    created = clock.now()
    store_records(store, record("61"))
    clock.advance(3600)
    store_records(store, record("F"), job_id="job-2")
    metadata = store.read(DAY).metadata
    assert (metadata.created_at, metadata.updated_at) == (created, created + timedelta(hours=1))


def test_a_store_shows_what_it_holds(store: SnapshotStore, tmp_path: Path) -> None:
    """Shown in a notebook, a store says how much it holds or where it is, and a snapshot says of which day it is. [R10.2]"""
    store_records(store, record())
    assert repr(store) in {"<MemorySnapshotStore: 1 days>", f"PerDistrictFileSnapshotStore({str(tmp_path)!r})"}
    assert repr(store.read(DAY)) == "<Snapshot 2024-01-31: 1 districts, success>"
