"""The job store in a file keeps the contract, agrees with the one in memory, and outlives its process."""

from __future__ import annotations

import gc
import pickle
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from backfill.errors import BackfillError, JobNotFound, PermanentSourceError, ServiceUnusable
from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.jobstores import _plans as plans
from backfill.jobstores import _states as states
from backfill.model import (
    BackfillRequest,
    BackfillScope,
    CellState,
    Change,
    DayListed,
    DayPublished,
    Doubt,
    Finding,
    Found,
    Gap,
    JobSpec,
    JobState,
    Lease,
    Method,
    PlannedDay,
    ScopeKind,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
    UnitState,
    Wanted,
)
from backfill.protocols import Fetch
from backfill.service import BackfillService
from backfill.sources import function_source
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from foundation_samples import DAY, NOW, days, make_error, make_plan, make_spec
from jobstores.conftest import MEMORY
from jobstores.jobstore_cases import DONE, ENDED, PAUSED, WORKING, FullJobStore, MakeStore, facts, some_changes
from jobstores.jobstore_further import FurtherContract
from jobstores.jobstore_owners import TTL, Elsewhere, OwnersContract, taken
from jobstores.sqlite_cases import store_elsewhere


class TestSqliteJobStore(FurtherContract, OwnersContract):
    """The store in a file."""

    @pytest.fixture
    def made(self) -> Iterator[list[SqliteJobStore]]:
        """Return a list of stores that are closed after the test."""
        made: list[SqliteJobStore] = []
        yield made
        for store in made:
            store.close()

    @pytest.fixture
    def make_store(self, quick_folder: Path, clock: VirtualClock, made: list[SqliteJobStore]) -> MakeStore:
        """Return what makes an empty store."""
        numbers = count()

        def make(*, max_events: int = 10_000) -> FullJobStore:
            made.append(SqliteJobStore(quick_folder / f"{next(numbers)}.sqlite3", max_events=max_events, clock=clock))
            return made[-1]

        return make

    @pytest.fixture
    def elsewhere(self, clock: VirtualClock, made: list[SqliteJobStore]) -> Elsewhere:
        """Return what gives the store as a process on another machine has it."""

        def give(store: FullJobStore) -> FullJobStore:
            assert isinstance(store, SqliteJobStore)
            made.append(store_elsewhere(store._path, clock))
            return made[-1]

        return give


@pytest.fixture
def path(quick_folder: Path) -> Path:
    """Return the name of a file that is not there yet."""
    return quick_folder / "jobs.sqlite3"


# --- as in memory -----------------------------------------------------------------------------------------------------


