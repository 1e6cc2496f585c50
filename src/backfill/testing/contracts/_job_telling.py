"""What a job store may be able to tell besides: events, all failures, and the last outcome of every unit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Protocol, runtime_checkable

from backfill.errors import JobNotFound, MissingExtra
from backfill.model import DayListed, DayPublished, Finding, Found, UnitFailed, UnitsSettled, UnitState
from backfill.protocols import JobStore, SupportsErrors, SupportsEvents, SupportsOutcomes
from backfill.testing.contracts._asserting import equal, holds, refused
from backfill.testing.contracts._job_hooks import DONE, WORKING, JobHooks, skip_ability
from backfill.testing.contracts._suite import skip
from backfill.testing.samples import DAY, NOON, days, failure, job_spec
from backfill.testing.stateful import run_job_machine


@runtime_checkable
class TellingStore(JobStore, SupportsEvents, Protocol):
    """A job store that tells events."""


@runtime_checkable
class RememberingStore(JobStore, SupportsOutcomes, Protocol):
    """A job store with a ledger of outcomes."""


class TellingContract(JobHooks):
    """Each ability is tested where it is there."""

    def telling(self) -> TellingStore:
        """Return a store, new or opened again, if it tells events; leave the test out if not."""
        store = self.new_store()
        if not isinstance(store, TellingStore):
            skip_ability("SupportsEvents")
        return store

    def remembering(self) -> RememberingStore:
        """Return a store, new or opened again, if it has a ledger; leave the test out if not."""
        store = self.new_store()
        if not isinstance(store, RememberingStore):
            skip_ability("SupportsOutcomes")
        return store

    def test_events_tell_what_happened(self) -> None:
        """Events of all jobs, or of one, come in order with growing numbers, after a given one and up to a limit. [R9.5, R4.1]"""
        store = self.telling()
        for name in ("j1", "j2"):
            store.create(job_spec(name))
        first = list(store.apply("j1", [WORKING, DONE], at=NOON))
        second = list(store.apply("j2", [WORKING], at=NOON + timedelta(seconds=1)))
        third = list(store.apply("j1", [DayPublished(DAY, is_partial=False, at=NOON)], at=NOON))
        everything = [*first, *second, *third]
        numbers = [event.seq for event in everything]
        equal(numbers, sorted(set(numbers)), "numbers of the events")
        equal(list(store.events()), everything, "all events")
        equal(list(store.events(first[1].seq)), [*second, *third], "events after the second")
        equal(list(store.events(third[0].seq)), [], "events after the last")
        equal(list(store.events(None, job_id="j1")), [*first, *third], "events of one job")
        equal(list(store.events(first[0].seq, job_id="j1", limit=1)), [first[1]], "one event of one job, after its first")
        equal(list(store.events(job_id="j9")), [], "events of a job that is not there")

    def test_what_did_not_happen_is_not_told(self) -> None:
        """Changes that were refused leave no event, no failure and no outcome. [P6, R9.5]"""
        store = self.new_store()
        store.create(job_spec("j1"))
        store.apply("j1", [WORKING], at=NOON)
        with refused(ValueError, "changes one of which is impossible"):
            store.apply("j1", [DONE, UnitFailed(failure("F")), Found(Finding("odd", "x")), DONE], at=NOON)
        if isinstance(store, SupportsEvents):
            equal([event.change for event in store.events()], [WORKING], "events")
        if isinstance(store, SupportsErrors):
            equal(list(store.errors("j1")), [], "failures")
        if isinstance(store, SupportsOutcomes):
            equal(dict(store.outcomes(DAY, DAY)), {}, "outcomes")

    def test_events_go_on_after_a_job_is_forgotten(self) -> None:
        """The events of a deleted job are gone, those of others stay, and numbers are not given again. [R4.5]"""
        store = self.telling()
        for name in ("j1", "j2"):
            store.create(job_spec(name))
        kept = list(store.apply("j2", [WORKING], at=NOON))
        last = store.apply("j1", [WORKING], at=NOON)[0].seq
        store.delete("j1")
        equal(list(store.events()), kept, "events after a job was deleted")
        holds(store.apply("j2", [DONE], at=NOON)[0].seq > last, "the number of a deleted job's event was given again")

    def test_events_outlive_the_store(self) -> None:
        """A store that is opened again tells the events of the former, and goes on with higher numbers. [B2, R9.5]"""
        self.need_durable()
        store = self.telling()
        store.create(job_spec("j1"))
        told = list(store.apply("j1", [WORKING, UnitFailed(failure("F"))], at=NOON))
        again = self.telling()
        equal(list(again.events()), told, "events of a store that was opened again")
        holds(again.apply("j1", [DONE], at=NOON)[0].seq > told[-1].seq, "numbers begin anew in a store that was opened again")

    def test_no_failure_is_forgotten(self) -> None:
        """Every failure is kept, also beyond the newest thousand that a state has, oldest first, and can be paged. [R6.2, R6.4]"""
        store = self.new_store()
        if not isinstance(store, SupportsErrors):
            skip_ability("SupportsErrors")
        names = tuple(str(number) for number in range(1200))
        store.create(job_spec("j1", [(DAY, names)]))
        store.apply("j1", [UnitFailed(failure(name)) for name in names], at=NOON)
        equal(len(store.load("j1").errors), 1000, "failures of the loaded state")
        equal([error.district_id for error in store.errors("j1", limit=5000)], list(names), "districts of all failures")
        equal([error.district_id for error in store.errors("j1")], list(names[:1000]), "districts of the first page")
        equal([error.district_id for error in store.errors("j1", after=1198)], ["1198", "1199"], "districts of the last page")
        equal(list(store.errors("j1", after=1, limit=2)), [failure("1"), failure("2")], "two failures after the first")
        equal(list(store.errors("j1", after=5000)), [], "failures after more than there are")

    def test_failures_go_with_their_job(self) -> None:
        """Failures belong to one job, and asking for those of a job that is not there is told as such. [R4.5, R6.4]"""
        store = self.new_store()
        if not isinstance(store, SupportsErrors):
            skip_ability("SupportsErrors")
        for name in ("j1", "j2"):
            store.create(job_spec(name))
        store.apply("j1", [UnitFailed(failure("F"))], at=NOON)
        equal(list(store.errors("j2")), [], "failures of the other job")
        store.delete("j1")
        with refused(JobNotFound, "failures of a deleted job", naming="j1"):
            store.errors("j1")

    def test_the_last_outcome_counts(self) -> None:
        """The ledger has the last outcome of each unit over all jobs, ascending by day, within the range asked for. [B5]"""
        store = self.remembering()
        first, second, third = days(3)
        store.create(job_spec("j1", [(day, ("61", "F")) for day in (third, first, second)]))
        store.create(job_spec("j2", [(first, ("F", "117"))]))
        for day in (third, second, first):
            store.apply("j1", [UnitFailed(failure("61", day=day))], at=NOON)
        store.apply("j1", [UnitsSettled(first, {"F": UnitState.UNAVAILABLE})], at=NOON)
        store.apply("j2", [UnitsSettled(first, {"F": UnitState.SKIPPED, "117": UnitState.COMPLETED})], at=NOON)
        found = store.outcomes(first, second)
        expected = {
            first: {"61": UnitState.FAILED, "F": UnitState.SKIPPED, "117": UnitState.COMPLETED},
            second: {"61": UnitState.FAILED},
        }
        equal({day: dict(outcomes) for day, outcomes in found.items()}, expected, "outcomes of the first two days")
        equal(list(found), [first, second], "days of the outcomes")
        equal(dict(store.outcomes(third + timedelta(days=1), date.max)), {}, "outcomes of days that no job has")

    def test_a_listed_day_was_listed_after_all(self) -> None:
        """The outcome of a day as a whole gives way when the day is listed. [B5]"""
        store = self.remembering()
        for name in ("j1", "j2"):
            store.create(job_spec(name, [(DAY, None)]))
        store.apply("j1", [UnitFailed(failure(None))], at=NOON)
        equal(dict(store.outcomes(DAY, DAY)), {DAY: {None: UnitState.FAILED}}, "outcome of a day that could not be listed")
        store.apply("j2", [DayListed(DAY, ("61",)), DONE], at=NOON)
        equal(dict(store.outcomes(DAY, DAY)), {DAY: {"61": UnitState.COMPLETED}}, "outcomes once the day was listed")

    def test_outcomes_are_never_forgotten(self) -> None:
        """Cleaning up a job leaves the ledger as it is. [R4.5, B5]"""
        store = self.remembering()
        store.create(job_spec("j1"))
        store.apply("j1", [DONE, UnitFailed(failure("F"))], at=NOON)
        store.delete("j1")
        expected = {DAY: {"61": UnitState.COMPLETED, "F": UnitState.FAILED}}
        equal(dict(store.outcomes(DAY, DAY)), expected, "outcomes after the job was deleted")
        if self.durable:
            again = self.remembering()
            equal(dict(again.outcomes(DAY, DAY)), expected, "outcomes of a store that was opened again")

    def test_any_order_of_calls_gives_what_the_model_says(self) -> None:
        """Any order of jobs and changes leaves what dictionaries and lists would hold. [P6, P1, R4.1, R4.5]"""
        try:
            run_job_machine(self.make_store, durable=self.durable, examples=self.examples)
        except MissingExtra as error:
            skip("any order of calls is tried by hypothesis", str(error))
