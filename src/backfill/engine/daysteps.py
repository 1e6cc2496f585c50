"""The steps of a day, what they bring, and what a day begins with when its job goes on after an interruption."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from backfill.errors import SourceError
from backfill.model import DayPublished, DayRow, DistrictError, Finding, RecordHeader

Outcome = RecordHeader | SourceError
"""What one district gave: a record that is staged, or why there is none."""


@frozen
class ListDistricts:
    """Ask the source which districts the day has."""


@frozen
class Collect:
    """Call the source once.

    Attributes:
        call: Which of its calls.
        districts: For which districts; ``None`` = for all that the answer has.
    """

    call: Literal["one", "many", "all"]
    districts: tuple[str, ...] | None


@frozen
class Summarize:
    """Ask the source for summaries of the day as a whole."""

    districts: tuple[str, ...]


@frozen
class Publish:
    """Commit what is staged."""


Step = ListDistricts | Collect | Summarize | Publish


@frozen
class Earlier:
    """What has become of a day before its job was interrupted.

    Attributes:
        row: Its units.
        errors: Why those failed that did.
        findings: What was noticed.
        published: That a snapshot of the day holds districts which the job has stored but not noted; ``None`` = none.
        stored: These districts.
    """

    row: DayRow
    errors: tuple[DistrictError, ...] = ()
    findings: tuple[Finding, ...] = ()
    published: DayPublished | None = None
    stored: tuple[str, ...] = ()