class TwoStores(RuleBasedStateMachine):
    """A store in a file, closed and opened now and then, beside one in memory: whatever is asked of both, they answer alike."""

    names = st.sampled_from("abc")

    @initialize()
    def begin(self) -> None:
        """Begin with two empty stores."""
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.clock = VirtualClock(NOW)
        self.memory = MemoryJobStore(clock=self.clock)
        self.sqlite = self.open()
        self.leases: dict[str, Lease] = {}
        self.left: list[SqliteJobStore] = []

    def open(self) -> SqliteJobStore:
        """Return a store on the file."""
        return store_elsewhere(Path(self.folder.name) / "jobs.sqlite3", self.clock)

    def teardown(self) -> None:
        """Let go of the file."""
        self.sqlite.close()
        self.folder.cleanup()

    def both(self, name: str, *args: object, **options: object) -> object:
        """Ask both stores the same; return what both have answered, or the kind and text of what both have raised."""
        answers: list[object] = []
        for store in (self.memory, self.sqlite):
            try:
                answers.append(getattr(store, name)(*args, **options))
            except (ValueError, BackfillError) as error:
                answers.append((type(error), str(error)))
        assert answers[0] == answers[1]
        return answers[0]

    @rule(
        name=names,
        rows=st.lists(st.none() | st.sampled_from([("61", "F"), ("F", "61"), ("01",), (), ("61", "61")]), min_size=1, max_size=3),
        key=st.none() | st.sampled_from(["k", "l"]),
        age=st.integers(0, 2),
        backwards=st.booleans(),
    )
    def create(self, name: str, rows: list[tuple[str, ...] | None], key: str | None, age: int, *, backwards: bool) -> None:
        """Create a job, or fail to."""
        planned = list(zip(days(len(rows)), rows, strict=True))[:: -1 if backwards else 1]
        spec = make_spec(name, planned, created_at=NOW - timedelta(hours=age))
        self.both("create", spec, idempotency_key=key)

    @rule(name=names, changes=st.lists(some_changes, max_size=4), minutes=st.integers(0, 3))
    def apply(self, name: str, changes: list[Change], minutes: int) -> None:
        """Apply changes, all or none."""
        epoch = self.leases[name].epoch if name in self.leases else 0
        self.both("apply", name, changes, at=NOW + timedelta(minutes=minutes), epoch=epoch)

    @rule(name=names)
    def delete(self, name: str) -> None:
        """Forget a job, or none."""
        self.both("delete", name)
        self.leases.pop(name, None)

    @rule(name=names)
    def acquire(self, name: str) -> None:
        """Acquire a job, or fail to."""
        answer = self.both("acquire", name, "me", ttl=TTL)
        if isinstance(answer, Lease):
            self.leases[name] = answer

    @rule(name=names, wanted=st.sampled_from(Wanted))
    def request(self, name: str, wanted: Wanted) -> None:
        """Ask for something, and let the owner hear of it."""
        self.both("request", name, wanted)
        if name in self.leases:
            self.both("renew", self.leases[name])

    @rule(name=names)
    def release(self, name: str) -> None:
        """Let a job go."""
        if name in self.leases:
            self.both("release", self.leases.pop(name))
        elif any(state.spec.job_id == name for state in self.memory.list()):
            lease = self.both("acquire", name, "other", ttl=TTL)
            if isinstance(lease, Lease):
                self.leases[name] = lease

    @rule(name=names, day=st.sampled_from(days(3)))
    def claim(self, name: str, day: date) -> None:
        """Claim a day, or fail to."""
        self.both("claim_day", name, day, epoch=self.leases[name].epoch if name in self.leases else 0)

    @rule()
    def reopen(self) -> None:
        """Leave the store, and come back to the file."""
        self.left.append(self.sqlite)  # lest it is forgotten, and lets go of the locks that its successor takes over
        self.sqlite._database.close()
        self.sqlite = self.open()
        self.sqlite._owners = self.left[-1]._owners

    @rule(after=st.none() | st.integers(0, 30), name=st.none() | names, limit=st.integers(1, 5))
    def look(self, after: int | None, name: str | None, limit: int) -> None:
        """Look at events and errors in part."""
        self.both("events", after, job_id=name, limit=limit)
        if name is not None:
            self.both("errors", name, after=after or 0, limit=limit)

    @invariant()
    def all_agree(self) -> None:
        """States, events, errors and outcomes are the same."""
        both = (self.memory, self.sqlite)
        listed = [[facts(state) for state in store.list()] for store in both]
        assert listed[0] == listed[1]
        for state in self.memory.list():
            name = state.spec.job_id
            assert facts(self.memory.load(name)) == facts(self.sqlite.load(name))
            self.both("errors", name)
        self.both("events")
        self.both("outcomes", date.min, date.max)
        self.both("abandoned", NOW)


def test_p6_the_store_in_a_file_agrees_with_the_one_in_memory() -> None:
    """For any calls in any order, reopened at any time, both stores answer alike in everything, refusals included. [P6, P1, B2, R4.1]"""
    run_state_machine_as_test(TwoStores, settings=settings(max_examples=40, stateful_step_count=20, deadline=None, database=None))


# --- over restarts ----------------------------------------------------------------------------------------------------


