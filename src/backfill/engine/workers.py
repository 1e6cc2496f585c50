"""Threads of one job: started when first needed, gone when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Task = Callable[[], None]


class Worker(threading.Thread):
    """A thread that works for another.

    Attributes:
        leader: The thread that it works for, which waits for it.
    """

    def __init__(self, run: Task, name: str, leader: threading.Thread) -> None:
        super().__init__(target=run, name=name, daemon=True)
        self.leader = leader


def leader_of(thread: threading.Thread) -> threading.Thread:
    """Return the thread that *thread* works for; itself, unless it is a worker."""
    return thread.leader if isinstance(thread, Worker) else thread


class Workers:
    """At most *count* daemon threads that carry out tasks in the order of their submission.

    Our own rather than a ThreadPoolExecutor, whose threads keep an interpreter from ending until all that is queued is done.
    Making one, `submit` and `close` belong to one thread, their leader. A task must not raise.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._leader = threading.current_thread()
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._lock = threading.Lock()

    def submit(self, task: Task) -> None:
        """Have *task* carried out by the next free thread."""
        with self._lock:
            self._unfinished += 1
            short = self._unfinished > len(self._threads)
        if short and len(self._threads) < self._count:
            thread = Worker(self._run, f"{self._name}-{len(self._threads)}", self._leader)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is ending, and starts no thread any more
                if not self._threads:
                    self._tasks.put(task)
                    self._tasks.put(None)
                    self._run()
                    return
            else:
                self._threads.append(thread)
        self._tasks.put(task)

    def close(self) -> None:
        """Let the threads end after what was submitted, and wait for them."""
        for _thread in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            finally:
                with self._lock:
                    self._unfinished -= 1
