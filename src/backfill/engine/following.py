"""Watches jobs that run elsewhere, for those who wait for them here, or want to hear of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from backfill.engine.telling import Callback, Subscribers
from backfill.errors import JobNotFound, ServiceUnusable
from backfill.model import BackfillReport, JobState, StatusChanged
from backfill.protocols import JobStore, SupportsEvents

logger = logging.getLogger("backfill.engine")

INTERVAL = 0.25
"""Real seconds between two looks into the job store."""

Report = Callable[[JobState], BackfillReport]


class Follower:
    """One thread that reads the job store now and then, while somebody here wants to know of a job that does not run here.

    Any thread. What the thread finds it tells in the order in which the job store noted it.

    Args:
        jobs: The job store.
        report: Makes a report of a state.
        interval: Seconds between two looks.
    """

    def __init__(self, jobs: JobStore, report: Report, interval: float = INTERVAL) -> None:
        self._jobs = jobs
        self._report = report
        self._interval = interval
        self._lock = threading.Lock()
        self._futures: dict[str, Future[BackfillReport]] = {}
        self._subscribers: list[Subscribers] = []
        self._thread: threading.Thread | None = None
        self._works = False
        self._closed = threading.Event()

    def future(self, job_id: str) -> Future[BackfillReport]:
        """Return a future of the report with which the job comes to rest, wherever it runs. The same for all who wait.

        Raises:
            ServiceUnusable: No thread can be had to watch it, or the follower was closed.
        """
        with self._lock:
            future = self._futures.get(job_id)
            if future is None:
                self._start()
                future = self._futures[job_id] = Future()
                future.set_running_or_notify_cancel()
            return future

    def subscribe(self, job_id: str, callback: Callback) -> Callable[[], None]:
        """Call *callback* with every event of the job from now on, as it is found in the job store; return what ends that.

        Raises:
            ServiceUnusable: No thread can be had to watch it, or the follower was closed.
        """
        own = Subscribers(job_id)
        own.heard = self._newest(job_id)
        leave = own.add(callback)
        with self._lock:
            self._start()
            self._subscribers.append(own)
        return leave

    def take_over(self, subscribers: Subscribers) -> None:
        """Go on telling *subscribers* of a job that does not run here any more. Nothing happens after `close`."""
        if subscribers.heard is None:
            subscribers.heard = self._newest(subscribers.job_id)
        with self._lock:
            try:
                self._start()
            except ServiceUnusable:  # the service closes: there is nobody left to tell
                logger.debug("nobody is told of the job any more", extra={"job_id": subscribers.job_id})
            else:
                self._subscribers.append(subscribers)

    def close(self) -> None:
        """End the thread, and the waiting of those who wait."""
        with self._lock:
            self._closed.set()
            thread = self._thread
            futures, self._futures = self._futures, {}
            self._subscribers.clear()
        for job_id, future in futures.items():
            message = (
                f"the service was closed while somebody waited for job {job_id}, which runs elsewhere; look with another service"
            )
            future.set_exception(ServiceUnusable(message))
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # --- within -------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._closed.is_set():
            raise ServiceUnusable("this service is closed; make a new one")
        if not self._works:
            thread = threading.Thread(target=self._follow, name="backfill-follower", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                message = f"no thread can be had to watch the job ({error}); end some threads, and try again"
                raise ServiceUnusable(message) from error
            self._thread, self._works = thread, True

    def _follow(self) -> None:
        while not self._closed.wait(self._interval):
            with self._lock:
                self._subscribers = [subscribers for subscribers in self._subscribers if subscribers]
                told, awaited = tuple(self._subscribers), tuple(self._futures)
                if not told and not awaited:
                    self._works = False
                    return
            for subscribers in told:
                with _logged(subscribers.job_id):
                    self._tell(subscribers)
            for job_id in awaited:
                with _logged(job_id):
                    self._look(job_id)

    def _tell(self, subscribers: Subscribers) -> None:
        """Tell of what happened since the last look; when the job has ended there is nothing more to tell."""
        while isinstance(self._jobs, SupportsEvents) and (
            events := self._jobs.events(subscribers.heard, job_id=subscribers.job_id)
        ):
            subscribers.tell(events)
            last = events[-1].change
            if isinstance(last, StatusChanged) and last.status.is_final:
                with self._lock:
                    self._subscribers = [other for other in self._subscribers if other is not subscribers]

    def _look(self, job_id: str) -> None:
        outcome: BackfillReport | JobNotFound
        try:
            state = self._jobs.load(job_id)
        except JobNotFound as error:
            outcome = error
        else:
            if not state.status.is_at_rest:
                return
            outcome = self._report(state)
        with self._lock:
            future = self._futures.pop(job_id, None)
        if future is not None and isinstance(outcome, JobNotFound):
            future.set_exception(outcome)
        elif future is not None and isinstance(outcome, BackfillReport):
            future.set_result(outcome)

    def _newest(self, job_id: str) -> int:
        """Return the number of the newest event of a job; 0 = there is none."""
        newest = 0
        if isinstance(self._jobs, SupportsEvents):
            while events := self._jobs.events(newest, job_id=job_id):
                newest = events[-1].seq
        return newest


@contextmanager
def _logged(job_id: str) -> Iterator[None]:
    """Log what the job store raises: the next look may succeed."""
    try:
        yield
    except Exception:  # logged; the next look may succeed
        logger.warning("a job of another process could not be looked at", exc_info=True, extra={"job_id": job_id})
