"""Where the calendar and the dashboard meet: closes that are known, open, searched for or doubted, and the switch of the year."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from backfill import BackfillRequest
from backfill.errors import DataUnavailable, TransientSourceError
from backfill.stores import MemorySnapshotStore
from backfill.testing.dashboard import DashboardServer, Fault, ReportArchive
from backfill.testing.dashboard.windows import Windows
from backfill.toastmasters.almanac import Almanac
from tm_calendar_cases import learnt, on
from tm_serving import (
    CLUBS,
    DISTRICT,
    SUMMARY,
    Backfilling,
    Files,
    backfilling,
    counts,
    failures,
    opened,
    published_daily,
    ran,
    refreshing,
    sent,
    serving,
    whole,
    windows,
)

AUTUMN = published_daily(
    m2027_09=("2027-09-28", "2027-10-08"), m2027_10=("2027-10-28", "2027-11-08"), m2027_11=("2027-11-09", "2027-11-22")
)
"""Months that the shipped table does not know, all in the program year that is live."""


class Stored(NamedTuple):
    """What a manifest says of a month's end."""

    as_of: date
    settled: bool


def stored(service: Backfilling, day: str = "2027-10-31", district: str = "61") -> Stored:
    """Return what was stored of a month's end."""
    header = service.store.entries(on(day))[district]
    return Stored(header.as_of, header.settled)


def summaries(server: DashboardServer) -> dict[str, int]:
    """Return how often each summary was asked for, by month and as-of."""
    return {name.removeprefix(f"{SUMMARY}~"): times for name, times in sent(server).items() if name.startswith(SUMMARY)}


# --- a close that nobody knows ----------------------------------------------------------------------------------------------


def test_an_unknown_close_is_searched_for_and_learnt() -> None:
    """A close that no table knows is found by asking in few requests, is confirmed by the next month's being shown on the day after it, and from then on is known. [B10, P12]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server, backfilling(server, "2027-11-23") as service:
        assert service.refresh.calendar.close_of(on("2027-10-31")).as_of is None
        assert counts(ran(service, "2027-10-31")) == {"completed": 1}
        assert stored(service) == (on("2027-11-08"), True)
        asked = summaries(server)
        assert set(asked.values()) == {1}
        assert {"2027-10-31~2027-11-08", "2027-10-31~2027-11-09"} <= asked.keys()
        assert len(asked) <= 5
        assert service.refresh.calendar.knows(on("2027-11-30"), on("2027-11-09"))
        close = service.refresh.calendar.close_of(on("2027-10-31"))
        assert (close.earliest, close.latest) == (on("2027-11-08"), on("2027-11-08"))
        server.reset()
        service.clock.advance(86_400)
        assert counts(ran(service, "2027-10-31", skip_existing=False, enable_caching=False)) == {"completed": 1}
        assert summaries(server) == {"2027-10-31~2027-11-08": 1}


def test_the_districts_of_a_day_share_its_search() -> None:
    """The close is searched for once: the other districts of the day ask for their reports only. [R9.3, B10]"""
    files, spans = published_daily(
        ["61", "F"], ["61", "F"], m2027_10=("2027-10-28", "2027-11-08"), m2027_11=("2027-11-09", "2027-11-22")
    )
    with serving(files, "2027-11-23", opened=spans) as server, backfilling(server, "2027-11-23") as service:
        assert counts(ran(service, "2027-10-31", districts=["61", "F"], collection_type="per-district")) == {"completed": 2}
        assert set(summaries(server).values()) == {1}
        reports = [name for name in sent(server) if not name.startswith(SUMMARY)]
        assert len(reports) == 2 * 3
        assert all(name.endswith("~2027-10-31~2027-11-08") for name in reports)


def test_an_end_that_is_not_confirmed_is_not_settled() -> None:
    """Where the next month has not been shown, the last as-of found may not be the last: the record is not settled, and a run after it was shown settles it. [R6.6, B10]"""
    files, spans = AUTUMN
    october = {key: report for key, report in files.items() if key.month < on("2027-11-01")}
    store = MemorySnapshotStore()
    with serving(october, "2027-11-23", opened=spans) as server, backfilling(server, "2027-11-23", store=store) as service:
        assert counts(ran(service, "2027-10-31")) == {"completed": 1}
        assert stored(service) == (on("2027-11-08"), False)
    with serving(files, "2027-11-24", opened=spans) as server, backfilling(server, "2027-11-24", store=store) as service:
        assert counts(ran(service, "2027-10-31")) == {"completed": 1}
        assert stored(service) == (on("2027-11-08"), True)
        server.reset()
        assert counts(ran(service, "2027-10-31")) == {"skipped": 1}
        assert sent(server) == {}


def test_a_hole_does_not_end_a_month() -> None:
    """A day on which the search is told nothing looks like one after the close; where the next month begins later, every day in between is asked for, twice, and the true end is found. [B10, R6.5]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server:
        with backfilling(server, "2027-11-23") as service:
            ran(service, "2027-10-31")
            probes = [name for name in summaries(server) if name.startswith("2027-10-31")]
        hole = min(probe for probe in probes if probe > "2027-10-31~2027-10-31")
        known = Almanac(learnt(("2027-11-30", "2027-11-09")))
        server.reset()
        rule = server.fail(Fault.zero_rows(), report=SUMMARY, as_of=hole.partition("~")[2])
        with backfilling(server, "2027-11-23", almanac=known) as service:
            assert counts(ran(service, "2027-10-31")) == {"completed": 1}
            assert stored(service) == (on("2027-11-08"), True)
        assert rule.hits


