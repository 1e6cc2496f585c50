"""What a job store may be able to do besides: reach the owner of a job, and give out each of its days once."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol, runtime_checkable

from backfill.errors import JobNotFound, LeaseLost
from backfill.model import Requests, Wanted
from backfill.protocols import SupportsClaims, SupportsRequests
from backfill.testing.contracts._asserting import equal, refused
from backfill.testing.contracts._job_hooks import CANCELLED, PAUSED, WORKING, skip_ability
from backfill.testing.contracts._job_owning import LeasingStore, OwningHooks, taken
from backfill.testing.samples import DAY, NOON, days, job_spec


@runtime_checkable
class AskingStore(LeasingStore, SupportsRequests, Protocol):
    """A job store through which owners are reached."""


@runtime_checkable
class ClaimingStore(LeasingStore, SupportsClaims, Protocol):
    """A job store that gives out days."""


class AskingContract(OwningHooks):
    """What is asked for is a state, and a claim is one owner's."""

    def asking(self) -> AskingStore:
        """Return a store with one job, if it takes requests; leave the test out if not."""
        store = self.leasing("j1")
        if not isinstance(store, AskingStore):
            skip_ability("SupportsRequests")
        return store

    def claiming(self) -> ClaimingStore:
        """Return a store with two jobs of two days, if it gives out days; leave the test out if not."""
        store = self.leasing()
        if not isinstance(store, ClaimingStore):
            skip_ability("SupportsClaims")
        first, second = days(2)
        for name in ("j1", "j2"):
            store.create(job_spec(name, [(first, ("61",)), (second, None)]))
        return store

    def test_requests_reach_the_owner(self) -> None:
        """What is asked for is told by the next renewal, and by each after it, until it is taken back. [R4.4]"""
        store = self.asking()
        lease = taken(store)
        equal(store.renew(lease).requests, Requests(), "requests before any")
        steps = [
            (Wanted.PAUSE, True, Requests(pause=True)),
            (Wanted.PAUSE, False, Requests(pause=True)),
            (Wanted.RESUME, True, Requests()),
            (Wanted.RESUME, False, Requests()),
            (Wanted.CANCEL, True, Requests(cancel=True)),
            *((wanted, False, Requests(cancel=True)) for wanted in Wanted),
        ]
        for wanted, changed, requests in steps:
            equal(store.request("j1", wanted), changed, f"whether asking for {wanted} changed anything")
            for look in ("next", "one after it"):
                equal(store.renew(lease).requests, requests, f"requests of the {look} renewal")

    def test_requests_outlast_owners(self) -> None:
        """What was asked of nobody yet, or of one owner, is told to the next, and is not lost with the store. [R4.4, B2]"""
        store = self.asking()
        store.request("j1", Wanted.PAUSE)
        first = taken(store)
        equal(store.renew(first).requests, Requests(pause=True), "requests that the first owner is told")
        store.release(first)
        equal(store.renew(second := taken(store)).requests, Requests(pause=True), "requests that the second owner is told")
        store.release(second)
        if self.durable:
            again = self.leasing()
            equal(again.renew(taken(again)).requests, Requests(pause=True), "requests in a store that was opened again")

    def test_nothing_is_asked_of_an_ended_job(self) -> None:
        """Asking something of a job that has ended changes nothing, and says so; of one that is not there it is refused. [R4.4]"""
        store = self.asking()
        store.apply("j1", [CANCELLED], at=NOON)
        equal([store.request("j1", wanted) for wanted in Wanted], [False] * len(Wanted), "whether asking changed anything")
        with refused(JobNotFound, "asking something of a job that is not there", naming="j9"):
            store.request("j9", Wanted.CANCEL)

    def test_a_job_rests_until_it_is_asked_for(self) -> None:
        """A paused job needs an owner once it shall go on, or be cancelled; one that was to be paused, and was not, needs one too. [R4.4]"""
        store = self.asking()
        store.apply("j1", [WORKING], at=NOON)
        store.request("j1", Wanted.PAUSE)
        equal(list(store.abandoned(NOON)), ["j1"], "jobs that need an owner, while one is still to be paused")
        store.apply("j1", [PAUSED], at=NOON)
        equal(list(store.abandoned(NOON)), [], "jobs that need an owner, while one rests as it should")
        store.request("j1", Wanted.RESUME)
        equal(list(store.abandoned(NOON)), ["j1"], "jobs that need an owner, once one shall go on")
        store.request("j1", Wanted.PAUSE)
        store.request("j1", Wanted.CANCEL)
        equal(list(store.abandoned(NOON)), ["j1"], "jobs that need an owner, once one shall be cancelled")
        store.apply("j1", [CANCELLED], at=NOON)
        equal(list(store.abandoned(NOON)), [], "jobs that need an owner, after the end")

    def test_a_day_is_claimed_once(self) -> None:
        """Each day of a job is given out once under a number, until it is given back. [B2]"""
        store = self.claiming()
        first, second = days(2)
        epoch = taken(store).epoch
        equal(store.claim_day("j1", first, epoch=epoch), True, "the first claim of a day")
        equal(store.claim_day("j1", first, epoch=epoch), False, "the second claim of it")
        equal(store.claim_day("j1", second, epoch=epoch), True, "the first claim of another day")
        equal(store.claim_day("j2", first, epoch=0), True, "the first claim of the day for another job")
        store.release_day("j1", first, epoch=epoch + 1)
        equal(store.claim_day("j1", first, epoch=epoch), False, "a claim after another number has given the day back")
        store.release_day("j1", first, epoch=epoch)
        store.release_day("j1", first, epoch=epoch)
        equal(store.claim_day("j1", first, epoch=epoch), True, "a claim after the day was given back")

    def test_a_claim_ends_with_its_lease(self) -> None:
        """What an owner had claimed is free for the next, and who has lost a job can claim nothing any more. [B2]"""
        store = self.claiming()
        lease = taken(store)
        store.claim_day("j1", DAY, epoch=lease.epoch)
        store.release(lease)
        epoch = taken(store).epoch
        equal(store.claim_day("j1", DAY, epoch=epoch), True, "the next owner's claim of a day that the former had claimed")
        with refused(LeaseLost, "a claim by a former owner"):
            store.claim_day("j1", days(2)[1], epoch=lease.epoch)

    def test_only_days_of_a_job_that_goes_on_are_claimed(self) -> None:
        """A day that is not of the job, or of a job that has ended or is not there, cannot be claimed. [B2, R4.4]"""
        store = self.claiming()
        with refused(ValueError, "a claim of a day that is not of the job"):
            store.claim_day("j1", DAY + timedelta(days=9), epoch=0)
        store.apply("j1", [CANCELLED], at=NOON)
        with refused(ValueError, "a claim of a day of a job that has ended"):
            store.claim_day("j1", DAY, epoch=0)
        with refused(JobNotFound, "a claim of a day of a job that is not there", naming="j9"):
            store.claim_day("j9", DAY, epoch=0)
        store.release_day("j9", DAY, epoch=0)
