"""The system's clock, and the virtual one that the other tests live by."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone

from backfill.clock import SystemClock
from backfill.protocols import Clock
from backfill.testing import VirtualClock


def test_both_clocks_fit_the_protocol() -> None:
    """Either clock can stand wherever one is asked for. [R10.5]"""
    assert isinstance(SystemClock(), Clock)
    assert isinstance(VirtualClock(), Clock)


def test_the_system_clock_tells_the_time_in_utc() -> None:
    """The system's clock is aware, in UTC, and never goes back. [R10.2]"""
    clock = SystemClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= before + timedelta(minutes=1)
    assert clock.now().tzinfo is UTC
    assert clock.today() in {before.date(), clock.now().date()}
    assert clock.monotonic() <= clock.monotonic()


def test_the_system_clock_waits_for_an_event_at_most_so_long() -> None:
    """A wait ends at once when the event is set, and else at its end. [R4.4]"""
    clock, event = SystemClock(), threading.Event()
    assert clock.wait(event, 0.001) is False
    event.set()
    began = time.monotonic()
    assert clock.wait(event, 30) is True
    assert time.monotonic() - began < 10


def test_virtual_time_passes_only_by_waiting() -> None:
    """A lone thread's wait moves the time to its end at once, and is remembered. [R10.3]"""
    clock = VirtualClock(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))))
    assert (clock.now().tzinfo, clock.today()) == (UTC, date(2025, 12, 31))
    assert clock.wait(threading.Event(), 3600) is False
    assert clock.monotonic() == 3600
    assert clock.wait(threading.Event(), -5) is False
    assert clock.monotonic() == 3600
    clock.advance(60)
    assert clock.now() == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert clock.waits == [3600, -5]


def test_no_virtual_time_passes_for_an_event_already_set() -> None:
    """Waiting for what has happened takes no time, as on a real clock. [R4.4]"""
    clock, event = VirtualClock(), threading.Event()
    event.set()
    assert clock.wait(event, 3600) is True
    assert clock.monotonic() == 0


def test_virtual_time_moves_when_every_thread_waits() -> None:
    """With several threads the earliest of the awaited moments comes first, whoever began to wait first. [R10.3]"""
    clock, order = VirtualClock(threads=2), list[tuple[str, float]]()

    def work(name: str, *seconds: float) -> None:
        for pause in seconds:
            clock.wait(threading.Event(), pause)
            order.append((name, clock.monotonic()))
        clock.leave()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, "slow", 10.0, 10.0), pool.submit(work, "quick", 4.0, 4.0, 4.0)]:
            done.exception(timeout=30)
    assert order == [("quick", 4.0), ("quick", 8.0), ("slow", 10.0), ("quick", 12.0), ("slow", 20.0)]


def test_an_event_ends_a_virtual_wait() -> None:
    """A wait that others hold up ends when its event is set, without time passing. [R4.4]"""
    clock, event = VirtualClock(threads=2), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(clock.wait, event, 3600.0)
        event.set()
        assert waiting.result(timeout=30) is True
    assert clock.monotonic() == 0
