"""The service in a FastAPI application: your own routes beside the whole interface, mounted, guarded by your own rule.

The service is made when the application starts, in the process that serves, and closed when it ends. Serve it with
``uvicorn --app-dir examples embed_fastapi:app``; run it to see it asked. Needs ``backfill[web]``, ``fastapi`` and ``httpx``.

    python examples/embed_fastapi.py

It prints:

    without the header: 403
    started: 202
    complete: 31 stored
    the newest figure: 200 {'day': 31}
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import httpx
from fastapi import FastAPI
from starlette.requests import Request

from backfill import BackfillService, Fetch, function_source
from backfill.stores import MemorySnapshotStore
from backfill.web import create_app


@function_source("example")
def example(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
    """Return a figure."""
    return {"day": day.day}


def known(request: Request) -> bool:
    """Let in who comes with the header that the proxy before this application sets."""
    return request.headers.get("x-user") is not None


store = MemorySnapshotStore()
service = BackfillService(example, store)  # opens nothing and starts no thread before it is used


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Close the service with the application; what is in flight ends first, so not in the event loop."""
    yield
    await asyncio.to_thread(service.close)


app = FastAPI(lifespan=lifespan)
app.mount("/backfill", create_app(service, authorize=known))


@app.get("/newest/{district}")
def newest(district: str) -> object:
    """Return a district's newest figures; a route of your own."""
    *_, last = store.days()
    return store.read(last).district(district).data


async def main() -> None:
    """Ask the application as a browser would, without a socket."""
    transport = httpx.ASGITransport(app)
    async with (
        lifespan(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost", headers={"X-User": "ada"}) as client,
    ):
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as stranger:
            refused = await stranger.get("/backfill/backfills")
        print(f"without the header: {refused.status_code}")
        body = {"startDate": "2024-01-01", "endDate": "2024-01-31", "targetDistricts": ["north"]}
        started = await client.post("/backfill/backfills", json=body)
        print(f"started: {started.status_code}")
        job = service.get_job(started.json()["backfillId"])
        await asyncio.wrap_future(job.future)
        report = (await client.get(started.headers["location"])).json()
        print(f"{report['status']}: {report['progress']['completed']} stored")
        figure = await client.get("/newest/north")
        print(f"the newest figure: {figure.status_code} {figure.json()}")


if __name__ == "__main__":
    asyncio.run(main())
