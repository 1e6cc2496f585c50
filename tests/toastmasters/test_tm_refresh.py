"""The refresh service by itself: single figures of any day, and the door that it asks through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from typing import cast

import pytest
from attrs import evolve

from backfill.errors import DataUnavailable, InvalidRequest, PermanentSourceError, ServiceUnusable
from backfill.fetching import PoliteFetcher
from backfill.jsonvalues import JsonValue
from backfill.model import Collected, Document, JobContext, UnitContext
from backfill.protocols import Fetcher
from backfill.testing import VirtualClock
from backfill.testing.dashboard import Fault, ReportArchive
from backfill.testing.dashboard.report import read_report
from backfill.toastmasters import RefreshService
from tm_calendar_cases import on
from tm_files import export, footer_of
from tm_serving import (
    CLUBS,
    SUMMARY,
    Files,
    backfilling,
    clock_at,
    counts,
    figures,
    file,
    of_district,
    ran,
    refreshing,
    sent,
    serving,
    summary_row,
    whole,
)

TODAY, DAY = "2024-01-15", "2023-01-18"
FILES = whole("2023-01", DAY)
SHIPPED = ReportArchive.shipped()


def rankings(collected: Collected) -> list[dict[str, JsonValue]]:
    """Return the entries of a ranking."""
    return cast("list[dict[str, JsonValue]]", figures(collected)["rankings"])


# --- figures -----------------------------------------------------------------------------------------------------------------


def test_all_districts_of_a_day() -> None:
    """One request gives every district of a day in summary, letters too, as of the footer's date; the list of districts is that day's own. [R3.2, B10]"""
    with serving(SHIPPED, "2026-06-04") as server, refreshing(server, "2026-06-04") as service:
        found = service.get_all_districts(on("2023-01-31"))
        assert len(found) == 128
        assert {"01", "91", "F", "U"} <= found.keys()
        assert {(each.as_of, each.detail, each.settled) for each in found.values()} == {(on("2023-02-08"), "summary", None)}
        assert figures(found["91"])["snapshotDate"] == "2023-01-31"
        assert tuple(found) == service.list_districts(on("2023-01-31"))
        assert len(server.requests) == 1
        assert len(service.list_districts(on("2026-05-31"))) == 128
        assert set(service.list_districts(on("2021-01-31"))) - set(found) == set()


def test_what_no_longer_changes_is_not_asked_for_again() -> None:
    """Pitfall 26: single figures of a day that is settled come from the door's archive, however old it is; those of a day that is not are asked for anew. [R9.3]"""
    with serving(FILES, TODAY) as server:
        for today, times in ((TODAY, 1), ("2023-01-19", 2)):
            server.reset()
            server.today = on(today)
            clock = clock_at(today)
            with closing(PoliteFetcher(rate=None, clock=clock)) as fetcher:
                service = RefreshService(fetcher, server.url, clock)
                service.list_districts(on(DAY))
                clock.advance(3_600)
                service.get_all_districts(on(DAY))
            assert sent(server) == {f"{SUMMARY}~2023-01-31~{DAY}": times}


def test_a_district_in_full() -> None:
    """Three reports and the day's summary give a district in full; their figures agree with the summary's, and nothing has to be said. [R3.2]"""
    with serving(SHIPPED, "2026-06-04") as server, refreshing(server, "2026-06-04") as service:
        found = service.get_district_performance(on("2023-01-31"), "District 91")
        assert (found.as_of, found.detail, found.settled, found.findings) == (on("2023-02-08"), "full", None, ())
        totals = cast("Mapping[str, JsonValue]", figures(found)["totals"])
        row = cast("Mapping[str, JsonValue]", figures(service.get_all_districts(on("2023-01-31"))["91"])["summary"])
        assert (totals["totalPayments"], totals["activeClubs"]) == (row["totalPayments"], row["activeClubs"])
        assert len(cast("list[JsonValue]", figures(found)["clubs"])) == totals["totalClubs"]


def test_several_districts_share_the_summary() -> None:
    """Several districts in one call: each in full, or its error in its place; the day's summary is asked for once, also by a door that keeps nothing. [R3.2, R6.1, R9.3]"""
    with serving(FILES, TODAY) as server, closing(PoliteFetcher(rate=None)) as fetcher:
        bare = fetcher.bind(
            UnitContext(JobContext("test", datetime(2030, 1, 1, tzinfo=UTC)), on(DAY), None, datetime(2030, 1, 1, tzinfo=UTC))
        )
        service = RefreshService(bare, server.url, clock_at(TODAY))
        server.fail(Fault.status(403), report=CLUBS, district="F")
        found = service.get_multiple_districts(on(DAY), ["61", "District 61", "F", "99"])
        assert [*found] == ["61", "F", "99"]
        assert isinstance(found["61"], Collected)
        assert isinstance(found["F"], PermanentSourceError)
        assert isinstance(found["99"], DataUnavailable)
        assert found["99"].kind == "no_such_district"
        assert sent(server)[f"{SUMMARY}~2023-01-31~{DAY}"] == 1
        assert not [name for name in sent(server) if "~99~" in name]