def rich_spec() -> JobSpec:
    """Return a job of which no value is a default."""
    first, second, third = days(3)
    request = BackfillRequest(
        first, third, ["61", "F", "x"], "per-district", "full", concurrency=7, retry_failures=False, skip_existing=False,
        enable_caching=False, min_interval=0.1, frequency="weekly", order="oldest-first",
    )  # fmt: skip
    doubt = Doubt("x", "unknown \ud800 \x00 ä", ("61", "F"))
    plan = evolve(
        make_plan(),
        request=request,
        scope=BackfillScope(ScopeKind.TARGETED, ("61", "F"), (doubt,), (Doubt("F", "new"),)),
        days=(
            PlannedDay(
                third, third + timedelta(days=9), None, date(2027, 1, 1), Method.TARGETED, ("61", "F"), ("F",), listed=True
            ),
            PlannedDay(first, None, Gap.CLOSING, None, Method.SYSTEM_WIDE, ()),
            PlannedDay(second, None, None, None, Method.PER_DISTRICT, None),
        ),
        requests={"clubs": 3, "divisions": None},
        seconds_at_rate=0.1 + 0.2,
        exact=False,
        fingerprint="f9",
    )
    return JobSpec("ä-9", NOW + timedelta(microseconds=7), plan, "j0", "refresh")


def rich_changes(spec: JobSpec) -> list[Change]:
    """Return a change of every kind to `rich_spec`."""
    third, _first, second = (planned.day for planned in spec.plan.days)
    return [
        WORKING,
        DayListed(second, ("F", "01")),
        UnitAttempted(make_error("F", second, attempts=2, message="\ud800")),
        UnitsSettled(third, {"F": UnitState.SKIPPED}),
        UnitFailed(make_error("61", third)),
        DayPublished(third, is_partial=True, at=NOW),
        Found(Finding("odd", "twice the same", third, "F")),
    ]


def rich_state() -> JobState:
    """Return what these changes make of it."""
    state = JobState(rich_spec())
    for change in rich_changes(state.spec):
        state.apply(change)
    return state


def test_a_job_comes_back_as_it_was(path: Path) -> None:
    """What another process finds in the file is what was accepted and noted here, to the last field. [B2, R4.2, R4.3, R6.2]"""
    expected = rich_state()
    spec, changes = expected.spec, rich_changes(expected.spec)
    with SqliteJobStore(path) as store:
        store.create(spec, idempotency_key="key")
        events = store.apply(spec.job_id, changes, at=NOW + timedelta(microseconds=1))
        state = store.load(spec.job_id)
    with SqliteJobStore(path) as store:
        assert facts(store.load(spec.job_id)) == facts(expected) == facts(state)
        assert repr(store.load(spec.job_id).spec.plan.days) == repr(spec.plan.days)
        assert store.create(evolve(spec, job_id="j2"), idempotency_key="key") == spec
        assert store.events() == events
        with pytest.raises(ValueError, match="already"):
            store.create(spec)


def test_nothing_is_made_by_looking(path: Path) -> None:
    """Who only looks for jobs where none were ever kept finds none, and leaves nothing behind. [R4.1]"""
    store = SqliteJobStore(path.parent / "sub" / path.name)
    assert store.list() == []
    assert store.outcomes(date.min, date.max) == {}
    with pytest.raises(JobNotFound):
        store.load("j1")
    assert list(path.parent.iterdir()) == []
    store.create(make_spec())
    assert len(store.list()) == 1
    store.close()
    assert sorted(file.name for file in (path.parent / "sub").iterdir()) == ["jobs.sqlite3", "jobs.sqlite3-locks"]


