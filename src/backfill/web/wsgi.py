"""The same application for hosts that speak WSGI: Flask, Django under gunicorn, and others.

A stream of events takes one of the host's threads for as long as its client listens; a client that asks from time to time
instead takes none.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast
from wsgiref.util import is_hop_by_hop

from a2wsgi.asgi import ASGIResponder

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    import a2wsgi.asgi_typing  # types the same more closely
    import a2wsgi.wsgi_typing
    from _typeshed import OptExcInfo
    from starlette.types import ASGIApp


class _Responder(ASGIResponder):
    """Answers one request; keeps hold of the task that does, so that it can be ended when the client has gone."""

    task: asyncio.Task[None] | None = None

    async def start_asgi_app(self, environ: a2wsgi.wsgi_typing.Environ) -> asyncio.Task[None]:
        self.task = await super().start_asgi_app(environ)
        return self.task


class WsgiBridge:
    """Runs an ASGI application in an event loop of its own, in one thread for each process."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse, /) -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        loop = self._running_loop()
        responder = _Responder(cast("a2wsgi.asgi_typing.ASGIApp", self._app), loop)
        try:
            yield from responder(
                cast("a2wsgi.wsgi_typing.Environ", environ), cast("a2wsgi.wsgi_typing.StartResponse", _end_to_end(start_response))
            )
        finally:  # a client that goes makes the server close this generator
            if responder.task is not None and not responder.task.done():
                loop.call_soon_threadsafe(responder.task.cancel)

    def close(self) -> None:
        """End the streams that are open, and the thread. A later request starts another; who forgets it has a daemon thread more."""
        with self._lock:
            if self._pid != os.getpid():
                return
            self._pid = None
            loop, thread = self._loop, self._thread
        asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._pid != os.getpid():  # made when needed: a thread does not survive the fork of a server's workers
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="backfill-wsgi", daemon=True)
                self._thread.start()
                self._pid = os.getpid()
            return self._loop


def _end_to_end(start_response: StartResponse) -> StartResponse:
    """Return a *start_response* that leaves out what concerns the connection: it is the server's, and WSGI forbids it (PEP 3333)."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /) -> Callable[[bytes], object]:
        kept = [(name, value) for name, value in headers if not is_hop_by_hop(name)]
        return start_response(status, kept, exc_info)

    return start


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def as_wsgi(app: ASGIApp) -> WsgiBridge:
    """Return *app*, what `create_app` returned, as a WSGI application. Needs the extra ``wsgi``.

    Mount it as any other, for instance with werkzeug's ``DispatcherMiddleware``. Its thread starts with the first request, and ends
    with ``close()``, or with the process.
    """
    return WsgiBridge(app)
