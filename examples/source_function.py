"""A source that is one function: what it returns, and what it raises, decides what becomes of a day.

    python examples/source_function.py

It prints:

    partial_success: 3 stored, 1 unavailable, 2 failed
    2 x gauge_broken, worth another attempt: False
    finding: suspicious (coast): more than in any year before
    after the repair: complete, 2 stored
"""

from __future__ import annotations

from datetime import date

from backfill import BackfillRequest, BackfillService, Collected, DataUnavailable, Fetch, PermanentSourceError, function_source
from backfill.model import Finding
from backfill.stores import MemorySnapshotStore

BROKEN = {"inland"}
RECORD_MM = 20


@function_source("rain")
def rain(day: date, district: str, _fetch: Fetch) -> object:
    """Return the rain of one day in one district."""
    if district == "desert":
        raise DataUnavailable("no gauge stands there")  # counted, and not a failure
    if district in BROKEN:
        raise PermanentSourceError("the gauge is broken", kind="gauge_broken")  # a failure; asking again at once would not help
    fallen = 10.0 * (day.day - 27)
    if fallen > RECORD_MM - 1:
        return Collected({"rain_mm": fallen}, findings=[Finding("suspicious", "more than in any year before", day, district)])
    return {"rain_mm": fallen}


def main() -> None:
    """Collect, see what failed, mend it, and collect exactly that."""
    with BackfillService(rain, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2024-02-28", "2024-02-29", ["coast", "inland"]))
        job.wait()
        extra = service.run_backfill(BackfillRequest("2024-02-28", None, ["desert", "hills"]), progress=False).progress
        report = job.report()
        done = report.progress
        print(
            f"{report.status}: {done.completed + extra.completed} stored, {extra.unavailable} unavailable, {done.failed} failed"
        )
        for group in report.error_summary:
            print(f"{group.count} x {group.kind}, worth another attempt: {group.is_retryable}")
        for finding in service.findings():
            print(f"finding: {finding.kind} ({finding.district}): {finding.message}")
        BROKEN.clear()
        repaired = service.retry_failed(job.backfill_id).wait()
        print(f"after the repair: {repaired.status}, {repaired.progress.completed} stored")


if __name__ == "__main__":
    main()
