"""The state of one day of a job: what to do next, and what follows from what was done. Pure: no thread, no input or output.

.. code-block:: text

    waiting ──list──▶ listing ──listed──▶ collecting ──all back──▶ summarizing ──▶ publishing ──▶ over
       │                 └─list failed, nothing published──────────────────────────────────────────▲
       ├─districts known──────────────────▶ collecting ──nothing staged───────────────────────────▲
       └─a gap, or everything skipped──────────────────────────────────────────────────────────────▲

A stopped day starts nothing new; what is in flight comes back, what is staged is published, the rest stays pending. A day of a job
that goes on after an interruption begins with what has become of its units so far, wherever it was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto

from backfill.engine.dayaccount import DayAccount
from backfill.engine.daysteps import Collect, Earlier, ListDistricts, Outcome, Publish, Step, Summarize
from backfill.engine.failures import district_error
from backfill.errors import Cancelled, DataUnavailable, HostDown, SourceError
from backfill.model import (
    Change,
    Contribution,
    DayRow,
    Finding,
    Method,
    PlannedDay,
    RecordHeader,
    SnapshotInfo,
    UnitAttempted,
)

_STAYS_PENDING = (Cancelled, HostDown)
"""What is the fault of no unit, and stops the whole job."""


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
        earlier: What has become of it before an interruption; ``None`` = nothing.
    """

    def __init__(
        self, planned: PlannedDay, *, lists: bool, batch: bool, summarizes: bool, earlier: Earlier | None = None
    ) -> None:
        self._account = DayAccount(planned, earlier or Earlier(DayRow.pending(planned.districts)))
        self.planned = planned
        self.day = planned.day
        self.state = DayState.WAITING
        self.in_flight = 0
        self._lists = lists and not self._account.was_listed
        self._batch = batch
        self._summarizes = summarizes
        self._todo: list[str] | None = None
        self._asked_all = False
        self._summarized = False
        self._stopped = False
        self._goes_on = False
        self._put_off = False

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
        account = self._account
        if self.planned.gap is not None:
            self.state = DayState.OVER
            return account.close()
        changes: list[Change] = []
        if account.is_known:
            changes += account.recognise()
            changes += self._begin(account.to_collect)
        if not account.pending:
            self.state = DayState.OVER
        elif self._todo == [] or not self._lists:
            self.state = DayState.COLLECTING
            self._settle_state()
        return changes

    def next_step(self) -> Step | None:
        """Return what can be done now, counted as in flight from here on; ``None`` = nothing, or nothing yet."""
        step = self._next_step()
        if step is not None:
            self.in_flight += 1
        return step

    def stop(self, *, goes_on: bool) -> None:
        """Start nothing new; publish what is collected. *goes_on*: whether the job will go on with it some time."""
        self._stopped, self._goes_on = True, goes_on
        self._settle_state()

    def abandon(self) -> None:
        """Start nothing new, and publish nothing: the day belongs to another."""
        self._stopped = True
        self.state = DayState.OVER

    def units_of(self, step: Step) -> tuple[str | None, ...]:
        """Return the units that *step*, which is in flight, is an attempt at."""
        if isinstance(step, Collect):
            return (None,) if step.districts is None else step.districts
        return (None,) if self._todo is None else tuple(self._todo)

    def attempted(self, step: Step, error: SourceError, at: datetime) -> list[Change]:
        """Note a failed attempt at *step*, after which there will be another."""
        stage = "list" if isinstance(step, ListDistricts) else "fetch"
        return [
            UnitAttempted(district_error(error, day=self.day, district=unit, stage=stage, at=at)) for unit in self.units_of(step)
        ]

    def interrupted(self) -> list[Change]:
        """Note that a step came back without a result, because the job as a whole cannot go on."""
        self.in_flight -= 1
        self.state = DayState.OVER
        return []

    def listed(self, names: tuple[str, ...]) -> list[Change]:
        """Note the day's districts."""
        self.in_flight -= 1
        if self.is_over:  # abandoned meanwhile
            return []
        self.state = DayState.COLLECTING
        if self._account.is_known:
            known = frozenset(names)
            todo = self._todo or []
            self._todo = [district for district in todo if district in known]
            changes = self._account.gone(tuple(district for district in todo if district not in known))
        else:
            changes = self._account.listed(names)
            if not names:
                self.state = DayState.OVER
                return changes
            changes += self._begin(names)
        self._settle_state()
        return changes

    def list_failed(self, error: SourceError, at: datetime) -> list[Change]:
        """Note that the day's districts cannot be had: that is what becomes of each district that was to be collected."""
        self.in_flight -= 1
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
            changes += self._account.listed(listed)
            changes += self._account.skip(listed)
            self._todo = []
            outcomes = {name: outcome for name, outcome in outcomes.items() if name not in self.planned.existing}
        for district, outcome in outcomes.items():
            changes += self._one(district, outcome, at)
        changes += self._account.find(*findings)
        self._settle_state()
        return changes

    def all_failed(self, error: SourceError, at: datetime) -> list[Change]:
        """Note that the one call for the day as a whole failed."""
        self.in_flight -= 1
        return self._whole_day(error, at, stage="fetch")

    def summarized(self, *findings: Finding) -> list[Change]:
        """Note that the summaries are staged, with what they found, or why they are not."""
        self.in_flight -= 1
        self._summarized = True
        self._settle_state()
        return self._account.find(*findings)

    def contribution(self, template: Contribution) -> Contribution:
        """Return what is to be said of the day when it is published; *template* has what is the same for the whole job."""
        return self._account.contribution(template)

    def published(self, info: SnapshotInfo | None, at: datetime) -> list[Change]:
        """Note that the staged records are live; not if the day is without its summaries, and the job will go on with it for them.

        What is published but not noted is recognised then.
        """
        self.in_flight -= 1
        self.state = DayState.OVER
        if self._stopped and self._goes_on and self._lacks_summaries and not self._todo and not self._put_off:
            return []
        return self._account.published(info, at)

    def noticed(self, *findings: Finding) -> list[Change]:
        """Note what was found while the day was published."""
        return self._account.find(*findings)

    def publish_failed(self, error: SourceError, at: datetime) -> list[Change]:
        """Note that the staged records could not be stored."""
        self.in_flight -= 1
        self.state = DayState.OVER
        return self._account.publish_failed(error, at)

    # --- within -------------------------------------------------------------------------------------------------------

    @property
    def _lacks_summaries(self) -> bool:
        return self._summarizes and not self._summarized

    @property
    def _publishes(self) -> bool:
        """Whether there is anything to publish: records, or for a day that is published, what became of the rest, or its summaries."""
        account = self._account
        return bool(account.staged) or account.has_news or (account.was_published_unnoted and self._lacks_summaries)

    def _next_step(self) -> Step | None:
        if self.state is DayState.PUBLISHING:
            return None if self.in_flight else Publish()
        if self.state is DayState.SUMMARIZING:
            return (
                None
                if self.in_flight
                else Summarize(tuple(sorted({*self._account.staged, *self.planned.existing, *self._account.completed})))
            )
        if self._stopped or self.is_over:
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
        if self._stopped:
            self.state = DayState.PUBLISHING if self._account.staged or self._account.has_news else DayState.OVER
        elif self.state in {DayState.COLLECTING, DayState.SUMMARIZING} and not self._todo and self._todo is not None:
            if not self._publishes:
                self.state = DayState.OVER
            elif self._lacks_summaries:
                self.state = DayState.SUMMARIZING
            else:
                self.state = DayState.PUBLISHING

    def _begin(self, districts: tuple[str, ...]) -> list[Change]:
        """Take up those of *districts* that are to be collected; note those that are stored already."""
        existing = frozenset(self.planned.existing)
        self._todo = [district for district in districts if district not in existing]
        return self._account.skip(districts)

    def _one(self, district: str, outcome: Outcome, at: datetime) -> list[Change]:
        if isinstance(outcome, RecordHeader):
            self._account.staged[district] = outcome
            return []
        if isinstance(outcome, _STAYS_PENDING):
            self._put_off = True
            return []
        if isinstance(outcome, DataUnavailable):
            return self._account.gone((district,))
        return [self._account.failed(district, outcome, at, stage="fetch")]

    def _whole_day(self, error: SourceError, at: datetime, *, stage: str) -> list[Change]:
        """Note what became of the day, or of all that was still to be collected of it, as a whole."""
        self._todo = []
        changes: list[Change] = []
        if isinstance(error, _STAYS_PENDING):
            self._put_off = True
        else:
            changes = self._account.all_failed(error, at, stage=stage)
        self.state = DayState.COLLECTING
        self._settle_state()
        return changes
