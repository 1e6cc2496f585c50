"""What has become of the days of a job that goes on after an interruption: from its state, its errors and the manifests (B2).

A day is published first and noted then. So what is published under the job's identifier but not noted is done; everything else that
is pending is still to be collected.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from backfill.engine.daysteps import Earlier
from backfill.errors import DamagedFile, SnapshotNotFound, StoreError, StoreUnavailable
from backfill.model import (
    Change,
    DayPublished,
    DayRow,
    DistrictError,
    Finding,
    JobState,
    SnapshotStatus,
    UnitsSettled,
    UnitState,
)
from backfill.model.units import PENDING
from backfill.protocols import Clock, JobStore, SnapshotStore, SupportsErrors

logger = logging.getLogger("backfill.engine")


def has_pending(row: DayRow) -> bool:
    """Return whether something of a day is still to be done."""
    return PENDING in row.states


class Resumption:
    """What is known of the days of one job. For the thread that runs it.

    Args:
        state: What was noted of it.
        jobs: Where it is kept.
        store: Where it publishes.
        clock: The time.

    Raises:
        StoreUnavailable: The store cannot be read now.
    """

    def __init__(self, state: JobState, jobs: JobStore, store: SnapshotStore, clock: Clock) -> None:
        self._job_id = state.spec.job_id
        self._store = store
        self._clock = clock
        half_done = frozenset(day for day, row in state.rows.items() if has_pending(row) and _has_failed(row))
        self._errors = _by_day(_errors_of(state, jobs) if half_done else (), half_done)
        self._findings: dict[date, list[Finding]] = {}
        for finding in state.findings:
            if finding.day is not None:
                self._findings.setdefault(finding.day, []).append(finding)
        open_days = [day for day, row in state.rows.items() if has_pending(row)]
        with _readable():
            self._stored = frozenset(store.days(min(open_days), max(open_days))) if open_days else frozenset[date]()

    def of(self, day: date, row: DayRow) -> Earlier:
        """Return what has become of *day*, whose units are *row*.

        Raises:
            StoreUnavailable: The store cannot be read now.
        """
        stored, published = self._unnoted(day, row) if day in self._stored else ((), None)
        return Earlier(
            row,
            errors=tuple(self._errors.get(day, ())),
            findings=tuple(self._findings.get(day, ())),
            published=published,
            stored=stored,
        )

    def _unnoted(self, day: date, row: DayRow) -> tuple[tuple[str, ...], DayPublished | None]:
        """Return the districts of *day* that are published, but not noted, and that they are."""
        try:
            with _readable():
                entries = self._store.entries(day)
            pending = [name for name, state in row.items() if state is UnitState.PENDING and name in entries]
            stored = tuple(name for name in pending if name is not None and entries[name].job_id == self._job_id)
            if not stored:
                return (), None
            with _readable():
                is_partial = self._store.read(day).metadata.status is SnapshotStatus.PARTIAL
        except StoreUnavailable:
            raise
        except Exception:  # a damaged manifest, say: what it means for the day is told when the day is stored
            logger.exception("what is stored of a day cannot be read", extra={"job_id": self._job_id, "day": day.isoformat()})
            return (), None
        return stored, DayPublished(day, is_partial, self._clock.now())


def unnoted(state: JobState, jobs: JobStore, store: SnapshotStore, clock: Clock) -> list[Change]:
    """Return what is published under the job's identifier and was not noted, as the changes that note it.

    For a job that comes to rest without being worked on. Where the store cannot be read nothing is: what is noted stays as it was.
    """
    changes: list[Change] = []
    try:
        known = Resumption(state, jobs, store, clock)
        for day, row in state.rows.items():
            earlier = known.of(day, row) if has_pending(row) else None
            if earlier is not None and earlier.published is not None:
                changes += [UnitsSettled(day, dict.fromkeys(earlier.stored, UnitState.COMPLETED)), earlier.published]
    except StoreUnavailable:
        logger.warning("what is stored cannot be looked at", exc_info=True, extra={"job_id": state.spec.job_id})
        return []
    return changes


@contextmanager
def _readable() -> Iterator[None]:
    """Tell what may be read another time, such as after a failing disk was seen to, from what will never be.

    A job whose stored days are not known now can only wait: going on would collect them again, and ending would leave the rest.

    Raises:
        StoreUnavailable: It may be read another time.
    """
    try:
        yield
    except (DamagedFile, SnapshotNotFound):
        raise
    except StoreError as error:
        raise StoreUnavailable(str(error)) from error


def _has_failed(row: DayRow) -> bool:
    return any(state is UnitState.FAILED for _name, state in row.items())


def _errors_of(state: JobState, jobs: JobStore) -> Iterator[DistrictError]:
    if not isinstance(jobs, SupportsErrors):
        yield from state.errors
        return
    read = 0
    while page := jobs.errors(state.spec.job_id, after=read):
        read += len(page)
        yield from page


def _by_day(errors: Iterable[DistrictError], days: frozenset[date]) -> Mapping[date, list[DistrictError]]:
    found: dict[date, list[DistrictError]] = {}
    for error in errors:
        if error.day in days:
            found.setdefault(error.day, []).append(error)
    return found
