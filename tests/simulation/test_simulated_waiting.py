"""What simulated threads wait with: as the standard library has it, in virtual time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from backfill.testing.simulation import Scheduler, Stuck, waiting
from backfill.testing.simulation.scheduler import current

SEEDS = range(30)
"""Enough for each of two threads to come first now and then."""


def live(main: Callable[[Scheduler], object], seed: int = 0) -> Scheduler:
    """Run *main* as a simulated thread."""
    scheduler = Scheduler(seed, most_steps=2000)
    scheduler.run(lambda: main(scheduler))
    return scheduler


def started(*runs: Callable[[], object]) -> list[waiting.Thread]:
    """Start a thread for each function."""
    threads = [waiting.Thread(target=run, daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.parametrize("make", [waiting.Lock, waiting.make_rlock])
def test_a_lock_lets_one_in_and_without_it_both_get_in(make: Callable[[], waiting.Lock]) -> None:
    """Two threads that read, step and write lose a change in some order; under a lock in none."""

    def total(locked: bool, seed: int) -> int:
        count = [0]

        def main(scheduler: Scheduler) -> None:
            lock = make()

            def add() -> None:
                before = count[0]
                scheduler.step("between reading and writing")
                count[0] = before + 1

            def add_locked() -> None:
                with lock:
                    add()

            started(*[add_locked if locked else add] * 2)

        live(main, seed)
        return count[0]

    assert {total(True, seed) for seed in SEEDS} == {2}
    assert {total(False, seed) for seed in SEEDS} == {1, 2}


def test_a_lock_is_waited_for_as_long_as_one_says() -> None:
    """`acquire` gives up at once, after its time, or never; the time is virtual."""

    def main(scheduler: Scheduler) -> None:
        lock = waiting.Lock()
        assert lock.acquire()
        assert lock.locked()

        def other() -> None:
            assert not lock.acquire(blocking=False)
            assert not lock.acquire(timeout=30)
            assert 30 <= scheduler.now < 31
            assert lock.acquire()
            assert scheduler.now >= 100
            lock.release()

        started(other)
        scheduler.wait_until(lambda: False, 100, what="hold it")
        lock.release()

    before = time.monotonic()
    live(main)
    assert time.monotonic() - before < 60


def test_a_lock_that_can_be_taken_again_is_free_when_let_go_as_often() -> None:
    """Its holder may take an RLock again; who lets go of a lock that nobody has hears of it."""

    def main(_scheduler: Scheduler) -> None:
        lock = waiting.make_rlock()
        with lock, lock:
            assert lock.locked()
        assert not lock.locked()
        with pytest.raises(RuntimeError, match="release unlocked lock"):
            lock.release()

    live(main)


def test_a_condition_wakes_whom_it_is_told_to() -> None:
    """`notify` wakes one, `notify_all` the others; who waits has given the lock away, however often it was taken."""
    woken: list[int] = []

    def main(scheduler: Scheduler) -> None:
        condition = waiting.Condition()

        def wait(number: int) -> None:
            with condition, condition:
                assert condition.wait()
                woken.append(number)

        threads = started(*(lambda number=number: wait(number) for number in range(3)))
        scheduler.wait_until(lambda: False, 1, what="let them wait")
        with condition:
            condition.notify()
        scheduler.wait_until(lambda: False, 1, what="let one wake")
        assert len(woken) == 1
        with condition:
            condition.notify_all()
        for thread in threads:
            thread.join()

    live(main)
    assert sorted(woken) == [0, 1, 2]


def test_a_condition_is_waited_for_as_long_as_one_says() -> None:
    """`wait` and `wait_for` return when their time is over, with what holds then."""

    def main(scheduler: Scheduler) -> None:
        flag: list[int] = []
        condition = waiting.Condition(waiting.Lock())
        with condition:
            assert not condition.wait(5)
            assert not condition.wait_for(lambda: flag, 5)
            assert 10 <= scheduler.now < 11

        def set_later() -> None:
            scheduler.wait_until(lambda: False, 2, what="later")
            with condition:
                flag.append(1)
                condition.notify_all()

        started(set_later)
        with condition:
            assert condition.wait_for(lambda: flag) == [1]

    live(main)


def test_an_event_a_semaphore_and_a_queue() -> None:
    """Each is waited for in virtual time, and lets through whom it must."""

    def main(scheduler: Scheduler) -> None:
        event, slots, items = waiting.Event(), waiting.Semaphore(1), waiting.SimpleQueue[int]()
        assert not event.wait(3)
        assert slots.acquire()
        assert not slots.acquire(timeout=3)
        assert not slots.acquire(blocking=False)

        def give() -> None:
            scheduler.wait_until(lambda: False, 10, what="later")
            event.set()
            slots.release()
            items.put(1)
            items.put(2)

        started(give)
        assert event.wait()
        assert event.is_set()
        assert slots.acquire()
        assert [items.get(), items.get()] == [1, 2]
        event.clear()
        assert not event.is_set()

    live(main)


def test_a_thread_is_joined_when_it_has_ended() -> None:
    """A thread is alive until it has ended; who waits for it may give up before."""

    def main(scheduler: Scheduler) -> None:
        (thread,) = started(lambda: scheduler.wait_until(lambda: False, 10, what="work"))
        thread.join(1)
        assert thread.is_alive()
        assert current() is scheduler
        thread.join()
        assert not thread.is_alive()
        assert hash(thread) == 0, "numbered, so that a set of threads has the same order in every run"

    live(main)


def test_threads_that_wait_for_each_other_are_stuck() -> None:
    """Two locks taken in opposite orders are found, in some order, and told as what they are."""

    def main(_scheduler: Scheduler) -> None:
        one, other = waiting.Lock(), waiting.Lock()

        def take(first: waiting.Lock, second: waiting.Lock) -> None:
            with first, second:
                pass

        started(lambda: take(one, other), lambda: take(other, one))

    outcomes = set()
    for seed in SEEDS:
        try:
            live(main, seed)
            outcomes.add("over")
        except Stuck as stuck:
            outcomes.add(str(stuck).partition(":")[0])
    assert outcomes == {"over", "all wait for each other"}


def test_outside_a_simulation_all_this_works_for_one_thread() -> None:
    """What is made before a simulation, or looked at after it, waits for nothing."""
    assert current() is None
    lock, event, slots, items = waiting.Lock(), waiting.Event(), waiting.Semaphore(), waiting.SimpleQueue[int]()
    with lock, waiting.Condition() as held:
        assert held
        assert lock.locked()
        assert not lock.acquire(timeout=1)
    assert not event.wait(1)
    assert slots.acquire()
    items.put(1)
    assert items.get() == 1
    assert not waiting.Condition().wait_for(lambda: False, 0)
    ran = threading.Event()
    (thread,) = started(ran.set)
    thread.join()
    assert ran.is_set()
    assert not thread.is_alive()
