"""A caller's handle of one job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from backfill.model import BackfillReport, BackfillStatus, JobEvent

if TYPE_CHECKING:
    from backfill.service import BackfillService


class Job:
    """One accepted request and all that becomes of it. Any thread.

    Attributes:
        backfill_id: Its identifier.
        future: A future of its final report, already running: wait for it, or hand it to ``asyncio.wrap_future``. Cancelling the
            future does not cancel the job.
    """

    def __init__(self, service: BackfillService, backfill_id: str, future: Future[BackfillReport]) -> None:
        self.backfill_id = backfill_id
        self.future = future
        self._service = service

    def __repr__(self) -> str:
        try:
            return f"<Job {self.backfill_id}: {self.status}>"
        except Exception:  # noqa: BLE001 - cleaned up, carried over a fork, a job store that fails: it can still be shown
            return f"<Job {self.backfill_id}>"

    @property
    def status(self) -> BackfillStatus:
        """The state it is in."""
        return self._service.get_backfill_status(self.backfill_id).status

    def report(self) -> BackfillReport:
        """Return what has become of it so far; never waits."""
        return self._service.get_backfill_status(self.backfill_id)

    def wait(self, timeout: float | None = None) -> BackfillReport:
        """Return the final report, waiting for it up to *timeout* seconds (``None`` = as long as it takes).

        Raises:
            TimeoutError: It has not ended by then; it goes on.
            ServiceUnusable: This is a forked process, in which no job ever ends.
        """
        self._service._check_process()  # noqa: SLF001 - two halves of one façade
        return self.future.result(timeout)

    def events(self, after: int | None = None) -> Sequence[JobEvent]:
        """Return what happened to it, oldest first, after the event with sequence number *after*; at most 1,000 events."""
        return self._service._events(after, self.backfill_id)  # noqa: SLF001 - two halves of one façade

    def subscribe(self, callback: Callable[[JobEvent], object]) -> Callable[[], None]:
        """Call *callback* with every event from now on; return a function that ends that.

        It is called in a thread of the job, which waits for it: let it be quick. What it raises is logged.
        """
        return self._service._subscribe(self.backfill_id, callback)  # noqa: SLF001 - two halves of one façade

    def cancel(self) -> bool:
        """Cancel the job; return whether that changed anything. What is in flight ends, what is collected is published."""
        return self._service.cancel_backfill(self.backfill_id)