def test_a_store_is_pickled_by_its_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickled store is another on the same file, with the same options, wherever it is unpickled. [B8]"""
    monkeypatch.chdir(path.parent)
    with SqliteJobStore(path.name, max_events=3) as store:
        store.create(make_spec())
        monkeypatch.chdir("/")
        with pickle.loads(pickle.dumps(store)) as copied:
            assert repr(copied) == repr(store) == f"SqliteJobStore({str(path)!r})"
            for number in range(5):
                copied.apply("j1", [Found(Finding("odd", str(number)))], at=NOW)
            assert len(store.events()) == 3


def test_a_closed_store_opens_again(path: Path) -> None:
    """A store may be closed twice, and used again. [R4.1]"""
    store = SqliteJobStore(path)
    store.close()
    with store:
        store.create(make_spec())
    store.close()
    assert store.load("j1").total == 2
    store.close()


def test_a_forgotten_store_is_closed(path: Path) -> None:
    """A store that nobody holds any more lets go of its file and of the jobs that it owned. [R4.1]"""
    store = SqliteJobStore(path)
    store.create(make_spec())
    taken(store)
    connection = store._database._writer
    assert connection is not None
    del store
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")
    with SqliteJobStore(path) as other:
        assert taken(other).epoch == 2


def test_a_job_can_be_taken_over_from_a_closed_store(path: Path) -> None:
    """Closing a store leaves its jobs to others on the machine at once; its own late changes are refused. [B2]"""
    with SqliteJobStore(path) as store, SqliteJobStore(path) as other:
        store.create(make_spec())
        lease = taken(store)
        assert other.acquire("j1", "other", ttl=TTL) is None
        assert other.abandoned(NOW) == []
        store.close()
        assert other.abandoned(NOW) == ["j1"]
        assert taken(other).epoch == 2
        with pytest.raises(Exception, match="stop working on it"):
            store.apply("j1", [WORKING], at=NOW, epoch=lease.epoch)


def test_an_owner_that_lives_keeps_its_job(path: Path) -> None:
    """On one machine a lease that has expired is no reason to take over: its owner may be slow, but it lives. [B2]"""
    clock = VirtualClock(NOW)
    with SqliteJobStore(path, clock=clock) as store, SqliteJobStore(path, clock=clock) as other:
        store.create(make_spec())
        lease = taken(store)
        clock.advance(10 * TTL)
        assert other.acquire("j1", "other", ttl=TTL) is None
        assert other.abandoned(clock.now()) == []
        assert store.acquire("j1", "me", ttl=TTL) is None
        assert store.renew(lease).lease.expires == clock.now() + timedelta(seconds=TTL)


def test_a_lock_that_is_held_counts_more_than_a_lease(path: Path) -> None:
    """An owner on what passes for another machine, whose lock can be seen all the same, keeps its job after its lease. [B2]"""
    clock = VirtualClock(NOW)
    with SqliteJobStore(path, clock=clock) as store, SqliteJobStore(path, clock=clock) as other:
        other._owners.machine = "a container with the same folder"
        store.create(make_spec())
        lease = taken(store)
        clock.advance(TTL)
        assert other.abandoned(clock.now()) == ["j1"]
        assert other.acquire("j1", "other", ttl=TTL) is None
        store.release(lease)
        assert taken(other).epoch == 2


def test_a_store_of_another_process_is_left_alone(path: Path) -> None:
    """A store that was used by another process says what to do instead, and closing it here touches nothing. [B8, B2]"""
    with SqliteJobStore(path) as store, SqliteJobStore(path) as other:
        store.create(make_spec())
        lease = taken(store)
        mine, store._database._pid = store._database._pid, -1
        store.close()
        for call in (lambda: store.load("j1"), lambda: store.renew(lease)):
            with pytest.raises(ServiceUnusable, match="make a new one in this process"):
                call()
        assert other.acquire("j1", "other", ttl=TTL) is None
        store._database._pid = mine


def test_who_has_lost_a_job_may_have_it_again(path: Path) -> None:
    """An owner whose job was taken over from elsewhere, and let go, gets it under a new number, whether told meanwhile or not. [B2]"""
    clock = VirtualClock(NOW)
    for is_told in (True, False):
        here, there = SqliteJobStore(path, clock=clock), store_elsewhere(path, clock)
        here.delete("j1")
        here.create(make_spec())
        lost = taken(here)
        clock.advance(TTL)
        lease = taken(there)
        if is_told:
            with pytest.raises(Exception, match="stop working"):
                here.renew(lost)
            assert not here._owners.locks._held
        there.release(lease)
        assert here.abandoned(NOW) == ["j1"]
        assert taken(here).epoch == 3
        here.close()
        there.close()


def test_locks_of_jobs_are_tidied_up(path: Path) -> None:
    """A job that has ended, or was forgotten, leaves no lock behind. [R4.5]"""
    locks = path.with_name("jobs.sqlite3-locks")
    with SqliteJobStore(path) as store:
        for name in ("j1", "j2", "j3"):
            store.create(make_spec(name))
        leases = [taken(store, name) for name in ("j1", "j2", "j3")]
        assert len(list(locks.glob("job-*.lock"))) == 3
        store.apply("j1", [WORKING, ENDED], at=NOW, epoch=leases[0].epoch)
        store.delete("j2")
        for lease in leases:
            store.release(lease)
        assert [lock.name for lock in locks.glob("job-*.lock")] == ["job-3.lock"]
        store.delete("j2")


def test_a_lease_that_cannot_be_noted_is_not_kept(path: Path) -> None:
    """Where the file takes no lease, the job stays free for others, in this process too. [B2]"""
    with SqliteJobStore(path) as store, SqliteJobStore(path) as other:
        store.create(make_spec())
        writer = store._database._writer
        assert writer is not None
        writer.execute("CREATE TEMP TRIGGER refuse BEFORE DELETE ON claims BEGIN SELECT RAISE(ABORT, 'refused'); END")
        writer.execute("INSERT INTO claims VALUES (1, '2026-01-01', 0)")
        with pytest.raises(sqlite3.IntegrityError, match="refused"):
            store.acquire("j1", "me", ttl=TTL)
        assert taken(other).epoch == 1


# --- under a service --------------------------------------------------------------------------------------------------


def test_a_service_keeps_its_jobs(path: Path) -> None:
    """What a service did is told by another one on the same file: reports, failures, events and coverage, also of cleaned-up jobs. [R4.2, R6.4, B5]"""

    def collect(day: date, district: str, fetch: Fetch) -> object:
        if district == "F":
            raise PermanentSourceError("broken")
        return {"day": day.day}

    source, snapshots = function_source("example")(collect), MemorySnapshotStore()
    request = BackfillRequest("2024-01-01", "2024-01-05", target_districts=["61", "F"])
    with SqliteJobStore(path) as jobs, BackfillService(source, snapshots, jobs=jobs, max_active_jobs=2) as service:
        job = service.initiate_backfill(request, idempotency_key="key")
        other = service.initiate_backfill(BackfillRequest("2023-01-01", "2023-01-05", target_districts=["61"]))
        report = job.wait(60)
        assert other.wait(60).status == "complete"
        events = job.events()
    with SqliteJobStore(path) as jobs, BackfillService(source, snapshots, jobs=jobs) as service:
        again = service.get_backfill_status(job.backfill_id)
        assert evolve(again, performance_status=report.performance_status) == report
        assert report.status == "partial_success"
        assert [error.kind for error in service.errors(job.backfill_id)] == ["permanent"] * 5
        assert service.get_job(job.backfill_id).events() == events
        assert service.initiate_backfill(request, idempotency_key="key").backfill_id == job.backfill_id
        assert service.cleanup_old_jobs(older_than=timedelta(0), keep=0) == 2
        assert service.list_backfills() == []
        assert service.coverage("2024-01-01", "2024-01-05").counts[CellState.FAILED] == 5


# --- what it remembers ------------------------------------------------------------------------------------------------


def test_what_is_remembered_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store remembers of plans, lists and ended jobs does not grow beyond bounds, and changes no answer. [R9.5]"""
    for module, name in ((plans, "_MOST_DAYS"), (plans, "_MOST_HEADS"), (plans, "_MOST_LISTS"), (states, "_MOST_DAYS")):
        monkeypatch.setattr(module, name, 4)
    with SqliteJobStore(path) as store:
        specs = [make_spec(f"j{n}", rows=[(day, (f"{n}",)) for day in days(3)], created_at=NOW - timedelta(n)) for n in range(9)]
        for spec in specs:
            store.create(spec)
            store.apply(spec.job_id, [UnitsSettled(DAY, {spec.job_id[1:]: UnitState.COMPLETED})], at=NOW)
            if spec.job_id != "j0":
                store.apply(spec.job_id, [WORKING, ENDED], at=NOW)
        for _ in range(2):
            assert [state.spec for state in store.list()] == specs
            assert [store.load(spec.job_id).spec for spec in specs] == specs
        assert sum(len(spec.plan.days) for spec in store._plans._known.values()) <= 4
        assert len(store._plans._heads) <= 4
        assert len(store._states._lists._known) <= 4
        assert sum(len(state.rows) for state in store._states._ended.values()) <= 4 + 3


