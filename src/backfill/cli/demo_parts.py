"""The three jobs of the demo, and which of their days are still to do."""

from __future__ import annotations

import shlex
from datetime import date

from attrs import frozen

from backfill.model import BackfillPlan, BackfillReport, BackfillRequest, Method
from backfill.protocols import SnapshotStore

FREQUENCY = "month-end"
FIRST, LAST = date(2022, 7, 31), date(2023, 6, 30)
FULL_DISTRICT = "91"
PARTLY = ("01", "02", "03", "123", "124", "125", "126", "55", "F", "U")


@frozen
class Part:
    """One job of the demo.

    Attributes:
        title: What it collects, for people.
        start: First day.
        end: Last day, inclusive.
        districts: Which; ``None`` = all.
        method: The strategy that a day's metadata names once the part has collected it.
        retry: Whether a document gets more than one attempt.
    """

    title: str
    start: date
    end: date
    districts: tuple[str, ...] | None
    method: Method
    retry: bool = True

    def request(self) -> BackfillRequest:
        """Return the request for all of it."""
        return BackfillRequest(self.start, self.end, self.districts, frequency=FREQUENCY, retry_failures=self.retry)

    def command(self, root: str) -> str:
        """Return the command that would do the same."""
        words = ["backfill", "run", root, self.start.isoformat(), self.end.isoformat(), "--frequency", FREQUENCY]
        words += [word for district in self.districts or () for word in ("-d", district)]
        return shlex.join(words if self.retry else [*words, "--no-retry"])

    def is_done(self, store: SnapshotStore, plan: BackfillPlan) -> bool:
        """Whether each day of *plan* was collected by this part before.

        Not whether all is stored: some of it was never published. An archive publishes nothing later, so it is not asked again.
        """
        stored = set(store.days(self.start, self.end))
        return all(planned.day in stored and self._has_collected(store, planned.day) for planned in plan.days)

    def _has_collected(self, store: SnapshotStore, day: date) -> bool:
        return any(operation.get("method") == self.method for operation in store.read(day).metadata.operations)


PARTS = (
    Part("All districts, the twelve month-ends of 2022-23, a summary of each", FIRST, LAST, None, Method.SYSTEM_WIDE),
    Part(f"District {FULL_DISTRICT}, the same days, in full: every club", FIRST, LAST, (FULL_DISTRICT,), Method.PER_DISTRICT),
    Part(
        "Ten districts of which not every report is there, three days, in full",
        date(2023, 1, 31),
        date(2023, 3, 31),
        PARTLY,
        Method.TARGETED,
        retry=False,
    ),
)


@frozen
class Outcome:
    """What became of a part.

    Attributes:
        part: The part.
        plan: What was to be done.
        report: What was done; ``None`` = nothing, since it was done before.
    """

    part: Part
    plan: BackfillPlan
    report: BackfillReport | None
