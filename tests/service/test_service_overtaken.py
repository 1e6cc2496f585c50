"""A job that another process takes between its creation and its taking by the one that made it."""

from __future__ import annotations

from pathlib import Path

from backfill.model import JobSpec
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
