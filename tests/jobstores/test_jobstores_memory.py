"""The job store in memory, against plain dictionaries and lists."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from backfill.errors import InvalidRequest, JobNotFound
from backfill.jobstores import MemoryJobStore
from backfill.model import (
    BackfillStatus,
    Change,
    DayListed,
    DayPublished,
    Finding,
    Found,
    JobEvent,
    JobState,
    StatusChanged,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.protocols import JobStore, SupportsErrors, SupportsEvents, SupportsOutcomes
from foundation_samples import DAY, NOW, bounded, days, make_error, make_spec

DONE = UnitsSettled(DAY, {"61": UnitState.COMPLETED})
WORKING = StatusChanged(BackfillStatus.PROCESSING, NOW)


def facts(state: JobState) -> tuple[object, ...]:
    """Return what of a state must be the same in a copy."""
    return (
        state.spec,
        state.status,
        state.status_reason,
        state.started_at,
        state.completed_at,
        dict(state.published),
        list(state.errors),
        list(state.findings),
        state.error_groups,
        dict(state.counts),
        state.by_district,
        state.unlisted,
        {day: dict(row.items()) for day, row in state.rows.items()},
    )


@pytest.fixture
def store() -> MemoryJobStore:
    """Return a store with one job of two districts."""
    store = MemoryJobStore()
    store.create(make_spec())
    return store


def test_the_memory_store_has_every_ability() -> None:
    """The memory store fits the protocol and keeps events, errors and outcomes. [R10.5, R4.1]"""
    store = MemoryJobStore()
    for protocol in (JobStore, SupportsEvents, SupportsErrors, SupportsOutcomes):
        assert isinstance(store, protocol)


# --- jobs -------------------------------------------------------------------------------------------------------------


def test_identifiers_never_collide(store: MemoryJobStore) -> None:
    """A second job of the same identifier is refused, and the first is untouched. [R4.2]"""
    with pytest.raises(ValueError, match="there is a job 'j1' already"):
        store.create(make_spec(rows=[(DAY, ("42",))]))
    assert store.load("j1").total == 2


def test_a_key_makes_one_job_of_one_request(store: MemoryJobStore) -> None:
    """The same key and request give the job that there is, planned alike or not; another request is refused with the remedy. [R4.1]"""
    first = store.create(make_spec("j2"), idempotency_key="key")
    assert store.create(make_spec("j3", fingerprint="f2"), idempotency_key="key") is first
    with pytest.raises(JobNotFound):
        store.load("j3")
    other = [(DAY + timedelta(days=1), ("61",))]
    with pytest.raises(InvalidRequest, match="used for another request before, by job j2; use a new key") as caught:
        store.create(make_spec("j4", other), idempotency_key="key")
    assert (caught.value.field, caught.value.value) == ("idempotency_key", "key")
    store.delete("j2")
    assert store.create(make_spec("j5", other), idempotency_key="key").job_id == "j5"


def test_a_job_that_cannot_be_is_not_kept() -> None:
    """A plan with a district twice is refused, and neither its identifier nor its key is taken. [R4.2]"""
    store = MemoryJobStore()
    with pytest.raises(ValueError, match="named twice"):
        store.create(make_spec(rows=[(DAY, ("61", "61"))]), idempotency_key="key")
    assert store.create(make_spec(), idempotency_key="key").job_id == "j1"


def test_what_is_loaded_is_a_copy(store: MemoryJobStore) -> None:
    """A loaded state is independent of the store's, in both directions. [R9.5]"""
    loaded = store.load("j1")
    loaded.apply(DONE)
    loaded.apply(UnitFailed(make_error("F")))
    loaded.apply(Found(Finding("odd", "x")))
    assert store.load("j1").counts[UnitState.PENDING] == 2
    assert not store.load("j1").errors
    before = facts(loaded)
    store.apply("j1", [UnitsSettled(DAY, {"61": UnitState.SKIPPED}), WORKING], at=NOW)
    assert facts(loaded) == before


