"""Who owns a job when things go wrong at that moment: taken by another, forgotten, asked for something, lost, or not to be noted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import pytest

from backfill import BackfillStatus
from backfill.errors import LeaseLost, ServiceUnusable, StoreUnavailable
from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.model import Change, DayPublished, JobEvent, Lease, Renewal, Wanted
from backfill.testing.jobs import FlakyJobStore
from backfill.testing.source import ScriptedSource
from durable_doubles import House, Still, asked, each_kind, housing, rest
from service_doubles import PATIENCE, GatedSource, ask, day, days, serving, stored, until

FULL = "the disk is full"


def full() -> StoreUnavailable:
    """Return what a full disk says."""
    return StoreUnavailable(FULL)


def interrupted(house: House, source: GatedSource, *, count: int = 3) -> str:
    """Return a job whose service hangs in its midst, and has lost it by now."""
    hung = house.open(source, Still)
    job = hung.initiate_backfill(ask(count, "A", concurrency=1))
    source.await_arrivals()
    house.lose(hung)
    return job.backfill_id


class Snatched(FlakyJobStore):
    """A job store in which another process is quicker than who made a job."""

    theirs: Lease | None = None

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        """Let the other have it first."""
        self.theirs = self.theirs or super().acquire(job_id, "another", ttl=ttl)
        return super().acquire(job_id, owner, ttl=ttl)


def test_a_job_that_another_takes_at_once_is_left_to_it(tmp_path: Path) -> None:
    """Taken for abandoned in the moment between being kept and being begun, a job is accepted all the same, and runs there. [B2, P1]"""
    source = ScriptedSource()
    with SqliteJobStore(tmp_path / "jobs.sqlite3") as kept:
        jobs = Snatched(kept)
        with serving(source, jobs=jobs) as service:
            job = service.initiate_backfill(ask(1, "A"))
            assert job.status is BackfillStatus.QUEUED
            assert source.calls == []
            assert job.cancel(), "the other is asked"
            assert jobs.theirs is not None
            assert kept.renew(jobs.theirs).requests.cancel


class Forgetting(FlakyJobStore):
    """A job store in which a job is forgotten between being listed as abandoned and being looked at."""

    def abandoned(self, now: datetime, /) -> Sequence[str]:
        """Return one more than there are."""
        return ["gone", *super().abandoned(now)]


def test_a_job_that_is_forgotten_meanwhile_keeps_no_other_from_going_on(tmp_path: Path) -> None:
    """Of several interrupted jobs one may be forgotten while they are resumed; the others go on. [B2]"""
    source = GatedSource()
    with housing("sqlite", tmp_path) as house:
        job_id = interrupted(house, source)
        service = house.open(source, jobs=Forgetting(house.jobs()))
        assert [job.backfill_id for job in service.resume_jobs()] == [job_id]
        source.gate.set()
        assert rest(service.get_job(job_id)).status is BackfillStatus.COMPLETE


@each_kind
@pytest.mark.parametrize(("wanted", "status"), [(Wanted.CANCEL, "cancelled"), (Wanted.PAUSE, "paused")])
def test_what_was_asked_of_a_dead_owner_is_done_by_who_resumes(kind: str, wanted: Wanted, status: str, tmp_path: Path) -> None:
    """A cancellation or a pause that nobody was there to hear is carried out when the job is taken over, and it does not run. [R4.4, B2]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        job_id = interrupted(house, source)
        assert house.jobs().request(job_id, wanted)
        service = house.open(source)
        assert service.resume_jobs() == []
        report = service.get_backfill_status(job_id)
        assert report.status == status
        assert report.progress.completed == 0
        source.gate.set()


@each_kind
def test_a_paused_job_that_is_cancelled_by_another_program_ends(kind: str, tmp_path: Path) -> None:
    """A paused job of which only the job store was told that it is to be cancelled is ended by the next that looks for work. [R4.4, B2]"""
    source = GatedSource(lambda on, _name: on == day(1))
    with housing(kind, tmp_path) as house:
        service = house.open(source)
        job = service.initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        assert job.pause()
        source.gate.set()
        assert rest(job).status is BackfillStatus.PAUSED
        assert house.jobs().request(job.backfill_id, Wanted.CANCEL)
        assert house.open(source).resume_jobs() == []
        assert job.status is BackfillStatus.CANCELLED
        assert not job.resume()


