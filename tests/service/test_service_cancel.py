"""Cancelling: at once, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillStatus, DataSource, JobNotFound, TransientSourceError
from backfill.clock import SystemClock
from backfill.errors import Cancelled
from backfill.model import Collected, JobEvent, StatusChanged, UnitContext
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedBatch, ScriptedCatalog, ScriptedSource, ScriptedSystemWide
from service_doubles import (
    PATIENCE,
    FailingStore,
    GatedSource,
    NoDoor,
    adds_up,
    ask,
    backfill_threads,
    bounded,
    day,
    serving,
    stored,
    until,
)


class SlowDoor(NoDoor):
    """A door behind which every document takes an hour, as after a ``Retry-After``."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Semaphore(0)

    def bind(self, unit: UnitContext, /) -> Fetch:
        """Return a door that waits."""

        def fetch(*_args: object, **_options: object) -> None:
            self.waiting.release()
            if SystemClock().wait(unit.job.cancel, 3600):
                raise Cancelled("the job was cancelled")

        return fetch  # type: ignore[return-value] # it never returns a document


class ThroughTheDoor(ScriptedSource):
    """A source that asks the door for its one document."""

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return the document's text."""
        return fetch(f"https://example.org/{on}/{district}").text


def _seconds_to_cancel(source: DataSource, door: SlowDoor, waits: Callable[[], bool]) -> float:
    """Return how long it takes from the cancellation of a job that waits to its end."""
    with serving(source, clock=SystemClock(), fetch=door) as service:
        job = service.initiate_backfill(ask(3, "A", "B", "C"))
        until(waits)
        began = time.monotonic()
        assert job.cancel()
        report = job.wait(PATIENCE)
        took = time.monotonic() - began
    assert report.status is BackfillStatus.CANCELLED
    assert report.progress.pending == 9
    assert report.errors == ()
    return took


def test_cancelling_ends_a_wait_at_the_door_within_100_ms() -> None:
    """A job whose units wait at the door, for an hour if need be, ends at once when it is cancelled. [R4.4]"""
    took = []
    for _ in range(3):
        door = SlowDoor()
        took.append(_seconds_to_cancel(ThroughTheDoor(), door, lambda door=door: door.waiting.acquire(timeout=PATIENCE)))  # type: ignore[misc] # bound in the loop
    assert min(took) < 0.1


def test_cancelling_ends_a_pause_between_attempts_within_100_ms() -> None:
    """A job whose units wait for an hour before their next attempt ends at once when it is cancelled. [R4.4, R6.5]"""
    took = []
    for _ in range(3):
        source = ScriptedSource(lambda *_: TransientSourceError("busy", retry_after=3600))
        took.append(_seconds_to_cancel(source, SlowDoor(), lambda source=source: len(source.calls) == 3))  # type: ignore[misc] # bound in the loop
    assert min(took) < 0.1


@bounded
@given(
    kind=st.sampled_from([ScriptedSource, ScriptedCatalog, ScriptedBatch, ScriptedSystemWide]),
    concurrency=st.integers(1, 5),
    after=st.integers(1, 12),
)
def test_p6_a_cancelled_job_has_published_what_it_collected(kind: type[ScriptedSource], concurrency: int, after: int) -> None:
    """Cancelled at any call, a job has stored exactly what is counted completed, the rest is pending, and a second run does only that. [P6, R4.4]"""
    names = ("A", "B", "C")
    store = MemorySnapshotStore()
    jobs: list[Callable[[], bool]] = []
    ready = threading.Event()

    def answer(_on: date, _name: str) -> object:
        ready.wait(PATIENCE)
        if len(source.calls) >= after:
            jobs[0]()
        return Collected({"n": 1})

    source = kind(answer, districts=names)
    with serving(source, store) as service:
        request = ask(4, *names, concurrency=concurrency, detail="summary")
        job = service.initiate_backfill(request)
        jobs.append(job.cancel)
        ready.set()
        report = job.wait(PATIENCE)
        kept = {(on, name) for on, stored_names in stored(store).items() for name in stored_names}
        progress = report.progress
        assert adds_up(report)
        assert progress.completed == len(kept)
        assert progress.pending == 12 - len(kept)
        assert report.status == ("cancelled" if progress.pending else "complete")
        assert set(report.snapshot_ids) == {on.isoformat() for on, _name in kept}
        assert not report.errors
        already = len(source.calls)
        assert service.initiate_backfill(request).wait(PATIENCE).progress.completed == 12 - len(kept)
        again = {
            (on, name)
            for call, on, asked in source.calls[already:]
            for name in asked
            if call in {"collect_district", "collect_many"}
        }
        assert not again & kept, "what is stored is not collected again"
    assert stored(store) == {day(number): names for number in range(4)}


