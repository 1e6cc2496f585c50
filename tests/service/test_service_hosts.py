"""In other people's programs: under asyncio, among threads, and in processes that fork."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path
from typing import TypeVar

import pytest

from backfill import BackfillReport, BackfillService, BackfillStatus
from backfill.errors import ServiceUnusable
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from service_doubles import PATIENCE, GatedSource, NoDoor, adds_up, ask, backfill_threads, day, serving, stored, until

T = TypeVar("T")


def run(main: Coroutine[object, object, T]) -> T:
    """Run *main* in an event loop of its own, in debug mode, which tells of what was never awaited."""
    return asyncio.run(main, debug=True)


# --- asyncio ----------------------------------------------------------------------------------------------------------


def test_a_job_is_awaited_while_the_event_loop_is_free() -> None:
    """Wrapped, the future of a job brings its final report to a coroutine, and others run meanwhile. [R10.2, R9.5]"""

    async def main() -> BackfillReport:
        source = GatedSource()
        with serving(source) as service:
            job = service.initiate_backfill(ask(3, "A", "B"))

            async def open_the_gate() -> None:
                await asyncio.to_thread(source.await_arrivals)
                source.gate.set()

            report, _ = await asyncio.gather(asyncio.wrap_future(job.future), open_the_gate())
            assert await asyncio.wrap_future(job.future) is report, "as often as one likes"
            return report

    report = run(main())
    assert (report.status, report.progress.completed) == ("complete", 6)


def test_a_time_limit_leaves_the_job_running() -> None:
    """When the time of who awaits is over, the job goes on, can be awaited again, and ends as it would have. [R4.4, R10.2]"""

    async def main() -> BackfillReport:
        source = GatedSource()
        with serving(source) as service:
            job = service.initiate_backfill(ask(2, "A"))
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.wrap_future(job.future), 0.001)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.001):
                        await asyncio.wrap_future(job.future)
            assert not job.future.done()
            assert not job.future.cancelled()
            assert job.status in {BackfillStatus.QUEUED, BackfillStatus.PROCESSING}
            source.gate.set()
            return await asyncio.wrap_future(job.future)

    assert run(main()).status is BackfillStatus.COMPLETE


def test_cancelling_who_awaits_does_not_cancel_the_job() -> None:
    """A cancelled task, and a cancelled future, leave the job as it is; only cancelling the job does. [R4.4, R10.2]"""

    async def main() -> BackfillReport:
        source = GatedSource(lambda on, _name: on == day(1))
        with serving(source) as service:
            job = service.initiate_backfill(ask(3, "A", concurrency=1))

            async def wait() -> BackfillReport:
                return await asyncio.wrap_future(job.future)

            task = asyncio.create_task(wait())
            await asyncio.to_thread(source.await_arrivals)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            wrapped = asyncio.wrap_future(job.future)
            wrapped.cancel()
            assert not job.future.cancel(), "it is running, and says so"
            assert not job.future.cancelled()
            assert job.status is BackfillStatus.PROCESSING
            other = asyncio.wrap_future(job.future)
            job.cancel()
            source.gate.set()
            return await other

    report = run(main())
    assert (report.status, report.progress.completed, report.progress.pending) == ("cancelled", 2, 1)


def test_many_tasks_await_many_jobs() -> None:
    """Jobs of one service are awaited by tasks of two event loops in two threads at once. [R10.2, R1.3]"""
    with serving(ScriptedSource(), max_active_jobs=4) as service:

        async def one(number: int) -> BackfillReport:
            job = await asyncio.to_thread(service.initiate_backfill, ask(2, f"d{number}"))
            return await asyncio.wrap_future(job.future)

        async def main(first: int) -> list[BackfillReport]:
            return await asyncio.gather(*[one(first + number) for number in range(8)])

        with ThreadPoolExecutor(2) as threads:
            reports = [report for found in threads.map(lambda first: run(main(first)), (0, 100)) for report in found]
        assert len({report.backfill_id for report in reports}) == 16
        assert {(report.status, report.progress.completed) for report in reports} == {("complete", 2)}


def test_a_loop_that_has_ended_hurts_no_job() -> None:
    """A job whose awaiting loop was closed before its end goes on, and ends for everybody else. [R10.2]"""
    source = GatedSource()
    with serving(source) as service:
        job = service.initiate_backfill(ask(1, "A"))

        async def leave() -> None:
            asyncio.wrap_future(job.future)

        run(leave())
        source.gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE


def test_what_happens_reaches_a_coroutine() -> None:
    """A subscriber that hands each event to the loop lets a coroutine follow a job to its end. [R9.5]"""

    async def main() -> list[str]:
        loop, seen = asyncio.get_running_loop(), asyncio.Queue[str]()
        source = GatedSource()
        with serving(source) as service:
            job = service.initiate_backfill(ask(2, "A"))
            await asyncio.to_thread(source.await_arrivals)
            job.subscribe(lambda event: loop.call_soon_threadsafe(seen.put_nowait, type(event.change).__name__))
            source.gate.set()
            heard = [await seen.get()]
            while heard[-1] != "StatusChanged":
                heard.append(await seen.get())
            return heard

    heard = run(main())
    assert heard[-1] == "StatusChanged"
    assert heard.count("DayPublished") == 2


# --- the future itself ------------------------------------------------------------------------------------------------


def test_the_future_of_a_job_is_an_ordinary_one() -> None:
    """It can be waited for with others, has callbacks, and raises nothing when the job fails: the report says so. [R1.3]"""
    source = GatedSource()
    with serving(source, max_active_jobs=3) as service:
        jobs = [service.initiate_backfill(ask(1, name)) for name in "ABC"]
        done, _ = wait_for([job.future for job in jobs], timeout=0)
        assert done == set()
        told: list[BackfillReport] = []
        for job in jobs:
            job.future.add_done_callback(lambda future: told.append(future.result()))
        source.gate.set()
        done, pending = wait_for([job.future for job in jobs], timeout=PATIENCE)
        assert (len(done), pending) == (3, set())
        assert all(job.future.exception(0) is None for job in jobs)
        until(lambda: len(told) == 3)
    with serving(ScriptedSource({(day(0), "A"): None})) as service:
        job = service.initiate_backfill(ask(1, "A"))
        assert job.future.result(PATIENCE).status is BackfillStatus.ERROR


def test_a_callback_that_raises_hurts_no_job(caplog: pytest.LogCaptureFixture) -> None:
    """What a done-callback raises is logged by the standard library; the job has ended all the same. [R6.1]"""
    source = GatedSource()
    with serving(source) as service:
        job, other = service.initiate_backfill(ask(1, "A")), service.initiate_backfill(ask(1, "B"))

        def angry(_future: object) -> None:
            raise CancelledError

        job.future.add_done_callback(angry)
        source.gate.set()
        assert job.wait(PATIENCE).status is BackfillStatus.COMPLETE
        assert other.wait(PATIENCE).status is BackfillStatus.COMPLETE
        until(lambda: "exception calling callback" in caplog.text)


# --- threads ----------------------------------------------------------------------------------------------------------


def test_a_service_passes_from_thread_to_thread() -> None:
    """Made in one thread, used in a second, waited for in a third and closed in a fourth. [R1.3, R10.2]"""
    made: list[BackfillService] = []
    steps: list[Callable[[], object]] = [
        lambda: made.append(BackfillService(ScriptedSource(), MemorySnapshotStore(), fetch=NoDoor(), clock=VirtualClock())),
        lambda: made[0].initiate_backfill(ask(3, "A", "B")),
        lambda: made[0].get_job(made[0].list_backfills()[0].backfill_id).wait(PATIENCE),
        lambda: made[0].close(timeout=PATIENCE),
    ]
    for step in steps:
        thread = threading.Thread(target=step)
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    (report,) = made[0].list_backfills()
    assert (report.status, report.progress.completed) == ("complete", 6)
    assert backfill_threads() == []


def test_starting_and_closing_at_once_loses_no_job() -> None:
    """Among threads that start jobs while another closes, each job is either refused, or ends, and all that is stored is counted. [R10.2, P6]"""
    for _round in range(10):
        store = MemorySnapshotStore()
        service = BackfillService(ScriptedSource(), store, fetch=NoDoor(), clock=VirtualClock(), max_active_jobs=3)
        go = threading.Barrier(9)

        def start(number: int, service: BackfillService = service, go: threading.Barrier = go) -> BackfillReport | None:
            go.wait(PATIENCE)
            try:
                return service.initiate_backfill(ask(2, f"d{number}")).wait(PATIENCE)
            except ServiceUnusable:  # closed: one of the two outcomes that may be
                return None

        def close(service: BackfillService = service, go: threading.Barrier = go) -> None:
            go.wait(PATIENCE)
            service.close(timeout=PATIENCE)

        with ThreadPoolExecutor(9) as threads:
            closing = threads.submit(close)
            reports = [report for report in threads.map(start, range(8)) if report is not None]
            closing.result(PATIENCE)
        assert all(report.status in {"complete", "cancelled"} and adds_up(report) for report in reports)
        assert sum(report.progress.completed for report in reports) == sum(map(len, stored(store).values()))
        assert backfill_threads() == []


# --- fork -------------------------------------------------------------------------------------------------------------

FORKED = r"""
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # newer versions warn of every fork beside threads
from backfill import BackfillRequest, BackfillService
from backfill.errors import ServiceUnusable
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.source import ScriptedSource

