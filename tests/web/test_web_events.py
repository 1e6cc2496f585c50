"""Live events over HTTP: from the job store, resumable, bounded, and gone as soon as their client is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import cast

import pytest

from backfill import BackfillService
from backfill.jobstores import MemoryJobStore
from backfill.model import BackfillStatus, DayPublished, JobEvent, StatusChanged
from backfill.testing.source import ScriptedSource
from backfill.web import WebLimits, create_app, everybody
from backfill.web.events import PAGE, newest
from service_doubles import PATIENCE, GatedSource, PlainJobs, day, serving
from web_client import Client, Json, Raw, events_in, finish, offering, problem, start

QUICK = WebLimits(poll_seconds=0.001, heartbeat_seconds=0.0)


class Listener:
    """A client that listens to one stream until it goes."""

    def __init__(self) -> None:
        self.received = b""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.gone = asyncio.Event()
        self.asked = False
        self.task: asyncio.Task[None] | None = None

    async def receive(self) -> MutableMapping[str, object]:
        """Say that the request has no body, and later that the client has gone, when it has."""
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, object]) -> None:
        """Note what comes."""
        if message["type"] == "http.response.start":
            self.status = cast("int", message["status"])
            headers = cast("list[tuple[bytes, bytes]]", message["headers"])
            self.headers = {name.decode(): value.decode() for name, value in headers}
        else:
            self.received += cast("bytes", message["body"])

    async def hears(self, text: bytes) -> None:
        """Wait until *text* came."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.received:  # noqa: ASYNC110 - looked at often; no outcome depends on how often
                await asyncio.sleep(0.001)

    async def ended(self) -> None:
        """Wait until the stream has ended by itself."""
        assert self.task is not None
        async with asyncio.timeout(PATIENCE):
            await self.task


@asynccontextmanager
async def listening(client: Client, path: str, *, query: bytes = b"", last: bytes | None = None) -> AsyncIterator[Listener]:
    """Listen to a stream; go at the end, and see that the application lets go as well."""
    listener = Listener()
    headers = [(b"host", b"localhost")] + ([] if last is None else [(b"last-event-id", last)])
    scope = Raw(client.app).scope(path=path, query=query, headers=headers)
    listener.task = asyncio.create_task(client.app(scope, listener.receive, listener.send))  # type: ignore[arg-type] # a coroutine it is
    try:
        yield listener
    finally:
        listener.gone.set()
        await listener.ended()


def check(client: Client, received: bytes) -> list[Json]:
    """Hold every event of a stream against the published schema; return what they say."""
    found = events_in(received)
    for seq, event in found:
        client.validate({"$ref": "#/components/schemas/JobEvent"}, event)
        assert event["seq"] == seq
    assert all(before < after for (before, _), (after, _) in pairwise(found))
    return [event for _, event in found]


def kinds(events: Sequence[Json]) -> list[str]:
    """Return what happened, in a word each."""
    return [str(cast("Json", event["change"])["kind"]) for event in events]


def test_a_job_tells_its_story_and_its_end() -> None:
    """The stream of a job holds every change from its first to its last, then an event called end, and closes. [R9.5, P8]"""
    with offering(limits=QUICK) as (service, client):
        backfill_id = finish(service, client)
        response = client.get(f"/backfills/{backfill_id}/events")
        events = check(client, response.content)
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.content.startswith(b"retry: 3000\n\n")
        assert response.content.endswith(b"event: end\ndata: {}\n\n")
        assert [event["seq"] for event in events] == [event.seq for event in service.get_job(backfill_id).events()]
        assert {event["backfillId"] for event in events} == {backfill_id}
        assert kinds(events)[-1] == "status-changed"
        assert {"units-settled", "day-published"} <= set(kinds(events))


def test_every_kind_of_change_is_told() -> None:
    """Failures, lists and findings are told as well, each with what belongs to it. [R6.2, P8]"""
    source = ScriptedSource(lambda on, _district: ValueError("token=hush") if on == day(0) else {"x": 1})
    with offering(source, limits=QUICK) as (service, client):
        received = client.get(f"/backfills/{finish(service, client)}/events").content
        failed = next(event for event in check(client, received) if cast("Json", event["change"])["kind"] == "unit-failed")
        assert cast("Json", cast("Json", failed["change"])["error"])["kind"] == "source_bug"
        assert b"hush" not in received


