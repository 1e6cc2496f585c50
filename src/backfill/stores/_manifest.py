"""The manifest of a day: which files it has, and what is said of each. It alone decides what belongs to the day."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from attrs import frozen

from backfill.errors import DamagedFile
from backfill.jsonvalues import JsonValue, dumps
from backfill.model import RecordHeader, StoredDay, SummaryHeader
from backfill.serialization import SCHEMA_VERSION
from backfill.stores._fields import Fields
from backfill.stores._layout import METADATA, RANKINGS, checked_district, checked_summary, district_file, summary_file

_DETAILS = frozenset({"full", "summary"})
REMEDY = "bring it back from a copy; or delete the day, and collect it again"


@frozen
class FileFacts:
    """What proves that a file is the one that was written."""

    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> FileFacts:
        """Return the facts of *content*."""
        return cls(len(content), hashlib.sha256(content).hexdigest())

    def fit(self, content: bytes) -> bool:
        """Whether *content* is what was written."""
        return len(content) == self.size and hashlib.sha256(content).hexdigest() == self.sha256


@frozen
class Manifest:
    """What ``manifest.json`` says.

    Attributes:
        day: The day.
        generation: Names this state of the day: no other state has the same manifest.
        entries: The records, by district in text order.
        modified: When each record's file was written.
        summaries: The summaries of the day, by name.
        metadata: The facts of ``metadata.json``.
        calculation_version: Version of the rules that made the newest records.
    """

    day: date
    generation: str
    entries: Mapping[str, RecordHeader]
    modified: Mapping[str, datetime]
    summaries: Mapping[str, SummaryHeader]
    metadata: FileFacts
    calculation_version: str


def encode_manifest(stored: StoredDay, modified: Mapping[str, datetime], metadata: FileFacts, calculation_version: str) -> bytes:
    """Return the content of ``manifest.json``. Pure."""
    said = stored.metadata
    rankings = stored.summaries.get(RANKINGS)
    return dumps(
        {
            "snapshotId": said.day.isoformat(),
            "createdAt": said.created_at.isoformat(),
            "updatedAt": said.updated_at.isoformat(),
            "schemaVersion": SCHEMA_VERSION,
            "calculationVersion": calculation_version,
            "writeComplete": True,
            "districts": [_entry(name, header, modified[name]) for name, header in stored.entries.items()],
            "totalDistricts": len(stored.entries) + len(said.failed),
            "successfulDistricts": len(stored.entries),
            "failedDistricts": len(said.failed),
            "summaries": [
                {
                    "name": name,
                    "fileName": summary_file(name),
                    "size": header.size,
                    "sha256": header.sha256,
                    "asOfDate": header.as_of.isoformat(),
                    "backfillJobId": header.job_id,
                }
                for name, header in stored.summaries.items()
            ],
            "allDistrictsRankings": {
                "filename": summary_file(RANKINGS),
                "size": rankings.size if rankings else 0,
                "status": "present" if rankings else "missing",
            },
            "metadata": {"fileName": METADATA, "size": metadata.size, "sha256": metadata.sha256},
        }
    )


def _entry(district: str, header: RecordHeader, modified: datetime) -> dict[str, JsonValue]:
    entry: dict[str, JsonValue] = {
        "districtId": district,
        "fileName": district_file(district),
        "status": "success",
        "fileSize": header.size,
        "lastModified": modified.isoformat(),
        "detail": header.detail,
        "asOfDate": header.as_of.isoformat(),
        "settled": header.settled,
        "sha256": header.sha256,
        "contentDigest": header.content_digest,
        "backfillJobId": header.job_id,
        "collectionMethod": header.method,
    }
    if header.stale_detail:
        entry["staleDetail"] = True
    return entry


def decode_manifest(content: bytes, day: date, path: str) -> Manifest:
    """Return what the manifest of *day* says; *path* names it in errors.

    Raises:
        DamagedFile: It is not a manifest of this day, or was written by a newer version of this library.
    """
    try:
        fields = Fields.of(content)
        refuse_newer(fields, path)
        _refuse_impossible(fields, day)
        entries = fields.objects("districts")
        metadata = fields.object("metadata")
        return Manifest(
            day=day,
            generation=hashlib.sha256(content).hexdigest()[:16],
            entries={checked_district(entry.text("districtId")): _header(entry) for entry in entries},
            modified={entry.text("districtId"): entry.moment("lastModified") for entry in entries},
            summaries={checked_summary(entry.text("name")): _summary(entry) for entry in fields.objects("summaries")},
            metadata=FileFacts(metadata.count("size"), metadata.sha256("sha256")),
            calculation_version=fields.text("calculationVersion"),
        )
    except ValueError as error:
        raise DamagedFile(path, f"is not the manifest of {day} ({error})", REMEDY) from error


def refuse_newer(fields: Fields, path: str) -> None:
    """Refuse a file of a schema that this version cannot know.

    Raises:
        DamagedFile: Its major version is above ours.
    """
    version = fields.text("schemaVersion")
    if int(version.partition(".")[0]) > int(SCHEMA_VERSION.partition(".")[0]):
        rule = f"was written by a newer version (schema {version}; this one reads up to {SCHEMA_VERSION})"
        raise DamagedFile(path, rule, "install that version: pip install --upgrade backfill")


def _refuse_impossible(fields: Fields, day: date) -> None:
    if fields.day("snapshotId") != day:
        message = f"snapshotId is {fields.text('snapshotId')}"
        raise ValueError(message)
    names = [entry.text("districtId") for entry in fields.objects("districts")]
    if len(set(names)) != len(names):
        message = "a district stands in it twice"
        raise ValueError(message)
    if not fields.flag("writeComplete", default=True):
        message = "writeComplete is false: whoever wrote it did not finish"
        raise ValueError(message)


def _header(entry: Fields) -> RecordHeader:
    detail = entry.text("detail")
    if detail not in _DETAILS:
        message = f"detail is {detail!r}"
        raise ValueError(message)
    return RecordHeader(
        detail=detail,
        as_of=entry.day("asOfDate"),
        settled=entry.flag("settled"),
        content_digest=entry.text("contentDigest"),
        sha256=entry.sha256("sha256"),
        size=entry.count("fileSize"),
        job_id=entry.text("backfillJobId"),
        method=entry.text("collectionMethod"),
        stale_detail=entry.flag("staleDetail", default=False),
    )


def _summary(entry: Fields) -> SummaryHeader:
    return SummaryHeader(entry.day("asOfDate"), entry.sha256("sha256"), entry.count("size"), entry.text("backfillJobId"))
