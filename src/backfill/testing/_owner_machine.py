"""Who may change a job, beside an account of who should. Loads hypothesis."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backfill.errors import LeaseLost
from backfill.model import BackfillStatus, Finding, Found, Lease, StatusChanged
from backfill.protocols import JobStore, SupportsLeases
from backfill.testing._job_machine import close_store
from backfill.testing._machines import limits, run_machine
from backfill.testing.clock import VirtualClock
from backfill.testing.contracts._asserting import equal, refused
from backfill.testing.contracts._job_hooks import TTL
from backfill.testing.samples import NOON, job_spec

_HANDS = st.integers(0, 2)


class OwnerMachine(RuleBasedStateMachine):
    """Three who want to own one job, each elsewhere for the others, and who may write at each moment. `run` says which store."""

    places: str
    make_store: Callable[[Path], JobStore]
    elsewhere: Callable[[JobStore], JobStore]
    clock: VirtualClock

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(dir=self.places))
        self.store = type(self).make_store(self.place)
        self.store.create(job_spec("j1"))
        self.store.apply("j1", [StatusChanged(BackfillStatus.PROCESSING, NOON)], at=NOON)
        self.hands = [type(self).elsewhere(self.store) for _ in range(3)]
        self.leases: list[Lease | None] = [None, None, None]
        self.owner, self.epoch, self.expires = -1, 0, self.clock.now()

    @rule(seconds=st.sampled_from([0.5, TTL / 2, TTL]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    @rule(who=_HANDS)
    def acquire(self, who: int) -> None:
        """Ask for the job."""
        if self.owner == who:
            return  # whether one may take a job over from oneself depends on whether its store can tell that it lives
        got = self._leasing(self.hands[who]).acquire("j1", str(who), ttl=TTL)
        equal(got is not None, self._is_free, f"whether {who} gets the job")
        if got is not None:
            equal(got.epoch > self.epoch, True, "whether the new owner has a higher number")
            self.leases[who], self.owner, self.epoch, self.expires = got, who, got.epoch, got.expires

    @rule(who=_HANDS)
    def release(self, who: int) -> None:
        """Let the job go, if it is still one's own."""
        lease = self.leases[who]
        if lease is not None:
            self._leasing(self.hands[who]).release(lease)
            self.owner = -1 if lease.epoch == self.epoch else self.owner

    @rule(who=_HANDS)
    def write(self, who: int) -> None:
        """Change the job, and renew the lease; only the newest owner may."""
        lease = self.leases[who]
        if lease is None:
            return
        store = self.hands[who]
        if self.owner == who and lease.epoch == self.epoch:
            store.apply("j1", [Found(Finding("note", str(who)))], at=NOON, epoch=lease.epoch)
            self.expires = self._leasing(store).renew(lease).lease.expires
            return
        with refused(LeaseLost, f"a change by {who}, who has lost the job"):
            store.apply("j1", [StatusChanged(BackfillStatus.ERROR, NOON)], at=NOON, epoch=lease.epoch)
        with refused(LeaseLost, f"a renewal by {who}, who has lost the job"):
            self._leasing(store).renew(lease)

    @invariant()
    def who_needs_an_owner_is_told(self) -> None:
        """The job needs an owner exactly while nobody has it, or its owner is late."""
        found = list(self._leasing(self.store).abandoned(self.clock.now()))
        equal(found, ["j1"] if self._is_free else [], "jobs that need an owner")
        equal(self.store.load("j1").status, BackfillStatus.PROCESSING, "status of the job")

    @property
    def _is_free(self) -> bool:
        return self.owner == -1 or self.expires <= self.clock.now()

    @staticmethod
    def _leasing(store: JobStore) -> SupportsLeases:
        if not isinstance(store, SupportsLeases):
            message = "the store has leases, and as an owner elsewhere has it it has none"
            raise TypeError(message)
        return store

    def teardown(self) -> None:
        """Remove the files."""
        for store in {id(each): each for each in (*self.hands, self.store)}.values():
            close_store(store)
        shutil.rmtree(self.place)


def run(
    make_store: Callable[[Path], JobStore],
    elsewhere: Callable[[JobStore], JobStore],
    *,
    clock: VirtualClock,
    examples: int,
    steps: int,
    shortest: bool,
) -> None:
    """Run the machine against a store; see `backfill.testing.stateful`."""
    of_store = {"make_store": staticmethod(make_store), "elsewhere": staticmethod(elsewhere), "clock": clock}
    run_machine(OwnerMachine, of_store, settings=limits(examples, steps, shortest=shortest))
