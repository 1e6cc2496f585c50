"""Forgetting stored days by a rule; the raw archive keeps what they were made from, so that a rebuild brings them back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from attrs import define, field, frozen

from backfill.errors import BackfillError, InvalidRequest
from backfill.fetching.archive import RawArchive
from backfill.model import BackfillStatus
from backfill.model.checks import last_of_month, sized
from backfill.protocols import DataSource, DocumentDating, JobStore, SnapshotStore

Rule = Callable[[date], bool]
"""Says of a day whether it is to be kept."""

_DAY = timedelta(days=1)
_UNFINISHED = tuple(status for status in BackfillStatus if not status.is_final)


def month_ends(day: date) -> bool:
    """Return whether *day* is the last of its month, or the day before: what is kept by default."""
    return day >= last_of_month(day) - _DAY


@frozen
class Pruning:
    """What was, or would be, forgotten.

    Attributes:
        removed: The days.
        kept: The days of the range that the rule keeps.
        needed: Days that the rule does not keep, and that are kept all the same, since a job that has not ended has them in its plan.
        bytes: What the records of the removed days take.
        is_dry: Whether nothing was removed.
    """

    removed: tuple[date, ...] = field(repr=sized("days"))
    kept: tuple[date, ...] = field(repr=sized("days"))
    needed: tuple[date, ...] = field(repr=sized("days"))
    bytes: int
    is_dry: bool


def prune(store: SnapshotStore, jobs: JobStore, start: date | None, end: date | None, *, keep: Rule, dry_run: bool) -> Pruning:
    """Remove the stored days of a range that *keep* does not keep; see `backfill.BackfillService.prune`."""
    needed_by_jobs = _Needed(jobs)
    removed: list[date] = []
    kept: list[date] = []
    needed: list[date] = []
    size = 0
    for day in list(store.days(start, end)):
        if keep(day):
            kept.append(day)
        elif day in needed_by_jobs:
            needed.append(day)
        else:
            removed.append(day)
            size += _size(store, day)
            if not dry_run:
                store.delete(day)
    return Pruning(tuple(removed), tuple(kept), tuple(needed), size, dry_run)


def removable(archive: object, source: DataSource) -> tuple[RawArchive, DocumentDating]:
    """Return both, if raw documents can be removed by day.

    Raises:
        InvalidRequest: The archive cannot forget, or the source cannot tell which day a document is of.
    """
    if not isinstance(archive, RawArchive) or not isinstance(source, DocumentDating):
        rule = "only of a RawArchive, and of a source whose documents tell their day, can documents be removed by day"
        raise InvalidRequest("archive", archive, rule, "leave the archive as it is")
    return archive, source


def discard_raw(archive: RawArchive, source: DocumentDating, days: Iterable[date]) -> int:
    """Remove the raw documents of *days* from the archive, and return how many; afterwards no rebuild brings them back.

    Raises:
        StoreUnavailable: The archive cannot be written.
    """
    gone = frozenset(days)
    dated = ((name, source.date_document(name)) for name in archive.names())
    names = [name for name, one in dated if one is not None and one.day in gone]
    archive.discard(names)
    return len(names)


@define(eq=False)
class _Needed:
    """The days that jobs which have not ended have in their plans; asked about each day anew, since removing years takes a while.

    A job that was accepted meanwhile is the newest there is, so that looking at one job tells whether to look at all.
    """

    jobs: JobStore
    _newest: str | None = None
    _days: frozenset[date] | None = None

    def __contains__(self, day: date) -> bool:
        newest = next((state.spec.job_id for state in self.jobs.list(limit=1)), None)
        if self._days is None or newest != self._newest:
            self._newest, self._days = newest, frozenset(self._planned())
        return day in self._days

    def _planned(self) -> Iterator[date]:
        for state in self.jobs.list(states=_UNFINISHED, limit=sys.maxsize):
            yield from (planned.day for planned in state.spec.plan.days)


def _size(store: SnapshotStore, day: date) -> int:
    try:
        return sum(header.size for header in store.entries(day).values())
    except BackfillError:
        return 0
