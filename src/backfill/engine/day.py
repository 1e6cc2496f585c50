"""The state of one day of a job: what to do next, and what follows from what was done. Pure: no thread, no input or output.

.. code-block:: text

    waiting ──list──▶ listing ──listed──▶ collecting ──all back──▶ summarizing ──▶ publishing ──▶ over
       │                 └─list failed, nothing published──────────────────────────────────────────▲
       ├─districts known──────────────────▶ collecting ──nothing staged───────────────────────────▲
       └─a gap, or everything skipped──────────────────────────────────────────────────────────────▲

A cancelled day starts nothing new; what is in flight comes back, what is staged is published, the rest stays pending.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum, auto
from typing import Literal

from attrs import evolve, frozen

from backfill.engine.failures import district_error
from backfill.errors import Cancelled, DataUnavailable, SourceError
from backfill.model import (
    Change,
    Contribution,
    DayListed,
    DayPublished,
    DistrictError,
    Finding,
    Found,
    Method,
    PlannedDay,
    RecordHeader,
    SnapshotInfo,
    SnapshotStatus,
    UnitFailed,
    UnitsSettled,
    UnitState,
)

Outcome = RecordHeader | SourceError


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


class DayState(Enum):
    """Where the work on a day stands."""

    WAITING = auto()
    LISTING = auto()
    COLLECTING = auto()
    SUMMARIZING = auto()
    PUBLISHING = auto()
    OVER = auto()


class DayWork:
    """One day of a job.

    Args:
        planned: What is to be done.
        lists: Whether the day is listed first.
        batch: Whether one call serves several districts.
        summarizes: Whether the source makes summaries of the day.
    """

    def __init__(self, planned: PlannedDay, *, lists: bool, batch: bool, summarizes: bool) -> None:
        self.planned = planned
        self.day = planned.day
        self.state = DayState.WAITING
        self.in_flight = 0
        self._lists = lists
        self._batch = batch
        self._summarizes = summarizes
        self._todo: list[str] | None = None
        self._asked_all = False
        self._staged: dict[str, RecordHeader] = {}
        self._unavailable: list[str] = []
        self._errors: list[DistrictError] = []
        self._findings: list[Finding] = []
        self._expected: tuple[str, ...] = planned.districts or ()
        self._listed = planned.listed
        self._summarized = False
        self._cancelled = False

    @property
    def is_over(self) -> bool:
        """Whether nothing remains to be done."""
        return self.state is DayState.OVER

    @property
    def wants_to_publish(self) -> bool:
        """Whether the next step is to publish, which takes no slot."""
        return self.state is DayState.PUBLISHING and not self.in_flight

    def open(self) -> list[Change]:
        """Begin; return what is settled without any work: a known gap, and what is stored already."""
        planned = self.planned
        if planned.gap is not None:
            self.state = DayState.OVER
            units = (None,) if planned.districts is None else planned.districts
            return [_settled(self.day, units, UnitState.UNAVAILABLE)]
        if planned.districts is None:
            if not self._lists:
                self.state = DayState.COLLECTING
            return []
        changes = self._skip(planned.districts)
        if not self._todo:
            self.state = DayState.OVER
        elif not self._lists:
            self.state = DayState.COLLECTING
        return changes

    def next_step(self) -> Step | None:
        """Return what can be done now, counted as in flight from here on; ``None`` = nothing, or nothing yet."""
        step = self._next_step()
        if step is not None:
            self.in_flight += 1
        return step

    def cancel(self) -> None:
        """Start nothing new."""
        self._cancelled = True
        self._settle_state()

    def interrupted(self) -> list[Change]:
        """Note that a step came back without a result, because the job as a whole cannot go on."""
        self.in_flight -= 1
        self.state = DayState.OVER
        return []

    def listed(self, names: tuple[str, ...]) -> list[Change]:
        """Note the day's districts."""
        self.in_flight -= 1
        self.state = DayState.COLLECTING
        changes: list[Change] = []
        if self.planned.districts is None:
            if not names:
                self.state = DayState.OVER
                return [_settled(self.day, (None,), UnitState.UNAVAILABLE)]
            self._expected, self._listed = names, True
            changes = [DayListed(self.day, names), *self._skip(names)]
        else:
            known = frozenset(names)
            todo = self._todo or []
            self._todo = [district for district in todo if district in known]
            changes += self._gone(tuple(district for district in todo if district not in known))
        self._settle_state()
        return changes

    def list_failed(self, error: SourceError, at: datetime) -> list[Change]:
        """Note that the day's districts cannot be had: that is what becomes of each district that was to be collected."""
        self.in_flight -= 1
        self.state = DayState.OVER
        return self._whole_day(error, at, stage="list")

    def collected(
        self,
        outcomes: Mapping[str, Outcome],
        at: datetime,
        *,
        findings: tuple[Finding, ...] = (),
        listed: tuple[str, ...] | None = None,
    ) -> list[Change]:
        """Note what one call gave: a staged record or an error for each district."""
        self.in_flight -= 1
        changes: list[Change] = []
        if listed is not None:
            self._expected, self._listed = listed, True
            changes.append(DayListed(self.day, listed) if listed else _settled(self.day, (None,), UnitState.UNAVAILABLE))
            changes += self._skip(listed)
            self._todo = []
            outcomes = {name: outcome for name, outcome in outcomes.items() if name not in self.planned.existing}
        for district, outcome in outcomes.items():
            changes += self._one(district, outcome, at)
        self._findings.extend(findings)
        changes += [Found(finding) for finding in findings]
        self._settle_state()
        return changes

    def all_failed(self, error: SourceError, at: datetime) -> list[Change]:
        """Note that the one call for the day as a whole failed."""
        self.in_flight -= 1
        self.state = DayState.OVER
        return self._whole_day(error, at, stage="fetch")

    def summarized(self, *findings: Finding) -> list[Change]:
        """Note that the summaries are staged, with what they found, or why they are not."""
        self.in_flight -= 1
        self._summarized = True
        self._findings.extend(findings)
        self._settle_state()
        return [Found(finding) for finding in findings]

    def contribution(self, template: Contribution) -> Contribution:
        """Return what is to be said of the day when it is published; *template* has what is the same for the whole job."""
        return evolve(
            template,
            day=self.day,
            expected=self._expected,
            unavailable=tuple(self._unavailable),
            errors=tuple(self._errors),
            findings=tuple(self._findings),
            listed=self._listed,
        )

    def published(self, info: SnapshotInfo | None, at: datetime) -> list[Change]:
        """Note that the staged records are live."""
        self.in_flight -= 1
        self.state = DayState.OVER
        changes: list[Change] = [_settled(self.day, tuple(self._staged), UnitState.COMPLETED)]
        if info is not None:
            changes.append(DayPublished(self.day, info.status is SnapshotStatus.PARTIAL, at))
        return changes

    def publish_failed(self, error: SourceError, at: datetime) -> list[Change]:
        """Note that the staged records could not be stored."""
        self.in_flight -= 1
        self.state = DayState.OVER
        return [UnitFailed(district_error(error, day=self.day, district=name, stage="store", at=at)) for name in self._staged]

    # --- within -------------------------------------------------------------------------------------------------------

    def _next_step(self) -> Step | None:
        if self.state is DayState.PUBLISHING:
            return None if self.in_flight else Publish()
        if self.state is DayState.SUMMARIZING:
            return None if self.in_flight else Summarize(tuple(sorted({*self._staged, *self.planned.existing})))
        if self._cancelled or self.is_over:
            return None
        if self.state is DayState.WAITING:
            self.state = DayState.LISTING
            return ListDistricts()
        if self.state is DayState.COLLECTING:
            return self._next_call()
        return None

    def _next_call(self) -> Collect | None:
        if self.planned.strategy is Method.SYSTEM_WIDE:
            if self._asked_all:
                return None
            self._asked_all = True
            todo = None if self._todo is None else tuple(self._todo)
            self._todo = []
            return Collect("all", todo)
        if not self._todo:
            return None
        if self._batch and self.planned.strategy is Method.TARGETED:
            todo, self._todo = tuple(self._todo), []
            return Collect("many", todo)
        return Collect("one", (self._todo.pop(0),))

    def _settle_state(self) -> None:
        """Move on when everything that was called for has come back."""
        if self.in_flight or self.is_over:
            return
        if self._cancelled:
            self.state = DayState.PUBLISHING if self._staged else DayState.OVER
        elif self.state in {DayState.COLLECTING, DayState.SUMMARIZING} and not self._todo and self._todo is not None:
            if not self._staged:
                self.state = DayState.OVER
            elif self._summarizes and not self._summarized:
                self.state = DayState.SUMMARIZING
            else:
                self.state = DayState.PUBLISHING

    def _skip(self, districts: tuple[str, ...]) -> list[Change]:
        existing = frozenset(self.planned.existing)
        skipped = tuple(district for district in districts if district in existing)
        self._todo = [district for district in districts if district not in existing]
        return [_settled(self.day, skipped, UnitState.SKIPPED)] if skipped else []

    def _gone(self, districts: tuple[str, ...]) -> list[Change]:
        self._unavailable.extend(districts)
        return [_settled(self.day, districts, UnitState.UNAVAILABLE)] if districts else []

    def _one(self, district: str, outcome: Outcome, at: datetime) -> list[Change]:
        if isinstance(outcome, RecordHeader):
            self._staged[district] = outcome
            return []
        if isinstance(outcome, Cancelled):
            return []
        if isinstance(outcome, DataUnavailable):
            return self._gone((district,))
        failure = district_error(outcome, day=self.day, district=district, stage="fetch", at=at)
        self._errors.append(failure)
        return [UnitFailed(failure)]

    def _whole_day(self, error: SourceError, at: datetime, *, stage: str) -> list[Change]:
        districts: tuple[str | None, ...] = (None,)
        if self.planned.districts is not None or self._listed:
            settled = frozenset((*self.planned.existing, *self._unavailable))
            districts = tuple(district for district in self._expected if district not in settled)
        if isinstance(error, Cancelled):
            return []
        if isinstance(error, DataUnavailable):
            return [_settled(self.day, districts, UnitState.UNAVAILABLE)]
        return [UnitFailed(district_error(error, day=self.day, district=district, stage=stage, at=at)) for district in districts]


def _settled(day: date, districts: tuple[str | None, ...], state: UnitState) -> UnitsSettled:
    states: dict[str | None, UnitState] = dict.fromkeys(districts, state)
    return UnitsSettled(day, states)
