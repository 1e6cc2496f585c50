"""Roots that released versions have written, and what such a root says when it is asked through the public names."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

from backfill.jsonvalues import JsonValue, dumps
from backfill.toastmasters import DashboardService
from tm_serving import Files, whole
from trust_roots import over

ROOTS = Path(__file__).parent / "data" / "roots"
TODAY = "2023-06-01"
DATES = ("2023-01-31", "2023-02-28", "2023-03-31", "2023-05-28")
"""Two month-ends that are stored, one whose job is paused, and a day of a close that is open."""


def files() -> Files:
    """Return what the dashboard publishes."""
    names = ("61", "F", "U")
    return (
        whole("2023-01", "2023-02-08", names, full=("61", "F"))
        | whole("2023-02", "2023-03-09", names, full=("61", "F"))
        | whole("2023-03", "2023-04-11", names, full=("61",))
        | whole("2023-05", "2023-05-28", names, full=("61",))
    )


def account_of(root: Path) -> dict[str, JsonValue]:
    """Return what a root says of its days, jobs, districts, gaps and findings; it is asked on the day on which it was made."""
    with over(root, TODAY, resume=False) as service:
        return {
            "days": {str(day): _day(service, day) for day in service.store.days()},
            "jobs": {report.backfill_id: _job(service, report.backfill_id) for report in service.list_backfills()},
            "coverage": service.coverage(DATES[0], DATES[-1], frequency="month-end").to_csv(),
            "configured": [*(service.configuration.districts or ())],
            "changes": [[change.by, list(change.after or ())] for change in service.configuration.history()],
            "findings": [*sorted(str(finding) for finding in service.findings(DATES[0], DATES[-1]))],
            "explained": [service.explain(day, name).why for day in DATES for name in ("61", "F")],
        }


def _day(service: DashboardService, day: date) -> JsonValue:
    snapshot = service.store.read(day)
    entries = service.store.entries(day)
    return {
        "status": str(snapshot.metadata.status),
        "districts": {name: _digest(snapshot.district(name).data) for name in snapshot.districts},
        "detail": {name: entries[name].detail for name in snapshot.districts},
        "as of": {name: str(entries[name].as_of) for name in snapshot.districts},
        "rankings": _digest(snapshot.summary("all-districts-rankings")),
        "errors": [f"{error.district_id} {error.kind}" for error in snapshot.metadata.errors],
    }


def _job(service: DashboardService, job_id: str) -> JsonValue:
    report = service.get_backfill_status(job_id)
    return {
        "status": str(report.status),
        "units": {str(day): [[name, str(state)] for name, state in row.items()] for day, row in service.units(job_id).items()},
        "errors": [[str(error.day), error.district_id, error.kind, error.attempts] for error in service.errors(job_id)],
        "events": len([event for event in service.events() if event.job_id == job_id]),
    }


def _digest(value: JsonValue) -> str:
    return hashlib.sha256(dumps(value)).hexdigest()
