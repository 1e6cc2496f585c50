"""Values to be looked at: as a job over the shipped dashboard makes them, and ones whose every text is an attack."""

from __future__ import annotations

from datetime import UTC, date, datetime

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
from backfill.tables import Column, Table

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
