"""The pages of the dashboard server have the lists that harvesters read: what there is to choose, and the name of the export."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import NamedTuple

import pytest

from backfill.testing.dashboard import DashboardServer
from dashboard_client import ask


class Choice(NamedTuple):
    """An option of a list."""

    value: str
    text: str
    selected: bool


def choices(page: str, name: str) -> list[Choice]:
    """Return the options of one list of a page."""
    found = re.search(rf'<select name="{name}" id="cpContent_TopControls1_{name}">(.*?)</select>', page, re.DOTALL)
    assert found, name
    options = re.findall(r'<option( selected="selected")? value="(.*?)">(.*?)</option>', found[1])
    return [Choice(unescape(value), unescape(text), bool(selected)) for selected, value, text in options]


def chosen(page: str, name: str) -> str:
    """Return the text of the option that is selected."""
    (text,) = (choice.text for choice in choices(page, name) if choice.selected)
    return text


def read(dashboard: DashboardServer, target: str) -> str:
    """Return a page."""
    reply = ask(dashboard, target)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    return reply.body.decode()


def test_a_page_of_a_past_month(dashboard: DashboardServer) -> None:
    """A month's page lists districts, years, the months and as-ofs that exist, and the export with all slots filled. [B10]"""
    page = read(dashboard, "/2022-2023/Club.aspx?id=01&month=9")
    districts = choices(page, "ddlDistricts")
    assert (len(districts), districts[0], chosen(page, "ddlDistricts")) == (128, ("01", "District 01", True), "District 01")
    years = choices(page, "ddlProgramYear")
    assert (years[0].value, years[-1].value, chosen(page, "ddlProgramYear")) == ("2025-2026", "2008-2009", "2022-2023")
    assert [choice.text for choice in choices(page, "ddlMonth")][:3] == ["Jul", "Aug", "Sep"]
    assert chosen(page, "ddlMonth") == "Sep"
    as_ofs = choices(page, "ddlAsOf")
    assert as_ofs[0] == ("", "As of 17-Oct-2022", True)
    assert as_ofs[-1] == ("9/9/2022", "As of 9-Sep-2022", False)
    assert choices(page, "ddlExport")[1].value == "clubperformance~01~9/30/2022~10/17/2022~2022-2023"
    assert page.count("<tr>") == 151  # headings and 150 clubs


def test_the_newest_label_of_july_2022_is_a_day_without_data(dashboard: DashboardServer) -> None:
    """July 2022 lists 10 August, which has no data, and selects the 9th. [B10]"""
    page = read(dashboard, "/2022-2023/?month=7")
    assert [choice[:2] for choice in choices(page, "ddlAsOf")][:2] == [
        ("8/10/2022", "As of 10-Aug-2022"),
        ("", "As of 9-Aug-2022"),
    ]
    assert chosen(page, "ddlAsOf") == "As of 9-Aug-2022"
    assert choices(page, "ddlExport")[1].value == "districtsummary~7/31/2022~8/9/2022~2022-2023"


def test_a_day_can_be_chosen(dashboard: DashboardServer) -> None:
    """``day=`` chooses an as-of of the month's list; one that is not in it is ignored. [B10]"""
    page = read(dashboard, "/2022-2023/Division.aspx?id=91&month=1&day=1/20/2023")
    assert chosen(page, "ddlAsOf") == "As of 20-Jan-2023"
    assert choices(page, "ddlExport")[1].value == "divisionperformance~91~1/31/2023~1/20/2023~2022-2023"
    assert "<table>" not in page
    page = read(dashboard, "/2022-2023/Division.aspx?id=91&month=1&day=1/22/2023")  # a day that the page does not list
    assert chosen(page, "ddlAsOf") == "As of 8-Feb-2023"


@pytest.mark.parametrize("query", ["", "&month=13", "&month=nonsense"])
def test_a_finished_year_opens_with_its_june(dashboard: DashboardServer, query: str) -> None:
    """Without a month that exists, a finished year shows June, whose export has no as-of. [B10]"""
    page = read(dashboard, f"/2022-2023/district.aspx?id=91{query}")
    assert chosen(page, "ddlMonth") == "Jun"
    assert choices(page, "ddlExport")[1].value == "districtperformance~91~6/30/2023~~2022-2023"


def test_a_month_that_never_existed_is_not_listed(dashboard: DashboardServer) -> None:
    """Program year 2016-17 begins with August. [B10]"""
    page = read(dashboard, "/2016-2017/Default.aspx?month=7")
    assert choices(page, "ddlMonth")[0].text == "Aug"
    assert chosen(page, "ddlMonth") == "Jun"
    assert choices(page, "ddlDistricts") == []  # the archive has no summary of that year


def test_the_root_shows_the_open_month(dashboard: DashboardServer) -> None:
    """The root shows the month that is open, up to the day of the request, and none that has not begun. [B10]"""
    dashboard.today = date(2023, 1, 20)
    page = read(dashboard, "/")
    assert [choice.text for choice in choices(page, "ddlMonth")] == ["Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan"]
    assert (chosen(page, "ddlMonth"), chosen(page, "ddlAsOf")) == ("Jan", "As of 20-Jan-2023")
    assert choices(page, "ddlExport")[1].value == "districtsummary~1/31/2023~1/20/2023~2022-2023"


def test_names_are_escaped(dashboard: DashboardServer) -> None:
    """What stands in an address or in a figure never becomes markup. [R10.3]"""
    page = read(dashboard, "/2022-2023/Club.aspx?id=%3Cscript%3E&month=1")
    assert "<script>" not in page
    assert choices(page, "ddlExport")[1].value == "clubperformance~<script>~1/31/2023~2/8/2023~2022-2023"
    page = read(dashboard, "/2022-2023/Club.aspx?id=91&month=1")
    assert "&amp;" in page
