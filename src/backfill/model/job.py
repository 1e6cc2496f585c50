"""A job as data: what was accepted, how it changes, and the state that follows from the changes.

The engine and every job store share this one account of a job: progress is derived from the states of its units, so the two
can never disagree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from copy import copy
from datetime import date, datetime

from attrs import field, frozen

from backfill.model.checks import frozen_mapping
from backfill.model.outcome import DistrictError, Finding, Stage, UnitState
from backfill.model.plan import BackfillPlan
from backfill.model.report import BackfillStatus, ErrorGroup


@frozen
class JobSpec:
    """What was accepted: a plan under an identifier. Never changes.

    Attributes:
        job_id: Unique across kinds, services and restarts.
        created_at: When it was accepted (aware, UTC).
        plan: What will be done.
        retry_of: The job whose failed part this one runs again, or ``None``.
        operation: ``"backfill"`` or ``"refresh"`` (R11.4).
    """

    job_id: str
    created_at: datetime
    plan: BackfillPlan
    retry_of: str | None = None
    operation: str = "backfill"


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
class DayPublished:
    """A day's snapshot was committed."""

    day: date
    is_partial: bool
    at: datetime


@frozen
class Found:
    """Something about the data was noticed."""

    finding: Finding


Change = StatusChanged | DayListed | UnitsSettled | UnitFailed | DayPublished | Found


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


NEWEST = 1000
"""So many errors and findings a state keeps, so that its memory does not grow with them; a job store keeps all errors."""

_CODES = tuple(UnitState)
_PENDING = _CODES.index(UnitState.PENDING)


@frozen
class DayRow:
    """The units of one day, a byte each. Frozen, so that copies of a job's state share their rows.

    Attributes:
        districts: The districts of the day; ``None`` = not listed yet: one unit stands for the day.
        states: A byte for each unit.
    """

    districts: tuple[str, ...] | None
    states: bytes

    @classmethod
    def pending(cls, districts: tuple[str, ...] | None) -> DayRow:
        """Return a row of which nothing is done yet."""
        return cls(districts, bytes(1 if districts is None else len(districts)))

    @property
    def units(self) -> tuple[str | None, ...]:
        """The districts, or ``None`` alone."""
        return (None,) if self.districts is None else self.districts

    def items(self) -> Iterable[tuple[str | None, UnitState]]:
        """Return each unit of the day with its state."""
        return ((name, _CODES[code]) for name, code in zip(self.units, self.states, strict=True))