def test_a_june_after_which_nothing_comes_for_days() -> None:
    """After June closed nothing is given out for days: its end is settled once a later month is known and each of these days was asked for in vain, twice. [B10]"""
    files, spans = published_daily(m2028_06=("2028-06-28", "2028-07-19"), m2028_07=("2028-08-01", "2028-08-12"), m2028_08=None)
    with serving(files, "2028-08-20", opened=spans) as server, backfilling(server, "2028-08-20") as service:
        assert counts(ran(service, "2028-06-30")) == {"completed": 1}
        assert stored(service, "2028-06-30") == (on("2028-07-19"), False)
        assert counts(ran(service, "2028-07-31")) == {"completed": 1}
        assert service.store.entries(on("2028-07-31"))["61"].as_of == on("2028-08-12")
        server.reset()
        service.clock.advance(86_400)
        assert counts(ran(service, "2028-06-30")) == {"completed": 1}
        assert stored(service, "2028-06-30") == (on("2028-07-19"), True)
        in_vain = {name for name, times in summaries(server).items() if name.startswith("2028-06-30") and times >= 2}
        assert in_vain >= {f"2028-06-30~2028-07-{day}" for day in range(20, 32)}


def test_a_clock_that_is_behind_what_is_known() -> None:
    """A month that was seen as of a day that is still to come, by a clock that was right, is open: yesterday's state of it is collected. [B10]"""
    files, spans = AUTUMN
    ahead = Almanac(learnt(("2027-10-31", "2027-11-08")))
    with serving(files, "2027-11-05", opened=spans) as server, backfilling(server, "2027-11-05", almanac=ahead) as service:
        assert counts(ran(service, "2027-10-31")) == {"completed": 1}
        assert stored(service) == (on("2027-11-04"), False)
        assert summaries(server) == {"2027-10-31~2027-11-04": 1}


# --- a close that is not over -----------------------------------------------------------------------------------------------


def test_a_month_that_is_closing() -> None:
    """While a month closes, its last day holds yesterday's state and says so; a later run updates it, and the last one settles it. [R5.5, R11.3, B10]"""
    files, spans = AUTUMN
    seen: list[Stored] = []
    with serving(files, "2027-11-05", opened=spans) as server, backfilling(server, "2027-11-05") as service:
        for today in ("2027-11-05", "2027-11-08", "2027-11-09", "2027-11-12", "2027-11-13"):
            server.today = on(today)
            service.clock.advance((on(today) - service.clock.today()).days * 86_400)
            assert counts(ran(service, "2027-10-31")) == {"completed": 1}
            seen.append(stored(service))
        metadata = service.store.read(on("2027-10-31")).metadata
        assert (metadata.day, metadata.as_of) == (on("2027-10-31"), on("2027-11-08"))
    last = on("2027-11-08")
    assert seen == [(on("2027-11-04"), False), (on("2027-11-07"), False), (last, False), (last, False), (last, True)]


