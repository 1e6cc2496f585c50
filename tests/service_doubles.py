"""Doubles and short cuts for the tests of the service: sources that wait, stores that fail, a door that nobody may use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from hypothesis import settings

from backfill import BackfillRequest, BackfillService
from backfill.jobstores import MemoryJobStore
from backfill.model import (
    BackfillReport,
    BackfillScope,
    Change,
    Contribution,
    DistrictError,
    DistrictRecord,
    Doubt,
    EncodedRecord,
    JobEvent,
    ScopeKind,
    SnapshotInfo,
    UnitContext,
)
from backfill.protocols import Clock, DataSource, Fetch, Fetcher, JobStore, ScopeResolver, SnapshotDraft, SnapshotStore
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource

T = TypeVar("T")

FIRST = date(2026, 1, 5)
"""A Monday, ten days before the "today" of a `VirtualClock`."""

bounded = settings(deadline=None, max_examples=60, database=None)
"""Few examples and no deadline: each one runs a whole job, with its threads."""

PATIENCE = 60.0
"""Seconds after which a test that waits for something gives up; never waited for when the code is right."""


def day(number: int) -> date:
    """Return the day *number* days after the first."""
    return FIRST + timedelta(days=number)


def days(count: int) -> tuple[date, ...]:
    """Return the first days."""
    return tuple(day(number) for number in range(count))


def ask(count: int = 1, *districts: str, **options: object) -> BackfillRequest:
    """Return a request for the first *count* days of *districts* (none = all), oldest first; options are those of a request."""
    range_of_days = {"start_date": day(0), "end_date": day(count - 1)}
    chosen = range_of_days | {"order": "oldest-first", "target_districts": districts or None} | options
    return BackfillRequest(**chosen)  # type: ignore[arg-type] # options of any kind


class NoDoor:
    """A `Fetcher` for sources that fetch nothing: whoever asks it has made a mistake."""

    def __init__(self) -> None:
        self.closed = 0

    def bind(self, unit: UnitContext, /) -> Fetch:
        """Return a door that does not open."""
        return _refuse

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


def _refuse(*_args: object, **_options: object) -> NoReturn:
    raise AssertionError("nothing may be fetched here")


@contextmanager
def serving(
    source: DataSource,
    store: SnapshotStore | None = None,
    *,
    scope: ScopeResolver | None = None,
    jobs: JobStore | None = None,
    fetch: Fetcher | None = None,
    clock: Clock | None = None,
    max_active_jobs: int = 1,
) -> Iterator[BackfillService]:
    """Hand out a service on a virtual clock, and close it afterwards whatever happens."""
    clock = clock or VirtualClock()
    service = BackfillService(
        source,
        store or MemorySnapshotStore(clock=clock),
        scope,
        jobs=jobs,
        fetch=fetch or NoDoor(),
        clock=clock,
        max_active_jobs=max_active_jobs,
    )
    try:
        yield service
    finally:
        service.close(timeout=PATIENCE)


def collect(source: DataSource, store: SnapshotStore, request: BackfillRequest, **options: object) -> BackfillReport:
    """Run one job to its end and return its report; options are those of `serving`."""
    with serving(source, store, **options) as service:  # type: ignore[arg-type] # options of any kind
        return service.initiate_backfill(request).wait(PATIENCE)


def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds, looking often; no outcome depends on how often."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


def together(*calls: Callable[[], T]) -> list[T]:
    """Carry out *calls* at the same time, each in a thread of its own, and return what they return."""
    results: list[T | BaseException | None] = [None] * len(calls)

    def run(number: int) -> None:
        try:
            results[number] = calls[number]()
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return [_or_raise(result) for result in results]


def _or_raise(result: T | BaseException | None) -> T:
    if isinstance(result, BaseException):
        raise result
    return result  # type: ignore[return-value] # a call may return None


def stored(store: SnapshotStore) -> dict[date, tuple[str, ...]]:
    """Return the districts of each stored day."""
    return {found: store.read(found).districts for found in store.days()}


def backfill_threads() -> list[str]:
    """Return the names of this library's threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("backfill")]


class GatedSource(ScriptedSource):
    """A source some of whose units wait until a test lets them through.

    Args:
        gated: Which units wait; all others return at once.
        districts: As for `ScriptedSource`.
    """

    def __init__(self, gated: Callable[[date, str], bool] = lambda _day, _district: True, **options: object) -> None:
        super().__init__(self._pass, **options)  # type: ignore[arg-type] # options of any kind
        self._gated = gated
        self.gate = threading.Event()
        self.arrived = threading.Semaphore(0)

    def _pass(self, day: date, district: str) -> object:
        if self._gated(day, district):
            self.arrived.release()
            assert self.gate.wait(PATIENCE), "the test never opened the gate"
        return {"district": district}

    def await_arrivals(self, count: int = 1) -> None:
        """Wait until *count* more units stand at the gate."""
        for _ in range(count):
            assert self.arrived.acquire(timeout=PATIENCE), "nobody came to the gate"


