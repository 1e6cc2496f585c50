"""The documents behind a record: provenance, being settled, and the gate that opens for planned ones only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.collect import Collector
from backfill.errors import (
    PermanentSourceError,
)
from backfill.fetching import BareFetcher
from backfill.model import (
    Collected,
    DistrictRecord,
    DocumentRequest,
    Edition,
    JobContext,
    Method,
    PlannedDay,
)
from backfill.protocols import Fetch
from backfill.testing import VirtualClock
from backfill.testing.fetch import DictFetch
from collect_doubles import (
    URL,
    collect_one,
    collector,
    giving,
    record_of,
)
from engine_doubles import DAY, NOW, Catalog, Door, One, bounded, context, document_request, planned


def test_a_record_names_the_documents_it_was_made_from() -> None:
    """Every document that the call asked for stands in the record once, and the latest of them dates it. [B3]"""
    times = iter([NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW])

    def collect(_day: date, _district: str, fetch: Fetch) -> object:
        return [fetch(f"{URL}/{name}", name=name).name for name in "aba"]

    made = collect_one(One(collect), Door(fetched_at=lambda _identity: next(times)))
    assert isinstance(made, DistrictRecord)
    assert [(document.name, document.fetched_at) for document in made.provenance] == [
        ("a", NOW), ("b", NOW - timedelta(hours=1)),
    ]  # fmt: skip
    assert made.collected_at == NOW
    assert all(len(document.sha256) == 64 for document in made.provenance)


def test_without_documents_a_record_is_dated_now() -> None:
    """A source that fetches nothing has records of the moment, without provenance. [B3]"""
    made = record_of({"n": 1})
    assert (made.collected_at, made.provenance) == (NOW, ())


def test_each_call_has_a_door_of_its_own() -> None:
    """The door knows the job, the day and, where there is one, the district, for limits, logs and provenance. [R9.1, B3]"""
    door = Door()

    class Every(Catalog):
        def collect_many(self, _day: date, _districts: Sequence[str], _fetch: Fetch, /) -> Mapping[str, object]:
            return {}

    source = Every(giving(["1"]))
    job = context()
    collects = collector(source, door, job=job)
    collects.list_day(planned(), source)
    collects.collect_many(planned("1"), ("1",), source)
    collects.collect_district(planned("1"), "1")
    assert [(unit.day, unit.district) for unit in door.units] == [(DAY, None), (DAY, None), (DAY, "1")]
    assert all(unit.job is job for unit in door.units)


@pytest.mark.parametrize(
    ("settled_on", "since"),
    [
        (None, datetime.min.replace(tzinfo=UTC)),
        (date(2025, 6, 1), datetime(2025, 6, 1, tzinfo=UTC)),
        (NOW.date(), datetime(2026, 1, 15, tzinfo=UTC)),
        (date(2026, 2, 1), NOW),
    ],
)
def test_what_is_archived_serves_if_it_is_new_enough(settled_on: date | None, since: datetime) -> None:
    """A document serves if fetched since the job was accepted, or since its edition no longer changes. [R9.3]"""
    door = Door()
    collect_one(One(), door, planned("1", settled_on=settled_on))
    assert door.units[0].reuse_since == since


@bounded
@given(
    settled_on=st.none() | st.dates(date(2026, 1, 10), date(2026, 1, 20)),
    fetched=st.lists(st.integers(-10 * 24, 10 * 24), max_size=3),
    said=st.sampled_from([None, True, False]),
)
def test_a_record_is_settled_when_its_oldest_document_is(settled_on: date | None, fetched: list[int], said: bool | None) -> None:
    """Settled means: fetched on or after the day from which the edition no longer changes; a source can only deny it. [R9.3]"""
    times = {str(number): NOW + timedelta(hours=hours) for number, hours in enumerate(fetched)}

    def collect(_day: date, _district: str, fetch: Fetch) -> object:
        return Collected([fetch(f"{URL}/{name}", name=name).name for name in times], settled=said)

    made = collect_one(One(collect), Door(fetched_at=times.__getitem__), planned("1", settled_on=settled_on))
    assert isinstance(made, DistrictRecord)
    oldest = min(times.values(), default=NOW).date()
    assert made.settled == ((settled_on is None or oldest >= settled_on) and said is not False)


class Planning(One):
    """A source that names its documents, and whose calls ask for what they are told to."""

    def __init__(self, *asks: str) -> None:
        super().__init__()
        self.asks = asks

    def requests_for(self, _edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return one document for the day, or for a district."""
        return (document_request("day" if district is None else f"of-{district}"),)

    def collect_district(self, _day: date, _district: str, fetch: Fetch, /) -> object:
        """Ask for them."""
        return [fetch(f"{URL}/{name}", name=name).text for name in self.asks]


