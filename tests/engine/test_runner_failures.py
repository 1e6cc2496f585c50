"""What goes wrong around a job: stores, disks, job stores, summaries, workers, subscribers."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillStatus
from backfill.errors import DamagedFile, DataUnavailable, DayLocked, PermanentSourceError, StoreUnavailable
from backfill.model import (
    Change,
    Collected,
    DayPublished,
    JobEvent,
    Stage,
    StatusChanged,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from backfill.testing.source import ScriptedCatalog, ScriptedSource, ScriptedSystemWide
from collect_doubles import Mute
from engine_doubles import DAY, bounded, day, running
from engine_running import Running, Summarizing, carry_out, job
from planning_doubles import ask
from service_doubles import (
    PATIENCE,
    FailingJobs,
    FailingStore,
    adds_up,
    backfill_threads,
    by_unit,
    stored,
    together,
    until,
)

Failure = Callable[[str, date, str | None], BaseException | None]

FULL = OSError(errno.ENOSPC, "No space left on device")


class Jammed(BaseException):
    """What nobody expects."""


def once(call: str, on: date, error: BaseException, district: str | None = None) -> Failure:
    """Return what makes one call of a store fail, of one day (and district), each time."""
    return lambda made, day_of, name: error if (made, day_of) == (call, on) and district in {None, name} else None


def run_in_thread(made: Running) -> None:
    """Run a job in a thread that is not the main one, as a service does."""
    together(made.runner.run)


# --- a store that fails -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (DayLocked("another writer"), "DayLocked", True),
        (DamagedFile("manifest.json", "holds no manifest", "delete it"), "damaged_day", False),
        (OSError(errno.EIO, "Input/output error"), "source_bug", False),
        (TimeoutError("slow disk"), "timeout", True),
        (ValueError("a bug"), "source_bug", False),
        (Mute(), "source_bug", False),
    ],
)
@pytest.mark.parametrize("call", ["begin", "put", "commit"])
def test_p6_what_cannot_be_stored_fails_alone(call: str, error: Exception, kind: str, retryable: bool) -> None:
    """A store that fails for one day, or one district of it, fails these units at stage store, by their kind; all others are stored. [P6, R6.1, R6.2, R6.3]"""
    district = "B" if call == "put" else None
    store = FailingStore(once(call, day(1), error, district))
    report = carry_out(ScriptedSource(), ask(3, "A", "B", "C"), store).live.report()
    gone = {"B"} if call == "put" else {"A", "B", "C"}
    failed = by_unit(report.errors)
    assert set(failed) == {(day(1), name) for name in gone}
    for failure in failed.values():
        assert (failure.stage, failure.kind, failure.is_retryable) == (Stage.STORE, kind, retryable)
        assert failure.message
    kept = tuple(name for name in "ABC" if name not in gone)
    assert stored(store) == {day(0): tuple("ABC"), day(2): tuple("ABC")} | ({day(1): kept} if kept else {})
    assert report.status is BackfillStatus.PARTIAL_SUCCESS
    assert report.partial_snapshots == ((day(1),) if kept else ())
    assert adds_up(report)
    assert store.open_drafts == 0


@pytest.mark.parametrize("error", [OSError("busy"), Jammed()])
def test_a_draft_that_cannot_be_left_is_no_failure(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """What is published stays so, though tidying up afterwards fails; the log has it. [R6.1]"""
    store = FailingStore(lambda call, _on, _name: error if call == "exit" else None)
    with caplog.at_level(logging.ERROR, "backfill"):
        made = job(ScriptedSource(), ask(2, "A"), store)
        run_in_thread(made)
    assert made.live.report().status is BackfillStatus.COMPLETE
    assert caplog.text.count("a draft could not be left") == 2
    assert getattr(caplog.records[0], "day", None) in {day(0).isoformat(), day(1).isoformat()}


def test_a_day_that_would_hold_nothing_is_completed_without_a_snapshot() -> None:
    """A store that publishes nothing of a day says so, and the day is not among the snapshots. [R6.3, R5.3]"""

    class Empty(MemorySnapshotStore):
        def publish(self, *_args: object, **_options: object) -> None:
            return None

    report = carry_out(ScriptedSource(), ask(1, "A"), Empty()).live.report()
    assert (report.status, report.progress.completed, report.snapshot_ids) == ("complete", 1, ())


@bounded
@given(
    failures=st.dictionaries(
        st.tuples(
            st.sampled_from(["begin", "put", "commit", "exit", "put_summary"]),
            st.sampled_from([day(0), day(1), day(2)]),
            st.sampled_from("ABC"),
        ),
        st.sampled_from([DayLocked("held"), DamagedFile("manifest.json", "is empty", "delete it"), TimeoutError("slow")]),
        max_size=8,
    ),
    outcomes=st.dictionaries(
        st.tuples(st.sampled_from([day(0), day(1), day(2)]), st.sampled_from("ABC")),
        st.sampled_from([DataUnavailable("none"), PermanentSourceError("gone")]),
        max_size=4,
    ),
    concurrency=st.integers(1, 4),
)
def test_p6_for_any_pattern_of_store_failures_the_account_is_right(
    failures: Mapping[tuple[str, date, str], Exception], outcomes: Mapping[tuple[date, str], Exception], concurrency: int
) -> None:
    """Whichever calls of a store fail, with whatever else fails or is unavailable: what can be stored is, and each unit that is not has its one reason. [P6, R6.1, R6.3]"""
    by_day = {(call, on): error for (call, on, _name), error in failures.items() if call in {"begin", "commit", "exit"}}

    def failure(call: str, on: date, name: str | None) -> BaseException | None:
        return by_day.get((call, on)) or failures.get((call, on, name or ""))

    store = FailingStore(failure)

    class Source(ScriptedSource):
        def summarize_day(self, _on: date, _names: Sequence[str], _fetch: Fetch, /) -> Mapping[str, Collected]:
            return {"A": Collected(1)}

    source = Source(lambda on, name: outcomes.get((on, name), 1))
    report = carry_out(source, ask(3, "A", "B", "C", concurrency=concurrency), store).live.report()
    expected: dict[tuple[date, str], str] = {}
    for on in (day(0), day(1), day(2)):
        for name in "ABC":
            answer = outcomes.get((on, name))
            if isinstance(answer, DataUnavailable):
                expected[on, name] = "unavailable"
            elif answer is not None:
                expected[on, name] = "fetch"
            elif ("begin", on) in by_day or ("put", on, name) in failures or ("commit", on) in by_day:
                expected[on, name] = "store"
            else:
                expected[on, name] = "stored"
    failed = {unit: str(error.stage) for unit, error in by_unit(report.errors).items()}
    assert failed == {unit: what for unit, what in expected.items() if what in {"fetch", "store"}}
    kept = {(on, name) for on, names in stored(store).items() for name in names}
    assert kept == {unit for unit, what in expected.items() if what == "stored"}
    assert report.progress.unavailable == list(expected.values()).count("unavailable")
    assert adds_up(report)
    assert (report.progress.pending, store.open_drafts) == (0, 0)


# --- a full disk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [FULL, OSError(errno.EROFS, "Read-only file system"), StoreUnavailable("the disk is full")])
@pytest.mark.parametrize("call", ["begin", "put", "put_summary", "commit"])
def test_a_full_disk_pauses_the_job_with_the_reason(call: str, error: Exception) -> None:
    """Where nothing can be written at all, the job pauses: with what it has stored, the rest pending, the reason, and not a failure for each unit. [R6.1, R6.4, B2]"""
    store = FailingStore(once(call, day(2), error))
    source = Summarizing(districts="AB")
    report = carry_out(source, ask(500, concurrency=2, start_date=DAY, end_date=day(9), collection_type="per-district"), store)
    final = report.live.report()
    assert (final.status, final.error) == (BackfillStatus.PAUSED, None)
    assert final.status_reason is not None
    assert final.status_reason.startswith("StoreUnavailable: the disk is full")
    assert (final.errors, final.progress.failed) == ((), 0)
    kept = {(on, name) for on, names in stored(store).items() for name in names}
    assert {day(0), day(1)} <= set(stored(store)), "earlier days were published by then, or are now"
    assert day(2) not in stored(store)
    states = report.live.state.rows
    done = {(on, name) for on, row in states.items() for name, state in row.items() if state is UnitState.COMPLETED}
    assert done <= kept, "what is stored without its summary is not done yet"
    assert len({on for _call, on, _names in source.calls}) <= 2 * 2 + 2 + 2, "nothing new is begun"
    assert adds_up(final)
    assert store.open_drafts == 0
    store.failure = lambda *_: None
    again = carry_out(source, ask(1, start_date=DAY, end_date=day(9), collection_type="per-district"), store, job_id="j2")
    assert again.live.report().status is BackfillStatus.COMPLETE
    assert stored(store) == {day(number): ("A", "B") for number in range(10)}


def test_a_disk_that_stays_full_pauses_the_job_once() -> None:
    """Where every call meets the full disk, the job has one reason, and rests. [R6.4]"""
    store = FailingStore(lambda *_: FULL)
    report = carry_out(ScriptedSource(), ask(9, "A", "B", "C", concurrency=5), store).live.report()
    assert (report.status, report.progress.pending, report.progress.completed) == ("paused", 27, 0)
    assert str(report.status_reason).startswith("StoreUnavailable: the disk is full or read-only")
    assert store.open_drafts == 0


def test_a_full_disk_in_the_midst_of_a_day_lets_go_what_comes_back_later() -> None:
    """A call that is under way when the job stops comes back to a day that is given up: nothing of it is stored, nothing is left open. [R6.1, B2]"""
    gate = threading.Event()

    def answer(_on: date, name: str) -> object:
        if name == "B":
            gate.wait(PATIENCE)
        return 1

    def fail(call: str, _on: date, name: str | None) -> BaseException | None:
        return FULL if (call, name) == ("put", "A") else None

    store = FailingStore(fail)
    made = job(ScriptedSource(answer), ask(1, "A", "B", "C", concurrency=2), store)
    with running(made.runner.run):
        until(made.live.context.cancel.is_set)
        gate.set()
    report = made.live.future.result(0)
    assert (report.status, report.progress.pending) == ("paused", 3)
    assert stored(store) == {}
    assert store.open_drafts == 0


def test_a_source_that_meets_a_full_disk_pauses_the_job_too() -> None:
    """A disk that is full behind the door is as full as one behind the store. [R6.1]"""
    report = carry_out(ScriptedCatalog({(DAY, "*"): FULL}), ask(3, concurrency=1)).live.report()
    assert (report.status, report.progress.pending) == ("paused", 3)
    assert "the disk is full" in str(report.status_reason)


# --- listing, and calls for a day as a whole --------------------------------------------------------------------------


def test_a_day_that_cannot_be_listed_fails_alone() -> None:
    """A list that cannot be had fails its day, as one unit where its districts are unknown and as each where they are named. [R6.1, R6.2]"""
    script = {(day(1), "*"): PermanentSourceError("gone", kind="gone"), (DAY, "A"): 1, (day(2), "A"): 1}
    report = carry_out(ScriptedCatalog(script, districts="A"), ask(3)).live.report()
    assert [(error.day, error.district_id, error.stage, error.kind) for error in report.errors] == [
        (day(1), None, "list", "gone"),
    ]  # fmt: skip
    assert (report.progress.completed, report.progress.failed) == (2, 1)
    named = carry_out(ScriptedCatalog(script), ask(3, "A", "B")).live.report()
    assert {(error.day, error.district_id) for error in named.errors} == {(day(1), "A"), (day(1), "B")}


def test_a_call_for_all_that_fails_fails_its_day_alone() -> None:
    """One call for all districts that fails is one failure of its day, since nobody knows which districts it has. [R6.1, R6.2]"""
    source = ScriptedSystemWide(lambda on, _name: ZeroDivisionError() if on == day(1) else 1)
    report = carry_out(source, ask(3)).live.report()
    assert [(error.day, error.district_id, error.stage, error.kind) for error in report.errors] == [
        (day(1), None, "transform", "source_bug"),
    ]  # fmt: skip
    assert report.progress.completed == 6


# --- summaries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "summaries",
    [
        ZeroDivisionError("a bug"),
        DataUnavailable("none"),
        PermanentSourceError("gone"),
        {"a/b": Collected(1)},
        {"all": Jammed},
        7,
    ],
)
def test_summaries_that_fail_are_a_finding(summaries: object) -> None:
    """Whatever is wrong with the summaries of a day, its districts are stored, and a finding says that they are without. [R6.1, R6.4]"""

    class Failing(Summarizing):
        def summarize_day(self, _on: date, _districts: Sequence[str], _fetch: Fetch, /) -> Mapping[str, Collected]:
            if isinstance(summaries, BaseException):
                raise summaries
            return summaries  # type: ignore[return-value] # the wrong type on purpose

    made = carry_out(Failing(), ask(1, "A", "B"))
    report = made.live.report()
    assert (report.status, report.progress.completed) == ("complete", 2)
    (finding,) = report.findings
    assert (finding.kind, finding.day, finding.district) == ("summary_failed", DAY, None)
    assert "without its summaries" in finding.message
    assert made.store.read(DAY).metadata.findings == (finding,)


def test_a_summary_that_cannot_be_stored_is_a_finding() -> None:
    """The districts are worth storing without it. [R6.1]"""
    store = FailingStore(lambda call, *_: OSError(errno.EIO, "bad block") if call == "put_summary" else None)
    report = carry_out(Summarizing(), ask(1, "A"), store).live.report()
    assert (report.status, [finding.kind for finding in report.findings]) == ("complete", ["summary_failed"])


def test_summaries_are_of_what_the_day_then_has() -> None:
    """They are made of districts stored now and of those skipped, and carry their own as-of date. [R5.3, R9.3]"""
    dates: list[tuple[str, date]] = []

    class Dated(FailingStore):
        def meet(self, call: str, on: date, district: str | None) -> None:
            if call == "put_summary":
                dates.append((str(district), on))
            super().meet(call, on, district)

    class Later(Summarizing):
        def summarize_day(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
            made = super().summarize_day(on, districts, fetch)
            return {**made, "later": Collected(1, as_of=day(2))}

    source, store = Later(), Dated()
    carry_out(source, ask(1, "A"), store)
    carry_out(source, ask(1, "A", "B", "C"), store, job_id="j2")
    assert [names for call, _on, names in source.calls if call == "summarize_day"] == [("A",), ("A", "B", "C")]
    assert store.read(DAY).summary("all-districts") == ["A", "B", "C"]
    assert store.read(DAY).summary("later") == 1
    assert {name for name, _on in dates} == {"all-districts", "later"}


# --- a job store that fails -------------------------------------------------------------------------------------------


def noting(kind: type[Change], number: int = 1) -> Callable[[Sequence[Change]], BaseException | None]:
    """Return what makes the *number*-th noting of a kind of change fail, and no other."""
    seen = [0]

    def failure(changes: Sequence[Change]) -> BaseException | None:
        seen[0] += any(isinstance(change, kind) for change in changes)
        return OSError("database is locked") if seen[0] == number and any(isinstance(c, kind) for c in changes) else None

    return failure


@pytest.mark.parametrize(
    ("failure", "kept"),
    [(noting(StatusChanged), 0), (noting(DayPublished), 1), (noting(DayPublished, 3), 3), (noting(UnitFailed), 1)],
)
def test_a_job_store_that_fails_while_noting_ends_the_job(
    failure: Callable[[Sequence[Change]], BaseException | None], kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What is published stays, the job ends in error and says why, everybody is let go, and a second job does the rest. [R4.3, R6.4, B2]"""
    source = ScriptedSource(lambda on, _name: PermanentSourceError("gone") if on == day(1) else 1)
    made = job(source, ask(8, "A", concurrency=1), jobs=FailingJobs(failure))
    report = made.run()
    assert (report.status, report.error) == (BackfillStatus.ERROR, "OSError: database is locked")
    assert len(stored(made.store)) >= kept
    assert report.progress.completed <= len(stored(made.store))
    assert report.progress.pending > 0
    assert adds_up(report)
    assert made.live.is_noted, "the job store worked again when the end was noted"
    assert made.jobs.load("j1").status is BackfillStatus.ERROR
    assert len(source.calls) <= kept + 5
    assert not backfill_threads()
    assert "the job cannot go on" in caplog.text
    carry_out(ScriptedSource(), ask(8, "A"), made.store, job_id="j2")
    assert len(stored(made.store)) == 8