gate, arrived = threading.Event(), threading.Event()

def answer(day, district):
    arrived.set()
    gate.wait(60)
    return {"district": district}

request = BackfillRequest("2024-01-01", "2024-01-03", ["A", "B"])
service = BackfillService(ScriptedSource(answer), PerDistrictFileSnapshotStore(sys.argv[1]))
job = service.initiate_backfill(request)
plan = service.plan(request)
arrived.wait(60)

pid = os.fork()
if pid == 0:
    uses = {
        "plan": lambda: service.plan(request),
        "initiate_backfill": lambda: service.initiate_backfill(request),
        "a plan": lambda: service.initiate_backfill(plan),
        "run_backfill": lambda: service.run_backfill(request),
        "retry_failed": lambda: service.retry_failed(job.backfill_id),
        "get_job": lambda: service.get_job(job.backfill_id),
        "get_backfill_status": lambda: service.get_backfill_status(job.backfill_id),
        "list_backfills": service.list_backfills,
        "errors": lambda: service.errors(job.backfill_id),
        "events": service.events,
        "cancel_backfill": lambda: service.cancel_backfill(job.backfill_id),
        "coverage": lambda: service.coverage("2024-01-01", "2024-01-03"),
        "cleanup_old_jobs": service.cleanup_old_jobs,
        "with": service.__enter__,
        "job.wait": lambda: job.wait(60),
        "job.report": job.report,
        "job.status": lambda: job.status,
        "job.events": job.events,
        "job.subscribe": lambda: job.subscribe(print),
        "job.cancel": job.cancel,
    }
    for name, use in uses.items():
        try:
            use()
        except ServiceUnusable as error:
            assert "made in another process and carried over a fork; make a new one in this process" in str(error), error
        else:
            print(name, "was possible")
    service.close()
    service.close(wait=True, timeout=0)
    assert repr(job) == f"<Job {job.backfill_id}>", job
    gate.set()
    own = BackfillService(ScriptedSource(answer), PerDistrictFileSnapshotStore(sys.argv[1]))
    with own:
        assert own.run_backfill(BackfillRequest("2024-02-01", target_districts=["C"])).status == "complete"
    sys.exit(7)  # not os._exit: what the parent registered for its exit must do nothing here

