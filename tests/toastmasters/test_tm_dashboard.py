"""The dashboard's documents: names, addresses, and which of them a day needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import InvalidRequest
from backfill.fetching import PoliteFetcher
from backfill.fetching.addresses import full_address
from backfill.model import DocumentRequest, Edition, redact_url
from backfill.testing.server import FaultServer, reply
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.dashboard import (
    DASHBOARD_URL,
    DISTRICT_REPORTS,
    DashboardDocument,
    checked_base_url,
    document_name,
    document_requests,
    export_url,
    open_years,
    parse_document_name,
)
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.years import ProgramYear, month_of
from engine_doubles import bounded
from fetching_doubles import unit
from tm_calendar_cases import CALENDAR, TODAY, edition, learnt, on

SUMMARY, CLUBS, DISTRICT, DIVISIONS = ReportKind.SUMMARY, ReportKind.CLUBS, ReportKind.DISTRICT, ReportKind.DIVISIONS
EXPORT = f"{DASHBOARD_URL}/2022-2023/export.aspx?type=CSV&report="


@st.composite
def documents(draw: st.DrawFn) -> DashboardDocument:
    """Return any document that there can be."""
    kind = draw(st.sampled_from(ReportKind))
    district = None if kind is SUMMARY else draw(st.sampled_from(["01", "61", "117", "F", "U", "231"]))
    month = month_of(draw(st.dates(date(2008, 7, 1), date(2031, 12, 31))))
    return DashboardDocument(kind, district, month, draw(st.dates(month.replace(day=1), month + timedelta(days=31))))


# --- names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "district", "month", "as_of", "name"),
    [
        (CLUBS, "61", "2023-01-31", "2023-02-08", "clubperformance~61~2023-01-31~2023-02-08"),
        (SUMMARY, None, "2023-01-31", "2023-02-08", "districtsummary~2023-01-31~2023-02-08"),
        (DISTRICT, "F", "2022-06-30", "2022-07-28", "districtperformance~F~2022-06-30~2022-07-28"),
        (DIVISIONS, "01", "2023-01-31", "2023-01-15", "divisionperformance~01~2023-01-31~2023-01-15"),
    ],
)
def test_a_documents_name(kind: ReportKind, district: str | None, month: str, as_of: str, name: str) -> None:
    """A document is named by what it is, wherever it lies: report, district, month and as-of. [B3]"""
    assert document_name(kind, district, on(month), on(as_of)) == name
    assert parse_document_name(name) == DashboardDocument(kind, district, on(month), on(as_of))


@bounded
@given(documents())
def test_a_name_reads_back(document: DashboardDocument) -> None:
    """Every document's name says which document it is. [B3, B4]"""
    assert parse_document_name(document.name) == document


@pytest.mark.parametrize(
    "name",
    [
        "", "clubperformance", "clubperformance~61", "clubperformance~61~2023-01-31", "clubperformance~61~~2023-02-08",
        "memberperformance~61~2023-01-31~2023-02-08", "clubperformance~61~2023-1-31~2023-2-8",
        "clubperformance~61~2023-01-31~2023-02-08~", "clubperformance~6 1~2023-01-31~2023-02-08",
        "GET https://dashboards.toastmasters.org/export.aspx?report=clubperformance",
    ],
)  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    """A name of another source, or one that was cut, is not misread. [R7.4]"""
    with pytest.raises(InvalidRequest):
        parse_document_name(name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("clubperformance~2023-01-31~2023-02-08", "this report is of one district"),
        ("districtsummary~61~2023-01-31~2023-02-08", "the summary is of all districts"),
        ("clubperformance~61~2023-01-30~2023-02-08", "not the last day of a month"),
        ("clubperformance~61~2023-02-31~2023-02-08", "not a date of the calendar"),
        ("clubperformance~61~2023-01-31~2022-12-31", "lies before 2023-01"),
        ("clubperformance~ 61~2023-01-31~2023-02-08", "surrounded by blanks"),
    ],
)
def test_documents_that_there_cannot_be_are_refused(name: str, rule: str) -> None:
    """A summary of one district, a month that does not end, an as-of before its month: none of these is asked for. [R7.4]"""
    with pytest.raises(InvalidRequest, match=rule):
        parse_document_name(name)


