"""Ten years in pandas, Polars and DuckDB: a history is a table that each of them takes over as it is.

Needs ``backfill[frames]`` and the three libraries; each works without the others.

    python examples/ten_years.py

It prints:

    collected: 360 records over 120 month-ends
    pandas: members at the end of 2023: north 1,120, south 2,060, west 3,000
    polars: the best year of each: north 2023, south 2023, west 2023
    duckdb: 3 districts, 120 months, 7 of them months in which north lost members
"""

from __future__ import annotations

from datetime import date

import polars as pl

from backfill import BackfillRequest, BackfillService, Fetch, function_source
from backfill.stores import MemorySnapshotStore

SIZES = {"north": (1000, 1), "south": (2000, 0.5), "west": (3000, 0)}


@function_source("members")
def members(day: date, district: str, _fetch: Fetch) -> dict[str, int]:
    """Return how many members a district has: some more each month, but for a few months in which some leave."""
    base, growth = SIZES[district]
    months = (day.year - 2014) * 12 + day.month
    loss = 30 if months % 17 == 0 and growth else 0
    return {"members": int(base + growth * months) - loss}


def main() -> None:
    """Collect ten years of month-ends, and ask each library something."""
    request = BackfillRequest("2014-01-01", "2023-12-31", list(SIZES), frequency="month-end")
    with BackfillService(members, MemorySnapshotStore()) as service:
        report = service.run_backfill(request, progress=False)
        print(f"collected: {report.progress.completed} records over {len(report.snapshot_ids)} month-ends")
        table = service.history(fields=["members"])

    frame = table.to_frame("pandas")
    last = frame[frame["day"] == "2023-12-31"].set_index("district")["members"]
    print(f"pandas: members at the end of 2023: {', '.join(f'{name} {number:,}' for name, number in last.items())}")

    yearly = (
        pl.DataFrame(table)  # through Arrow, without a copy of ours
        .group_by("district", pl.col("day").dt.year().alias("year"))
        .agg(pl.col("members").max())
        .sort("district", "members", "year")
        .group_by("district", maintain_order=True)
        .last()
    )
    print(f"polars: the best year of each: {', '.join(f'{row[0]} {row[1]}' for row in yearly.iter_rows())}")

    found = table.to_frame("duckdb").query(
        "history",
        """
        SELECT count(DISTINCT district), count(DISTINCT day), count(*) FILTER (WHERE district = 'north' AND change < 0)
        FROM (SELECT *, members - lag(members) OVER (PARTITION BY district ORDER BY day) AS change FROM history)
        """,
    )
    districts, months, losses = found.fetchall()[0]
    print(f"duckdb: {districts} districts, {months} months, {losses} of them months in which north lost members")


if __name__ == "__main__":
    main()
