"""Values to be looked at: as a job over the shipped dashboard makes them, and ones whose every text is an attack."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from backfill import BackfillService
from backfill.comparing import Divergence
from backfill.history.days import DayDiff
from backfill.history.noted import Findings
from backfill.model import (
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    BackfillScope,
    BackfillStatus,
    Cause,
    CellState,
    CollectionStrategy,
    Coverage,
    Difference,
    DistrictError,
    DistrictRecord,
    DocumentRef,
    Doubt,
    ErrorGroup,
    Evidence,
    Explanation,
    FetchStatus,
    Finding,
    Gap,
    HostStatus,
    Kept,
    Method,
    PlannedDay,
    Progress,
    ScopeKind,
    SnapshotMetadata,
    SnapshotStatus,
    Stage,
    Standing,
    Verification,
)
from backfill.protocols import Fetch
from backfill.sources import FunctionSource
from backfill.stores import MemorySnapshotStore
from backfill.tables import Column, Table
from backfill.testing.dashboard import DashboardServer
from backfill.toastmasters import open_service

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\u202e\x07"
"""Text that breaks out of whatever does not escape it."""

DAY = date(2023, 1, 31)
NOON = datetime(2023, 2, 1, 12, tzinfo=UTC)

ERROR = DistrictError(EVIL, DAY, Stage.FETCH, EVIL, EVIL, 2, is_retryable=True, timestamp=NOON)
FOUND = Finding(EVIL, EVIL, DAY, EVIL)
SCOPE = BackfillScope(ScopeKind.TARGETED, (EVIL,), (Doubt(EVIL, EVIL, (EVIL,)),), (Doubt(EVIL, EVIL),))
HOW = CollectionStrategy(Method.TARGETED, "full", EVIL)
REF = DocumentRef(EVIL, EVIL, NOON, EVIL)
TABLE = Table((Column.of(EVIL, [EVIL] * 25), Column.of("figure", [1234] * 24 + [None])))


def evil_report() -> BackfillReport:
    """Return a report of nothing but attacks."""
    return BackfillReport(
        backfill_id=EVIL,
        status=BackfillStatus.PARTIAL_SUCCESS,
        status_reason=EVIL,
        scope=SCOPE,
        collection_strategy=HOW,
        progress=Progress(10, 4, 2, 1, 1, 2, is_estimate=True, eta_seconds=90),
        snapshot_ids=(DAY.isoformat(),),
        error=EVIL,
        error_summary=(ErrorGroup(Stage.FETCH, EVIL, 1, is_retryable=False, example=EVIL),),
        errors=(ERROR,) * 25,
        errors_total=30,
        partial_snapshots=(DAY,),
        findings=(FOUND,) * 25,
        performance_status=FetchStatus((HostStatus(EVIL, 1.0, 1, 0, 0, EVIL, 9.0),), 10, 1, 2),
        created_at=NOON,
        started_at=NOON,
        completed_at=NOON,
    )


def evil_plan() -> BackfillPlan:
    """Return a plan of nothing but attacks."""
    days = tuple(
        PlannedDay(DAY, DAY, gap, None, Method.TARGETED, districts, (EVIL,) if districts else ())
        for gap, districts in ((None, (EVIL,)), (Gap.CLOSING, None))
    )
    return BackfillPlan(
        BackfillRequest(DAY, target_districts=[EVIL]), SCOPE, HOW, EVIL, days, {EVIL: 3, "other": None}, 7200.0, exact=False, fingerprint=EVIL
    )  # fmt: skip


def evil_metadata() -> SnapshotMetadata:
    """Return what is said of a day of nothing but attacks."""
    return SnapshotMetadata(
        DAY,
        SnapshotStatus.PARTIAL,
        NOON,
        NOON,
        DAY,
        EVIL,
        (EVIL,),
        (EVIL,),
        (EVIL,),
        (EVIL,),
        (ERROR,),
        (FOUND,),
        ({EVIL: EVIL},),
    )


def evil_values() -> dict[str, object]:
    """Return one value of each kind that shows itself, by name."""
    record = DistrictRecord(
        EVIL, DAY, DAY, "full", {EVIL: EVIL, "more": {EVIL: 1}, "list": [EVIL] * 300}, NOON, settled=False, provenance=(REF,)
    )
    difference = Difference(DAY, EVIL, Cause.FILE_EDITED, EVIL, EVIL)
    return {
        "plan": evil_plan(),
        "report": evil_report(),
        "coverage": Coverage(DAY, DAY, "daily", (DAY,), (EVIL,), {DAY: {EVIL: CellState.FAILED}}),
        "record": record,
        "verification": Verification(1, 1, 1, 2, [difference] * 25),
        "explanation": Explanation(
            DAY, EVIL, Standing.STORED, EVIL, documents=(Evidence(REF, DAY, Kept.THERE, 5),), operations=({EVIL: EVIL},)
        ),
        "history": TABLE,
        "diff": DayDiff(DAY, DAY, (EVIL,), (EVIL,), {EVIL: (Divergence(EVIL, EVIL, EVIL),)}, (EVIL,)),
        "findings": Findings(lambda: iter([FOUND] * 25)),
    }


@contextmanager
def true_values() -> Iterator[dict[str, object]]:
    """Hand out the same of jobs over the shipped dashboard, one of which still goes on, by name."""
    gate = threading.Event()

    def held(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
        if day == DAY:
            gate.wait(60)
        return {"figure": day.day}

    quarter = (DAY, date(2023, 3, 31))
    with (
        tempfile.TemporaryDirectory() as root,
        DashboardServer() as dashboard,
        open_service(root, base_url=dashboard.url, rate=None) as service,
        BackfillService(FunctionSource("held", held), MemorySnapshotStore()) as other,
    ):
        summary = BackfillRequest(*quarter, frequency="month-end")
        full = BackfillRequest(*quarter, ["91", "124"], frequency="month-end", retry_failures=False)
        plan = service.plan(full)
        complete = service.run_backfill(summary, progress=False)
        job = service.initiate_backfill(full)
        partial = job.wait()
        going = other.initiate_backfill(BackfillRequest(date(2023, 1, 20), DAY, ["north", "south"], order="oldest-first"))
        while going.report().progress.completed < 22:
            time.sleep(0.001)
        verified = service.verify(*quarter)
        yield {
            "plan": plan,
            "job that goes on": going,
            "job that has ended": job,
            "report, complete": complete,
            "report, partial": partial,
            "coverage": service.coverage(*quarter, frequency="month-end", districts=["61", "91", "124", "F"]),
            "snapshot": service.store.read(DAY),
            "record": service.store.read(DAY).district("91"),
            "verification": verified,
            "explanation": service.explain(DAY, "91"),
            "history": service.history(["91"], ["totals.totalMembership", "totals.activeClubs"]),
            "diff": service.diff(*quarter, districts=["91"]),
            "findings": service.findings(),
        }
        gate.set()