def test_a_closing_month_on_disk(tmp_path: Path) -> None:
    """Pitfall 7: the files of a month that is closing carry the flag, the as-of as data and collection date, and the month's last day as logical date, all from the footer. [R5.5, R11.3, B10]"""
    with serving(whole("2023-01", "2023-02-03", full=["61"]), "2023-02-04") as server:
        with opened(tmp_path, server, "2023-02-04", districts=["61"]) as service:
            assert counts(ran(service, "2023-01-31")) == {"completed": 1}
        metadata = json.loads((tmp_path / "snapshots" / "2023-01-31" / "metadata.json").read_bytes())
        assert {name: metadata[name] for name in ("dataAsOfDate", "collectionDate", "logicalDate", "isClosingPeriodData")} == {
            "dataAsOfDate": "2023-02-03",
            "collectionDate": "2023-02-03",
            "logicalDate": "2023-01-31",
            "isClosingPeriodData": True,
        }
        record = json.loads((tmp_path / "snapshots" / "2023-01-31" / "district_61.json").read_bytes())
        assert (record["snapshotDate"], record["asOfDate"]) == ("2023-01-31", "2023-02-03")


def test_newer_figures_are_never_replaced_by_older_ones() -> None:
    """Should yesterday's state be missing, an older one is found, and what is stored stays. [R5.4, B10]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-07", opened=spans) as server, backfilling(server, "2027-11-07") as service:
        ran(service, "2027-10-31")
        assert stored(service) == (on("2027-11-06"), False)
        service.clock.advance(86_400)
        server.today = on("2027-11-08")
        for as_of in ("2027-11-07", "2027-11-06"):
            server.fail(Fault.zero_rows(), report=SUMMARY, as_of=as_of)
        assert counts(ran(service, "2027-10-31", enable_caching=False)) == {"completed": 1}
        assert stored(service) == (on("2027-11-06"), False)
        assert "2027-10-31~2027-11-05" in summaries(server)


def test_a_month_that_closed_earlier_than_others() -> None:
    """A month that is likely to be open still, and is not, is found where it closed, in the same run. [B10]"""
    files, spans = published_daily(m2027_10=("2027-10-28", "2027-10-31"), m2027_11=("2027-11-01", "2027-11-12"))
    with serving(files, "2027-11-06", opened=spans) as server, backfilling(server, "2027-11-06") as service:
        (planned,) = service.plan(BackfillRequest("2027-10-31")).days
        assert planned.as_of == on("2027-11-05")
        assert counts(ran(service, "2027-10-31")) == {"completed": 1}
        close = service.refresh.calendar.close_of(on("2027-10-31"))
        assert (stored(service).as_of, close.as_of) == (on("2027-10-31"), on("2027-10-31"))


# --- ordinary days in doubt --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", ["live", "finished"])
def test_a_day_that_turns_out_to_belong_to_a_closing(year: str) -> None:
    """A day of which nobody knows whether the month before was still closing is asked for; the answer says that it was, the day is unavailable, and something has been learnt. [R6.5, B10]"""
    files, spans = AUTUMN
    today = "2027-11-23" if year == "live" else "2028-11-23"
    with serving(files, today, opened=spans) as server, backfilling(server, today) as service:
        report = ran(service, "2027-11-05")
        assert (report.status, counts(report)) == ("complete", {"unavailable": 1})
        assert summaries(server) == {"2027-11-30~2027-11-05": 1}
        assert service.refresh.calendar.knows(on("2027-10-31"), on("2027-11-05"))
        # what lies before it is known by now as well: nothing is asked for
        assert counts(ran(service, "2027-11-01", "2027-11-05")) == {"unavailable": 5}
        assert len(summaries(server)) == 1


def test_a_closing_that_shows_itself_only_under_its_own_month() -> None:
    """Where the dashboard has no rows for a day in doubt, the summary of the month before as of that day tells whether it was still closing. [R6.5, B10]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server, backfilling(server, "2027-11-23") as service:
        server.fail(Fault.zero_rows(), report=SUMMARY, month="2027-11-30", as_of="2027-11-05")
        assert counts(ran(service, "2027-11-05")) == {"unavailable": 1}
        assert summaries(server) == {"2027-11-30~2027-11-05": 1, "2027-10-31~2027-11-05": 1}
        assert service.refresh.calendar.knows(on("2027-10-31"), on("2027-11-05"))