def test_a_time_of_day_names_no_document() -> None:
    """Pitfall 14: documents are of days, which have no time of day. [R7.4]"""
    with pytest.raises(InvalidRequest, match="no time of day"):
        document_name(SUMMARY, None, on("2023-01-31"), datetime(2023, 2, 8, tzinfo=UTC))


# --- addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "district", "month", "as_of", "address"),
    [
        (SUMMARY, None, "2023-01-31", "2023-02-08", EXPORT + "districtsummary~1/31/2023~2/8/2023~2022-2023"),
        (CLUBS, "61", "2022-09-30", "2022-10-17", EXPORT + "clubperformance~61~9/30/2022~10/17/2022~2022-2023"),
        (DISTRICT, "01", "2022-12-31", "2023-01-10", EXPORT + "districtperformance~01~12/31/2022~1/10/2023~2022-2023"),
        (DIVISIONS, "F", "2023-06-30", "2023-07-20", EXPORT + "divisionperformance~F~6/30/2023~7/20/2023~2022-2023"),
    ],
)
def test_the_address_of_a_finished_year(kind: ReportKind, district: str | None, month: str, as_of: str, address: str) -> None:
    """Pitfall 9: both slots of dates are filled in, without leading zeros; a finished year has a folder of its own. [R11.5]"""
    assert export_url(DASHBOARD_URL, kind, district, on(month), on(as_of), open_year=False) == address
    at_root = address.replace("/2022-2023/", "/")
    assert export_url(f"{DASHBOARD_URL}/", kind, district, on(month), on(as_of), open_year=True) == at_root


def test_the_year_is_that_of_the_month() -> None:
    """Pitfall 8: June is given out in July, and is asked for in the program year that has ended; January in that of December. [R11.5]"""
    june = export_url(DASHBOARD_URL, SUMMARY, None, on("2022-06-30"), on("2022-07-28"), open_year=False)
    assert june == f"{DASHBOARD_URL}/2021-2022/export.aspx?type=CSV&report=districtsummary~6/30/2022~7/28/2022~2021-2022"
    december = export_url(DASHBOARD_URL, SUMMARY, None, on("2022-12-31"), on("2023-01-10"), open_year=False)
    assert december.endswith("~12/31/2022~1/10/2023~2022-2023")


@bounded
@given(documents(), st.booleans())
def test_an_address_survives_whoever_carries_it(document: DashboardDocument, open_year: bool) -> None:
    """Neither the HTTP library nor the door's own handling of addresses changes a tilde, a slash or an order. [B6]"""
    url = document.url(DASHBOARD_URL, open_year=open_year)
    assert requests.Request("GET", url).prepare().url == url
    assert full_address(DocumentRequest(url)) == url
    assert redact_url(url) == url
    assert "~~" not in url
    assert url.count("/export.aspx?type=CSV&report=") == 1


def test_a_server_sees_the_address_as_it_is() -> None:
    """What arrives at a server is the address to the letter: literal tildes, slashes in the dates, nothing encoded. [B6]"""
    with FaultServer() as server:
        base = server.on("/2022-2023/export.aspx", reply(b"figures")).removesuffix("/2022-2023/export.aspx")
        fetcher = PoliteFetcher(rate=None)
        url = export_url(base, CLUBS, "61", on("2023-01-31"), on("2023-02-08"), open_year=False)
        assert fetcher.bind(unit())(url).text == "figures"
        fetcher.close()
    (seen,) = server.requests
    assert seen.target == "/2022-2023/export.aspx?type=CSV&report=clubperformance~61~1/31/2023~2/8/2023~2022-2023"


