"""A Dask cluster as an executor of a service. Needs the extra ``dask``.

.. code-block:: python

    with Client("tcp://10.0.0.1:8786") as client, DaskExecutor(client) as executor:
        with open_service("history", executor=executor) as service: ...

``client.get_executor(pure=False)`` of Dask does as well, but for one thing: when a worker dies with a result that nobody has taken yet, and the cluster
gives the call up when it makes it anew, a future of that executor never ends (``distributed.cfexecutor``, 2026.8), nor does the job that waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import wait as wait_for
from functools import partial
from typing import Any, ParamSpec, TypeVar

from backfill.errors import InvalidRequest, MissingExtra

try:
    from distributed import Client
except ImportError as error:  # pragma: no cover - where the tests run it is there, or they skip
    raise MissingExtra("backfill.dask", "dask") from error

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["DaskExecutor"]


class DaskExecutor(Executor):
    """Carries calls out on the workers of a Dask cluster. Any thread.

    Each call is carried out whenever it is asked for, also if an equal one was before; one whose worker dies is carried out by another.

    Args:
        client: Connected to the cluster, and not asynchronous. It stays the caller's: shutting this executor down does not close it.

    Raises:
        InvalidRequest: *client* is no such client.
    """

    def __init__(self, client: Client) -> None:
        if not isinstance(client, Client) or client.asynchronous:
            raise InvalidRequest("client", client, "not a distributed.Client of threads", "make one by Client(address)")
        self._client = client
        self._open: set[Future[Any]] = set()
        self._over = False
        self._lock = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Return the future of ``fn(*args, **kwargs)``, which a worker must be able to import.

        Cancelling it makes the cluster forget the call; one that runs already goes on to its end, and nobody hears of it. If the workers that
        have the call die, one after the other, the future raises ``distributed.KilledWorker``.

        Raises:
            RuntimeError: This executor was shut down, or the client is closed.
        """
        given: Future[T] = Future()
        with self._lock:
            if self._over:
                raise RuntimeError("this DaskExecutor was shut down; make a new one")
            loop = self._client.loop
            if loop is None or self._client.status != "running":
                raise RuntimeError(f"the client of this DaskExecutor is {self._client.status}; make a new one")
            there = self._client.submit(partial(fn, *args, **kwargs), pure=False)
            self._open.add(given)
        given.add_done_callback(lambda given: self._ended(there, given))
        loop.add_callback(_settle, there, given)
        return given

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls. May be called again.

        Args:
            wait: Block until the calls in work have ended.
            cancel_futures: Cancel those that have not ended.
        """
        with self._lock:
            self._over, pending = True, set(self._open)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if wait:
            wait_for(pending)

    def _ended(self, there: Any, given: Future[Any]) -> None:
        with self._lock:
            self._open.discard(given)
        if given.cancelled() and not there.cancelled():
            there.cancel()


async def _settle(there: Any, given: Future[Any]) -> None:
    """Hand over what becomes of a call on the cluster, whatever it is. Runs in the client's loop."""
    outcome: Callable[[], None]
    try:
        outcome = partial(given.set_result, await there)
    except CancelledError:
        given.cancel()
        given.set_running_or_notify_cancel()  # wakes who waits
        return
    except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
        outcome = partial(given.set_exception, error)
    if given.set_running_or_notify_cancel():
        outcome()