def test_an_empty_answer_teaches_nothing() -> None:
    """A footer without rows is plausible, and no more: what it says of the month is not learnt; where that month has no rows as of the day either, nothing was published. [R6.5, B10]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server, refreshing(server, "2027-11-23") as service:
        server.fail(Fault.zero_rows(), report=SUMMARY, as_of="2027-11-05")
        before = service.calendar
        with pytest.raises(DataUnavailable) as caught:
            service.list_districts(on("2027-11-05"))
        assert (caught.value.kind, caught.value.attempts) == ("no_rows", 2)
        assert summaries(server) == {"2027-11-30~2027-11-05": 2, "2027-10-31~2027-11-05": 1}
        assert service.calendar == before


def test_a_day_in_doubt_that_is_an_ordinary_one() -> None:
    """A day in doubt that has figures of its own is collected like any other, in one request; from then on the month before is known to be closed. [B10]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server, backfilling(server, "2027-11-23") as service:
        assert counts(ran(service, "2027-11-10")) == {"completed": 1}
        assert summaries(server) == {"2027-11-30~2027-11-10": 1}
        assert service.refresh.calendar.close_of(on("2027-10-31")).latest == on("2027-11-09")


def test_a_day_in_doubt_of_which_nothing_was_published() -> None:
    """A day in doubt without rows in either month is asked for twice, as any other, before it counts as unpublished. [R6.5]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server, refreshing(server, "2027-11-23") as service:
        server.fail(Fault.zero_rows(), report=SUMMARY, as_of="2027-11-12")
        with pytest.raises(DataUnavailable) as caught:
            service.list_districts(on("2027-11-12"))
        assert (caught.value.kind, caught.value.attempts) == ("no_rows", 2)
        assert summaries(server) == {"2027-11-30~2027-11-12": 2, "2027-10-31~2027-11-12": 1}


def test_a_day_in_doubt_that_is_answered_with_another() -> None:
    """A day in doubt that is answered with neither month's figures of it fails as any other, after two requests for it. [R6.2, R6.5]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server, refreshing(server, "2027-11-23") as service:
        server.fail(Fault.other_as_of(), report=SUMMARY, as_of="2027-11-12")
        with pytest.raises(TransientSourceError) as caught:
            service.list_districts(on("2027-11-12"))
        assert (caught.value.kind, caught.value.attempts) == ("wrong_period", 2)
        assert summaries(server) == {"2027-11-30~2027-11-12": 2, "2027-10-31~2027-11-12": 1}


# --- closes that are known ---------------------------------------------------------------------------------------------------


def test_every_month_of_a_year_with_two_oddities() -> None:
    """The month-ends of 2021-22 come from their closes: April's within April, June's on 28 July, December's in January; one request each, all in the folder of their year. [B10, R11.5]"""
    with serving(ReportArchive.shipped(), "2026-06-04") as server, backfilling(server, "2026-06-04") as service:
        report = ran(service, "2021-07-01", "2022-06-30", frequency="month-end")
        assert report.status == "complete"
        closes = {str(day): str(next(iter(service.store.entries(day).values())).as_of) for day in service.store.days()}
        assert closes == {
            "2021-07-31": "2021-08-10", "2021-08-31": "2021-09-09", "2021-09-30": "2021-10-12", "2021-10-31": "2021-11-10",
            "2021-11-30": "2021-12-09", "2021-12-31": "2022-01-06", "2022-01-31": "2022-02-09", "2022-02-28": "2022-03-08",
            "2022-03-31": "2022-04-10", "2022-04-30": "2022-04-30", "2022-05-31": "2022-06-17", "2022-06-30": "2022-07-28",
        }  # fmt: skip
        assert {request.path for request in server.requests} == {"/2021-2022/export.aspx"}
        assert sum(sent(server).values()) == 12


