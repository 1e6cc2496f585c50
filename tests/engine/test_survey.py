"""Which (day, district) are stored, and what became of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.coverage import survey
from backfill.errors import DataUnavailable, InvalidRequest, PermanentSourceError
from backfill.jobstores import MemoryJobStore
from backfill.model import (
    CellState,
    Coverage,
    DistrictError,
    Frequency,
    Gap,
    RecordHeader,
    Stage,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.protocols import DataSource, JobStore, Snapshot, SnapshotStore
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedCatalog, ScriptedSource
from engine_doubles import DAY, NOW, bounded, day, planned, record, spec, store_records
from engine_running import job
from planning_doubles import Documented, Untouchable, ask
from service_doubles import PlainJobs

FULL, SUMMARY, PARTIAL, FAILED = CellState.FULL, CellState.SUMMARY, CellState.PARTIAL, CellState.FAILED
UNAVAILABLE, NEVER = CellState.UNAVAILABLE, CellState.NEVER_TRIED


class Unopened:
    """A stored day of which no record and no summary may be read."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.day, self.metadata, self.districts = snapshot.day, snapshot.metadata, snapshot.districts

    def district(self, district: str, /) -> NoReturn:
        """Fail."""
        raise AssertionError(f"the record of {district} on {self.day} was read")

    def summary(self, name: str, /) -> NoReturn:
        """Fail."""
        raise AssertionError(f"{name} of {self.day} was read")


class Closed(MemorySnapshotStore):
    """A store whose records must not be read: the manifests, and what is said of days as a whole, are enough."""

    def read(self, on: date, /) -> Snapshot:  # type: ignore[override] # any snapshot serves
        """Return a day that says nothing but of itself."""
        return Unopened(super().read(on))


def look(
    *districts: str,
    start: date = DAY,
    end: date | None = None,
    frequency: Frequency = Frequency.DAILY,
    source: DataSource | None = None,
    store: SnapshotStore | None = None,
    jobs: JobStore | None = None,
) -> Coverage:
    """Return the coverage of three days and *districts* (none = those that are known), without asking anybody."""
    return survey(
        start,
        end or day(2),
        frequency,
        districts or None,
        source=source or Untouchable(),
        store=store or Closed(),
        jobs=jobs or MemoryJobStore(),
        clock=VirtualClock(NOW),
    )


def tried(outcomes: Mapping[tuple[date, str | None], UnitState]) -> MemoryJobStore:
    """Return a job store in whose ledger these outcomes stand."""
    jobs = MemoryJobStore()
    for (on, district), state in outcomes.items():
        of_day = planned(*(() if district is None else (district,)), on=on)
        one = spec(of_day, job_id=f"{on}-{district}")
        jobs.create(one)
        failed = DistrictError(district, on, Stage.FETCH, "gone", "it is gone", 1, is_retryable=False, timestamp=NOW)
        change = UnitFailed(failed) if state is UnitState.FAILED else UnitsSettled(on, {district: state})
        jobs.apply(one.job_id, [change], at=NOW)
    return jobs


def states(coverage: Coverage) -> dict[tuple[int, str], CellState]:
    """Return the states by number of the day and district."""
    return {((on - DAY).days, district): state for on, district, state in coverage}


def test_every_cell_has_the_state_that_manifest_and_ledger_give_it() -> None:
    """Stored in full or as a summary, failed, nothing published, never tried: each (day, district) is one of these. [B5]"""
    store = Closed()
    store_records(store, day(0), record("1"), record("2", detail="summary"))
    store_records(store, day(2), record("1", on=day(2), settled=False))
    jobs = tried({(day(0), "3"): UnitState.FAILED, (day(1), "1"): UnitState.UNAVAILABLE, (day(1), "2"): UnitState.FAILED})
    coverage = look(store=store, jobs=jobs)
    assert coverage.days == (day(0), day(1), day(2))
    assert coverage.districts == ("1", "2", "3")
    assert states(coverage) == {
        (0, "1"): FULL, (0, "2"): SUMMARY, (0, "3"): FAILED,
        (1, "1"): UNAVAILABLE, (1, "2"): FAILED, (1, "3"): NEVER,
        (2, "1"): PARTIAL, (2, "2"): NEVER, (2, "3"): NEVER,
    }  # fmt: skip
    assert coverage.detail(day(2), "1") == "full"
    assert dict(coverage.counts) == {FULL: 1, SUMMARY: 1, PARTIAL: 1, FAILED: 2, UNAVAILABLE: 1, NEVER: 3, CellState.DAMAGED: 0}
    assert (coverage.start, coverage.end, coverage.frequency, dict(coverage.gaps)) == (DAY, day(2), "daily", {})