def test_what_is_in_flight_ends_and_is_stored() -> None:
    """The unit in flight when the job is cancelled is stored with those before it; the next never begins. [R4.4, P6]"""
    store = MemorySnapshotStore()
    source = GatedSource(lambda _on, name: name == "B")
    with serving(source, store) as service:
        job = service.initiate_backfill(ask(2, "A", "B", "C", concurrency=1))
        source.await_arrivals()
        assert service.cancel_backfill(job.backfill_id)
        assert job.status is BackfillStatus.PROCESSING
        source.gate.set()
        report = job.wait(PATIENCE)
    assert stored(store) == {day(0): ("A", "B")}
    assert (report.progress.completed, report.progress.pending) == (2, 4)
    assert (report.status, report.status_reason) == ("cancelled", "cancelled on request")
    assert report.error is None
    assert report.completed_at is not None
    assert report.progress.district_progress["C"]["pending"] == 2


def test_a_queued_job_is_cancelled_at_once() -> None:
    """A job that has not begun ends when it is cancelled, without waiting for its turn, and never begins. [R4.4]"""
    source = GatedSource()
    with serving(source) as service:
        first = service.initiate_backfill(ask(1, "A"))
        second = service.initiate_backfill(ask(2, "B"))
        third = service.initiate_backfill(ask(1, "C"))
        source.await_arrivals()
        assert second.cancel()
        report = second.wait(0)
        assert (report.status, report.progress.pending, report.started_at) == ("cancelled", 2, None)
        assert not second.cancel()
        assert first.status is BackfillStatus.PROCESSING
        source.gate.set()
        assert third.wait(PATIENCE).status is BackfillStatus.COMPLETE
        changes = [event.change.status for event in second.events() if isinstance(event.change, StatusChanged)]
        assert changes == ["cancelled"]
    assert {names for _call, _on, names in source.calls} == {("A",), ("C",)}


def test_cancelling_twice_or_too_late_changes_nothing() -> None:
    """The second cancellation, and one after the end, say that they changed nothing; an unknown job is an error. [R4.4]"""
    source = GatedSource()
    with serving(source) as service:
        job = service.initiate_backfill(ask(1, "A", "B", concurrency=1))
        source.await_arrivals()
        assert [job.cancel(), job.cancel(), service.cancel_backfill(job.backfill_id)] == [True, False, False]
        source.gate.set()
        report = job.wait(PATIENCE)
        assert not job.cancel()
        assert job.report() == report
        with pytest.raises(JobNotFound, match="no job 'nobody'; list_backfills"):
            service.cancel_backfill("nobody")


def test_a_job_cancelled_with_nothing_left_to_do_is_complete() -> None:
    """A cancellation that comes when the last unit is in flight leaves nothing pending, and the job is complete. [R4.4]"""
    source = GatedSource()
    with serving(source) as service:
        job = service.initiate_backfill(ask(1, "A"))
        source.await_arrivals()
        job.cancel()
        source.gate.set()
        report = job.wait(PATIENCE)
    assert (report.status, report.status_reason, report.progress.completed) == ("complete", None, 1)


def test_cancelling_while_a_day_is_listed() -> None:
    """A day that is being listed when the job is cancelled is known afterwards, and its districts are pending. [R4.4]"""
    gate, listing = threading.Event(), threading.Event()

    class Slow(ScriptedCatalog):
        def list_districts(self, on: date, fetch: Fetch, /) -> Sequence[str]:
            listing.set()
            gate.wait(PATIENCE)
            return super().list_districts(on, fetch)

    source = Slow()
    with serving(source) as service:
        job = service.initiate_backfill(ask(2, concurrency=1))
        assert listing.wait(PATIENCE)
        job.cancel()
        gate.set()
        report = job.wait(PATIENCE)
    assert report.status is BackfillStatus.CANCELLED
    assert (report.progress.total, report.progress.pending, report.progress.is_estimate) == (4, 4, True)
    assert [call for call, _on, _names in source.calls] == ["list_districts"]


