"""One host's circuit breaker: after ten failures in a row to get an answer at all, the host is left alone for a while.

While it is open nothing fails: calls wait ("parked" is a state, not an error). When the cool-down is over, exactly one call goes out
as a probe; an answer to it ends the wait for all, its failure doubles the cool-down.

Two doors use it. The outer one waits before a turn is taken, so that nobody waits while holding one. The inner one decides, at the
moment of sending: the host may have stopped answering while the call stood in the queue.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from backfill.errors import Cancelled, HostDown, SourceError, TransientSourceError
from backfill.fetching.addresses import full_address, host_of
from backfill.fetching.call import Call, Door
from backfill.model import Document
from backfill.protocols import Clock

_log = logging.getLogger(__name__)

THRESHOLD = 10
COOL_DOWN = 30.0
LONGEST_COOL_DOWN = 300.0

_WHILE_PROBED = 1.0
"""Seconds between looks at how the probe fared."""

_SILENCE = frozenset({"timeout", "connection", "tls"})
_CLOSED = 0


class Breaker:
    """The state of one host: closed, open or half-open. Any thread; never waits.

    Args:
        clock: Says when it is now.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._cool_down = COOL_DOWN
        self._open_until: float | None = None
        self._probe: int | None = None
        self._probes = 0

    def wait_seconds(self) -> float:
        """Return after how many seconds it is worth trying to enter; 0 = now."""
        with self._lock:
            if self._open_until is None:
                return 0.0
            left = self._open_until - self._clock.monotonic()
            return left if left > 0 or self._probe is None else _WHILE_PROBED

    def enter(self) -> int | None:
        """Return a passage, to be handed to `leave`; ``None`` = stay out."""
        with self._lock:
            if self._open_until is None:
                return _CLOSED
            if self._probe is not None or self._open_until > self._clock.monotonic():
                return None
            self._probes += 1
            self._probe = self._probes
            return self._probe

    def leave(self, passage: int, *, answered: bool | None) -> float | None:
        """Note how a passage ended; return the seconds of the cool-down that it began, if it began one.

        Args:
            passage: What `enter` returned.
            answered: Whether the host answered; ``None`` = it was not asked after all.
        """
        with self._lock:
            is_probe = passage == self._probe
            if is_probe:
                self._probe = None
            if answered:
                self._failures, self._cool_down, self._open_until, self._probe = 0, COOL_DOWN, None, None
            elif answered is False and (is_probe or self._open_until is None):  # what was sent before it opened says nothing new
                return self._count_failure()
            return None

    def status(self) -> tuple[str, float]:
        """Return ``closed``, ``open`` or ``half-open``, and for how many seconds it stays open."""
        with self._lock:
            if self._open_until is None:
                return "closed", 0.0
            left = self._open_until - self._clock.monotonic()
            return ("open", left) if left > 0 else ("half-open", 0.0)

    def _count_failure(self) -> float | None:
        self._failures += 1
        if self._failures < THRESHOLD:
            return None
        pause, self._cool_down = self._cool_down, min(self._cool_down * 2, LONGEST_COOL_DOWN)
        self._open_until = self._clock.monotonic() + pause
        return pause


BreakerOf: TypeAlias = Callable[[Call], Breaker | None]
"""Finds the breaker of the host that a call asks; ``None`` when it asks no host."""


class _ShutError(Exception):
    """The breaker opened while the call stood in the queue. Never leaves this module's two doors."""


def guarded(inner: Door, breaker_of: BreakerOf) -> Door:
    """Return a door that sends only what the breaker lets pass, and tells it how that went."""

    def door(call: Call) -> Document:
        breaker = breaker_of(call)
        if breaker is None:
            return inner(call)
        passage = breaker.enter()
        if passage is None:
            raise _ShutError
        answered: bool | None = None
        try:
            document = inner(call)
            answered = True
        except SourceError as error:
            answered = _answered(error)
            raise
        finally:
            pause = breaker.leave(passage, answered=answered)
            if pause is not None:
                _log.info("%s does not answer; it is left alone for %g s", _host(call), pause, extra=call.log_extra)
        return document

    return door


def patient(inner: Door, breaker_of: BreakerOf, *, patience: float, clock: Clock) -> Door:
    """Return a door that waits while the breaker keeps calls out.

    Args:
        inner: Holds the turn, and within it `guarded`.
        breaker_of: Finds the breaker.
        patience: Seconds that one document waits for it in all.
        clock: Waits.
    """

    def door(call: Call) -> Document:
        while True:
            breaker = breaker_of(call)
            if breaker is not None:
                _wait(call, breaker, patience, clock)
            try:
                return inner(call)
            except _ShutError:  # wait again: it says only that the breaker opened meanwhile
                continue

    return door


def _wait(call: Call, breaker: Breaker, patience: float, clock: Clock) -> None:
    while (pause := breaker.wait_seconds()) > 0:
        left = patience - call.waited.seconds
        if left <= 0:
            message = (
                f"{_host(call)} does not answer any request, and {call.identity!r} has waited {patience:g} s for that to change; "
                "look whether the host can be reached from here, then try again"
            )
            raise HostDown(message, stage="fetch", max_attempts=1)
        began = clock.monotonic()
        if clock.wait(call.cancel, min(pause, left)):
            raise Cancelled("the job was cancelled while it waited for a host that does not answer")
        call.waited.seconds += max(clock.monotonic() - began, 0.001)


def _host(call: Call) -> str:
    return host_of(full_address(call.request))


def _answered(error: SourceError) -> bool | None:
    if isinstance(error, Cancelled):
        return None
    if not isinstance(error, TransientSourceError) or error.retry_after is not None:
        return True
    return not (error.kind in _SILENCE or error.kind.startswith("http_5"))
