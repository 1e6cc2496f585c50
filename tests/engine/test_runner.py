"""Carrying out a job: its calls, its threads, and its window of days."""

from __future__ import annotations

import gc
import logging
import threading
import tracemalloc
from datetime import date
from types import TracebackType
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillStatus
from backfill.engine.slots import Slots
from backfill.errors import DataUnavailable, PermanentSourceError
from backfill.jobstores import MemoryJobStore
from backfill.model import (
    Change,
    Contribution,
    DayPublished,
    DistrictRecord,
    EncodedRecord,
    Gap,
    JobEvent,
    Method,
    SnapshotInfo,
    SnapshotStatus,
    StatusChanged,
    UnitsSettled,
)
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedBatch, ScriptedCatalog, ScriptedDashboard, ScriptedSource, ScriptedSystemWide
from engine_doubles import DAY, NOW, Door, FixedScope, bounded, day, record, running, store_records
from engine_running import Summarizing, carry_out, job
from planning_doubles import Documented, ask
from service_doubles import PATIENCE, FailingJobs, FailingStore, backfill_threads, stored, together, until

# --- calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "targets", "options", "calls"),
    [
        (ScriptedSource(), "AB", {}, [("collect_district", ("A",)), ("collect_district", ("B",))]),
        (ScriptedCatalog(), "AB", {}, [("list_districts", ()), ("collect_district", ("A",)), ("collect_district", ("B",))]),
        (ScriptedCatalog(districts="A"), "", {}, [("list_districts", ()), ("collect_district", ("A",))]),
        (ScriptedBatch(), "AB", {}, [("collect_many", ("A", "B"))]),
        (ScriptedBatch(), "A", {}, [("collect_district", ("A",))]),
        (ScriptedBatch(), "AB", {"collection_type": "per-district"}, [("collect_district", ("A",)), ("collect_district", ("B",))]),
        (ScriptedSystemWide(), "", {}, [("collect_all", ("A", "B", "C"))]),
        (ScriptedSystemWide(), "AB", {"detail": "summary"}, [("collect_all", ("A", "B", "C"))]),
        (ScriptedDashboard(), "", {}, [("list_districts", ()), ("collect_all", ("A", "B", "C"))]),
        (ScriptedDashboard(), "AB", {}, [("list_districts", ()), ("collect_many", ("A", "B"))]),
        (Summarizing(), "A", {}, [("list_districts", ()), ("collect_district", ("A",)), ("summarize_day", ("A",))]),
    ],
)  # fmt: skip
def test_p3_each_strategy_calls_exactly_its_method(
    source: ScriptedSource, targets: str, options: dict[str, object], calls: list[tuple[str, tuple[str, ...]]]
) -> None:
    """Every planned day is collected by the calls of its strategy, with its districts, once, the days in their order. [P3, R3.2, R1.2]"""
    source.calls.clear()
    made = carry_out(source, ask(2, *targets, concurrency=1, **options))
    assert [(call, names) for call, on, names in source.calls if on == day(0)] == calls
    assert [(call, names) for call, on, names in source.calls if on == day(1)] == calls
    assert made.live.report().status is BackfillStatus.COMPLETE
    wanted = tuple(targets) or source.districts
    assert stored(made.store) == {day(0): wanted, day(1): wanted}


def test_what_is_stored_says_how_it_was_collected() -> None:
    """The snapshot names job, source, method, scope, operation, and how long its day took; and what was unavailable, or failed. [R5.5, R6.3, R11.4]"""
    clock = VirtualClock(NOW)

    def answer(_on: date, name: str) -> object:
        clock.advance(7)
        return {"A": 1, "B": DataUnavailable("none"), "C": PermanentSourceError("gone", kind="gone")}[name]

    made = carry_out(ScriptedSource(answer), ask(1, "A", "B", "C", concurrency=1), clock=clock)
    metadata = made.store.read(DAY).metadata
    assert (metadata.source, metadata.status, metadata.districts) == ("scripted", "partial", ("A",))
    assert (metadata.expected, metadata.unavailable, metadata.failed) == (("A", "B", "C"), ("B",), ("C",))
    assert [(error.district_id, error.kind) for error in metadata.errors] == [("C", "gone")]
    assert metadata.processing_seconds == 21
    (operation,) = metadata.operations
    assert {key: operation[key] for key in ("job", "method", "scope", "operation")} == {
        "job": "j1", "method": "targeted", "scope": "targeted", "operation": "backfill",
    }  # fmt: skip
    assert made.store.entries(DAY)["A"].job_id == "j1"
    assert made.store.entries(DAY)["A"].method == Method.TARGETED


def test_a_skipped_district_is_left_as_it_is_by_a_call_for_all() -> None:
    """One answer for all districts does not replace those that are skipped, whether the day was listed or not. [R5.4, P5]"""
    for source in (ScriptedSystemWide(), ScriptedDashboard()):
        store = MemorySnapshotStore()
        store_records(store, DAY, record("A"))
        made = carry_out(source, ask(1), store)
        assert store.entries(DAY)["A"].job_id == "before"
        assert (made.live.report().progress.skipped, made.live.report().progress.completed) == (1, 2)


