"""The one queue of jobs: first in, first out, so many at a time; threads start when there is work (R1.4, R4.1)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from backfill.engine.jobs import LiveJob
from backfill.engine.workers import leader_of


class JobQueue:
    """Runs jobs in the order in which they were added, at most *max_active* at once, each in a thread of its own. Any thread."""

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
            RuntimeError: No thread can be had for it now; it is not in the queue.
        """
        with self._lock:
            self._waiting.append(job)
            try:
                self._start()
            except RuntimeError:
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

        Called from a job's own thread (by a subscriber, say), it does not wait for that one.
        """
        me = threading.current_thread()
        with self._lock:
            quiet = self._lock.wait_for(lambda: not self._waiting and not self._active - {me}, timeout)
            ended = tuple(self._ended - {me})
            self._ended.difference_update(ended)
        for thread in ended:
            thread.join()
        return quiet

    def _start(self) -> None:
        while self._waiting and len(self._active) < self._max_active:
            job = self._waiting.popleft()
            thread = threading.Thread(target=self._work, args=(job,), name=f"backfill-{job.spec.job_id}", daemon=True)
            self._active.add(thread)
            try:
                thread.start()
            except RuntimeError:  # no further thread can be had now: the job keeps its place
                self._active.discard(thread)
                self._waiting.appendleft(job)
                raise

    def _work(self, job: LiveJob) -> None:
        following: LiveJob | None = job
        while following is not None:
            try:
                self._run(following)
            finally:
                following = self._hand_over()

    def _hand_over(self) -> LiveJob | None:
        """End this thread's part, and have the next job start; return that one if no thread can be had but this."""
        me = threading.current_thread()
        with self._lock:
            self._active.discard(me)
            try:
                self._start()
            except RuntimeError:  # none is left, or the interpreter is ending
                self._active.add(me)
                return self._waiting.popleft()
            self._ended = {thread for thread in self._ended if thread.is_alive()} | {me}
            self._lock.notify_all()  # who is told looks when the lock is free again
        return None
