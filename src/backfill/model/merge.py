"""What a day holds after an operation has contributed to it: the merge rule, pure, the same for every store.

A full record is never replaced by a summary one, newer data never by older; equal as-of replaces only when the content
differs, or what a rebuild makes names other documents; districts that the operation did not touch stay as they were (R5.4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

from attrs import evolve, frozen

from backfill.model.job import REBUILD
from backfill.model.outcome import DistrictError
from backfill.model.record import (
    Contribution,
    RecordHeader,
    SnapshotInfo,
    SnapshotMetadata,
    SnapshotStatus,
    SummaryHeader,
)

Decision = Literal["keep", "same", "replace"]

KEPT_OPERATIONS = 20


def decide(old: RecordHeader | None, new: RecordHeader) -> Decision:
    """Return whether *new* replaces *old*, says the same, or must not replace it."""
    if old is None:
        return "replace"
    if old.detail == "full" and new.detail == "summary":
        return "keep"
    if new.as_of != old.as_of:
        return "replace" if new.as_of > old.as_of else "keep"
    return "same" if new.content_digest == old.content_digest else "replace"


@frozen
class StoredDay:
    """A day as its manifest and metadata describe it.

    Attributes:
        metadata: The day as a whole.
        entries: Its records, by district in text order.
        summaries: Its summaries, by name.
    """

    metadata: SnapshotMetadata
    entries: Mapping[str, RecordHeader]
    summaries: Mapping[str, SummaryHeader]


@frozen
class MergedDay:
    """What a day becomes.

    Attributes:
        day: What manifest and metadata will say.
        fresh: Districts whose staged record goes live; those of the other entries stay as they are.
        fresh_summaries: Summaries whose staged payload goes live.
        info: What the commit reports.
    """

    day: StoredDay
    fresh: frozenset[str]
    fresh_summaries: frozenset[str]
    info: SnapshotInfo


def combine_day(
    old: StoredDay | None,
    staged: Mapping[str, RecordHeader],
    staged_summaries: Mapping[str, SummaryHeader],
    contribution: Contribution,
    now: datetime,
) -> MergedDay | None:
    """Return what the day becomes when *staged* is merged into *old*; ``None`` = it would hold nothing, and is not stored.

    *now* is the time of the commit (aware, UTC).
    """
    entries = dict(old.entries) if old else {}
    fresh: set[str] = set()
    refused: set[str] = set()
    for district, new in staged.items():
        before = entries.get(district)
        decision = decide(before, new)
        if decision == "same" and before is not None and contribution.operation == REBUILD and new.sha256 != before.sha256:
            decision = (
                "replace"  # what a record names as its documents is not part of its digest, and is put right as its figures are
            )
        if before is None or decision == "replace":
            entries[district] = new
            fresh.add(district)
        elif decision == "same":
            entries[district] = evolve(before, settled=before.settled or new.settled, job_id=new.job_id)
        else:
            refused.add(district)
            if new.as_of > before.as_of:
                entries[district] = evolve(before, stale_detail=True)
    if not entries:
        return None
    summaries = dict(old.summaries) if old else {}
    fresh_summaries: set[str] = set()
    for name, summary in staged_summaries.items():
        known = summaries.get(name)
        if known is None or summary.as_of > known.as_of or (summary.as_of == known.as_of and summary.sha256 != known.sha256):
            summaries[name] = summary
            fresh_summaries.add(name)
    ordered = {district: entries[district] for district in sorted(entries)}
    metadata = _describe(
        old.metadata if old else None, ordered, contribution, now, looked_at=staged.keys() - refused, refused=refused
    )
    info = SnapshotInfo(
        day=metadata.day,
        status=metadata.status,
        stored=tuple(sorted(fresh)),
        kept=tuple(sorted(staged.keys() - fresh)),
        districts=metadata.districts,
        missing=metadata.failed,
    )
    return MergedDay(
        StoredDay(metadata, ordered, {name: summaries[name] for name in sorted(summaries)}),
        frozenset(fresh),
        frozenset(fresh_summaries),
        info,
    )


def _describe(
    old: SnapshotMetadata | None,
    entries: Mapping[str, RecordHeader],
    contribution: Contribution,
    now: datetime,
    *,
    looked_at: Collection[str],
    refused: Collection[str],
) -> SnapshotMetadata:
    stored = set(entries)
    gone = {*(old.unavailable if old else ()), *contribution.unavailable} - stored
    errors: dict[str, DistrictError] = {}
    for error in (*(old.errors if old else ()), *contribution.errors):
        if (
            error.district_id is not None
            and error.district_id not in stored
            and error.district_id not in contribution.unavailable
        ):
            errors[error.district_id] = error
    standing = [found for found in (old.findings if old else ()) if found.district not in looked_at]
    told = [found for found in contribution.findings if found.district not in refused]
    operation = {
        "job": contribution.job_id,
        "operation": contribution.operation,
        "method": contribution.method,
        "scope": contribution.scope_kind,
        "at": contribution.at.isoformat(),
    }
    return SnapshotMetadata(
        day=contribution.day,
        status=SnapshotStatus.PARTIAL if errors else SnapshotStatus.SUCCESS,
        created_at=old.created_at if old else now,
        updated_at=now,
        as_of=max(header.as_of for header in entries.values()),
        source=contribution.source,
        expected=tuple(sorted({*(old.expected if old else ()), *contribution.expected, *stored})),
        districts=tuple(sorted(stored)),
        unavailable=tuple(sorted(gone - errors.keys())),
        failed=tuple(sorted(errors)),
        errors=tuple(errors[district] for district in sorted(errors)),
        findings=tuple(dict.fromkeys((*standing, *told))),
        operations=(*(old.operations if old else ()), operation)[-KEPT_OPERATIONS:],
        processing_seconds=contribution.seconds,
        listed=contribution.listed or (old is not None and old.listed),
    )
