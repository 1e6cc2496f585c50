"""What the tests of job stores have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from hypothesis import strategies as st

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
from backfill.protocols import (
    JobStore,
    SupportsClaims,
    SupportsErrors,
    SupportsEvents,
    SupportsKeys,
    SupportsLeases,
    SupportsOutcomes,
    SupportsPages,
    SupportsRequests,
)
from foundation_samples import DAY, NOW, days, make_error

DONE = UnitsSettled(DAY, {"61": UnitState.COMPLETED})
WORKING = StatusChanged(BackfillStatus.PROCESSING, NOW)
PAUSED = StatusChanged(BackfillStatus.PAUSED, NOW, "the disk is full")
ENDED = StatusChanged(BackfillStatus.COMPLETE, NOW + timedelta(minutes=1))
CANCELLED = StatusChanged(BackfillStatus.CANCELLED, NOW, "enough")


class FullJobStore(
    JobStore,
    SupportsEvents,
    SupportsErrors,
    SupportsKeys,
    SupportsOutcomes,
    SupportsPages,
    SupportsLeases,
    SupportsRequests,
    SupportsClaims,
    Protocol,
):
    """A job store with every ability there is."""


ABILITIES = tuple(base for base in FullJobStore.__mro__[1:] if base.__name__.startswith("Supports") or base is JobStore)


class MakeStore(Protocol):
    """Makes an empty job store on the clock of the test."""

    def __call__(self, *, max_events: int = 10_000) -> FullJobStore:
        """Return a store that keeps so many events."""
        ...


Reopen = Callable[[FullJobStore], FullJobStore]


def facts(state: JobState) -> tuple[object, ...]:
    """Return all of a state, for comparing."""
    return (
        state.spec,
        state.status,
        state.status_reason,
        state.started_at,
        state.completed_at,
        list(state.published.items()),
        list(state.errors),
        list(state.findings),
        dict(state.attempts),
        state.error_groups,
        dict(state.counts),
        {name: dict(counts) for name, counts in state.by_district.items()},
        state.unlisted,
        [(day, tuple(row.items())) for day, row in state.rows.items()],
    )


some_days = st.sampled_from(days(3))
some_units = st.sampled_from([None, "61", "F", "01"])
some_districts = st.sampled_from([("61", "F"), ("F", "61"), ("01",), ()])
settled_states = st.sampled_from([state for state in UnitState if state is not UnitState.PENDING])
some_errors = st.builds(
    lambda name, day, kind, attempts: make_error(name, day, kind=kind, attempts=attempts),
    some_units,
    some_days,
    st.sampled_from(["timeout", "http_500"]),
    st.integers(1, 3),
)

some_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(DayListed, some_days, some_districts),
    st.builds(UnitsSettled, some_days, st.dictionaries(some_units, settled_states, min_size=1, max_size=2)),
    st.builds(UnitFailed, some_errors),
    st.builds(UnitAttempted, some_errors),
    st.builds(DayPublished, some_days, st.booleans(), st.just(NOW)),
    st.builds(Found, st.builds(Finding, st.just("odd"), st.text(max_size=3), st.none() | some_days, some_units)),
    st.builds(StatusChanged, st.sampled_from(BackfillStatus), st.just(NOW), st.none() | st.sampled_from(["because", "\ud800"])),
)
