"""What a program of a user may write, as a strict type checker reads it. Checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import date
from typing import assert_type

from attrs import frozen

from backfill import (
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    BackfillScope,
    BackfillService,
    BackfillStatus,
    Collected,
    Coverage,
    DataSource,
    DistrictRecord,
    Document,
    DocumentRequest,
    Edition,
    Fetch,
    Job,
    ScopeResolver,
    SnapshotStore,
    function_source,
    try_source,
)
from backfill.fetching import PoliteFetcher
from backfill.history.noted import Findings
from backfill.jobstores import MemoryJobStore, SqliteJobStore
from backfill.model import CellState, Explanation, Finding, JobEvent, ScopeKind, Verification
from backfill.protocols import BatchSource, DistrictCatalog, RequestPlanner
from backfill.sources import FunctionSource
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.tables import Table


@frozen
class Rain:
    """Figures of a user."""

    rain_mm: float


@function_source("rain")
def rain(day: date, district: str, fetch: Fetch) -> Rain:
    """Return figures."""
    document = fetch(f"https://rain.example/{district}/{day}", params={"unit": "mm"})
    assert_type(document, Document)
    return Rain(float(document.text))


class Stations:
    """A source with abilities."""

    name = "stations"

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> Collected:
        """Return a district's figures."""
        return Collected(
            {"bytes": len(fetch(f"https://a.example/{day}/{district}").content)}, as_of=day, findings=[Finding("odd", "so")]
        )

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Return several."""
        return {name: self.collect_district(day, name, fetch) for name in districts}

    def list_districts(self, _day: date, _fetch: Fetch, /) -> list[str]:
        """Return them."""
        return ["a", "b"]

    def requests_for(self, edition: Edition, district: str | None, /) -> list[DocumentRequest]:
        """Return what will be asked for."""
        return [DocumentRequest(f"https://a.example/{edition.day}/{district}", report="bytes")]


class Everything:
    """A scope."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return what was requested."""
        return BackfillScope(ScopeKind.TARGETED, None if requested is None else tuple(requested))


def a_source_fits() -> tuple[DataSource, BatchSource, DistrictCatalog, RequestPlanner, ScopeResolver]:
    """What is written without inheriting anything fits the protocols."""
    assert_type(rain, FunctionSource)
    source = Stations()
    return source, source, source, source, Everything()


def stores_fit() -> Iterable[SnapshotStore]:
    """The stores that come with the library fit theirs."""
    return MemorySnapshotStore(), PerDistrictFileSnapshotStore("snapshots")


def a_program(path: str) -> None:
    """What a service gives has the types that the contract says."""
    store = PerDistrictFileSnapshotStore(path)
    with BackfillService(
        Stations(), store, Everything(), jobs=SqliteJobStore("jobs.sqlite3"), fetch=PoliteFetcher(rate=2)
    ) as service:
        request = BackfillRequest("2024-01-01", date(2024, 1, 31), ["a"], frequency="month-end", min_interval=0.5)
        plan = service.plan(request)
        assert_type(plan, BackfillPlan)
        job = service.initiate_backfill(plan, idempotency_key="january")
        assert_type(job, Job)
        assert_type(job.future, Future[BackfillReport])
        assert_type(job.wait(60), BackfillReport)
        assert_type(job.status, BackfillStatus)
        assert_type(service.run_backfill(request, progress=print), BackfillReport)
        job.subscribe(lambda event: assert_type(event, JobEvent))
        coverage = service.coverage("2024-01-01", "2024-01-31")
        assert_type(coverage, Coverage)
        assert_type(coverage.counts, Mapping[CellState, int])
        assert_type(service.fill_gaps(coverage), Job)
        assert_type(service.verify("2024-01-01"), Verification)
        assert_type(service.explain("2024-01-01", "a"), Explanation)
        assert_type(service.history(["a"], ["bytes"]), Table)
        assert_type(service.findings(), Findings)
        assert_type([finding.kind for finding in service.findings()], list[str])
    record = store.read(date(2024, 1, 1)).district("a")
    assert_type(record, DistrictRecord)
    assert_type(record.structure(Rain), Rain)
    assert_type(try_source(rain, "2024-01-01", "a"), Collected)


def what_is_wrong_is_refused(service: BackfillService, store: MemorySnapshotStore) -> None:
    """Each of these is a mistake that a checker must tell; were it not told, the comment beside it would be one too much."""

    class Nameless:
        def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
            return fetch(f"https://a.example/{day}/{district}").text

    class Awaited:
        name = "awaited"

        def collect_district(self, day: str, district: str, fetch: Fetch, /) -> object:
            return fetch(f"https://a.example/{day}/{district}").text

    BackfillService(Nameless(), store)  # type: ignore[arg-type] # a source has a name
    BackfillService(Awaited(), store)  # type: ignore[arg-type] # days are dates, not texts
    BackfillService(rain, "snapshots")  # type: ignore[arg-type] # a store, not a path
    BackfillService(rain, store, None, MemoryJobStore())  # type: ignore[call-arg] # by name from here on
    BackfillRequest(20240101)  # type: ignore[arg-type] # a day is a date or a text
    BackfillRequest("2024-01-01", concurrency="3")  # type: ignore[arg-type] # a number
    BackfillRequest("2024-01-01", workers=3)  # type: ignore[call-arg] # there is no such option
    service.run_backfill("2024-01-01")  # type: ignore[arg-type] # a request, or a plan
    service.plan(BackfillRequest("2024-01-01")).days = ()  # type: ignore[misc] # a plan is frozen
    PoliteFetcher(rate="5/s")  # type: ignore[arg-type] # requests a second
