"""The values of the domain: frozen, validated, without input, output or clock."""

from backfill.model.changes import (
    Change,
    DayListed,
    DayPublished,
    Found,
    JobEvent,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
)
from backfill.model.coverage import Coverage
from backfill.model.coveragecells import CellState, DayCells
from backfill.model.days import select_days
from backfill.model.document import Document, DocumentRef, DocumentRequest, document_name, redact_url
from backfill.model.fetching import Attempts, FetchStatus, HostStatus, JobContext, UnitContext
from backfill.model.job import REBUILD, RERANK, JobSpec, JobState
from backfill.model.lease import Lease, Ownership, Renewal, Requests, Wanted
from backfill.model.merge import MergedDay, StoredDay, combine_day, decide
from backfill.model.naming import normalize_district, refuse_collisions
from backfill.model.outcome import DistrictError, Finding, Stage, UnitState
from backfill.model.outline import DayOutline
from backfill.model.plan import (
    BackfillPlan,
    BackfillScope,
    CollectionStrategy,
    Doubt,
    Edition,
    Gap,
    Method,
    PlannedDay,
    ScopeKind,
)
from backfill.model.policy import RetryPolicy
from backfill.model.provenance import (
    Cause,
    DatedDocument,
    Difference,
    Evidence,
    Explanation,
    Kept,
    Standing,
    Verification,
)
from backfill.model.record import (
    Collected,
    Contribution,
    DistrictRecord,
    EncodedRecord,
    RecordHeader,
    SnapshotInfo,
    SnapshotMetadata,
    SnapshotStatus,
    SummaryHeader,
)
from backfill.model.redaction import redact_text
from backfill.model.report import BackfillReport, ErrorGroup, Progress
from backfill.model.request import BackfillRequest, CollectionType, Detail, Frequency, Order
from backfill.model.status import BackfillStatus
from backfill.model.units import DayRow

__all__ = [
    "REBUILD",
    "RERANK",
    "Attempts",
    "BackfillPlan",
    "BackfillReport",
    "BackfillRequest",
    "BackfillScope",
    "BackfillStatus",
    "Cause",
    "CellState",
    "Change",
    "Collected",
    "CollectionStrategy",
    "CollectionType",
    "Contribution",
    "Coverage",
    "DatedDocument",
    "DayCells",
    "DayListed",
    "DayOutline",
    "DayPublished",
    "DayRow",
    "Detail",
    "Difference",
    "DistrictError",
    "DistrictRecord",
    "Document",
    "DocumentRef",
    "DocumentRequest",
    "Doubt",
    "Edition",
    "EncodedRecord",
    "ErrorGroup",
    "Evidence",
    "Explanation",
    "FetchStatus",
    "Finding",
    "Found",
    "Frequency",
    "Gap",
    "HostStatus",
    "JobContext",
    "JobEvent",
    "JobSpec",
    "JobState",
    "Kept",
    "Lease",
    "MergedDay",
    "Method",
    "Order",
    "Ownership",
    "PlannedDay",
    "Progress",
    "RecordHeader",
    "Renewal",
    "Requests",
    "RetryPolicy",
    "ScopeKind",
    "SnapshotInfo",
    "SnapshotMetadata",
    "SnapshotStatus",
    "Stage",
    "Standing",
    "StatusChanged",
    "StoredDay",
    "SummaryHeader",
    "UnitAttempted",
    "UnitContext",
    "UnitFailed",
    "UnitState",
    "UnitsSettled",
    "Verification",
    "Wanted",
    "combine_day",
    "decide",
    "document_name",
    "normalize_district",
    "redact_text",
    "redact_url",
    "refuse_collisions",
    "select_days",
]
