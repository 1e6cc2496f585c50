"""The state of a job, by its changes: a machine against a dictionary, and every change that is not possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from backfill.model import (
    BackfillStatus,
    Change,
    DayListed,
    DayPublished,
    Finding,
    Found,
    JobSpec,
    JobState,
    Stage,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.model.job import NEWEST
from backfill.model.status import TRANSITIONS
from foundation_samples import DAY, NOW, days, make_error, make_plan, make_spec

DISTRICTS = ("61", "F", "117")
FINAL = [state for state in UnitState if state is not UnitState.PENDING]
some_districts = st.lists(st.sampled_from(DISTRICTS), unique=True).map(tuple)


def facts(state: JobState) -> tuple[object, ...]:
    """Return all of a state, for comparing."""
    fields = {**vars(state), "_by_district": state.by_district, "errors": list(state.errors), "findings": list(state.findings)}
    return tuple(sorted((name, repr(value)) for name, value in fields.items() if name != "spec"))


class JobMachine(RuleBasedStateMachine):
    """A job whose units are also kept in a plain dictionary."""

    @initialize(rows=st.lists(st.none() | some_districts, min_size=1, max_size=4))
    def begin(self, rows: list[tuple[str, ...] | None]) -> None:
        """Begin a job of these days, each with its districts or none."""
        plan_days = list(zip(days(len(rows)), rows, strict=True))
        self.state = JobState(make_spec(rows=plan_days))
        self.units: dict[tuple[date, str | None], UnitState] = {}
        self.attempts: dict[tuple[date, str | None], int] = {}
        self.status = BackfillStatus.QUEUED
        self.listed: set[date] = set()
        for day, districts in plan_days:
            if districts is not None:
                self.listed.add(day)
            self.units |= {(day, name): UnitState.PENDING for name in ((None,) if districts is None else districts)}
        self.failures = 0

    @property
    def ended(self) -> bool:
        """Whether the job has reached a final state."""
        return self.status.is_final

    def _let(self, change: Change, *, possible: bool) -> None:
        copied, before = self.state.copy(), facts(self.state)
        assert facts(copied) == before
        if possible and not self.ended:
            self.state.apply(change)
        else:
            with pytest.raises(ValueError, match="job j1"):
                self.state.apply(change)
            assert facts(self.state) == before
        assert facts(copied) == before

    @rule(day=st.sampled_from(days(5)), districts=some_districts)
    def list_a_day(self, day: date, districts: tuple[str, ...]) -> None:
        """List a day, or fail to."""
        possible = self.units.get((day, None)) is UnitState.PENDING
        self._let(DayListed(day, districts), possible=possible)
        if possible and not self.ended:
            del self.units[day, None]
            self.listed.add(day)
            self.units |= {(day, name): UnitState.PENDING for name in districts}

    @rule(
        day=st.sampled_from(days(5)),
        states=st.dictionaries(st.none() | st.sampled_from(DISTRICTS), st.sampled_from(list(UnitState)), min_size=1, max_size=2),
    )
    def settle(self, day: date, states: dict[str | None, UnitState]) -> None:
        """Settle units, or fail to."""
        possible = UnitState.PENDING not in states.values() and all(
            self.units.get((day, name)) is UnitState.PENDING for name in states
        )
        self._let(UnitsSettled(day, states), possible=possible)
        if possible and not self.ended:
            self.units |= {(day, name): state for name, state in states.items()}

    @rule(data=st.data(), state=st.sampled_from(FINAL))
    def settle_a_pending_unit(self, data: st.DataObject, state: UnitState) -> None:
        """Settle a unit that is pending for sure."""
        pending = [unit for unit, known in self.units.items() if known is UnitState.PENDING]
        if not pending or self.ended:
            return
        day, name = data.draw(st.sampled_from(pending))
        self.state.apply(UnitsSettled(day, {name: state}))
        self.units[day, name] = state

    @rule(day=st.sampled_from(days(5)), name=st.none() | st.sampled_from(DISTRICTS), kind=st.sampled_from(["a", "b"]))
    def fail(self, day: date, name: str | None, kind: str) -> None:
        """Let a unit fail, or fail to."""
        possible = self.units.get((day, name)) is UnitState.PENDING
        self._let(UnitFailed(make_error(name, day, kind=kind)), possible=possible)
        if possible and not self.ended:
            self.units[day, name] = UnitState.FAILED
            self.failures += 1

    @rule(day=st.sampled_from(days(5)), is_partial=st.booleans())
    def publish(self, day: date, is_partial: bool) -> None:
        """Publish a day, or fail to."""
        self._let(DayPublished(day, is_partial, NOW), possible=day in self.state.rows)
        if day in self.state.rows and not self.ended:
            assert self.state.published[day] is is_partial

    @rule()
    def find(self) -> None:
        """Notice something about the data."""
        self._let(Found(Finding("odd", "twice the same")), possible=True)

    @rule(day=st.sampled_from(days(5)), name=st.none() | st.sampled_from(DISTRICTS), attempts=st.integers(1, 3))
    def attempt(self, day: date, name: str | None, attempts: int) -> None:
        """Attempt a unit in vain, or fail to."""
        possible = self.units.get((day, name)) is UnitState.PENDING
        self._let(UnitAttempted(make_error(name, day, attempts=attempts)), possible=possible)
        if possible and not self.ended:
            self.attempts[day, name] = attempts

    @rule(status=st.sampled_from([status for status in BackfillStatus if not status.is_final]))
    def change_status(self, status: BackfillStatus) -> None:
        """Reach a state that is not final, or fail to."""
        self._change_to(status)

    @precondition(lambda self: not self.ended)
    @rule(status=st.sampled_from([status for status in BackfillStatus if status.is_final]), chance=st.integers(0, 3))
    def end(self, status: BackfillStatus, chance: int) -> None:
        """Reach a final state, or fail to, now and then."""
        if chance == 0:
            self._change_to(status)

    def _change_to(self, status: BackfillStatus) -> None:
        possible = status in TRANSITIONS[self.status]
        self._let(StatusChanged(status, NOW, "because"), possible=possible)
        if possible:
            self.status = status
        assert self.state.status is self.status

    @invariant()
    def attempts_are_those_of_pending_units(self) -> None:
        """The attempts at units still to be done are kept, and those at others are not."""
        kept = {unit: error.attempts for unit, error in self.state.attempts.items()}
        assert kept == {unit: n for unit, n in self.attempts.items() if self.units.get(unit) is UnitState.PENDING}

    @invariant()
    def a_restored_state_is_the_same(self) -> None:
        """What is restored from the parts of a state is that state."""
        state = self.state
        restored = JobState.restore(
            state.spec,
            dict(state.rows),
            status=state.status,
            status_reason=state.status_reason,
            started_at=state.started_at,
            completed_at=state.completed_at,
            published=state.published,
            errors=state.errors,
            groups=state.error_groups,
            findings=state.findings,
            attempts=state.attempts.values(),
        )
        assert restored.by_district == state.by_district
        assert restored.error_groups == state.error_groups
        restored._by_district, restored._groups = state.by_district, state._groups  # the same in another order
        assert facts(restored) == facts(state)

    @invariant()
    def counts_add_up(self) -> None:
        """The states of all units add up to the total."""
        counted = Counter(self.units.values())
        assert self.state.counts == {state: counted[state] for state in UnitState}
        assert self.state.total == len(self.units)
        assert self.state.unlisted == sum(
            name is None and state is UnitState.PENDING for (_day, name), state in self.units.items()
        )

    @invariant()
    def rows_and_districts_agree(self) -> None:
        """Days, districts and units tell the same."""
        rows = {(day, name): state for day, row in self.state.rows.items() for name, state in row.items()}
        assert rows == self.units
        for name, counts in self.state.by_district.items():
            counted = Counter(state for (_day, district), state in self.units.items() if district == name)
            assert counts == {state: counted[state] for state in UnitState}
        assert {name for _day, name in self.units if name is not None} == set(self.state.by_district)

    @invariant()
    def failures_are_all_told(self) -> None:
        """Each failure is listed and grouped."""
        failed = [unit for unit, state in self.units.items() if state is UnitState.FAILED]
        told = [(day, name) for day, names in self.state.failed_units().items() for name in ((None,) if names is None else names)]
        assert sorted(map(str, told)) == sorted(map(str, failed))
        assert len(self.state.errors) == sum(group.count for group in self.state.error_groups) == self.failures


def test_p6_counts_always_add_up() -> None:
    """For any changes in any order counts add up, districts agree with days, settled and ended is final. [P6, R4.3, R6.6, R9.5]"""
    run_state_machine_as_test(
        JobMachine, settings=settings(max_examples=80, stateful_step_count=25, deadline=None, database=None)
    )


def test_a_job_says_when_it_began_and_ended() -> None:
    """The first processing state dates the beginning, the final state the end, each with its reason. [R4.3]"""
    state = JobState(make_spec())
    assert (state.status, state.started_at, state.completed_at) == (BackfillStatus.QUEUED, None, None)
    state.apply(StatusChanged(BackfillStatus.PROCESSING, NOW))
    state.apply(StatusChanged(BackfillStatus.PAUSED, NOW, "the disk is full"))
    assert (state.status_reason, state.completed_at) == ("the disk is full", None)
    state.apply(StatusChanged(BackfillStatus.QUEUED, NOW, "resumed"))
    state.apply(StatusChanged(BackfillStatus.PROCESSING, NOW + timedelta(hours=1)))
    assert (state.started_at, state.completed_at, state.status_reason) == (NOW, None, None)
    state.apply(StatusChanged(BackfillStatus.CANCELLED, NOW + timedelta(hours=2), "enough"))
    assert (state.completed_at, state.status_reason) == (NOW + timedelta(hours=2), "enough")


@pytest.mark.parametrize(
    "change",
    [
        UnitsSettled(DAY, {"61": UnitState.COMPLETED}),
        UnitFailed(make_error("F")),
        UnitAttempted(make_error("F")),
        DayListed(DAY, ("61",)),
        DayPublished(DAY, is_partial=False, at=NOW),
        Found(Finding("late", "x")),
        StatusChanged(BackfillStatus.PROCESSING, NOW),
    ],
)
def test_nothing_changes_after_the_end(change: Change) -> None:
    """A final state is final for every kind of change. [R4.3]"""
    state = JobState(make_spec())
    state.apply(StatusChanged(BackfillStatus.PROCESSING, NOW))
    state.apply(StatusChanged(BackfillStatus.COMPLETE, NOW))
    with pytest.raises(ValueError, match=f"{type(change).__name__} comes too late"):
        state.apply(change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (UnitsSettled(DAY, {"61": UnitState.COMPLETED, "F": UnitState.PENDING}), "cannot become pending"),
        (UnitsSettled(DAY, {"61": UnitState.COMPLETED, "42": UnitState.COMPLETED}), "42.* is not a unit"),
        (UnitsSettled(DAY, {None: UnitState.UNAVAILABLE}), "None.* is not a unit"),
        (UnitFailed(make_error("42")), "is not a unit"),
        (UnitFailed(make_error("61", date(2026, 2, 1))), "2026-02-01 is not a day"),
        (UnitAttempted(make_error("42")), "42.* is not a unit .* still to be done"),
        (UnitAttempted(make_error("61", date(2026, 2, 1))), "2026-02-01 is not a day"),
        (StatusChanged(BackfillStatus.QUEUED, NOW), "is queued and cannot become queued"),
        (StatusChanged(BackfillStatus.COMPLETE, NOW), "is queued and cannot become complete"),
        (DayListed(date(2026, 2, 1), ()), "is not a day"),
        (DayPublished(date(2026, 2, 1), is_partial=False, at=NOW), "is not a day"),
        (DayListed(DAY, ("61",)), "was listed, or settled, before"),
    ],
)
def test_what_is_not_of_the_job_is_refused_as_a_whole(change: Change, words: str) -> None:
    """A change that names what the job has not changes nothing, not even the part that would be possible. [P12, R4.3]"""
    state = JobState(make_spec())
    before = facts(state)
    with pytest.raises(ValueError, match=words):
        state.apply(change)
    assert facts(state) == before


@pytest.mark.parametrize("status", BackfillStatus)
def test_each_state_follows_some_and_not_others(status: BackfillStatus) -> None:
    """A job waits, works, rests and ends in this order; no state follows itself, and none follows an end. [R4.3, R4.4]"""
    expected = {
        "queued": {"processing", "paused", "cancelled", "error"},
        "processing": {"paused", "complete", "partial_success", "error", "cancelled"},
        "paused": {"queued", "processing", "cancelled"},
    }.get(status, set())
    assert {str(other) for other in BackfillStatus if status.may_become(other)} == expected
    assert status.is_final == (not expected)


def test_attempts_at_a_unit_outlive_all_but_its_end() -> None:
    """Attempts are kept, the newest a unit, until the unit is settled, or its day listed. [R6.2, R6.5]"""
    first, second = days(2)
    state = JobState(make_spec(rows=[(first, ("61", "F")), (second, None)]))
    for error in (
        make_error("61", attempts=1),
        make_error("F", attempts=1),
        make_error(None, second),
        make_error("61", attempts=2),
    ):
        state.apply(UnitAttempted(error))
    assert state.attempts == {
        (first, "61"): make_error("61", attempts=2),
        (first, "F"): make_error("F", attempts=1),
        (second, None): make_error(None, second),
    }
    copied = state.copy()
    state.apply(UnitsSettled(first, {"61": UnitState.COMPLETED}))
    state.apply(UnitFailed(make_error("F", attempts=3)))
    state.apply(DayListed(second, ("61",)))
    assert state.attempts == {}
    assert len(copied.attempts) == 3
    with pytest.raises(ValueError, match="still to be done"):
        state.apply(UnitAttempted(make_error("61")))


def test_a_state_can_be_that_of_some_days() -> None:
    """A state of some days of a job takes changes of these days and refuses others. [R4.3]"""
    first, second = days(2)
    whole = JobState(make_spec(rows=[(first, ("61", "F")), (second, None)]))
    part = JobState.restore(whole.spec, {first: whole.rows[first]}, status=BackfillStatus.PROCESSING)
    part.apply(UnitsSettled(first, {"61": UnitState.COMPLETED}))
    assert part.counts[UnitState.COMPLETED] == part.counts[UnitState.PENDING] == 1
    assert part.unlisted == 0
    with pytest.raises(ValueError, match="is not a day"):
        part.apply(DayListed(second, ("61",)))


def test_a_unit_is_named_once() -> None:
    """Neither a plan nor a list may have a day or a district twice: their units could not be told apart. [R4.3]"""
    with pytest.raises(ValueError, match="named twice"):
        JobState(make_spec(rows=[(DAY, ("61", "61"))]))
    with pytest.raises(ValueError, match="stands twice"):
        JobState(JobSpec("j1", NOW, make_plan([(DAY, ("61",)), (DAY, ("F",))])))
    state = JobState(make_spec(rows=[(DAY, None)]))
    before = facts(state)
    with pytest.raises(ValueError, match="named twice"):
        state.apply(DayListed(DAY, ("61", "61")))
    assert facts(state) == before


def test_failures_are_grouped_by_cause() -> None:
    """Failures of one cause are one group with the newest message, the most frequent group first. [R6.4]"""
    first, second = days(2)
    state = JobState(make_spec(rows=[(first, DISTRICTS), (second, None)]))
    state.apply(UnitFailed(make_error("61", kind="timeout", stage=Stage.FETCH, message="rare")))
    state.apply(UnitFailed(make_error("F", message="earlier")))
    state.apply(UnitFailed(make_error("117", message="later")))
    state.apply(UnitFailed(make_error(None, second, stage=Stage.LIST)))
    groups = state.error_groups
    assert [(group.stage, group.kind, group.count) for group in groups] == [
        (Stage.FETCH, "http_500", 2),
        (Stage.FETCH, "timeout", 1),
        (Stage.LIST, "http_500", 1),
    ]
    assert groups[0].example == "later"
    assert state.failed_units() == {first: DISTRICTS, second: None}


def test_a_state_keeps_the_newest_errors_and_findings_only() -> None:
    """Memory does not grow with failures: the newest thousand are kept, and all of them are counted. [R9.5]"""
    names = tuple(str(number) for number in range(NEWEST + 5))
    state = JobState(make_spec(rows=[(DAY, names)]))
    for name in names:
        state.apply(UnitFailed(make_error(name)))
        state.apply(Found(Finding("odd", name)))
    assert len(state.errors) == len(state.findings) == NEWEST
    assert (state.errors[0].district_id, state.findings[-1].message) == ("5", names[-1])
    assert state.error_groups[0].count == state.counts[UnitState.FAILED] == len(names)


def test_changes_are_frozen() -> None:
    """A change keeps what it said, whatever becomes of the dictionary it was made from. [R4.3]"""
    states: dict[str | None, UnitState] = {"61": UnitState.COMPLETED}
    change = UnitsSettled(DAY, states)
    states["F"] = UnitState.FAILED
    kept: Mapping[str | None, UnitState] = change.states
    assert dict(kept) == {"61": UnitState.COMPLETED}
