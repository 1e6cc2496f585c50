"""What happens to jobs, as a stream of server-sent events.

The events are read from the job store, so that any worker process can serve them, whichever carries out the job.
"""

from __future__ import annotations

import logging

import anyio
from attrs import define, frozen
from starlette.types import Message, Receive, Scope, Send

from backfill.model import JobEvent, StatusChanged
from backfill.service import BackfillService
from backfill.web.operations import EVENTS, Answer, Call, Stream, WebLimits
from backfill.web.queries import EventQuery
from backfill.web.render import encode_as
from backfill.web.slots import Slots
from backfill.web.threads import Threads
from backfill.web.wire import object_of

logger = logging.getLogger("backfill.web")

PAGE = 1000
"""So many events the service returns at once at most."""

RETRY_MILLISECONDS = 3000
"""After so long a browser reconnects when a stream ended."""

END = b"event: end\ndata: {}\n\n"


def watch_backfills(call: Call) -> Answer | Stream:
    """Send what happens to all jobs, from now on or from where the client was, as server-sent events.

    Each event is a `JobEvent` as JSON. With `after=0` the stream begins with the oldest event that is kept.
    """
    service, after = call.service, _position(call)
    return Stream(lambda seq: service.events(after=seq), newest(service) if after is None else after)


def watch_backfill(call: Call) -> Answer | Stream:
    """Send what happened and happens to one job, until it ends, as server-sent events.

    Each event is a `JobEvent` as JSON. After the last of them comes one called `end`, at which a client closes the stream. Who comes
    back although the job has ended and nothing is left to tell gets 204, at which browsers stop asking.
    """
    job, after = call.service.get_job(call.part("backfillId", str)), _position(call)
    if after is not None and job.status.is_final and not job.events(after):
        return Answer(status=204)
    return Stream(job.events, after, lambda: job.status.is_final)


def _position(call: Call) -> int | None:
    last = call.headers.get("Last-Event-ID")
    return call.asked(EventQuery).after if last is None else int(last)


def newest(service: BackfillService) -> int:
    """Return the sequence number of the newest event; 0 = there is none.

    Nobody keeps it, but the service tells what follows a number. So the numbers tried grow by steps that double until nothing
    follows, and then halve: a few dozen questions, however many events there are.
    """
    low = step = 0
    while page := service.events(after=low + step):
        low = page[-1].seq
        if len(page) < PAGE:
            return low
        step = 2 * step or PAGE
    high = low + step
    while low < high:
        middle = (low + high) // 2
        page = service.events(after=middle)
        if not page:
            high = middle
        else:
            low = page[-1].seq
            if len(page) < PAGE:
                return low
    return low


@frozen
class _Batch:
    content: bytes
    last: int | None
    is_full: bool
    ends: bool


@define
class EventStream:
    """An ASGI application that sends one stream to one client, until the client goes, the job ends, or it has lasted long enough."""

    stream: Stream
    threads: Threads
    limits: WebLimits
    slots: Slots
    principal: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the stream.

        Raises:
            Trouble: There are too many streams already; nothing was sent.
        """
        with self.slots.take(self.principal):
            has_ended = await self._ask_whether_ended()
            first = await self.threads.run(_read, self.stream, self.stream.after)  # before anything is sent: it may fail
            async with anyio.create_task_group() as group:
                group.start_soon(_wait_for_goodbye, receive, group.cancel_scope)
                try:
                    await self._send(self._impatient(send), first, has_ended=has_ended)
                except OSError:  # the client has gone, or takes nothing (TimeoutError)
                    pass
                except Exception:
                    logger.exception("a stream of events ends early")  # its status is sent: the client reconnects
                group.cancel_scope.cancel()

    def _impatient(self, send: Send) -> Send:
        """Return a *send* that gives up on a client that takes nothing: else it would keep its place for as long as it likes."""

        async def send_impatiently(message: Message) -> None:
            with anyio.fail_after(self.limits.unread_seconds):
                await send(message)

        return send_impatiently

    async def _send(self, send: Send, batch: _Batch, *, has_ended: bool) -> None:
        await send(_start())
        await send(_part(f"retry: {RETRY_MILLISECONDS}\n\n".encode() + batch.content))
        position = self.stream.after if batch.last is None else batch.last
        began = spoke = anyio.current_time()
        while batch.is_full or not (has_ended or batch.ends):
            now = anyio.current_time()
            if self.slots.closed or now - began >= self.limits.stream_seconds:
                break
            if not batch.is_full:
                await anyio.sleep(self.limits.poll_seconds)
            if anyio.current_time() - spoke >= self.limits.heartbeat_seconds:
                await send(_part(b": alive\n\n"))
                spoke = anyio.current_time()
                has_ended = (
                    await self._ask_whether_ended()
                )  # asked before the events are read, so that the last ones are among them
            batch = await self.threads.run_patiently(_read, self.stream, position)
            if batch.content:
                await send(_part(batch.content))
                position, spoke = batch.last, anyio.current_time()
        else:
            await send(_part(END))
        await send(_part(b"", more=False))

    async def _ask_whether_ended(self) -> bool:
        ask = self.stream.has_ended
        return False if ask is None else await self.threads.run_patiently(ask)


def _read(stream: Stream, after: int | None) -> _Batch:
    events = stream.read(after)
    content = b"".join(_encode(event) for event in events)
    ends = stream.has_ended is not None and any(
        isinstance(event.change, StatusChanged) and event.change.status.is_final for event in events
    )
    return _Batch(content, events[-1].seq if events else None, len(events) >= PAGE, ends)


def _encode(event: JobEvent) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (event.seq, encode_as(object_of(JobEvent), event))


async def _wait_for_goodbye(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _start() -> Message:
    headers = {
        "content-type": EVENTS,
        "cache-control": "no-store",
        "x-accel-buffering": "no",
    }  # the last keeps proxies from waiting
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


def _part(content: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}
