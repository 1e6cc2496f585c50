"""Calls handed to an executor: waited for as long as somebody wants them, and handed over again when a worker died with them.

An executor may be a cluster, of which workers die, and whose queue may be long. So a call is not waited for when its job has been
stopped and it does not end soon; and one that died with its worker is no fault of the unit until it has happened again and again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Generic, ParamSpec, TypeVar

from backfill.engine.failures import describe
from backfill.errors import BackfillError, Cancelled, ServiceUnusable, TransientSourceError

P = ParamSpec("P")
T = TypeVar("T")

WORKER_LOST = "worker_lost"
"""The kind of the error of a unit with whose call workers died again and again."""

TIMES = 3
"""So often a call is handed over when it is lost: the first time and twice again."""

GRACE = 2.0
"""Seconds that a call has to end when its job was stopped: most do, and what was fetched for it is kept then."""

_LOOK = 0.1
"""Seconds between looks at the flag of the job, which is not told of the call. Real ones: what is waited for is a processor."""

_LOST_BY_NAME = frozenset({"KilledWorker", "WorkerCrashedError"})
"""What Dask and Ray raise for a call whose worker died: classes of libraries that need not be here."""


class Errand(Generic[T]):
    """A call that was handed to an executor, until its result is taken or it is dropped. Belongs to one thread.

    Args:
        executor: Where it is carried out.
        function: What is called there.
        args: With what.

    Raises:
        ServiceUnusable: The executor runs nothing any more.
    """

    def __init__(self, executor: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        self._hand_over: Callable[[], Future[T]] = lambda: executor.submit(function, *args, **kwargs)
        self._future = self._handed_over()

    def result(self, cancel: threading.Event | None = None) -> T:
        """Return what the call returns; blocks until it has.

        Args:
            cancel: Set when nobody wants it any more; ``None`` = somebody always does.

        Raises:
            Cancelled: *cancel* was set, and the call was dropped.
            TransientSourceError: Kind ``worker_lost``: the workers that had it died. There is no point in asking again at once.
            ServiceUnusable: The executor runs nothing any more, or cannot run this.
            BackfillError: What the call itself raised.
        """
        for left in reversed(range(TIMES)):
            try:
                return self._waited(cancel)
            except BackfillError:
                raise
            except Exception as error:
                if not _is_lost(error):
                    raise _cannot_run(error) from error
                if not left:
                    raise _given_up(error) from error
            if cancel is not None and cancel.is_set():
                break
            self._future = self._handed_over()
        raise _dropped()

    def drop(self) -> None:
        """Let the executor forget the call; one that runs already goes on to its end, and nobody hears of it."""
        self._future.cancel()

    def _handed_over(self) -> Future[T]:
        try:
            return self._hand_over()
        except RuntimeError as error:  # it was shut down, or is broken
            raise _runs_nothing(error) from error

    def _waited(self, cancel: threading.Event | None) -> T:
        future = self._future
        if cancel is not None and not future.done():
            while not wait([future], _LOOK).done:
                if cancel.is_set() and not wait([future], GRACE).done and future.cancel():
                    raise _dropped()
        return future.result()


def _is_lost(error: Exception) -> bool:
    """Whether the executor lost the call: by the death of its worker, or because it forgot it."""
    return isinstance(error, CancelledError) or bool(_LOST_BY_NAME & {cls.__name__ for cls in type(error).__mro__})


def _given_up(error: Exception) -> BackfillError:
    if isinstance(error, CancelledError):  # nobody died: the executor drops what it is given
        return _runs_nothing(error)
    message = f"the workers that made its figures died, {TIMES} times over ({describe(error)}); look into their logs"
    return TransientSourceError(message, kind=WORKER_LOST, stage="transform", max_attempts=1)


def _dropped() -> Cancelled:
    return Cancelled("the job was stopped while an executor had the call")


def _runs_nothing(error: Exception) -> ServiceUnusable:
    why = str(error) or type(error).__name__
    return ServiceUnusable(f"the executor runs nothing any more ({why}); resume the job with a service that has another")


def _cannot_run(error: Exception) -> ServiceUnusable:
    if isinstance(error, BrokenExecutor):
        return _runs_nothing(error)
    remedy = "its processes need the packages of this one, in the same versions; then resume the job"
    return ServiceUnusable(f"the executor cannot run what it is given ({describe(error)}); {remedy}")
