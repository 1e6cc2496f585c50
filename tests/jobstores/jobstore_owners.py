"""What every job store must do about the owners of jobs, as a class of tests. Time is virtual: leases expire when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfill.errors import JobNotFound, LeaseLost
from backfill.model import (
    BackfillStatus,
    DayPublished,
    JobState,
    Lease,
    Requests,
    StatusChanged,
    UnitState,
    Wanted,
)
from backfill.testing import VirtualClock
from foundation_samples import DAY, NOW, bounded, days, make_spec
from jobstores.jobstore_cases import CANCELLED, DONE, ENDED, PAUSED, WORKING, FullJobStore, MakeStore, facts

TTL = 20.0

Elsewhere = Callable[[FullJobStore], FullJobStore]


def taken(store: FullJobStore, job_id: str = "j1", owner: str = "me", ttl: float = TTL) -> Lease:
    """Return the lease of a job that can be had."""
    lease = store.acquire(job_id, owner, ttl=ttl)
    assert lease is not None
    return lease


class OwnersContract:
    """Subclass it beside `FurtherContract`, and give it a fixture ``elsewhere``.

    That turns a store into the same store as a process has it whose life cannot be seen from here.
    """

    def test_a_job_has_one_owner(self, store: FullJobStore, clock: VirtualClock) -> None:
        """Who acquires a job has it for a while, under a number; nobody else gets it meanwhile, nor the same once more. [R4.1, B2]"""
        clock.advance(5)
        lease = taken(store)
        assert lease == Lease("j1", "me", 1, TTL, NOW + timedelta(seconds=5 + TTL))
        assert store.acquire("j1", "you", ttl=TTL) is None
        assert store.acquire("j1", "me", ttl=TTL) is None
        store.release(lease)
        assert taken(store, owner="you").epoch == 2

    def test_only_the_owner_changes_a_job(self, store: FullJobStore) -> None:
        """Changes under another number than the owner's, before, during or after, are refused and change nothing. [B2, R4.3]"""
        with pytest.raises(LeaseLost):
            store.apply("j1", [WORKING], at=NOW, epoch=1)
        store.apply("j1", [WORKING], at=NOW)
        lease = taken(store)
        before, events = facts(store.load("j1")), store.events()
        for epoch in (0, lease.epoch + 1):
            with pytest.raises(LeaseLost, match="stop working on it") as caught:
                store.apply("j1", [DONE], at=NOW, epoch=epoch)
            assert (caught.value.backfill_id, caught.value.epoch, caught.value.current) == ("j1", epoch, 1)
        assert (facts(store.load("j1")), store.events(), store.outcomes(DAY, DAY)) == (before, events, {})
        store.apply("j1", [DONE], at=NOW, epoch=lease.epoch)
        store.release(lease)
        for epoch in (0, lease.epoch):
            with pytest.raises(LeaseLost):
                store.apply("j1", [PAUSED], at=NOW, epoch=epoch)
        assert store.load("j1").counts[UnitState.COMPLETED] == 1

    def test_a_lease_expires_for_those_elsewhere(self, store: FullJobStore, elsewhere: Elsewhere, clock: VirtualClock) -> None:
        """An owner elsewhere that does not renew in time loses the job to the next who asks, and not a moment before. [B2, R4.1]"""
        there = elsewhere(store)
        lost = taken(there, owner="there")
        clock.advance(TTL - 0.001)
        assert store.acquire("j1", "here", ttl=TTL) is None
        assert store.abandoned(clock.now()) == []
        assert store.abandoned(clock.now() + timedelta(seconds=0.001)) == ["j1"]
        clock.advance(0.001)
        assert taken(store, owner="here").epoch == 2
        refused: tuple[Callable[[], object], ...] = (
            lambda: there.apply("j1", [WORKING], at=NOW, epoch=lost.epoch),
            lambda: there.renew(lost),
            lambda: there.claim_day("j1", DAY, epoch=lost.epoch),
        )
        for call in refused:
            with pytest.raises(LeaseLost) as caught:
                call()
            assert (caught.value.epoch, caught.value.current) == (1, 2)
        there.release(lost)
        there.release_day("j1", DAY, epoch=lost.epoch)
        assert facts(store.load("j1")) == facts(JobState(make_spec()))
        store.apply("j1", [WORKING], at=NOW, epoch=2)

    def test_a_renewal_prolongs_a_lease(self, store: FullJobStore, elsewhere: Elsewhere, clock: VirtualClock) -> None:
        """A renewed lease runs from the renewal on. [R4.1]"""
        there = elsewhere(store)
        lease = taken(there)
        clock.advance(TTL - 1)
        renewed = there.renew(lease).lease
        assert renewed == Lease("j1", "me", 1, TTL, NOW + timedelta(seconds=2 * TTL - 1))
        clock.advance(TTL - 1)
        assert store.acquire("j1", "you", ttl=TTL) is None
        assert there.renew(lease).lease.expires == clock.now() + timedelta(seconds=TTL)

    def test_a_late_owner_goes_on_when_nobody_came(self, store: FullJobStore, elsewhere: Elsewhere, clock: VirtualClock) -> None:
        """An owner whose lease has expired may still work and renew, for as long as nobody has taken over. [B2]"""
        there = elsewhere(store)
        lease = taken(there)
        clock.advance(10 * TTL)
        there.apply("j1", [WORKING], at=NOW, epoch=lease.epoch)
        assert there.renew(lease).lease.expires == clock.now() + timedelta(seconds=TTL)
        assert store.acquire("j1", "you", ttl=TTL) is None

    def test_an_ended_job_has_no_owner_again(self, store: FullJobStore) -> None:
        """A job in a final state cannot be acquired, and letting it go twice does no harm. [R4.1]"""
        lease = taken(store)
        store.apply("j1", [WORKING, ENDED], at=NOW, epoch=lease.epoch)
        store.release(lease)
        store.release(lease)
        assert store.acquire("j1", "you", ttl=TTL) is None
        assert store.abandoned(NOW) == []

    def test_a_forgotten_job_is_lost_to_its_owner(self, store: FullJobStore) -> None:
        """The owner of a job that was forgotten learns of it by its next renewal. [R4.5]"""
        lease = taken(store)
        store.delete("j1")
        with pytest.raises(LeaseLost):
            store.renew(lease)
        store.release(lease)
        store.release_day("j1", DAY, epoch=lease.epoch)
        calls: tuple[Callable[[], object], ...] = (
            lambda: store.acquire("j1", "me", ttl=TTL),
            lambda: store.request("j1", Wanted.CANCEL),
            lambda: store.claim_day("j1", DAY, epoch=1),
        )
        for call in calls:
            with pytest.raises(JobNotFound):
                call()

    def test_jobs_without_an_owner_are_found_oldest_first(self, make_store: MakeStore) -> None:
        """Jobs that wait or work without an owner are told, oldest first; those that are owned or have ended are not. [B2, R4.1]"""
        store = make_store()
        for number, age in enumerate((1, 3, 2, 4, 5)):
            store.create(make_spec(f"j{number}", created_at=NOW - timedelta(hours=age)))
        assert store.abandoned(NOW) == ["j4", "j3", "j1", "j2", "j0"]
        taken(store, "j1")
        store.apply("j3", [WORKING], at=NOW)
        store.apply("j4", [CANCELLED], at=NOW)
        store.release(taken(store, "j2"))
        assert store.abandoned(NOW) == ["j3", "j2", "j0"]

    # --- requests -------------------------------------------------------------------------------------------------------

    def test_requests_reach_the_owner_by_its_renewal(self, store: FullJobStore) -> None:
        """What is asked for is told by the next renewal, and by each after it, until it is taken back. [R4.4]"""
        lease = taken(store)
        assert store.renew(lease).requests == Requests()
        assert store.request("j1", Wanted.PAUSE) is True
        assert store.request("j1", Wanted.PAUSE) is False
        assert store.renew(lease).requests == store.renew(lease).requests == Requests(pause=True)
        assert store.request("j1", Wanted.RESUME) is True
        assert store.request("j1", Wanted.RESUME) is False
        assert store.renew(lease).requests == Requests()
        assert store.request("j1", Wanted.CANCEL) is True
        for wanted in Wanted:
            assert store.request("j1", wanted) is False
        assert store.renew(lease).requests == Requests(cancel=True)

    def test_requests_outlast_owners(self, store: FullJobStore) -> None:
        """What was asked of one owner, or of nobody yet, is told to the next. [R4.4, B2]"""
        store.request("j1", Wanted.PAUSE)
        first = taken(store)
        assert store.renew(first).requests.pause
        store.release(first)
        assert store.renew(taken(store)).requests == Requests(pause=True)

    def test_nothing_is_asked_of_a_job_that_has_ended(self, store: FullJobStore) -> None:
        """Asking something of an ended job changes nothing, and says so. [R4.4]"""
        store.apply("j1", [CANCELLED], at=NOW)
        assert [store.request("j1", wanted) for wanted in Wanted] == [False, False, False]

    def test_a_job_rests_until_it_is_asked_for(self, store: FullJobStore) -> None:
        """A paused job needs an owner once it shall go on, or be cancelled; one that was to be paused, and was not, needs one too. [R4.4]"""
        store.apply("j1", [WORKING], at=NOW)
        store.request("j1", Wanted.PAUSE)
        assert store.abandoned(NOW) == ["j1"]
        store.apply("j1", [PAUSED], at=NOW)
        assert store.abandoned(NOW) == []
        store.request("j1", Wanted.RESUME)
        assert store.abandoned(NOW) == ["j1"]
        store.request("j1", Wanted.PAUSE)
        store.request("j1", Wanted.CANCEL)
        assert store.abandoned(NOW) == ["j1"]
        store.apply("j1", [CANCELLED], at=NOW)
        assert store.abandoned(NOW) == []

    # --- claims ---------------------------------------------------------------------------------------------------------

    def test_a_day_is_claimed_once(self, make_store: MakeStore) -> None:
        """Each day of a job is given out once under a number, until it is given back. [B2]"""
        store = make_store()
        first, second = days(2)
        for name in ("j1", "j2"):
            store.create(make_spec(name, rows=[(first, ("61",)), (second, None)]))
        lease = taken(store)
        assert store.claim_day("j1", first, epoch=1) is True
        assert store.claim_day("j1", first, epoch=1) is False
        assert store.claim_day("j1", second, epoch=1) is True
        assert store.claim_day("j2", first, epoch=0) is True
        store.release_day("j1", first, epoch=2)
        assert store.claim_day("j1", first, epoch=1) is False
        store.release_day("j1", first, epoch=1)
        store.release_day("j1", first, epoch=1)
        assert store.claim_day("j1", first, epoch=1) is True
        store.release(lease)
        taken(store)
        assert store.claim_day("j1", first, epoch=2) is True
        with pytest.raises(LeaseLost):
            store.claim_day("j1", second, epoch=1)

    def test_only_days_of_a_job_that_goes_on_are_claimed(self, store: FullJobStore) -> None:
        """A day that is not of the job, or of a job that has ended, cannot be claimed. [B2, R4.4]"""
        with pytest.raises(ValueError, match="is not a day of a job j1"):
            store.claim_day("j1", DAY + timedelta(days=1), epoch=0)
        store.apply("j1", [CANCELLED], at=NOW)
        with pytest.raises(ValueError, match="is not a day of a job j1 that has not ended"):
            store.claim_day("j1", DAY, epoch=0)

    # --- all of it together ---------------------------------------------------------------------------------------------

    @settings(bounded, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors])
    @given(st.lists(st.tuples(st.sampled_from(["acquire", "renew", "release", "write", "wait"]), st.integers(0, 2)), max_size=25))
    def test_there_is_one_owner_at_any_time(
        self, make_store: MakeStore, elsewhere: Elsewhere, clock: VirtualClock, done: list[tuple[str, int]]
    ) -> None:
        """For any acquisitions, renewals, releases and waits, exactly the newest owner may write, and expiry decides on the next. [B2]"""
        store = make_store()
        store.create(make_spec("j1"))
        store.apply("j1", [WORKING], at=NOW)
        stores = [elsewhere(store) for _ in range(3)]
        leases: list[Lease | None] = [None, None, None]
        epoch, owner, expires = 0, -1, clock.now()
        for what, who in done:
            lease = leases[who]
            if what == "wait":
                clock.advance(who * TTL / 2)
            elif what == "acquire" and owner == who:
                continue  # whether one may take a job over from oneself depends on whether its store can tell that it lives
            elif what == "acquire":
                free = owner == -1 or expires <= clock.now()
                got = stores[who].acquire("j1", str(who), ttl=TTL)
                assert (got is not None) == free
                if got is not None:
                    assert got.epoch == epoch + 1
                    leases[who], epoch, owner, expires = got, epoch + 1, who, got.expires
            elif lease is None:
                continue
            elif what == "release":
                stores[who].release(lease)
                owner = -1 if lease.epoch == epoch else owner
            elif owner == who and lease.epoch == epoch:
                stores[who].apply("j1", [DayPublished(DAY, is_partial=True, at=NOW)], at=NOW, epoch=lease.epoch)
                if what == "renew":
                    expires = stores[who].renew(lease).lease.expires
            else:
                with pytest.raises(LeaseLost):
                    stores[who].apply("j1", [StatusChanged(BackfillStatus.ERROR, NOW)], at=NOW, epoch=lease.epoch)
                with pytest.raises(LeaseLost):
                    stores[who].renew(lease)
            assert store.abandoned(clock.now()) == (["j1"] if owner == -1 or expires <= clock.now() else [])
        assert store.load("j1").status is BackfillStatus.PROCESSING
