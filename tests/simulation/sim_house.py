"""Two services on one root, each a process of its own that may end at any moment; everything in them is the production's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date
from json import dumps, loads
from pathlib import Path
from random import Random

from backfill import BackfillService
from backfill.errors import BackfillError, StoreUnavailable
from backfill.fetching import PoliteFetcher
from backfill.jobstores import SqliteJobStore
from backfill.model import BackfillStatus, Document, DocumentRequest, RetryPolicy
from backfill.protocols import Fetch
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.files import PlainFiles
from backfill.testing.simulation import (
    Scheduler,
    SimulatedClock,
    SimulatedFiles,
    SimulatedJobStore,
    SimulatedProcess,
)
from simulation.sim_chronicle import RATE, Chronicle, WatchedJobs, figures
from simulation.sim_weather import DISTRICTS, Weather, Work

EVERY = 100
HOST = "https://figures.example"
_never = threading.Event()


class Figures:
    """A source that asks for a list of the day's districts, and for one document a district."""

    name = "figures"

    def __init__(self, chronicle: Chronicle, calls: int | None) -> None:
        self._chronicle = chronicle
        self.max_concurrency = calls or EVERY

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        """Return the districts of the day."""
        with self._chronicle.collecting(day, None):
            return [str(name) for name in loads(fetch(f"{HOST}/{day}/all").content)]

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return the district's figures."""
        with self._chronicle.collecting(day, district):
            return loads(fetch(f"{HOST}/{day}/{district}").content)