def test_the_ranking_of_a_day() -> None:
    """Pitfalls 4 and 5: the ranking is there without asking for it, and of all districts of the summary, whichever are collected. [R5.3, R3.2]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        assert [entry["districtId"] for entry in rankings(service.refresh.get_rankings(on(DAY)))] == ["61", "F"]
        ran(service, DAY, districts=["61"])
        stored = cast("dict[str, JsonValue]", service.store.read(on(DAY)).summary("all-districts-rankings"))
        assert {entry["districtId"] for entry in cast("list[dict[str, JsonValue]]", stored["rankings"])} == {"61", "F"}
        assert cast("dict[str, JsonValue]", stored["metadata"])["sourceCsvDate"] == DAY


Method = Callable[[RefreshService, date], object]
METHODS: Mapping[str, Method] = {
    "list_districts": lambda service, day: service.list_districts(day),
    "get_all_districts": lambda service, day: service.get_all_districts(day),
    "get_district_performance": lambda service, day: service.get_district_performance(day, "61"),
    "get_multiple_districts": lambda service, day: service.get_multiple_districts(day, ["61"]),
    "get_rankings": lambda service, day: service.get_rankings(day),
}


@pytest.mark.parametrize("method", METHODS)
def test_a_day_without_figures(method: str) -> None:
    """Every method says of a day in a closing that it has no figures, and why, without a request. [R6.2, B10]"""
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        with pytest.raises(DataUnavailable) as caught:
            METHODS[method](service, on("2023-02-05"))
        assert (caught.value.kind, server.requests) == ("closing", ())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("day", [datetime(2023, 1, 18, tzinfo=UTC), None, 20230118])
def test_what_is_no_day_is_refused(method: str, day: object) -> None:
    """Pitfalls 1 and 14: every method needs a day, without a time of day; nothing stands in for it, today least of all. [R7.4]"""
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        with pytest.raises(InvalidRequest):
            METHODS[method](service, cast("date", day))
        assert server.requests == ()


def test_what_names_no_district_is_refused() -> None:
    """A text that cannot name a district is refused before anything is asked for, among several too. [R2.3, R7.4]"""
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        with pytest.raises(InvalidRequest, match="sixty"):
            service.get_district_performance(on(DAY), "sixty")
        with pytest.raises(InvalidRequest, match="sixty"):
            service.get_multiple_districts(on(DAY), ["61", "sixty"])
        with pytest.raises(InvalidRequest):
            service.get_multiple_districts(on(DAY), "61")
        assert server.requests == ()


def test_what_is_no_address_is_refused() -> None:
    """An address that cannot be one of a dashboard is refused when the service is made. [R6.2]"""
    with pytest.raises(InvalidRequest, match=r"dashboards\.toastmasters\.org"):
        RefreshService(base_url="dashboards.example")


# --- districts that cannot be collected --------------------------------------------------------------------------------------


def odd_summary() -> Files:
    """Return a day whose summary has a row that names no district as they are named."""
    rows = [summary_row("61", DAY), summary_row("D101", DAY, clubs=3), summary_row("1234", DAY)]
    return file(SUMMARY, "2023-01", DAY, rows) | of_district("2023-01", DAY, "61")


def test_a_row_that_names_no_district() -> None:
    """A row of the summary whose district can be no district's name is left out of lists and summaries, and ranked all the same (pitfall 11). [R3.2, R5.3]"""
    with serving(odd_summary(), TODAY) as server, refreshing(server, TODAY) as service:
        assert service.list_districts(on(DAY)) == ("61",)
        assert [*service.get_all_districts(on(DAY))] == ["61"]
        ranked = service.get_rankings(on(DAY))
        assert {entry["districtId"] for entry in rankings(ranked)} == {"61", "D101", "1234"}
        assert sorted(finding.message for finding in ranked.findings) == [
            f"the summary has a row of '{name}', which names no district; it is ranked, and cannot be collected"
            for name in ("1234", "D101")
        ]
        assert {(finding.kind, finding.day, finding.district) for finding in ranked.findings} == {
            ("invalid_district", on(DAY), None)
        }


@pytest.mark.parametrize("districts", [None, ["61"], ["61", "F"]])
def test_a_row_that_names_no_district_stops_no_day(districts: list[str] | None) -> None:
    """Whichever way the day is collected, such a row fails nothing, and is told with the day. [R6.1, R5.5]"""
    with serving(odd_summary(), TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY, districts=districts)
        assert (report.status, report.errors) == ("complete", ())
        assert [finding.kind for finding in service.store.read(on(DAY)).metadata.findings] == ["invalid_district"] * 2
        assert service.store.read(on(DAY)).districts == ("61",)