class LostAtOnce(FlakyJobStore):
    """A job store whose leases are lost as soon as they are renewed for the first time."""

    lost = True

    def renew(self, lease: Lease, /) -> Renewal:
        """Refuse."""
        if self.lost:
            raise LeaseLost(lease.job_id, lease.epoch, lease.epoch + 1)
        return super().renew(lease)


def test_a_job_that_is_lost_while_it_is_taken_is_left(tmp_path: Path) -> None:
    """Whoever loses a job again before it has begun leaves it alone, and lets it go. [B2]"""
    source = GatedSource()
    with housing("sqlite", tmp_path) as house:
        job_id = interrupted(house, source)
        jobs = LostAtOnce(house.jobs())
        service = house.open(source, jobs=jobs)
        assert service.resume_jobs() == []
        jobs.lost = False
        source.gate.set()
        (resumed,) = service.resume_jobs()
        assert rest(resumed).backfill_id == job_id


@pytest.mark.parametrize("operation", ["renew", "load"])
def test_a_job_that_cannot_be_taken_is_free_afterwards(operation: str, tmp_path: Path) -> None:
    """Where the job store fails in the middle of a resumption that is told, and the job can be taken the next time. [B2]"""
    source = GatedSource()
    with housing("sqlite", tmp_path) as house:
        job_id = interrupted(house, source)
        service = house.open(
            source, Still, jobs=FlakyJobStore(house.jobs(), 1 if operation == "load" else 0, full, only={operation})
        )
        with pytest.raises(StoreUnavailable, match=FULL):
            service.resume_jobs()
        source.gate.set()
        (resumed,) = service.resume_jobs()
        assert resumed.backfill_id == job_id
        assert rest(resumed).status is BackfillStatus.COMPLETE