def test_cancelling_while_a_day_is_published() -> None:
    """A commit under way when the job is cancelled is finished and noted. [R4.4]"""
    gate, committing = threading.Event(), threading.Event()

    def slow(call: str, _on: date, _name: str | None) -> None:
        if call == "commit":
            committing.set()
            gate.wait(PATIENCE)

    store = FailingStore(slow)
    with serving(ScriptedSource(), store) as service:
        job = service.initiate_backfill(ask(9, "A", concurrency=1))
        assert committing.wait(PATIENCE)
        job.cancel()
        gate.set()
        report = job.wait(PATIENCE)
    assert report.status is BackfillStatus.CANCELLED
    assert report.progress.completed == len(stored(store)) == len(report.snapshot_ids) >= 1
    assert store.open_drafts == 0


def test_cancelling_while_a_day_is_summarized() -> None:
    """The districts of a day whose summaries are being made when the job is cancelled are stored. [R4.4]"""
    gate, summarizing = threading.Event(), threading.Event()

    class Summarizing(ScriptedSource):
        def summarize_day(self, _on: date, _names: Sequence[str], _fetch: Fetch, /) -> Mapping[str, Collected]:
            summarizing.set()
            gate.wait(PATIENCE)
            return {"all": Collected(1)}

    store = MemorySnapshotStore()
    with serving(Summarizing(), store) as service:
        job = service.initiate_backfill(ask(3, "A", "B", concurrency=1))
        assert summarizing.wait(PATIENCE)
        job.cancel()
        gate.set()
        report = job.wait(PATIENCE)
    assert report.status is BackfillStatus.CANCELLED
    assert report.progress.completed == 2 * len(stored(store)) == 2
    assert store.read(day(0)).summary("all") == 1


def test_a_job_cancelled_between_collecting_and_summarizing_is_stored_without_summaries() -> None:
    """Cancelled before its summaries are begun, a day is stored as it is. [R4.4]"""
    calls = []

    class Summarizing(GatedSource):
        def summarize_day(self, on: date, _names: Sequence[str], _fetch: Fetch, /) -> Mapping[str, Collected]:
            calls.append(on)
            return {}

    store = MemorySnapshotStore()
    source = Summarizing()
    with serving(source, store) as service:
        job = service.initiate_backfill(ask(1, "A"))
        source.await_arrivals()
        job.cancel()
        source.gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert stored(store) == {day(0): ("A",)}
    assert not calls


def test_a_subscriber_may_cancel_the_job() -> None:
    """Cancelled from within a callback, in the job's own thread, a job ends like any other. [R4.4]"""
    store = MemorySnapshotStore()
    gate = GatedSource(lambda on, _name: on == day(0))
    with serving(gate, store) as service:
        job = service.initiate_backfill(ask(9, "A", concurrency=1))
        seen: list[JobEvent] = []

        def stop(event: JobEvent) -> None:
            seen.append(event)
            job.cancel()

        job.subscribe(stop)
        gate.gate.set()
        report = job.wait(PATIENCE)
    assert seen
    assert report.progress.completed == len(stored(store))
    assert report.status in {"cancelled", "complete"}
    assert adds_up(report)


def test_a_job_that_waits_for_the_slots_of_another_can_be_cancelled() -> None:
    """Where the source stands one call at once, a second job waits for the first's, and its cancellation is not held up by it. [P9, R4.4]"""
    source = GatedSource(lambda _on, name: name == "A")
    source.max_concurrency = 1  # type: ignore[attr-defined] # an ability that the scripted sources do not have
    with serving(source, max_active_jobs=2) as service:
        first = service.initiate_backfill(ask(1, "A"))
        source.await_arrivals()
        second = service.initiate_backfill(ask(2, "B"))
        until(lambda: bool(second.report().progress.current))
        second.cancel()
        assert second.wait(PATIENCE).progress.pending == 2
        assert first.status is BackfillStatus.PROCESSING
        source.gate.set()
        assert first.wait(PATIENCE).status is BackfillStatus.COMPLETE
    assert [names for _call, _on, names in source.calls] == [("A",)]
    assert not backfill_threads()
