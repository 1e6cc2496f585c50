"""Who asks, where the host says it: limits and keys of each one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from starlette.requests import Request

from backfill.testing.source import ScriptedDashboard
from backfill.web import WebLimits, create_app
from backfill.web.slots import Slots
from backfill.web.trouble import Trouble
from service_doubles import serving
from web_client import App, Client, Json, Raw, problem

BODY: Json = {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]}
KEY = {"Idempotency-Key": "nightly"}


def named(request: Request) -> str | bool:
    """Let in who says a name."""
    return request.headers.get("x-user") or False


async def later(request: Request) -> str | bool:
    """Do the same, as a coroutine function."""
    return named(request)


@pytest.mark.parametrize("authorize", [named, later])
def test_a_key_is_each_ones_own(authorize: Callable[[Request], str | bool | Awaitable[str | bool]]) -> None:
    """Two who happen to choose the same key each get a job of their own, and nobody learns of the other's; nameless ones are refused. [R8.5]"""
    with serving(ScriptedDashboard()) as service:
        app = create_app(service, authorize=authorize)
        ada, bob = (Client(app, headers={"X-User": name}) for name in ("ada", "bob"))
        first = ada.post("/backfills", BODY, headers=KEY).json()["backfillId"]
        other = bob.post("/backfills", BODY | {"concurrency": 1}, headers=KEY)
        assert other.status_code == 202
        assert other.json()["backfillId"] != first
        assert ada.post("/backfills", BODY, headers=KEY).json()["backfillId"] == first
        problem(Client(app).send("POST", "/backfills", json=BODY, headers=KEY), 403, "forbidden")


def test_a_name_and_a_key_are_not_run_together() -> None:
    """No name with one key is another name with another. [R8.5]"""
    with serving(ScriptedDashboard()) as service:
        app = create_app(service, authorize=named)
        found = {
            Client(app, headers={"X-User": user}).post("/backfills", BODY, headers={"Idempotency-Key": key}).json()["backfillId"]
            for user, key in (("a", "b/c"), ("a/b", "c"), ("a b", "c"), ("a", "bc"))
        }
        assert len(found) == 4


@asynccontextmanager
async def streaming(app: App, user: str) -> AsyncIterator[int]:
    """Hold a stream of events open; hand out the status of its answer."""
    scope = Raw(app).scope("GET", "/events", headers=[(b"host", b"localhost"), (b"x-user", user.encode())])
    began: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    gone = asyncio.Event()
    asked = [{"type": "http.request", "body": b""}]

    async def receive() -> dict[str, object]:
        if asked:
            return asked.pop()  # type: ignore[return-value] # a message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            began.set_result(message["status"])  # type: ignore[arg-type] # a number

    task = asyncio.ensure_future(app(scope, receive, send))
    try:
        yield await asyncio.wait_for(began, 30)
    finally:
        gone.set()
        await task


def test_one_person_cannot_take_all_streams() -> None:
    """So many streams each, and so many in all; who has closed one may open another. [R8.5]"""

    async def ask(app: App) -> list[list[int]]:
        found = []
        async with AsyncExitStack() as held:
            first = AsyncExitStack()
            found.append([await first.enter_async_context(streaming(app, "ada"))])
            found.append([await held.enter_async_context(streaming(app, user)) for user in ("ada", "ada", "bob", "eve")])
            await first.aclose()
            found.append([await held.enter_async_context(streaming(app, user)) for user in ("ada", "eve")])
        return found

    with serving(ScriptedDashboard()) as service:
        limits = WebLimits(max_streams=3, max_streams_each=2, poll_seconds=0.001)
        app = create_app(service, authorize=named, limits=limits)
        assert asyncio.run(ask(app)) == [[200], [200, 503, 200, 503], [200, 503]]


def test_streams_of_nobody_in_particular_are_counted_together_only() -> None:
    """Where the host does not say who asks, there is one limit for all. [R8.5]"""
    slots = Slots(3, each=1)
    with slots.take(None), slots.take(None), slots.take("ada"):
        assert slots.taken == 3
    with slots.take("ada"), pytest.raises(Trouble, match="of whoever asks"), slots.take("ada"):
        pass
    assert slots.taken == 0
