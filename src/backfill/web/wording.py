"""What the wire says beyond the types of the model: names that differ, limits, and which texts may quote an address.

The model checks its limits when it is made; they are repeated here so that the published schema tells them. A test sends values
on both sides of each, so the two cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from backfill.model import (
    BackfillReport,
    BackfillRequest,
    DistrictError,
    ErrorGroup,
    Finding,
    StatusChanged,
    UnitsSettled,
    UnitState,
)
from backfill.model.request import MAX_CONCURRENCY
from backfill.web.bodies import Configuring, GapRequest, RebuildRequest, StartOptions
from backfill.web.queries import CoverageQuery, ErrorQuery, EventQuery, JobQuery, SnapshotQuery
from backfill.web.shapes import Array, Choice, Integer, Nullable, Number, Shape, Table, Text
from backfill.wire import WHOLE

NAMES: Mapping[str, str] = {"place": "in"}
"""Members of bodies that only HTTP has, whose name on the wire is not theirs in camel case; `backfill.wire` has those of the model."""

INCOMING = frozenset(
    {
        BackfillRequest,
        Configuring,
        CoverageQuery,
        ErrorQuery,
        EventQuery,
        GapRequest,
        JobQuery,
        RebuildRequest,
        SnapshotQuery,
        StartOptions,
    }
)
"""What comes in: members with a default may be left out."""

PAGE = Integer(1, 1000)
SEQUENCE = Integer(0, 2**53 - 1)
"""The whole numbers that every JSON library holds exactly."""

SCRUBBED = Text(scrub=True)
FINGERPRINT = Text(r"[0-9a-f]{64}")

SHAPES: Mapping[tuple[type, str], Shape] = {
    (BackfillRequest, "concurrency"): Integer(1, MAX_CONCURRENCY),
    (BackfillRequest, "min_interval"): Nullable(Number(0, 86400)),
    (BackfillRequest, "max_failures"): Nullable(Integer(1, 2**53 - 1)),
    (BackfillRequest, "target_districts"): Nullable(Array(Text(), at_least=1)),
    (StartOptions, "plan_fingerprint"): Nullable(FINGERPRINT),
    (GapRequest, "districts"): Nullable(Array(Text(), at_least=1)),
    (RebuildRequest, "districts"): Nullable(Array(Text(), at_least=1)),
    (Configuring, "districts"): Nullable(Array(Text(), at_least=1)),
    (CoverageQuery, "district"): Nullable(Array(Text(), at_least=1)),
    (JobQuery, "limit"): Integer(1, 100),
    (JobQuery, "after"): Nullable(Text(r"[A-Za-z0-9_-]{1,64}")),
    (JobQuery, "offset"): Integer(0, 10_000),
    (SnapshotQuery, "limit"): PAGE,
    (ErrorQuery, "limit"): PAGE,
    (ErrorQuery, "after"): SEQUENCE,
    (EventQuery, "after"): Nullable(SEQUENCE),
    (UnitsSettled, "states"): Table(Text(), Choice(UnitState), whole=WHOLE),
    (DistrictError, "message"): SCRUBBED,
    (ErrorGroup, "example"): SCRUBBED,
    (Finding, "message"): SCRUBBED,
    (StatusChanged, "reason"): Nullable(SCRUBBED),
    (BackfillReport, "error"): Nullable(SCRUBBED),
    (BackfillReport, "status_reason"): Nullable(SCRUBBED),
}
"""Shapes that say more than the type: by class and field."""
