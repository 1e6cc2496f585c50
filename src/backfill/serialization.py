"""The stored form of a record: one JSON style, keys in a fixed order, the same bytes for the same content.

A district file holds only what follows from its documents, so that a rebuild gives the same bytes. Job, time of writing and
strategy stand in manifest and metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import cast

from backfill.errors import DamagedFile
from backfill.jsonvalues import JsonValue, dumps, loads
from backfill.model import DistrictRecord, DocumentRef, EncodedRecord, RecordHeader

SCHEMA_VERSION = "1.0.0"

PROVENANCE = "provenance"
"""The key of a district's file, and of a summary's, under which the documents stand that it was made from."""


def encode_record(record: DistrictRecord, *, job_id: str, method: str = "") -> EncodedRecord:
    """Return the record in its stored form, with the header that a manifest will carry. Pure; any thread."""
    data = encoded_data(record)  # once: the figures are nearly all of it
    about = dumps(
        {
            "schemaVersion": SCHEMA_VERSION,
            "districtId": record.district_id,
            "districtName": f"District {record.district_id}",
            "snapshotDate": record.day.isoformat(),
            "asOfDate": record.as_of.isoformat(),
            "collectedAt": record.collected_at.isoformat(),
            "status": "success",
            "detail": record.detail,
            "calculationVersion": record.calculation_version,
            PROVENANCE: encode_refs(record.provenance),
        }
    )
    content = b'%b,"data":%b}' % (about[:-1], data)
    header = RecordHeader(
        detail=record.detail,
        as_of=record.as_of,
        settled=record.settled,
        content_digest=_digest(record, data),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        job_id=job_id,
        method=method,
    )
    return EncodedRecord(record.district_id, record.day, header, content)


def content_digest(record: DistrictRecord) -> str:
    """Return the SHA-256 of what the record says, not of when or from where it came. Pure."""
    return _digest(record, encoded_data(record))


def encoded_data(record: DistrictRecord) -> bytes:
    """Return the record's figures as compact JSON."""
    known = record.encoded
    return known[1] if known is not None and known[0] is record.data else dumps(record.data)


def _digest(record: DistrictRecord, data: bytes) -> str:
    digest = hashlib.sha256(dumps([record.detail, record.as_of.isoformat(), record.calculation_version])[:-1])
    for part in (b",", data, b"]"):  # rather than one after the other in a copy
        digest.update(part)
    return digest.hexdigest()


def decode_record(content: bytes, *, settled: bool, path: str = "record") -> DistrictRecord:
    """Return the record that *content* holds; *settled* stands in the manifest, *path* names it in errors.

    Raises:
        DamagedFile: It does not hold a record.
    """
    try:
        stored = cast("dict[str, JsonValue]", loads(content))
        version = _text(stored, "schemaVersion")
        if version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            rule = f"has schema version {version}, and this release reads {SCHEMA_VERSION}"
            raise DamagedFile(path, rule, "read it with the release of backfill that wrote it, or a newer one")
        return DistrictRecord(
            district_id=_text(stored, "districtId"),
            day=date.fromisoformat(_text(stored, "snapshotDate")),
            as_of=date.fromisoformat(_text(stored, "asOfDate")),
            detail=_text(stored, "detail"),
            data=stored["data"],
            collected_at=datetime.fromisoformat(_text(stored, "collectedAt")),
            settled=settled,
            provenance=decode_refs(stored[PROVENANCE]),
            calculation_version=_text(stored, "calculationVersion"),
        )
    except (ValueError, TypeError, KeyError) as error:
        rule = f"does not hold a district's record ({type(error).__name__}: {error})"
        raise DamagedFile(path, rule, "collect the day again with skip_existing=False") from error


def encode_refs(refs: Iterable[DocumentRef]) -> list[JsonValue]:
    """Return documents in the form in which files name them."""
    return [{"name": ref.name, "url": ref.url, "fetchedAt": ref.fetched_at.isoformat(), "sha256": ref.sha256} for ref in refs]


def decode_refs(stored: JsonValue) -> tuple[DocumentRef, ...]:
    """Return the documents that `encode_refs` wrote.

    Raises:
        ValueError, TypeError, KeyError: It is something else.
    """
    refs = cast("list[dict[str, JsonValue]]", stored)
    return tuple(
        DocumentRef(_text(ref, "name"), _text(ref, "url"), datetime.fromisoformat(_text(ref, "fetchedAt")), _text(ref, "sha256"))
        for ref in refs
    )


def refs_of_summary(payload: JsonValue) -> tuple[DocumentRef, ...]:
    """Return the documents that a stored summary of a day names; none, where it names none."""
    stored = payload.get(PROVENANCE) if isinstance(payload, dict) else None
    try:
        return () if stored is None else decode_refs(stored)
    except (ValueError, TypeError, KeyError):
        return ()


def _text(stored: Mapping[str, JsonValue], name: str) -> str:
    value = stored[name]
    if not isinstance(value, str):
        message = f"{name} is not text"
        raise TypeError(message)
    return value
