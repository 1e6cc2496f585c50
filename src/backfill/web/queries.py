"""What may stand in the query of an address, a class for each."""

from __future__ import annotations

from datetime import date

from attrs import frozen

from backfill.model import BackfillStatus, Frequency


@frozen
class JobQuery:
    """Which jobs.

    Attributes:
        status: Only jobs in this state; may be repeated.
        after: Only jobs that come after this one; the address of the next page says it.
        offset: Leave out so many of the newest, 10,000 at most: further on, follow the addresses of the next pages.
        limit: So many at most.
    """

    status: tuple[BackfillStatus, ...] | None = None
    after: str | None = None
    offset: int = 0
    limit: int = 50


@frozen
class ErrorQuery:
    """Which failures.

    Attributes:
        after: Leave out so many of the oldest.
        limit: So many at most.
    """

    after: int = 0
    limit: int = 100


@frozen
class EventQuery:
    """Which events.

    Attributes:
        after: Those after the one with this sequence number; the header Last-Event-ID goes before it.
    """

    after: int | None = None


@frozen
class SnapshotQuery:
    """Which stored days.

    Attributes:
        start: Leave out those before this day.
        end: Leave out those after this day.
        limit: So many at most.
    """

    start: date | None = None
    end: date | None = None
    limit: int = 100


@frozen
class CoverageQuery:
    """Which part of the coverage.

    Attributes:
        start: First day.
        end: Last day, inclusive.
        district: Only this district; may be repeated. Left out = the configured ones, else all that are stored or were tried.
        frequency: Which days of the range.
    """

    start: date
    end: date
    district: tuple[str, ...] | None = None
    frequency: Frequency = Frequency.DAILY