@pytest.mark.parametrize("url", [DASHBOARD_URL, f"{DASHBOARD_URL}/", "http://127.0.0.1:8000/copy/"])
def test_the_address_of_a_dashboard(url: str) -> None:
    """A dashboard, or a copy of it in a folder of a server, is addressed without a slash at the end. [R10.5]"""
    assert checked_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dashboards.toastmasters.org",
        "ftp://example.org",
        "https://",
        f"{DASHBOARD_URL}?a=1",
        f"{DASHBOARD_URL}#a",
        None,
        8000,
    ],
)
def test_what_addresses_no_dashboard_is_refused(url: object) -> None:
    """An address without a scheme, with a query, or that is no text would end in thousands of failures: it is refused. [R7.4]"""
    with pytest.raises(InvalidRequest, match="not the address of a dashboard"):
        checked_base_url(url)


# --- which year is live -------------------------------------------------------------------------------------------------


def live(today: str, calendar: ClosingCalendar = CALENDAR) -> list[str]:
    """Return the program years that may be live on a day."""
    return [str(year) for year in open_years(calendar, on(today))]


@pytest.mark.parametrize(
    ("today", "years"),
    [
        ("2022-06-30", ["2021-2022"]),
        ("2022-07-01", ["2021-2022"]),  # what is newest is of 30 June
        ("2022-07-29", ["2021-2022"]),  # June's last as-of is the newest
        ("2022-08-01", ["2021-2022", "2022-2023"]),  # July begins with that day: at an hour that nobody knows
        ("2022-08-02", ["2022-2023"]),
        ("2023-01-15", ["2022-2023"]),
        ("2026-07-26", ["2025-2026"]),
        ("2026-07-27", ["2026-2027"]),  # July was seen as of the 26th, though June was seen later still
        ("2027-06-30", ["2026-2027"]),
    ],
)
def test_a_program_year_is_live_until_the_next_one_is(today: str, years: list[str]) -> None:
    """The root serves a year until figures of the next one are published, weeks after 1 July; never both. [R11.5]"""
    assert live(today) == years


@pytest.mark.parametrize(
    ("today", "years"),
    [
        ("2027-07-01", ["2026-2027"]),
        ("2027-07-02", ["2026-2027", "2027-2028"]),
        ("2027-08-07", ["2026-2027", "2027-2028"]),
        ("2027-08-08", ["2027-2028"]),  # a week after the longest June there may be
    ],
)
def test_in_a_july_of_which_nothing_is_known_either_may_be_live(today: str, years: list[str]) -> None:
    """While nothing is known of June's close, the old year may be live as well as the new one. [R11.5]"""
    assert live(today) == years


def test_what_is_learnt_says_which_year_is_live() -> None:
    """June seen as of yesterday keeps the old year live; July seen makes the new one live, from the day after its as-of. [R11.5]"""
    june = learnt(("2027-06-30", "2027-07-14"))
    assert live("2027-07-15", june) == ["2026-2027"]
    assert live("2027-07-16", june) == ["2026-2027", "2027-2028"]
    july = learnt(("2027-07-31", "2027-07-22"))
    assert [live(f"2027-07-{day}", july)[-1] for day in (22, 23)] == ["2027-2028", "2027-2028"]
    assert live("2027-07-23", july) == ["2027-2028"]
    assert live("2027-07-22", july) == ["2026-2027", "2027-2028"]


def urls(month: str, as_of: str, years: Sequence[ProgramYear]) -> list[str]:
    """Return the paths at which a month's summary may be."""
    document = DashboardDocument(SUMMARY, None, on(month), on(as_of))
    return [url.removeprefix("https://x").partition("?")[0] for url in document.urls("https://x", years)]