@pytest.mark.parametrize("outcome", [UnitState.COMPLETED, UnitState.SKIPPED])
def test_what_was_stored_once_and_is_gone_was_never_tried(outcome: UnitState) -> None:
    """The store is believed, not the ledger: a day that was deleted is to be had again. [B5]"""
    assert states(look("1", end=DAY, jobs=tried({(DAY, "1"): outcome}))) == {(0, "1"): NEVER}


@pytest.mark.parametrize("outcome", [UnitState.FAILED, UnitState.UNAVAILABLE])
def test_what_is_stored_counts_before_what_failed_later(outcome: UnitState) -> None:
    """A newer failure does not hide that the record is there. [B5]"""
    store = Closed()
    store_records(store, DAY, record("1"))
    assert states(look(end=DAY, store=store, jobs=tried({(DAY, "1"): outcome}))) == {(0, "1"): FULL}


@pytest.mark.parametrize(("outcome", "state"), [(UnitState.FAILED, FAILED), (UnitState.UNAVAILABLE, UNAVAILABLE)])
def test_the_outcome_of_a_day_as_a_whole_is_that_of_its_districts(outcome: UnitState, state: CellState) -> None:
    """A day that could not be listed, or had nothing, says so of each district that has no outcome of its own. [B5]"""
    store = Closed()
    store_records(store, day(0), record("1"))
    store_records(store, day(1), record("2", on=day(1)))
    jobs = tried({(day(0), None): outcome, (day(0), "3"): UnitState.FAILED, (day(2), None): UnitState.COMPLETED})
    assert states(look(store=store, jobs=jobs)) == {
        (0, "1"): FULL, (0, "2"): state, (0, "3"): FAILED,
        (1, "1"): NEVER, (1, "2"): FULL, (1, "3"): NEVER,
        (2, "1"): NEVER, (2, "2"): NEVER, (2, "3"): NEVER,
    }  # fmt: skip


def test_only_what_is_asked_for_is_looked_at() -> None:
    """Named districts are the table's, known or not; days that the frequency leaves out do not come into it. [B5]"""
    store = Closed()
    for number in range(8):
        store_records(store, day(number), record("1", on=day(number)), record("2", on=day(number)))
    jobs = tried({(day(3), None): UnitState.FAILED, (day(3), "9"): UnitState.FAILED})
    weekly = look("1", "7", end=day(8), frequency=Frequency.WEEKLY, store=store, jobs=jobs)
    assert states(weekly) == {(0, "1"): FULL, (0, "7"): NEVER, (7, "1"): FULL, (7, "7"): NEVER}
    assert weekly.frequency == "weekly"
    assert look(end=day(8), frequency=Frequency.WEEKLY, store=store, jobs=jobs).districts == ("1", "2")


def test_days_outside_the_range_do_not_count() -> None:
    """What is stored, or failed, before and after the range is left out. [B5]"""
    store = Closed()
    store_records(store, day(-1), record("1", on=day(-1)))
    store_records(store, day(3), record("2", on=day(3)))
    coverage = look(store=store, jobs=tried({(day(3), "3"): UnitState.FAILED, (day(-1), None): UnitState.FAILED}))
    assert coverage.districts == ()
    assert list(coverage) == []


def test_a_known_gap_is_unavailable_unless_something_is_stored() -> None:
    """What the source's calendar says of a day is shown with its kind; what somebody stored of it is shown all the same. [B5, B10]"""
    store = Closed()
    store_records(store, day(1), record("1", on=day(1)))
    coverage = look("1", "2", source=Documented(gaps=[day(0), day(1)]), store=store)
    assert dict(coverage.gaps) == {day(0): Gap.CLOSING, day(1): Gap.CLOSING}
    assert states(coverage) == {
        (0, "1"): UNAVAILABLE, (0, "2"): UNAVAILABLE,
        (1, "1"): FULL, (1, "2"): UNAVAILABLE,
        (2, "1"): NEVER, (2, "2"): NEVER,
    }  # fmt: skip


def test_without_a_ledger_what_is_stored_is_all_that_is_known() -> None:
    """A job store that keeps no outcomes leaves failures unknown, and nothing else. [B5]"""
    store = Closed()
    store_records(store, DAY, record("1"))
    assert states(look("1", "2", end=DAY, store=store, jobs=PlainJobs())) == {(0, "1"): FULL, (0, "2"): NEVER}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"end": NOW.date()}, "end_date"),
        ({"start": date(1900, 1, 1)}, "start_date"),
        ({"frequency": Frequency.MONTH_END}, "frequency"),
    ],
)
def test_a_range_that_cannot_be_is_refused(options: dict[str, date], field: str) -> None:
    """As in a request: not beyond what is published, not longer than can be meant, and not empty. [B5]"""
    with pytest.raises(InvalidRequest) as caught:
        look(**options)  # type: ignore[arg-type] # options of any kind
    assert caught.value.field == field


