"""What a job store must do for several threads, and for who opens it again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve

from backfill.clock import SystemClock
from backfill.model import Finding, Found, UnitFailed, UnitsSettled, UnitState
from backfill.testing.contracts._asserting import equal, refused
from backfill.testing.contracts._job_hooks import DONE, WORKING, JobHooks, facts, same_state
from backfill.testing.contracts._job_keeping import a_whole_plan
from backfill.testing.contracts._suite import PATIENCE
from backfill.testing.samples import DAY, NOON, failure, job_spec


class SharedJobsContract(JobHooks):
    """Nothing is lost between threads, or between one opening and the next."""

    def test_threads_lose_no_change(self) -> None:
        """Jobs are changed and listed from several threads at once, and every unit of each is settled once. [R4.1, R9.5]"""
        self.clock = SystemClock()
        store, names = self.new_store(), tuple(str(number) for number in range(20))
        together = threading.Barrier(4, timeout=PATIENCE)

        def work(number: int) -> None:
            store.create(job_spec(f"j{number}", [(DAY, names)]))
            together.wait()
            for name in names:
                store.apply(f"j{number}", [UnitsSettled(DAY, {name: UnitState.COMPLETED})], at=NOON)
                equal(sum(store.load(f"j{number}").counts.values()), len(names), "units of a job in work")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        counts = {state.spec.job_id: state.counts[UnitState.COMPLETED] for state in store.list()}
        equal(counts, {f"j{number}": len(names) for number in range(4)}, "units completed of each job")

    def test_threads_make_one_job_of_one_key(self) -> None:
        """Of several who create a job with one key at once, all are told of the same. [R4.2, R8.5]"""
        self.clock = SystemClock()
        store, together = self.new_store(), threading.Barrier(4, timeout=PATIENCE)

        def create(number: int) -> str:
            together.wait()
            return store.create(job_spec(f"j{number}"), idempotency_key="key").job_id

        with ThreadPoolExecutor(4) as pool:
            told = set(pool.map(create, range(4)))
        equal(len(told), 1, "number of different jobs that threads with one key were told of")
        equal({state.spec.job_id for state in store.list()}, told, "jobs listed")

    def test_jobs_outlive_the_store(self) -> None:
        """A store that is opened again over the same folder has the jobs of the former, their keys and their identifiers. [B2, R4.2]"""
        self.need_durable()
        store = self.new_store()
        store.create(a_whole_plan(), idempotency_key="key")
        store.apply("j9", [WORKING, UnitFailed(failure("F")), Found(Finding("odd", "x"))], at=NOON)
        again = self.new_store()
        same_state(again.load("j9"), facts(store.load("j9")), "the job in a store that was opened again")
        equal(again.create(evolve(a_whole_plan(), job_id="j10"), idempotency_key="key").job_id, "j9", "job of the key")
        with refused(ValueError, "a second job 'j9', in a store that was opened again"):
            again.create(job_spec("j9"))

    def test_two_stores_over_one_folder_agree(self) -> None:
        """What one store changes another over the same folder sees at once, and the two together lose nothing. [R4.1, P1]"""
        self.need_durable()
        one, other = self.new_store(), self.new_store()
        one.create(job_spec("j1"))
        other.apply("j1", [WORKING, DONE], at=NOON)
        one.apply("j1", [UnitFailed(failure("F"))], at=NOON)
        for store in (one, other):
            counts = store.load("j1").counts
            equal((counts[UnitState.COMPLETED], counts[UnitState.FAILED]), (1, 1), "units completed and failed")
        with refused(ValueError, "a second job 'j1', in another store over the same folder"):
            other.create(job_spec("j1"))