@pytest.mark.parametrize("missing", [[SUMMARY], [CLUBS, DISTRICT]])
def test_a_label_that_is_a_day_too_late(missing: list[str]) -> None:
    """The newest label of a month's page may name a day without data: the day before serves, and since labels are known to err, the record is settled. [R6.5, B10]"""
    files = whole("2013-08", "2013-09-03", ["61"]) | whole("2013-08", "2013-09-04", ["61"])
    with serving(files, "2024-01-15") as server, backfilling(server, "2024-01-15") as service:
        for report in missing:
            server.fail(Fault.zero_rows(), report=report, as_of="2013-09-04")
        assert counts(ran(service, "2013-08-31", districts=["61"])) == {"completed": 1}
        assert stored(service, "2013-08-31") == (on("2013-09-03"), True)
        if missing == [SUMMARY]:
            assert summaries(server) == {"2013-08-31~2013-09-04": 2, "2013-08-31~2013-09-03": 1}
        assert counts(ran(service, "2013-08-31", districts=["61"])) == {"skipped": 1}


def test_stepping_back_ends_after_three_days() -> None:
    """From the as-of that was expected at most three days are stepped back in all, the summary's steps and those of a report together. [R6.5, P12]"""
    files: Files = {}
    for day in range(1, 9):
        files |= whole("2023-01", f"2023-02-0{day}", ["61"])
    with serving(files, "2024-01-15") as server, backfilling(server, "2024-01-15") as service:
        for as_of in ("2023-02-08", "2023-02-07"):
            server.fail(Fault.zero_rows(), report=SUMMARY, as_of=as_of)
        server.fail(Fault.zero_rows(), report=CLUBS)
        report = ran(service, "2023-01-31", districts=["61"])
        assert failures(report) == {("missing_rows", 2)}
        asked = {name: times for name, times in sent(server).items() if name.startswith(CLUBS)}
        assert asked == {f"{CLUBS}~61~2023-01-31~2023-02-06": 2, f"{CLUBS}~61~2023-01-31~2023-02-05": 1}


# --- the switch in July ------------------------------------------------------------------------------------------------------

SUMMER: tuple[Files, Windows] = published_daily(
    ["61"], ["61"], m2028_05=None, m2028_06=("2028-06-20", "2028-07-19"), m2028_07=("2028-08-01", "2028-08-12"), m2028_08=None
)


def paths(server: DashboardServer) -> list[str]:
    """Return the paths of the requests, without what they have in common."""
    return [request.path.removesuffix("export.aspx") for request in server.requests]


def test_the_live_year_stands_at_the_root() -> None:
    """Until its June has closed, a year is asked for at the root; no request goes to its folder, which would answer 500. [R11.5, B6]"""
    files, spans = SUMMER
    with serving(files, "2028-07-10", opened=spans) as server, backfilling(server, "2028-07-10") as service:
        assert counts(ran(service, "2028-06-30", districts=["61"])) == {"completed": 1}
        assert stored(service, "2028-06-30") == (on("2028-07-09"), False)
        assert set(paths(server)) == {"/"}
        assert set(server.counts.by_status) == {200}


def test_a_year_that_may_have_been_replaced_is_looked_for_at_both_places() -> None:
    """While it is not known whether the new year has gone live, June is asked for at the root first and then in its folder; once July has been seen, in the folder only. [R11.5, B10]"""
    files, spans = SUMMER
    with serving(files, "2028-08-03", opened=spans) as server, backfilling(server, "2028-08-03") as service:
        assert counts(ran(service, "2028-06-30", districts=["61"])) == {"completed": 1}
        assert stored(service, "2028-06-30").as_of == on("2028-07-19")
        assert set(paths(server)) == {"/", "/2027-2028/"}
        assert counts(ran(service, "2028-07-31", districts=["61"])) == {"completed": 1}
        server.reset()
        service.clock.advance(86_400)
        assert counts(ran(service, "2028-06-30", districts=["61"], skip_existing=False, enable_caching=False)) == {"completed": 1}
        june = [request.path for request in server.requests if request.month == "2028-06-30"]
        assert set(june) == {"/2027-2028/export.aspx"}


