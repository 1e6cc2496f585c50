"""A job as data: what was accepted, how it changes, and the state that follows from the changes.

The engine and every job store share this one account of a job: progress is derived from the states of its units, so the two
can never disagree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from copy import copy
from datetime import date, datetime

from attrs import frozen

from backfill.errors import InvalidRequest
from backfill.model.changes import (
    Change,
    DayListed,
    DayPublished,
    Found,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
)
from backfill.model.outcome import DistrictError, Finding, Stage, UnitState
from backfill.model.plan import BackfillPlan
from backfill.model.report import ErrorGroup
from backfill.model.request import BackfillRequest
from backfill.model.status import BackfillStatus
from backfill.model.units import CODES, PENDING, DayRow

REBUILD = "rebuild"
"""The operation of a job that collects from the archive."""

RERANK = "rerank"
"""The operation of a job that makes the summaries of days anew: its units are days, so that nothing becomes of any district."""


@frozen
class JobSpec:
    """What was accepted: a plan under an identifier. Never changes.

    Attributes:
        job_id: Unique across kinds, services and restarts.
        created_at: When it was accepted (aware, UTC).
        plan: What will be done.
        retry_of: The job whose failed part this one runs again, or ``None``.
        operation: ``"backfill"``, ``"refresh"``, ``"rebuild"`` or ``"rerank"`` (R11.4).
        asked: What was asked for, in a text that is the same each time, where that is not the plan's request: the gaps of a range,
            say, whose districts depend on what is stored. ``None`` = the plan's request is what was asked for.
    """

    job_id: str
    created_at: datetime
    plan: BackfillPlan
    retry_of: str | None = None
    operation: str = "backfill"
    asked: str | None = None

    @property
    def asked_for(self) -> BackfillRequest | str:
        """What was asked for: `asked`, or else the plan's request."""
        return self.plan.request if self.asked is None else self.asked

    def check_key(self, key: str, asked: BackfillRequest | str, *, fingerprint: str | None = None) -> None:
        """Refuse the idempotency key of this job for anything else than what it was accepted for.

        What was asked for is compared, and not how it would be planned, which differs once the job has stored something.

        Args:
            key: The key.
            asked: What is asked for now: a request, or a text as in `asked`.
            fingerprint: That of the very plan to carry out; ``None`` = any plan of what is asked for.

        Raises:
            InvalidRequest: It is something else, or another plan of it.
        """
        if self.asked_for != asked:
            rule = f"was used for another request before, by job {self.job_id}"
        elif fingerprint is not None and fingerprint != self.plan.fingerprint:
            rule = f"was used for another plan of this request before, by job {self.job_id}"
        else:
            return
        raise InvalidRequest("idempotency_key", key, rule, "use a new key for a new request")


NEWEST = 1000
"""So many errors and findings a state keeps, so that its memory does not grow with them; a job store keeps all errors."""


