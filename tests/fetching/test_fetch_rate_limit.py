"""The rate limit: never more in any window than it allows, and no slower than it must be."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import Cancelled
from backfill.fetching.limiter import Limiter
from backfill.fetching.pace import HostPace, JobPace, kept_in_memory
from backfill.fetching.schedule import CATCH_UP, LONGEST_UNDER_WAY, MARGIN, Schedule
from backfill.testing import VirtualClock
from fetching_doubles import Running, failure, sent, until

RATES = st.one_of(st.floats(0.05, 60), st.integers(1, 60).map(float))


def worst_window(moments: list[float], window: float) -> int:
    """Return the most moments that any window of this length holds (its end excluded)."""
    return max(sum(begin <= moment < begin + window for moment in moments) for begin in moments)


@settings(deadline=None)
@given(
    rate=RATES,
    demands=st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.5)), min_size=1, max_size=80),
    parks=st.dictionaries(st.integers(0, 79), st.floats(0, 20), max_size=3),
)
def test_p10_rate_limit_is_never_exceeded(rate: float, demands: list[tuple[float, float]], parks: dict[int, float]) -> None:
    """However demands come, threads wake late and hosts are parked: no window of the limit's length holds more. [P10, R9.1]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(rate), clock)
    granted: list[float] = []
    for number, (pause, lateness) in enumerate(demands):
        clock.advance(pause)
        parked_until = clock.monotonic() + parks.get(number, 0.0)
        if number in parks:
            pace.penalise(parks[number])
        while (wait := sent(pace)) > 0:
            clock.advance(wait + lateness)
        granted.append(clock.monotonic())
        assert granted[-1] >= parked_until
    count = math.ceil(rate)
    assert worst_window(granted, count / rate - 1e-9) <= count


@settings(deadline=None)
@given(
    rate=RATES,
    requests=st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 2), st.floats(0, 1)), min_size=1, max_size=60),
)
def test_p10_rate_limit_counts_departures(rate: float, requests: list[tuple[float, float, float]]) -> None:
    """However long each takes from being allowed to leaving, and from leaving to saying so: no window holds more departures. [P10, R9.1]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(rate), clock)
    departed: list[float] = []
    noted: list[tuple[float, str]] = []

    def note_until(moment: float) -> None:
        for at, turn in sorted(noted):
            if at <= moment:
                clock.advance(max(at - clock.monotonic(), 0))
                pace.left(turn)
                noted.remove((at, turn))
        clock.advance(max(moment - clock.monotonic(), 0))

    for number, (pause, leaving, noting) in enumerate(requests):
        note_until(clock.monotonic() + pause)
        while (wait := pace.take(str(number))) > 0:
            note_until(clock.monotonic() + wait)
        departed.append(clock.monotonic() + leaving)
        noted.append((departed[-1] + noting, str(number)))
    count = math.ceil(rate)
    assert worst_window(departed, count / rate - 1e-9) <= count


def test_what_was_allowed_to_go_and_has_not_left_counts() -> None:
    """A request that is held up between its turn and the wire takes its place in every window until one has passed since it left. [P10]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(2.0), clock)
    assert pace.take("held up") == 0
    clock.advance(20)
    assert sent(pace) == 0
    assert sent(pace) == pytest.approx(1 + MARGIN)
    pace.left("held up")
    clock.advance(0.6)
    assert sent(pace) == pytest.approx(0.4 + MARGIN)
    clock.advance(0.5)
    assert sent(pace) == 0


def test_when_all_are_under_way_it_is_not_worth_asking_before_a_window_has_passed() -> None:
    """With every place taken by requests that have not left yet, the wait is a whole window from now. [P10]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(1.0), clock)
    assert pace.take("held up") == 0
    clock.advance(7)
    assert pace.take("next") == pytest.approx(1 + MARGIN)


def test_a_turn_whose_taker_died_does_not_block_for_ever() -> None:
    """Who took a turn and never said that it left counts as having left after half a minute. [P10, B6]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(1.0), clock)
    assert pace.take("died") == 0
    clock.advance(LONGEST_UNDER_WAY)
    assert sent(pace) == pytest.approx(1 + MARGIN)
    clock.advance(1.1)
    assert sent(pace) == 0


def test_a_turn_says_once_that_it_left() -> None:
    """The end of the block says it for those who did not; what was said before stands. [P10]"""
    clock = VirtualClock()
    noted: list[tuple[str, float]] = []

    class Noting:
        def take(self, _turn: str) -> float:
            return 0.0

        def left(self, turn: str) -> None:
            noted.append((turn, clock.monotonic()))

    limiter = Limiter(Noting(), 1, clock)
    with limiter.turn(threading.Event()) as left:
        clock.advance(1)
        left()
        clock.advance(1)
        left()
    with limiter.turn(threading.Event()):
        clock.advance(5)
    assert [moment for _turn, moment in noted] == [1, 7]
    assert len({turn for turn, _moment in noted}) == 2


