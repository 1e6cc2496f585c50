"""The one queue of jobs: first in, first out, so many at a time; threads start when there is work (R1.4, R4.1)."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from backfill.engine.failures import describe
from backfill.engine.jobs import LiveJob
from backfill.engine.workers import leader_of

logger = logging.getLogger("backfill.engine")


class JobQueue:
    """Runs jobs in the order in which they were added, at most *max_active* at once. Any thread.

    A thread that has done with a job takes the next, so that a queue which has one thread needs no other to get on. While jobs
    wait there is always such a thread.
    """

    def __init__(self, run: Callable[[LiveJob], None], *, max_active: int) -> None:
        self._run = run
        self._max_active = max_active
        self._lock = threading.Condition()
        self._waiting: deque[LiveJob] = deque()
        self._active: set[threading.Thread] = set()
        self._ended: set[threading.Thread] = set()

    def add(self, job: LiveJob) -> None:
        """Have *job* run when its turn comes.

        Raises:
            RuntimeError: No thread can be had to run it; it is not in the queue.
        """
        with self._lock:
            self._waiting.append(job)
            try:
                self._start()
            except RuntimeError:
                if not self._active:  # nobody would ever take it
                    self._waiting.remove(job)
                    raise

    def is_inside(self) -> bool:
        """Whether the calling thread works for a job of this queue, and so must not wait for its end."""
        with self._lock:
            return leader_of(threading.current_thread()) in self._active

    def waiting(self) -> tuple[LiveJob, ...]:
        """Return the jobs that wait for their turn."""
        with self._lock:
            return tuple(self._waiting)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until no job runs or waits and their threads are gone, for *timeout* seconds at most; return whether that is so.

        Called from a job's own thread (by a subscriber, say), it waits neither for that one nor for those that wait for it.
        """
        me = threading.current_thread()
        with self._lock:
            quiet = self._lock.wait_for(lambda: not self._active - {me}, timeout)
            ended = tuple(self._ended - {me})
            self._ended.difference_update(ended)
        for thread in ended:
            thread.join()
        return quiet

    def _start(self) -> None:
        """Start threads for the jobs that may run, as far as threads can be had."""
        while self._waiting and len(self._active) < self._max_active:
            job = self._waiting.popleft()
            thread = threading.Thread(target=self._work, args=(job,), name="backfill-queue", daemon=True)
            self._active.add(thread)
            try:
                thread.start()
            except RuntimeError:  # no further thread can be had now: the job keeps its place
                self._active.discard(thread)
                self._waiting.appendleft(job)
                raise

    def _work(self, job: LiveJob) -> None:
        me = threading.current_thread()
        following: LiveJob | None = job
        while following is not None:
            me.name = f"backfill-{following.spec.job_id}"
            self._carry_out(following)
            following = self._take_next(me)

    def _carry_out(self, job: LiveJob) -> None:
        try:
            self._run(job)
        except BaseException as error:  # who waits for this job must hear of it, and those behind it must have their turn
            logger.exception("a job could not be run", extra={"job_id": job.spec.job_id})
            job.finish(error=describe(error))

    def _take_next(self, me: threading.Thread) -> LiveJob | None:
        with self._lock:
            if self._waiting:
                job = self._waiting.popleft()
                with suppress(RuntimeError):  # there is one thread, this one
                    self._start()
                return job
            self._active.discard(me)
            self._ended = {thread for thread in self._ended if thread.is_alive()} | {me}
            self._lock.notify_all()  # who is told looks when the lock is free again
            return None
