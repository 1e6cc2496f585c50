"""What every store checks and completes of what is put into a draft, before it writes it anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

from attrs import evolve

from backfill.errors import InvalidRequest
from backfill.jsonvalues import to_json_value
from backfill.model import Contribution, DistrictRecord, EncodedRecord, RecordHeader, SummaryHeader, refuse_collisions
from backfill.model.checks import as_date
from backfill.serialization import encode_record
from backfill.stores._layout import checked_district, checked_summary


def stage_record(record: DistrictRecord | EncodedRecord, day: date, job_id: str) -> EncodedRecord:
    """Return the record as it will be stored, in the name of the job that stores it.

    Raises:
        InvalidRequest: It is of another day, its identifier cannot be a file name, or its content cannot be stored.
    """
    checked_district(record.district_id)
    if record.day != day:
        raise InvalidRequest("record.day", record.day.isoformat(), f"the draft is of {day}", "put it into a draft of its own day")
    if isinstance(record, DistrictRecord):
        try:
            return encode_record(record, job_id=job_id)
        except (TypeError, ValueError, RecursionError) as error:
            rule = f"is not what JSON can hold ({error})"
            raise InvalidRequest(
                "record.data", record.data, rule, "pass the payload through backfill.jsonvalues first"
            ) from error
    if record.header.size != len(record.content) or record.header.sha256 != hashlib.sha256(record.content).hexdigest():
        rule = "its content does not have the size and SHA-256 that its header says"
        raise InvalidRequest("record", record, rule, "encode it with backfill.serialization.encode_record")
    return evolve(record, header=evolve(record.header, job_id=job_id))


def stage_summary(name: object, payload: object, as_of: date, job_id: str) -> tuple[SummaryHeader, bytes]:
    """Return the header and the content of a summary of the day.

    Raises:
        InvalidRequest: *name* cannot be a file name, or *as_of* is no date.
        PermanentSourceError: Kind ``invalid_payload``: the payload is not what JSON can hold.
    """
    checked_summary(name)
    _value, content = to_json_value(payload)
    sha256 = hashlib.sha256(content).hexdigest()
    return SummaryHeader(as_date("as_of", as_of), sha256, len(content), job_id), content


def complete(headers: Mapping[str, RecordHeader], contribution: Contribution) -> dict[str, RecordHeader]:
    """Return the headers with the operation's method in those that were encoded before it was known."""
    return {
        district: header if header.method else evolve(header, method=contribution.method) for district, header in headers.items()
    }


def refuse_other_day(contribution: Contribution, day: date) -> None:
    """Refuse a contribution to another day than the draft's.

    Raises:
        InvalidRequest: It is.
    """
    if contribution.day != day:
        rule = f"the draft is of {day}"
        raise InvalidRequest("contribution.day", contribution.day.isoformat(), rule, "commit it to a draft of its own day")


def refuse_twins(districts: Iterable[str], summaries: Iterable[str]) -> None:
    """Refuse names that differ only in case from one another: they would be one file on some file systems.

    Raises:
        InvalidRequest: Two of them do.
    """
    refuse_collisions(districts)
    try:
        refuse_collisions(summaries)
    except InvalidRequest as error:
        rule = "two summaries differ only in upper and lower case, and would be one file on some file systems"
        raise InvalidRequest("name", error.value, rule, "give each summary one spelling") from None