def test_the_days_after_june_before_the_switch() -> None:
    """When June has closed and July has not begun, the root says that there is nothing, the folder answers 500, and June is found where it closed all the same. [R11.5, B10]"""
    files, spans = SUMMER
    with serving(files, "2028-07-26", opened=spans) as server, backfilling(server, "2028-07-26") as service:
        assert counts(ran(service, "2028-06-30", districts=["61"])) == {"completed": 1}
        assert stored(service, "2028-06-30") == (on("2028-07-19"), False)
        assert 500 in server.counts.by_status


def test_trouble_at_both_places_is_told() -> None:
    """Where neither the root nor the folder gives an answer that can be believed, the failure is that of the folder, the place where the year should be by then. [R6.2, R11.5]"""
    files, spans = SUMMER
    with serving(files, "2028-08-03", opened=spans) as server, refreshing(server, "2028-08-03") as service:
        server.fail(Fault.error_page(), path="/2027-2028/*")
        with pytest.raises(TransientSourceError) as caught:
            service.list_districts(on("2028-06-30"))
        assert caught.value.kind == "not_csv"


def test_figures_of_the_open_year_under_the_address_of_a_finished_one() -> None:
    """The root ignores the year of an address: what it then says of the open year is refused by its footer, and nothing of it is stored; a clock that is behind leads there. [R6.2, B10]"""
    files, spans = SUMMER
    with serving(files, "2028-08-03", opened=spans) as server, backfilling(server, "2028-06-28") as service:
        report = ran(service, "2028-06-25", districts=["61"])
        assert failures(report) == {("wrong_period", 2)}
        assert paths(server) == ["/", "/"]
        assert list(service.store.days()) == []


def test_the_open_year_under_the_address_of_a_finished_one() -> None:
    """The folder of the year that is live answers 500: a failure that is tried again and told as such, never an empty day; a clock that is ahead leads there. [R6.2, B10]"""
    files, spans = SUMMER
    with serving(files, "2028-07-12", opened=spans) as server, backfilling(server, "2028-08-20") as service:
        report = ran(service, "2028-06-25", districts=["61"])
        assert failures(report) == {("http_500", 4)}
        assert paths(server) == ["/2027-2028/"] * 4
        assert list(service.store.days()) == []


@pytest.mark.parametrize("today", ["2022-07-31", "2022-08-01", "2022-08-02", "2022-08-03"])
def test_the_last_state_of_june_is_there_on_every_day_of_the_switch(today: str) -> None:
    """Before, on and after the day on which the root takes up the new program year, June's last state is found where it is (pitfall 8). [R11.5, B10]"""
    spans = windows(m2022_06=("2022-06-18", "2022-07-28"), m2022_07=("2022-08-01", "2022-08-09"))
    with serving(whole("2022-06", "2022-07-28"), today, opened=spans) as server, backfilling(server, today) as service:
        assert counts(ran(service, "2022-06-30", districts=["61"])) == {"completed": 1}
        assert service.store.entries(on("2022-06-30"))["61"].as_of == on("2022-07-28")


def test_a_plan_of_a_close_that_must_be_searched_for_is_an_estimate() -> None:
    """Where it is not known as of when a month closed, the plan says that its counts are estimates. [B1, B10]"""
    files, spans = published_daily(m2027_10=("2027-10-28", "2027-11-03"), m2027_11=("2027-11-04", "2027-11-12"))
    with serving(files, "2028-01-10", opened=spans) as server, backfilling(server, "2028-01-10") as service:
        ask = BackfillRequest("2027-10-31", target_districts=["61"])
        plan = service.plan(ask)
        assert (plan.days[0].as_of, plan.exact) == (None, False)
        assert plan.requests[SUMMARY] == 1
        ran(service, "2027-10-31", districts=["61"])
        assert service.plan(ask).exact, "now it is known"
