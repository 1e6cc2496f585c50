"""What the author of a job store says of it, and how states of jobs are compared."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, NoReturn

from backfill.model import BackfillStatus, JobState, StatusChanged, UnitsSettled, UnitState
from backfill.protocols import JobStore
from backfill.testing.contracts._asserting import equal
from backfill.testing.contracts._suite import Contract, skip
from backfill.testing.samples import DAY, NOON

WORKING = StatusChanged(BackfillStatus.PROCESSING, NOON)
PAUSED = StatusChanged(BackfillStatus.PAUSED, NOON, "the disk is full")
ENDED = StatusChanged(BackfillStatus.COMPLETE, NOON)
CANCELLED = StatusChanged(BackfillStatus.CANCELLED, NOON, "enough")
DONE = UnitsSettled(DAY, {"61": UnitState.COMPLETED})

TTL = 20.0
"""Seconds of a lease."""


class JobHooks(Contract):
    """The one method that must be given, and what may be.

    Attributes:
        durable: Whether `make_store` with the same folder opens what was kept there before.
        examples: How many orders of calls are compared with a model.
    """

    durable: ClassVar[bool] = False
    examples: ClassVar[int] = 25

    def make_store(self, place: Path, /) -> JobStore:
        """Return an empty job store. *place* is an empty folder for those that need one, `clock` the time for those that take one."""
        raise NotImplementedError

    def new_store(self) -> JobStore:
        """Return the store; the second time, another over the same folder."""
        store = self.make_store(self.place)
        self.closing(store)
        return store

    def need_durable(self) -> None:
        """Leave the test out where nothing outlives the store."""
        if not self.durable:
            skip("nothing is said to outlive this store", "set durable = True if make_store opens the same folder again")


def skip_ability(protocol: str) -> NoReturn:
    """Leave a test out where the store lacks an ability."""
    skip(f"the store is no backfill.protocols.{protocol}", "give it the methods of that protocol if it should be")


def facts(state: JobState) -> dict[str, object]:
    """Return everything of a state that must be the same wherever it is kept."""
    return {
        "spec": state.spec,
        "status": (state.status, state.status_reason),
        "times": (state.started_at, state.completed_at),
        "published": dict(state.published),
        "errors": list(state.errors),
        "findings": list(state.findings),
        "attempts": dict(state.attempts),
        "groups": state.error_groups,
        "counts": dict(state.counts),
        "by district": {district: dict(counts) for district, counts in state.by_district.items()},
        "unlisted": state.unlisted,
        "units": {day: dict(row.items()) for day, row in state.rows.items()},
    }


def same_state(found: JobState, expected: dict[str, object], what: str) -> None:
    """Assert that a state, which is *what*, has these facts."""
    for name, fact in facts(found).items():
        equal(fact, expected[name], f"{what}: {name}")
