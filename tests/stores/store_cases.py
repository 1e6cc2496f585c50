"""Short ways to say what is stored, for the tests of stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from backfill.jsonvalues import JsonValue
from backfill.model import Contribution, DistrictError, DistrictRecord, DocumentRef, Finding, SnapshotInfo, Stage
from backfill.protocols import SnapshotStore
from backfill.stores._atomic import FileSystem


class UnsyncedFiles(FileSystem):
    """A file system that does not wait for the disk: what no test could see, and most of the time that tests would take."""

    def sync(self, descriptor: int) -> None:
        """Do nothing."""

    def sync_directory(self, path: Path) -> None:
        """Do nothing."""


DAY = date(2024, 1, 31)
NOON = datetime(2024, 2, 6, 12, 0, 0, 250000, tzinfo=UTC)


def record(
    district: str = "61",
    data: JsonValue = "figures",
    *,
    day: date = DAY,
    as_of: date | None = None,
    detail: str = "full",
    settled: bool = True,
) -> DistrictRecord:
    """Return a record, given out five days after its day unless said otherwise."""
    return DistrictRecord(
        district_id=district,
        day=day,
        as_of=as_of or day + timedelta(days=5),
        detail=detail,
        data=data,
        collected_at=NOON,
        settled=settled,
        provenance=(DocumentRef(f"report~{district}", "https://example.org/report", NOON, "ab" * 32),),
        calculation_version="1.2.0",
    )


def failure(district: str = "61", *, day: date = DAY, message: str = "HTTP 503") -> DistrictError:
    """Return why a district failed."""
    return DistrictError(district, day, Stage.FETCH, "http_503", message, 4, is_retryable=True, timestamp=NOON)


def contribution(
    districts: Iterable[str] = ("61",),
    *,
    day: date = DAY,
    job_id: str = "job-1",
    errors: Sequence[DistrictError] = (),
    unavailable: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    listed: bool = False,
) -> Contribution:
    """Return what a job says of a day."""
    return Contribution(
        day=day,
        job_id=job_id,
        method="per-district",
        scope_kind="targeted",
        source="test",
        at=NOON,
        expected=tuple(districts),
        unavailable=tuple(unavailable),
        errors=tuple(errors),
        findings=tuple(findings),
        seconds=1.5,
        listed=listed,
    )


def store_records(store: SnapshotStore, *records: DistrictRecord, job_id: str = "job-1", day: date = DAY) -> SnapshotInfo:
    """Store the records as one job's contribution to a day."""
    with store.begin(day, job_id=job_id) as draft:
        for one in records:
            draft.put(one)
        info = draft.commit(contribution([one.district_id for one in records], day=day, job_id=job_id))
    assert info is not None
    return info