class NamedScope:
    """A configured scope: these districts and no others. A `ScopeResolver` that remembers when it was asked."""

    def __init__(self, *districts: str) -> None:
        self.districts: tuple[str, ...] | None = districts
        self.asked: list[tuple[str, ...] | None] = []

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return those of *requested* that are configured."""
        self.asked.append(None if requested is None else tuple(requested))
        if requested is None:
            return BackfillScope(ScopeKind.SYSTEM_WIDE, self.districts)
        kept = tuple(name for name in requested if self.districts is None or name in self.districts)
        if not kept:
            from backfill.errors import InvalidRequest  # noqa: PLC0415 - used here only

            raise InvalidRequest("target_districts", requested, "none of them is in scope", "name configured ones")
        left_out = tuple(Doubt(name, "is not configured") for name in requested if name not in kept)
        return BackfillScope(ScopeKind.SINGLE_DISTRICT if len(kept) == 1 else ScopeKind.TARGETED, kept, left_out)


Failure = Callable[[str, date, str | None], BaseException | None]
"""Says what goes wrong in ``begin``, ``put``, ``put_summary``, ``commit`` or ``exit`` of a day (and district); ``None`` = nothing."""


class FailingStore(MemorySnapshotStore):
    """A store in memory of which a test decides what fails; counts the drafts that are open at once."""

    def __init__(self, failure: Failure = lambda _call, _day, _district: None, *, clock: Clock | None = None) -> None:
        super().__init__(clock=clock)
        self.failure = failure
        self.calls: list[tuple[str, date, str | None]] = []
        self.open_drafts = 0
        self.most_open_drafts = 0
        self._counting = threading.Lock()

    def begin(self, day: date, /, *, job_id: str) -> FailingDraft:  # type: ignore[override] # a draft around the draft
        """Return a draft that fails as the test says."""
        self.meet("begin", day, None)
        self.count(1)
        return FailingDraft(self, day, super().begin(day, job_id=job_id))

    def meet(self, call: str, day: date, district: str | None) -> None:
        """Note the call, and fail if the test says so."""
        with self._counting:
            self.calls.append((call, day, district))
        error = self.failure(call, day, district)
        if error is not None:
            raise error

    def count(self, change: int) -> None:
        """Note that a draft was opened or left."""
        with self._counting:
            self.open_drafts += change
            self.most_open_drafts = max(self.most_open_drafts, self.open_drafts)


class FailingDraft:
    """A draft of a `FailingStore`."""

    def __init__(self, store: FailingStore, day: date, draft: SnapshotDraft) -> None:
        self._store = store
        self._day = day
        self._draft = draft

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._store.count(-1)
        self._draft.__exit__(kind, error, traceback)
        self._store.meet("exit", self._day, None)

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Stage one district's record."""
        self._store.meet("put", self._day, record.district_id)
        self._draft.put(record)

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Stage a summary of the day."""
        self._store.meet("put_summary", self._day, name)
        self._draft.put_summary(name, payload, as_of=as_of)

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        """Publish the day."""
        self._store.meet("commit", self._day, None)
        return self._draft.commit(contribution)


class FailingJobs(MemoryJobStore):
    """A job store in memory whose `apply` fails when a test says so."""

    def __init__(self, failure: Callable[[Sequence[Change]], BaseException | None] = lambda _changes: None) -> None:
        super().__init__()
        self.failure = failure

    def apply(self, job_id: str, changes: Sequence[Change], /, *, at: datetime, epoch: int = 0) -> Sequence[JobEvent]:
        """Let the changes happen, or fail."""
        error = self.failure(changes)
        if error is not None:
            raise error
        return super().apply(job_id, changes, at=at, epoch=epoch)


class PlainJobs:
    """A job store with the required methods only: no events, no paging of errors, no ledger."""

    def __init__(self) -> None:
        kept = MemoryJobStore()
        self.create = kept.create
        self.load = kept.load
        self.apply = kept.apply
        self.list = kept.list
        self.delete = kept.delete


def adds_up(report: BackfillReport) -> bool:
    """Return whether the five states of a report's units add up, in all and for each district, and agree with its errors."""
    progress = report.progress
    states = (progress.completed, progress.skipped, progress.unavailable, progress.failed, progress.pending)
    by_state = {
        name: sum(counts[name] for counts in progress.district_progress.values())
        for name in ("completed", "skipped", "unavailable", "failed", "pending")
    }
    whole_days = progress.total - sum(by_state.values())  # units that stand for a day not listed have no district
    return (
        sum(states) == progress.total
        and min(states) >= 0
        and whole_days >= 0
        and all(of_districts <= state for of_districts, state in zip(by_state.values(), states, strict=True))
        and report.errors_total == progress.failed
        and len(report.errors) == min(1000, progress.failed)
        and sum(group.count for group in report.error_summary) == progress.failed
    )


def by_unit(errors: Iterable[DistrictError]) -> Mapping[tuple[date, str | None], DistrictError]:
    """Return the failures by day and district; each stands there once."""
    listed = list(errors)
    found = {(error.day, error.district_id): error for error in listed}
    assert len(found) == len(listed), "a unit failed twice"
    return found
