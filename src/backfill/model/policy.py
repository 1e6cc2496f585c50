"""Limits and retries as values: immutable, validated, their units written out."""

from __future__ import annotations

from attrs import frozen

from backfill.model.checks import as_count, as_seconds


@frozen(kw_only=True)
class RetryPolicy:
    """How often, and with which pauses, a transient failure is tried again.

    The pause before attempt *n* + 1 is drawn uniformly from 0 to ``min(max_wait, base * factor ** (n - 1))`` seconds (full
    jitter), and is never shorter than what the server asked for.

    Attributes:
        max_attempts: Attempts in all, the first included.
        base: Seconds: the longest possible first pause.
        factor: By which the longest possible pause grows.
        max_wait: Seconds: no drawn pause is longer.
        max_retry_after: Seconds: a server that asks for a longer pause than this is not waited for: the attempt fails, and a
            `PoliteFetcher` leaves the host alone for so long, a week at most, and has the job pause with the reason.
    """

    max_attempts: int = 4
    base: float = 1.0
    factor: float = 2.0
    max_wait: float = 60.0
    max_retry_after: float = 3600.0

    def __attrs_post_init__(self) -> None:
        as_count("max_attempts", self.max_attempts, least=1, most=100)
        as_seconds("base", self.base, most=3600)
        as_seconds("factor", self.factor, least=1, most=100)
        as_seconds("max_wait", self.max_wait, most=86400)
        as_seconds("max_retry_after", self.max_retry_after, most=86400)
