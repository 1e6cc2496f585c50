"""What every job store must do: keep jobs, and let them change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from attrs import evolve

from backfill.errors import InvalidRequest, JobNotFound
from backfill.model import (
    BackfillRequest,
    BackfillScope,
    BackfillStatus,
    Change,
    CollectionStrategy,
    DayListed,
    DayPublished,
    Doubt,
    Finding,
    Found,
    Gap,
    JobSpec,
    JobState,
    Method,
    PlannedDay,
    ScopeKind,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.protocols import JobStore, SupportsKeys, SupportsPages
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._job_hooks import DONE, ENDED, PAUSED, WORKING, JobHooks, facts, same_state, skip_ability
from backfill.testing.samples import DAY, NOON, days, failure, job_spec


def a_whole_plan() -> JobSpec:
    """Return a job in which no field has its default."""
    request = BackfillRequest(
        "2024-01-29", "2024-02-02", ["61", "F"], "per-district", "full", 7, retry_failures=False, skip_existing=False,
        enable_caching=False, min_interval=0.25, frequency="daily", order="oldest-first",
    )  # fmt: skip
    first, second, third = days(3)
    plan = evolve(
        job_spec().plan,
        request=request,
        scope=BackfillScope(
            ScopeKind.TARGETED, ("61", "F"), (Doubt("6 1", "is not configured", ("61",)),), (Doubt("F", "ä new one", ("G", "H")),)
        ),
        strategy=CollectionStrategy(Method.TARGETED, "summary", "since “several” are named"),
        source="quelle",
        days=(
            PlannedDay(
                first, first + timedelta(days=5), None, first + timedelta(days=9), Method.PER_DISTRICT, ("61", "F"), ("F",)
            ),
            PlannedDay(second, None, Gap.CLOSING, None, Method.TARGETED, ("61",), listed=True),
            PlannedDay(third, None, None, None, Method.SYSTEM_WIDE, None),
        ),
        requests={"club": 12, "unknown": None},
        seconds_at_rate=2.5,
        exact=False,
        fingerprint="f9",
    )
    return JobSpec("j9", NOON, plan, retry_of="j8", operation="refresh", asked='["retry", "j8"]')


class KeepingContract(JobHooks):
    """Jobs are kept, each once, and change as a whole or not at all."""

    def test_it_has_every_member(self) -> None:
        """The store has every member of the protocol. [B7, R10.5, R4.1]"""
        holds(isinstance(self.new_store(), JobStore), "the store lacks a member of backfill.protocols.JobStore")

    def test_no_job_is_lost(self) -> None:
        """What was accepted is there: loaded and listed, queued, with all its units pending. [R4.1, B2]"""
        store = self.new_store()
        for number in range(3):
            spec = job_spec(f"j{number}", created_at=NOON + timedelta(seconds=number))
            equal(store.create(spec), spec, "what create returns")
        for number in range(3):
            state = store.load(f"j{number}")
            equal((state.spec.job_id, state.status), (f"j{number}", BackfillStatus.QUEUED), "job loaded, and its status")
            equal(state.counts[UnitState.PENDING], 2, "pending units of a job that has not begun")
        equal([state.spec.job_id for state in store.list()], ["j2", "j1", "j0"], "jobs listed")

    def test_a_plan_comes_back_whole(self) -> None:
        """Every field of a job and its plan is loaded and listed as it was created. [P4, B1, R3.3]"""
        store = self.new_store()
        spec = a_whole_plan()
        store.create(spec)
        for name in ("job_id", "created_at", "retry_of", "operation", "asked"):
            equal(getattr(store.load("j9").spec, name), getattr(spec, name), f"{name} of the job")
        for name in ("request", "scope", "strategy", "source", "days", "requests", "seconds_at_rate", "exact", "fingerprint"):
            equal(getattr(store.load("j9").spec.plan, name), getattr(spec.plan, name), f"{name} of the plan")
        equal(store.list()[0].spec, spec, "the job as it is listed")

    def test_p1_identifiers_never_collide(self) -> None:
        """A second job of the same identifier is refused, and the first is untouched. [P1, R4.2]"""
        store = self.new_store()
        store.create(job_spec("j1"))
        with refused(ValueError, "a second job 'j1'", naming="j1"):
            store.create(job_spec("j1", [(DAY, ("42",))]))
        equal(store.load("j1").spec, job_spec("j1"), "the first job 'j1'")

    def test_a_key_makes_one_job(self) -> None:
        """The same key and request give the job that there is, planned alike or not. [R4.1, R8.5]"""
        store = self.new_store()
        first = store.create(job_spec("j1"), idempotency_key="key")
        equal(
            store.create(job_spec("j2", fingerprint="f2"), idempotency_key="key"),
            first,
            "what a second create with the key returns",
        )
        with refused(JobNotFound, "the job that was not created", naming="j2"):
            store.load("j2")
        equal(store.create(job_spec("j3"), idempotency_key="another key").job_id, "j3", "job created with another key")

    def test_a_key_of_another_request_is_refused(self) -> None:
        """A key cannot stand for two requests; it is free again when its job is forgotten. [R4.1, R8.5]"""
        store = self.new_store()
        store.create(job_spec("j1"), idempotency_key="key")
        other = [(DAY + timedelta(days=1), ("61",))]
        with refused(InvalidRequest, "a key that was used for another request", naming="key"):
            store.create(job_spec("j2", other), idempotency_key="key")
        store.delete("j1")
        equal(
            store.create(job_spec("j3", other), idempotency_key="key").job_id, "j3", "job created with the key that is free again"
        )

    def test_what_was_asked_for_is_compared_where_it_is_said(self) -> None:
        """Under a key of something that is no request, another plan is the same, and nothing else is. [R4.1, R8.5]"""
        store = self.new_store()
        first = store.create(evolve(job_spec("j1"), asked='["gaps"]'), idempotency_key="key")
        other = job_spec("j2", [(DAY + timedelta(days=1), ("61",))])
        equal(
            store.create(evolve(other, asked='["gaps"]'), idempotency_key="key"), first, "the job of the key, planned otherwise"
        )
        for asked in ('["retry", "j1"]', None):
            with refused(InvalidRequest, "a key that was used for something else", naming="key"):
                store.create(evolve(job_spec("j3"), asked=asked), idempotency_key="key")

    def test_a_job_is_found_by_its_key(self) -> None:
        """A store that can look keys up returns the job of a key until it is forgotten, and none for one that it does not know. [R8.5]"""
        store = self.new_store()
        if not isinstance(store, SupportsKeys):
            skip_ability("SupportsKeys")
        equal(store.created_with("key"), None, "the job of a key that was never used")
        whole = store.create(a_whole_plan(), idempotency_key="key")
        store.create(job_spec("j1"))
        equal(store.created_with("key"), whole, "the job of the key")
        store.apply("j9", [WORKING, ENDED], at=NOON)
        equal(store.created_with("key"), whole, "the job of the key, when it has ended")
        equal(store.created_with("KEY"), None, "the job of another key")
        store.delete("j9")
        equal(store.created_with("key"), None, "the job of the key of a forgotten job")

    def test_a_job_that_cannot_be_is_not_kept(self) -> None:
        """A plan with a district twice is refused, and neither its identifier nor its key is taken. [R4.2]"""
        store = self.new_store()
        with refused(ValueError, "a plan that names a district twice on one day"):
            store.create(job_spec("j1", [(DAY, ("61", "61"))]), idempotency_key="key")
        equal(store.create(job_spec("j1"), idempotency_key="key").job_id, "j1", "job created afterwards")

    def test_what_is_loaded_is_a_copy(self) -> None:
        """A loaded state is independent of the store's, in both directions. [R9.5]"""
        store = self.new_store()
        store.create(job_spec("j1"))
        loaded = store.load("j1")
        for change in (DONE, UnitFailed(failure("F")), Found(Finding("odd", "x"))):
            loaded.apply(change)
        before = facts(loaded)
        same_state(store.load("j1"), facts(JobState(job_spec("j1"))), "the stored state after a loaded one was changed")
        store.apply("j1", [UnitsSettled(DAY, {"61": UnitState.SKIPPED}), WORKING], at=NOON)
        same_state(loaded, before, "the loaded state after the stored one was changed")

    def test_what_is_listed_is_a_copy(self) -> None:
        """A listed state is independent of the store's, also when its job has ended. [R9.5]"""
        store = self.new_store()
        store.create(job_spec("j1"))
        store.apply("j1", [WORKING, ENDED], at=NOON)
        (first,) = store.list()
        before = facts(first)
        first.published[DAY] = True
        first.by_district["61"][UnitState.PENDING] = 7
        (second,) = store.list()
        same_state(second, before, "a listed state after one that was listed before was changed")

    def test_every_change_is_kept(self) -> None:
        """Status, list, outcomes, failures, publications and findings are loaded as if applied one after the other. [R4.3, R6.2, R6.4]"""
        store = self.new_store()
        spec = job_spec("j1", [(DAY, None), (DAY + timedelta(days=1), ("61", "F"))])
        changes: list[Change] = [
            StatusChanged(BackfillStatus.PROCESSING, NOON, "ä “reason” \ud800"),
            UnitAttempted(failure(None, message="once")),
            DayListed(DAY, ("1", "2", "3")),
            UnitAttempted(failure("3", message="once")),
            UnitAttempted(failure("3", message="twice")),
            PAUSED,
            WORKING,
            UnitsSettled(DAY, {"1": UnitState.COMPLETED, "2": UnitState.UNAVAILABLE}),
            UnitFailed(failure("3", message="line\nbreak and \\ and \u0000")),
            DayPublished(DAY, is_partial=True, at=NOON + timedelta(seconds=1)),
            UnitsSettled(DAY + timedelta(days=1), {"61": UnitState.SKIPPED, "F": UnitState.COMPLETED}),
            Found(Finding("odd", "“text”", DAY, "3")),
            StatusChanged(BackfillStatus.PARTIAL_SUCCESS, NOON + timedelta(seconds=2)),
        ]
        expected = JobState(spec)
        store.create(spec)
        for number, change in enumerate(changes):
            expected.apply(change)
            events = store.apply("j1", [change], at=NOON + timedelta(seconds=number))
            told = [(event.job_id, event.change, event.at) for event in events]
            equal(told, [("j1", change, NOON + timedelta(seconds=number))], "what apply returns")
            same_state(store.load("j1"), facts(expected), f"the state after {type(change).__name__}")

    def test_changes_happen_all_or_none(self) -> None:
        """One impossible change among several leaves the job as it was. [P6, R4.3]"""
        store = self.new_store()
        store.create(job_spec("j1"))
        store.apply("j1", [WORKING], at=NOON)
        before = facts(store.load("j1"))
        for bad in (DONE, UnitFailed(failure("42")), DayListed(DAY, ("1",))):
            with refused(ValueError, f"changes one of which is impossible ({bad})"):
                store.apply("j1", [DONE, UnitFailed(failure("F")), Found(Finding("odd", "x")), bad], at=NOON)
            same_state(store.load("j1"), before, "the state after changes were refused")
        equal(list(store.apply("j1", [], at=NOON)), [], "what apply returns of no change")

    def test_nothing_changes_after_the_end(self) -> None:
        """A job that has ended takes no further change. [R4.3, R4.4]"""
        store = self.new_store()
        for status in (BackfillStatus.COMPLETE, BackfillStatus.PARTIAL_SUCCESS, BackfillStatus.ERROR, BackfillStatus.CANCELLED):
            store.create(job_spec(str(status)))
            store.apply(str(status), [WORKING, DONE, StatusChanged(status, NOON)], at=NOON)
            before = facts(store.load(str(status)))
            late: tuple[Change, ...] = (UnitsSettled(DAY, {"F": UnitState.COMPLETED}), UnitFailed(failure("F")), WORKING)
            for change in late:
                with refused(ValueError, f"{type(change).__name__} of a job that has ended as {status}"):
                    store.apply(str(status), [change], at=NOON)
            same_state(store.load(str(status)), before, f"the state of a job that has ended as {status}")

    def test_an_unknown_job_is_told(self) -> None:
        """Every call that needs a job names the one that is not there; forgetting it needs none. [R4.5]"""
        store = self.new_store()
        calls: dict[str, Callable[[], object]] = {
            "load": lambda: store.load("j9"),
            "apply": lambda: store.apply("j9", [], at=NOON),
        }
        for name, call in calls.items():
            with refused(JobNotFound, f"{name} of a job that is not there", naming="j9"):
                call()
        store.delete("j9")

    def test_a_forgotten_job_is_gone(self) -> None:
        """A job that was deleted is neither loaded nor listed, and the others stay. [R4.5]"""
        store = self.new_store()
        for name in ("j1", "j2"):
            store.create(job_spec(name))
            store.apply(name, [WORKING, UnitFailed(failure("F"))], at=NOON)
        store.delete("j1")
        with refused(JobNotFound, "loading a deleted job", naming="j1"):
            store.load("j1")
        equal([state.spec.job_id for state in store.list()], ["j2"], "jobs listed")
        equal(len(store.load("j2").errors), 1, "failures of the other job")

    def test_jobs_are_listed_newest_first(self) -> None:
        """Jobs come by their age, of two as old the one created last, by state and limit. [R4.1]"""
        store = self.new_store()
        for number, age in enumerate((3, 1, 2, 1)):
            store.create(job_spec(f"j{number}", created_at=NOON - timedelta(hours=age)))
        store.apply("j2", [WORKING], at=NOON)
        listed = {
            "all": (store.list(), ["j3", "j1", "j2", "j0"]),
            "two": (store.list(limit=2), ["j3", "j1"]),
            "working": (store.list(states=[BackfillStatus.PROCESSING]), ["j2"]),
            "queued, one": (store.list(states=iter([BackfillStatus.QUEUED]), limit=1), ["j3"]),
            "none": (store.list(states=[]), []),
        }
        for name, (found, expected) in listed.items():
            equal([state.spec.job_id for state in found], expected, f"jobs listed ({name})")

    def test_jobs_are_listed_from_a_place_on(self) -> None:
        """A store that can page lists what comes after a job, whatever that job's own state, and tells when it is not there. [R4.1]"""
        store = self.new_store()
        if not isinstance(store, SupportsPages):
            skip_ability("SupportsPages")
        for number, age in enumerate((3, 1, 2, 1)):
            store.create(job_spec(f"j{number}", created_at=NOON - timedelta(hours=age)))
        store.apply("j2", [WORKING], at=NOON)
        queued = [BackfillStatus.QUEUED]
        listed = {
            "after the first": (store.list_after("j3"), ["j1", "j2", "j0"]),
            "after one as old": (store.list_after("j1"), ["j2", "j0"]),
            "one": (store.list_after("j3", limit=1), ["j1"]),
            "queued": (store.list_after("j1", states=queued), ["j0"]),
            "queued, after one that is not": (store.list_after("j2", states=iter(queued)), ["j0"]),
            "after the last": (store.list_after("j0"), []),
        }
        for name, (found, expected) in listed.items():
            equal([state.spec.job_id for state in found], expected, f"jobs listed ({name})")
        with refused(JobNotFound, "a list after a job that is not there", naming="j9"):
            store.list_after("j9")

    def test_jobs_are_listed_without_details(self) -> None:
        """A listed job has its counts and groups of failures, but neither the failures nor the findings. [R6.4, R9.5]"""
        store = self.new_store()
        store.create(job_spec("j1"))
        store.apply("j1", [WORKING, UnitFailed(failure()), UnitAttempted(failure("F")), Found(Finding("odd", "x"))], at=NOON)
        (listed,) = store.list()
        details = (list(listed.errors), list(listed.findings), dict(listed.attempts))
        equal(details, ([], [], {}), "failures, findings and attempts of a listed job")
        equal((listed.counts[UnitState.FAILED], listed.error_groups[0].count), (1, 1), "units failed, and the group's count")
        loaded = store.load("j1")
        numbers = (len(loaded.errors), len(loaded.findings), len(loaded.attempts))
        equal(numbers, (1, 1, 1), "number of failures, findings and attempts of the loaded job")
