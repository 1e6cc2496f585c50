"""The attempt loop and what happens in each attempt: the caller's check."""

from __future__ import annotations

import logging
from collections.abc import Callable

from attrs import evolve

from backfill.errors import Cancelled, TransientSourceError
from backfill.fetching.call import Call, Door, examined
from backfill.model import Document, RetryPolicy
from backfill.protocols import Clock
from backfill.retrying import attempt

_log = logging.getLogger(__name__)

DEFAULT_RETRY = RetryPolicy()


def retrying(inner: Door, *, policy: RetryPolicy, clock: Clock) -> Door:
    """Return a door that tries again after transient failures, unless the job wants one attempt only."""
    once = evolve(policy, max_attempts=1)

    def door(call: Call) -> Document:
        def on_retry(error: TransientSourceError, pause: float) -> None:
            _log.info(
                "attempt %d failed (%s), the next in %.1f s: %s", error.attempts, error.kind, pause, error, extra=call.log_extra
            )
            call.unit.attempts.note(error)

        return attempt(
            lambda number: inner(call if number == call.attempt else evolve(call, attempt=number)),
            policy=policy if call.unit.job.retry else once,
            clock=clock,
            cancel=call.cancel,
            on_retry=on_retry,
            made=call.unit.attempts.take_earlier(),
        )

    return door


def checked(inner: Door, *, on_refused: Callable[[Document], None] | None = None) -> Door:
    """Return a door that hands out only what the caller's check accepts.

    Args:
        inner: Brings a document.
        on_refused: Told of each document that the check did not accept.
    """

    def door(call: Call) -> Document:
        document = inner(call)
        try:
            return examined(call, document)
        except Cancelled:
            raise
        except Exception:
            if on_refused is not None:
                on_refused(document)
            raise

    return door
