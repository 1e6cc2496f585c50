"""A day in work, with its draft."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack

from backfill.engine.day import DayWork
from backfill.engine.growth import Grown
from backfill.model import PlannedDay
from backfill.protocols import SnapshotDraft, SnapshotStore

logger = logging.getLogger("backfill.engine")


class OpenDay:
    """A day in work. Its draft is begun when the first record is staged.

    Args:
        planned: What is to be done.
        work: Where the work on it stands; for the coordinator only.
        store: Where it will be published.
        job_id: By which job.
        opened_at: When, on the clock that never goes back.

    Attributes:
        grown: Of each district that is staged, the figures that add up over a period.
    """

    def __init__(self, planned: PlannedDay, work: DayWork, store: SnapshotStore, job_id: str, opened_at: float) -> None:
        self.planned = planned
        self.work = work
        self.opened_at = opened_at
        self.grown: dict[str, Grown] = {}
        self._store = store
        self._job_id = job_id
        self._draft: SnapshotDraft | None = None
        self._stack = ExitStack()
        self._lock = threading.Lock()

    def draft(self) -> SnapshotDraft:
        """Return the day's draft; any thread."""
        with self._lock:
            if self._draft is None:
                self._draft = self._stack.enter_context(self._store.begin(self.planned.day, job_id=self._job_id))
            return self._draft

    def discard(self) -> None:
        """Leave the draft; what was not committed leaves no trace."""
        with self._lock:
            try:
                self._stack.close()
            except BaseException:  # whatever a store raises: nothing depends on it any more
                extra = {"job_id": self._job_id, "day": self.planned.day.isoformat()}
                logger.exception("a draft could not be left; the job goes on", extra=extra)