def test_events_are_forgotten_a_tenth_at_a_time(path: Path) -> None:
    """Of each job the newest events are kept, as many as was asked for and up to a tenth more. [R9.5]"""
    with SqliteJobStore(path, max_events=20) as store:
        for name in ("j1", "j2"):
            store.create(make_spec(name))
        store.apply("j2", [DONE], at=NOW)
        told = [store.apply("j1", [Found(Finding("odd", str(number)))], at=NOW)[0] for number in range(45)]
        for _ in range(3):
            kept = store.events(job_id="j1")
            assert kept == told[-len(kept) :]
            assert 20 <= len(kept) <= 22
            told += store.apply("j1", [Found(Finding("odd", "more"))], at=NOW)
        assert len(store.events(job_id="j2")) == 1


# --- one file format --------------------------------------------------------------------------------------------------


def test_a_file_of_the_first_version_is_read(path: Path) -> None:
    """A file as the first version has written it, kept as text, holds for every later release what it held then. [B2]"""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "data" / "jobs-v1.sql").read_text(encoding="utf-8"))
    expected = rich_state()
    name = expected.spec.job_id
    with SqliteJobStore(path, clock=VirtualClock(NOW)) as store:
        assert facts(store.load(name)) == facts(expected)
        assert [event.change for event in store.events()] == rich_changes(expected.spec)
        assert store.errors(name) == list(expected.errors)
        assert store.outcomes(DAY, date.max) == {DAY + timedelta(2): {"F": UnitState.SKIPPED, "61": UnitState.FAILED}}
        assert store.create(evolve(expected.spec, job_id="j2"), idempotency_key="key") == expected.spec
        lease = Lease(name, "me", 1, TTL, NOW)
        assert not store.claim_day(name, DAY, epoch=1)
        assert store.renew(lease).requests.pause
        assert store.apply(name, [PAUSED], at=NOW, epoch=1)[0].seq == 8