def test_changes_happen_all_or_none(store: MemoryJobStore) -> None:
    """One impossible change among several leaves job, events, errors and ledger as they were. [P6, R4.3]"""
    store.apply("j1", [WORKING], at=NOW)
    before, events = facts(store.load("j1")), store.events()
    for bad in (DONE, UnitFailed(make_error("42")), DayListed(DAY, ("1",))):
        with pytest.raises(ValueError, match="job j1"):
            store.apply("j1", [DONE, UnitFailed(make_error("F")), Found(Finding("odd", "x")), bad], at=NOW)
    assert facts(store.load("j1")) == before
    assert (store.events(), store.errors("j1"), store.outcomes(DAY, DAY)) == (events, [], {})
    assert store.apply("j1", [DONE], at=NOW)[0].seq > events[-1].seq
    assert store.apply("j1", [], at=NOW) == []


def test_an_unknown_job_is_told_as_such(store: MemoryJobStore) -> None:
    """Every call that needs a job names the one that is not there; forgetting it needs none. [R4.5]"""
    for call in (lambda: store.load("j9"), lambda: store.apply("j9", [], at=NOW), lambda: store.errors("j9")):
        with pytest.raises(JobNotFound) as caught:
            call()
        assert caught.value.backfill_id == "j9"
    store.delete("j9")


def test_jobs_are_listed_newest_first_without_their_details() -> None:
    """Jobs come by their age, of two as old the one created last, by state and limit, without errors and findings. [R4.1, R6.4]"""
    store = MemoryJobStore()
    for number, age in enumerate((3, 1, 2, 1)):
        store.create(make_spec(f"j{number}", created_at=NOW - timedelta(hours=age)))
    store.apply("j2", [WORKING, UnitFailed(make_error()), Found(Finding("odd", "x"))], at=NOW)
    assert [state.spec.job_id for state in store.list()] == ["j3", "j1", "j2", "j0"]
    assert [state.spec.job_id for state in store.list(limit=2)] == ["j3", "j1"]
    assert [state.spec.job_id for state in store.list(states=[BackfillStatus.PROCESSING])] == ["j2"]
    assert store.list(states=[]) == []
    assert [state.spec.job_id for state in store.list(states=iter([BackfillStatus.QUEUED]), limit=1)] == ["j3"]
    (listed,) = store.list(states=[BackfillStatus.PROCESSING])
    assert not listed.errors
    assert not listed.findings
    assert listed.error_groups[0].count == listed.counts[UnitState.FAILED] == 1
    assert len(store.load("j2").errors) == len(store.load("j2").findings) == 1


def test_all_failures_can_be_paged_through() -> None:
    """Every failure is kept, also beyond the newest thousand that a state has, oldest first. [R6.2, R6.4]"""
    names = tuple(str(number) for number in range(1500))
    store = MemoryJobStore()
    store.create(make_spec(rows=[(DAY, names)]))
    for name in names:
        store.apply("j1", [UnitFailed(make_error(name))], at=NOW)
    assert len(store.load("j1").errors) == 1000
    assert [error.district_id for error in store.errors("j1")] == list(names[:1000])
    assert [error.district_id for error in store.errors("j1", after=1498)] == ["1498", "1499"]
    assert [error.district_id for error in store.errors("j1", after=1, limit=2)] == ["1", "2"]
    assert store.errors("j1", after=5000) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.list(limit=0),
        lambda store: store.events(limit=-1),
        lambda store: store.errors("j1", after=-1),
        lambda store: store.errors("j1", limit=True),
        lambda _store: MemoryJobStore(max_events=0),
    ],
)
def test_a_limit_is_a_number_from_1(store: MemoryJobStore, call: object) -> None:
    """A limit of nothing, or less, is a slip and refused. [R10.2]"""
    with pytest.raises(InvalidRequest):
        call(store)  # type: ignore[operator] # each is one


