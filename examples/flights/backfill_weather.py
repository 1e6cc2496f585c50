"""Rebuild the weather of 2013 at New York's three airports: one snapshot per day, one file per airport.

Starts a small server over real observations (see data/README.md), with a few days on which it fails, and collects the year
from it. Run it: `python examples/flights/backfill_weather.py`. Run it again: what is stored is not collected again.
"""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from datetime import date
from pathlib import Path
from statistics import fmean

from attrs import frozen

from backfill import BackfillPlan, BackfillReport, BackfillRequest, BackfillService, Collected, DocumentRequest, Edition, Fetch
from backfill.fetching import PoliteFetcher
from backfill.model import CellState, Finding, RetryPolicy
from backfill.stores import PerDistrictFileSnapshotStore
from server import WeatherServer

AIRPORTS = ("EWR", "JFK", "LGA")
BELIEVABLE_MPH = 253  # the strongest wind ever measured at the surface: Barrow Island, 1996
YEAR = BackfillRequest("2013-01-01", "2013-12-31", AIRPORTS, order="oldest-first")
FAULTS = {
    **{f"/weather/LGA/2013-02-{day:02}": (503, 500) for day in (8, 9, 10)},  # the blizzard: down until it is mended
    **{f"/weather/JFK/2013-06-{day:02}": (503, 200) for day in (1, 2)},  # a moment of weakness: the second attempt succeeds
}


@frozen
class WeatherSource:
    """Turns the hours observed at an airport on one day into the day's statistics."""

    url: str
    name: str = "nyc-weather"

    def collect_district(self, day: date, airport: str, fetch: Fetch) -> Collected:
        """Return the statistics of one airport and day; what no wind can have been is left out, and reported."""
        hours = json.loads(fetch(f"{self.url}/weather/{airport}/{day}").content)["observations"]
        temperatures = [hour["temperature_f"] for hour in hours if hour["temperature_f"] is not None]
        winds = [hour["wind_speed_mph"] for hour in hours if hour["wind_speed_mph"] is not None]
        believed = [wind for wind in winds if wind <= BELIEVABLE_MPH]
        data = {
            "hours": len(hours),
            "temperature_f": {"min": min(temperatures), "mean": round(fmean(temperatures), 2), "max": max(temperatures)},
            "wind_mph": {"mean": round(fmean(believed), 2), "max": max(believed)},
            "precipitation_in": round(sum(hour["precipitation_in"] or 0 for hour in hours), 2),
        }
        return Collected(
            data, findings=[Finding("wind", f"{wind:,.0f} mph", day, airport) for wind in set(winds) - set(believed)]
        )

    def requests_for(self, edition: Edition, airport: str | None) -> list[DocumentRequest]:
        """Name the document beforehand, so that a plan can count the requests. Optional."""
        return [DocumentRequest(f"{self.url}/weather/{airport}/{edition.day}", report="weather")] if airport else []


def show_plan(plan: BackfillPlan) -> None:
    """Say what would be done; no request was made for it."""
    stored = sum(len(planned.existing) for planned in plan.days)
    print(f"Plan       {len(plan.days)} days, {plan.total_units:,} airport-days, {stored:,} of them stored already")
    print(f"           {plan.requests['weather']:,} requests, {plan.seconds_at_rate:.1f} s under the rate limit")
    print(f"           {plan.strategy.method}: {plan.rationale}")


def show_report(title: str, report: BackfillReport) -> None:
    """Say what became of a job: every unit is accounted for."""
    done = report.progress
    print(f"\n{title:<10} {report.status}")
    print(f"           {done.completed:,} completed + {done.skipped:,} skipped + {done.unavailable:,} unavailable"
          f" + {done.failed:,} failed = {done.total:,}")  # fmt: skip
    for group in report.error_summary:
        print(f"  failed   {group.count} x {group.kind} while {group.stage}: {group.example}")
    for day in report.partial_snapshots:
        print(f"  partial  {day}")
    for finding in report.findings:
        print(f"  finding  {finding.day} {finding.district}: {finding.kind} {finding.message}")


def show_coverage(service: BackfillService) -> None:
    """Say which airport-days are there, and which are not and why."""
    coverage = service.coverage(YEAR.start_date, YEAR.end_date, districts=AIRPORTS)
    counts = ", ".join(f"{count:,} {state}" for state, count in coverage.counts.items() if count)
    missing = [f"{day} {airport} {state}" for day, airport, state in coverage if state is not CellState.FULL]
    print(f"\nCoverage   {counts}\n           {'; '.join(missing)}")


def main() -> None:
    """Plan, collect, see what is missing, mend it, look at the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("weather-2013"), help="where to store the snapshots (./weather-2013)")
    root: Path = parser.parse_args().root
    store = PerDistrictFileSnapshotStore(root)
    fetcher = PoliteFetcher(rate=200, retry=RetryPolicy(max_attempts=3, base=0.05))

    with (
        WeatherServer(FAULTS) as server,
        closing(fetcher),
        BackfillService(WeatherSource(server.url), store, fetch=fetcher) as service,
    ):
        show_plan(service.plan(YEAR))
        report = service.run_backfill(YEAR)
        show_report("Backfill", report)
        if report.progress.failed:
            server.mend()
            show_report("Retry", service.retry_failed(report.backfill_id).wait())
        show_coverage(service)
        print(f"\nRequests   {server.requests:,} answered by the server: {dict(sorted(server.served.items()))}")

    blizzard = store.read(date(2013, 2, 9)).district("LGA")
    print(f"\n2013-02-09 LGA  {json.dumps(blizzard.data)}")
    print(f"stored in {root / '2013-02-09' / 'district_LGA.json'}; made from {blizzard.provenance[0].url}")


if __name__ == "__main__":
    main()