def test_a_document_of_a_year_in_doubt_has_two_addresses() -> None:
    """The root first, which answers another year's figures at worst; then the folder, which answers 500 for a live year. [R11.5, R9.4]"""
    old, new = ProgramYear(2026), ProgramYear(2027)
    assert urls("2027-06-30", "2027-07-10", (old, new)) == ["/export.aspx", "/2026-2027/export.aspx"]
    assert urls("2027-06-30", "2027-07-10", (old,)) == ["/export.aspx"]
    assert urls("2027-06-30", "2027-07-10", (new,)) == ["/2026-2027/export.aspx"]
    assert urls("2026-06-30", "2026-07-10", (old, new)) == ["/2025-2026/export.aspx"]


def test_a_year_to_come_is_asked_for_at_the_root() -> None:
    """A folder of a year that is not finished never answers: July is asked for at the root before it is known to be live. [R11.5]"""
    for years in ((ProgramYear(2026),), (ProgramYear(2026), ProgramYear(2027)), (ProgramYear(2027),)):
        assert urls("2027-07-31", "2027-07-10", years) == ["/export.aspx"]


# --- what a day needs -----------------------------------------------------------------------------------------------------


def named(found: Edition, district: str | None, calendar: ClosingCalendar = CALENDAR, today: date = TODAY) -> dict[str, bool]:
    """Return the documents of an edition by name, with whether each is conditional."""
    asked = document_requests(found, district, calendar=calendar, today=today)
    assert len({request.name for request in asked}) == len(asked)
    assert all(request.report == parse_document_name(request.name).kind for request in asked)
    return {request.name: request.conditional for request in asked}


def test_the_documents_of_an_ordinary_day() -> None:
    """A day as a whole needs the summary, a district its three reports, of the day's own month as of the day; nothing else. [B1, P12]"""
    found = edition("2023-01-15")
    assert named(found, None) == {"districtsummary~2023-01-31~2023-01-15": False}
    assert named(found, "61") == {
        "clubperformance~61~2023-01-31~2023-01-15": False,
        "districtperformance~61~2023-01-31~2023-01-15": False,
        "divisionperformance~61~2023-01-31~2023-01-15": False,
    }


def test_the_documents_of_a_known_close() -> None:
    """At a month's end the days to step back to are named as well, conditionally. [B1, P12]"""
    found = edition("2023-01-31")
    assert named(found, None) == {
        "districtsummary~2023-01-31~2023-02-08": False,
        "districtsummary~2023-01-31~2023-02-07": True,
        "districtsummary~2023-01-31~2023-02-06": True,
        "districtsummary~2023-01-31~2023-02-05": True,
    }
    of_district = named(found, "F")
    assert [name for name, conditional in of_district.items() if not conditional] == [
        f"{kind}~F~2023-01-31~2023-02-08" for kind in DISTRICT_REPORTS
    ]
    assert len(of_district) == 3 * 4


def test_a_gap_needs_nothing() -> None:
    """Nothing is named, and so nothing can be asked for, of a day in a closing. [P12]"""
    assert named(edition("2023-02-05"), None) == {}
    assert named(edition("2023-02-05"), "61") == {}


def test_the_documents_of_a_close_to_be_searched_for() -> None:
    """The likeliest as-of is counted; all others, and those to step back to, are conditional, as are the summaries by which the close is found. [B1, P12]"""
    found = edition("2025-01-31")
    assert found.as_of is None
    whole = named(found, None)
    assert [name for name, conditional in whole.items() if not conditional] == ["districtsummary~2025-01-31~2025-02-11"]
    assert {name for name, conditional in whole.items() if conditional} == {
        *(f"districtsummary~2025-01-31~2025-02-{day}" for day in ("07", "08", "09", 10, 12, 13)),
        *(f"districtsummary~2025-02-28~2025-02-{day}" for day in (10, 11, 12, 13)),
    }
    of_district = named(found, "61")
    counted = [name for name, conditional in of_district.items() if not conditional]
    assert counted == [f"{kind}~61~2025-01-31~2025-02-11" for kind in DISTRICT_REPORTS]
    stepped_back = {f"districtsummary~2025-01-31~2025-02-{day}" for day in ("07", "08", "09")}
    assert set(whole) - set(of_district) == stepped_back, "a district steps back with its own reports"
    assert len(of_district) == 3 * 7 + 8


