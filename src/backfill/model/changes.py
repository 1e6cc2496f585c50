"""How a job changes: each change as a value, and as an event once a job store has noted it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from attrs import field, frozen

from backfill.model.checks import frozen_mapping
from backfill.model.outcome import DistrictError, Finding, UnitState
from backfill.model.status import BackfillStatus


@frozen
class StatusChanged:
    """The job reached another state."""

    status: BackfillStatus
    at: datetime
    reason: str | None = None


@frozen
class DayListed:
    """A day's districts became known; the one unit that stood for the day becomes one for each."""

    day: date
    districts: tuple[str, ...]


def _states(value: Mapping[str | None, UnitState]) -> Mapping[str | None, UnitState]:
    return frozen_mapping(value)


@frozen
class UnitsSettled:
    """Units of a day reached a final state. A ``None`` key stands for the day as a whole."""

    day: date
    states: Mapping[str | None, UnitState] = field(converter=_states)


@frozen
class UnitFailed:
    """One unit failed."""

    error: DistrictError


@frozen
class UnitAttempted:
    """An attempt at a unit failed, and the unit is still to be done.

    Noted so that a restart does not forgive attempts: ``error.attempts`` counts all of them so far. It replaces what was noted of
    the unit before, and is gone when the unit reaches a final state.
    """

    error: DistrictError


@frozen
class DayPublished:
    """A day's snapshot was committed."""

    day: date
    is_partial: bool
    at: datetime


@frozen
class Found:
    """Something about the data was noticed."""

    finding: Finding


Change = StatusChanged | DayListed | UnitsSettled | UnitFailed | UnitAttempted | DayPublished | Found


@frozen
class JobEvent:
    """One change of one job, in the order in which the job store noted it.

    Attributes:
        seq: Position in the store's log, from 1; gaps are possible.
        job_id: The job.
        at: When it was noted (aware, UTC).
        change: What happened.
    """

    seq: int
    job_id: str
    at: datetime
    change: Change
