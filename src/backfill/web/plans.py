"""What would be done, and what is there: plans and coverage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import cast

from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, Coverage, Frequency
from backfill.web.operations import Answer, Call, Stream
from backfill.web.queries import CoverageQuery
from backfill.wire import coverage_view


def make_plan(call: Call) -> Answer | Stream:
    """Say what a request would do, without doing it and without asking the publisher for anything."""
    plan = call.service.plan(request_of(call, call.given(dict[str, object])))
    check_size(call, plan.total_units)
    return Answer(plan)


def request_of(call: Call, members: Mapping[str, object]) -> BackfillRequest:
    """Return the request that *members* describe.

    Raises:
        InvalidRequest: They describe none; what would be wrong with the rest of it is told as well.
    """
    make = cast("Callable[..., BackfillRequest]", BackfillRequest)
    try:
        return make(**members)
    except InvalidRequest as error:
        refused = {one.field for one in (error, *error.others)}  # which have defaults: the schema has seen to the others
        rest = {name: value for name, value in members.items() if name not in refused}
        try:
            call.service.plan(make(**rest))
        except InvalidRequest as more:
            raise error.with_others([more]) from None
        raise


def check_size(call: Call, units: int) -> None:
    """Refuse more units of (day, district) than one job, plan or coverage may have.

    Raises:
        InvalidRequest: There are.
    """
    most = call.limits.max_units
    if units > most:
        rule = f"{units:,} units of (day, district) are more than the {most:,} that one job, plan or coverage may have"
        remedy = "shorten the range, name fewer districts, or ask for a frequency of weekly or month-end"
        raise InvalidRequest("end_date", units, rule, remedy)


def get_coverage(call: Call) -> Answer | Stream:
    """Say of each day and district whether it is stored, failed, unavailable, damaged or was never tried."""
    query = call.asked(CoverageQuery)
    return Answer(coverage_view(coverage_of(call, query.start, query.end, query.district, query.frequency)))


def coverage_of(call: Call, start: date, end: date, districts: tuple[str, ...] | None, frequency: Frequency) -> Coverage:
    """Return what is known of a range.

    Raises:
        InvalidRequest: It cannot be looked at, or has too many units.
    """
    coverage = call.service.coverage(start, end, districts=districts, frequency=frequency)
    check_size(call, len(coverage.days) * len(coverage.districts))
    return coverage
