"""The shortest way from figures to history: a source, a store, a job, and a look at what is there.

    python examples/quickstart.py

It prints:

    plan: 6 units, 0 of them stored already
    complete: 5 stored, 1 unavailable, 0 failed
    2024-02-29 north: {'rain_mm': 12.0}
    again: 0 stored, 5 there already, 1 unavailable
"""

from __future__ import annotations

from datetime import date

from backfill import BackfillRequest, BackfillService, DataUnavailable, Fetch, function_source
from backfill.stores import MemorySnapshotStore

RAIN = {
    date(2024, 2, 28): {"north": 3.5, "south": 0.0},
    date(2024, 2, 29): {"north": 12.0},
    date(2024, 3, 1): {"north": 0.0, "south": 1.5},
}


@function_source("rain")
def rain(day: date, district: str, _fetch: Fetch) -> dict[str, float]:
    """Return the rain of one day in one district."""
    if district not in RAIN[day]:
        raise DataUnavailable("not measured")
    return {"rain_mm": RAIN[day][district]}


def main() -> None:
    """Plan, collect, look, and collect again."""
    store = MemorySnapshotStore()  # PerDistrictFileSnapshotStore("rain") keeps it in files
    request = BackfillRequest("2024-02-28", "2024-03-01", ["north", "south"])
    with BackfillService(rain, store) as service:
        plan = service.plan(request)
        print(f"plan: {plan.total_units} units, {sum(len(day.existing) for day in plan.days)} of them stored already")
        report = service.run_backfill(plan, progress=False)
        counts = report.progress
        print(f"{report.status}: {counts.completed} stored, {counts.unavailable} unavailable, {counts.failed} failed")
        print(f"2024-02-29 north: {store.read(date(2024, 2, 29)).district('north').data}")
        again = service.run_backfill(request, progress=False).progress
        print(f"again: {again.completed} stored, {again.skipped} there already, {again.unavailable} unavailable")


if __name__ == "__main__":
    main()