_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 7, status
assert job.status == "processing"
gate.set()
report = job.wait(60)
assert (report.status, report.progress.completed) == ("complete", 6), report
service.close()
print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_process_is_told_to_make_its_own(tmp_path: Path) -> None:
    """In a forked process every use raises with the remedy, closing does nothing, a new service works; the parent's job goes on. [R10.2]"""
    done = subprocess.run([sys.executable, "-c", FORKED, str(tmp_path)], capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("ok\n", "", 0)
    store = PerDistrictFileSnapshotStore(tmp_path)
    assert [store.read(on).districts for on in store.days()] == [("A", "B")] * 3 + [("C",)]


SPAWNED = r"""
import multiprocessing, sys
from backfill import BackfillRequest, BackfillService, function_source
from backfill.stores import PerDistrictFileSnapshotStore

@function_source("mine")
def mine(day, district, fetch):
    return [day.isoformat(), district]

def work(root, number):
    with BackfillService(mine, PerDistrictFileSnapshotStore(root)) as service:
        report = service.run_backfill(BackfillRequest("2024-01-01", "2024-01-05", ["x", f"d{number}"], skip_existing=False))
    sys.exit(0 if report.progress.completed == 10 else 1)

if __name__ == "__main__":
    for method in sys.argv[2:]:
        context = multiprocessing.get_context(method)
        workers = [context.Process(target=work, args=(sys.argv[1], number)) for number in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        print(method, [worker.exitcode for worker in workers])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no forkserver")
def test_worker_processes_each_have_their_own(tmp_path: Path) -> None:
    """Processes started in any way, each with a service of its own, fill one store together. [R10.2, R11.2]"""
    script = tmp_path / "workers.py"
    script.write_text(SPAWNED)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "root"), "spawn", "fork", "forkserver"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("spawn [0, 0, 0]\nfork [0, 0, 0]\nforkserver [0, 0, 0]\n", "")
    store = PerDistrictFileSnapshotStore(tmp_path / "root")
    assert {store.read(on).districts for on in store.days()} == {("d0", "d1", "d2", "x")}
