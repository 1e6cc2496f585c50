"""What a job store must do about the owners of jobs: one at a time, and only that one changes the job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from backfill.clock import SystemClock
from backfill.errors import JobNotFound, LeaseLost, MissingExtra
from backfill.model import JobState, Lease, UnitState
from backfill.protocols import JobStore, SupportsLeases
from backfill.testing.clock import VirtualClock
from backfill.testing.contracts._asserting import equal, present, refused
from backfill.testing.contracts._job_hooks import (
    CANCELLED,
    DONE,
    ENDED,
    PAUSED,
    TTL,
    WORKING,
    JobHooks,
    facts,
    same_state,
    skip_ability,
)
from backfill.testing.contracts._suite import PATIENCE, skip
from backfill.testing.samples import NOON, job_spec
from backfill.testing.stateful import run_owner_machine


@runtime_checkable
class LeasingStore(JobStore, SupportsLeases, Protocol):
    """A job store with leases."""


class OwningHooks(JobHooks):
    """What may be given besides."""

    def elsewhere(self, store: JobStore, /) -> JobStore:
        """Return *store* as somebody has it whose life it cannot see, so that only the expiry of a lease tells. May be left out.

        For a store that never sees whether an owner lives, that is the store itself.
        """
        del store
        skip("nobody says how an owner elsewhere has this store", "define elsewhere(store)")

    def leasing(self, *job_ids: str) -> LeasingStore:
        """Return a store with these jobs, if it has leases; leave the test out if not."""
        store = self.new_store()
        if not isinstance(store, LeasingStore):
            skip_ability("SupportsLeases")
        for job_id in job_ids:
            store.create(job_spec(job_id))
        return store

    def leasing_elsewhere(self, store: JobStore) -> LeasingStore:
        """Return the same store as an owner elsewhere has it."""
        other = self.elsewhere(store)
        self.closing(other)
        if not isinstance(other, LeasingStore):
            skip_ability("SupportsLeases")
        return other

    def moving_clock(self) -> VirtualClock:
        """Return the clock, if a test can move it; leave the test out if not."""
        if not isinstance(self.clock, VirtualClock):
            skip("no test can move this clock", "leave the clock as it is, and give it to the store")
        return self.clock


def taken(store: SupportsLeases, job_id: str = "j1", owner: str = "me") -> Lease:
    """Return the lease of a job that can be had."""
    return present(store.acquire(job_id, owner, ttl=TTL), f"the lease of {job_id!r}, which nobody owns")


class OwningContract(OwningHooks):
    """A job has one owner at a time, whoever asks and however late."""

    def test_a_job_has_one_owner(self) -> None:
        """Who acquires a job has it for a while, under a number; nobody else gets it meanwhile, nor the same once more. [R4.1, B2]"""
        store = self.leasing("j1")
        lease = taken(store)
        equal((lease.job_id, lease.owner, lease.ttl), ("j1", "me", TTL), "job, owner and time of the lease")
        for other in ("you", "me"):
            equal(store.acquire("j1", other, ttl=TTL), None, f"a second lease, for {other!r}")
        store.release(lease)
        equal(taken(store, owner="you").epoch > lease.epoch, True, "whether the next owner has a higher number")

    def test_threads_get_one_lease(self) -> None:
        """Of several who ask for a job at once exactly one gets it. [R4.1, B2]"""
        self.clock = SystemClock()
        store, together = self.leasing("j1"), threading.Barrier(4, timeout=PATIENCE)

        def ask(number: int) -> Lease | None:
            together.wait()
            return store.acquire("j1", str(number), ttl=TTL)

        with ThreadPoolExecutor(4) as pool:
            leases = [lease for lease in pool.map(ask, range(4)) if lease is not None]
        equal(len(leases), 1, "number of leases of one job")

    def test_only_the_owner_changes_a_job(self) -> None:
        """Changes under another number than the owner's, before, during or after, are refused and change nothing. [B2, R4.3]"""
        store = self.leasing("j1")
        with refused(LeaseLost, "a change under a number that nobody has"):
            store.apply("j1", [WORKING], at=NOON, epoch=1)
        store.apply("j1", [WORKING], at=NOON)
        lease = taken(store)
        before = facts(store.load("j1"))
        for epoch in (0, lease.epoch + 1):
            with refused(LeaseLost, f"a change under number {epoch}, while the owner has {lease.epoch}"):
                store.apply("j1", [DONE], at=NOON, epoch=epoch)
        same_state(store.load("j1"), before, "the state after changes were refused")
        store.apply("j1", [DONE], at=NOON, epoch=lease.epoch)
        store.release(lease)
        for epoch in (0, lease.epoch):
            with refused(LeaseLost, f"a change under number {epoch}, after the owner has let go"):
                store.apply("j1", [PAUSED], at=NOON, epoch=epoch)
        equal(store.load("j1").counts[UnitState.COMPLETED], 1, "units completed")

    def test_a_lease_expires_for_those_elsewhere(self) -> None:
        """An owner elsewhere that does not renew in time loses the job to the next who asks, and not a moment before. [B2, R4.1]"""
        store = self.leasing("j1")
        there, clock = self.leasing_elsewhere(store), self.moving_clock()
        lost = taken(there, owner="there")
        clock.advance(TTL - 0.001)
        equal(store.acquire("j1", "here", ttl=TTL), None, "the lease, a moment before it expires")
        clock.advance(0.001)
        lease = taken(store, owner="here")
        calls: dict[str, Callable[[], object]] = {
            "apply": lambda: there.apply("j1", [WORKING], at=NOON, epoch=lost.epoch),
            "renew": lambda: there.renew(lost),
        }
        for name, call in calls.items():
            with refused(LeaseLost, f"{name}() by an owner that has lost the job"):
                call()
        there.release(lost)
        same_state(store.load("j1"), facts(JobState(job_spec("j1"))), "the state after the loser has tried to change it")
        store.apply("j1", [WORKING], at=NOON, epoch=lease.epoch)

    def test_a_renewal_prolongs_a_lease(self) -> None:
        """A renewed lease runs from the renewal on. [R4.1]"""
        store = self.leasing("j1")
        there, clock = self.leasing_elsewhere(store), self.moving_clock()
        lease = taken(there)
        clock.advance(TTL - 1)
        renewed = there.renew(lease).lease
        equal((renewed.epoch, renewed.expires), (lease.epoch, _in(clock, TTL)), "number and expiry of the renewed lease")
        clock.advance(TTL - 1)
        equal(store.acquire("j1", "you", ttl=TTL), None, "the lease, before the renewed one expires")

    def test_a_late_owner_goes_on_when_nobody_came(self) -> None:
        """An owner whose lease has expired may still work and renew, for as long as nobody has taken over. [B2]"""
        store = self.leasing("j1")
        there, clock = self.leasing_elsewhere(store), self.moving_clock()
        lease = taken(there)
        clock.advance(10 * TTL)
        there.apply("j1", [WORKING], at=NOON, epoch=lease.epoch)
        equal(there.renew(lease).lease.expires, _in(clock, TTL), "expiry of the lease that was renewed late")
        equal(store.acquire("j1", "you", ttl=TTL), None, "the lease, after it was renewed late")

    def test_an_ended_job_has_no_owner_again(self) -> None:
        """A job in a final state cannot be acquired, and letting it go twice does no harm. [R4.1]"""
        store = self.leasing("j1")
        lease = taken(store)
        store.apply("j1", [WORKING, ENDED], at=NOON, epoch=lease.epoch)
        store.release(lease)
        store.release(lease)
        equal(store.acquire("j1", "you", ttl=TTL), None, "the lease of a job that has ended")
        equal(list(store.abandoned(NOON)), [], "jobs that need an owner")

    def test_a_forgotten_job_is_lost_to_its_owner(self) -> None:
        """The owner of a job that was forgotten learns of it by its next renewal. [R4.5]"""
        store = self.leasing("j1")
        lease = taken(store)
        store.delete("j1")
        with refused(LeaseLost, "renewing the lease of a job that was forgotten"):
            store.renew(lease)
        store.release(lease)
        with refused(JobNotFound, "acquiring a job that was forgotten", naming="j1"):
            store.acquire("j1", "me", ttl=TTL)

    def test_jobs_without_an_owner_are_found(self) -> None:
        """Jobs that wait or work without an owner are told, oldest first; those that are owned or have ended are not. [B2, R4.1]"""
        store = self.leasing()
        for number, age in enumerate((1, 3, 2, 4, 5)):
            store.create(job_spec(f"j{number}", created_at=NOON - timedelta(hours=age)))
        equal(list(store.abandoned(NOON)), ["j4", "j3", "j1", "j2", "j0"], "jobs that need an owner, before any has one")
        taken(store, "j1")
        store.apply("j3", [WORKING], at=NOON)
        store.apply("j4", [CANCELLED], at=NOON)
        store.release(taken(store, "j2"))
        equal(list(store.abandoned(NOON)), ["j3", "j2", "j0"], "jobs that need an owner, once one is owned and one has ended")

    def test_numbers_of_owners_outlive_the_store(self) -> None:
        """In a store that is opened again no number of an owner is given a second time. [B2]"""
        self.need_durable()
        lease = taken(store := self.leasing("j1"))
        store.release(lease)
        again = self.leasing()
        with refused(LeaseLost, "a change by a former owner, in a store that was opened again"):
            again.apply("j1", [WORKING], at=NOON, epoch=lease.epoch)
        equal(taken(again).epoch > lease.epoch, True, "whether the next owner has a higher number")

    def test_any_order_of_owners_leaves_one(self) -> None:
        """For any acquisitions, renewals, releases and waits, exactly the newest owner may write, and expiry decides on the next. [B2]"""
        self.leasing_elsewhere(self.leasing())
        self.moving_clock()
        try:
            run_owner_machine(self.make_store, self.elsewhere, clock=self.moving_clock(), examples=self.examples)
        except MissingExtra as error:
            skip("any order of calls is tried by hypothesis", str(error))


def _in(clock: VirtualClock, seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)
