"""A rebuild of the summaries of days only, rankings for instance: no district's record is touched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from attrs import field, frozen

from backfill.errors import DamagedFile, InvalidRequest, SnapshotNotFound, SourceError, StoreError, StoreUnavailable
from backfill.fetching.reuse import Archive
from backfill.model import BackfillRequest, Collected, Contribution, Method, PlannedDay
from backfill.model.checks import frozen_mapping, sized
from backfill.protocols import DaySummarizer, Snapshot
from backfill.rebuilding.evidence import Catalog, edition_as_of, edition_of
from backfill.rebuilding.planning import Collaborators
from backfill.rebuilding.replay import make_summaries
from backfill.rebuilding.source import summaries_part

OPERATION = "rerank"
"""What metadata call it."""


def _texts(value: Mapping[date, str]) -> Mapping[date, str]:
    return frozen_mapping(value)


@frozen
class Reranking:
    """What became of the summaries of a range.

    Attributes:
        job_id: What manifests and metadata call this operation.
        changed: Days whose summaries are others now.
        same: Days whose summaries came out as they were.
        failed: Days whose summaries cannot be made, with the reason; they are as they were.
    """

    job_id: str
    changed: tuple[date, ...] = field(repr=sized("days"))
    same: tuple[date, ...] = field(repr=sized("days"))
    failed: Mapping[date, str] = field(factory=dict, converter=_texts)


def rerank(collaborators: Collaborators, archive: Archive, start: date | str, end: date | str | None) -> Reranking:
    """Make the summaries of stored days anew; see `backfill.BackfillService.rerank`."""
    request = BackfillRequest(start, end)
    source, store = collaborators.source, collaborators.store
    if not isinstance(source, DaySummarizer):
        raise InvalidRequest("source", source, "it makes no summaries of days", "rebuild the days instead")
    first, last = request.start_date, request.end_date
    catalog = Catalog.of(archive, source, first, last)
    job_id = f"{OPERATION}-{collaborators.clock.now():%Y%m%dT%H%M%S}"
    changed: list[date] = []
    same: list[date] = []
    failed: dict[date, str] = {}
    for day in store.days(first, last):
        try:
            snapshot = store.read(day)
            newest = edition_as_of(catalog.of_day(day), None)
            part = summaries_part(_planned(collaborators, day), snapshot, source, newest, snapshot.districts)
            fresh = _fresh(snapshot, make_summaries(source, archive, part))
            if fresh:
                _store(collaborators, snapshot, fresh, job_id)
        except StoreUnavailable:
            raise
        except (SourceError, StoreError) as error:
            failed[day] = str(error)
            continue
        (changed if fresh else same).append(day)
    return Reranking(job_id, tuple(changed), tuple(same), failed)


def _planned(collaborators: Collaborators, day: date) -> PlannedDay:
    edition = edition_of(collaborators.source, day)
    return PlannedDay(day, edition.as_of, None, edition.settled_on, Method.SYSTEM_WIDE, ())


def _fresh(snapshot: Snapshot, made: Mapping[str, Collected]) -> dict[str, Collected]:
    return {name: summary for name, summary in made.items() if _stored(snapshot, name) != summary.data}


def _stored(snapshot: Snapshot, name: str) -> object:
    try:
        return snapshot.summary(name)
    except (SnapshotNotFound, DamagedFile):
        return None  # whatever is made is other than what is not there


def _store(collaborators: Collaborators, snapshot: Snapshot, fresh: Mapping[str, Collected], job_id: str) -> None:
    day = snapshot.day
    findings = tuple(found for summary in fresh.values() for found in summary.findings)
    standing = tuple(found for found in snapshot.metadata.findings if found.district is None)
    contribution = Contribution(
        day=day,
        job_id=job_id,
        method=str(Method.SYSTEM_WIDE),
        scope_kind="system-wide",
        source=collaborators.source.name,
        at=collaborators.clock.now(),
        expected=(),
        findings=tuple(dict.fromkeys((*standing, *findings))),
        operation=OPERATION,
    )
    with collaborators.store.begin(day, job_id=job_id) as draft:
        for name, summary in fresh.items():
            draft.put_summary(name, summary.data, as_of=summary.as_of or day)
        draft.commit(contribution)
