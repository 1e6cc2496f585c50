"""Stopping a job at any instant: what is stored is kept, what is noted is stored, and everything comes to its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillStatus
from backfill.engine.slots import Slots
from backfill.model import BackfillReport, Collected
from backfill.protocols import DataSource, Fetch
from backfill.testing.source import ScriptedBatch, ScriptedCatalog, ScriptedDashboard, ScriptedSource
from collect_doubles import NoDoorNeeded
from engine_doubles import bounded, day, running
from engine_running import Running, Summarizing, carry_out, job
from planning_doubles import ask
from service_doubles import PATIENCE, FailingJobs, FailingStore, adds_up, backfill_threads, stored, together, until


def test_a_job_cancelled_before_its_turn_does_nothing() -> None:
    """When its turn comes, a job that was cancelled while it was queued calls nobody, and stays as it ended. [R4.4]"""
    source = ScriptedSource()
    made = job(source, ask(2, "A"))
    made.live.cancel("enough")
    assert made.run().status_reason == "enough"
    assert source.calls == []
    assert len(made.jobs.load("j1").published) == 0


def test_a_job_whose_cancellation_could_not_be_noted_ends_when_its_turn_comes() -> None:
    """It begins, starts nothing, and ends as cancelled. [R4.4]"""
    source = ScriptedCatalog()
    jobs = FailingJobs(lambda _changes: OSError("locked"))
    made = job(source, ask(2), jobs=jobs)
    made.live.cancel("enough")
    jobs.failure = lambda _changes: None
    report = made.run()
    assert (report.status, report.status_reason, report.progress.pending) == ("cancelled", "enough", 2)
    assert source.calls == []


@pytest.mark.parametrize("where", ["list_districts", "collect", "summarize_day", "begin", "put", "put_summary", "commit", "exit"])
def test_cancelling_at_each_step_loses_nothing(where: str) -> None:
    """Cancelled while it lists, collects, summarizes, stages, publishes or tidies up, a job keeps what it has, and a second one does the rest. [R4.4, P6, B2]"""
    gate, reached = threading.Event(), threading.Event()

    def wait(call: str, *_what: object) -> None:
        if call == where:
            reached.set()
            assert gate.wait(PATIENCE)

    class Waiting(Summarizing):
        def list_districts(self, on: date, fetch: Fetch, /) -> Sequence[str]:
            wait("list_districts")
            return super().list_districts(on, fetch)

        def summarize_day(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
            wait("summarize_day")
            return super().summarize_day(on, districts, fetch)

    def answer(_on: date, _name: str) -> object:
        wait("collect")
        return 1

    source, store = Waiting(answer), FailingStore(wait)
    made = job(source, ask(4, "A", "B", concurrency=1), store)
    with running(made.runner.run):
        assert reached.wait(PATIENCE)
        assert made.live.cancel("enough")
        gate.set()
    report = made.live.future.result(0)
    kept = {(on, name) for on, names in stored(store).items() for name in names}
    assert report.progress.completed == len(kept)
    assert report.progress.pending == 8 - len(kept)
    nothing_was_left = where == "exit" and not report.progress.pending  # the other days had gone on meanwhile
    assert report.status is (BackfillStatus.COMPLETE if nothing_was_left else BackfillStatus.CANCELLED)
    assert report.errors == ()
    assert adds_up(report)
    assert store.open_drafts == 0
    assert not backfill_threads()
    source.calls.clear()
    assert job(source, ask(4, "A", "B"), store, job_id="j2").run().progress.completed == 8 - len(kept)
    again = {(on, name) for call, on, names in source.calls if call.startswith("collect") for name in names}
    assert not again & kept, "what is stored is not collected again"
    assert stored(store) == {day(number): ("A", "B") for number in range(4)}


class Instants:
    """Counts every call of source, store and job store, and does something at one of them.

    Args:
        at: At which, from 1.
        act: What to do.
    """

    def __init__(self, at: int, act: Callable[[], object] = lambda: None) -> None:
        self.act = act
        self._at = at
        self._number = 0
        self._lock = threading.Lock()

    def pass_by(self, *_what: object) -> None:
        """Count one call."""
        with self._lock:
            self._number += 1
            is_now = self._number == self._at
        if is_now:
            self.act()

    def job(self, kind: type[ScriptedSource], store: FailingStore, concurrency: int) -> Running:
        """Return a job of four days and three districts, all of whose calls are counted."""
        store.failure = self.pass_by
        jobs = FailingJobs(self.pass_by)
        return job(self._counted(kind), ask(4, "A", "B", "C", concurrency=concurrency), store, jobs=jobs)

    def _counted(self, kind: type[ScriptedSource]) -> DataSource:
        source = kind()
        call = source._call

        def counting(method: str, on: date, districts: tuple[str, ...]) -> AbstractContextManager[None]:
            self.pass_by()
            return call(method, on, districts)

        source._call = counting  # type: ignore[method-assign,assignment] # what all of its methods go through
        return source


KINDS = st.sampled_from([ScriptedSource, ScriptedCatalog, ScriptedBatch, ScriptedDashboard, Summarizing])


@bounded
@given(kind=KINDS, at=st.integers(1, 60), concurrency=st.integers(1, 4))
def test_p6_cancelled_at_any_call_a_job_keeps_what_it_has(kind: type[ScriptedSource], at: int, concurrency: int) -> None:
    """At whichever call of source, store or job store the cancellation comes: stored is what is counted completed, nothing failed, and the rest can be done later. [P6, R4.4, B2]"""
    store = FailingStore()
    instants = Instants(at)
    made = instants.job(kind, store, concurrency)
    instants.act = lambda: made.live.cancel("enough")
    report = made.run()
    kept = sum(map(len, stored(store).values()))
    assert adds_up(report)
    assert (report.progress.completed, report.progress.pending, report.progress.failed) == (kept, 12 - kept, 0)
    assert report.status == ("complete" if kept == 12 else "cancelled")
    assert {date.fromisoformat(name) for name in report.snapshot_ids} == set(stored(store))
    assert store.open_drafts == 0
    assert made.jobs.load("j1").counts == made.live._state.counts
    store.failure = lambda *_: None
    carry_out(kind(), ask(4, "A", "B", "C"), store, job_id="j2")
    assert stored(store) == {day(number): ("A", "B", "C") for number in range(4)}


class Jammed(BaseException):
    """What nobody expects."""


@pytest.fixture
def _quiet() -> Iterator[None]:
    """Keep what thousands of made-up failures have to say out of the output of a failing test."""
    logger = logging.getLogger("backfill")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("raised", [Jammed, SystemExit, MemoryError])
def test_p6_whatever_is_raised_at_any_call_a_job_ends(raised: type[BaseException]) -> None:
    """At whichever call of source, store or job store something is raised, and be it no `Exception`: the job ends, no draft and no thread is left, and what it says is stored is. [P6, R6.1, B2]"""

    @bounded
    @given(kind=KINDS, at=st.integers(1, 60), concurrency=st.integers(1, 4))
    def check(kind: type[ScriptedSource], at: int, concurrency: int) -> None:
        store = FailingStore()

        def fail() -> None:
            raise raised("at an instant")

        made = Instants(at, fail).job(kind, store, concurrency)
        report = _run_in_thread(made)
        kept = {(on, name) for on, names in stored(store).items() for name in names}
        noted = {(on, name) for on, row in made.live._state.rows.items() for name, state in row.items() if state == "completed"}
        assert report.status.is_final
        assert adds_up(report)
        assert noted <= kept
        assert store.open_drafts == 0
        if report.status is not BackfillStatus.ERROR:
            assert noted == kept
            assert report.progress.pending == 0
        store.failure = lambda *_: None
        carry_out(kind(), ask(4, "A", "B", "C"), store, job_id="j2")
        assert stored(store) == {day(number): ("A", "B", "C") for number in range(4)}

    check()
    assert not backfill_threads()


def _run_in_thread(made: Running) -> BackfillReport:
    together(made.runner.run)
    return made.live.future.result(0)


def test_a_day_cancelled_before_its_summaries_is_stored_without_them() -> None:
    """Nothing new is begun for a day in work: not its other districts, nor its summaries, and their absence is no failure of theirs. [R4.4, R6.4]"""

    def answer(_on: date, name: str) -> object:
        if name == "B":
            made.live.cancel("enough")
        return 1

    source = Summarizing(answer)
    made = job(source, ask(2, "A", "B", "C", concurrency=1, collection_type="per-district"))
    report = made.run()
    assert [call for call, *_ in source.calls] == ["list_districts", "collect_district", "collect_district"]
    assert (report.progress.completed, report.progress.pending, report.findings) == (2, 4, ())
    assert stored(made.store) == {day(0): ("A", "B")}


def test_a_cancelled_call_at_the_door_is_not_made() -> None:
    """A unit that waits for a slot of another job when its own is cancelled asks for nothing more. [R4.4, P9]"""
    slots = Slots(1)
    asked: list[object] = []

    class Watched(NoDoorNeeded):
        def bind(self, unit: object, /) -> Fetch:
            asked.append(unit)
            return super().bind(unit)

    source = ScriptedSource()
    made = job(source, ask(3, "A", concurrency=2), slots=slots, fetcher=Watched())
    with slots.taken(threading.Event()), running(made.runner.run):
        until(lambda: bool(made.live.report().progress.current))
        made.live.cancel("enough")
    assert made.live.future.result(0).progress.pending == 3
    assert (asked, source.calls) == ([], [])
