"""Documents that are asked for only when another holds nothing: allowed by the plan, not counted by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from attrs import evolve

from backfill.engine.planner import EXACT_UNITS, Planner
from backfill.errors import PermanentSourceError
from backfill.model import BackfillRequest, DistrictRecord, DocumentRequest, Edition, Method
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from collect_doubles import URL, collect_one, collector
from engine_doubles import DAY, Door, FixedScope, One, day, document_request, planned


class Hesitant(One):
    """A source that lists its days, and may have to step back: for the day as a whole and for each district."""

    def __init__(self, *asks: str) -> None:
        super().__init__()
        self._asks = asks

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return one document and one conditional one."""
        name = f"{edition.day}-{district or 'all'}"
        return (
            document_request(name, "report"),
            evolve(document_request(f"{name}-before", "report"), conditional=True),
            evolve(document_request(f"{day(1)}-all", "report"), conditional=True),
        )

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        """Ask for what is to be asked for."""
        return self.collect_district(day, "", fetch)

    def collect_district(self, _day: date, _district: str, fetch: Fetch, /) -> list[str]:
        """Ask for what is to be asked for."""
        return [fetch(f"{URL}/{name}", name=name).name for name in self._asks]


def planner(source: One, *districts: str) -> Planner:
    """Return a planner over an empty store."""
    return Planner(source, MemorySnapshotStore(), FixedScope(*districts), VirtualClock())


def test_conditional_documents_are_not_counted() -> None:
    """A plan counts what will be asked for, once each, even where another day names one of these conditionally. [B1]"""
    plan = planner(Hesitant(), "1", "2").plan(BackfillRequest(DAY, day(1), collection_type="per-district"))
    assert dict(plan.requests) == {"report": 2 * (1 + 2)}
    assert plan.exact


def test_conditional_documents_are_not_counted_in_estimates() -> None:
    """Nor does a plan too large for an exact count, in which one district stands for the others, count them. [B1]"""
    many = tuple(str(number) for number in range(EXACT_UNITS + 1))
    plan = planner(Hesitant(), *many).plan(BackfillRequest(DAY, collection_type="per-district"))
    assert dict(plan.requests) == {"report": 1 + len(many)}
    assert not plan.exact


@pytest.mark.parametrize("name", [f"{DAY}-1", f"{DAY}-1-before", f"{DAY}-all-before"])
def test_p12_the_door_opens_for_conditional_documents(name: str) -> None:
    """A unit may ask for the conditional documents that the plan names for it, as for the others. [P12]"""
    door = Door()
    assert isinstance(collect_one(Hesitant(name), door), DistrictRecord)
    assert door.asked == [name]


@pytest.mark.parametrize("name", [f"{DAY}-2-before", f"{DAY}-before", f"{day(1)}-1-before"])
def test_p12_the_door_stays_shut_for_the_conditional_documents_of_others(name: str) -> None:
    """What is conditional for another unit is as closed as anything unplanned. [P12]"""
    door = Door()
    made = collect_one(Hesitant(name), door)
    assert isinstance(made, PermanentSourceError)
    assert made.kind == "unplanned_request"
    assert door.asked == []


def test_p12_a_list_may_ask_for_conditional_documents() -> None:
    """A day that is listed first may step back as well. [P12]"""
    source = Hesitant(f"{DAY}-all-before")
    day_planned = planned("1", strategy=Method.TARGETED)
    assert collector(source, Door()).list_day(day_planned, source) == (f"{DAY}-all-before",)
