"""The attempt loop, in virtual time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.model import RetryPolicy
from backfill.retrying import attempt, pauses
from backfill.testing import VirtualClock
from foundation_samples import bounded

policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 8),
    base=st.floats(0, 100),
    factor=st.floats(1, 10),
    max_wait=st.floats(0, 1000),
    max_retry_after=st.floats(0, 5000),
)


class Flaky:
    """A call that fails so often, then returns the number of its attempt."""

    def __init__(self, failures: int, make: Callable[[], SourceError] = TransientSourceError) -> None:
        self.failures = failures
        self.make = make
        self.numbers: list[int] = []

    def __call__(self, number: int) -> int:
        """Fail, or return *number*."""
        self.numbers.append(number)
        if number <= self.failures:
            raise self.make()
        return number


def run(call: Callable[[int], int], policy: RetryPolicy | None = None, clock: VirtualClock | None = None) -> int:
    """Attempt *call* on a virtual clock."""
    return attempt(call, policy=policy or RetryPolicy(), clock=clock or VirtualClock(), cancel=threading.Event())


@bounded
@given(policies)
def test_pauses_keep_within_their_bounds(policy: RetryPolicy) -> None:
    """Each drawn pause is between nothing and the policy's exponential bound, capped. [R6.5, B6]"""
    for number, pause in enumerate(islice(pauses(policy), 12)):
        assert 0 <= pause <= min(policy.max_wait, policy.base * policy.factor**number) * (1 + 1e-9)


def test_the_longest_pauses_grow_to_the_cap() -> None:
    """Without jitter the pauses are the bounds themselves. [R6.5]"""
    policy = RetryPolicy(base=1.0, factor=2.0, max_wait=10.0)
    assert list(islice(pauses(policy, jitter=lambda longest: longest), 6)) == [1, 2, 4, 8, 10, 10]


@bounded
@given(policies, st.integers(0, 9), st.none() | st.floats(0, 6000))
def test_attempts_and_pauses_follow_the_policy(policy: RetryPolicy, failures: int, retry_after: float | None) -> None:
    """As many attempts as allowed are made, each pause at least as long as the server asked for, at most as the policy says. [R6.5]"""
    clock, call = VirtualClock(), Flaky(failures, lambda: TransientSourceError(retry_after=retry_after))
    too_long = retry_after is not None and retry_after > policy.max_retry_after
    allowed = 1 if too_long else policy.max_attempts
    try:
        assert run(call, policy, clock) == failures + 1
    except TransientSourceError as error:
        assert failures >= allowed
        assert error.attempts == allowed  # noqa: PT017 - either outcome is right
    assert call.numbers == list(range(1, min(failures + 1, allowed) + 1))
    assert len(clock.waits) == len(call.numbers) - 1
    for number, pause in enumerate(clock.waits):
        assert pause >= (retry_after or 0)
        assert pause <= max(retry_after or 0, min(policy.max_wait, policy.base * policy.factor**number) * (1 + 1e-9))


def test_an_error_may_allow_fewer_attempts() -> None:
    """A failure that a second try settles is tried twice only; more than the policy allows is never tried. [R6.5]"""
    for most, expected in ((2, [1, 2]), (100, [1, 2, 3, 4])):
        call = Flaky(99, lambda most=most: TransientSourceError(max_attempts=most))  # type: ignore[misc] # the loop's own value
        with pytest.raises(TransientSourceError):
            run(call)
        assert call.numbers == expected


@pytest.mark.parametrize("kind", [PermanentSourceError, DataUnavailable, SourceError, Cancelled])
def test_other_failures_are_not_tried_again(kind: type[SourceError]) -> None:
    """What another attempt cannot mend passes at once, with its attempts noted. [R6.5, R6.2]"""
    clock, call = VirtualClock(), Flaky(99, kind)
    with pytest.raises(kind) as caught:
        run(call, clock=clock)
    assert (caught.value.attempts, call.numbers, clock.waits) == (1, [1], [])


def test_what_is_no_source_error_passes_untouched() -> None:
    """A bug in a caller's code is no failure of the source. [R6.2]"""

    def call(_number: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(call)


def test_attempts_made_below_are_not_forgotten() -> None:
    """An error that has been retried already keeps its greater number of attempts. [R6.2]"""
    for kind in (TransientSourceError, PermanentSourceError):
        with pytest.raises(kind) as caught:
            run(Flaky(99, lambda kind=kind: kind(attempts=7)), RetryPolicy(max_attempts=2))  # type: ignore[misc] # as above
        assert caught.value.attempts == 7


def test_a_retry_is_announced() -> None:
    """Whoever asks is told of each failure and the pause that follows. [R9.5]"""
    told: list[tuple[str, float]] = []
    clock = VirtualClock()
    result = attempt(
        Flaky(2, lambda: TransientSourceError("busy", retry_after=5)),
        policy=RetryPolicy(),
        clock=clock,
        cancel=threading.Event(),
        on_retry=lambda error, pause: told.append((str(error), pause)),
    )
    assert result == 3
    assert told == [("busy", pause) for pause in clock.waits]
    assert clock.monotonic() == sum(clock.waits) >= 10


def test_a_cancelled_job_begins_no_attempt() -> None:
    """Nothing is called once the job is cancelled. [R4.4]"""
    call, cancel = Flaky(0), threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        attempt(call, policy=RetryPolicy(), clock=VirtualClock(), cancel=cancel)
    assert call.numbers == []


def test_cancelling_ends_a_pause_at_once() -> None:
    """A job cancelled while a call pauses waits no longer, and tries no more. [R4.4, R6.5]"""
    clock, call, cancel = VirtualClock(threads=2), Flaky(99, lambda: TransientSourceError(retry_after=3000)), threading.Event()
    with pytest.raises(Cancelled):
        attempt(call, policy=RetryPolicy(), clock=clock, cancel=cancel, on_retry=lambda _error, _pause: cancel.set())
    assert (call.numbers, clock.monotonic()) == ([1], 0)
