"""A dashboard on loopback over a few files made for a test, and services that ask it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time
from pathlib import Path

from backfill.fetching import PoliteFetcher
from backfill.model import BackfillReport, BackfillRequest, Collected
from backfill.protocols import SnapshotStore
from backfill.service import BackfillService
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.dashboard import DashboardServer, ReportArchive, ReportKey
from backfill.testing.dashboard import Report as FileParts
from backfill.testing.dashboard.report import read_report
from backfill.testing.dashboard.windows import Window, Windows
from backfill.toastmasters import DashboardService, RefreshService, RefreshServiceSource, ReportKind, open_service
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.years import parse_month, program_year
from tm_calendar_cases import DAY, on
from tm_files import Cells, export, footer_of

Files = dict[ReportKey, FileParts]

CLUBS, DISTRICT, DIVISIONS, SUMMARY = ReportKind.CLUBS, ReportKind.DISTRICT, ReportKind.DIVISIONS, ReportKind.SUMMARY


def file(
    kind: ReportKind, month: str, as_of: str, rows: Sequence[Cells], district: str = "", *, year: int | None = None
) -> Files:
    """Return one report, as an archive holds it, in the layout of its program year or of another *year*."""
    end, day = parse_month(month), on(as_of)
    layout = program_year(end).start if year is None else year
    content = export(kind, rows, year=layout, footer=footer_of(f"{end:%b}", day))
    return {ReportKey(end, day, str(kind), district): read_report(content)}


def summary_row(district: str, as_of: str, *, clubs: int = 2, region: str = "06") -> dict[str, str]:
    """Return the summary's row of a district with so many clubs; its figures differ from day to day."""
    return {
        "region": region, "district": district, "total_payments": str(clubs * payments_on(as_of)), "payment_base": "100",
        "payment_growth": f"{payments_on(as_of) / 100:.2f}%", "paid_clubs": str(clubs), "paid_club_base": "2", "club_growth": "0.00%",
        "active_clubs": str(clubs), "total_distinguished_clubs": "0",
    }  # fmt: skip


def payments_on(as_of: str) -> int:
    """Return the payments of each club, another number every day."""
    return on(as_of).toordinal() % 10_000


def club_cells(district: str, number: int, as_of: str) -> Mapping[ReportKind, Cells]:
    """Return a club's rows in the three reports of its district, in agreement with each other."""
    about = {"district": district, "division": "A", "area": "01", "club_number": f"{number:08d}", "club_name": f"Club {number}"}
    members = str(20 + payments_on(as_of) % 17)
    return {
        CLUBS: about | {"club_status": "Active", "membership_base": "20", "active_members": members, "goals_met": "0"},
        DISTRICT: about | {"payments": str(payments_on(as_of)), "october_renewals": "12", "april_renewals": "0"},
        DIVISIONS: about | {"members": members, "november_visit": "1", "area_base": "2", "division_base": "2"},
    }


def of_district(
    month: str, as_of: str, district: str, *, clubs: int = 2, kinds: Sequence[ReportKind] = (CLUBS, DISTRICT, DIVISIONS)
) -> Files:
    """Return some of a district's three reports."""
    first = sum(map(ord, district)) * 100
    rows = [club_cells(district, first + number, as_of) for number in range(clubs)]
    files: Files = {}
    for kind in kinds:
        files |= file(kind, month, as_of, [row[kind] for row in rows], district)
    return files


def whole(month: str, as_of: str, districts: Sequence[str] = ("61", "F"), *, full: Sequence[str] | None = None) -> Files:
    """Return the summary of *districts*, and the reports of those that are published in *full* (``None`` = of all)."""
    files = file(SUMMARY, month, as_of, [summary_row(district, as_of) for district in districts])
    for district in districts if full is None else full:
        files |= of_district(month, as_of, district)
    return files


def windows(**months: tuple[str, str] | None) -> Windows:
    """Return which month was open from when to when, written ``m2023_01=("2023-01-11", "2023-02-08")``; ``None`` = it never was."""
    known = {
        parse_month(name[1:].replace("_", "-")): None if span is None else Window(on(span[0]), on(span[1]), on(span[1]))
        for name, span in months.items()
    }
    return Windows(known)