class JobState:
    """The state of a job, by applying its changes in their order. Not safe for several threads at once.

    Attributes:
        spec: What was accepted.
        status: The state it is in.
        status_reason: Why, where there is more to say.
        started_at: When its work began first.
        completed_at: When it reached a final state.
        rows: The units of each day, in the order of the plan.
        counts: How many units are in each state.
        unlisted: The days whose districts are still to be listed.
        published: The days stored, in the order of their first publishing; whether each is partial.
        errors: The newest failures, oldest first.
        findings: The newest findings, oldest first.
        attempts: The newest failed attempt at each unit that is still to be done and was tried.

    Raises:
        ValueError: The plan has a day twice, or a district twice on one day.
    """

    def __init__(self, spec: JobSpec) -> None:
        rows: dict[date, DayRow] = {}
        row = DayRow.pending(None)
        for planned in spec.plan.days:
            if planned.day in rows:
                message = f"{planned.day} stands twice in the plan of job {spec.job_id}"
                raise ValueError(message)
            if row.districts is not planned.districts:  # years of days have one list, and share one row
                row = DayRow.pending(planned.districts)
            rows[planned.day] = row
        self._begin(spec, rows)

    def _begin(self, spec: JobSpec, rows: dict[date, DayRow]) -> None:
        self.spec = spec
        self.status = BackfillStatus.QUEUED
        self.status_reason: str | None = None
        self.started_at: datetime | None = None
        self.completed_at: datetime | None = None
        self.published: dict[date, bool] = {}
        self.errors: deque[DistrictError] = deque(maxlen=NEWEST)
        self.findings: deque[Finding] = deque(maxlen=NEWEST)
        self.attempts: dict[tuple[date, str | None], DistrictError] = {}
        self._groups: dict[tuple[Stage, str, bool], tuple[int, str]] = {}
        self.rows = rows
        self._by_district: dict[str, dict[UnitState, int]] | None = None
        self.unlisted = sum(row.districts is None and row.states[0] == PENDING for row in rows.values())
        everything = b"".join([row.states for row in rows.values()])
        self.counts = {state: everything.count(code) for code, state in enumerate(CODES)}
        for districts in self._by_list():
            self._refuse_twins(districts)

    @classmethod
    def restore(
        cls,
        spec: JobSpec,
        rows: dict[date, DayRow],
        *,
        status: BackfillStatus,
        status_reason: str | None = None,
        started_at: datetime | None = None,
        completed_at: datetime | None = None,
        published: Mapping[date, bool] | None = None,
        errors: Iterable[DistrictError] = (),
        groups: Iterable[ErrorGroup] = (),
        findings: Iterable[Finding] = (),
        attempts: Iterable[DistrictError] = (),
    ) -> JobState:
        """Return the state that a job store has kept, in the parts that `JobState` has attributes for.

        Everything that can be counted is counted from *rows*, and so agrees with them. *rows* may be those of some days only;
        the state is then that of these days, and takes changes that name no other.

        Raises:
            ValueError: A district stands twice in a row.
        """
        state = cls.__new__(cls)
        state._begin(spec, rows)  # noqa: SLF001 - of the same class
        state.status, state.status_reason = status, status_reason
        state.started_at, state.completed_at = started_at, completed_at
        state.published.update(published or {})
        state.errors.extend(errors)
        for group in groups:
            state._groups[group.stage, group.kind, group.is_retryable] = (group.count, group.example)  # noqa: SLF001 - as above
        state.findings.extend(findings)
        state.attempts.update({(error.day, error.district_id): error for error in attempts})
        return state

    @property
    def by_district(self) -> dict[str, dict[UnitState, int]]:
        """How many units of each district are in each state. Counted when it is asked for first, and kept up from then on."""
        if self._by_district is None:
            self._by_district = {}
            for districts, states in self._by_list().items():
                joined = b"".join(states)
                present = [(code, state) for code, state in enumerate(CODES) if code in joined]
                for position, district in enumerate(districts):
                    column = joined[position :: len(districts)]
                    counts = self._by_district.setdefault(district, dict.fromkeys(CODES, 0))
                    for code, state in present:
                        counts[state] += column.count(code)
        return self._by_district

    @property
    def total(self) -> int:
        """The number of units."""
        return sum(self.counts.values())

    def apply(self, change: Change) -> None:
        """Let *change* happen, or nothing at all.

        Raises:
            ValueError: The job has ended, or cannot go from its state to that one; or the day or unit is not of this job, or
                reached a final state before.
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
            case UnitAttempted(error=error):
                self._refuse_settled(error.day, error.district_id)
                self.attempts[error.day, error.district_id] = error
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
        other.attempts = dict(self.attempts)
        other._groups = dict(self._groups)  # noqa: SLF001 - of the same class
        other.counts = dict(self.counts)
        if self._by_district is not None:
            other._by_district = {district: dict(counts) for district, counts in self._by_district.items()}  # noqa: SLF001 - as above
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
        if not self.status.may_become(change.status):
            message = f"job {self.spec.job_id} is {self.status} and cannot become {change.status}"
            raise ValueError(message)
        self.status, self.status_reason = change.status, change.reason
        if change.status is BackfillStatus.PROCESSING and self.started_at is None:
            self.started_at = change.at
        if change.status.is_final:
            self.completed_at = change.at

    def _by_list(self) -> dict[tuple[str, ...], list[bytes]]:
        """Return the states of all listed days by their lists of districts: one that years of days have is gone through once."""
        alike: dict[int, list[bytes]] = {}
        lists: dict[int, tuple[str, ...]] = {}
        for row in self.rows.values():
            if row.districts is None:
                continue
            states = alike.get(id(row.districts))
            if states is None:
                lists[id(row.districts)], states = row.districts, []
                alike[id(row.districts)] = states
            states.append(row.states)
        by_list: dict[tuple[str, ...], list[bytes]] = {}
        for number, states in alike.items():
            by_list.setdefault(lists[number], []).extend(states)
        return by_list

    def _refuse_twins(self, districts: tuple[str, ...]) -> None:
        if len(set(districts)) != len(districts):
            name = next(name for name in districts if districts.count(name) > 1)
            message = f"district {name!r} is named twice on one day of job {self.spec.job_id}"
            raise ValueError(message)

    def _row(self, day: date) -> DayRow:
        row = self.rows.get(day)
        if row is None:
            message = f"{day} is not a day of job {self.spec.job_id}"
            raise ValueError(message)
        return row

    def _list(self, day: date, districts: tuple[str, ...]) -> None:
        row = self._row(day)
        if row.districts is not None or row.states[0] != PENDING:
            message = f"{day} of job {self.spec.job_id} was listed, or settled, before"
            raise ValueError(message)
        self._refuse_twins(districts)
        self.rows[day] = DayRow.pending(districts)
        self.attempts.pop((day, None), None)
        self.counts[UnitState.PENDING] += len(districts) - 1
        self.unlisted -= 1
        if self._by_district is not None:
            for district in districts:
                self._by_district.setdefault(district, dict.fromkeys(CODES, 0))[UnitState.PENDING] += 1

    def _refuse_settled(self, day: date, district: str | None) -> None:
        units = dict(self._row(day).items())
        if units.get(district) is not UnitState.PENDING:
            message = f"({day}, {district}) is not a unit of job {self.spec.job_id} that is still to be done"
            raise ValueError(message)

    def _settle(self, day: date, states: Mapping[str | None, UnitState]) -> None:
        row = self._row(day)
        positions = {name: position for position, name in enumerate(row.units)}
        codes = bytearray(row.states)
        for district, state in states.items():
            position = positions.get(district)
            if position is None:
                message = f"({day}, {district}) is not a unit of job {self.spec.job_id}"
                raise ValueError(message)
            if codes[position] != PENDING or state is UnitState.PENDING:
                message = f"({day}, {district}) of job {self.spec.job_id} is {CODES[codes[position]]} and cannot become {state}"
                raise ValueError(message)
            codes[position] = CODES.index(state)
        self.rows[day] = DayRow(row.districts, bytes(codes))
        for district, state in states.items():
            self.attempts.pop((day, district), None)
            self._count(district, state)

    def _count(self, district: str | None, state: UnitState) -> None:
        self.counts[UnitState.PENDING] -= 1
        self.counts[state] += 1
        if district is None:
            self.unlisted -= 1
        elif self._by_district is not None:
            counts = self._by_district[district]
            counts[UnitState.PENDING] -= 1
            counts[state] += 1
