"""What can become of one unit of (day, district)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from attrs import field, frozen


class Stage(StrEnum):
    """Where in the work on a unit something failed."""

    LIST = "list"
    FETCH = "fetch"
    VALIDATE = "validate"
    TRANSFORM = "transform"
    STORE = "store"


class UnitState(StrEnum):
    """The state of one unit."""

    PENDING = "pending"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


@frozen
class DistrictError:
    """Why one unit failed (R6.2).

    Attributes:
        district_id: The district; ``None`` when the day could not even be listed.
        day: The day.
        stage: Where it failed.
        kind: One word of a small vocabulary, for grouping.
        message: For people; secrets redacted.
        attempts: Attempts made.
        is_retryable: Whether another attempt may succeed.
        timestamp: When (aware, UTC).
    """

    district_id: str | None
    day: date
    stage: Stage = field(converter=Stage)
    kind: str
    message: str
    attempts: int
    is_retryable: bool
    timestamp: datetime


@frozen
class Finding:
    """Something about the data that a reader should know; it never stops anything.

    Attributes:
        kind: One word of a small vocabulary, for grouping.
        message: For people.
        day: Which day, where it concerns one.
        district: Which district, where it concerns one.
    """

    kind: str
    message: str
    day: date | None = None
    district: str | None = None
