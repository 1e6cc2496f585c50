"""The stored form of a record."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import DamagedFile
from backfill.model import DistrictRecord, DocumentRef
from backfill.serialization import SCHEMA_VERSION, decode_record, encode_record
from foundation_samples import DAY, NOW, bounded, district_names, json_values

moments = st.integers(0, 3_000_000_000_000_000).map(
    lambda microseconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
refs = st.builds(DocumentRef, name=st.text(), url=st.text(), fetched_at=moments, sha256=st.text("0123456789abcdef", max_size=64))
records = st.builds(
    DistrictRecord,
    district_id=district_names,
    day=st.dates(),
    as_of=st.dates(),
    detail=st.sampled_from(["full", "summary"]),
    data=json_values,
    collected_at=moments,
    settled=st.booleans(),
    provenance=st.lists(refs, max_size=3).map(tuple),
    calculation_version=st.text(max_size=8),
)
RECORD = DistrictRecord(
    "61", DAY, DAY, "full", {"clubs": [1, 2.5, None, "é"]}, NOW, provenance=(DocumentRef("n", "https://example.org", NOW, "ab"),)
)


@bounded
@given(records)
def test_p4_a_record_comes_back_as_it_went(record: DistrictRecord) -> None:
    """Reading what was written gives the record, and writing that gives the same bytes. [P4, R5.2, R3.5]"""
    encoded = encode_record(record, job_id="j1", method="targeted")
    decoded = decode_record(encoded.content, settled=record.settled)
    assert decoded == record
    assert encode_record(decoded, job_id="j1", method="targeted") == encoded


@bounded
@given(records)
def test_the_header_describes_the_bytes(record: DistrictRecord) -> None:
    """A manifest's entry says of the file what the file is: size, digest, detail, date, job and method. [R5.5, B4]"""
    encoded = encode_record(record, job_id="j1", method="targeted")
    header = encoded.header
    assert (header.size, header.sha256) == (len(encoded.content), hashlib.sha256(encoded.content).hexdigest())
    assert (header.detail, header.as_of, header.settled) == (record.detail, record.as_of, record.settled)
    assert (header.job_id, header.method, header.stale_detail) == ("j1", "targeted", False)
    assert (encoded.district_id, encoded.day) == (record.district_id, record.day)


def test_a_file_holds_only_what_follows_from_its_documents() -> None:
    """Job and method stand in the manifest, so that a rebuild by another job gives the same bytes. [B3, B4]"""
    one, other = encode_record(RECORD, job_id="j1", method="targeted"), encode_record(RECORD, job_id="j2")
    assert one.content == other.content
    assert b"j1" not in one.content
    stored = json.loads(one.content)
    assert list(stored) == [
        "schemaVersion",
        "districtId",
        "districtName",
        "snapshotDate",
        "asOfDate",
        "collectedAt",
        "status",
        "detail",
        "calculationVersion",
        "provenance",
        "data",
    ]
    assert stored["provenance"] == [
        {"name": "n", "url": "https://example.org", "fetchedAt": "2026-01-15T12:00:00+00:00", "sha256": "ab"}
    ]


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"provenance": ()}, True),
        ({"collected_at": NOW + timedelta(days=1)}, True),
        ({"settled": False}, True),
        ({"data": {"clubs": []}}, False),
        ({"as_of": date(2026, 1, 9)}, False),
        ({"detail": "summary"}, False),
        ({"calculation_version": "2.0.0"}, False),
    ],
)
def test_the_digest_is_of_what_the_record_says(change: dict[str, Any], is_same: bool) -> None:
    """The digest ignores when and from where the figures came, and nothing else of what they say. [B4, R9.3]"""
    digest = encode_record(RECORD, job_id="j1").header.content_digest
    assert (encode_record(evolve(RECORD, **change), job_id="j1").header.content_digest == digest) is is_same


def damaged(**changes: object) -> bytes:
    """Return the bytes of a record of which some fields are other ones; ``...`` = missing."""
    stored = {**json.loads(encode_record(RECORD, job_id="j1").content), **changes}
    return json.dumps({name: value for name, value in stored.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"[" * 100_000,
        encode_record(RECORD, job_id="j1").content[:-20],
        encode_record(RECORD, job_id="j1").content.replace(b"2026-01-05", b"2026-13-05"),
        *(damaged(**{name: ...}) for name in json.loads(encode_record(RECORD, job_id="j1").content) if name not in {"districtName", "status"}),
        damaged(districtId=61),
        damaged(detail=None),
        damaged(asOfDate=20260105),
        damaged(collectedAt="yesterday"),
        damaged(calculationVersion=1),
        damaged(provenance={"name": "n"}),
        damaged(provenance=[{"name": "n", "url": "u", "sha256": "s"}]),
        damaged(provenance=[{"name": 1, "url": "u", "sha256": "s", "fetchedAt": "2026-01-05T00:00:00+00:00"}]),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(content: bytes) -> None:
    """What does not hold a record is refused with path, rule and remedy. [B2]"""
    with pytest.raises(DamagedFile, match="collect the day again") as caught:
        decode_record(content, settled=True, path="district_61.json")
    assert caught.value.path == "district_61.json"
    assert "does not hold a district's record" in caught.value.rule


@bounded
@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_any_damage_is_found_or_harmless(position: int, bytes_: bytes) -> None:
    """Whatever bytes are overwritten, reading gives a record or a DamagedFile, and never anything else. [B2]"""
    content = bytearray(encode_record(RECORD, job_id="j1").content)
    content[position : position + len(bytes_)] = bytes_
    try:
        assert isinstance(decode_record(bytes(content), settled=True), DistrictRecord)
    except DamagedFile as error:
        assert error.remedy  # noqa: PT017 - either outcome is right


def test_a_newer_file_is_not_taken_for_a_damaged_one() -> None:
    """A file of a later major version asks for another release, and does not advise to overwrite it. [R5.5]"""
    with pytest.raises(DamagedFile, match="newer one") as caught:
        decode_record(damaged(schemaVersion="2.0.0"), settled=True)
    assert "collect" not in caught.value.remedy
    assert SCHEMA_VERSION in caught.value.rule
    assert decode_record(damaged(schemaVersion="1.7.0", later="field"), settled=True) == RECORD
