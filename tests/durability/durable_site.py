"""A small dashboard, what is collected from it, and how two roots are compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from backfill import BackfillRequest
from backfill.jobstores import SqliteJobStore
from backfill.jsonvalues import JsonValue
from backfill.model import BackfillStatus, DayPublished, UnitState
from backfill.stores import PerDistrictFileSnapshotStore, check
from tm_serving import Files, whole

TODAY = "2024-01-15"
DISTRICTS = ("61", "F")
FIRST = date(2023, 6, 8)
DAYS_A_JOB = 3
JOBS = 6
DAYS = tuple(FIRST + timedelta(days=number) for number in range(JOBS * DAYS_A_JOB))
DOCUMENTS_A_DAY = 1 + 3 * len(DISTRICTS)

_OF_THE_RUN = frozenset(
    {
        "collectedAt",
        "fetchedAt",
        "csvFetchedAt",
        "calculatedAt",
        "createdAt",
        "updatedAt",
        "lastModified",
        "backfillJobId",
        "sha256",
        "size",
    }
)
"""Names of what differs between two runs: times, jobs, and what follows from those."""

_SERVER = re.compile(rb"http://127\.0\.0\.1:\d+")


def published() -> Files:
    """Return the reports of all days."""
    files: Files = {}
    for day in DAYS:
        files |= whole(f"{day:%Y-%m}", day.isoformat(), DISTRICTS)
    return files


def request_of(number: int, *, concurrency: int = 3) -> BackfillRequest:
    """Return what the job of this number collects."""
    days = DAYS[number * DAYS_A_JOB : (number + 1) * DAYS_A_JOB]
    return BackfillRequest(days[0], days[-1], target_districts=DISTRICTS, concurrency=concurrency)


def figures_of(root: Path) -> dict[str, JsonValue]:
    """Return what each file of each day holds, but for times, the names of jobs and the server's port."""
    files = {}
    for path in sorted((root / "snapshots").glob("2*/*.json")):
        if path.name != "metadata.json":  # how it came about
            files[f"{path.parent.name}/{path.name}"] = _without_the_run(
                json.loads(_SERVER.sub(b"http://server", path.read_bytes()))
            )
    return files


def _without_the_run(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _without_the_run(item) for name, item in value.items() if name not in _OF_THE_RUN}
    return [_without_the_run(item) for item in value] if isinstance(value, list) else value


def documents_of(root: Path) -> set[str]:
    """Return the digests of the raw documents."""
    return {path.parent.name + path.stem for path in (root / "raw" / "contents").glob("??/*.gz")}


def look_after(root: Path, accepted: dict[str, str], like: Path) -> None:
    """See that every accepted job is complete, and the root as one on which nothing happened."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs:
        kept = {state.spec.job_id: state for state in jobs.list(limit=1000)}
        assert set(accepted.values()) <= set(kept), "an accepted job is lost"
        for job_id, state in kept.items():
            assert state.status is BackfillStatus.COMPLETE, (job_id, state.status_reason)
            assert state.counts[UnitState.COMPLETED] == state.total
            noted = [event.change.day for event in jobs.events(job_id=job_id) if isinstance(event.change, DayPublished)]
            assert sorted(noted) == sorted(state.rows), "a day was noted twice, or never"
    assert set(figures_of(root)) == set(figures_of(like))
    assert figures_of(root) == figures_of(like)
    assert documents_of(root) == documents_of(like)
    for path in (root / "snapshots").glob("2*/metadata.json"):
        assert len(json.loads(path.read_bytes())["operations"]) == 1, "a day was published twice"
    report = check(root / "snapshots", data=True)
    assert not report.damaged_days, str(report)


def read_all(store: PerDistrictFileSnapshotStore) -> Iterator[tuple[date, tuple[str, ...]]]:
    """Read every file of every day that is stored now; a torn day raises `DamagedFile`, or is not the same twice."""
    for day in store.days():
        snapshot = store.read(day)
        for name in snapshot.districts:
            assert snapshot.district(name).district_id == name
            assert snapshot.district(name).day == day
        assert snapshot.summary("all-districts-rankings")
        yield day, snapshot.districts