# --- events -----------------------------------------------------------------------------------------------------------


def test_events_tell_what_happened_in_order() -> None:
    """Events of all jobs, or of one, come in order with growing numbers, after a given one and up to a limit. [R9.5, R4.1]"""
    store = MemoryJobStore()
    store.create(make_spec("j1"))
    store.create(make_spec("j2"))
    first = store.apply("j1", [WORKING, DONE], at=NOW)
    second = store.apply("j2", [WORKING], at=NOW + timedelta(seconds=1))
    third = store.apply("j1", [DayPublished(DAY, is_partial=False, at=NOW)], at=NOW, epoch=7)
    everything = [*first, *second, *third]
    assert [(event.job_id, event.change, event.at) for event in first] == [("j1", WORKING, NOW), ("j1", DONE, NOW)]
    assert [event.seq for event in everything] == sorted({event.seq for event in everything})
    assert store.events() == everything
    assert store.events(first[1].seq) == [*second, *third]
    assert store.events(third[0].seq) == []
    assert store.events(None, job_id="j1") == [*first, *third]
    assert store.events(first[0].seq, job_id="j1", limit=1) == [first[1]]
    assert store.events(job_id="j9") == []


def test_old_events_are_forgotten() -> None:
    """So many events are kept as was asked for, of all jobs together, and numbers go on. [R9.5]"""
    store = MemoryJobStore(max_events=3)
    store.create(make_spec("j1"))
    told = [store.apply("j1", [Found(Finding("odd", str(number)))], at=NOW)[0] for number in range(5)]
    assert store.events() == told[2:]
    assert store.events(told[0].seq) == told[2:]


def test_a_forgotten_job_leaves_its_outcomes_only() -> None:
    """Cleaning up a job removes its state, errors and events; the ledger and other jobs stay. [R4.5, B5]"""
    store = MemoryJobStore()
    store.create(make_spec("j1"))
    store.create(make_spec("j2"))
    store.apply("j1", [DONE, UnitFailed(make_error("F"))], at=NOW)
    kept = store.apply("j2", [WORKING], at=NOW)
    store.delete("j1")
    assert [state.spec.job_id for state in store.list()] == ["j2"]
    assert store.events() == kept
    assert store.outcomes(DAY, DAY) == {DAY: {"61": UnitState.COMPLETED, "F": UnitState.FAILED}}
    with pytest.raises(JobNotFound):
        store.errors("j1")


# --- outcomes ---------------------------------------------------------------------------------------------------------


def test_the_last_outcome_counts() -> None:
    """The ledger has the last outcome of each unit over all jobs, ascending by day, within the range asked for. [B5]"""
    first, second, third = days(3)
    store = MemoryJobStore()
    store.create(make_spec("j1", rows=[(day, ("61", "F")) for day in (third, first, second)]))
    store.create(make_spec("j2", rows=[(first, ("F", "117"))]))
    for day in (third, second, first):
        store.apply("j1", [UnitFailed(make_error("61", day))], at=NOW)
    store.apply("j1", [UnitsSettled(first, {"F": UnitState.UNAVAILABLE})], at=NOW)
    store.apply("j2", [UnitsSettled(first, {"F": UnitState.SKIPPED, "117": UnitState.COMPLETED})], at=NOW)
    found = store.outcomes(first, second)
    assert found == {
        first: {"61": UnitState.FAILED, "F": UnitState.SKIPPED, "117": UnitState.COMPLETED},
        second: {"61": UnitState.FAILED},
    }
    assert list(found) == [first, second]
    assert store.outcomes(third + timedelta(days=1), date.max) == {}