def test_a_job_store_that_fails_for_good_ends_the_job_all_the_same() -> None:
    """Though not even the end can be noted, who waits is told, with the first reason. [R4.3, R6.4]"""
    calls = [0]

    def failure(_changes: Sequence[Change]) -> BaseException | None:
        calls[0] += 1
        return None if calls[0] < 3 else OSError("disk gone")

    made = job(ScriptedSource(), ask(5, "A", concurrency=1), jobs=FailingJobs(failure))
    report = made.run()
    assert (report.status, report.error) == ("error", "OSError: disk gone")
    assert not made.live.is_noted
    assert made.jobs.load("j1").status is BackfillStatus.PROCESSING


def test_what_is_in_flight_when_the_job_store_fails_comes_to_its_end() -> None:
    """Calls under way, and a commit, are waited for; their drafts are left. [B2]"""
    gate = threading.Event()
    store = FailingStore()

    def answer(on: date, _name: str) -> object:
        if on != DAY:
            gate.wait(PATIENCE)
        return 1

    source = ScriptedSource(answer)
    made = job(source, ask(6, "A", concurrency=3), store, jobs=FailingJobs(noting(DayPublished)))
    with running(made.runner.run):
        until(made.live.context.cancel.is_set)
        assert not made.live.future.done()
        gate.set()
    assert made.live.future.result(0).status is BackfillStatus.ERROR
    assert store.open_drafts == 0
    assert not backfill_threads()


