"""Figures that should only grow: a decrease is noticed when a day is published, whichever day was collected first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from backfill import BackfillRequest, BackfillService
from backfill.engine.growth import Growth
from backfill.errors import StoreUnavailable
from backfill.model import DistrictRecord, Finding
from backfill.protocols import Fetch, Snapshot
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore

FIRST, SECOND, THIRD = (date(2024, 1, number) for number in (1, 2, 3))
FIGURES: Mapping[date, int] = {FIRST: 10, SECOND: 7, THIRD: 9}


class Adding:
    """A source whose figures add up over a month, or should."""

    name = "adding"

    def __init__(self, figures: Mapping[date, object] = FIGURES) -> None:
        self.figures = figures

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return the day's figure, and one that may fall."""
        del fetch, district
        return {"totals": {"payments": self.figures[day]}, "members": -day.day}

    def cumulative_fields(self) -> Sequence[str]:
        """Return the figures that only grow, and one that no record has."""
        return ("totals.payments", "payments.more")

    def period_of(self, day: date, /) -> str:
        """Return the month."""
        return f"{day:%Y-%m}"


def decreases(findings: Sequence[Finding]) -> list[tuple[date | None, str | None, str]]:
    """Return what findings say of decreases."""
    return sorted((one.day, one.district, one.message) for one in findings if one.kind == "decrease")


SECOND_IS_LESS = (SECOND, "A", "totals.payments is 7, after 10 on 2024-01-01")
FIRST_WAS_MORE = (FIRST, "A", "totals.payments is 10, and 7 on 2024-01-02")


@pytest.mark.parametrize(("order", "told"), [("oldest-first", SECOND_IS_LESS), ("newest-first", FIRST_WAS_MORE)])
def test_a_decrease_is_in_metadata_and_report(order: str, told: tuple[date, str, str], tmp_path: Path) -> None:
    """The day that is published second is told of it, in its metadata and in the job's report; a listing tells it once. [R5.5]"""
    store = PerDistrictFileSnapshotStore(tmp_path)
    with BackfillService(Adding(), store) as service:
        request = BackfillRequest(FIRST, THIRD, ["A"], order=order, concurrency=1)
        report = service.run_backfill(request, progress=False)
        assert decreases(report.findings) == [told]
        assert decreases(store.read(told[0]).metadata.findings) == [told]
        assert decreases(list(service.findings())) == [SECOND_IS_LESS]


def test_a_decrease_against_a_day_that_was_stored_before(tmp_path: Path) -> None:
    """Days of other jobs count, those of other periods do not; when the figure is put right, its own day says nothing any more. [R5.5]"""
    store = PerDistrictFileSnapshotStore(tmp_path)
    figures = {FIRST: 10, SECOND: 7, date(2023, 12, 31): 99}
    for day in (FIRST, date(2023, 12, 31)):
        with BackfillService(Adding(figures), store) as service:
            assert decreases(service.run_backfill(BackfillRequest(day, target_districts=["A"]), progress=False).findings) == []
    with BackfillService(Adding(figures), store) as service:
        report = service.run_backfill(BackfillRequest(SECOND, target_districts=["A"]), progress=False)
        assert decreases(report.findings) == [SECOND_IS_LESS]
    with BackfillService(Adding({SECOND: 11}), store) as service:
        request = BackfillRequest(SECOND, target_districts=["A"], skip_existing=False)
        assert decreases(service.run_backfill(request, progress=False).findings) == []
        assert decreases(store.read(SECOND).metadata.findings) == decreases(list(service.findings())) == []


def test_a_day_that_lacks_the_district_is_passed_over() -> None:
    """Compared is the nearest stored day that has the figure; one whose record is damaged, or says true or nothing, has none. [R5.5]"""
    store = MemorySnapshotStore()
    with BackfillService(Adding({FIRST: 10, SECOND: None, THIRD: True, date(2024, 1, 4): 3}), store) as service:
        for day, district in ((FIRST, "A"), (SECOND, "A"), (THIRD, "A")):
            service.run_backfill(BackfillRequest(day, target_districts=[district]), progress=False)
        report = service.run_backfill(BackfillRequest("2024-01-04", target_districts=["A", "B"]), progress=False)
        assert decreases(report.findings) == [(date(2024, 1, 4), "A", "totals.payments is 3, after 10 on 2024-01-01")]


def test_a_day_that_the_job_will_publish_is_not_read_before() -> None:
    """A job over stored days reads none of them for the comparison, but those at its ends; the decrease is noticed all the same. [R5.5, B8]"""
    store = Watched()
    with BackfillService(Adding({**FIGURES, date(2024, 1, 4): 12}), store) as service:
        service.run_backfill(BackfillRequest(FIRST, "2024-01-04", ["A"]), progress=False)
        store.opened.clear()
        again = BackfillRequest(FIRST, THIRD, ["A"], skip_existing=False, order="oldest-first", concurrency=1)
        report = service.run_backfill(again, progress=False)
        assert decreases(report.findings) == [SECOND_IS_LESS]
        assert set(store.opened) == {date(2024, 1, 4)}


class Watched(MemorySnapshotStore):
    """Notes which days are read."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[date] = []

    def read(self, day: date, /) -> Snapshot:  # type: ignore[override] # what it returns has no public name
        """Note it, and read."""
        self.opened.append(day)
        return super().read(day)


class Unlisted(MemorySnapshotStore):
    """A store whose days cannot be listed any more, once a job is at work."""

    at_work = False

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Fail."""
        if self.at_work:
            raise StoreUnavailable("no list today")
        return super().days(start, end)


def test_a_day_is_stored_also_where_nothing_can_be_compared() -> None:
    """The comparison is a note about figures, and costs none of them. [R6.1]"""
    store = Unlisted()

    class Working(Adding):
        """Works."""

        def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
            """Return a figure; from now on no day is listed."""
            store.at_work = True
            return super().collect_district(day, district, fetch)

    with BackfillService(Working(), store) as service:
        report = service.run_backfill(BackfillRequest(FIRST, SECOND, ["A"]), progress=False)
        assert (report.status, report.progress.completed, report.findings) == ("complete", 2, ())


def test_memory_does_not_grow_with_the_days() -> None:
    """Of many days the figures of the newest are remembered. [B8]"""
    growth = Growth(Adding(), MemorySnapshotStore())
    for number in range(500):
        assert growth.decreases(date.fromordinal(FIRST.toordinal() + number), {"A": {"totals.payments": 1.0}}) == ()
    assert len(growth._known) <= 64


def test_a_source_without_such_figures_is_not_compared() -> None:
    """Nothing is looked at for it. [R10.5]"""
    record = DistrictRecord("A", FIRST, FIRST, "full", {"totals": {"payments": 1}}, collected_at=None)  # type: ignore[arg-type] # not looked at
    assert Growth(Plain(), Unlisted()).of(record.data) == {}
    assert Growth(Plain(), Unlisted()).decreases(FIRST, {"A": {"payments": 1.0}}) == ()


class Plain:
    """A source without such figures."""

    name = "plain"

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return a figure."""
        return {}
