"""One attempt loop, for documents at the door and for sources that bring their own.

The pauses come from the `backoff` library's wait generator and jitter function; this module alone knows it. The loop is our
own, since the library's sleeps cannot be interrupted and read the wall clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from backfill.errors import Cancelled, SourceError, TransientSourceError
from backfill.model import RetryPolicy
from backfill.protocols import Clock

T = TypeVar("T")


def pauses(policy: RetryPolicy, *, jitter: Callable[[float], float] | None = None) -> Iterator[float]:
    """Iterate over the drawn pauses in seconds: the first is the one before the second attempt.

    Args:
        policy: Their bounds.
        jitter: Draws a pause from the longest allowed; ``None`` = uniformly from 0 to it (full jitter).
    """
    import backoff  # noqa: PLC0415 - loads asyncio, which an import of the package must not

    draw = jitter or backoff.full_jitter
    waits = backoff.expo(base=policy.factor, factor=policy.base, max_value=policy.max_wait)
    next(waits)  # primes the generator, as the library's decorators do
    while True:
        yield draw(waits.send(None))


def attempt(
    call: Callable[[int], T],
    *,
    policy: RetryPolicy,
    clock: Clock,
    cancel: threading.Event,
    on_retry: Callable[[TransientSourceError, float], None] | None = None,
    made: int = 0,
) -> T:
    """Return what *call* returns, trying again after transient failures; blocks the calling thread meanwhile.

    Args:
        call: Called with the number of the attempt, from 1.
        policy: How often, and with which pauses.
        clock: Waits, and ends a wait at once when *cancel* is set.
        cancel: Ends the attempts.
        on_retry: Called before each pause with the failure and the seconds.
        made: Attempts that failed before, in another process: they count, but one more is made in any case.

    Raises:
        TransientSourceError: The last attempt failed; its ``attempts`` says how many there were.
        Cancelled: *cancel* was set.
        SourceError: Whatever else *call* raised, at once, with its ``attempts``.
    """
    waits = pauses(policy)
    number = made
    while True:
        if cancel.is_set():
            raise Cancelled("the job was cancelled")
        number += 1
        try:
            return call(number)
        except TransientSourceError as error:
            error.attempts = max(error.attempts, number)
            wanted = error.retry_after or 0.0
            most = policy.max_attempts if error.max_attempts is None else min(error.max_attempts, policy.max_attempts)
            if number >= most or wanted > policy.max_retry_after:
                raise
            pause = max(next(waits), wanted)
            if on_retry is not None:
                on_retry(error, pause)
        except SourceError as error:
            error.attempts = max(error.attempts, number)
            raise
        if clock.wait(cancel, pause):
            raise Cancelled("the job was cancelled while it waited to try again")
