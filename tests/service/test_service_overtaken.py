"""A job that another process comes to know between its creation and its taking by the one that made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill import Job
from backfill.errors import StoreUnavailable
from backfill.model import JobSpec, Lease
from backfill.testing.jobs import FlakyJobStore
from durable_doubles import Still, each_kind, housing, rest, statuses
from service_doubles import GatedSource, ask, day, days, stored


@each_kind
def test_a_new_job_that_was_taken_for_abandoned_goes_on_where_it_was_left(kind: str, tmp_path: Path) -> None:
    """Whoever took it works on it and is cut off; its maker then begins nothing anew, and the job comes to its end. [R6.5, B2]"""
    source = GatedSource(lambda on, _name: on == day(0))

    class Overtaken(FlakyJobStore):
        """A job store whose new jobs another process takes before their maker does."""

        def create(self, spec: JobSpec, /, *, idempotency_key: str | None = None) -> JobSpec:
            made = super().create(spec, idempotency_key=idempotency_key)
            quicker = house.open(source)
            assert [job.backfill_id for job in quicker.resume_jobs()] == [spec.job_id]
            source.await_arrivals()
            house.lose(quicker)
            return made

    with housing(kind, tmp_path) as house:
        job = house.open(source, Still, jobs=Overtaken(house.capable_jobs())).initiate_backfill(ask(2, "A", concurrency=1))
        source.gate.set()
        assert rest(job).status == "complete"
        assert statuses(job) == ["processing", "complete"]
    assert stored(house.store) == dict.fromkeys(days(2), ("A",))


@pytest.mark.parametrize("told", [True, False])
def test_a_job_that_others_may_know_is_not_forgotten(told: bool, tmp_path: Path) -> None:
    """Where its maker cannot take a job nothing is left of it, unless another process knows it by its key. [R6.5, R1.4]"""
    source = GatedSource()
    source.gate.set()

    class Failing(FlakyJobStore):
        """A job store that fails to give its maker a new job, after it was created."""

        def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
            if told:
                known.append(house.open(source).initiate_backfill(ask(2, "A"), idempotency_key="key"))
            raise StoreUnavailable("the disk is full")

    known: list[Job] = []
    with housing("sqlite", tmp_path) as house:
        service = house.open(source, Still, jobs=Failing(house.capable_jobs()))
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            service.initiate_backfill(ask(2, "A"), idempotency_key="key" if told else None)
        assert [rest(job).status for job in known] == ["complete"] * told
        assert len(service.list_backfills()) == told
