"""Stores against a dictionary: any order of drafts, commits, deletions and openings gives what the rule says."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from attrs import field, frozen, mutable
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from backfill.errors import SnapshotNotFound
from backfill.protocols import SnapshotDraft, SnapshotStore
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from stores.store_cases import UnsyncedFiles, contribution, failure, record

DAYS = st.sampled_from([date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 29)])
DISTRICTS = st.sampled_from(["01", "1", "F"])
VALUES = st.integers(0, 2)
DETAILS = st.sampled_from(["full", "summary"])


@frozen
class Said:
    """What the model knows of one record."""

    detail: str
    lag: int
    value: int


@mutable
class Making:
    """A draft, and what the model knows of it."""

    day: date
    draft: SnapshotDraft
    put: dict[str, Said] = field(factory=dict)
    totals: tuple[int, int] | None = None


class StoreMachine(RuleBasedStateMachine):
    """The rules; subclasses say which store."""

    drafts = Bundle("drafts")

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.model: dict[date, dict[str, Said]] = {}
        self.totals: dict[date, tuple[int, int]] = {}
        self.missing: dict[date, set[str]] = {}
        self.jobs = 0
        self.store = self.open()

    def open(self) -> SnapshotStore:
        """Return the store, or another one over the same files."""
        raise NotImplementedError

    @rule(target=drafts, day=DAYS)
    def begin(self, day: date) -> Making:
        """Begin a draft beside all others."""
        self.jobs += 1
        return Making(day, self.store.begin(day, job_id=f"job-{self.jobs}"))

    @rule(making=drafts, district=DISTRICTS, detail=DETAILS, lag=VALUES, value=VALUES)
    def put(self, making: Making, district: str, detail: str, lag: int, value: int) -> None:
        """Put a record into a draft."""
        as_of = making.day + timedelta(days=lag)
        making.draft.put(record(district, value, day=making.day, as_of=as_of, detail=detail))
        making.put[district] = Said(detail, lag, value)

    @rule(making=drafts, lag=VALUES, value=VALUES)
    def put_summary(self, making: Making, lag: int, value: int) -> None:
        """Put a summary into a draft."""
        making.draft.put_summary("totals", {"value": value}, as_of=making.day + timedelta(days=lag))
        making.totals = (lag, value)

    @rule(making=consumes(drafts), failed=st.sets(DISTRICTS))
    def commit(self, making: Making, failed: set[str]) -> None:
        """Commit a draft, with failures of districts that it does not have."""
        failed -= set(making.put)
        errors = [failure(district, day=making.day) for district in sorted(failed)]
        info = making.draft.commit(contribution({*making.put, *failed}, day=making.day, errors=errors))
        before = self.model.get(making.day, {})
        after = {**before, **{name: new for name, new in making.put.items() if self.replaces(before.get(name), new)}}
        assert (info is None) == (not after)
        if info is None:
            return
        assert info.stored == tuple(sorted(name for name, new in making.put.items() if after[name] is new))
        assert info.districts == tuple(sorted(after))
        self.model[making.day] = after
        self.missing[making.day] = (self.missing.get(making.day, set()) | failed) - set(after)
        old = self.totals.get(making.day)
        if making.totals is not None and (old is None or making.totals[0] >= old[0]):
            self.totals[making.day] = making.totals

    @staticmethod
    def replaces(old: Said | None, new: Said) -> bool:
        """Whether the rule lets *new* take the place of *old*."""
        if old is None:
            return True
        if old.detail == "full" and new.detail == "summary":
            return False
        if new.lag != old.lag:
            return new.lag > old.lag
        return (new.detail, new.value) != (old.detail, old.value)

    @rule(making=consumes(drafts))
    def leave(self, making: Making) -> None:
        """Leave a draft without commit."""
        with making.draft:
            pass

    @rule(making=consumes(drafts))
    def drop(self, making: Making) -> None:
        """Drop a draft without leaving it."""
        del making.draft

    @rule(day=DAYS)
    def delete(self, day: date) -> None:
        """Delete a day, stored or not."""
        self.store.delete(day)
        self.model.pop(day, None)
        self.totals.pop(day, None)
        self.missing.pop(day, None)

    @rule(seconds=st.sampled_from([0.5, 30.0, 90.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    @rule()
    def reopen(self) -> None:
        """Open the store anew; drafts of the former one go on."""
        self.store = self.open()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """Every way of looking gives what the model has."""
        assert list(self.store.days()) == sorted(self.model)
        for day, expected in self.model.items():
            snapshot = self.store.read(day)
            found = {name: snapshot.district(name) for name in snapshot.districts}
            assert {
                name: Said(one.detail, (one.as_of - day).days, self.number(one.data)) for name, one in found.items()
            } == expected
            assert {name: header.detail for name, header in self.store.entries(day).items()} == {
                name: said.detail for name, said in expected.items()
            }
            assert set(snapshot.metadata.failed) == self.missing[day]
            if day in self.totals:
                assert snapshot.summary("totals") == {"value": self.totals[day][1]}
            else:
                with pytest.raises(SnapshotNotFound):
                    snapshot.summary("totals")

    @staticmethod
    def number(value: object) -> int:
        """Return a record's data, which are a number here."""
        assert isinstance(value, int)
        return value


class MemoryMachine(StoreMachine):
    """The store in memory, which is opened once."""

    def open(self) -> SnapshotStore:
        """Return the one store."""
        return getattr(self, "store", None) or MemorySnapshotStore(clock=self.clock)


class FileMachine(StoreMachine):
    """The store in files."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        super().__init__()

    def open(self) -> SnapshotStore:
        """Return a store over the same files."""
        return PerDistrictFileSnapshotStore(self.root, clock=self.clock, files=UnsyncedFiles())

    def teardown(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.root)


_BOUNDED = settings(max_examples=40, stateful_step_count=25, deadline=None, derandomize=True, database=None)


def test_p5_memory_does_what_a_dictionary_would() -> None:
    """The store in memory keeps what the rule says, for any order of events. [P4, P5, R5.4]"""
    run_state_machine_as_test(MemoryMachine, settings=_BOUNDED)


def test_p5_files_do_what_a_dictionary_would() -> None:
    """The store in files keeps what the rule says, for any order of events. [P4, P5, R5.4, B2]"""
    run_state_machine_as_test(FileMachine, settings=_BOUNDED)