def test_a_call_for_all_districts_knows_what_a_configuration_leaves_out() -> None:
    """Of one answer for all, only configured districts are stored, and a configured one that it lacks is unavailable. [P5, P7, R7.3]"""
    made = carry_out(ScriptedSystemWide(), ask(1), scope=FixedScope("A", "X"))
    assert stored(made.store) == {DAY: ("A",)}
    progress = made.live.report().progress
    assert (progress.total, progress.completed, progress.unavailable) == (2, 1, 1)


def test_days_without_work_are_settled_in_batches() -> None:
    """Gaps and stored days are noted by the hundred, not one by one, and no draft is begun for them. [R9.5]"""
    sizes: list[int] = []
    jobs = FailingJobs(lambda changes: sizes.append(len(changes)))
    store = FailingStore()
    source = Documented(gaps=[day(-number) for number in range(1, 1201)])
    request = ask(1, "A", start_date=day(-1200), end_date=day(0))
    report = job(source, request, store, jobs=jobs, fetcher=Door()).run()
    assert (report.progress.unavailable, report.progress.completed) == (1200, 1)
    assert sizes == [1, 500, 500, 200, 2, 1]
    assert [call for call, *_ in store.calls] == ["begin", "put", "commit", "exit"]


def test_a_gap_is_settled_without_a_call() -> None:
    """A day that the source knows not to have is counted unavailable and asked nobody for. [R9.3, B10]"""
    made = job(Documented(gaps=[DAY]), ask(2, "A"), fetcher=(door := Door()))
    assert [planned.gap for planned in made.live.spec.plan.days] == [Gap.CLOSING, None]
    report = made.run()
    assert (report.progress.unavailable, report.progress.completed) == (1, 1)
    assert {unit.day for unit in door.units} == {day(1)}


def test_a_job_is_told_in_the_order_in_which_it_happens() -> None:
    """The job begins, each day is settled and then published, and the job ends: as events, and in the log, under the job's name. [R4.3, R9.5]"""
    made = job(ScriptedSource(), ask(2, "A", concurrency=1))
    heard: list[Change] = []
    made.live.subscribe(lambda event: heard.append(event.change))
    made.run()
    assert [type(change) for change in heard] == [
        StatusChanged, UnitsSettled, DayPublished, UnitsSettled, DayPublished, StatusChanged,
    ]  # fmt: skip
    assert [change.day for change in heard if isinstance(change, DayPublished)] == [day(0), day(1)]


def test_a_job_tells_the_log_what_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    """Beginning and end are logged with the job's identifier. [R11.4]"""
    with caplog.at_level(logging.INFO, "backfill"):
        carry_out(ScriptedSource(), ask(2, "A", "B"))
    told = [(line.getMessage(), getattr(line, "job_id", None)) for line in caplog.records]
    assert told == [("backfill started: 4 units on 2 days", "j1"), ("job is at rest: complete", "j1")]


# --- how much at once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2, 5])
@pytest.mark.parametrize(
    ("kind", "targets"), [(ScriptedSource, "A"), (ScriptedSource, "ABC"), (ScriptedBatch, "AB"), (ScriptedSystemWide, "")]
)
def test_p9_the_runner_is_never_idle_between_days(kind: type[ScriptedSource], targets: str, concurrency: int) -> None:
    """From the first day to the last, as many calls are under way as the job allows, of whatever days: each waits for the others. [P9, R9.2]"""
    together_ = threading.Barrier(concurrency)
    calls = [0]

    def answer(_on: date, name: str) -> object:
        if name == min(source.districts if not targets or kind is not ScriptedSource else name):
            calls[0] += 1
            together_.wait(PATIENCE)  # broken, and the unit fails, unless so many are there at once
        return 1

    source = kind(answer)
    request = ask(10, *targets, concurrency=concurrency)
    report = carry_out(source, request).live.report()
    assert report.status is BackfillStatus.COMPLETE
    assert calls[0] == (30 if kind is ScriptedSource and len(targets) == 3 else 10)
    assert source.most_in_flight == concurrency


@bounded
@given(
    kind=st.sampled_from([ScriptedSource, ScriptedCatalog, ScriptedBatch, ScriptedSystemWide, ScriptedDashboard, Summarizing]),
    concurrency=st.integers(1, 6),
    stands=st.none() | st.integers(1, 4),
    count=st.integers(1, 6),
)
def test_p9_never_more_calls_than_the_job_and_the_source_allow(
    kind: type[ScriptedSource], concurrency: int, stands: int | None, count: int
) -> None:
    """Listing, collecting and summarizing together never take more slots than the request allows, nor than the source stands. [P9, R9.2]"""
    wait = threading.Event()
    source = kind(lambda *_: (wait.wait(0.0001), 1)[1])
    if stands is not None:
        source.max_concurrency = stands  # type: ignore[attr-defined] # an ability that the scripted sources do not have
    report = carry_out(source, ask(count, "A", "B", "C", concurrency=concurrency)).live.report()
    assert report.status is BackfillStatus.COMPLETE
    assert 1 <= source.most_in_flight <= min(concurrency, stands or concurrency)


