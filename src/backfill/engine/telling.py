"""Those who hear of what happens to one job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from backfill.engine.failures import is_interrupt
from backfill.model import JobEvent

logger = logging.getLogger("backfill.engine")

Callback = Callable[[JobEvent], object]


class Subscribers:
    """The subscribers of one job, whoever runs it. Any thread.

    Attributes:
        job_id: The job.
        heard: The number of the event that they were told of last; ``None`` = of none yet.
    """

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.heard: int | None = None
        self._lock = threading.Lock()
        self._callbacks: dict[object, Callback] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._callbacks)

    def add(self, callback: Callback) -> Callable[[], None]:
        """Call *callback* with every event from now on, in the thread that tells it; return what ends that."""
        with self._lock:
            subscription = object()  # its own, since one function may be subscribed twice
            self._callbacks[subscription] = callback

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks.pop(subscription, None)

        return unsubscribe

    def tell(self, events: Iterable[JobEvent]) -> None:
        """Tell them of *events*. Whatever one of them raises is logged, but for Ctrl-C in the main thread."""
        with self._lock:
            callbacks = tuple(self._callbacks.values())
        for event in events:
            self.heard = event.seq
            for callback in callbacks:
                try:
                    callback(event)
                except BaseException as error:
                    if is_interrupt(error):
                        raise
                    logger.exception("a subscriber raised; the job goes on", extra={"job_id": self.job_id})
