"""Drives the state machine of one day as a runner would, and checks at every step what must hold at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

from attrs import field, frozen

from backfill.engine.day import DayWork
from backfill.engine.daysteps import Collect, ListDistricts, Outcome, Publish, Step, Summarize
from backfill.errors import DataUnavailable, PermanentSourceError, SourceError
from backfill.model import (
    BackfillStatus,
    Change,
    Contribution,
    Finding,
    JobState,
    Method,
    PlannedDay,
    RecordHeader,
    SnapshotInfo,
    SnapshotStatus,
    StatusChanged,
    UnitFailed,
    UnitState,
)
from engine_doubles import DAY, NOW, state_of

HEADER = RecordHeader(
    detail="full", as_of=DAY, settled=True, content_digest="c", sha256="s", size=1, job_id="j1", method="per-district"
)
GONE = DataUnavailable("nothing was published")
BROKEN = PermanentSourceError("broken", kind="broken")
NOTE = Finding("odd", "something is odd", DAY)

TEMPLATE = Contribution(
    day=DAY, job_id="j1", method="per-district", scope_kind="targeted", source="test", at=NOW, expected=(), seconds=1.0
)


@frozen
class Result:
    """What comes back of a step.

    Attributes:
        outcomes: For each district of a collecting call, where it did not fail as a whole.
        names: The day's districts, from a listing or from a call for all of them.
        error: That the step failed as a whole.
        interrupted: That the job as a whole cannot go on.
    """

    outcomes: Mapping[str, Outcome] = field(factory=dict)
    names: tuple[str, ...] | None = None
    error: SourceError | None = None
    interrupted: bool = False


class Driver:
    """One day of a job, its state machine and the job's state, kept in step.

    Args:
        planned: The day.
        lists: Whether it is listed first.
        batch: Whether one call serves several districts.
        summarizes: Whether there are summaries of the day.
    """

    def __init__(self, planned: PlannedDay, *, lists: bool = False, batch: bool = False, summarizes: bool = False) -> None:
        self.planned = planned
        self.lists = lists
        self.batch = batch
        self.summarizes = summarizes
        self.work = DayWork(planned, lists=lists, batch=batch, summarizes=summarizes)
        self.state: JobState = state_of(planned)
        self.state.apply(StatusChanged(BackfillStatus.PROCESSING, NOW))
        self.out: list[Step] = []
        self.steps: list[Step] = []
        self.called: list[str] = []
        self.staged: set[str] = set()
        self.contributed: list[Contribution] = []
        self.failures: list[UnitFailed] = []
        self.cancelled = False
        self.interrupted = False
        self._apply(self.work.open())

    def copy(self) -> Driver:
        """Return a driver that goes its own way from here."""
        return deepcopy(self)

    # --- what a runner does -------------------------------------------------------------------------------------------

    def begin(self) -> Step | None:
        """Take the next step, if there is one."""
        publishes = self.work.wants_to_publish
        step = self.work.next_step()
        assert isinstance(step, Publish) == publishes
        if step is not None:
            assert not self.interrupted
            self._check_step(step)
            self.out.append(step)
            self.steps.append(step)
        self._check()
        return step

    def begin_all(self) -> None:
        """Take every step that can be taken now."""
        while self.begin() is not None:
            pass

    def finish(self, step: Step, result: Result) -> list[Change]:
        """Bring back what a step gave."""
        self.out.remove(step)
        changes = self._finish(step, result)
        self.failures += [change for change in changes if isinstance(change, UnitFailed)]
        self._apply(changes)
        return changes

    def cancel(self) -> None:
        """Cancel the job."""
        self.cancelled = True
        self.work.stop(goes_on=False)
        self._check()

    # --- what came of it ----------------------------------------------------------------------------------------------

    @property
    def units(self) -> dict[str | None, UnitState]:
        """The state of every unit of the day."""
        return dict(self.state.rows[DAY].items())

    def check_end(self) -> None:
        """Check what must hold when the day is over: every unit has one final state, unless the job was stopped."""
        assert self.work.is_over
        assert not self.out
        pending = [name for name, state in self.units.items() if state is UnitState.PENDING]
        if not self.cancelled and not self.interrupted:
            assert not pending
        if not self.interrupted:
            completed = {name for name, state in self.units.items() if state is UnitState.COMPLETED}
            unstored = {failure.error.district_id for failure in self.failures if failure.error.stage == "store"}
            assert completed == self.staged - unstored, "what was staged was published, or its publishing failed"
            assert not unstored or unstored == self.staged
        skipped = {name for name, state in self.units.items() if state is UnitState.SKIPPED}
        assert skipped <= set(self.planned.existing)

    @property
    def signature(self) -> object:
        """What tells two situations apart, for exploring each of them once."""
        work = self.work
        return (
            work.state, work.in_flight, self.cancelled, self.interrupted, tuple(self.units.items()), tuple(sorted(self.staged)),
            tuple(sorted(map(repr, self.out))), tuple(sorted(self.called)), len(self.failures),
        )  # fmt: skip

    # --- within -------------------------------------------------------------------------------------------------------

    def _finish(self, step: Step, result: Result) -> list[Change]:
        if result.interrupted:
            self.interrupted = True
            return self.work.interrupted()
        match step:
            case ListDistricts():
                names = result.names or ()
                return self.work.listed(names) if result.error is None else self.work.list_failed(result.error, NOW)
            case Collect():
                return self._collected(step, result)
            case Summarize():
                return self.work.summarized() if result.error is None else self.work.summarized(NOTE)
            case _:
                return self._published(result)

    def _collected(self, step: Collect, result: Result) -> list[Change]:
        if result.error is not None:
            return self.work.all_failed(result.error, NOW)
        got = {name for name, outcome in result.outcomes.items() if isinstance(outcome, RecordHeader)}
        self.staged |= got - set(self.planned.existing)
        listed = result.names if step.districts is None else None
        return self.work.collected(result.outcomes, NOW, findings=(NOTE,) if result.outcomes else (), listed=listed)

    def _published(self, result: Result) -> list[Change]:
        contribution = self.work.contribution(TEMPLATE)
        self._check_contribution(contribution)
        self.contributed.append(contribution)
        if result.error is not None:
            return self.work.publish_failed(result.error, NOW)
        status = SnapshotStatus.PARTIAL if contribution.errors else SnapshotStatus.SUCCESS
        stored = tuple(sorted(self.staged))
        return self.work.published(SnapshotInfo(DAY, status, stored, (), stored), NOW)

    def _apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.state.apply(change)  # which raises if the change is not legal
            self._check_counts()
        self._check()

    def _check_counts(self) -> None:
        assert sum(self.state.counts.values()) == len(self.units) == self.state.total
        for counts in self.state.by_district.values():
            assert sum(counts.values()) == 1

    def _check(self) -> None:
        assert self.work.in_flight == len(self.out)
        assert not (self.work.is_over and self.work.wants_to_publish)

    def _check_step(self, step: Step) -> None:
        if isinstance(step, ListDistricts):
            assert self.lists
            assert not self.cancelled
        if isinstance(step, Collect):
            assert not self.cancelled
            assert (step.call == "all") == (self.planned.strategy is Method.SYSTEM_WIDE)
            assert (step.call == "many") == (self.planned.strategy is Method.TARGETED and self.batch)
            assert step.districts is not None or self.planned.districts is None
            names = step.districts or ()
            assert not {*names} & {*self.called, *self.planned.existing}, "nothing is asked for twice, nor what exists"
            self.called += names
        if isinstance(step, Summarize):
            assert self.summarizes
            assert {*step.districts} == {*self.staged, *self.planned.existing}
        if isinstance(step, Publish):
            assert self.staged
            assert not self.out

    def _check_contribution(self, said: Contribution) -> None:
        expected = set(said.expected)
        failed = {error.district_id for error in said.errors}
        assert self.staged <= expected
        assert set(said.unavailable) <= expected
        assert failed <= expected
        assert not self.staged & ({*said.unavailable} | failed)
        assert not {*said.unavailable} & failed
        if not self.cancelled:
            existing = {*self.planned.existing} & expected
            assert {*self.staged, *said.unavailable, *failed, *existing} == expected