def test_the_ledger_outlives_its_jobs() -> None:
    """Outcomes stay known when the jobs that brought them are cleaned up. [B5, R4.5]"""
    jobs = tried({(DAY, "1"): UnitState.UNAVAILABLE, (day(1), "1"): UnitState.FAILED})
    for state in jobs.list():
        jobs.delete(state.spec.job_id)
    assert states(look(jobs=jobs)) == {(0, "1"): UNAVAILABLE, (1, "1"): FAILED, (2, "1"): NEVER}


def test_a_later_success_clears_the_failure_of_the_day() -> None:
    """A day that could not be listed, and could the next time, is judged by its districts alone; one that its list does not have is unavailable. [B5, R6.6]"""
    failing = ScriptedCatalog({(DAY, "*"): PermanentSourceError("gone")})
    working = ScriptedCatalog({(DAY, "*"): ("A", "B"), (DAY, "A"): 1, (DAY, "B"): PermanentSourceError("gone")})
    jobs, store = MemoryJobStore(), MemorySnapshotStore()
    store_records(store, day(1), record("A", on=day(1)), record("C", on=day(1)))
    job(failing, ask(1), store, jobs=jobs).run()
    assert states(look(end=DAY, store=store, jobs=jobs)) == {}
    assert states(look("A", "B", "C", end=DAY, store=store, jobs=jobs)) == {(0, name): FAILED for name in "ABC"}
    job(working, ask(1), store, jobs=jobs, job_id="j2").run()
    assert states(look("A", "B", "C", end=DAY, store=store, jobs=jobs)) == {
        (0, "A"): FULL,
        (0, "B"): FAILED,
        (0, "C"): UNAVAILABLE,
    }


@bounded
@given(
    script=st.dictionaries(
        st.tuples(st.sampled_from([day(0), day(1), day(2)]), st.sampled_from("ABC")),
        st.sampled_from([1, DataUnavailable("no"), PermanentSourceError("gone")]),
    ),
    named=st.booleans(),
    ahead=st.frozensets(st.tuples(st.sampled_from([day(0), day(1), day(2)]), st.sampled_from("ABCD")), max_size=4),
)
def test_the_coverage_after_a_job_is_its_report_by_cell(
    script: dict[tuple[date, str], object], named: bool, ahead: frozenset[tuple[date, str]]
) -> None:
    """Whatever becomes of a job's units, the survey afterwards shows it cell by cell, with what was stored before. [B5, P6]"""
    store, jobs = MemorySnapshotStore(), MemoryJobStore()
    for on, name in sorted(ahead):
        store_records(store, on, record(name, on=on))
    source = ScriptedSource(script) if named else ScriptedCatalog(script)
    job(source, ask(3, *("ABC" if named else "")), store, jobs=jobs).run()
    coverage = look("A", "B", "C", "D", store=store, jobs=jobs)
    for on, name, state in coverage:
        answer = script.get((on, name), DataUnavailable("none"))
        if (on, name) in ahead or answer == 1:
            expected = FULL
        elif name == "D":  # nobody asks for it: known not to be there only where the day's own list says so
            own = store.read(on).metadata.own_list if on in set(store.days()) else None
            expected = NEVER if own is None else UNAVAILABLE
        else:
            expected = UNAVAILABLE if isinstance(answer, DataUnavailable) else FAILED
        assert state is expected, (on, name)
    assert sum(coverage.counts.values()) == 12


def test_ten_years_are_looked_through_by_days() -> None:
    """A long range opens each stored day's manifest once, and no other. [B5, R9.3]"""
    opened: list[date] = []

    class Watched(Closed):
        def entries(self, on: date, /) -> Mapping[str, RecordHeader]:
            opened.append(on)
            return super().entries(on)

        def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
            assert (start, end) == (date(2016, 1, 1), date(2025, 12, 31))
            return super().days(start, end)

    store = Watched()
    kept = [date(2017, 2, 3), date(2020, 2, 29), date(2025, 12, 31)]
    for on in kept:
        store_records(store, on, record("1", on=on))
    coverage = look(start=date(2016, 1, 1), end=date(2025, 12, 31), store=store)
    assert opened == kept
    assert coverage.counts[FULL] == 3
    assert len(coverage.days) == 3653
