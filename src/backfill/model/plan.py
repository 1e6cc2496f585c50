"""What will be done, said before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from attrs import field, frozen

from backfill.model.checks import frozen_mapping, sized
from backfill.model.request import BackfillRequest


class Gap(StrEnum):
    """Why a day has no edition of its own; such a day is never requested."""

    CLOSING = "closing"
    NEVER_EXISTED = "never-existed"
    NOT_PUBLISHED_YET = "not-published-yet"
    NO_SUCH_AS_OF = "no-such-as-of"
    UNKNOWN = "unknown"


def _gap(value: Gap | str | None) -> Gap | None:
    return None if value is None else Gap(value)


@frozen
class Edition:
    """One day as its publisher published it.

    Attributes:
        day: The day that the figures describe.
        as_of: The day on which the publisher gave them out, where that is known beforehand; ``None`` = not known.
        gap: Why there is nothing to collect; ``None`` = there is.
        settled_on: From this day on the publisher no longer changes the edition; ``None`` = it never does.
    """

    day: date
    as_of: date | None = None
    gap: Gap | None = field(default=None, converter=_gap)
    settled_on: date | None = None


class ScopeKind(StrEnum):
    """How much of the configured scope a request touches."""

    SYSTEM_WIDE = "system-wide"
    TARGETED = "targeted"
    SINGLE_DISTRICT = "single-district"


@frozen
class Doubt:
    """A target that was left out, or kept although nothing confirms it.

    Attributes:
        text: The target as it was asked for.
        why: The rule that it breaks, or what is not known of it.
        suggestions: Identifiers that may have been meant, best first.
    """

    text: str
    why: str
    suggestions: tuple[str, ...] = ()


@frozen
class BackfillScope:
    """The districts that a request may touch.

    Attributes:
        kind: All of the scope, several named districts, or one.
        districts: Which; ``None`` = every district that existed on each day.
        excluded: Targets left out, each with the reason and suggestions.
        doubtful: Targets kept although no stored day has them, each with suggestions.
    """

    kind: ScopeKind
    districts: tuple[str, ...] | None
    excluded: tuple[Doubt, ...] = ()
    doubtful: tuple[Doubt, ...] = ()


class Method(StrEnum):
    """The strategy by which a day is collected."""

    SYSTEM_WIDE = "system-wide"
    PER_DISTRICT = "per-district"
    TARGETED = "targeted"


@frozen
class CollectionStrategy:
    """The selector's choice for a job, with its reason.

    Attributes:
        method: One call a day for all, one call a district, or one call a day for several.
        detail: What a record must hold to be worth skipping: ``"summary"`` or ``"full"``.
        rationale: Why this method, in a sentence; stored with the job.
    """

    method: Method
    detail: str
    rationale: str


@frozen
class PlannedDay:
    """One day of a plan.

    Attributes:
        day: The day.
        as_of: When its edition was (or will have been) given out; ``None`` = not known.
        gap: Why nothing will be requested for it (``unknown``: its list is empty); ``None`` = it will be collected.
        settled_on: From when on its edition no longer changes; ``None`` = it never does.
        strategy: How it is collected.
        districts: Which districts; ``None`` = the day is listed first.
        existing: Of them, those stored already that will be skipped.
        listed: Whether `districts` is the day's own list, so that it need not be listed.
    """

    day: date
    as_of: date | None
    gap: Gap | None
    settled_on: date | None
    strategy: Method
    districts: tuple[str, ...] | None
    existing: tuple[str, ...] = ()
    listed: bool = False

    @property
    def edition(self) -> Edition:
        """The edition that will be collected."""
        return Edition(self.day, self.as_of, self.gap, self.settled_on)


def _counts(value: Mapping[str, int | None]) -> Mapping[str, int | None]:
    return frozen_mapping(value)


@frozen
class BackfillPlan:
    """Exactly what a job will do.

    Attributes:
        request: The request that it answers.
        scope: The districts that it may touch, and those left out.
        strategy: How the days are collected, and why.
        source: The name of the source.
        days: Every day in the order of work, known gaps included.
        requests: Documents to request per report; ``None`` = not known beforehand.
        seconds_at_rate: Seconds that the known requests need under the rate limit; ``None`` = not known.
        exact: Whether total and requests are counts and not estimates.
        fingerprint: Equal for plans that would do the same.
    """

    request: BackfillRequest
    scope: BackfillScope
    strategy: CollectionStrategy
    source: str
    days: tuple[PlannedDay, ...] = field(repr=sized("days"))
    requests: Mapping[str, int | None] = field(converter=_counts)
    seconds_at_rate: float | None
    exact: bool
    fingerprint: str

    def __repr__(self) -> str:
        asked = ", ".join(f"{'some' if count is None else f'{count:,}'} of {name}" for name, count in self.requests.items())
        units = f"{'' if self.exact else 'about '}{self.total_units:,} units"
        span = f"{self.request.start_date} to {self.request.end_date}"
        return (
            f"<BackfillPlan of {self.source}: {span}, {self.request.frequency}, {len(self.days):,} days, {units},"
            f" {self.strategy.method}, requests: {asked or 'none known'}>"
        )

    @property
    def rationale(self) -> str:
        """Why the days are collected in this way."""
        return self.strategy.rationale

    @property
    def gaps(self) -> tuple[PlannedDay, ...]:
        """The days of which nothing will be requested."""
        return tuple(planned for planned in self.days if planned.gap is not None)

    @property
    def total_units(self) -> int:
        """Units of (day, district), a day that is still to be listed counted as one."""
        return sum(1 if planned.districts is None else len(planned.districts) for planned in self.days)

    def _repr_html_(self) -> str:
        from backfill.display.jobs import plan_html  # noqa: PLC0415 - only a notebook pays for it

        return plan_html(self)
