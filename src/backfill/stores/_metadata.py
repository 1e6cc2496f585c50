"""The metadata of a day: source, scope, times, versions, what is missing and why (R5.5)."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from backfill.errors import DamagedFile
from backfill.jsonvalues import JsonValue, dumps
from backfill.model import DistrictError, Finding, SnapshotMetadata, SnapshotStatus, Stage
from backfill.serialization import SCHEMA_VERSION
from backfill.stores._fields import Fields
from backfill.stores._manifest import REMEDY, refuse_newer


def encode_metadata(said: SnapshotMetadata, calculation_version: str) -> bytes:
    """Return the content of ``metadata.json``. Pure."""
    return dumps(
        {
            "snapshotId": said.day.isoformat(),
            "createdAt": said.created_at.isoformat(),
            "updatedAt": said.updated_at.isoformat(),
            "schemaVersion": SCHEMA_VERSION,
            "calculationVersion": calculation_version,
            "packageVersion": _package_version(),
            "status": said.status,
            "configuredDistricts": list(said.expected),
            "successfulDistricts": list(said.districts),
            "failedDistricts": list(said.failed),
            "unavailableDistricts": list(said.unavailable),
            "listed": said.listed,
            "errors": [_storable(f"{error.district_id}: {error.message}") for error in said.errors],
            "districtErrors": [_error(error) for error in said.errors],
            "findings": [_finding(finding) for finding in said.findings],
            "processingDuration": round(said.processing_seconds * 1000),
            "source": said.source,
            "dataAsOfDate": said.as_of.isoformat(),
            "isClosingPeriodData": said.as_of > said.day,
            "collectionDate": said.as_of.isoformat(),
            "logicalDate": said.day.isoformat(),
            "operations": [dict(operation) for operation in said.operations],
            "writeComplete": True,
        }
    )


@cache
def _package_version() -> str:
    try:
        return version("backfill")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


def _error(error: DistrictError) -> dict[str, JsonValue]:
    return {
        "districtId": error.district_id,
        "operation": error.stage,
        "kind": error.kind,
        "error": _storable(error.message),
        "attempts": error.attempts,
        "timestamp": error.timestamp.isoformat(),
        "shouldRetry": error.is_retryable,
    }


def _finding(finding: Finding) -> dict[str, JsonValue]:
    return {
        "kind": finding.kind,
        "message": _storable(finding.message),
        "day": finding.day.isoformat() if finding.day else None,
        "district": finding.district,
    }


def _storable(text: str) -> str:
    """Return *text* without lone surrogates: a message may quote a file name that is not UTF-8, and must not stop a commit."""
    return text.encode("utf-8", "replace").decode()


def decode_metadata(content: bytes, day: date, path: str) -> SnapshotMetadata:
    """Return what the metadata of *day* says; *path* names it in errors.

    Raises:
        DamagedFile: It is not metadata of this day, or was written by a newer version of this library.
    """
    try:
        fields = Fields.of(content)
        refuse_newer(fields, path)
        return SnapshotMetadata(
            day=fields.day("snapshotId"),
            status=SnapshotStatus(fields.text("status")),
            created_at=fields.moment("createdAt"),
            updated_at=fields.moment("updatedAt"),
            as_of=fields.day("dataAsOfDate"),
            source=fields.text("source"),
            expected=fields.texts("configuredDistricts"),
            districts=fields.texts("successfulDistricts"),
            unavailable=fields.texts("unavailableDistricts"),
            failed=fields.texts("failedDistricts"),
            errors=tuple(_read_error(entry, day) for entry in fields.objects("districtErrors")),
            findings=tuple(_read_finding(entry) for entry in fields.objects("findings")),
            operations=tuple(entry.as_texts() for entry in fields.objects("operations")),
            processing_seconds=fields.count("processingDuration") / 1000,
            listed=fields.flag("listed", default=False),
        )
    except ValueError as error:
        raise DamagedFile(path, f"is not the metadata of {day} ({error})", REMEDY) from error


def _read_error(entry: Fields, day: date) -> DistrictError:
    return DistrictError(
        district_id=entry.optional_text("districtId"),
        day=day,
        stage=Stage(entry.text("operation")),
        kind=entry.text("kind"),
        message=entry.text("error"),
        attempts=entry.count("attempts"),
        is_retryable=entry.flag("shouldRetry"),
        timestamp=entry.moment("timestamp"),
    )


def _read_finding(entry: Fields) -> Finding:
    day = entry.optional_text("day")
    return Finding(
        kind=entry.text("kind"),
        message=entry.text("message"),
        day=date.fromisoformat(day) if day is not None else None,
        district=entry.optional_text("district"),
    )
