"""A bounded number of threads for calls that block: the event loop belongs to the host, and is never made to wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from backfill.web.trouble import Trouble

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Calls functions in threads: so many at once, and so many more that wait; beyond that it refuses.

    The threads are those of the event loop in which it is used, and end with it; nothing has to be closed. Of several loops
    each has a limit of its own.

    Args:
        workers: Calls at once.
        waiting: Calls that may wait for a place.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self._workers = workers
        self._waiting = waiting
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar(f"backfill.web.threads.{id(self)}")

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what *function* returns. Once begun it runs to its end, even if the caller is cancelled.

        Raises:
            Trouble: Too many calls wait already.
        """
        limiter = self._current()
        if limiter.statistics().tasks_waiting >= self._waiting:
            detail = f"{self._workers} requests are being carried out, and {self._waiting} wait"
            raise Trouble("too-busy", detail, "ask again later, and less often", headers={"Retry-After": "5"})
        return await anyio.to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter)

    async def run_patiently(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what *function* returns, however many calls wait: for streams, whose number is limited already."""
        return await anyio.to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._current())

    def _current(self) -> anyio.CapacityLimiter:
        try:
            return self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._workers)
            self._limiter.set(limiter)
            return limiter
