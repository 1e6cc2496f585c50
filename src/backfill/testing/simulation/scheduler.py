"""Which thread goes on: one at a time, drawn from a seed, on a virtual clock.

Every simulated thread is a real one, with its own stack, that stands at a gate of its own; exactly one gate is open. A thread hands
over at its steps (`Scheduler.step`) and where it waits (`Scheduler.wait_until`), nowhere else. So what happens between two steps
is never interrupted, and the whole run is a function of the seed.
"""

from __future__ import annotations

import faulthandler
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import count
from random import Random

_PATIENCE = 60.0
"""Real seconds without an end after which some thread must be waiting outside the simulation."""

_TICK = 0.0002
_PAUSE = 0.05
"""Virtual seconds: what a step takes, and the longest that a busy machine lets a thread stand at one."""


_at_work: Scheduler | None = None


def at_work() -> Scheduler | None:
    """Return the scheduler of the simulation that runs in this process; ``None`` = there is none."""
    return _at_work


def current() -> Scheduler | None:
    """Return the scheduler that the calling thread goes by; ``None`` = it is not simulated."""
    return _at_work if _at_work is not None and _at_work.is_inside else None


class Ended(BaseException):
    """The simulated process of this thread has ended: it does nothing any more, and leaves.

    Attributes:
        at_step: Whether the thread stood at a step when the process ended; else it ended before, and this is only its way out.
    """

    def __init__(self, *, at_step: bool = False) -> None:
        super().__init__("the simulated process has ended")
        self.at_step = at_step


class Stuck(AssertionError):  # noqa: N818 - reads as the state it reports
    """No thread can go on, or none comes to an end."""