class PlanningMany(Planning):
    """The same with a call for several."""

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Ask for them, for all districts alike."""
        value = self.collect_district(day, "", fetch)
        return dict.fromkeys(districts, value)


class PlanningCatalog(Planning):
    """The same with a list."""

    def list_districts(self, _day: date, fetch: Fetch, /) -> Sequence[str]:
        """Ask for them."""
        return [fetch(f"{URL}/{name}", name=name).name for name in self.asks]


@pytest.mark.parametrize("name", ["of-2", "of-9", "day", "elsewhere"])
def test_p12_the_door_opens_for_planned_documents_only(name: str) -> None:
    """A unit can ask for its own documents; another's, or one that nobody planned, is refused without a request. [P12, P7]"""
    door = Door()
    made = collect_one(Planning("of-1", name), door)
    assert isinstance(made, PermanentSourceError)
    assert made.kind == "unplanned_request"
    assert f"'{name}' is not among the documents" in str(made)
    assert door.asked == ["of-1"]


@pytest.mark.parametrize(("name", "opens"), [("of-1", True), ("of-3", True), ("of-2", False), ("day", False), ("x", False)])
def test_p12_a_call_for_several_may_ask_for_those_of_each(name: str, opens: bool) -> None:
    """One call for several opens the door for what each of them needs, not for what is stored and skipped. [P12]"""
    source = PlanningMany(name)
    day = planned("1", "2", "3", existing=("2",), strategy=Method.TARGETED)
    batch = collector(source, Door()).collect_many(day, ("1", "3"), source)
    assert isinstance(batch.values["1"], DistrictRecord) == opens


@pytest.mark.parametrize(("name", "opens"), [("day", True), ("of-1", True), ("of-9", False)])
def test_p12_a_list_may_ask_for_the_documents_of_the_day(name: str, opens: bool) -> None:
    """A day that is listed first has the documents of the day as a whole among those planned. [P12]"""
    source = PlanningCatalog(name)
    collects = collector(source, Door())
    if opens:
        assert collects.list_day(planned("1"), source) == (name,)
    else:
        with pytest.raises(PermanentSourceError, match="is not among the documents"):
            collects.list_day(planned("1"), source)


def test_a_plan_of_documents_that_raises_is_a_bug_of_the_source() -> None:
    """A requests_for that raises fails its unit, and opens no door. [R6.1, P12]"""

    class Broken(Planning):
        def requests_for(self, _edition: Edition, _district: str | None, /) -> Sequence[DocumentRequest]:
            raise ZeroDivisionError

    door = Door()
    made = collect_one(Broken("of-1"), door)
    assert isinstance(made, PermanentSourceError)
    assert made.kind == "source_bug"
    assert door.asked == []


def test_each_record_of_a_batch_names_its_own_documents() -> None:
    """One call for several districts fetches the documents of all, and each record names those planned for it, and those of the day. [B3]"""

    class Batched:
        name = "batched"

        def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
            return self.collect_many(on, [district], fetch)[district]

        def collect_many(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
            fetch("http://h/day", name="day")
            return {name: fetch(f"http://h/{name}", name=name).text for name in districts}

        def list_districts(self, on: date, fetch: Fetch, /) -> Sequence[str]:
            return [fetch("http://h/day", name="day").text]

        def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
            name = district or "day"
            return [DocumentRequest(f"http://h/{name}", name=name)]

    door = BareFetcher(DictFetch({"day": "d", "A": "a", "B": "b"}), clock=VirtualClock())
    source = Batched()
    collector = Collector(source, door, VirtualClock(), JobContext("j", NOW))
    on_day = PlannedDay(date(2024, 1, 1), None, None, None, Method.TARGETED, ("A", "B"))
    batch = collector.collect_many(on_day, ("A", "B"), source)
    named = {
        name: [ref.name for ref in record.provenance]
        for name, record in batch.values.items()
        if isinstance(record, DistrictRecord)
    }
    assert named == {"A": ["day", "A"], "B": ["day", "B"]}