def test_a_stream_goes_on_where_the_client_was() -> None:
    """After Last-Event-ID, or after the number in the query, only what follows is sent; the header goes first. [R9.5]"""
    with offering(limits=QUICK) as (service, client):
        path = f"/backfills/{finish(service, client)}/events"
        everything = [seq for seq, _ in events_in(client.get(path).content)]
        middle = everything[1]
        later = [seq for seq, _ in events_in(client.get(path, headers={"Last-Event-ID": str(middle)}).content)]
        assert later == everything[2:]
        assert [seq for seq, _ in events_in(client.get(f"{path}?after={middle}").content)] == later
        both = client.get(f"{path}?after=0", headers={"Last-Event-ID": str(middle)})
        assert [seq for seq, _ in events_in(both.content)] == later


def test_who_has_heard_it_all_is_not_called_back() -> None:
    """A browser that reconnects to the stream of an ended job gets 204, which tells it to stop. [R8.5]"""
    with offering(limits=QUICK) as (service, client):
        backfill_id = finish(service, client)
        last = service.get_job(backfill_id).events()[-1].seq
        response = client.get(f"/backfills/{backfill_id}/events", headers={"Last-Event-ID": str(last)})
        assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("last", [b"x", b"-1", b"1.5", b"", b"1" * 16])
def test_a_position_is_a_number(last: bytes) -> None:
    """A Last-Event-ID that no stream ever sent is refused by name. [R8.4]"""
    with offering() as (_, client):
        headers = [(b"host", b"localhost"), (b"last-event-id", last)]
        problem(Raw(client.app).ask(Raw(client.app).scope(path="/events", headers=headers)), 400, "invalid-parameter")


def test_events_come_while_the_job_runs() -> None:
    """What happens is sent as it happens, with signs of life in between, and nothing is sent twice. [R9.5]"""
    source = GatedSource()

    async def listen(client: Client, backfill_id: str) -> bytes:
        async with listening(client, f"/backfills/{backfill_id}/events") as listener:
            await listener.hears(b'"status":"processing"')
            await listener.hears(b": alive\n\n")
            assert b"units-settled" not in listener.received
            source.gate.set()
            await listener.ended()
            return listener.received

    with offering(source, limits=QUICK) as (_, client):
        received = asyncio.run(listen(client, start(client)))
        assert kinds(check(client, received))[-1] == "status-changed"
        assert received.endswith(b"event: end\ndata: {}\n\n")


def test_the_stream_of_all_jobs_begins_now() -> None:
    """Without a position only what happens from now on is told, of every job; with 0, everything that is kept. [R9.5]"""

    async def listen(service: BackfillService, client: Client) -> tuple[bytes, str]:
        async with listening(client, "/events") as now, listening(client, "/events", query=b"after=0") as everything:
            await now.hears(b"retry: 3000")
            await everything.hears(b'"status":"complete"')
            second = await asyncio.to_thread(finish, service, client)
            await now.hears(b'"status":"complete"')
            await everything.hears(second.encode())
            check(client, everything.received)
            return now.received, second

    with offering(limits=QUICK) as (service, client):
        finish(service, client)
        received, second = asyncio.run(listen(service, client))
        assert {event["backfillId"] for event in check(client, received)} == {second}


def test_any_process_that_has_the_job_store_tells() -> None:
    """A service that did not start the job, as in another worker process, tells what becomes of it, to the end. [R4.1, R9.5]"""
    kept = MemoryJobStore()
    source = GatedSource()

    async def listen(other: Client, backfill_id: str) -> bytes:
        async with listening(other, f"/backfills/{backfill_id}/events") as listener:
            await listener.hears(b'"status":"processing"')
            source.gate.set()
            await listener.ended()
            return listener.received

    with offering(source, jobs=kept) as (_, first), serving(ScriptedSource(), jobs=kept) as service:
        other = Client(create_app(service, authorize=everybody, limits=QUICK))
        assert b'"status":"complete"' in asyncio.run(listen(other, start(first)))


