"""What the demo has to show: read back from what is on the disk, and from the server's own count of requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol, cast

from attrs import frozen

from backfill.cli.demo_parts import FIRST, FREQUENCY, FULL_DISTRICT, LAST, Outcome
from backfill.cli.reported import unavailable_by_kind
from backfill.errors import SnapshotNotFound
from backfill.jsonvalues import JsonValue
from backfill.model import BackfillReport, Coverage, ErrorGroup
from backfill.protocols import SnapshotStore
from backfill.toastmasters import DashboardService

RANKINGS = "all-districts-rankings"
BEST = 5


class ServerCounts(Protocol):
    """The counts of a dashboard server, as far as the demo shows them."""

    @property
    def total(self) -> int:
        """All requests."""
        ...

    @property
    def by_report(self) -> Mapping[str, int]:
        """Requests for each report."""
        ...

    @property
    def most_in_flight(self) -> int:
        """The most at once."""
        ...


@frozen
class Stored:
    """What is on the disk.

    Attributes:
        days: The days.
        districts: How many districts.
        summaries: Records that hold a summary.
        full: Records in full.
        incomplete: Of these, those that lack a report.
        files: Files of snapshots.
        size: Their bytes.
        documents: Raw documents.
        documents_size: Their bytes, as kept.
    """

    days: tuple[date, ...]
    districts: int
    summaries: int
    full: int
    incomplete: int
    files: int
    size: int
    documents: int
    documents_size: int


@frozen
class Ranked:
    """One of the best districts."""

    rank: int
    district: str
    region: str
    score: int
    club_growth_percent: float
    payment_growth_percent: float
    distinguished_percent: float


@frozen
class Members:
    """The members of the district in full on one day."""

    day: date
    members: int


@frozen
class Requests:
    """What was planned, and what the server was asked.

    Attributes:
        planned: Documents planned, by report.
        sent: Requests that came to the server, by report.
        most_at_once: The most at once.
        rate: Requests a second that were allowed.
    """

    planned: Mapping[str, int]
    sent: Mapping[str, int]
    most_at_once: int
    rate: float


@frozen
class PartFacts:
    """One job of the demo.

    Attributes:
        title: What it collects.
        command: The command that would do the same.
        report: What became of it; ``None`` = it was done before, and nothing was collected again.
    """

    title: str
    command: str
    report: BackfillReport | None


@frozen
class DemoFacts:
    """Everything that the demo shows.

    Attributes:
        figures: Of which kind the figures are.
        root: The folder.
        parts: The jobs.
        stored: What is on the disk.
        failures: What failed in this run, by kind.
        unavailable: What was not published, of what this run asked for, by kind.
        wanting: Of what was asked for in full, by district, the days that are not in full.
        findings: What a reader of the stored figures should know, how often by kind.
        ranking: The best districts of the last day.
        membership: The members of the district in full.
        coverage: Which (day, district) are there.
        requests: Planned and sent.
        seconds: How long it took.
    """

    figures: str
    root: str
    parts: tuple[PartFacts, ...]
    stored: Stored
    failures: tuple[ErrorGroup, ...]
    unavailable: Mapping[str, int]
    wanting: Mapping[str, tuple[date, ...]]
    findings: Mapping[str, int]
    ranking: tuple[Ranked, ...]
    membership: tuple[Members, ...]
    coverage: Coverage
    requests: Requests
    seconds: float

    @property
    def nothing_new(self) -> bool:
        """Whether everything was there before."""
        return all(part.report is None for part in self.parts)


FIGURES = "reconstructed from tables and pages that others published, partly synthetic; not exports of the dashboard"


def gather(
    service: DashboardService, root: str, outcomes: Sequence[Outcome], counts: ServerCounts, *, rate: float, seconds: float
) -> DemoFacts:
    """Return what the demo has to show."""
    store = service.store
    days = tuple(store.days(FIRST, LAST))
    return DemoFacts(
        figures=FIGURES,
        root=root,
        parts=tuple(PartFacts(done.part.title, done.part.command(root), done.report) for done in outcomes),
        stored=_stored(service.root, store, days),
        failures=tuple(group for done in outcomes if done.report is not None for group in done.report.error_summary),
        unavailable=_unavailable(outcomes),
        wanting=_wanting(store, outcomes),
        findings=dict(Counter(finding.kind for day in days for finding in store.read(day).metadata.findings).most_common()),
        ranking=_ranking(store),
        membership=tuple(_membership(store, days)),
        coverage=service.coverage(FIRST, LAST, frequency=FREQUENCY),
        requests=Requests(_planned(outcomes), dict(counts.by_report), counts.most_in_flight, rate),
        seconds=seconds,
    )


def _stored(root: Path, store: SnapshotStore, days: Sequence[date]) -> Stored:
    entries = [store.entries(day) for day in days]
    details = Counter(header.detail for of_day in entries for header in of_day.values())
    incomplete = sum(not header.settled for of_day in entries for header in of_day.values())
    files, size = _files(path for day in days for path in (root / "snapshots" / day.isoformat()).iterdir())
    documents, documents_size = _files((root / "raw" / "contents").rglob("*"))
    districts = len({district for of_day in entries for district in of_day})
    return Stored(tuple(days), districts, details["summary"], details["full"], incomplete, files, size, documents, documents_size)


def _files(paths: Iterable[Path]) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    return len(sizes), sum(sizes)


def _planned(outcomes: Sequence[Outcome]) -> dict[str, int]:
    planned: Counter[str] = Counter()
    for done in outcomes:
        if done.report is not None:
            planned.update({report: number for report, number in done.plan.requests.items() if number is not None})
    return dict(planned)


def _unavailable(outcomes: Sequence[Outcome]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for done in outcomes:
        if done.report is not None:
            kinds.update({kind: number for number, kind, _meaning in unavailable_by_kind(done.report, done.plan)})
    return dict(kinds)


def _wanting(store: SnapshotStore, outcomes: Sequence[Outcome]) -> dict[str, tuple[date, ...]]:
    wanting: dict[str, tuple[date, ...]] = {}
    for done in outcomes:
        for district in done.part.districts or ():
            days = sorted(planned.day for planned in done.plan.days)
            missing = tuple(day for day in days if not _is_full(store, day, district))
            if missing:
                wanting[district] = missing
    return wanting


def _is_full(store: SnapshotStore, day: date, district: str) -> bool:
    header = store.entries(day).get(district)
    return header is not None and header.detail == "full"


def _ranking(store: SnapshotStore) -> tuple[Ranked, ...]:
    try:
        summary = cast("Mapping[str, Sequence[Mapping[str, JsonValue]]]", store.read(LAST).summary(RANKINGS))
    except SnapshotNotFound:
        return ()
    return tuple(
        Ranked(
            cast("int", row["overallRank"]),
            str(row["districtId"]),
            str(row["region"]),
            cast("int", row["aggregateScore"]),
            cast("float", row["clubGrowthPercent"]),
            cast("float", row["paymentGrowthPercent"]),
            cast("float", row["distinguishedPercent"]),
        )
        for row in summary["rankings"][:BEST]
    )


def _membership(store: SnapshotStore, days: Sequence[date]) -> Iterable[Members]:
    for day in days:
        if _is_full(store, day, FULL_DISTRICT):
            data = cast("Mapping[str, Mapping[str, JsonValue]]", store.read(day).district(FULL_DISTRICT).data)
            yield Members(day, cast("int", data["totals"]["totalMembership"]))
