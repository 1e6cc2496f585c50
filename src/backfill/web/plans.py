"""What would be done, and what is there: plans and coverage."""

from __future__ import annotations

from datetime import date

from backfill.model import BackfillRequest, Coverage, Frequency
from backfill.web.operations import Answer, Call, Stream
from backfill.web.queries import CoverageQuery
from backfill.web.trouble import Trouble
from backfill.wire import coverage_view


def make_plan(call: Call) -> Answer | Stream:
    """Say what a request would do, without doing it and without asking the publisher for anything."""
    plan = call.service.plan(call.given(BackfillRequest))
    check_size(call, plan.total_units)
    return Answer(plan)


def check_size(call: Call, units: int) -> None:
    """Refuse more units of (day, district) than one job, plan or coverage may have.

    Raises:
        Trouble: There are.
    """
    most = call.limits.max_units
    if units > most:
        detail = f"{units:,} units of (day, district) are more than the {most:,} that one job, plan or coverage may have"
        remedy = "shorten the range, name fewer districts, or ask for a frequency of weekly or month-end"
        raise Trouble("invalid-request", detail, remedy)


def get_coverage(call: Call) -> Answer | Stream:
    """Say of each day and district whether it is stored, failed, unavailable, damaged or was never tried."""
    query = call.asked(CoverageQuery)
    return Answer(coverage_view(coverage_of(call, query.start, query.end, query.district, query.frequency)))


def coverage_of(call: Call, start: date, end: date, districts: tuple[str, ...] | None, frequency: Frequency) -> Coverage:
    """Return what is known of a range.

    Raises:
        Trouble: It has too many units.
    """
    coverage = call.service.coverage(start, end, districts=districts, frequency=frequency)
    check_size(call, len(coverage.days) * len(coverage.districts))
    return coverage