@pytest.mark.parametrize("operation", ["release_day", "renew", "release"])
def test_what_only_tidies_may_fail(operation: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A lease that cannot be renewed or released, a day that cannot be given back: the job goes on, the log says so, nothing is lost. [B2]"""
    caplog.set_level(logging.WARNING, "backfill")
    source = GatedSource(lambda on, _name: on == day(1))
    with housing("sqlite", tmp_path) as house:
        jobs = FlakyJobStore(house.jobs(), 0, full, forever=True, only={operation})
        service = house.open(source, jobs=jobs)
        job = service.initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        if operation == "renew":
            until(lambda: "the job's lease could not be renewed" in caplog.text)
        source.gate.set()
        assert rest(job).status is BackfillStatus.COMPLETE
        assert stored(house.store) == dict.fromkeys(days(3), ("A",))
        assert jobs.log
    assert ("could not be released" in caplog.text) is (operation == "release")


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_what_cannot_be_noted_is_done_all_the_same(verb: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A pause or cancellation that cannot be noted as asked for is carried out here, and the log says what could not be noted. [R4.4, B2]"""
    source = GatedSource(lambda on, _name: on == day(1))
    with housing("sqlite", tmp_path) as house:
        service = house.open(source, jobs=FlakyJobStore(house.jobs(), 0, full, forever=True, only={"request"}))
        job = service.initiate_backfill(ask(3, "A", concurrency=1))
        source.await_arrivals()
        assert job.pause() if verb == "pause" else job.cancel()
        source.gate.set()
        report = rest(job)
    assert report.status == ("paused" if verb == "pause" else "cancelled")
    assert f"could not note that it was asked to {verb}" in caplog.text


def test_a_job_whose_rest_could_not_be_noted_goes_on_here(tmp_path: Path) -> None:
    """A full disk of the job store keeps the pause from being noted; with room the job goes on here, and nothing is collected twice. [R6.1, B2]"""
    source = GatedSource(lambda on, _name: on == day(1))
    with housing("sqlite", tmp_path) as house:
        kept = house.jobs()
        jobs = FlakyJobStore(kept, go_wrong=full, only={"apply", "renew", "release"})
        service = house.open(source, Still, jobs=jobs)
        job = service.initiate_backfill(ask(4, "A", concurrency=1))
        source.await_arrivals()
        jobs.fails = True
        source.gate.set()
        report = job.wait(PATIENCE)
        assert report.status is BackfillStatus.PAUSED
        assert FULL in str(report.status_reason)
        jobs.fails = False
        assert job.resume()
        assert rest(job).status is BackfillStatus.COMPLETE
        assert stored(house.store) == dict.fromkeys(days(4), ("A",))
        assert max(asked(source).values()) <= 2


def test_a_job_that_went_elsewhere_after_a_rest_that_could_not_be_noted(tmp_path: Path) -> None:
    """When another has taken a job whose rest could not be noted here, resuming and cancelling here leave it to the other. [B2]"""
    source = GatedSource(lambda on, _name: on == day(1))
    with housing("memory", tmp_path) as house:
        jobs = FlakyJobStore(house.jobs(), go_wrong=full, only={"apply", "renew", "release"})
        service = house.open(source, Still, jobs=jobs)
        job = service.initiate_backfill(ask(4, "A", concurrency=1))
        source.await_arrivals()
        jobs.fails = True
        source.gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.PAUSED
        jobs.fails = False
        house.lose(service)
        other = MemoryOwner(house.jobs(), job.backfill_id)
        collected = asked(source)
        job.resume()  # the other is asked to
        assert other.owns(), "it is not taken away"
        assert asked(source) == collected


class MemoryOwner:
    """Somebody else who owns a job."""

    def __init__(self, jobs: MemoryJobStore | SqliteJobStore, job_id: str) -> None:
        self._jobs = jobs
        lease = jobs.acquire(job_id, "another", ttl=3600)
        assert lease is not None
        self._lease = lease

    def owns(self) -> bool:
        """Return whether it still does."""
        return self._jobs.renew(self._lease).lease.epoch == self._lease.epoch


def test_a_service_that_is_shut_takes_nothing_over(tmp_path: Path) -> None:
    """Shut in the moment in which a job is to go on, a service lets it go at once, and says so. [R10.2, B2]"""
    source = GatedSource()
    with housing("sqlite", tmp_path) as house:
        job_id = interrupted(house, source)
        service = house.open(source)
        service._host.shut()
        with pytest.raises(ServiceUnusable, match="this service is closed; make a new one"):
            service._host.resume(job_id)
        source.gate.set()
        (resumed,) = house.open(source).resume_jobs()
        assert rest(resumed).status is BackfillStatus.COMPLETE


class Gone(FlakyJobStore):
    """A job store whose process is gone when the second day that was published is to be noted."""

    published = 0

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Note what happens, until then."""
        self.published += any(isinstance(change, DayPublished) for change in changes)
        if self.published > 1:
            raise StoreUnavailable(FULL)
        return super().apply(job_id, changes, at=at, epoch=epoch)


@each_kind
@pytest.mark.parametrize("verb", ["cancel", "pause", "asked"])
def test_who_ends_a_dead_job_notes_what_it_had_published(kind: str, verb: str, tmp_path: Path) -> None:
    """Published but not noted when its process ended, a day is noted by whoever cancels or pauses the job: its state is exact. [R4.4, B2]"""
    with housing(kind, tmp_path) as house:
        kept = house.jobs()
        dead = house.open(ScriptedSource(), Still, jobs=Gone(kept))
        job = dead.initiate_backfill(ask(5, "A", concurrency=1))
        until(lambda: len(stored(house.store)) >= 2)
        job.wait(PATIENCE)
        house.lose(dead)
        if isinstance(kept, SqliteJobStore):
            kept.close()
        service = house.open(ScriptedSource(), Still)
        published = stored(house.store)
        if verb == "asked":
            assert house.jobs().request(job.backfill_id, Wanted.CANCEL)
            assert service.resume_jobs() == []
        else:
            assert service.cancel_backfill(job.backfill_id) if verb == "cancel" else service.pause_backfill(job.backfill_id)
        report = service.get_backfill_status(job.backfill_id)
        assert report.status == ("paused" if verb == "pause" else "cancelled")
        assert report.progress.completed == len(published) >= 2
        assert sorted(report.snapshot_ids) == [on.isoformat() for on in sorted(published)]


def test_a_dead_job_is_cancelled_though_its_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the snapshots cannot be looked at a dead job is cancelled all the same, as it was noted. [R4.4]"""
    source = GatedSource()
    with housing("memory", tmp_path) as house:
        job_id = interrupted(house, source)

        def away(*_days: object) -> NoReturn:
            raise StoreUnavailable("the disk is away")

        monkeypatch.setattr(house.store, "days", away)
        assert house.open(source).cancel_backfill(job_id)
        source.gate.set()
