"""Properties of stores, and of the merge rule that they share, for every input."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.jsonvalues import JsonValue
from backfill.model import (
    DistrictError,
    DistrictRecord,
    DocumentRef,
    Finding,
    MergedDay,
    RecordHeader,
    SnapshotStatus,
    StoredDay,
    combine_day,
)
from backfill.protocols import SnapshotStore
from backfill.serialization import encode_record
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.files import UnsyncedFiles
from backfill.testing.samples import DAY, NOON, contribution, failure, record

LIMITED = settings(max_examples=60, deadline=None, derandomize=True, database=None)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
DISTRICTS = st.text(string.ascii_uppercase + string.digits + "._-", min_size=1, max_size=64).filter(lambda text: text[0] != ".")
FEW_DISTRICTS = st.sampled_from(["01", "1", "61", "F"])
MOMENTS = st.datetimes(datetime(2008, 7, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=NOON.tzinfo))  # noqa: DTZ001 - aware in the next breath
DATES = st.dates(date(2008, 7, 1), date(2030, 1, 1))

Factory = Callable[[], AbstractContextManager[SnapshotStore]]


@contextmanager
def _in_memory() -> Iterator[SnapshotStore]:
    yield MemorySnapshotStore()


@contextmanager
def _in_files() -> Iterator[SnapshotStore]:
    with TemporaryDirectory() as root:
        yield PerDistrictFileSnapshotStore(Path(root), files=UnsyncedFiles())


both_stores = pytest.mark.parametrize("opened", [_in_memory, _in_files], ids=["memory", "files"])


@st.composite
def records(draw: st.DrawFn, districts: st.SearchStrategy[str] = DISTRICTS) -> DistrictRecord:
    """Draw any record of any day."""
    return DistrictRecord(
        district_id=draw(districts),
        day=draw(DATES),
        as_of=draw(DATES),
        detail=draw(st.sampled_from(["full", "summary"])),
        data=draw(JSON),
        collected_at=draw(MOMENTS),
        settled=draw(st.booleans()),
        provenance=tuple(draw(st.lists(st.builds(DocumentRef, TEXTS, TEXTS, MOMENTS, TEXTS), max_size=2))),
        calculation_version=draw(TEXTS),
    )


@both_stores
@LIMITED
@given(one=records(), payload=JSON.filter(lambda value: value is not None), ready=st.booleans())
def test_p4_round_trip_is_the_identity(opened: Factory, one: DistrictRecord, payload: JsonValue, ready: bool) -> None:
    """Whatever JSON a record or a summary holds, it is read as it was put. [P4]"""
    with opened() as store:
        with store.begin(one.day, job_id="job-1") as draft:
            draft.put(encode_record(one, job_id="job-1") if ready else one)
            draft.put_summary("totals", payload, as_of=one.as_of)
            draft.commit(contribution([one.district_id], day=one.day))
        snapshot = store.read(one.day)
        assert snapshot.district(one.district_id) == one
        assert snapshot.summary("totals") == payload
        assert store.entries(one.day)[one.district_id].settled == one.settled


@both_stores
@LIMITED
@given(
    failed=st.sets(DISTRICTS, max_size=4),
    stored=st.sets(DISTRICTS, min_size=1, max_size=4),
    messages=st.lists(TEXTS, min_size=4, max_size=4),
    findings=st.lists(st.builds(Finding, TEXTS, TEXTS, st.none() | DATES, st.none() | DISTRICTS), max_size=3),
    listed=st.booleans(),
)
def test_p5_districts_are_exactly_those_put(
    opened: Factory, failed: set[str], stored: set[str], messages: list[str], findings: list[Finding], listed: bool
) -> None:
    """A day holds exactly what was put, lists exactly what failed, and says both as it was told. [P5, R5.3, R6.2]"""
    failed -= stored
    errors = [failure(district, message=message) for district, message in zip(sorted(failed), messages, strict=False)]
    with opened() as store:
        with store.begin(DAY, job_id="job-1") as draft:
            for district in stored:
                draft.put(record(district))
            draft.commit(contribution(sorted(failed | stored), errors=errors, findings=findings, listed=listed))
        snapshot = store.read(DAY)
        metadata = snapshot.metadata
        assert snapshot.districts == tuple(store.entries(DAY)) == metadata.districts == tuple(sorted(stored))
        assert metadata.failed == tuple(sorted(failed))
        assert metadata.expected == tuple(sorted(failed | stored))
        assert metadata.errors == tuple(errors)
        assert metadata.findings == tuple(dict.fromkeys(findings))
        assert metadata.listed == listed
        assert metadata.status == (SnapshotStatus.PARTIAL if failed else SnapshotStatus.SUCCESS)


# --- the merge rule -----------------------------------------------------------------------------------------------------

HEADERS = st.builds(
    RecordHeader,
    detail=st.sampled_from(["full", "summary"]),
    as_of=st.sampled_from([DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]),
    settled=st.booleans(),
    content_digest=st.sampled_from(["a", "b"]),
    sha256=st.just("f" * 64),
    size=st.just(1),
    job_id=st.sampled_from(["job-1", "job-2"]),
)
STAGED = st.dictionaries(FEW_DISTRICTS, HEADERS)


def _merge(old: StoredDay | None, staged: Mapping[str, RecordHeader], errors: Sequence[DistrictError] = ()) -> MergedDay | None:
    return combine_day(old, staged, {}, contribution(staged, errors=errors), NOON)


def _stored(merged: MergedDay | None) -> StoredDay | None:
    return merged.day if merged else None


def _entries(day: StoredDay | None) -> Mapping[str, RecordHeader]:
    return day.entries if day else {}


@LIMITED
@given(before=STAGED, staged=STAGED)
def test_p5_merge_never_reduces_coverage(before: dict[str, RecordHeader], staged: dict[str, RecordHeader]) -> None:
    """No district is ever lost, no full record replaced by a summary, none of the same detail by an older. [P5, R5.4]"""
    old = _stored(_merge(None, before))
    new = _entries(_stored(_merge(old, staged)))
    assert set(new) == {*before, *staged}
    for district, header in _entries(old).items():
        now = new[district]
        assert not (header.detail == "full" and now.detail == "summary")
        assert now.as_of >= header.as_of
        if district not in staged:
            assert now == header


@LIMITED
@given(before=STAGED, staged=STAGED)
def test_merge_is_idempotent(before: dict[str, RecordHeader], staged: dict[str, RecordHeader]) -> None:
    """The same contribution once more changes no entry: a job that is run again after a crash does no harm. [B2]"""
    once = _stored(_merge(_stored(_merge(None, before)), staged))
    again = _merge(once, staged)
    assert _entries(_stored(again)) == _entries(once)
    assert again is None or not again.fresh


@LIMITED
@given(before=STAGED, one=STAGED, other=STAGED)
def test_merge_commutes_for_disjoint_districts(
    before: dict[str, RecordHeader], one: dict[str, RecordHeader], other: dict[str, RecordHeader]
) -> None:
    """Two jobs with different districts leave the same day behind, whichever comes first. [R5.4, R11.2]"""
    other = {district: header for district, header in other.items() if district not in one}
    start = _stored(_merge(None, before))
    a = _stored(_merge(_stored(_merge(start, one)), other)) if other else _stored(_merge(start, one))
    b = _stored(_merge(_stored(_merge(start, other)), one)) if other else _stored(_merge(start, one))
    assert _entries(a) == _entries(b)
    if a is not None and b is not None:
        assert (a.metadata.status, a.metadata.districts, a.metadata.expected) == (
            b.metadata.status,
            b.metadata.districts,
            b.metadata.expected,
        )


@LIMITED
@given(before=STAGED, failed=st.sets(FEW_DISTRICTS))
def test_p6_failure_never_hides_a_stored_district(before: dict[str, RecordHeader], failed: set[str]) -> None:
    """A day is partial exactly when a district that failed is not stored. [P6, R6.3]"""
    old = _stored(_merge(None, before))
    merged = _merge(old, {}, [failure(district) for district in sorted(failed)])
    if merged is None:
        assert not before
        return
    assert merged.info.missing == tuple(sorted(failed - set(before)))
    assert (merged.info.status is SnapshotStatus.PARTIAL) == bool(failed - set(before))


@LIMITED
@given(header=HEADERS)
def test_stored_day_is_what_its_manifest_gives_back(header: RecordHeader) -> None:
    """An entry survives every field combination on its way through manifest and index. [P4]"""
    with TemporaryDirectory() as root:
        store = PerDistrictFileSnapshotStore(root, files=UnsyncedFiles())
        one = record("61", header.content_digest, as_of=header.as_of, detail=header.detail, settled=header.settled)
        with store.begin(DAY, job_id=header.job_id) as draft:
            draft.put(one)
            draft.commit(contribution(job_id=header.job_id))
        expected = evolve(encode_record(one, job_id=header.job_id).header, method="per-district")
        from_index = store.entries(DAY)
        Path(root, ".index", f"{DAY}.json").unlink()
        assert from_index == store.entries(DAY) == {"61": expected}
