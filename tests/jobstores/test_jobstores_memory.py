"""The job store in memory keeps the contract, and is small."""

from __future__ import annotations

import tracemalloc
from datetime import date

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from backfill.errors import JobNotFound
from backfill.jobstores import MemoryJobStore
from backfill.model import Change, DayListed, JobEvent, JobState, UnitFailed, UnitsSettled, UnitState
from backfill.testing import VirtualClock
from foundation_samples import NOW, days, make_spec
from jobstores.jobstore_cases import FullJobStore, MakeStore, facts, some_changes
from jobstores.jobstore_further import FurtherContract
from jobstores.jobstore_owners import Elsewhere, OwnersContract


def test_it_shows_how_many_jobs_it_holds() -> None:
    """Its representation is short, however much it holds. [R10.4]"""
    store = MemoryJobStore()
    store.create(make_spec())
    assert repr(store) == "<MemoryJobStore: 1 jobs>"


class TestMemoryJobStore(FurtherContract, OwnersContract):
    """The store in memory."""

    @pytest.fixture
    def make_store(self, clock: VirtualClock) -> MakeStore:
        """Return what makes an empty store."""

        def make(*, max_events: int = 10_000) -> FullJobStore:
            return MemoryJobStore(max_events=max_events, clock=clock)

        return make

    @pytest.fixture
    def elsewhere(self) -> Elsewhere:
        """Return what gives the store as others have it: the life of a thread cannot be seen from any other."""
        return lambda store: store


def test_a_hundred_thousand_units_stay_small() -> None:
    """A job of 100,000 units and its ledger take less than ten megabytes, however often its state is copied. [R9.5]"""
    names = tuple(f"district-{number}" for number in range(1000))
    spec = make_spec(rows=[(day, names) for day in days(100)])
    changes = [UnitsSettled(day, dict.fromkeys(names, UnitState.COMPLETED)) for day in days(100)]
    tracemalloc.start()
    try:
        store = MemoryJobStore(max_events=1)
        store.create(spec)
        for change in changes:
            store.apply("j1", [change], at=NOW)
        copies = [store.load("j1") for _ in range(3)]
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10_000_000
    assert copies[0].counts[UnitState.COMPLETED] == 100_000
    assert sum(len(row) for row in store.outcomes(date.min, date.max).values()) == 100_000


def test_old_events_of_all_jobs_are_forgotten_together() -> None:
    """In memory the bound on events is one for all jobs, so that their number does not grow with that of the jobs. [R9.5]"""
    store = MemoryJobStore(max_events=2)
    told: list[JobEvent] = []
    for name in ("j1", "j2", "j3"):
        store.create(make_spec(name))
        told += store.apply(name, [UnitsSettled(days(1)[0], {"61": UnitState.COMPLETED})], at=NOW)
    assert store.events() == told[1:]


class StoreMachine(RuleBasedStateMachine):
    """A store beside states and lists of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryJobStore(max_events=8)
        self.states: dict[str, JobState] = {}
        self.events: list[JobEvent] = []
        self.outcomes: dict[tuple[date, str | None], UnitState] = {}

    @rule(name=st.sampled_from("abc"), rows=st.lists(st.none() | st.just(("61", "F")), min_size=1, max_size=2))
    def create(self, name: str, rows: list[tuple[str, ...] | None]) -> None:
        """Create a job, or fail to."""
        spec = make_spec(name, rows=list(zip(days(len(rows)), rows, strict=True)))
        if name in self.states:
            with pytest.raises(ValueError, match="already"):
                self.store.create(spec)
        else:
            self.store.create(spec)
            self.states[name] = JobState(spec)

    @rule(name=st.sampled_from("abc"))
    def delete(self, name: str) -> None:
        """Forget a job, or none."""
        self.store.delete(name)
        self.states.pop(name, None)
        self.events = [event for event in self.events if event.job_id != name]

    @rule(name=st.sampled_from("abc"), changes=st.lists(some_changes, max_size=3))
    def apply(self, name: str, changes: list[Change]) -> None:
        """Apply changes, all or none."""
        if name not in self.states:
            with pytest.raises(JobNotFound):
                self.store.apply(name, changes, at=NOW)
            return
        after = self.states[name].copy()
        try:
            for change in changes:
                after.apply(change)
        except ValueError:
            with pytest.raises(ValueError, match="job"):
                self.store.apply(name, changes, at=NOW)
            return
        self.events = [*self.events, *self.store.apply(name, changes, at=NOW)][-8:]
        self.states[name] = after
        for change in changes:
            self._settle(change)

    def _settle(self, change: Change) -> None:
        if isinstance(change, DayListed):
            self.outcomes.pop((change.day, None), None)
        elif isinstance(change, UnitsSettled):
            self.outcomes |= {(change.day, name): state for name, state in change.states.items()}
        elif isinstance(change, UnitFailed):
            self.outcomes[change.error.day, change.error.district_id] = UnitState.FAILED

    @invariant()
    def all_agree(self) -> None:
        """States, events and outcomes are those of the model."""
        assert {state.spec.job_id for state in self.store.list()} == set(self.states)
        for name, state in self.states.items():
            assert facts(self.store.load(name)) == facts(state)
            assert list(self.store.errors(name)) == list(state.errors)
        assert self.store.events() == self.events
        found = self.store.outcomes(date.min, date.max)
        assert {(day, name): state for day, row in found.items() for name, state in row.items()} == self.outcomes


def test_p6_a_store_agrees_with_a_model() -> None:
    """For any calls in any order states, events, errors and outcomes are those of plain dictionaries. [P6, P1, R4.1, R4.5]"""
    run_state_machine_as_test(
        StoreMachine, settings=settings(max_examples=50, stateful_step_count=20, deadline=None, database=None)
    )
