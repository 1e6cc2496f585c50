"""A host that lives in an event loop: jobs are awaited, their events arrive as an asynchronous iterator, and the loop is never held up.

The library works in threads of its own; what an asyncio host needs beside `Job.future` is the dozen lines of `events_of`.

    python examples/asyncio_host.py

It prints:

    north: 3 days published, complete
    south: 3 days published, complete
    the loop went round meanwhile: True
    out of time: the job is cancelled, 1 stored, 2 left
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import date

from backfill import BackfillReport, BackfillRequest, BackfillService, Fetch, Job, function_source
from backfill.model import DayPublished, JobEvent
from backfill.stores import MemorySnapshotStore

GATE = threading.Event()


@function_source("example")
def example(day: date, district: str, _fetch: Fetch) -> dict[str, int]:
    """Return a figure; the publisher of one district takes its time."""
    if district == "slow":
        GATE.wait(60)
    return {"day": day.day}


async def events_of(job: Job) -> AsyncIterator[JobEvent]:
    """Iterate over what happens to *job* from now on, until it is at rest."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[JobEvent | None]()
    unsubscribe = job.subscribe(lambda event: loop.call_soon_threadsafe(queue.put_nowait, event))
    ended = asyncio.wrap_future(job.future)
    ended.add_done_callback(lambda _ended: queue.put_nowait(None))
    try:
        while (event := await queue.get()) is not None:
            yield event
    finally:
        unsubscribe()


async def collected(service: BackfillService, district: str) -> str:
    """Collect three days of a district, and say how it went."""
    request = BackfillRequest("2024-01-01", "2024-01-03", [district])
    job = await asyncio.to_thread(service.initiate_backfill, request)  # it may wait for a disk
    published = {event.change.day async for event in events_of(job) if isinstance(event.change, DayPublished)}
    report: BackfillReport = await asyncio.wrap_future(job.future)
    return (
        f"{district}: {len(published | {date.fromisoformat(day) for day in report.snapshot_ids})} days published, {report.status}"
    )


async def ticking(ticks: list[int]) -> None:
    """Count how often the loop goes round."""
    while True:
        ticks.append(1)
        await asyncio.sleep(0)


async def main() -> None:
    """Run two jobs at once beside other work; then give up on a third."""
    service = BackfillService(example, MemorySnapshotStore(), max_active_jobs=2)
    ticks: list[int] = []
    other_work = asyncio.create_task(ticking(ticks))
    for line in await asyncio.gather(collected(service, "north"), collected(service, "south")):
        print(line)
    other_work.cancel()
    print(f"the loop went round meanwhile: {len(ticks) > 1}")
    slow = service.initiate_backfill(BackfillRequest("2024-01-01", "2024-01-03", ["slow"], concurrency=1))
    try:
        async with asyncio.timeout(0.1):
            await asyncio.wrap_future(slow.future)
    except TimeoutError:
        slow.cancel()  # giving up on the future alone leaves the job to itself
        GATE.set()
    report = await asyncio.to_thread(slow.wait)
    print(f"out of time: the job is {report.status}, {report.progress.completed} stored, {report.progress.pending} left")
    await asyncio.to_thread(service.close)


if __name__ == "__main__":
    asyncio.run(main())