@contextmanager
def serving(files: Files | ReportArchive, today: str, *, opened: Windows | None = None) -> Iterator[DashboardServer]:
    """Serve *files* as the dashboard does on the day *today*; months are open as the shipped archive says, or as *opened* does."""
    archive = files if isinstance(files, ReportArchive) else ReportArchive(files, opened or ReportArchive.shipped().windows)
    with DashboardServer(archive, today=on(today)) as server:
        yield server


def clock_at(day: str) -> VirtualClock:
    """Return a clock that shows noon of *day*."""
    return VirtualClock(datetime.combine(on(day), time(12), UTC))


def opened(root: Path, server: DashboardServer, today: str, *, districts: Sequence[str] | None = None) -> DashboardService:
    """Return the service over a folder, on the day *today*."""
    return open_service(root, base_url=server.url, rate=None, clock=clock_at(today), districts=districts)


@contextmanager
def refreshing(server: DashboardServer, today: str, *, almanac: Almanac | None = None) -> Iterator[RefreshService]:
    """Provide a refresh service with a door of its own, on the day *today*."""
    clock = clock_at(today)
    with closing(PoliteFetcher(rate=None, clock=clock)) as fetcher:
        yield RefreshService(fetcher, server.url, clock, almanac=almanac)


@contextmanager
def backfilling(
    server: DashboardServer, today: str, *, almanac: Almanac | None = None, store: SnapshotStore | None = None
) -> Iterator[Backfilling]:
    """Provide a backfill service into a store (``None`` = in memory), on the day *today*."""
    clock = clock_at(today)
    store = MemorySnapshotStore(clock=clock) if store is None else store
    with closing(PoliteFetcher(rate=None, clock=clock)) as fetcher:
        refresh = RefreshService(fetcher, server.url, clock, almanac=almanac)
        with Backfilling(RefreshServiceSource(refresh), store, fetch=fetcher, clock=clock) as service:
            service.refresh, service.clock = refresh, clock
            yield service


class Backfilling(BackfillService):
    """A service with what it was made of.

    Attributes:
        refresh: The refresh service that it collects with.
        clock: The time.
    """

    clock: VirtualClock
    refresh: RefreshService


def ran(
    service: BackfillService,
    start: str,
    end: str | None = None,
    districts: Sequence[str] | None = None,
    **options: object,
) -> BackfillReport:
    """Run a backfill and return its report."""
    request = BackfillRequest(start, end, None if districts is None else list(districts), **options)  # type: ignore[arg-type] # passed through
    return service.run_backfill(request, progress=False)


def sent(server: DashboardServer) -> Counter[str]:
    """Return how often each document was asked for, by its name; pages are none."""
    return Counter("~".join(filter(None, [r.report, r.district, r.month, r.as_of])) for r in server.requests if r.report)


def counts(report: BackfillReport) -> dict[str, int]:
    """Return how many units came to which end; those that none came to are left out."""
    progress = report.progress
    ends = ("completed", "skipped", "unavailable", "failed", "pending")
    assert sum(getattr(progress, end) for end in ends) == progress.total
    return {end: getattr(progress, end) for end in ends if getattr(progress, end)}


def failures(report: BackfillReport) -> set[tuple[str, int]]:
    """Return the kinds of failures, each with the attempts made."""
    return {(error.kind, error.attempts) for error in report.errors}


def figures(collected: Collected) -> Mapping[str, object]:
    """Return what was collected, as the mapping that it is."""
    assert isinstance(collected.data, Mapping)
    return collected.data


def published_daily(
    districts: Sequence[str] = ("61",), full: Sequence[str] = (), **months: tuple[str, str] | None
) -> tuple[Files, Windows]:
    """Return the summary, and the reports of *full*, of every as-of of each month, with the windows that say so; see `windows`."""
    files: Files = {}
    for name, span in months.items():
        if span is not None:
            first, last = on(span[0]), on(span[1])
            for number in range((last - first).days + 1):
                files |= whole(name[1:].replace("_", "-"), str(first + number * DAY), districts, full=full)
    return files, windows(**months)