class SimulatedProcess:
    """What ends together: threads, and what the system takes back from them.

    Made by `Scheduler.start`.

    Attributes:
        name: For people, and for the trace.
        has_ended: Whether it has.
        asleep_until: The virtual moment before which none of its threads goes on, as if the machine had been suspended.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_ended = False
        self.asleep_until = 0.0
        self._at_end: list[Callable[[], object]] = []
        self._threads = 0

    def __repr__(self) -> str:
        return f"<SimulatedProcess {self.name!r}{', ended' if self.has_ended else ''}>"

    @property
    def is_over(self) -> bool:
        """Whether it has no thread any more, however that came."""
        return self._threads == 0

    def at_end(self, give_back: Callable[[], object]) -> None:
        """Call *give_back* when the process has ended: what the system would do, such as releasing its locks on files."""
        self._at_end.append(give_back)


class SimulatedTask:
    """One thread, as the scheduler sees it."""

    def __init__(self, number: int, name: str, process: SimulatedProcess) -> None:
        self.number = number
        self.name = name
        self.process = process
        self.gate = threading.Lock()
        self.gate.acquire()
        self.ident: int | None = None
        self.ready: Callable[[], bool] | None = None
        self.until: float | None = None
        self.quiet = 0
        self.is_over = False

    def may_go_on(self, now: float) -> bool:
        """Whether it waits for nothing any more."""
        if self.process.asleep_until > now:
            return False
        return self.ready is None or (self.until is not None and self.until <= now) or self.ready()

    def wakes_at(self, now: float) -> float | None:
        """Return the moment at which it goes on by itself; ``None`` = never."""
        asleep = self.process.asleep_until
        if asleep > now and (self.ready is None or self.ready()):
            return asleep
        return None if self.until is None else max(self.until, asleep)


class Scheduler:
    """Runs simulated threads, one at a time, in an order drawn from a seed.

    Args:
        seed: Decides everything.
        most_steps: After so many steps a run counts as endless.

    Attributes:
        seed: The seed.
        random: What all that is drawn is drawn from, whatever draws it.
        now: Virtual seconds since the beginning.
        steps: How many steps were taken.
        trace: The threads and their steps, in order, if *keep_trace* is set.
        on_step: Called at every step that can be told apart from outside, by its thread; it may end the process, or raise.
    """

    def __init__(self, seed: int, *, most_steps: int = 100_000, keep_trace: bool = False) -> None:
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - the same for the same seed, on purpose
        self.now = 0.0
        self.steps = 0
        self.trace: list[str] | None = [] if keep_trace else None
        self.on_step: Callable[[str], None] = lambda _what: None
        self._eagerness = self.random.choice((0.02, 0.1, 0.4))
        self._most_steps = most_steps
        self._numbers = count()
        self.thread_numbers = count()
        self._digest = blake2b(digest_size=8)
        self._tasks: list[SimulatedTask] = []
        self._processes: list[SimulatedProcess] = []
        self._running: SimulatedTask | None = None
        self._over = threading.Event()
        self._failure: BaseException | None = None

    @property
    def digest(self) -> str:
        """What the run was, in a few characters: two runs with the same did the same."""
        return self._digest.hexdigest()

    # --- for the one who runs it --------------------------------------------------------------------------------------

    def run(self, main: Callable[[], object]) -> None:
        """Run *main* in a process of its own, and whatever it starts, until every thread has ended.

        Raises:
            Stuck: No thread could go on, or they went on without end.
            RuntimeError: Another simulation runs in this process.
            BaseException: What a thread let escape.
        """
        task = self._enrol("main", self._process("main"))
        with _put_to_work(self):
            threading.Thread(target=self.carry_out, args=(task, main), name="simulation", daemon=True).start()
            self._running = task
            task.gate.release()
            is_over = self._over.wait(_PATIENCE)
        if not is_over:
            faulthandler.dump_traceback(2, all_threads=True)  # standard error itself, whatever has been put in its place
            message = f"{self._running} waits for something that is not simulated; the threads' stacks are on standard error"
            raise Stuck(message)
        if self._failure is not None:
            raise self._failure

    # --- for simulated threads ----------------------------------------------------------------------------------------

    @property
    def is_inside(self) -> bool:
        """Whether the caller is the simulated thread whose turn it is."""
        return self._running is not None and self._running.ident == threading.get_ident()

    @property
    def here(self) -> SimulatedProcess:
        """The process of the caller."""
        return self._mine().process

    def start(self, name: str, main: Callable[[], object]) -> SimulatedProcess:
        """Return a new process, whose first thread runs *main*; called by a simulated thread of any other."""
        process = self._process(name)
        task = self._enrol("main", process)
        threading.Thread(target=self.carry_out, args=(task, main), name=name, daemon=True).start()
        return process

    def begin(self, name: str) -> SimulatedTask:
        """Return the place of a new thread in the caller's process, to be filled by `carry_out`."""
        return self._enrol(name, self.here)

    def carry_out(self, task: SimulatedTask, run: Callable[[], object]) -> None:
        """Be the thread of *task*: wait for a turn, run, and hand over for good."""
        task.ident = threading.get_ident()
        task.gate.acquire()
        try:
            if not task.process.has_ended:
                run()
        except Ended:  # as a process ends: without a word
            pass
        except BaseException as error:  # noqa: BLE001 - told to who runs the simulation
            self.fail(error)
        finally:
            self._leave(task)

    def step(self, what: str, *, is_effect: bool = False) -> None:
        """Stand at a step: others may go first, time passes, and the process may end here.

        Args:
            what: What comes now.
            is_effect: Whether it can be told apart from outside, so that `on_step` hears of it.

        Raises:
            Ended: The process has ended.
        """
        task = self._running
        if task is None or task.ident != threading.get_ident() or task.quiet:
            return
        self._refuse_ended(task)
        self._note(task, what)
        if is_effect:
            self.on_step(what)
        if self.random.random() < self._eagerness:
            if self.random.random() < 0.1:  # noqa: PLR2004 - now and then
                self.now += self.random.random() * _PAUSE
            self._hand_over(task)
            if task.process.has_ended:
                raise Ended(at_step=True)

    def wait_until(self, ready: Callable[[], bool], timeout: float | None = None, *, what: str) -> bool:
        """Wait until *ready* returns true, or for *timeout* virtual seconds; return whether it does.

        Raises:
            Ended: The process has ended.
        """
        if not self.is_inside:
            return ready()
        task = self._mine()
        self._refuse_ended(task)
        if ready():
            return True
        if task.quiet:
            message = f"{task.name} waits ({what}) where it must not be interrupted"
            raise Stuck(message)
        self._note(task, what)
        task.ready, task.until = ready, None if timeout is None else self.now + max(0.0, timeout)
        try:
            self._hand_over(task)
        finally:
            task.ready = task.until = None
        if task.process.has_ended:
            raise Ended
        return ready()

    @contextmanager
    def undivided(self) -> Iterator[None]:
        """Hand over to nobody while the body runs: what it does happens at once, as far as others can tell."""
        if not self.is_inside:
            yield
            return
        task = self._mine()
        task.quiet += 1
        try:
            yield
        finally:
            task.quiet -= 1

    def end(self, process: SimulatedProcess) -> None:
        """End *process* as ``kill -9`` would: none of its threads takes another step, the caller's included.

        Raises:
            Ended: It is the caller's.
        """
        self._note(self._mine(), f"end of {process.name}")
        process.has_ended = True
        self._give_back_if_empty(process)
        mine = self._mine()
        if mine.process is process:
            raise Ended(at_step=True)
        self._hand_over(mine)  # its threads leave before anything else happens

    def suspend(self, process: SimulatedProcess, seconds: float) -> None:
        """Let no thread of *process* go on for so many virtual seconds, the caller's included, as if its machine slept."""
        mine = self._mine()
        self._note(mine, f"{process.name} sleeps")
        process.asleep_until = self.now + seconds
        if mine.process is process:
            self._hand_over(mine)
            self._refuse_ended(mine)

    def fail(self, error: BaseException) -> None:
        """Have the whole simulation end, with *error* for its result."""
        if self._failure is None:
            self._failure = error
        for process in self._processes:
            process.has_ended = True

    # --- within -------------------------------------------------------------------------------------------------------

    def _process(self, name: str) -> SimulatedProcess:
        made = SimulatedProcess(name)
        self._processes.append(made)
        return made

    def _enrol(self, name: str, process: SimulatedProcess) -> SimulatedTask:
        task = SimulatedTask(next(self._numbers), name, process)
        process._threads += 1  # noqa: SLF001 - its other half
        self._tasks.append(task)
        return task

    def _mine(self) -> SimulatedTask:
        assert self._running is not None  # noqa: S101 - asked by simulated threads only
        return self._running

    def _refuse_ended(self, task: SimulatedTask) -> None:
        if task.process.has_ended:
            raise Ended

    def _note(self, task: SimulatedTask, what: str) -> None:
        self.steps += 1
        self.now += _TICK
        entry = f"{task.number} {what}"
        self._digest.update(entry.encode())
        if self.trace is not None:
            self.trace.append(f"{self.now:.4f} {task.process.name}/{task.name}#{task.number} {what}")
        if self.steps > self._most_steps:
            self.fail(Stuck(f"no end after {self.steps} steps, at {self.now:.0f} virtual seconds"))
            raise Ended

    def _hand_over(self, task: SimulatedTask) -> None:
        chosen = self._choose()
        if chosen is not None and chosen is not task:
            self._running = chosen
            chosen.gate.release()
            task.gate.acquire()

    def _leave(self, task: SimulatedTask) -> None:
        task.is_over = True
        self._tasks.remove(task)
        task.process._threads -= 1  # noqa: SLF001 - as above
        if task.process.has_ended:
            self._give_back_if_empty(task.process)
        chosen = self._choose()
        self._running = chosen
        if chosen is None:
            self._over.set()
        else:
            chosen.gate.release()

    def _give_back_if_empty(self, process: SimulatedProcess) -> None:
        if process._threads:  # noqa: SLF001 - as above
            return
        while process._at_end:  # noqa: SLF001 - as above
            give_back = process._at_end.pop(0)  # noqa: SLF001 - as above
            try:
                give_back()
            except BaseException as error:  # noqa: BLE001 - told to who runs the simulation
                self.fail(error)

    def _choose(self) -> SimulatedTask | None:
        """Return who goes on: first who must leave, then one by lot; time passes until there is one. ``None`` = all have left."""
        while self._tasks:
            for task in self._tasks:
                if task.process.has_ended:
                    return task
            able = [task for task in self._tasks if task.may_go_on(self.now)]
            if able:
                return able[0] if len(able) == 1 else able[int(self.random.random() * len(able))]
            moments = [moment for task in self._tasks if (moment := task.wakes_at(self.now)) is not None]
            if moments:
                self.now = max(self.now, min(moments))
            else:
                waiting = ", ".join(f"{task.process.name}/{task.name}" for task in self._tasks)
                self.fail(Stuck(f"all wait for each other: {waiting}"))
        return None


@contextmanager
def _put_to_work(scheduler: Scheduler) -> Iterator[None]:
    global _at_work  # noqa: PLW0603 - a process has one simulation at a time
    if _at_work is not None:
        message = "a simulation runs already; one process can run one at a time"
        raise RuntimeError(message)
    state = random.getstate()
    random.seed(scheduler.seed)  # what libraries draw, such as the jitter between attempts
    _at_work = scheduler
    try:
        yield
    finally:
        _at_work = None
        random.setstate(state)