def test_the_documents_of_an_open_close() -> None:
    """Yesterday's figures are counted; should yesterday be missing, the days before it may be asked for. [B1, P12]"""
    today = on("2026-11-04")
    whole = named(edition("2026-10-31", "2026-11-04"), None, today=today)
    assert [name for name, conditional in whole.items() if not conditional] == ["districtsummary~2026-10-31~2026-11-03"]
    assert {f"districtsummary~2026-10-31~2026-11-0{day}" for day in (1, 2)} < set(whole)


def test_a_month_of_one_possible_as_of_is_not_searched_for() -> None:
    """On the first of a month its predecessor's last day is all there is. [P12]"""
    today = on("2026-11-01")
    assert named(edition("2026-10-31", "2026-11-01"), None, today=today) == {"districtsummary~2026-10-31~2026-10-31": False}


def test_a_day_in_doubt_may_ask_for_the_month_before() -> None:
    """A day that may belong to a closing may ask for the summary that tells; a day beyond it, or known to be ordinary, not. [P12]"""
    assert named(edition("2026-09-05"), None) == {
        "districtsummary~2026-09-30~2026-09-05": False,
        "districtsummary~2026-08-31~2026-09-05": True,
    }
    assert "districtsummary~2026-08-31~2026-09-05" in named(edition("2026-09-05"), "61")
    assert len(named(edition("2026-09-22"), None)) == 1
    assert len(named(edition("2023-02-09"), None)) == 1


def test_an_older_plan_may_ask_for_what_was_learnt_since() -> None:
    """A plan made before a close was learnt, or a day earlier, still opens the door for what is to be asked for now. [P12]"""
    planned = edition("2026-10-31", "2026-11-04")
    wiser = learnt(("2026-10-31", "2026-11-08"), ("2026-11-30", "2026-11-09"))
    names = named(planned, "61", wiser, on("2026-12-01"))
    assert names["clubperformance~61~2026-10-31~2026-11-03"] is False
    assert names["clubperformance~61~2026-10-31~2026-11-08"] is True
    assert "clubperformance~61~2026-10-31~2026-11-04" in named(planned, "61", CALENDAR, on("2026-11-05"))


def test_the_documents_have_the_addresses_of_their_years() -> None:
    """Each document's address is that of its month's program year, as far as it is known which one is live. [R11.5]"""
    base = "http://127.0.0.1:8000"
    (asked,) = document_requests(edition("2026-09-22"), None, calendar=CALENDAR, today=TODAY, base_url=base)
    assert asked.url == f"{base}/export.aspx?type=CSV&report=districtsummary~9/30/2026~9/22/2026~2026-2027"
    (asked,) = document_requests(edition("2022-07-20", calendar=ClosingCalendar({})), None, calendar=CALENDAR, today=TODAY)
    assert asked.url.startswith(f"{DASHBOARD_URL}/2022-2023/export.aspx")


@bounded
@given(
    st.dates(date(2012, 7, 1), date(2027, 12, 31)), st.dates(date(2012, 7, 2), date(2028, 3, 1)), st.sampled_from([None, "61"])
)
def test_what_any_day_needs(day: date, today: date, district: str | None) -> None:
    """One document of each report is counted, all as-ofs are published, and every month asked for is the day's or a neighbour. [P12, B1]"""
    found = CALENDAR.edition(day, today=today)
    asked = document_requests(found, district, calendar=CALENDAR, today=today)
    counted = [request.report for request in asked if not request.conditional]
    expected = [SUMMARY] if district is None else list(DISTRICT_REPORTS)
    assert counted == ([] if found.gap else expected)
    for request in asked:
        document = parse_document_name(request.name)
        assert document.as_of < today
        assert abs((document.month - month_of(day)).days) <= 31
        assert request.url in document.urls(DASHBOARD_URL, open_years(CALENDAR, today))
