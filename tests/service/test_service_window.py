"""Many days at once: never idle between them, and never more in memory than a window of them."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref
from collections.abc import Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Self

import pytest
from attrs import frozen

from backfill import BackfillStatus, DataUnavailable
from backfill.model import Collected, Contribution, DistrictRecord, EncodedRecord, SnapshotInfo, SnapshotStatus, UnitsSettled
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedCatalog, ScriptedSource, ScriptedSystemWide
from service_doubles import PATIENCE, FailingStore, GatedSource, ask, collect, day, days, serving, stored, until


def test_the_last_district_of_a_day_does_not_hold_up_the_next_days() -> None:
    """While one unit of the first day takes for ever, all other days are collected and published. [R9.2]"""
    store = MemorySnapshotStore()
    source = GatedSource(lambda on, name: on == day(0) and name == "C")
    with serving(source, store) as service:
        job = service.initiate_backfill(ask(9, "A", "B", "C", concurrency=2))
        until(lambda: job.report().progress.current == (day(0),) and job.report().progress.completed == 24)
        assert set(stored(store)) == set(days(9)) - {day(0)}
        assert job.report().progress.pending == 3
        source.gate.set()
        assert job.wait(PATIENCE).snapshot_ids[-1] == day(0).isoformat()


def test_listing_a_day_does_not_hold_up_the_others() -> None:
    """While one day is being listed, other days are listed and collected. [R9.2]"""
    gate = threading.Event()

    class Slow(ScriptedCatalog):
        def list_districts(self, on: date, fetch: Fetch, /) -> Sequence[str]:
            if on == day(0):
                gate.wait(PATIENCE)
            return super().list_districts(on, fetch)

    store = MemorySnapshotStore()
    with serving(Slow(), store) as service:
        job = service.initiate_backfill(ask(6, concurrency=2))
        until(lambda: len(stored(store)) == 5)
        assert job.report().progress.is_estimate
        assert job.report().progress.total == 16
        gate.set()
        assert job.wait(PATIENCE).progress.completed == 18


def test_publishing_takes_no_slot_of_collecting() -> None:
    """While a commit takes its time, collecting goes on, in a window of days that is bounded. [R9.2]"""
    gate = threading.Event()
    store = FailingStore(lambda call, _on, _name: (gate.wait(PATIENCE), None)[1] if call == "commit" else None)
    source = ScriptedSource()
    with serving(source, store) as service:
        job = service.initiate_backfill(ask(10, "A", concurrency=1))
        until(lambda: len(source.calls) == 4)
        assert not stored(store)
        gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert store.open_drafts == 0


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_days_in_work_are_bounded(concurrency: int) -> None:
    """Over 150 days no more drafts stand open, and no more days are in work, than the window has; however slow the store is. [R9.2]"""
    wait = threading.Event()
    window = 2 * concurrency + 2
    store = FailingStore(lambda call, _on, _name: (wait.wait(0.0005), None)[1] if call == "commit" else None)
    most = 0
    with serving(ScriptedSource(), store) as service:
        request = ask(1, "A", "B", concurrency=concurrency, start_date="2025-06-01", end_date="2025-10-28")
        job = service.initiate_backfill(request)
        while not job.future.done():
            most = max(most, len(job.report().progress.current))
            wait.wait(0.001)
        assert job.wait().progress.completed == 300
    assert store.most_open_drafts <= window
    assert most <= window


class ForgetfulStore:
    """A store that keeps nothing, so that what is left in memory is the engine's."""

    def begin(self, day: date, /, *, job_id: str) -> ForgetfulDraft:
        """Return a draft."""
        return ForgetfulDraft(day)

    def read(self, day: date, /) -> object:
        """Have nothing to read."""
        raise NotImplementedError

    def entries(self, day: date, /) -> Mapping[str, object]:
        """Return none."""
        return {}

    def days(self, start: date | None = None, end: date | None = None, /) -> Sequence[date]:
        """Return none."""
        return ()

    def delete(self, day: date, /) -> None:
        """Do nothing."""


class ForgetfulDraft:
    """A draft that keeps its records until it is left."""

    def __init__(self, day: date) -> None:
        self._day = day
        self._records: list[DistrictRecord | EncodedRecord] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._records.clear()

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Keep the record."""
        self._records.append(record)

    def commit(self, contribution: Contribution, /) -> SnapshotInfo:
        """Say that it is stored."""
        return SnapshotInfo(self._day, SnapshotStatus.SUCCESS, (), (), ())


@frozen(slots=False)
class Figures:
    """A payload that a test can watch."""

    text: str


def _peak(start: str, most_alive: list[int]) -> int:
    """Return the bytes at most in use while the days from *start* on are collected, a payload of 40 KB each."""
    alive: weakref.WeakSet[Figures] = weakref.WeakSet()

    def answer(on: date, _name: str) -> object:
        figures = Figures(on.isoformat() * 4_000)
        alive.add(figures)
        most_alive.append(len(alive))
        return Collected(figures)

    request = ask(1, "A", "B", start_date=start, end_date="2025-12-31", concurrency=2)
    gc.collect()
    tracemalloc.start()
    try:
        with serving(ScriptedSource(answer), ForgetfulStore()) as service:  # type: ignore[arg-type] # it reads nothing
            assert service.initiate_backfill(request).wait(60).status is BackfillStatus.COMPLETE
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_flat_however_long_the_range() -> None:
    """Ten times the days take no ten times the memory: what they weigh is not kept, only a few bytes of state each. [R9.2, R9.5]"""
    most_alive: list[int] = []
    short = _peak("2025-12-01", most_alive)
    long = _peak("2025-03-01", most_alive)  # 612 units of 40 KB are 24 MB, kept several times over if they were kept
    assert long - short < 6_000_000
    assert max(most_alive) <= 8


def test_days_without_work_are_settled_without_a_call() -> None:
    """Thousands of days that are stored already are noted in batches, and nobody is asked. [R9.3, R9.5]"""
    store = MemorySnapshotStore()
    source = ScriptedSource()
    request = ask(1, "A", start_date="2022-01-01", end_date="2025-06-30", concurrency=8)
    collect(source, store, request)
    source.calls.clear()
    with serving(source, store) as service:
        job = service.initiate_backfill(request)
        report = job.wait(PATIENCE)
        settled = [event.change for event in service.events() if isinstance(event.change, UnitsSettled)]
    assert report.progress.skipped == report.progress.total == len(stored(store)) == 1277
    assert report.status is BackfillStatus.COMPLETE
    assert not source.calls
    assert report.snapshot_ids == ()
    assert len(settled) >= 900


def test_days_of_which_nothing_is_published_leave_nothing() -> None:
    """A day whose districts are all unavailable has no snapshot, and its units are counted. [R6.3]"""
    store = MemorySnapshotStore()
    report = collect(ScriptedSystemWide(lambda *_: DataUnavailable("no")), store, ask(3))
    assert report.status is BackfillStatus.COMPLETE
    assert report.progress.unavailable == report.progress.total == 3
    assert not stored(store)