def test_streams_are_bounded_and_their_places_come_back() -> None:
    """One stream too many is 503 with Retry-After; when a client goes its place is free at once. [R8.5, R9.2]"""

    async def crowd(client: Client) -> list[int]:
        statuses: list[int] = []
        async with listening(client, "/events") as first, listening(client, "/events") as second:
            await first.hears(b"retry")
            await second.hears(b"retry")
            async with listening(client, "/events") as third:
                await third.ended()
                statuses.append(third.status)
                assert int(third.headers["retry-after"]) > 0
                assert b"too-many-streams" in third.received
        async with listening(client, "/events") as again:
            await again.hears(b"retry")
            statuses.append(again.status)
        return statuses

    with offering(limits=WebLimits(max_streams=2, poll_seconds=0.001)) as (_, client):
        assert asyncio.run(crowd(client)) == [503, 200]
        assert 'backfill_http_streams{operation="backfill"} 0' in client.get("/metrics").text


def test_a_stream_ends_after_its_time() -> None:
    """A stream that has lasted long enough ends without an end event, so that its client reconnects. [R8.5]"""
    with offering(limits=WebLimits(stream_seconds=0.0)) as (_, client):
        assert client.get("/events").content == b"retry: 3000\n\n"


def asking() -> Callable[[], Awaitable[MutableMapping[str, object]]]:
    """Return what an application receives of a client that has asked, and stays."""
    messages: list[MutableMapping[str, object]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> MutableMapping[str, object]:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def test_a_broken_connection_frees_its_place() -> None:
    """When sending fails, as servers say it when a client has gone, the stream ends quietly. [R8.5]"""

    async def break_off(client: Client) -> None:
        async def send(message: MutableMapping[str, object]) -> None:
            if message["type"] == "http.response.body":
                raise OSError

        await client.app(Raw(client.app).scope(path="/events"), asking(), send)

    with offering(limits=QUICK) as (_, client):
        asyncio.run(break_off(client))
        assert 'backfill_http_streams{operation="backfill"} 0' in client.get("/metrics").text


def test_a_client_that_takes_nothing_loses_its_place() -> None:
    """A client that leaves its connection open and reads nothing cannot keep a place: its stream ends. [R8.5, R9.2]"""

    async def ignore(client: Client) -> None:
        async def send(message: MutableMapping[str, object]) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()  # as servers do whose buffers are full

        async with asyncio.timeout(PATIENCE):
            await client.app(Raw(client.app).scope(path="/events"), asking(), send)

    with offering(limits=WebLimits(poll_seconds=0.001, unread_seconds=0.01)) as (_, client):
        asyncio.run(ignore(client))
        assert 'backfill_http_streams{operation="backfill"} 0' in client.get("/metrics").text


def test_a_store_that_fails_ends_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    """Before the stream begins a failing job store is a problem; later it ends the stream, and the log says why. [R8.4]"""
    kept = FailingEvents()

    async def listen(client: Client) -> Listener:
        async with listening(client, "/events") as listener:
            await listener.hears(b"retry")
            kept.broken = True
            await listener.ended()
            return listener

    with offering(jobs=kept, limits=QUICK) as (_, client):
        listener = asyncio.run(listen(client))
        assert listener.status == 200
        assert "ends early" in caplog.text
        problem(client.get("/events"), 500, "internal-error")


class FailingEvents(MemoryJobStore):
    """A job store whose events cannot be read when a test says so."""

    broken = False

    def events(self, after: int | None = None, /, *, job_id: str | None = None, limit: int = 1000) -> Sequence[JobEvent]:
        """Return the events, or fail."""
        if self.broken:
            raise RuntimeError
        return super().events(after, job_id=job_id, limit=limit)


def test_a_job_whose_last_event_was_forgotten_still_ends() -> None:
    """Where the store has forgotten the job's last event, the stream asks for its state, and ends. [R9.5]"""
    kept = MemoryJobStore(max_events=1)
    source = GatedSource()

    async def listen(service: BackfillService, client: Client, backfill_id: str) -> bytes:
        async with listening(client, f"/backfills/{backfill_id}/events", query=b"after=0") as listener:
            await listener.hears(b"retry")
            await asyncio.to_thread(forget, service, backfill_id)
            await listener.ended()
            return listener.received

    def forget(service: BackfillService, backfill_id: str) -> None:
        source.gate.set()
        service.get_job(backfill_id).wait(PATIENCE)
        kept._events.clear()

    with offering(source, jobs=kept, limits=WebLimits(poll_seconds=0.001, heartbeat_seconds=0.0)) as (service, client):
        backfill_id = start(client)
        source.await_arrivals()
        assert asyncio.run(listen(service, client, backfill_id)).endswith(b"event: end\ndata: {}\n\n")


def test_a_job_store_without_events_gives_an_empty_stream() -> None:
    """Where the job store keeps no events, streams are silent but for their signs of life; the report can still be asked for. [R8.3]"""
    with offering(jobs=PlainJobs(), limits=WebLimits(stream_seconds=0.0)) as (service, client):
        backfill_id = finish(service, client)
        assert client.get(f"/backfills/{backfill_id}/events").content == b"retry: 3000\n\nevent: end\ndata: {}\n\n"
        assert client.get("/events").content == b"retry: 3000\n\n"
        assert client.get(f"/backfills/{backfill_id}").json()["status"] == "complete"


def test_a_stream_has_no_head() -> None:
    """HEAD would open a stream for nothing: it is refused, with the methods that there are. [R8.5]"""
    with offering() as (_, client):
        response = client.send("HEAD", "/events")
        assert (response.status_code, response.headers["allow"]) == (405, "GET")


class Log:
    """A service, so far as its events go: the numbers of those that are kept."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self.questions = 0

    def events(self, *, after: int | None = None) -> list[JobEvent]:
        """Return the events after a number, at most a page."""
        self.questions += 1
        assert after is not None
        change = DayPublished(day(0), is_partial=False, at=datetime.now(UTC))
        return [JobEvent(seq, "j", change.at, change) for seq in self.numbers if seq > after][:PAGE]


@pytest.mark.parametrize(
    "numbers",
    [[], [1], range(1, PAGE + 1), range(1, PAGE + 2), range(1, 9_600), range(1, 30_000, 7), range(500_000, 503_500), [3, 10**9]],
    ids=["none", "one", "a page", "a page and one", "many", "with gaps", "old ones forgotten", "far apart"],
)
def test_the_newest_event_is_found_in_few_questions(numbers: Sequence[int]) -> None:
    """The newest event is found whatever is kept, in a few dozen questions. [R9.5]"""
    log = Log(numbers)
    assert newest(cast("BackfillService", log)) == max(numbers, default=0)
    assert log.questions < 40


def test_a_long_story_comes_in_pages() -> None:
    """More events than the service returns at once are sent all the same, in order, without waiting in between. [R9.5]"""
    kept = MemoryJobStore()
    limits = WebLimits(poll_seconds=3600)  # whoever waits between two pages waits in vain
    with offering(jobs=kept, limits=limits) as (service, client):
        backfill_id = finish(service, client, endDate="2026-01-05", targetDistricts=["A"])
        first = kept._events[0]
        kept._events.extend(
            JobEvent(100 + number, backfill_id, first.at, StatusChanged(BackfillStatus.PROCESSING, first.at))
            for number in range(2 * PAGE)
        )
        received = client.get(f"/backfills/{backfill_id}/events").content
        assert len(events_in(received)) > 2 * PAGE
        assert re.search(rb"event: end", received)


def test_two_clients_hear_the_same() -> None:
    """Streams do not take events from each other. [R9.5]"""
    source = GatedSource()

    async def listen(client: Client, backfill_id: str) -> list[bytes]:
        path = f"/backfills/{backfill_id}/events"
        async with listening(client, path) as first, listening(client, path) as second:
            await first.hears(b"retry")
            await second.hears(b"retry")
            source.gate.set()
            await first.ended()
            await second.ended()
            return [first.received, second.received]

    with offering(source, limits=QUICK) as (_, client):
        first, second = asyncio.run(listen(client, start(client)))
        assert events_in(first) == events_in(second)
