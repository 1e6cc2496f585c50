"""A handle of one job, wherever it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from backfill.model import BackfillReport, BackfillStatus, JobEvent
from backfill.model.checks import as_seconds

if TYPE_CHECKING:
    from backfill.service import BackfillService


class Job:
    """One accepted request and all that becomes of it. Any thread.

    Attributes:
        backfill_id: Its identifier.
    """

    def __init__(self, service: BackfillService, backfill_id: str) -> None:
        self.backfill_id = backfill_id
        self._service = service
        self._lock = threading.Lock()
        self._future: Future[BackfillReport] | None = None

    def __repr__(self) -> str:
        try:
            return f"<Job {self.backfill_id}: {self.status}>"
        except Exception:  # noqa: BLE001 - cleaned up, carried over a fork, a job store that fails: it can still be shown
            return f"<Job {self.backfill_id}>"

    def _repr_html_(self) -> str:
        from backfill.display.live import job_html  # noqa: PLC0415 - only a notebook pays for it

        return job_html(self)

    def _ipython_display_(self) -> None:
        from backfill.display.live import show_job  # noqa: PLC0415 - as above

        show_job(self)

    @property
    def future(self) -> Future[BackfillReport]:
        """A future of the report with which it comes to rest, already running: wait for it, or hand it to ``asyncio.wrap_future``.

        Cancelling the future does not cancel the job. When the job has been resumed since, it is another future. Of a job that runs
        elsewhere it is done soon after the job comes to rest there.

        Raises:
            JobNotFound: The job was forgotten.
            ServiceUnusable: The job runs elsewhere, and the service, which would have to look, was closed.
        """
        with self._lock:
            if self._future is None or self._is_over(self._future):
                self._future = self._service._future(self.backfill_id)  # noqa: SLF001 - two halves of one façade
            return self._future

    @property
    def status(self) -> BackfillStatus:
        """The state it is in."""
        return self._service.get_backfill_status(self.backfill_id).status

    def report(self) -> BackfillReport:
        """Return what has become of it so far; never waits."""
        return self._service.get_backfill_status(self.backfill_id)

    def wait(self, timeout: float | None = None) -> BackfillReport:
        """Return the report with which it comes to rest: ended, or paused. Waits up to *timeout* seconds (``None`` = as long as it takes).

        Where the service is closed meanwhile, and the job stays to be gone on with, that is the report as it is then.

        Raises:
            InvalidRequest: *timeout* is no number of seconds.
            TimeoutError: It is not at rest by then; it goes on.
            JobNotFound: The job was forgotten.
            ServiceUnusable: This is a forked process, in which no job ever ends; or the job runs elsewhere, and the service was closed.
        """
        self._service._check_process()  # noqa: SLF001 - two halves of one façade
        until = None if timeout is None else time.monotonic() + as_seconds("timeout", timeout, most=threading.TIMEOUT_MAX)
        while True:
            report = self.future.result(None if until is None else max(0.0, until - time.monotonic()))
            if report.status.is_at_rest or self._service._closed:  # noqa: SLF001 - as above
                return report

    def events(self, after: int | None = None) -> Sequence[JobEvent]:
        """Return what happened to it, oldest first, after the event with sequence number *after*; at most 1,000 events."""
        return self._service._events(after, self.backfill_id)  # noqa: SLF001 - two halves of one façade

    def subscribe(self, callback: Callable[[JobEvent], object]) -> Callable[[], None]:
        """Call *callback* with every event from now on; return a function that ends that.

        It is called in a thread of the job, which waits for it: let it be quick. What it raises is logged. Of a job that runs elsewhere
        it hears from the job store, a moment later, until the service is closed.
        """
        return self._service._subscribe(self.backfill_id, callback)  # noqa: SLF001 - two halves of one façade

    def cancel(self) -> bool:
        """Cancel the job; return whether that changed anything. What is in flight ends, what is collected is published."""
        return self._service.cancel_backfill(self.backfill_id)

    def pause(self) -> bool:
        """Have the job rest until it is resumed; return whether that changed anything."""
        return self._service.pause_backfill(self.backfill_id)

    def resume(self) -> bool:
        """Have the job go on; return whether that changed anything."""
        return self._service.resume_backfill(self.backfill_id)

    def _is_over(self, future: Future[BackfillReport]) -> bool:
        """Whether *future* is done, but the job may have gone on: it was paused, and may be paused anew, or lost to another process."""
        if not future.done() or future.exception() is not None:
            return False
        return not future.result().status.is_final and not self._service._closed  # noqa: SLF001 - two halves of one façade