@settings(deadline=None)
@given(rate=RATES, lateness=st.lists(st.floats(0, 1), min_size=1, max_size=40), number=st.integers(1, 150))
def test_p10_rate_limit_is_no_slower_than_it_must_be(rate: float, lateness: list[float], number: int) -> None:
    """With demand at all times, a limit of N a window lets N pass in each, less the margin and the lateness of threads. [P10]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(rate), clock)
    late = 0.0
    for index in range(number):
        while (wait := sent(pace)) > 0:
            late = max(late, lateness[index % len(lateness)])
            clock.advance(max(wait, 1e-9) + lateness[index % len(lateness)])
    windows = math.ceil((number - 1) / math.ceil(rate))
    slots = (number - 1) / rate + windows * MARGIN
    assert clock.monotonic() <= slots + (windows + number) * (late + 1e-6)


@pytest.mark.parametrize("rate", [0.5, 1.0, 5.0, 49.5])
def test_steady_demand_gets_the_whole_rate(rate: float) -> None:
    """Over a thousand requests without lateness, the limit is used to more than 99 %. [P10]"""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(rate), clock)
    for _request in range(1000):
        while (wait := sent(pace)) > 0:
            clock.advance(wait + 1e-9)
    assert 1000 / rate / clock.monotonic() > 0.99


def test_after_a_pause_at_most_three_go_together() -> None:
    """Idle time earns two slots and no more, so that nobody sends a burst."""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(10.0), clock)
    clock.advance(1000)
    assert [sent(pace) for _request in range(1 + CATCH_UP)] == [0.0] * (1 + CATCH_UP)
    assert sent(pace) == pytest.approx(0.1)


def test_without_a_limit_only_parking_holds_back() -> None:
    """With rate=None nothing waits, except for a host that asked to be left alone."""
    clock = VirtualClock()
    pace = HostPace(kept_in_memory(None), clock)
    assert {sent(pace) for _request in range(100)} == {0.0}
    pace.penalise(5)
    assert sent(pace) == pace.parked_seconds == 5.0
    clock.advance(5)
    assert (sent(pace), pace.parked_seconds) == (0.0, 0.0)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """Of two pauses that a host asks for, the later end counts."""
    schedule = Schedule(5.0)
    schedule.park(10)
    schedule.park(3)
    assert schedule.ready_at(0) == 10


def test_turns_are_dealt_first_in_first_out() -> None:
    """Twenty threads that queue up one after the other are served in that order; nobody starves. [R9.1, R9.2]"""
    clock = VirtualClock(threads=20)
    limiter = Limiter(HostPace(kept_in_memory(5.0), clock), 100, clock)
    served: list[int] = []

    def take(number: int) -> None:
        with limiter.turn(threading.Event()):
            served.append(number)
        clock.leave()

    gate = threading.Event()
    with limiter.turn(gate):  # the first keeps the others together until all stand in the queue
        running = []
        for number in range(20):
            running.append(Running(take, number))
            until(lambda: limiter.status()[1] + len(served) >= len(running))
    for each in running:
        assert each.wait().error is None
    assert served == list(range(20))


@settings(deadline=None)
@given(
    limit=st.integers(1, 4),
    holds=st.lists(st.floats(0, 5), min_size=1, max_size=6),
    rate=st.one_of(st.none(), st.floats(0.5, 50)),
)
def test_p9_concurrency_limit_is_never_exceeded(limit: int, holds: list[float], rate: float | None) -> None:
    """Never more turns at once than the limit, for any limit and any timing; and none is lost. [P9, R9.2]"""
    clock = VirtualClock(threads=len(holds))
    limiter = Limiter(HostPace(kept_in_memory(rate), clock), limit, clock)
    lock = threading.Lock()
    inside = 0
    most = 0

    def work(seconds: float) -> None:
        nonlocal inside, most
        try:
            for _turn in range(3):
                with limiter.turn(threading.Event()):
                    with lock:
                        inside += 1
                        most = max(most, inside)
                    clock.wait(threading.Event(), seconds)
                    with lock:
                        inside -= 1
        finally:
            clock.leave()

    for each in [Running(work, seconds) for seconds in holds]:
        assert each.wait().error is None
    assert 1 <= most <= limit
    assert limiter.status() == (0, 0)


def test_a_cancelled_waiter_leaves_no_hole() -> None:
    """When those in front give up, the next goes at its own slot, not at the one it would have had behind them. [R4.4]"""
    clock = VirtualClock()
    granted: list[str] = []

    class Watched(HostPace):
        def take(self, turn: str, /) -> float:
            wait = super().take(turn)
            granted.extend([turn] if wait <= 0 else [])
            return wait

    limiter = Limiter(Watched(kept_in_memory(1.0), clock), 1, clock)
    holding, impatient = threading.Event(), threading.Event()

    def last() -> None:
        with limiter.turn(threading.Event()):
            pass

    with limiter.turn(holding):
        given_up = []
        for _waiter in range(5):
            given_up.append(Running(lambda: limiter.turn(impatient).__enter__()))
            until(lambda: limiter.status()[1] == len(given_up))
        behind = Running(last)
        until(lambda: limiter.status()[1] == 6)
        impatient.set()
        for each in given_up:
            assert isinstance(each.wait().error, Cancelled)
        until(lambda: limiter.status()[1] == 1)
    behind.wait()
    assert len(granted) == 2, "those in front took no slot of the schedule along"
    assert limiter.status() == (0, 0)


def test_jobs_get_turns_evenly() -> None:
    """A job with many units in work does not keep out one with few: they take turns, and within a job the order is that of asking. [R9.1]"""
    limiter = Limiter(HostPace(kept_in_memory(None), VirtualClock()), 1, VirtualClock())
    never = threading.Event()
    dealt: list[str] = []

    def work(job: str, number: int) -> None:
        with limiter.turn(never, of=job):
            dealt.append(f"{job}{number}")

    with limiter.turn(never):
        waiting = []
        for job, number in [*(("many", number) for number in range(5)), ("few", 0), ("few", 1)]:
            waiting.append(Running(work, job, number))
            until(lambda: limiter.status()[1] == len(waiting))
    for each in waiting:
        assert each.wait().error is None
    assert dealt == ["many0", "few0", "many1", "few1", "many2", "many3", "many4"]
    with limiter.turn(never, of="few"):  # nobody is owed anything by one that had nobody beside it
        waiting = [Running(work, "many", 5)]
        until(lambda: limiter.status()[1] == 1)
        waiting.append(Running(work, "few", 2))
        until(lambda: limiter.status()[1] == 2)
    for each in waiting:
        assert each.wait().error is None
    assert dealt[-2:] == ["many5", "few2"]


def test_a_cancel_ends_the_wait_for_a_time_at_once() -> None:
    """The first in the queue waits for its moment on the cancel flag itself."""
    clock = VirtualClock(threads=2)  # one thread waits, and so the time stands still
    limiter = Limiter(HostPace(kept_in_memory(0.01), clock), 1, clock)
    cancel = threading.Event()
    with limiter.turn(cancel):
        pass
    waiting = Running(lambda: limiter.turn(cancel).__enter__())
    until(lambda: clock.waits)
    cancel.set()
    assert isinstance(waiting.wait().error, Cancelled)
    assert clock.monotonic() == 0


def test_a_cancelled_call_takes_no_turn() -> None:
    """Who is cancelled before it asks does not cost a slot."""
    clock = VirtualClock()
    limiter = Limiter(HostPace(kept_in_memory(1.0), clock), 1, clock)
    cancel = threading.Event()
    cancel.set()
    failure(lambda: limiter.turn(cancel).__enter__(), Cancelled)
    with limiter.turn(threading.Event()):
        assert clock.monotonic() == 0


def test_a_turn_ends_when_its_block_fails() -> None:
    """An exception gives the turn back."""
    clock = VirtualClock()
    limiter = Limiter(HostPace(kept_in_memory(None), clock), 1, clock)
    for _turn in range(3):
        with pytest.raises(KeyError), limiter.turn(threading.Event()):
            raise KeyError
    assert limiter.status() == (0, 0)


def test_a_pace_that_fails_does_not_block_the_queue() -> None:
    """When the pace itself fails for one (a disk that is full), the next is not stuck behind it."""

    class Failing:
        def take(self, _turn: str) -> float:
            raise OSError

        def left(self, _turn: str) -> None:
            raise NotImplementedError

    limiter = Limiter(Failing(), 1, VirtualClock())
    for _turn in range(2):
        with pytest.raises(OSError), limiter.turn(threading.Event()):  # noqa: PT011 - any will do
            pass
    assert limiter.status() == (0, 0)


def test_a_jobs_requests_keep_their_distance() -> None:
    """The seconds count from when a request left, not from when its turn began."""
    clock = VirtualClock()
    pace = JobPace(10, clock)
    assert pace.take("one") == 0
    clock.advance(7)
    pace.left("one")
    clock.advance(4)
    assert pace.take("two") == 6
    clock.advance(6)
    assert pace.take("two") == 0
