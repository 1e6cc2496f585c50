"""Sharing in flight: equal questions at the same time cost one request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.fetching.call import BoundFetch, Call
from backfill.fetching.counters import Counters
from backfill.fetching.share import Sharing
from backfill.fetching.trying import checked
from backfill.model import Document, JobContext
from backfill.testing import VirtualClock
from fetching_doubles import URL, Running, call, document, job, unit, until


class Slow:
    """A door whose visitors wait inside until they are let go, one after the other; each is told what to do then."""

    def __init__(self) -> None:
        self.inside: list[Call] = []
        self._gates: list[threading.Event] = []
        self._steps: list[Document | Exception] = []
        self._lock = threading.Lock()

    def __call__(self, asked: Call) -> Document:
        """Wait inside, and do as told."""
        with self._lock:
            gate = threading.Event()
            self.inside.append(asked)
            self._gates.append(gate)
            self._steps.append(document())
            number = len(self._gates) - 1
        assert gate.wait(10)
        step = self._steps[number]
        if isinstance(step, Exception):
            raise step
        return step

    def finish(self, number: int, step: Document | Exception | None = None) -> None:
        """Let that visitor go."""
        until(lambda: len(self._gates) > number)
        self._steps[number] = step or document()
        self._gates[number].set()


class WatchedClock(VirtualClock):
    """Knows which threads wait."""

    def __init__(self) -> None:
        super().__init__()
        self.followers: set[int] = set()

    def wait(self, event: threading.Event, timeout: float, /) -> bool:
        """Wait, and note who does."""
        self.followers.add(threading.get_ident())
        return super().wait(event, timeout)


def shared(inner: Callable[[Call], Document]) -> tuple[Sharing, WatchedClock, Counters]:
    """Return a sharing door, its clock and its counters."""
    clock, counters = WatchedClock(), Counters()
    return Sharing(inner, counters=counters, clock=clock), clock, counters


def following(clock: WatchedClock, number: int = 1) -> None:
    """Return when so many threads follow."""
    clock.followers.clear()
    until(lambda: len(clock.followers) >= number)


def test_equal_questions_at_once_cost_one_request() -> None:
    """Five units of two jobs ask for the same: one request; each runs its own check and records its own provenance. [R9.3, B3]"""
    slow = Slow()
    door, clock, counters = shared(checked(slow))
    recorded: list[tuple[str, object]] = []
    running = []

    def note(district: str, got: Document) -> None:
        recorded.append((district, got.parsed))

    def parse(district: str, got: Document) -> str:
        return f"{district}: {got.text}"

    for number in range(5):
        district = str(number)
        context = unit(job(), district=district, record=partial(note, district))
        fetch = BoundFetch(door, context)
        running.append(Running(partial(fetch, URL, check=partial(parse, district))))
        until(lambda: slow.inside)
    following(clock, 4)
    slow.finish(0)
    assert [each.document().parsed for each in running] == [f"{number}: figures" for number in range(5)]
    assert sorted(recorded) == [(str(number), f"{number}: figures") for number in range(5)]
    assert len(slow.inside) == 1
    assert counters.status((), None).shared == 4


def test_a_failure_is_shared_but_each_has_its_own_exception() -> None:
    """The followers fail with the leader: same type, kind and attempts, an exception of their own. [R9.3]"""
    slow = Slow()
    door, clock, _counters = shared(slow)
    running = [Running(lambda: door(call())) for _thread in range(3)]
    until(lambda: slow.inside)
    following(clock, 2)
    slow.finish(0, TransientSourceError("down", kind="timeout", attempts=4, retry_after=9.0, stage="fetch"))
    errors = [each.wait().error for each in running]
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, TransientSourceError)
        assert (str(error), error.kind, error.attempts, error.retry_after, error.stage) == ("down", "timeout", 4, 9.0, "fetch")
    assert len(slow.inside) == 1


@pytest.mark.parametrize("end", [Cancelled("the leader's job"), KeyError("a bug in the leader's check")])
def test_a_leader_that_gives_up_hands_over(end: Exception) -> None:
    """When the leader is cancelled, or fails by its own mistake, exactly one follower leads anew, and the others follow it."""
    slow = Slow()
    door, clock, _counters = shared(slow)
    leader = Running(lambda: door(call()))
    until(lambda: slow.inside)
    followers = [Running(lambda: door(call())) for _thread in range(3)]
    following(clock, 3)
    slow.finish(0, end)
    assert leader.wait().error is end
    until(lambda: len(slow.inside) == 2)
    following(clock, 2)
    slow.finish(1, document("second"))
    assert [each.document().content for each in followers] == [b"second"] * 3
    assert len(slow.inside) == 2


def test_a_cancelled_follower_leaves_alone() -> None:
    """A follower whose job is cancelled goes; the leader and the other followers do not notice. [R4.4]"""
    slow = Slow()
    door, clock, _counters = shared(slow)
    leaving = job()
    leader = Running(lambda: door(call()))
    until(lambda: slow.inside)
    gone, stays = Running(lambda: door(call(of=unit(leaving)))), Running(lambda: door(call()))
    following(clock, 2)
    leaving.cancel.set()
    assert isinstance(gone.wait().error, Cancelled)
    slow.finish(0)
    assert (leader.wait().error, stays.wait().error) == (None, None)


def test_a_follower_whose_check_wants_another_answer_asks_for_itself() -> None:
    """What satisfies the leader need not satisfy a follower: a transient refusal makes it ask, another one is its failure."""
    slow = Slow()
    door, clock, _counters = shared(slow)

    def refuse(error: SourceError) -> Callable[[Document], object]:
        def check(_document: Document) -> object:
            raise error

        return check

    leader = Running(lambda: door(call()))
    until(lambda: slow.inside)
    again = Running(lambda: door(call(check=refuse(TransientSourceError("zero rows")))))
    never = Running(lambda: door(call(check=refuse(PermanentSourceError("wrong")))))
    following(clock, 2)
    slow.finish(0)
    slow.finish(1, document("fresh"))
    assert leader.wait().error is None
    assert again.document().content == b"fresh"
    assert isinstance(never.wait().error, PermanentSourceError)


@pytest.mark.parametrize(
    ("jobs", "requests"),
    [
        ((job(), job()), 1),
        ((job(reuse=False), job(reuse=False)), 2),
        ((job(reuse=False), job()), 2),
    ],
)
def test_a_job_that_wants_it_anew_shares_with_nobody_else(jobs: tuple[JobContext, JobContext], requests: int) -> None:
    """Jobs share, unless one has caching turned off: that one shares among its own units only. [R9.3]"""
    slow = Slow()
    door, clock, _counters = shared(slow)
    running = [Running(door, call(of=unit(context))) for context in (*jobs, jobs[0])]
    until(lambda: len(slow.inside) == requests)
    following(clock, 3 - requests)
    for number in range(requests):
        slow.finish(number)
    assert [each.wait().error for each in running] == [None] * 3
    assert len(slow.inside) == requests


def test_questions_one_after_the_other_are_not_shared() -> None:
    """Sharing is for what is under way; keeping is the archive's business. A failure is not kept either."""
    slow = Slow()
    door, _clock, _counters = shared(slow)
    steps: tuple[Document | Exception, ...] = (document(), DataUnavailable("none"), document())
    for number, step in enumerate(steps):
        running = Running(lambda: door(call()))
        slow.finish(number, step)
        running.wait()
    assert len(slow.inside) == 3


def test_a_check_that_asks_for_its_own_document_does_not_wait_for_itself() -> None:
    """A question within its own answer goes out by itself, instead of standing still for ever."""
    asked: list[Call] = []

    def inner(question: Call) -> Document:
        asked.append(question)
        return door(question) if len(asked) == 1 else document()

    door, _clock, _counters = shared(inner)
    assert door(call()).content == b"figures"
    assert len(asked) == 2


def test_a_thread_that_dies_takes_nobody_with_it() -> None:
    """Even what is no Exception (SystemExit) hands over."""

    def inner(_call: Call) -> Document:
        if threading.current_thread() is leader_thread[0]:
            entered.set()
            go.wait()
            raise SystemExit
        return document("second")

    entered, go = threading.Event(), threading.Event()
    leader_thread: list[threading.Thread] = []
    door, clock, _counters = shared(inner)

    def lead() -> None:
        leader_thread.append(threading.current_thread())
        door(call())

    leader = Running(lead)
    entered.wait()
    follower = Running(lambda: door(call()))
    following(clock)
    go.set()
    assert isinstance(leader.wait().error, SystemExit)
    assert follower.document().content == b"second"