class JobState:
    """The state of a job, by applying its changes in their order. Not safe for several threads at once.

    Raises:
        ValueError: The plan has a day twice, or a district twice on one day.
    """

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.status = BackfillStatus.QUEUED
        self.status_reason: str | None = None
        self.started_at: datetime | None = None
        self.completed_at: datetime | None = None
        self.published: dict[date, bool] = {}
        self.errors: deque[DistrictError] = deque(maxlen=NEWEST)
        self.findings: deque[Finding] = deque(maxlen=NEWEST)
        self._groups: dict[tuple[Stage, str, bool], tuple[int, str]] = {}
        self.counts = dict.fromkeys(UnitState, 0)
        self.by_district: dict[str, dict[UnitState, int]] = {}
        self.unlisted = 0
        self.rows: dict[date, DayRow] = {}
        for planned in spec.plan.days:
            if planned.day in self.rows:
                message = f"{planned.day} stands twice in the plan of job {spec.job_id}"
                raise ValueError(message)
            self._add_row(planned.day, planned.districts)

    @property
    def total(self) -> int:
        """The number of units."""
        return sum(self.counts.values())

    def apply(self, change: Change) -> None:
        """Let *change* happen, or nothing at all.

        Raises:
            ValueError: The job has ended; or the day or unit is not of this job, or reached a final state before.
        """
        if self.status.is_final:
            message = f"job {self.spec.job_id} has ended as {self.status}: {type(change).__name__} comes too late"
            raise ValueError(message)
        match change:
            case StatusChanged():
                self._set_status(change)
            case DayListed(day=day, districts=districts):
                self._list(day, districts)
            case UnitsSettled(day=day, states=states):
                self._settle(day, states)
            case UnitFailed(error=error):
                self._settle(error.day, {error.district_id: UnitState.FAILED})
                self.errors.append(error)
                key = (error.stage, error.kind, error.is_retryable)
                self._groups[key] = (self._groups.get(key, (0, ""))[0] + 1, error.message)
            case DayPublished(day=day, is_partial=is_partial):
                self._row(day)
                self.published[day] = is_partial
            case Found(finding=finding):  # pragma: no branch - a change is nothing else
                self.findings.append(finding)

    @property
    def error_groups(self) -> tuple[ErrorGroup, ...]:
        """The failures, grouped by cause, most frequent first."""
        groups = [
            ErrorGroup(stage, kind, count, is_retryable, example)
            for (stage, kind, is_retryable), (count, example) in self._groups.items()
        ]
        return tuple(sorted(groups, key=lambda group: -group.count))

    def copy(self) -> JobState:
        """Return a state that changes on its own. Cheap even for years of days, since the two share the rows."""
        other = copy(self)
        other.published = dict(self.published)
        other.errors = self.errors.copy()
        other.findings = self.findings.copy()
        other._groups = dict(self._groups)  # noqa: SLF001 - of the same class
        other.counts = dict(self.counts)
        other.by_district = {district: dict(counts) for district, counts in self.by_district.items()}
        other.rows = dict(self.rows)
        return other

    def failed_units(self) -> dict[date, tuple[str, ...] | None]:
        """Return, for each day with failures, the districts that failed; ``None`` = the day failed before it was listed."""
        failed: dict[date, tuple[str, ...] | None] = {}
        for day, row in self.rows.items():
            names = tuple(district for district, state in row.items() if state is UnitState.FAILED)
            if names:
                failed[day] = None if row.districts is None else tuple(name for name in names if name is not None)
        return failed

    def _set_status(self, change: StatusChanged) -> None:
        self.status, self.status_reason = change.status, change.reason
        if change.status is BackfillStatus.PROCESSING and self.started_at is None:
            self.started_at = change.at
        if change.status.is_final:
            self.completed_at = change.at

    def _add_row(self, day: date, districts: tuple[str, ...] | None) -> None:
        if districts is not None and len(set(districts)) != len(districts):
            message = f"a district is named twice on {day} of job {self.spec.job_id}"
            raise ValueError(message)
        row = self.rows[day] = DayRow.pending(districts)
        self.counts[UnitState.PENDING] += len(row.states)
        if districts is None:
            self.unlisted += 1
        for district in districts or ():
            counts = self.by_district.get(district)
            if counts is None:
                counts = self.by_district[district] = dict.fromkeys(UnitState, 0)
            counts[UnitState.PENDING] += 1

    def _row(self, day: date) -> DayRow:
        row = self.rows.get(day)
        if row is None:
            message = f"{day} is not a day of job {self.spec.job_id}"
            raise ValueError(message)
        return row

    def _list(self, day: date, districts: tuple[str, ...]) -> None:
        row = self._row(day)
        if row.districts is not None or row.states[0] != _PENDING:
            message = f"{day} of job {self.spec.job_id} was listed, or settled, before"
            raise ValueError(message)
        self._add_row(day, districts)
        self.counts[UnitState.PENDING] -= 1
        self.unlisted -= 1

    def _settle(self, day: date, states: Mapping[str | None, UnitState]) -> None:
        row = self._row(day)
        positions = {name: position for position, name in enumerate(row.units)}
        codes = bytearray(row.states)
        for district, state in states.items():
            position = positions.get(district)
            if position is None:
                message = f"({day}, {district}) is not a unit of job {self.spec.job_id}"
                raise ValueError(message)
            if codes[position] != _PENDING or state is UnitState.PENDING:
                message = f"({day}, {district}) of job {self.spec.job_id} is {_CODES[codes[position]]} and cannot become {state}"
                raise ValueError(message)
            codes[position] = _CODES.index(state)
        self.rows[day] = DayRow(row.districts, bytes(codes))
        for district, state in states.items():
            self._count(district, state)

    def _count(self, district: str | None, state: UnitState) -> None:
        self.counts[UnitState.PENDING] -= 1
        self.counts[state] += 1
        if district is None:
            self.unlisted -= 1
        else:
            counts = self.by_district[district]
            counts[UnitState.PENDING] -= 1
            counts[state] += 1
