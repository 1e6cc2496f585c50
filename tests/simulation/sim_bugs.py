"""Bugs seeded on purpose, to see that simulation finds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection
from unittest.mock import patch

from backfill.engine.openday import OpenDay
from backfill.engine.steps import Comeback, Steps
from backfill.jobstores import SqliteJobStore
from backfill.jobstores._rows import JobRow


@contextmanager
def noted_before_published() -> Iterator[None]:
    """A day's units are noted as done before its snapshot is there."""
    publish = Steps._publish

    def note_and_publish(steps: Steps, day: OpenDay) -> Comeback:
        steps._job.note(day.work._account.published(None, steps._clock.now()))
        comeback = publish(steps, day)
        day.work._account.staged.clear()  # noted already
        return comeback

    with patch.object(Steps, "_publish", note_and_publish):
        yield


class Unfenced(SqliteJobStore):
    """A job store that lets anybody write who ever had the lease."""

    @contextmanager
    def _writing(self, job_id: str, _epoch: int | None = None) -> Iterator[tuple[Connection, JobRow]]:
        with super()._writing(job_id) as writing:
            yield writing
