"""The scheduler: one thread at a time, processes that end and sleep, and the seams that are simulated."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from backfill.engine import queue as engine_queue
from backfill.engine import workers
from backfill.errors import StoreUnavailable
from backfill.jobstores import SqliteJobStore
from backfill.testing.simulation import (
    Ended,
    Scheduler,
    SimulatedClock,
    SimulatedFiles,
    SimulatedJobStore,
    SimulatedProcess,
    Stuck,
    simulated,
)

never = threading.Event()


def live(main: Callable[[Scheduler], object], seed: int = 0) -> Scheduler:
    """Run *main* as a simulated thread."""
    scheduler = Scheduler(seed, most_steps=500)
    scheduler.run(lambda: main(scheduler))
    return scheduler


def step_for_ever(scheduler: Scheduler) -> None:
    """Take steps without end."""
    while True:
        scheduler.step("on", is_effect=True)
        SimulatedClock(scheduler).wait(never, 1)


def test_what_a_thread_raises_ends_the_simulation() -> None:
    """Whatever escapes a thread is raised, and the other threads leave."""

    def fail() -> None:
        message = "as the test says"
        raise KeyError(message)

    def main(scheduler: Scheduler) -> None:
        scheduler.start("failing", fail)
        step_for_ever(scheduler)

    with pytest.raises(KeyError, match="as the test says"):
        live(main)


def test_a_simulation_without_end_is_stuck() -> None:
    """After so many steps it is taken for endless."""
    with pytest.raises(Stuck, match="no end after 501 steps"):
        live(step_for_ever)


def test_one_simulation_at_a_time() -> None:
    """A second one is refused while the first runs."""

    def main(_scheduler: Scheduler) -> None:
        with pytest.raises(RuntimeError, match="a simulation runs already"):
            Scheduler(1).run(lambda: None)

    live(main)


def test_chance_is_drawn_from_the_seed_and_given_back() -> None:
    """What libraries draw is the same for the same seed; who drew before goes on as if nothing had been."""
    random.seed(5)
    expected = [random.random(), random.random()]
    random.seed(5)
    drawn = [random.random()]
    inside: list[float] = []
    for _ in range(2):
        live(lambda _scheduler: inside.append(random.random()), seed=3)
    drawn.append(random.random())
    assert drawn == expected
    assert inside[0] == inside[1]


def test_a_process_ends_with_all_its_threads_and_what_it_held() -> None:
    """When a process has ended none of its threads takes another step, and what the system takes back is given back."""
    steps: list[str] = []
    given: list[str] = []

    def serve(scheduler: Scheduler) -> None:
        scheduler.here.at_end(lambda: given.append(scheduler.here.name if steps else "never"))
        try:
            while True:
                steps.append("on")
                SimulatedClock(scheduler).wait(never, 1)
        finally:
            with pytest.raises(Ended):
                scheduler.step("on its way out")
            steps.append("left")

    def main(scheduler: Scheduler) -> None:
        process = scheduler.start("served", lambda: serve(scheduler))
        SimulatedClock(scheduler).wait(never, 5)
        assert not process.is_over
        scheduler.end(process)
        assert (process.is_over, process.has_ended, len(given)) == (True, True, 1)
        assert repr(process) == "<SimulatedProcess 'served', ended>"
        assert steps[-1] == "left"

    live(main)
    assert steps.count("left") == 1


def test_a_process_may_end_itself() -> None:
    """Who ends its own process goes no further; what it gives back may fail, and is told."""
    after: list[str] = []

    def refuse() -> None:
        message = "it cannot be given back"
        raise ValueError(message)

    def serve(scheduler: Scheduler) -> None:
        scheduler.here.at_end(refuse)
        scheduler.end(scheduler.here)
        after.append("never")

    with pytest.raises(ValueError, match="it cannot be given back"):
        live(lambda scheduler: scheduler.start("brief", lambda: serve(scheduler)))
    assert not after


def test_a_process_that_ends_before_it_began() -> None:
    """A process that was ended before its first step takes none."""
    ran: list[str] = []

    def main(scheduler: Scheduler) -> None:
        scheduler.end(scheduler.start("unborn", lambda: ran.append("never")))

    live(main)
    assert not ran


def test_a_process_sleeps_as_a_whole() -> None:
    """While its machine sleeps none of its threads goes on, though what it waited for has come; then all do."""
    woke: list[float] = []

    def serve(scheduler: Scheduler) -> None:
        SimulatedClock(scheduler).wait(never, 2)
        woke.append(scheduler.now)
        scheduler.suspend(scheduler.here, 50)
        woke.append(scheduler.now)

    def main(scheduler: Scheduler) -> None:
        process: SimulatedProcess = scheduler.start("sleeper", lambda: serve(scheduler))
        SimulatedClock(scheduler).wait(never, 1)
        scheduler.suspend(process, 20)

    live(main)
    assert [21 <= woke[0] < 22, 71 <= woke[1] < 72] == [True, True]


def test_what_is_undivided_is_not_interrupted() -> None:
    """No other thread takes a step in between, and nothing may be waited for there."""

    def main(scheduler: Scheduler) -> None:
        scheduler.start("other", lambda: seen.append("other"))
        with scheduler.undivided():
            for _ in range(50):
                scheduler.step("undivided")
            seen.append("me")
            with pytest.raises(Stuck, match="where it must not be interrupted"):
                scheduler.wait_until(lambda: False, what="wait")

    for seed in range(10):
        seen: list[str] = []
        live(main, seed)
        assert seen == ["me", "other"]


def test_steps_outside_count_for_nothing() -> None:
    """A thread that is not simulated passes through."""
    scheduler = Scheduler(0)
    scheduler.step("outside")
    assert not scheduler.wait_until(lambda: False, 5, what="outside")
    with scheduler.undivided():
        assert scheduler.steps == 0
    assert "2026-01-15" in repr(SimulatedClock(scheduler))


def test_a_file_that_is_being_made_when_its_process_ends_is_left_in_part(tmp_path: Path) -> None:
    """Of the file at whose making the process ends a part is there, of those before it all, of those after it nothing."""
    content = b"0123456789" * 100
    sizes: set[int] = set()
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()

        def serve(scheduler: Scheduler, folder: Path = folder) -> None:
            files = SimulatedFiles(scheduler)
            for number in range(6):
                (files.create if number % 2 else files.overwrite)(folder / str(number), content)

        def main(scheduler: Scheduler, serve: Callable[[Scheduler], None] = serve) -> None:
            process = scheduler.start("writer", lambda: serve(scheduler))
            scheduler.wait_until(lambda: scheduler.steps > 4, what="wait for it to begin")
            scheduler.end(process)

        live(main, seed)
        left = sorted(folder.iterdir())
        assert [path.name for path in left] == [str(number) for number in range(len(left))]
        assert all(path.read_bytes() == content for path in left[:-1])
        sizes.update(path.stat().st_size for path in left[-1:])
    assert any(0 < size < len(content) for size in sizes)


def test_trouble_is_raised_where_it_is_asked_for(tmp_path: Path) -> None:
    """An operation of the file system or the job store fails with what the test says, and is not done."""

    def main(scheduler: Scheduler) -> None:
        files = SimulatedFiles(scheduler, lambda name, _arguments: OSError(5, name) if name == "unlink" else None)
        (tmp_path / "kept").write_bytes(b"1")
        with pytest.raises(OSError, match="unlink"):
            files.unlink(tmp_path / "kept")
        assert files.read(tmp_path / "kept") == b"1"
        disk = SqliteJobStore(tmp_path / "jobs.sqlite3", clock=SimulatedClock(scheduler))
        jobs = SimulatedJobStore(disk, scheduler, lambda name, _arguments: StoreUnavailable(name) if name == "list" else None)
        with pytest.raises(StoreUnavailable, match="list"):
            jobs.list()
        assert not jobs.events()
        disk.close()

    live(main)


def test_what_is_replaced_is_put_back() -> None:
    """Within `simulated` the library's modules wait on the simulation, and afterwards on what they waited on before."""
    before = {name: value for module in (workers, engine_queue) for name, value in vars(module).items()}
    start = workers.Worker.start
    with simulated():
        replaced = vars(workers)["threading"]
        assert replaced is not threading
        assert replaced.get_ident is threading.get_ident, "what is not replaced is the real one's"
        assert workers.Worker.start is not start
        assert workers.Worker.__mro__[1] is threading.Thread
    assert {name: value for module in (workers, engine_queue) for name, value in vars(module).items()} == before
    assert workers.Worker.start is start
    assert "start" not in vars(workers.Worker)
