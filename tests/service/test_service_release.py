"""A job that cannot be let go when it comes to rest: nobody else can have it, so it must be let go as soon as that is possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill import BackfillService
from backfill.errors import StoreUnavailable
from backfill.testing.jobs import FlakyJobStore
from durable_doubles import House, Quick, Still, each_kind, housing, rest
from service_doubles import GatedSource, ask, backfill_threads, until


def flaky(house: House, *numbers: int) -> FlakyJobStore:
    """Return a job store that fails to let go of a job at these attempts."""
    return FlakyJobStore(house.capable_jobs(), numbers, lambda: StoreUnavailable("the disk is full"), only=["release"])


def paused(service: BackfillService, source: GatedSource) -> str:
    """Return a job that rests, though it could not be let go."""
    job = service.initiate_backfill(ask(3, "A", concurrency=1))
    source.await_arrivals()
    assert job.pause()
    source.gate.set()
    assert rest(job).status == "paused"
    return job.backfill_id


@each_kind
def test_a_job_that_could_not_be_let_go_is_at_the_next_beat(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where a job's release fails twice, another process goes on with it as soon as it succeeds; the log tells once. [R4.3, R6.5]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        jobs = flaky(house, 0, 1)
        job_id = paused(house.open(source, Quick, jobs=jobs), source)
        until(lambda: len(jobs.log) == 3)
        elsewhere = house.open(source)
        assert elsewhere.resume_backfill(job_id)
        assert rest(elsewhere.get_job(job_id)).status == "complete"
    told = [
        record for record in caplog.records if record.message == "the job could not be released" and record.levelname == "WARNING"
    ]
    assert len(told) == 1


@each_kind
@pytest.mark.parametrize("order", ["resume", "cancel"])
def test_a_job_that_could_not_be_let_go_is_when_it_is_asked_for(order: str, kind: str, tmp_path: Path) -> None:
    """Who resumes or cancels the job where it is held need not wait for the next beat. [R4.3, R4.4]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        service = house.open(source, Still, jobs=flaky(house, 0))
        job = service.get_job(paused(service, source))
        assert getattr(job, order)()
        assert rest(job).status == {"resume": "complete", "cancel": "cancelled"}[order]


@each_kind
def test_a_job_that_can_never_be_let_go_keeps_no_service_from_closing(kind: str, tmp_path: Path) -> None:
    """A service whose job store refuses for good closes all the same, and leaves no thread behind. [R4.5]"""
    source = GatedSource()
    with housing(kind, tmp_path) as house:
        service = house.open(source, Quick, jobs=FlakyJobStore(house.capable_jobs(), 0, forever=True, only=["release"]))
        paused(service, source)
        service.close()
        until(lambda: not backfill_threads())