def test_times_are_of_a_zone(path: Path) -> None:
    """A time without a zone cannot be kept, and is refused with the remedy. [R4.3]"""
    with SqliteJobStore(path) as store:
        with pytest.raises(ValueError, match="use an aware datetime"):
            store.create(make_spec(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the slip
        assert store.list() == []


def test_ten_years_fit_in_a_megabyte(path: Path) -> None:
    """A plan of ten years of 130 districts, 474,500 units, takes about a megabyte, and what becomes of a day some 2 kB. [R9.5]"""
    names = tuple(f"{number:02d}" for number in range(1, 131))
    decade = days(3650)
    with SqliteJobStore(path) as store:
        store.create(make_spec(rows=[(day, names) for day in reversed(decade)]))
        store.close()
        planned = path.stat().st_size
        store.apply("j1", [UnitsSettled(day, dict.fromkeys(names, UnitState.COMPLETED)) for day in decade[:100]], at=NOW)
        assert store.load("j1").counts[UnitState.COMPLETED] == 13_000
        assert len(store.outcomes(date.min, date.max)) == 100
        store.close()
        noted = path.stat().st_size - planned
    assert planned < 1_200_000
    assert noted < 200_000  # a hundred rows of outcomes, and a hundred events, of which ten thousand are kept


@pytest.mark.parametrize("name", ["MemoryJobStore", "SqliteJobStore"])
def test_stores_are_loaded_when_they_are_asked_for(name: str) -> None:
    """The package names its stores, loads them on first use, and has no others. [R10.2]"""
    import backfill.jobstores as package  # noqa: PLC0415 - what the test is about

    assert getattr(package, name).__name__ == name
    assert dir(package) == ["MemoryJobStore", "SqliteJobStore"]
    with pytest.raises(AttributeError, match="has no attribute 'Sqlite'"):
        _ = package.Sqlite
