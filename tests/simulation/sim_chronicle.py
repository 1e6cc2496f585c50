"""What happened in a simulated schedule, and what must never be seen in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from backfill.jobstores import SqliteJobStore
from backfill.model import (
    BackfillReport,
    BackfillStatus,
    Change,
    JobEvent,
    JobState,
    Lease,
    StatusChanged,
    UnitState,
)
from backfill.stores import PerDistrictFileSnapshotStore, ProblemKind
from backfill.stores.checking import check, repair
from backfill.testing.jobs import FlakyJobStore
from backfill.testing.simulation import Scheduler, SimulatedProcess
from simulation.sim_weather import Weather, Work

RATE = 5
_FATES = {"ok": UnitState.COMPLETED, "gone": UnitState.UNAVAILABLE, "broken": UnitState.FAILED}


class Violation(AssertionError):  # noqa: N818 - a rule's, not a program's
    """Something was seen that must never be."""


class Chronicle:
    """Watches a schedule from outside, and raises `Violation` when it sees what must not be.

    Args:
        scheduler: Whose schedule it is.
        root: Where the days are.
        jobs: The file of the job store.
        work: What is collected.
        weather: What may go wrong.
    """

    def __init__(self, scheduler: Scheduler, root: Path, jobs: Path, work: Work, weather: Weather) -> None:
        self.scheduler = scheduler
        self.work = work
        self.root = root
        self.accepted: dict[str, str] = {}
        self.cut_off: set[SimulatedProcess] = set()
        self.ends = 0
        self.collected = 0
        self.store = PerDistrictFileSnapshotStore(root)
        self._jobs = jobs
        self._weather = weather
        self._departures: deque[float] = deque(maxlen=RATE)
        self._collecting: dict[tuple[date, str | None], SimulatedProcess] = {}
        self._holders: dict[tuple[date, str | None], SimulatedProcess] = {}
        self._epochs: dict[str, int] = {}
        self._final: dict[str, BackfillStatus] = {}

    @property
    def outcome(self) -> dict[str, BackfillStatus]:
        """The states in which the jobs have ended, by their identifiers."""
        return dict(self._final)

    # --- while it goes on ---------------------------------------------------------------------------------------------

    def departed(self) -> None:
        """A request was sent: no second holds more of them than the limit, over all processes."""
        now = self.scheduler.now
        full = len(self._departures) == RATE
        self._must(not full or now - self._departures[0] >= 1.0, "more requests within a second than the limit allows")
        self._departures.append(now)

    @contextmanager
    def collecting(self, day: date, district: str | None) -> Iterator[None]:
        """A unit is collected: not at the same time elsewhere, and again only if it was in flight where a process ended.

        Not so when a process was taken for gone that was not.
        """
        here, unit = self.scheduler.here, (day, district)
        if not self.cut_off:
            shared = self.work.shares_days
            others = (
                process for (on, name), process in self._collecting.items() if on == day and (name == district or not shared)
            )
            other = None if shared and district is None else next((process for process in others if process is not here), None)
            self._must(other is None or other.has_ended, f"{day} is collected by {here} and {other} at the same time")
            with self.scheduler.undivided():
                stored = district is not None and district in self.store.entries(day)
            self._must(not stored, f"{district} on {day} is collected again, though it is stored")
            holder = self._holders.get(unit)
            lost = holder is None or holder.has_ended or self._weather.loses
            self._must(lost, f"{district} on {day} is collected again, though {holder} has it")
        self._collecting[unit] = here
        self.collected += 1
        try:
            yield
            if district is not None:
                self._holders[unit] = here
        finally:
            if self._collecting.get(unit) is here:
                del self._collecting[unit]

    def leased(self, lease: Lease) -> None:
        """A job got an owner: its number was never given before."""
        self._must(lease.epoch > self._epochs.get(lease.job_id, 0), f"number {lease.epoch} was given twice")
        self._epochs[lease.job_id] = lease.epoch

    def noted(self, job_id: str, changes: Sequence[Change], epoch: int) -> None:
        """Something was noted: by the job's newest owner, and not after its end."""
        newest = self._epochs.get(job_id, 0)
        self._must(epoch == newest, f"noted under number {epoch}, though the job has an owner of number {newest}")
        for change in changes:
            final = self._final.get(job_id)
            self._must(final is None, f"{change} after the job's end, {final}")
            if isinstance(change, StatusChanged) and change.status.is_final:
                self._final[job_id] = change.status

    def reported(self, report: BackfillReport) -> None:
        """Somebody looked at a job: its progress adds up, and it stays ended once it has."""
        progress = report.progress
        done = progress.completed + progress.skipped + progress.unavailable + progress.failed + progress.pending
        self._must(progress.total == done, f"progress does not add up: {progress}")

    def look(self) -> None:
        """A process has ended: whatever is noted as stored is stored, and can be read."""
        for state in self.states():
            for day, row in state.rows.items():
                noted = {name for name, unit in row.items() if unit is UnitState.COMPLETED and name is not None}
                missing = noted - self.store.entries(day).keys()
                self._must(not missing, f"{sorted(missing)} on {day} are noted as stored, and are not")
        self.read()

    def read(self) -> None:
        """Somebody reads, at whatever moment: every stored day is there as a whole."""
        for day in self.store.days():
            snapshot = self.store.read(day)
            for district in snapshot.districts:
                data = snapshot.district(district).data
                self._must(data == figures(day, district), f"{district} on {day} holds {data}")

    # --- at the end ---------------------------------------------------------------------------------------------------

    def conclude(self) -> None:
        """All processes have ended by themselves: everything that was accepted has come to its end, in a way that fits what is stored."""
        self.look()
        left = {ProblemKind.LEFT_OVER, ProblemKind.INTERRUPTED}  # by a process that ended; the next writer would put it right
        problems = check(self.root, data=True).problems
        self._must(all(problem.kind in left for problem in problems), f"the store is not whole: {problems}")
        if problems:
            repair(self.root)
            problems = check(self.root, data=True).problems
            self._must(not problems, f"the store cannot be put right: {problems}")
            self.read()
        states = {state.spec.job_id: state for state in self.states()}
        self._must(len(states) == len(self.work.requests), f"{len(self.work.requests)} keys made {len(states)} jobs")
        for key, job_id in self.accepted.items():
            self._must(job_id in states, f"{key} was accepted as {job_id}, and is lost")
        for job_id, state in states.items():
            self._conclude_job(job_id, state)

    def _conclude_job(self, job_id: str, state: JobState) -> None:
        status = state.status
        self._must(status.is_final, f"{job_id} has not come to an end: {status}, {state.status_reason}")
        self._must(self._final.get(job_id) is status, f"{job_id} is {status}, after it was noted as {self._final.get(job_id)}")
        units = [(day, name, unit) for day, row in state.rows.items() for name, unit in row.items()]
        pending = [unit for unit in units if unit[2] is UnitState.PENDING]
        self._must(
            not pending or status is BackfillStatus.CANCELLED,
            f"{job_id} is {status} ({state.status_reason}), and {pending} are not done",
        )
        failed = sum(unit is UnitState.FAILED for _, _, unit in units)
        wanted = BackfillStatus.COMPLETE
        if failed:
            wanted = BackfillStatus.ERROR if failed == len(units) else BackfillStatus.PARTIAL_SUCCESS
        self._must(status in {wanted, BackfillStatus.CANCELLED}, f"{job_id} is {status}: {state.status_reason}")
        bugs = [error.message for error in state.errors if error.kind == "source_bug"]
        self._must(not bugs, f"something raised what it must not: {bugs}")
        for day, name, unit in units:
            fate = "ok" if name is None else self.work.fates[day, name]
            allowed = {_FATES[fate], UnitState.PENDING} | (set() if self._weather.is_calm else {UnitState.FAILED})
            self._must(unit in allowed, f"{name} on {day} is {unit}, and it is {fate}")

    def states(self) -> list[JobState]:
        """Return all jobs, as a process that comes now finds them."""
        with SqliteJobStore(self._jobs) as jobs:
            return [jobs.load(state.spec.job_id) for state in jobs.list()]

    def _must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            error = Violation(f"seed {self.scheduler.seed}, {self.scheduler.now:.1f} s: {otherwise}")
            if self.scheduler.is_inside:
                self.scheduler.fail(error)  # whoever called may catch what is raised here
            raise error


class WatchedJobs(FlakyJobStore):
    """A job store that tells a chronicle what it has done."""

    def __init__(self, jobs: SqliteJobStore, chronicle: Chronicle) -> None:
        super().__init__(jobs)
        self._chronicle = chronicle

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Let the changes happen, and tell that."""
        events = super().apply(job_id, changes, at=at, epoch=epoch)
        self._chronicle.noted(job_id, changes, epoch)
        return events

    def acquire(self, job_id: str, owner: str, /, *, ttl: float) -> Lease | None:
        """Give a job an owner, and tell that."""
        lease = super().acquire(job_id, owner, ttl=ttl)
        if lease is not None:
            self._chronicle.leased(lease)
        return lease


def figures(day: date, district: str) -> dict[str, object]:
    """Return what a district's document says."""
    return {"day": day.isoformat(), "district": district}