def test_p9_jobs_share_the_slots_of_a_source() -> None:
    """Two jobs of one source that stands two calls at once never make three, and neither is left out. [P9, R9.2]"""
    wait = threading.Event()
    source = ScriptedSource(lambda *_: (wait.wait(0.0005), 1)[1])
    slots = Slots(2)
    made = [job(source, ask(10, name, concurrency=5), slots=slots, job_id=name) for name in "AB"]
    reports = together(*(each.run for each in made))
    assert {report.status for report in reports} == {BackfillStatus.COMPLETE}
    assert source.most_in_flight == 2


def test_a_straggler_holds_up_nobody() -> None:
    """While one call of the first day takes for ever, all others go on, and their days are published. [R9.2]"""
    gate = threading.Event()
    source = ScriptedSource(lambda on, name: gate.wait(PATIENCE) if (on, name) == (DAY, "B") else 1)
    made = job(source, ask(30, "A", "B", concurrency=2, start_date=DAY, end_date=day(9)))
    with running(made.runner.run):
        until(lambda: made.live.report().progress.pending == 2 and made.live.report().progress.current == (DAY,))
        assert len(stored(made.store)) == 9
        gate.set()
    assert stored(made.store)[DAY] == ("A", "B")


def test_a_slow_store_holds_up_collecting_only_at_the_end_of_the_window() -> None:
    """While a commit takes for ever, collecting goes on in so many days as the window has, and no further. [R9.2]"""
    gate = threading.Event()
    store = FailingStore(lambda call, _on, _name: (gate.wait(PATIENCE), None)[1] if call == "commit" else None)
    source = ScriptedSource()
    made = job(source, ask(20, "A", concurrency=2, start_date=day(-20), end_date=DAY), store)
    with running(made.runner.run):
        until(lambda: len(source.calls) == 6)
        assert len(made.live.report().progress.current) <= 6
        assert store.open_drafts <= 6
        gate.set()
    assert len(source.calls) == 21
    assert store.most_open_drafts <= 6
    assert store.open_drafts == 0


@pytest.mark.parametrize("concurrency", [1, 4])
def test_over_thousands_of_days_the_window_is_bounded(concurrency: int) -> None:
    """However long the range, no more days are in work, and no more drafts open, than twice the concurrency and two. [R9.2, R9.5]"""
    store = FailingStore()
    made = job(ScriptedSource(), ask(1, "A", concurrency=concurrency, start_date="2020-07-01", end_date="2025-12-31"), store)
    most = [0]

    def look(event: JobEvent) -> None:
        if isinstance(event.change, DayPublished):
            most[0] = max(most[0], len(made.live._current), store.open_drafts)

    made.live.subscribe(look)
    assert made.run().progress.completed == 2010
    assert 1 <= max(most[0], store.most_open_drafts) <= 2 * concurrency + 2
    assert store.open_drafts == 0


class Forgetful:
    """A store that keeps nothing, so that what is left in memory is the engine's."""

    def __init__(self) -> None:
        empty = MemorySnapshotStore()
        self.read, self.entries, self.days, self.delete = empty.read, empty.entries, empty.days, empty.delete

    def begin(self, on: date, /, *, job_id: str) -> ForgetfulDraft:
        """Return a draft."""
        return ForgetfulDraft(on)


class ForgetfulDraft:
    """A draft that holds its records until it is left, as one in memory would."""

    def __init__(self, on: date) -> None:
        self._on = on
        self._records: list[DistrictRecord | EncodedRecord] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._records.clear()

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Hold the record."""
        self._records.append(record)

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Do nothing."""

    def commit(self, contribution: Contribution, /) -> SnapshotInfo:
        """Say that it is stored."""
        return SnapshotInfo(self._on, SnapshotStatus.SUCCESS, (), (), ())


WEIGHT = 100_000
"""Bytes of each day's figures."""


def peak(start: str) -> int:
    """Return the bytes at most in use while the days from *start* on are collected."""
    made = job(
        ScriptedSource(lambda on, _name: on.isoformat() * (WEIGHT // 10)),
        ask(1, "A", start_date=start, end_date="2025-12-31", concurrency=2),
        Forgetful(),
        jobs=MemoryJobStore(max_events=1),
    )
    gc.collect()
    tracemalloc.start()
    try:
        assert made.run().status is BackfillStatus.COMPLETE
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_range() -> None:
    """Over 620 days memory is that of a window of days, and about the same as over 62: what is published is let go. [R9.2, R9.5]"""
    short = peak("2025-10-31")
    long = peak("2024-04-21")
    assert long < 3 * short, "kept, it would be ten times as much"
    assert long < 25 * WEIGHT, "kept, it would be more than six hundred"


def test_a_job_has_no_thread_before_and_after() -> None:
    """The threads of a job start when it runs, and are gone when its end is told. [R10.2]"""
    made = job(ScriptedSource(), ask(3, "A", "B"))
    assert not backfill_threads()
    made.run()
    assert not backfill_threads()
