"""A job store beside the model of a job, dictionaries and lists. Loads hypothesis."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backfill.errors import JobNotFound
from backfill.model import (
    BackfillStatus,
    Change,
    DayListed,
    DayPublished,
    JobEvent,
    JobState,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.protocols import JobStore, SupportsErrors, SupportsEvents, SupportsOutcomes
from backfill.testing._machines import limits, run_machine
from backfill.testing.contracts._asserting import equal, refused
from backfill.testing.contracts._job_hooks import facts, same_state
from backfill.testing.samples import NOON, days, failure, job_spec

_NAMES = st.sampled_from("abc")
_DAYS = st.sampled_from(days(2))
_UNITS = st.sampled_from([None, "61", "F"])
_PICKS = st.integers(0, 6)
_HANDS = st.integers(0, 2)
_ENDS = (BackfillStatus.COMPLETE, BackfillStatus.CANCELLED)

_SETTLING: st.SearchStrategy[Change] = st.one_of(
    st.builds(DayListed, _DAYS, st.just(("61", "F"))),
    st.builds(
        lambda day, unit, state: UnitsSettled(day, {unit: state}),
        _DAYS,
        _UNITS,
        st.sampled_from([state for state in UnitState if state is not UnitState.PENDING]),
    ),
    st.builds(lambda unit, day: UnitFailed(failure(unit, day=day)), _UNITS, _DAYS),
    st.builds(lambda unit, day, text: UnitAttempted(failure(unit, day=day, message=text)), _UNITS, _DAYS, st.sampled_from("xy")),
    st.builds(DayPublished, _DAYS, st.booleans(), st.just(NOON)),
)
_CHANGES = _SETTLING | st.builds(StatusChanged, st.sampled_from([BackfillStatus.PROCESSING, *_ENDS]), st.just(NOON))


class JobMachine(RuleBasedStateMachine):
    """The calls, and what they do to the model. `run` says which store."""

    places: str
    make_store: Callable[[Path], JobStore]
    durable: bool

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(dir=self.places))
        self.states: dict[str, JobState] = {}
        self.events: list[JobEvent] = []
        self.outcomes: dict[tuple[date, str | None], UnitState] = {}
        self.store = type(self).make_store(self.place)

    @rule(name=_NAMES, rows=st.lists(st.none() | st.just(("61", "F")), min_size=1, max_size=2))
    def create(self, name: str, rows: list[tuple[str, ...] | None]) -> None:
        """Create a job, or fail to."""
        spec = job_spec(name, list(zip(days(len(rows)), rows, strict=True)))
        if name in self.states:
            with refused(ValueError, f"a second job {name!r}"):
                self.store.create(spec)
        else:
            self.store.create(spec)
            self.states[name] = JobState(spec)

    @rule(pick=_PICKS)
    def delete(self, pick: int) -> None:
        """Forget a job, or none."""
        name = self._picked(pick)
        self.store.delete(name)
        self.states.pop(name, None)
        self.events = [event for event in self.events if event.job_id != name]

    @rule(pick=_PICKS, changes=st.lists(_CHANGES, max_size=3))
    def apply(self, pick: int, changes: list[Change]) -> None:
        """Apply changes, all or none."""
        name = self._picked(pick)
        if name not in self.states:
            with refused(JobNotFound, f"changes of {name!r}, which is not there"):
                self.store.apply(name, changes, at=NOON)
            return
        after = self.states[name].copy()
        try:
            for change in changes:
                after.apply(change)
        except ValueError:
            with refused(ValueError, f"{changes} of {name!r}, which are impossible"):
                self.store.apply(name, changes, at=NOON)
            return
        self.events += self.store.apply(name, changes, at=NOON)
        self.states[name] = after
        for change in changes:
            self._settle(change)

    @rule(pick=_PICKS, change=_SETTLING)
    def settle(self, pick: int, change: Change) -> None:
        """Apply one change, so that more often than not something happens."""
        self.apply(pick, [change])

    @rule(pick=_PICKS, status=st.sampled_from(_ENDS))
    def end(self, pick: int, status: BackfillStatus) -> None:
        """Begin a job, and end it."""
        self.apply(pick, [StatusChanged(BackfillStatus.PROCESSING, NOON), StatusChanged(status, NOON)])

    def _picked(self, pick: int) -> str:
        return (sorted(self.states) or ["a"])[pick % max(1, len(self.states))] if pick else "none"

    def _settle(self, change: Change) -> None:
        if isinstance(change, DayListed):
            self.outcomes.pop((change.day, None), None)
        elif isinstance(change, UnitsSettled):
            self.outcomes |= {(change.day, unit): state for unit, state in change.states.items()}
        elif isinstance(change, UnitFailed):
            self.outcomes[change.error.day, change.error.district_id] = UnitState.FAILED

    @rule()
    def reopen(self) -> None:
        """Open the store anew."""
        if self.durable:
            close_store(self.store)
            self.store = type(self).make_store(self.place)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """States, events, failures and outcomes are those of the model."""
        store = self.store
        equal({state.spec.job_id for state in store.list()}, set(self.states), "jobs listed")
        for name, state in self.states.items():
            same_state(store.load(name), facts(state), f"state of {name!r}")
            if isinstance(store, SupportsErrors):
                equal(list(store.errors(name)), list(state.errors), f"failures of {name!r}")
        if isinstance(store, SupportsEvents):
            found = list(store.events())
            equal(found, self.events[len(self.events) - len(found) :], "events, the newest of them")
        if isinstance(store, SupportsOutcomes):
            ledger = store.outcomes(date.min, date.max)
            outcomes = {(day, unit): state for day, row in ledger.items() for unit, state in row.items()}
            equal(outcomes, self.outcomes, "outcomes")

    def teardown(self) -> None:
        """Remove the files."""
        close_store(self.store)
        shutil.rmtree(self.place)


def close_store(store: JobStore) -> None:
    """Close a store, if it can be closed."""
    close = getattr(store, "close", None)
    if callable(close):
        close()


def run(make_store: Callable[[Path], JobStore], *, durable: bool, examples: int, steps: int, shortest: bool) -> None:
    """Run the machine against a store; see `backfill.testing.stateful`."""
    of_store = {"make_store": staticmethod(make_store), "durable": durable}
    run_machine(JobMachine, of_store, settings=limits(examples, steps, shortest=shortest))
