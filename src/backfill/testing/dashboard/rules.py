"""Which faults are switched on, for which requests, and how often still."""

from __future__ import annotations

import threading
from datetime import date
from fnmatch import fnmatchcase

from attrs import define, field, frozen

from backfill.errors import InvalidRequest
from backfill.testing.dashboard.asked import Asked
from backfill.testing.dashboard.faults import Fault


@frozen
class Matching:
    """The requests that a rule is for: those that fit every pattern given. Patterns are those of `fnmatch`; ``None`` fits all.

    Attributes:
        path: The path of the address, ``"/2022-2023/*"``.
        report: The report's name; empty for pages.
        district: The district; empty for the summary.
        month: The month end as ``YYYY-MM-DD``, or any day of the month; a slot that is no date stands as it was written.
        as_of: The as-of as ``YYYY-MM-DD``, or a date; else as *month*.
    """

    path: str | None = None
    report: str | None = None
    district: str | None = None
    month: str | None = None
    as_of: str | None = None

    def fits(self, asked: Asked) -> bool:
        """Return whether a request fits."""
        pairs = (
            (asked.path, self.path),
            (asked.report, self.report),
            (asked.district, self.district),
            (written(asked.month, asked.month_slot), self.month),
            (written(asked.as_of, asked.as_of_slot), self.as_of),
        )
        return all(pattern is None or fnmatchcase(text, pattern) for text, pattern in pairs)


@define(eq=False)
class FaultRule:
    """A fault that was switched on.

    Attributes:
        fault: What goes wrong.
        matching: For which requests.
        remaining: How often still; ``None`` = until it is switched off.
        hits: How often it went wrong so far.
        cancelled: Whether it was switched off.
    """

    fault: Fault
    matching: Matching
    remaining: int | None
    hits: int = field(default=0, init=False)
    cancelled: bool = field(default=False, init=False)

    def cancel(self) -> None:
        """Switch it off; any thread."""
        self.cancelled = True


class RuleBook:
    """The rules, asked in the order in which they were made: the first that fits and is not used up decides. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[FaultRule] = []

    def add(self, fault: Fault, matching: Matching, times: int | None) -> FaultRule:
        """Add a rule.

        Raises:
            InvalidRequest: *times* is less than one.
        """
        if times is not None and times < 1:
            raise InvalidRequest("times", times, "a fault happens at least once", "leave it out for a fault that lasts")
        rule = FaultRule(fault, matching, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def take(self, asked: Asked) -> Fault | None:
        """Return the fault for a request, counting it; ``None`` = none."""
        with self._lock:
            for rule in self._rules:
                if not rule.cancelled and rule.remaining != 0 and rule.matching.fits(asked):
                    rule.hits += 1
                    rule.remaining = None if rule.remaining is None else rule.remaining - 1
                    return rule.fault
        return None

    def clear(self) -> None:
        """Switch all of them off."""
        with self._lock:
            self._rules.clear()


def written(day: date | None, slot: str) -> str:
    """Return a slot as patterns and the log see it: ``YYYY-MM-DD``, or as it came where it is no date."""
    return day.isoformat() if day else slot
