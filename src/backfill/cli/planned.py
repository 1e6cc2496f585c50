"""A plan in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from rich.console import Console

from backfill.cli.printing import print_counted, print_facts, print_table, print_title
from backfill.model import BackfillPlan, PlannedDay
from backfill.wording import GAPS, duration, listing, meaning, plural

DAYS_SHOWN = 40


def headline(plan: BackfillPlan) -> tuple[str, ...]:
    """Return the plan in a few lines: how much, how, and which targets are left out."""
    parts = [plural(len(plan.days), "day"), requests_in_all(plan)]
    if plan.seconds_at_rate:
        parts.append(f"{duration(plan.seconds_at_rate)} at the rate limit")
    return (
        f"Plan: {', '.join(parts)}",
        f"How: {plan.strategy.method}; {plan.rationale}",
        *(f"Left out: {doubt.text}: {doubt.why}{_or(doubt.suggestions)}" for doubt in plan.scope.excluded),
    )


def requests_in_all(plan: BackfillPlan) -> str:
    """Return how many documents will be asked for."""
    known = [number for number in plan.requests.values() if number is not None]
    if not plan.requests:
        return "no requests"
    if not known:
        return "an unknown number of requests"
    return f"{'at least ' if len(known) < len(plan.requests) else ''}{plural(sum(known), 'request')}"


def print_plan(console: Console, plan: BackfillPlan) -> None:
    """Print everything that a plan says."""
    print_facts(console, _facts(plan))
    gaps = Counter(str(planned.gap) for planned in plan.gaps)
    if gaps:
        print_title(console, "Days that have no figures of their own, and will not be asked for")
        print_counted(console, ((number, kind, meaning(GAPS, kind)) for kind, number in gaps.most_common()))
    print_title(console, "Days, in the order of work")
    _print_days(console, plan.days)


def _facts(plan: BackfillPlan) -> Iterator[tuple[str, str]]:
    request, scope = plan.request, plan.scope
    yield "days", f"{len(plan.days):,} of {request.start_date} to {request.end_date}, {request.frequency}, {request.order}"
    named = "all that each day lists" if scope.districts is None else f"{len(scope.districts):,}: {listing(scope.districts)}"
    yield "districts", named
    for doubt in scope.excluded:
        yield "left out", f"{doubt.text}: {doubt.why}{_or(doubt.suggestions)}"
    for doubt in scope.doubtful:
        yield "doubtful", f"{doubt.text}: {doubt.why}{_or(doubt.suggestions)}"
    yield "how", f"{plan.strategy.method}, detail {plan.strategy.detail}: {plan.rationale}"
    if plan.exact:
        yield "units", f"{plan.total_units:,} of (day, district)"
    else:
        yield "units", f"{plan.total_units:,} or more of (day, district): days are still to be listed"
    yield "stored", f"{sum(len(planned.existing) for planned in plan.days):,} of them already, and skipped"
    if not plan.requests:
        yield "requests", "none"
    for report, number in plan.requests.items():
        yield "requests", f"{'an unknown number' if number is None else f'{number:,}'} of {report}"
    if plan.seconds_at_rate is not None:
        yield "time", f"{duration(plan.seconds_at_rate)} at the rate limit"
    yield "fingerprint", plan.fingerprint


def _or(suggestions: tuple[str, ...]) -> str:
    return f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""


def _print_days(console: Console, days: tuple[PlannedDay, ...]) -> None:
    rows = [_row(run) for run in _runs(days)]
    print_table(console, ("day", "as of", "districts", "stored", ""), rows[:DAYS_SHOWN], right=frozenset({2, 3}))
    if len(rows) > DAYS_SHOWN:
        console.print(f"  … and {len(rows) - DAYS_SHOWN:,} lines more; --json has every day")


def _runs(days: tuple[PlannedDay, ...]) -> Iterator[tuple[PlannedDay, ...]]:
    """Iterate over the days, those in a row together that have the same gap."""
    for gap, run in groupby(days, key=lambda planned: planned.gap):
        if gap is None:
            yield from ((planned,) for planned in run)
        else:
            yield tuple(run)


def _row(run: tuple[PlannedDay, ...]) -> tuple[str, ...]:
    planned, ends = run[0], sorted((run[0].day, run[-1].day))
    if planned.gap is not None:
        days = f"{ends[0]}" if len(run) == 1 else f"{ends[0]} to {ends[1]}"
        return days, "", "", "", f"gap: {planned.gap}"
    as_of = "" if planned.as_of is None else planned.as_of.isoformat()
    districts = "to be listed" if planned.districts is None else f"{len(planned.districts):,}"
    return planned.day.isoformat(), as_of, districts, f"{len(planned.existing):,}", ""
