"""What both job stores must do beside the contract that is shipped for all, as a class of tests over one fixture."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta, timezone

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfill.errors import InvalidRequest, JobNotFound
from backfill.model import (
    BackfillStatus,
    Change,
    DayListed,
    DayPublished,
    Finding,
    Found,
    JobState,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.model.job import NEWEST
from backfill.testing import VirtualClock
from foundation_samples import DAY, NOW, bounded, days, make_error, make_spec
from jobstores.jobstore_cases import (
    ABILITIES,
    DONE,
    ENDED,
    PAUSED,
    WORKING,
    FullJobStore,
    MakeStore,
    facts,
)


class FurtherContract:
    """Subclass it, and give it a fixture ``make_store`` that returns a `MakeStore`."""

    @pytest.fixture
    def clock(self) -> VirtualClock:
        """Return the time that the store sees."""
        return VirtualClock(NOW)

    @pytest.fixture
    def store(self, make_store: MakeStore) -> FullJobStore:
        """Return a store with one job, j1, of two districts."""
        store = make_store()
        store.create(make_spec())
        return store

    def test_has_every_ability(self, make_store: MakeStore) -> None:
        """The store fits the protocols: events, errors, outcomes, leases, requests and claims. [R10.5, R4.1]"""
        for protocol in ABILITIES:
            assert isinstance(make_store(), protocol)

    def test_an_empty_store_holds_nothing(self, make_store: MakeStore) -> None:
        """A store without jobs lists none, and has neither events nor outcomes, nor anything to take over. [R4.1]"""
        store = make_store()
        assert not store.list()
        assert not store.events()
        assert not store.abandoned(NOW)
        assert store.events(job_id="j1") == []
        assert store.outcomes(date.min, date.max) == {}

    # --- jobs -----------------------------------------------------------------------------------------------------------

    def test_what_was_created_is_loaded(self, store: FullJobStore) -> None:
        """A new job is queued, with its plan as it was accepted and every unit pending. [R4.1, R4.3]"""
        spec = make_spec("j2", rows=[(day, row) for day, row in zip(days(3)[::-1], (("F", "61"), None, ()), strict=True)])
        assert store.create(spec) == spec
        assert facts(store.load("j2")) == facts(JobState(spec))

    def test_a_key_makes_one_job_of_one_request(self, store: FullJobStore) -> None:
        """The same key and request give the job that there is, planned alike or not; another request is refused. [R4.1]"""
        first = store.create(make_spec("j2"), idempotency_key="key \ud800")
        assert store.create(make_spec("j3", fingerprint="f2"), idempotency_key="key \ud800") == first
        with pytest.raises(JobNotFound):
            store.load("j3")
        other = [(DAY + timedelta(days=1), ("61",))]
        with pytest.raises(InvalidRequest, match="used for another request before, by job j2; use a new key") as caught:
            store.create(make_spec("j4", other), idempotency_key="key \ud800")
        assert (caught.value.field, caught.value.value) == ("idempotency_key", "key \ud800")
        store.delete("j2")
        assert store.create(make_spec("j5", other), idempotency_key="key \ud800").job_id == "j5"

    def test_what_is_listed_is_a_copy(self, store: FullJobStore) -> None:
        """A listed state is independent of the store's, also when its job has ended. [R9.5]"""
        store.apply("j1", [WORKING, ENDED], at=NOW)
        (first,) = store.list()
        before = facts(first)
        first.published[DAY] = True
        first.by_district["61"][UnitState.PENDING] = 7
        (second,) = store.list()
        assert facts(second) == before

    def test_every_kind_of_change_is_kept(self, store: FullJobStore) -> None:
        """A loaded job is what its changes make of it, whatever they are, one by one or several at once. [R4.3, R6.2, R6.4]"""
        first, second, third, fourth = days(4)
        spec = make_spec("j2", rows=[(third, ("61", "F")), (second, None), (first, None), (fourth, None)])
        expected = JobState(spec)
        store.create(spec)
        history: tuple[list[Change], ...] = (
            [WORKING],
            [DayListed(second, ("F", "01")), DayListed(fourth, ("61", "F"))],
            [UnitAttempted(make_error("F", second, attempts=1)), UnitAttempted(make_error(None, first, attempts=2))],
            [UnitAttempted(make_error("F", second, attempts=2, message="again"))],
            [UnitsSettled(second, {"01": UnitState.COMPLETED}), UnitsSettled(third, {"F": UnitState.SKIPPED})],
            [UnitFailed(make_error("61", third, kind="timeout")), Found(Finding("odd", "\ud800\x00", third, "61"))],
            [DayPublished(third, is_partial=True, at=NOW), DayPublished(second, is_partial=True, at=NOW)],
            [PAUSED],
            [WORKING, UnitFailed(make_error("F", second, attempts=3, message="in the end"))],
            [DayPublished(third, is_partial=False, at=NOW), UnitAttempted(make_error(None, first, attempts=3))],
            [UnitsSettled(first, {None: UnitState.UNAVAILABLE})],
            [StatusChanged(BackfillStatus.PARTIAL_SUCCESS, NOW + timedelta(hours=1), "two units failed")],
        )
        for changes in history:
            events = store.apply("j2", changes, at=NOW)
            assert [event.change for event in events] == changes
            for change in changes:
                expected.apply(change)
            assert facts(store.load("j2")) == facts(expected)
        assert [event.change for event in store.events()] == [change for changes in history for change in changes]

    def test_changes_happen_all_or_none(self, store: FullJobStore) -> None:
        """One impossible change among several leaves job, events, errors and ledger as they were. [P6, R4.3]"""
        store.apply("j1", [WORKING], at=NOW)
        before, events = facts(store.load("j1")), store.events()
        impossible: tuple[Change, ...] = (DONE, UnitFailed(make_error("42")), DayListed(DAY, ("1",)), WORKING)
        for bad in impossible:
            changes: list[Change] = [DONE, UnitFailed(make_error("F")), Found(Finding("odd", "x")), bad]
            with pytest.raises(ValueError, match="job j1"):
                store.apply("j1", changes, at=NOW)
        assert facts(store.load("j1")) == before
        assert (store.events(), store.errors("j1"), store.outcomes(DAY, DAY)) == (events, [], {})
        assert store.apply("j1", [DONE], at=NOW)[0].seq > events[-1].seq
        assert store.apply("j1", [], at=NOW) == []

    def test_an_unknown_job_is_told_as_such(self, store: FullJobStore) -> None:
        """Every call that needs a job names the one that is not there; forgetting it needs none. [R4.5]"""
        calls: tuple[Callable[[str], object], ...] = (store.load, lambda name: store.apply(name, [], at=NOW), store.errors)
        for name in ("j9", "\ud800"):
            for call in calls:
                with pytest.raises(JobNotFound) as caught:
                    call(name)
                assert caught.value.backfill_id == name
            store.delete(name)
            assert store.events(job_id=name) == []

    def test_jobs_are_listed_newest_first_without_their_details(self, make_store: MakeStore) -> None:
        """Jobs come by their age, of two as old the one created last, by state and limit, without errors and findings. [R4.1, R6.4]"""
        store = make_store()
        east = timezone(timedelta(hours=9))
        for number, age in enumerate((3, 1, 2, 1)):
            at = NOW - timedelta(hours=age)
            store.create(make_spec(f"j{number}", created_at=at.astimezone(east) if number % 2 else at))
        changes: list[Change] = [WORKING, UnitFailed(make_error()), UnitAttempted(make_error("F")), Found(Finding("odd", "x"))]
        store.apply("j2", changes, at=NOW)
        assert [state.spec.job_id for state in store.list()] == ["j3", "j1", "j2", "j0"]
        assert [state.spec.job_id for state in store.list(limit=2)] == ["j3", "j1"]
        assert [state.spec.job_id for state in store.list(states=[BackfillStatus.PROCESSING])] == ["j2"]
        assert store.list(states=[]) == []
        assert [state.spec.job_id for state in store.list(states=iter([BackfillStatus.QUEUED]), limit=1)] == ["j3"]
        (listed,) = store.list(states=[BackfillStatus.PROCESSING])
        assert not listed.errors
        assert not listed.findings
        assert not listed.attempts
        assert listed.error_groups[0].count == listed.counts[UnitState.FAILED] == 1
        loaded = store.load("j2")
        assert len(loaded.errors) == len(loaded.findings) == len(loaded.attempts) == 1

    def test_the_newest_findings_are_kept(self, store: FullJobStore) -> None:
        """A loaded state has the newest thousand findings, oldest first. [R9.5]"""
        for start in range(0, NEWEST + 200, 100):
            store.apply("j1", [Found(Finding("odd", str(number))) for number in range(start, start + 100)], at=NOW)
        assert [finding.message for finding in store.load("j1").findings] == [str(number) for number in range(200, NEWEST + 200)]

    @pytest.mark.parametrize(
        "call",
        [
            lambda store, _make: store.list(limit=0),
            lambda store, _make: store.events(limit=-1),
            lambda store, _make: store.errors("j1", after=-1),
            lambda store, _make: store.errors("j1", limit=True),
            lambda store, _make: store.acquire("j1", "me", ttl=0),
            lambda store, _make: store.request("j1", "wait"),
            lambda _store, make: make(max_events=0),
        ],
    )
    def test_slips_are_refused(
        self, store: FullJobStore, make_store: MakeStore, call: Callable[[FullJobStore, MakeStore], object]
    ) -> None:
        """A limit of nothing or less, a lease for no time, and a request for what there is not are slips, and refused. [R10.2]"""
        with pytest.raises(InvalidRequest):
            call(store, make_store)

    # --- events ---------------------------------------------------------------------------------------------------------

    def test_old_events_are_forgotten(self, make_store: MakeStore) -> None:
        """So many events of a job are kept as was asked for, and numbers go on. [R9.5]"""
        store = make_store(max_events=3)
        store.create(make_spec("j1"))
        told = [store.apply("j1", [Found(Finding("odd", str(number)))], at=NOW)[0] for number in range(5)]
        assert store.events() == told[2:]
        assert store.events(told[0].seq) == told[2:]

    # --- outcomes -------------------------------------------------------------------------------------------------------

    def test_an_attempt_is_no_outcome(self, store: FullJobStore) -> None:
        """A failed attempt at a unit that is still to be done leaves the ledger as it is. [B5, R6.5]"""
        store.apply("j1", [UnitAttempted(make_error("61"))], at=NOW)
        assert store.outcomes(DAY, DAY) == {}

    def test_of_a_rebuild_only_what_was_completed_is_an_outcome(self, make_store: MakeStore) -> None:
        """What fails when it is made anew leaves what is known of the collection as it is. [B4, B5, R6.5]"""
        store = make_store()
        for name, operation in (("j1", "backfill"), ("j2", "rebuild"), ("j3", "rerank")):
            store.create(evolve(make_spec(name, rows=[(DAY, ("61", "F", "U"))]), operation=operation))
            store.apply(name, [WORKING], at=NOW)
        store.apply("j1", [UnitsSettled(DAY, {"61": UnitState.COMPLETED}), UnitFailed(make_error("F"))], at=NOW)
        again: list[Change] = [
            UnitFailed(make_error("61")),
            UnitsSettled(DAY, {"F": UnitState.COMPLETED, "U": UnitState.UNAVAILABLE}),
        ]
        for name in ("j2", "j3"):
            store.apply(name, again if name == "j2" else again[:1], at=NOW)
            kept = {name: state for name, state in store.outcomes(DAY, DAY)[DAY].items() if state is not UnitState.PENDING}
            assert kept == {"61": UnitState.COMPLETED, "F": UnitState.COMPLETED}

    # --- all of it together ---------------------------------------------------------------------------------------------

    @settings(bounded, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors])
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["single", "targeted", "all", "retry"])), max_size=8))
    def test_p1_jobs_of_all_kinds_live_in_one_queue(self, make_store: MakeStore, wanted: list[tuple[str, str]]) -> None:
        """Whatever kinds of job are created, one list has them all, and no identifier is given twice. [P1, R4.1, R4.2]"""
        rows: dict[str, tuple[str, ...] | None] = {"single": ("61",), "targeted": ("61", "F"), "all": None, "retry": ("F",)}
        store, accepted = make_store(), list[str]()
        for name, kind in wanted:
            spec = make_spec(name, rows=[(DAY, rows[kind])], fingerprint=kind)
            if name in accepted:
                with pytest.raises(ValueError, match="already"):
                    store.create(spec)
            else:
                store.create(spec)
                accepted.append(name)
        assert [state.spec.job_id for state in store.list()] == accepted[::-1]