def test_what_the_summary_has_to_say_is_told_once() -> None:
    """What a reader should know of the summary itself is told of the day, once. [R5.5]"""
    rows = [summary_row("61", DAY) | {"Fancy": "1"}, summary_row("F", DAY)]
    (key,) = file(SUMMARY, "2023-01", DAY, rows)
    content = export(SUMMARY, rows, year=2022, footer=footer_of("Jan", on(DAY)), more=["Fancy"])
    with serving({key: read_report(content)}, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY)
        assert [(finding.kind, finding.day, finding.district) for finding in report.findings] == [
            ("unknown_column", on(DAY), None)
        ]


# --- the door ----------------------------------------------------------------------------------------------------------------


def test_a_service_closes_the_door_that_it_made() -> None:
    """Without a door the service makes a polite one, one for all threads, and lets go of it when it is closed; then it cannot be used. [B6]"""
    with serving(FILES, TODAY) as server:
        with RefreshService(None, server.url, clock_at(TODAY)) as service:
            with ThreadPoolExecutor(4) as pool:
                doors = set(pool.map(lambda _: id(service._way_out()), range(8)))
            assert len(doors) == 1
            door = service._way_out()
            assert isinstance(door, PoliteFetcher)
            assert service.list_districts(on(DAY)) == ("61", "F")
        with pytest.raises(ServiceUnusable):
            door.bind(
                UnitContext(JobContext("test", datetime(2024, 1, 1, tzinfo=UTC)), on(DAY), None, datetime(2024, 1, 1, tzinfo=UTC))
            )
        with pytest.raises(ServiceUnusable, match="make a new one"):
            service.list_districts(on(DAY))
        service.close()


def test_a_service_that_was_never_used_has_nothing_to_close() -> None:
    """A service that was never used opened nothing, and closing it is nothing. [B6]"""
    service = RefreshService()
    service.close()
    assert service._own is None


class Door:
    """A fetcher that notes whether it is open."""

    def __init__(self, inner: Fetcher) -> None:
        self.bind = inner.bind
        self.is_closed = False

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def test_a_door_that_was_given_stays_open() -> None:
    """The door that a service was given is its caller's to close, and so is that of a copy. [B6]"""
    with serving(FILES, TODAY) as server, closing(PoliteFetcher(rate=None, clock=VirtualClock())) as fetcher:
        door, other = Door(fetcher), Door(fetcher)
        with RefreshService(door, server.url, clock_at(TODAY)) as service:
            service.list_districts(on(DAY))
            with service.using(other) as copy:
                assert copy.list_districts(on(DAY)) == ("61", "F")
        assert not door.is_closed
        assert not other.is_closed
        assert copy.using(other).list_districts(on(DAY)) == ("61", "F")


def test_copies_share_what_they_learn() -> None:
    """A copy bound to another door is cheap, and what it learns of closing months the others know. [R9.3]"""
    files = whole("2027-11", "2027-11-15")
    with serving(files, "2027-11-20") as server, refreshing(server, "2027-11-20") as service:
        copy = service.using(service._way_out())
        copy.list_districts(on("2027-11-15"))
        assert service.calendar.knows(on("2027-11-30"), on("2027-11-15"))
        assert service.calendar is copy.calendar


def test_any_function_is_a_door() -> None:
    """A function that returns documents is door enough, and is asked by address and name. [R10.5]"""
    asked: list[tuple[str, str | None]] = []
    contents = {key.report: parts.content for key, parts in FILES.items() if key.district in {"", "61"}}
    guard = threading.Lock()

    def fetch(
        url: str, /, *, check: Callable[[Document], object] | None = None, name: str | None = None, **_: object
    ) -> Document:
        with guard:
            asked.append((url, name))
        document = Document.of(url, contents[(name or "").partition("~")[0]], name=name or url)
        return document if check is None else evolve(document, parsed=check(document))

    service = RefreshService(fetch, "http://127.0.0.1:9", clock_at(TODAY))
    assert service.get_district_performance(on(DAY), "61").detail == "full"
    assert asked[0] == (
        "http://127.0.0.1:9/2022-2023/export.aspx?type=CSV&report=districtsummary~1/31/2023~1/18/2023~2022-2023",
        f"{SUMMARY}~2023-01-31~{DAY}",
    )
    assert len(asked) == 4


def test_the_counts_of_a_run() -> None:
    """The refresh service of a backfill is the one that a program calls: what the one has learnt the other knows. [R2.4, R11.1]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        assert counts(ran(service, DAY)) == {"completed": 2}
        assert service.refresh.list_districts(on(DAY)) == ("61", "F")
