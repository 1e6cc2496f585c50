"""Records, their headers, and what is said of a stored day."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from attrs import evolve, frozen

from backfill.errors import InvalidRequest
from backfill.model import (
    Collected,
    DistrictError,
    DistrictRecord,
    Document,
    EncodedRecord,
    Finding,
    JobContext,
    RecordHeader,
    SnapshotInfo,
    SnapshotStatus,
    Stage,
    UnitContext,
)
from foundation_samples import DAY, NOW, make_error

HEADER = RecordHeader("full", DAY, True, "digest", "sha", 3, "j1")  # fmt: skip


@frozen
class Rain:
    """A payload's class."""

    millimetres: float
    station: str = "unknown"


def record(data: object = None) -> DistrictRecord:
    """Return a record of *data*."""
    return DistrictRecord("61", DAY, DAY, "full", {"millimetres": 1.5} if data is None else data, NOW)  # type: ignore[arg-type] # any JSON


def test_a_record_gives_its_data_back_in_a_class() -> None:
    """The data of a record can be had as an instance of a class; data that do not fit are refused by place. [R5.2]"""
    assert record().structure(Rain) == Rain(1.5)
    with pytest.raises(InvalidRequest, match="millimetres"):
        record({"millimetres": "much"}).structure(Rain)


def test_records_are_equal_when_all_of_them_is() -> None:
    """Records compare by every field, are no keys, and differ from other things. [B4]"""
    one = record()
    assert one == record()
    assert one != evolve(one, as_of=date(2026, 1, 9))
    assert one != record({"millimetres": 2})
    assert one != "record"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize(
    ("detail", "settled", "stale", "for_summary", "for_full"),
    [
        ("full", True, False, True, True),
        ("summary", True, False, True, False),
        ("full", False, False, False, False),
        ("summary", False, False, False, False),
        ("full", True, True, False, False),
    ],
)
def test_only_settled_records_of_sufficient_detail_satisfy(
    detail: str, settled: bool, stale: bool, for_summary: bool, for_full: bool
) -> None:
    """A record need not be collected again if it is settled, not outdated, and full enough. [R9.3]"""
    header = evolve(HEADER, detail=detail, settled=settled, stale_detail=stale)
    assert header.satisfies("summary") is for_summary
    assert header.satisfies("full") is for_full


def test_what_a_commit_did_has_the_day_as_identifier() -> None:
    """A snapshot's identifier is its day. [R5.2]"""
    info = SnapshotInfo(DAY, SnapshotStatus.SUCCESS, ("61",), (), ("61",))
    assert info.snapshot_id == "2026-01-05"


def test_long_content_does_not_flood_a_log() -> None:
    """An encoded record shows the size of its content only. [R10.2]"""
    assert "<3 bytes>" in repr(EncodedRecord("61", DAY, HEADER, b"abc"))
    full = record({"clubs": [{"name": f"Club {n}"} for n in range(200)], "totals": {}})
    assert len(repr(full)) < 500
    assert "'clubs': [{...}, {...}, ...]" in repr(full)
    assert "data={'clubs': 20}" in repr(Collected({"clubs": 20}))


def test_a_failure_names_its_stage() -> None:
    """A failure takes its stage by word, and no other word than the five. [R6.2]"""
    error = make_error()
    assert evolve(error, stage="store").stage is Stage.STORE
    with pytest.raises(ValueError, match="lunch"):
        evolve(error, stage="lunch")
    assert {stage.value for stage in Stage} == {"list", "fetch", "validate", "transform", "store"}
    needed = ("district_id", "day", "stage", "kind", "message", "attempts", "is_retryable", "timestamp")
    assert tuple(DistrictError.__annotations__) == needed


def test_what_is_collected_takes_findings_in_any_sequence() -> None:
    """A source may list its findings in whatever sequence it has. [R3.4]"""
    finding = Finding("odd", "twice the same")
    assert Collected({}, findings=[finding]).findings == (finding,)
    assert Collected({}).findings == ()


def test_contexts_are_themselves_and_no_others() -> None:
    """Two jobs are never one, however alike; a unit without a recorder forgets its documents. [R4.3]"""
    one, other = JobContext("j1", NOW), JobContext("j1", NOW)
    assert one != other
    assert isinstance(one.cancel, threading.Event)
    assert one.cancel is not other.cancel
    unit = UnitContext(one, DAY)
    unit.record(Document.of("https://example.org/", b""))
    assert unit.district is None
