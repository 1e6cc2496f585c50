"""The breaker: a host that does not answer is left alone, and probed for its return."""

from __future__ import annotations

import threading

import pytest

from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.fetching.breaker import COOL_DOWN, LONGEST_COOL_DOWN, THRESHOLD, Breaker, guarded, patient
from backfill.fetching.call import Call, Door
from backfill.model import Document
from backfill.testing import VirtualClock
from fetching_doubles import Running, Scripted, call, document, failure, job, source_error, unit, until

SILENCE = TransientSourceError("no answer", kind="connection")


def doors(inner: Door, clock: VirtualClock, *, patience: float = 1e6) -> tuple[Door, Breaker]:
    """Return both doors around *inner*, and their breaker."""
    breaker = Breaker(clock)
    return patient(guarded(inner, lambda _call: breaker), lambda _call: breaker, patience=patience, clock=clock), breaker


def broken(clock: VirtualClock) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(clock)
    for _failure in range(THRESHOLD):
        breaker.leave(0, answered=False)
    return breaker


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (TransientSourceError("", kind="timeout"), True),
        (TransientSourceError("", kind="connection"), True),
        (TransientSourceError("", kind="tls"), True),
        (TransientSourceError("", kind="http_500"), True),
        (TransientSourceError("", kind="http_503"), True),
        (TransientSourceError("", kind="http_503", retry_after=0.0), False),
        (TransientSourceError("", kind="http_429"), False),
        (TransientSourceError("", kind="truncated"), False),
        (PermanentSourceError("", kind="http_403"), False),
        (DataUnavailable("", kind="http_404"), False),
    ],
)
def test_what_counts_as_no_answer(error: SourceError, counts: bool) -> None:
    """Only network failures and 5xx without Retry-After open the breaker; 4xx, 429, cut bodies and Retry-After are answers. [R9.4]"""
    clock = VirtualClock()
    door, breaker = doors(Scripted(error), clock)
    for _attempt in range(THRESHOLD):
        source_error(lambda: door(call()))
    assert breaker.status() == (("open", COOL_DOWN) if counts else ("closed", 0.0))


def test_ten_failures_must_come_in_a_row() -> None:
    """One answer in between starts the count anew. [R9.4]"""
    breaker = Breaker(VirtualClock())
    for _round in range(3):
        for _failure in range(THRESHOLD - 1):
            assert breaker.leave(0, answered=False) is None
        breaker.leave(0, answered=True)
    assert breaker.status()[0] == "closed"
    assert [breaker.leave(0, answered=False) for _failure in range(THRESHOLD)] == [None] * (THRESHOLD - 1) + [COOL_DOWN]


def test_calls_wait_while_it_is_open_and_go_on_when_the_host_is_back() -> None:
    """Parked is a state, not an error: the call after ten failures waits for the cool-down and then succeeds. [R9.4]"""
    clock = VirtualClock()
    inner = Scripted(*[SILENCE] * THRESHOLD, document())
    door, breaker = doors(inner, clock)
    for _attempt in range(THRESHOLD):
        source_error(lambda: door(call()))
    assert door(call()).content == b"figures"
    assert (clock.monotonic(), breaker.status()) == (COOL_DOWN, ("closed", 0.0))


def test_the_cool_down_grows_to_its_limit_and_starts_afresh() -> None:
    """Each probe that fails doubles the pause, from half a minute to five minutes; an answer resets it."""
    clock = VirtualClock()
    breaker = broken(clock)
    pauses = []
    for _probe in range(5):
        clock.advance(breaker.wait_seconds())
        passage = breaker.enter()
        assert passage is not None
        pauses.append(breaker.leave(passage, answered=False))
    assert pauses == [60, 120, 240, LONGEST_COOL_DOWN, LONGEST_COOL_DOWN]
    clock.advance(breaker.wait_seconds())
    breaker.leave(breaker.enter() or 0, answered=True)
    assert [breaker.leave(0, answered=False) for _failure in range(THRESHOLD)][-1] == COOL_DOWN


