"""Short cuts to jobs that run without a service: the runner in a thread of the test's own choice, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from attrs import field, frozen

from backfill.engine.jobs import LiveJob
from backfill.engine.runner import Runner
from backfill.engine.slots import Slots
from backfill.jobstores import MemoryJobStore
from backfill.model import BackfillPlan, BackfillReport, BackfillRequest, Collected, FetchStatus, JobSpec
from backfill.protocols import Clock, DataSource, Fetch, Fetcher, JobStore, ScopeResolver, SnapshotStore
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedDashboard
from collect_doubles import NoDoorNeeded
from engine_doubles import NOW
from planning_doubles import planner


class Summarizing(ScriptedDashboard):
    """A source that can do everything, and makes a summary of each day."""

    def summarize_day(self, on: date, districts: Sequence[str], _fetch: Fetch, /) -> Mapping[str, Collected]:
        """Return one summary."""
        with self._call("summarize_day", on, tuple(districts)):
            return {"all-districts": Collected(list(districts))}


@frozen
class Running:
    """One job with all that it is made of, not begun yet."""

    live: LiveJob
    runner: Runner
    store: SnapshotStore
    jobs: JobStore
    clock: Clock = field(repr=False)

    def run(self) -> BackfillReport:
        """Carry it out in this thread, and return its final report."""
        self.runner.run()
        return self.live.future.result(0)


def job(
    source: DataSource,
    work: BackfillRequest | BackfillPlan,
    store: SnapshotStore | None = None,
    *,
    scope: ScopeResolver | None = None,
    fetcher: Fetcher | None = None,
    jobs: JobStore | None = None,
    clock: Clock | None = None,
    slots: Slots | None = None,
    performance: Callable[[], FetchStatus | None] = lambda: None,
    job_id: str = "j1",
) -> Running:
    """Return a job of *work*, kept in its job store, ready to run."""
    clock = clock or VirtualClock(NOW)
    jobs = jobs or MemoryJobStore()
    store = store or MemorySnapshotStore(clock=clock)
    plan = work if isinstance(work, BackfillPlan) else planner(source, store, scope).plan(work)
    spec = jobs.create(JobSpec(job_id, NOW, plan))
    live = LiveJob(spec, jobs, clock, performance)
    return Running(live, Runner(live, source, store, fetcher or NoDoorNeeded(), clock, slots), store, jobs, clock)


def live_job(
    work: BackfillPlan | BackfillRequest,
    source: DataSource,
    *,
    jobs: JobStore | None = None,
    clock: Clock | None = None,
    performance: Callable[[], FetchStatus | None] = lambda: None,
    job_id: str = "j1",
) -> LiveJob:
    """Return a job that nobody runs."""
    return job(source, work, jobs=jobs, clock=clock, performance=performance, job_id=job_id).live


def carry_out(
    source: DataSource, work: BackfillRequest | BackfillPlan, store: SnapshotStore | None = None, **options: object
) -> Running:
    """Run a job to its end in this thread; options are those of `job`."""
    made = job(source, work, store, **options)  # type: ignore[arg-type] # options of any kind
    made.run()
    return made
