"""What a simulated process has instead of its machine's: the clock, the file system, the way to its job store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from backfill.stores._atomic import FileSystem
from backfill.testing.files import CrashingFiles
from backfill.testing.jobs import CapableJobStore, FlakyJobStore
from backfill.testing.simulation.scheduler import Ended, Scheduler

_START = datetime(2026, 1, 15, 12, tzinfo=UTC)


class SimulatedClock:
    """The virtual time of a simulation, for all its processes. Any thread.

    Args:
        scheduler: Whose time it is.
        start: The time at the beginning (aware).
    """

    def __init__(self, scheduler: Scheduler, start: datetime = _START) -> None:
        self._scheduler = scheduler
        self._start = start

    def __repr__(self) -> str:
        return f"<SimulatedClock: {self.now().isoformat()}>"

    def today(self) -> date:
        """Return the virtual date in UTC."""
        return self.now().date()

    def now(self) -> datetime:
        """Return the virtual time (aware, UTC)."""
        return self._start + timedelta(seconds=self._scheduler.now)

    def monotonic(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._scheduler.now

    def wait(self, event: threading.Event, timeout: float, /) -> bool:
        """Wait until *event* is set, or for *timeout* virtual seconds; return whether it is set."""
        return self._scheduler.wait_until(event.is_set, timeout, what="wait")


class SimulatedFiles(CrashingFiles):
    """A file system whose every operation is a step of its thread. A process that ends while it makes a file leaves a part of it.

    Args:
        scheduler: Says who goes on.
        trouble: Returns what an operation raises, from its name and arguments, or ``None``.
        files: The file system that does the work; ``None`` = one that does not wait for the disk.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        trouble: Callable[[str, tuple[object, ...]], OSError | None] = lambda _name, _arguments: None,
        files: FileSystem | None = None,
    ) -> None:
        super().__init__(files)
        self._scheduler = scheduler
        self._trouble = trouble

    def create(self, path: Path, content: bytes) -> None:
        """Create a file."""
        with self._left_in_part(path, content):
            super().create(path, content)

    def overwrite(self, path: Path, content: bytes) -> None:
        """Overwrite a file."""
        with self._left_in_part(path, content):
            super().overwrite(path, content)

    def _step(self, name: str, *arguments: object) -> None:
        self._scheduler.step(f"{name} {_short(arguments)}", is_effect=True)
        error = self._trouble(name, arguments)
        if error is not None:
            raise error

    @contextmanager
    def _left_in_part(self, path: Path, content: bytes) -> Iterator[None]:
        try:
            yield
        except Ended as end:
            if end.at_step:
                path.write_bytes(content[: int(len(content) * self._scheduler.random.random())])
            raise


class SimulatedJobStore(FlakyJobStore):
    """A job store each of whose operations is one step of its thread, before which and after which the process may end.

    Args:
        jobs: The job store that does the work.
        scheduler: Says who goes on.
        trouble: Returns what an operation raises instead of being done, from its name and arguments, or ``None``.
    """

    def __init__(
        self,
        jobs: CapableJobStore,
        scheduler: Scheduler,
        trouble: Callable[[str, tuple[object, ...]], Exception | None] = lambda _name, _arguments: None,
    ) -> None:
        super().__init__(jobs)
        self._scheduler = scheduler
        self._trouble = trouble

    @contextmanager
    def _step(self, name: str, *arguments: object) -> Iterator[None]:
        self._scheduler.step(name, is_effect=True)
        error = self._trouble(name, arguments)
        if error is not None:
            raise error
        with self._scheduler.undivided():
            yield
        self._scheduler.step(f"{name} done", is_effect=True)


def _short(arguments: tuple[object, ...]) -> str:
    return " ".join(f"{each.parent.name}/{each.name}" for each in arguments if isinstance(each, Path))