def test_half_open_lets_exactly_one_probe_out() -> None:
    """Sixteen threads after the cool-down: one reaches the host, the others wait for what comes of it. [R9.4]"""
    clock = VirtualClock()
    breaker = broken(clock)
    reached: list[int] = []
    probing, answer = threading.Event(), threading.Event()

    def host(_call: Call) -> Document:
        reached.append(threading.get_ident())
        if len(reached) == 1:
            probing.set()
            answer.wait()
        return document()

    guard = guarded(host, lambda _call: breaker)
    clock.advance(COOL_DOWN)
    barrier = threading.Barrier(16)
    door = patient(guard, lambda _call: breaker, patience=1e9, clock=clock)
    running = [Running(lambda: (barrier.wait(), door(call()))) for _thread in range(16)]
    probing.wait()
    until(lambda: len(clock.waits) > 30)
    assert (len(reached), breaker.status()) == (1, ("half-open", 0.0))
    answer.set()
    assert [each.wait().error for each in running] == [None] * 16


def test_a_call_that_queued_before_it_opened_is_kept_in() -> None:
    """The inner door decides at the moment of sending; who is kept in waits, and the host is not asked meanwhile."""
    clock = VirtualClock()
    breaker = Breaker(clock)
    inner = Scripted(document())
    opened: list[bool] = []

    def queue(asked: Call) -> Document:  # the breaker opens while the first call stands here
        if not opened:
            opened.append(True)
            for _failure in range(THRESHOLD):
                breaker.leave(0, answered=False)
        return guard(asked)

    guard = guarded(inner, lambda _call: breaker)
    door = patient(queue, lambda _call: breaker, patience=1e9, clock=clock)
    assert door(call()).content == b"figures"
    assert (clock.monotonic(), len(inner.calls)) == (COOL_DOWN, 1)


def test_a_dead_host_fails_the_document_in_the_end() -> None:
    """After ten minutes of waiting in all, over all attempts, the document fails as host_down, and is not tried again."""
    clock = VirtualClock()
    door, breaker = doors(Scripted(SILENCE), clock, patience=600)
    for _attempt in range(THRESHOLD):
        source_error(lambda: door(call()))
    asked = call()
    kinds = []
    while "host_down" not in kinds:
        error = failure(lambda: door(asked), TransientSourceError)
        kinds.append(error.kind)
    assert (error.max_attempts, error.stage) == (1, "fetch")
    assert 600 <= clock.monotonic() < 601
    assert "https://example.org:443" in str(error)
    assert breaker.status()[0] == "open"


def test_a_cancel_ends_the_wait_at_once() -> None:
    """Who waits for a host that is parked is free as soon as its job is cancelled. [R4.4]"""
    clock = VirtualClock(threads=2)
    breaker = broken(clock)
    context = job()
    door = patient(Scripted(), lambda _call: breaker, patience=600, clock=clock)
    waiting = Running(lambda: door(call(of=unit(context))))
    until(lambda: clock.waits)
    context.cancel.set()
    assert isinstance(waiting.wait().error, Cancelled)
    assert clock.monotonic() == 0


@pytest.mark.parametrize("gone", [Cancelled("gone"), KeyError("a bug")])
def test_a_probe_that_never_went_out_makes_room_for_the_next(gone: Exception) -> None:
    """A probe whose job is cancelled says nothing of the host: the next call probes."""
    clock = VirtualClock()
    breaker = broken(clock)
    clock.advance(COOL_DOWN)
    guard = guarded(Scripted(gone, document()), lambda _call: breaker)
    failure(lambda: guard(call()), type(gone))
    assert breaker.status()[0] == "half-open"
    assert guard(call()).content == b"figures"
    assert breaker.status()[0] == "closed"


def test_late_news_from_before_it_opened() -> None:
    """A failure that was under way when it opened does not prolong it; an answer that was ends it; a probe is known from the next."""
    clock = VirtualClock()
    breaker = broken(clock)
    breaker.leave(0, answered=False)
    assert breaker.wait_seconds() == COOL_DOWN
    clock.advance(COOL_DOWN)
    first = breaker.enter()
    assert first
    assert breaker.enter() is None
    breaker.leave(0, answered=True)
    assert breaker.status() == ("closed", 0.0)
    for _failure in range(THRESHOLD):
        breaker.leave(0, answered=False)
    clock.advance(COOL_DOWN)
    second = breaker.enter()
    breaker.leave(first, answered=False)
    assert second
    assert breaker.enter() is None
    breaker.leave(second, answered=True)
    assert breaker.status() == ("closed", 0.0)


def test_what_asks_no_host_has_no_breaker() -> None:
    """An address without a host passes both doors."""
    door = patient(guarded(Scripted(), lambda _call: None), lambda _call: None, patience=0, clock=VirtualClock())
    assert door(call("file:/tmp/x")).content == b"figures"