def test_a_listed_day_is_no_longer_a_day_that_could_not_be_listed() -> None:
    """The outcome of a day as a whole gives way when the day is listed, and comes back when a later job cannot list it. [B5]"""
    store = MemoryJobStore()
    for job in ("j1", "j2", "j3"):
        store.create(make_spec(job, rows=[(DAY, None)]))
    store.apply("j1", [UnitFailed(make_error(None))], at=NOW)
    assert store.outcomes(DAY, DAY) == {DAY: {None: UnitState.FAILED}}
    store.apply("j2", [DayListed(DAY, ("61",))], at=NOW)
    assert store.outcomes(DAY, DAY) == {}
    store.apply("j2", [DONE], at=NOW)
    assert store.outcomes(DAY, DAY) == {DAY: {"61": UnitState.COMPLETED}}
    store.apply("j3", [UnitsSettled(DAY, {None: UnitState.UNAVAILABLE})], at=NOW)
    assert store.outcomes(DAY, DAY) == {DAY: {None: UnitState.UNAVAILABLE, "61": UnitState.COMPLETED}}


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


# --- all of it together -----------------------------------------------------------------------------------------------


@bounded
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["single", "targeted", "all", "retry"])), max_size=8))
def test_p1_jobs_of_all_kinds_live_in_one_queue(wanted: list[tuple[str, str]]) -> None:
    """Whatever kinds of job are created, one list has them all, and no identifier is given twice. [P1, R4.1, R4.2]"""
    rows: dict[str, tuple[str, ...] | None] = {"single": ("61",), "targeted": ("61", "F"), "all": None, "retry": ("F",)}
    store, accepted = MemoryJobStore(), list[str]()
    for name, kind in wanted:
        spec = make_spec(name, rows=[(DAY, rows[kind])], fingerprint=kind)
        if name in accepted:
            with pytest.raises(ValueError, match="already"):
                store.create(spec)
        else:
            store.create(spec)
            accepted.append(name)
    assert [state.spec.job_id for state in store.list()] == accepted[::-1]


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

    @rule(
        name=st.sampled_from("abc"),
        changes=st.lists(
            st.one_of(
                st.builds(DayListed, st.sampled_from(days(2)), st.just(("61", "F"))),
                st.builds(
                    lambda day, name, state: UnitsSettled(day, {name: state}),
                    st.sampled_from(days(2)),
                    st.sampled_from([None, "61", "F"]),
                    st.sampled_from([state for state in UnitState if state is not UnitState.PENDING]),
                ),
                st.builds(
                    lambda name, day: UnitFailed(make_error(name, day)),
                    st.sampled_from([None, "61", "F"]),
                    st.sampled_from(days(2)),
                ),
                st.builds(StatusChanged, st.sampled_from([BackfillStatus.PROCESSING, BackfillStatus.COMPLETE]), st.just(NOW)),
            ),
            max_size=3,
        ),
    )
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


def test_threads_share_a_store() -> None:
    """Jobs may be changed, listed and watched from several threads at once; no event is lost or told twice. [R4.1, R9.5]"""
    threads, units = 4, 60
    names = tuple(str(number) for number in range(units))
    store, begin = MemoryJobStore(), threading.Barrier(threads + 1)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work(number: int) -> None:
        job = f"j{number}"
        store.create(make_spec(job, rows=[(DAY, names)]))
        begin.wait(timeout=30)
        for name in names:
            store.apply(job, [UnitsSettled(DAY, {name: UnitState.COMPLETED})], at=NOW)

    try:
        with ThreadPoolExecutor(threads) as pool:
            workers = [pool.submit(work, number) for number in range(threads)]
            begin.wait(timeout=30)
            while not all(worker.done() for worker in workers):
                for state in store.list():
                    assert sum(state.counts.values()) == state.total == units
        assert [worker.exception() for worker in workers] == [None] * threads
    finally:
        sys.setswitchinterval(interval)
    events = store.events()
    assert [event.seq for event in events] == list(range(1, threads * units + 1))
    for number in range(threads):
        mine = [event.change for event in events if event.job_id == f"j{number}"]
        assert mine == [UnitsSettled(DAY, {name: UnitState.COMPLETED}) for name in names]
