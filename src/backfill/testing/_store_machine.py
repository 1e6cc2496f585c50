"""A snapshot store beside a dictionary. Loads hypothesis."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from attrs import astuple, field, frozen, mutable
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from backfill.errors import SnapshotNotFound
from backfill.protocols import Clock, Snapshot, SnapshotDraft, SnapshotStore
from backfill.testing._machines import limits, run_machine
from backfill.testing.clock import VirtualClock
from backfill.testing.contracts._asserting import equal, refused
from backfill.testing.samples import contribution, failure, record

_DAYS = st.sampled_from([date(2024, 1, 31), date(2024, 2, 29)])  # few, so that calls meet
_DISTRICTS = st.sampled_from(["01", "1", "F"])
_VALUES = st.integers(0, 2)
_DETAILS = st.sampled_from(["full", "summary"])


@frozen
class Said:
    """What the dictionary holds of one record: its detail, days from its day to its as-of date, and its data."""

    detail: str
    lag: int
    value: int

    def gives_way_to(self, new: Said) -> bool:
        """Whether the rule lets *new* take its place."""
        if self.detail == "full" and new.detail == "summary":
            return False
        if new.lag != self.lag:
            return new.lag > self.lag
        return (new.detail, new.value) != (self.detail, self.value)


_SAID = st.builds(Said, _DETAILS, _VALUES, _VALUES)
_RECORDS = st.dictionaries(_DISTRICTS, _SAID, max_size=2)
_FAILED = st.sets(_DISTRICTS, max_size=1)


@mutable
class Making:
    """A draft, and what was put into it."""

    day: date
    draft: SnapshotDraft
    put: dict[str, Said] = field(factory=dict)
    totals: tuple[int, int] | None = None


class StoreMachine(RuleBasedStateMachine):
    """The calls, and what they do to the dictionary. `run` says which store."""

    drafts = Bundle("drafts")
    places: str
    make_store: Callable[[Path], SnapshotStore]
    durable: bool
    clock: Clock | None

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(dir=self.places))
        self.model: dict[date, dict[str, Said]] = {}
        self.totals: dict[date, tuple[int, int]] = {}
        self.missing: dict[date, set[str]] = {}
        self.jobs = 0
        self.store = type(self).make_store(self.place)

    @rule(target=drafts, day=_DAYS, records=_RECORDS)
    def begin(self, day: date, records: dict[str, Said]) -> Making:
        """Begin a draft beside all others, and put the first records into it."""
        self.jobs += 1
        making = Making(day, self.store.begin(day, job_id=f"job-{self.jobs}"))
        for district, said in records.items():
            self.put(making, district, said)
        return making

    @rule(day=_DAYS, records=_RECORDS, totals=st.none() | st.tuples(_VALUES, _VALUES), failed=_FAILED)
    def store_at_once(self, day: date, records: dict[str, Said], totals: tuple[int, int] | None, failed: set[str]) -> None:
        """Store a day in one go, as most jobs do: without it few orders of single calls would ever store anything."""
        making = self.begin(day, records)
        if totals is not None:
            self.put_summary(making, *totals)
        self.commit(making, failed)

    @rule(making=drafts, district=_DISTRICTS, said=_SAID)
    def put(self, making: Making, district: str, said: Said) -> None:
        """Put a record into a draft."""
        as_of = making.day + timedelta(days=said.lag)
        making.draft.put(record(district, said.value, day=making.day, as_of=as_of, detail=said.detail))
        making.put[district] = said

    @rule(making=drafts, lag=_VALUES, value=_VALUES)
    def put_summary(self, making: Making, lag: int, value: int) -> None:
        """Put a summary into a draft."""
        making.draft.put_summary("totals", {"value": value}, as_of=making.day + timedelta(days=lag))
        making.totals = (lag, value)

    @rule(making=consumes(drafts), failed=_FAILED)
    def commit(self, making: Making, failed: set[str]) -> None:
        """Commit a draft, with failures of districts that it does not have."""
        failed -= set(making.put)
        errors = [failure(district, day=making.day) for district in sorted(failed)]
        info = making.draft.commit(contribution({*making.put, *failed}, day=making.day, errors=errors))
        before = self.model.get(making.day, {})
        fresh = {name: new for name, new in making.put.items() if name not in before or before[name].gives_way_to(new)}
        after = {**before, **fresh}
        equal(info is None, not after, "whether commit says that the day holds nothing")
        if info is None:
            return
        equal(info.stored, tuple(sorted(fresh)), "districts that commit says were stored")
        equal(info.districts, tuple(sorted(after)), "districts that commit says the day has")
        self.model[making.day] = after
        self.missing[making.day] = (self.missing.get(making.day, set()) | failed) - set(after)
        old = self.totals.get(making.day)
        if making.totals is not None and (old is None or making.totals[0] >= old[0]):
            self.totals[making.day] = making.totals

    @rule(making=consumes(drafts), is_dropped=st.booleans())
    def leave(self, making: Making, *, is_dropped: bool) -> None:
        """Leave a draft without commit, or drop it without even leaving it."""
        if is_dropped:
            del making.draft
            return
        with making.draft:
            pass

    @rule(day=_DAYS)
    def delete(self, day: date) -> None:
        """Delete a day, stored or not."""
        self.store.delete(day)
        for kept in (self.model, self.totals, self.missing):
            kept.pop(day, None)

    @rule(seconds=st.sampled_from([0.5, 30.0, 90.0]))
    def go_on_later(self, seconds: float) -> None:
        """Let time pass, and open the store anew; drafts of the former one go on."""
        if isinstance(self.clock, VirtualClock):
            self.clock.advance(seconds)
        if self.durable:
            self.store = type(self).make_store(self.place)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """Every way of looking gives what the dictionary has."""
        equal(list(self.store.days()), sorted(self.model), "days")
        for day, expected in self.model.items():
            snapshot = self.store.read(day)
            found = {name: snapshot.district(name) for name in snapshot.districts}
            data = {name: (one.detail, (one.as_of - day).days, one.data) for name, one in found.items()}
            equal(data, {name: astuple(said) for name, said in expected.items()}, f"records of {day}")
            entries = {name: (header.detail, (header.as_of - day).days) for name, header in self.store.entries(day).items()}
            equal(entries, {name: (said.detail, said.lag) for name, said in expected.items()}, f"entries of {day}")
            equal(set(snapshot.metadata.failed), self.missing[day], f"districts of {day} that failed")
            self._check_totals(snapshot)

    def _check_totals(self, snapshot: Snapshot) -> None:
        expected = self.totals.get(snapshot.day)
        if expected is not None:
            equal(snapshot.summary("totals"), {"value": expected[1]}, f"summary of {snapshot.day}")
            return
        with refused(SnapshotNotFound, f"reading a summary that {snapshot.day} does not have"):
            snapshot.summary("totals")

    def teardown(self) -> None:
        """Remove the files."""
        close = getattr(self.store, "close", None)
        if callable(close):
            close()
        shutil.rmtree(self.place)


def run(
    make_store: Callable[[Path], SnapshotStore], *, durable: bool, clock: Clock | None, examples: int, steps: int, shortest: bool
) -> None:
    """Run the machine against a store; see `backfill.testing.stateful`."""
    of_store = {"make_store": staticmethod(make_store), "durable": durable, "clock": clock}
    run_machine(StoreMachine, of_store, settings=limits(examples, steps, shortest=shortest))
