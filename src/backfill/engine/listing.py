"""Lists the districts of planned days before a plan is final."""

from __future__ import annotations

from datetime import date

from backfill.engine.collect import Collector
from backfill.errors import DataUnavailable
from backfill.model import BackfillPlan, JobContext
from backfill.protocols import Clock, DataSource, DistrictCatalog, Fetcher


def resolve_lists(plan: BackfillPlan, source: DataSource, fetcher: Fetcher, clock: Clock) -> dict[date, tuple[str, ...]]:
    """Return the districts of every day of *plan* that is still to be listed; asks the publisher, one day after the other.

    A day of which nothing was published has none. The request's options hold here, too: attempts, asking anew, pauses.

    Raises:
        SourceError: They cannot be had.
        StoreUnavailable: Where the door keeps what it fetches, nothing can be written.
    """
    if not isinstance(source, DistrictCatalog):
        return {}
    context = JobContext.of(plan.request, job_id="plan", created_at=clock.now())
    collector = Collector(source, fetcher, clock, context)
    lists: dict[date, tuple[str, ...]] = {}
    for planned in plan.days:
        if planned.districts is None and planned.gap is None:
            try:
                lists[planned.day] = collector.list_day(planned, source)
            except DataUnavailable:  # nothing was published that day: an answer, and no failure
                lists[planned.day] = ()
    return lists