# --- workers and subscribers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Jammed("?"), SystemExit(3), GeneratorExit(), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["begin", "put", "commit"])
def test_a_worker_that_raises_what_is_no_exception_stops_the_job(
    call: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """What no unit can be blamed for ends the job with its name, and the traceback goes to the log. [R6.1, R6.4]"""
    store = FailingStore(once(call, DAY, error))
    made = job(ScriptedSource(), ask(2, "A", concurrency=1), store)
    run_in_thread(made)
    report = made.live.report()
    assert report.status is BackfillStatus.ERROR
    assert str(report.error).startswith(f"{type(error).__name__}: ")
    assert report.errors == ()
    assert "the job cannot go on" in caplog.text
    assert any(record.exc_info and record.exc_info[1] is error for record in caplog.records)
    assert store.open_drafts == 0


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), Jammed()])
def test_a_source_that_raises_what_is_no_exception_fails_its_unit(error: BaseException) -> None:
    """In a worker a source's `SystemExit` is a bug of the source, of one unit. [R6.1, R6.2]"""
    source = ScriptedSource(lambda _on, name: error if name == "B" else 1)
    report = carry_out(source, ask(2, "A", "B")).live.report()
    assert (report.status, report.progress.completed, report.progress.failed) == ("partial_success", 2, 2)
    assert {failure.kind for failure in report.errors} == {"source_bug"}


