"""What a job that goes on finds of its days: what is published under its identifier is recognised, whichever way it was collected."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, datetime

import pytest

from backfill.engine.jobs import LiveJob
from backfill.engine.runner import Runner
from backfill.errors import DamagedFile, StoreError, StoreUnavailable
from backfill.jobstores import MemoryJobStore
from backfill.model import BackfillRequest, Change, DayListed, DayPublished, JobEvent
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedCatalog, ScriptedSource, ScriptedSystemWide
from collect_doubles import NoDoorNeeded
from engine_doubles import NOW, day
from engine_running import job
from planning_doubles import ask
from service_doubles import FailingStore, stored


class Forgetful(MemoryJobStore):
    """A job store that is gone as soon as a day is to be noted as published, as when the process ends just before."""

    def __init__(self) -> None:
        super().__init__()
        self.is_gone = False
        self.forgets = True

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Let the changes happen, until a day is published."""
        self.is_gone = self.is_gone or (self.forgets and any(isinstance(change, DayPublished) for change in changes))
        if self.is_gone:
            raise StoreUnavailable("the process has ended")
        return super().apply(job_id, changes, at=at, epoch=epoch)


def interrupted(source: ScriptedSource, request: BackfillRequest, store: FailingStore) -> Forgetful:
    """Run a job until its first day is published, but not noted; return its job store."""
    jobs = Forgetful()
    job(source, request, store, jobs=jobs).run()
    assert day(0) in stored(store)
    assert not jobs.load("j1").published
    jobs.is_gone = jobs.forgets = False
    return jobs


def go_on(source: ScriptedSource, store: FailingStore, jobs: MemoryJobStore) -> LiveJob:
    """Go on with the job as a later process does, until it rests."""
    clock, state = VirtualClock(NOW), jobs.load("j1")
    live = LiveJob(state.spec, jobs, clock, lambda: None, state=state)
    Runner(live, source, store, NoDoorNeeded(), clock).run()
    return live


@pytest.mark.parametrize("kind", [ScriptedSource, ScriptedCatalog, ScriptedSystemWide], ids=lambda kind: kind.__name__)
def test_what_is_published_but_not_noted_is_not_collected_again(kind: type[ScriptedSource]) -> None:
    """A day stored in the moment before the process ended is noted by the next, and asked for no more, though nobody had listed it before. [B2, P1]"""
    source, store = kind(districts=("A", "B")), FailingStore()
    request = ask(1, *(("A", "B") if kind is ScriptedSource else ()), detail="summary" if kind is ScriptedSystemWide else "full")
    jobs = interrupted(source, request, store)
    calls = list(source.calls)
    live = go_on(source, store, jobs)
    report = live.future.result(0)
    assert (report.status, report.progress.completed, report.snapshot_ids) == ("complete", 2, (day(0).isoformat(),))
    assert source.calls == calls
    assert live.is_resumed


class Waiting(MemoryJobStore):
    """A job store that gives whoever publishes a day too early the time to do so."""

    def __init__(self) -> None:
        super().__init__()
        self.publishes = threading.Event()

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Wait a moment before a day's districts are noted."""
        if any(isinstance(change, DayListed) for change in changes):
            self.publishes.wait(0.2)
        return super().apply(job_id, changes, at=at, epoch=epoch)


def test_the_districts_of_a_day_are_noted_before_it_is_published() -> None:
    """When a day that nobody had listed is published, the job store knows its districts: else it would not be recognised later. [B2]"""
    jobs = Waiting()
    known: list[object] = []

    def failure(call: str, on: date, _district: str | None) -> None:
        if call == "commit":
            known.append(jobs.load("j1").rows[on].districts)
            jobs.publishes.set()

    job(ScriptedSystemWide(districts=("A", "B")), ask(1, detail="summary"), FailingStore(failure), jobs=jobs).run()
    assert known == [("A", "B")]


def test_a_stored_day_that_cannot_be_read_is_collected_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a manifest is damaged nothing is recognised: the log says so, and the day is collected. [B2, R6.6]"""
    source, store = ScriptedSource(), FailingStore()
    jobs = interrupted(source, ask(1, "A", concurrency=1), store)

    def damaged(_day: date) -> object:
        raise DamagedFile("manifest.json", "no JSON", "repair it")

    monkeypatch.setattr(store, "entries", damaged)
    assert go_on(source, store, jobs).future.result(0).status == "complete"
    assert len(source.calls) == 2
    assert "what is stored of a day cannot be read" in caplog.text


@pytest.mark.parametrize("operation", ["days", "entries", "read"])
@pytest.mark.parametrize("kind", [StoreError, StoreUnavailable])
def test_a_store_that_cannot_be_read_pauses_the_job(
    operation: str, kind: type[StoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the store is away, or fails this once, nothing is known of any day: the job pauses, and collects nothing. [B2, R6.6]"""
    source, store = ScriptedSource(), FailingStore()
    jobs = interrupted(source, ask(1, "A"), store)

    def away(*_days: date) -> object:
        raise kind("the disk is away")

    monkeypatch.setattr(store, operation, away)
    report = go_on(source, store, jobs).future.result(0)
    assert (report.status, report.progress.pending, len(source.calls)) == ("paused", 1, 1)
    assert "the disk is away" in str(report.status_reason)