class House:
    """One schedule.

    Args:
        seed: Decides everything.
        folder: An empty folder.
        job_store: What keeps the jobs.
        keep_trace: Whether every step is kept, to be looked at.
    """

    def __init__(
        self, seed: int, folder: Path, *, job_store: type[SqliteJobStore] = SqliteJobStore, keep_trace: bool = False
    ) -> None:
        self.scheduler = Scheduler(seed, keep_trace=keep_trace)
        self.random: Random = self.scheduler.random
        self.weather = Weather.drawn(self.random)
        self.work = Work.drawn(self.random)
        self.clock = SimulatedClock(self.scheduler)
        self._folder = folder / "house"  # a name that is the same in every run, since steps name folders
        self._root = self._folder / "snapshots"
        self._jobs = self._folder / "jobs.sqlite3"
        self._job_store = job_store
        self.chronicle = Chronicle(self.scheduler, self._root, self._jobs, self.work, self.weather)
        self._disks: dict[SimulatedProcess, SqliteJobStore] = {}
        self._is_over = False
        self._naps = 0

    def run(self) -> None:
        """Run the schedule.

        Raises:
            Violation: Something was seen that must never be.
        """
        self._root.mkdir(parents=True)
        self.scheduler.on_step = self._accident
        self.scheduler.run(self._supervise)
        self.chronicle.conclude()

    # --- the processes ------------------------------------------------------------------------------------------------

    def _supervise(self) -> None:
        """Keep two processes alive until the work is done."""
        living = [self._start(number) for number in range(2)]
        born = len(living)
        while not self._is_over:
            self.clock.wait(_never, 0.5 + self.random.random() * 2)
            with self.scheduler.undivided():
                self.chronicle.read()
            for place, process in enumerate(living):
                if process.has_ended and not self._is_over:
                    living[place] = self._start(born)
                    born += 1

    def _start(self, number: int) -> SimulatedProcess:
        return self.scheduler.start(f"process {number}", self._serve)

    def _serve(self) -> None:
        """Be one process: open everything, go on with what was interrupted, do what somebody asks for, until all work is done."""
        here = self.scheduler.here
        disk = self._job_store(self._jobs, clock=self.clock)
        here.at_end(disk.close)
        here.at_end(self.chronicle.look)
        self._disks[here] = disk
        files = PlainFiles() if self.weather.plain else None
        store = PerDistrictFileSnapshotStore(
            self._root, clock=self.clock, files=SimulatedFiles(self.scheduler, self._disk_trouble, files)
        )
        fetch = PoliteFetcher(
            rate=RATE,
            concurrency=2,
            retry=RetryPolicy(max_attempts=3),
            transports={HOST: self._answer},
            shared_state=self._folder / "pace",
            patience=60.0,
            user_agent="simulation",
            clock=self.clock,
        )
        jobs = SimulatedJobStore(WatchedJobs(disk, self.chronicle), self.scheduler, self._job_trouble)
        source = Figures(self.chronicle, self.weather.calls)
        service = BackfillService(source, store, jobs=jobs, fetch=fetch, clock=self.clock, max_active_jobs=self.weather.active)
        while not self._is_over:
            was_stormy = self._is_stormy  # when the call began: what was raised in the storm may arrive after it
            try:
                self._be_busy(service)
            except BackfillError:
                if not was_stormy:
                    raise
            self.clock.wait(_never, self.random.random() * 6)
        service.close()
        fetch.close()
        disk.close()

    def _be_busy(self, service: BackfillService) -> None:
        service.resume_jobs()
        for key, request in self.work.requests.items():
            if key not in self.chronicle.accepted:
                self.chronicle.accepted[key] = service.initiate_backfill(request, idempotency_key=key).backfill_id
        reports = [service.get_backfill_status(job_id) for job_id in self.chronicle.accepted.values()]
        for report in reports:
            self.chronicle.reported(report)
            if report.status is BackfillStatus.PAUSED and self._may(0.5):
                service.resume_backfill(report.backfill_id)
            elif self._is_stormy and self._may(self.weather.orders):
                self._order(service, report.backfill_id)
        self._is_over = self._is_over or all(report.status.is_final for report in reports)

    def _order(self, service: BackfillService, job_id: str) -> None:
        pause, resume, cancel = service.pause_backfill, service.resume_backfill, service.cancel_backfill
        order: Callable[[str], bool] = self.random.choice((pause, pause, resume, resume, cancel))
        order(job_id)

    # --- what befalls them --------------------------------------------------------------------------------------------

    @property
    def _is_stormy(self) -> bool:
        return self.scheduler.now < self.weather.storm

    def _may(self, chance: float) -> bool:
        return self.random.random() < chance

    def _accident(self, _what: str) -> None:
        here = self.scheduler.here
        if not self._is_stormy or here not in self._disks:
            return
        if self.chronicle.ends < self.weather.most_ends and self._may(self.weather.ends):
            self.chronicle.ends += 1
            self.scheduler.end(here)
        elif self._naps < self.weather.most_ends and self._may(self.weather.naps):
            self._naps += 1
            self.chronicle.cut_off.add(here)
            self._disks[here].close()  # its locks are gone: others take it for ended
            self.scheduler.suspend(here, self.random.random() * 25)

    def _disk_trouble(self, name: str, arguments: tuple[object, ...]) -> OSError | None:
        if self._is_stormy and self._may(self.weather.disk):
            return OSError(self.random.choice((5, 28)), "the disk fails here, as the seed says", str(arguments[0]))
        return None

    def _job_trouble(self, name: str, _arguments: tuple[object, ...]) -> Exception | None:
        if self._is_stormy and self._may(self.weather.jobs):
            return StoreUnavailable(f"{name} fails here, as the seed says")
        return None

    def _answer(self, request: DocumentRequest) -> Document | bytes:
        """Answer a request, as the host does."""
        self.chronicle.departed()
        self.scheduler.step("asked", is_effect=True)
        self.clock.wait(_never, self.random.random() * (5 if self._may(0.1) else 0.5))
        begin, end = self.weather.silent
        if begin <= self.scheduler.now < end:
            raise TimeoutError
        if self._is_stormy and self._may(self.weather.host):
            return self._refusal(request)
        _, _, _, day, district = request.url.split("/")
        if district == "all":
            return dumps(DISTRICTS).encode()
        fate = self.work.fates[date.fromisoformat(day), district]
        if fate == "ok":
            return dumps(figures(date.fromisoformat(day), district)).encode()
        return self._document(request, 404 if fate == "gone" else 500)

    def _refusal(self, request: DocumentRequest) -> Document:
        kind = self.random.randrange(4)
        if kind == 0:
            raise ConnectionError
        if kind == 1:
            return self._document(request, 503, {"retry-after": str(self.random.randrange(1, 20))})
        return self._document(request, 500)

    def _document(self, request: DocumentRequest, status: int, headers: dict[str, str] | None = None) -> Document:
        return Document(request.url, "", b"", self.clock.now(), status=status, headers=headers or {})


def run(seed: int, folder: Path, **options: object) -> House:
    """Run one schedule."""
    house = House(seed, folder, **options)  # type: ignore[arg-type] # those of a house
    house.run()
    return house