@pytest.mark.parametrize("error", [ValueError("no"), Jammed(), KeyboardInterrupt(), SystemExit(1)])
def test_subscribers_that_raise_do_not_stop_the_runner(error: BaseException) -> None:
    """However often a callback raises, whatever it is, the job is complete, and other subscribers hear all of it. [R9.5]"""

    def fail(_event: JobEvent) -> None:
        raise error

    made = job(ScriptedSource(), ask(4, "A", "B"))
    heard: list[JobEvent] = []
    made.live.subscribe(fail)
    made.live.subscribe(heard.append)
    run_in_thread(made)
    assert made.live.report().status is BackfillStatus.COMPLETE
    assert sum(isinstance(event.change, UnitsSettled) for event in heard) == 4
    assert isinstance(heard[-1].change, StatusChanged)


def test_a_subscriber_that_waits_holds_up_nothing_that_is_under_way() -> None:
    """While a callback waits, calls in flight end and can be looked at; when it goes on, so does the job. [R9.5]"""
    gate, waiting = threading.Event(), threading.Event()
    source = ScriptedSource()
    made = job(source, ask(6, "A", concurrency=3))

    def wait(event: JobEvent) -> None:
        if isinstance(event.change, UnitsSettled):
            waiting.set()
            assert gate.wait(PATIENCE)

    leave = made.live.subscribe(wait)
    with running(made.runner.run):
        assert waiting.wait(PATIENCE)
        until(lambda: len(source.calls) >= 3)
        assert together(made.live.report)[0].status is BackfillStatus.PROCESSING
        leave()
        gate.set()
    assert made.live.future.result(0).progress.completed == 6


def test_a_bug_in_the_runner_itself_ends_the_job(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """If the account of a day goes wrong, the job says so and ends, instead of going on in the dark. [R6.4]"""

    def wrong(*_args: object, **_options: object) -> None:
        raise AssertionError("a state that cannot be")

    monkeypatch.setattr("backfill.engine.day.DayWork.collected", wrong)
    store = FailingStore()
    report = carry_out(ScriptedSource(), ask(3, "A"), store).live.report()
    assert (report.status, report.error) == ("error", "AssertionError: a state that cannot be")
    assert store.open_drafts == 0
    assert "the job cannot go on" in caplog.text


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Check that no test leaves a thread of the library behind."""
    yield
    until(lambda: not backfill_threads())
