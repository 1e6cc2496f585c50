"""The dashboard server answers as the public dashboard was seen to: letters A to H, and each form of address that is in use."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from backfill.testing.dashboard import DashboardServer, ReportArchive, ReportKey
from dashboard_client import Reply, ask, export

JAN, JUN = date(2023, 1, 31), date(2023, 6, 30)
JAN_CLOSE, JUN_CLOSE = date(2023, 2, 8), date(2023, 7, 20)
YEAR = "2022-2023"


def stored(month: date, as_of: date, report: str, district: str = "") -> bytes:
    """Return a file of the shipped archive."""
    return ReportArchive.shipped()[ReportKey(month, as_of, report, district)].content


def rows_of(content: bytes) -> list[bytes]:
    """Return the lines between headings and footer."""
    return content.splitlines()[1:-1]


def empty(reply: Reply, footer: str) -> bool:
    """Return whether an answer is a report without rows that says *footer*."""
    return reply.status == 200 and reply.rows == [] and reply.footer == footer and reply.body.startswith(b'"')


# The forms of addresses


def test_four_slots_give_a_past_month_as_it_is_stored(dashboard: DashboardServer) -> None:
    """District, month end, as-of and year, all filled, give that state byte for byte, with the headers of an export. [R10.3]"""
    reply = ask(dashboard, export(f"clubperformance~91~1/31/2023~2/8/2023~{YEAR}", YEAR))
    assert (reply.status, reply.body) == (200, stored(JAN, JAN_CLOSE, "clubperformance", "91"))
    assert reply.body.count(b"\r\n") == reply.body.count(b"\n") > 100
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.headers["Content-Disposition"] == "attachment; filename=Club_Performance.csv"
    assert reply.headers["Content-Length"] == str(len(reply.body))


@pytest.mark.parametrize("report", ["clubperformance", "divisionperformance", "districtperformance"])
def test_each_report_of_a_district_is_served(dashboard: DashboardServer, report: str) -> None:
    """Club, division and district reports have one form of address. [R10.3]"""
    reply = ask(dashboard, export(f"{report}~91~1/31/2023~2/8/2023~{YEAR}", YEAR))
    assert reply.body == stored(JAN, JAN_CLOSE, report, "91")


def test_the_summary_has_no_slot_for_a_district(dashboard: DashboardServer) -> None:
    """The summary of all districts is asked for by month end, as-of and year. [R10.3]"""
    reply = ask(dashboard, export(f"districtsummary~1/31/2023~2/8/2023~{YEAR}", YEAR))
    assert reply.body == stored(JAN, JAN_CLOSE, "districtsummary")
    assert len(reply.rows) == 128


def test_padded_dates_are_accepted(dashboard: DashboardServer) -> None:
    """Dates with leading zeros, and slots with encoded characters, are read as well. [R10.3]"""
    padded = ask(dashboard, export(f"clubperformance~91~01/31/2023~02/08/2023~{YEAR}", YEAR))
    encoded = ask(dashboard, export(f"clubperformance%7E91%7E1%2F31%2F2023%7E2%2F8%2F2023%7E{YEAR}", YEAR))
    assert padded.body == encoded.body == stored(JAN, JAN_CLOSE, "clubperformance", "91")


@pytest.mark.parametrize(
    "slots",
    [
        "~~",  # both empty
        "~~2/8/2023",  # an as-of without a month
        "~30/09/30/2022~",  # as some tools write a quarter
        "~31/03/31/2023~4/14/2023",
        "~2/30/2023~",  # no such day
        "~2023-01-31~2023-02-08",  # dates as others write them
    ],
)
def test_slots_that_are_no_dates_give_the_june_close_stamped_today(dashboard: DashboardServer, slots: str) -> None:
    """Empty or malformed slots of a finished year silently give its June close, as of the day of the request. [R10.3, B10]"""
    reply = ask(dashboard, export(f"clubperformance~91{slots}~{YEAR}", YEAR))
    assert reply.footer == "Month of Jun, As of 06/04/2026"
    assert reply.rows == rows_of(stored(JUN, JUN_CLOSE, "clubperformance", "91"))


def test_no_slots_at_all_give_the_same(dashboard: DashboardServer) -> None:
    """Missing slots are empty ones. [R10.3]"""
    bare = ask(dashboard, export("clubperformance~91", YEAR))
    assert bare.body == ask(dashboard, export(f"clubperformance~91~~~{YEAR}", YEAR)).body


def test_a_month_without_an_as_of_gives_its_last_state_stamped_today(dashboard: DashboardServer) -> None:
    """A month end alone gives the last state of that month, and no way to see it but the footer, which says today. [B10]"""
    reply = ask(dashboard, export(f"districtsummary~6/30/2023~~{YEAR}", YEAR))
    assert (reply.rows, reply.footer) == (rows_of(stored(JUN, JUN_CLOSE, "districtsummary")), "Month of Jun, As of 06/04/2026")
    reply = ask(dashboard, export(f"districtsummary~1/15/2023~~{YEAR}", YEAR))
    assert (reply.rows, reply.footer) == (rows_of(stored(JAN, JAN_CLOSE, "districtsummary")), "Month of Jan, As of 06/04/2026")
    reply = ask(dashboard, export("districtsummary~6/30/2025~~2024-2025", "2024-2025"))
    assert empty(reply, "Month of Jun, As of 06/04/2026")  # a year that the archive does not have


def test_a_summary_by_as_of_only_gives_the_june_close(dashboard: DashboardServer) -> None:
    """Without a month end the as-of is ignored, for the summary as for districts. [B10]"""
    reply = ask(dashboard, export(f"districtsummary~~2/8/2023~{YEAR}", YEAR))
    assert (reply.rows, reply.footer) == (rows_of(stored(JUN, JUN_CLOSE, "districtsummary")), "Month of Jun, As of 06/04/2026")


def test_a_parameter_for_the_month_is_ignored(dashboard: DashboardServer) -> None:
    """``&month=`` is for pages; an export does not look at it. [R10.3]"""
    address = export(f"clubperformance~91~1/31/2023~2/8/2023~{YEAR}", YEAR)
    assert ask(dashboard, f"{address}&month=9").body == ask(dashboard, address).body


# A: the open year has no address of its own


def test_a_the_open_year_under_its_own_path_is_a_server_error(dashboard: DashboardServer) -> None:
    """A: the path of the open year answers 500, URL Rewrite Module Error, for exports and pages. [R10.3]"""
    for target in (export("districtsummary~5/31/2026~6/3/2026~2025-2026", "2025-2026"), "/2025-2026/Club.aspx?id=91"):
        reply = ask(dashboard, target)
        assert (reply.status, reply.reason) == (500, "URL Rewrite Module Error.")
        assert reply.headers["Content-Type"].startswith("text/html")


def test_a_a_year_not_yet_published_leads_to_the_error_page(dashboard: DashboardServer) -> None:
    """A: before a year is published its path leads to the error page, which says 200. [R10.3]"""
    dashboard.today = date(2026, 7, 8)
    reply = ask(dashboard, export("districtsummary~7/31/2026~7/7/2026~2026-2027", "2026-2027"))
    assert (reply.status, reply.headers["Location"]) == (302, "/error.aspx?aspxerrorpath=/2026-2027/export.aspx")
    page = ask(dashboard, reply.headers["Location"])
    assert page.status == 200
    assert page.body.lstrip().startswith(b"<!DOCTYPE html>")


def test_a_which_year_is_open_follows_from_the_day(dashboard: DashboardServer) -> None:
    """A: a year stays open until its June is closed and July's figures begin, whatever the calendar says. [B10]"""
    address = export("districtsummary~6/30/2022~7/28/2022~2021-2022", "2021-2022")
    dashboard.today = date(2022, 7, 31)  # June was closed three days ago, July has no as-of before August
    assert ask(dashboard, address).status == 500
    dashboard.today = date(2022, 8, 1)
    assert ask(dashboard, address).footer == "Month of Jun, As of 07/28/2022"


# B, C, G: the root


def test_b_the_root_serves_the_open_year_whatever_year_is_asked(dashboard: DashboardServer) -> None:
    """B: a past state asked for at the root is answered with current figures, 200 and a good header. [R10.3]"""
    reply = ask(dashboard, export(f"districtsummary~1/31/2023~2/8/2023~{YEAR}"))
    assert reply.body == stored(date(2026, 5, 31), date(2026, 6, 3), "districtsummary")


def test_c_the_root_ignores_the_as_of_beside_an_empty_month(dashboard: DashboardServer) -> None:
    """C: without a month end the root gives the newest state, whatever the as-of. [B10]"""
    newest = stored(date(2026, 5, 31), date(2026, 6, 3), "districtsummary")
    for slots in ("~~6/2/2026~2025-2026", "~~~2025-2026", "", "~5/31/2026~~2025-2026", "~5/31/2026~nonsense~2025-2026"):
        assert ask(dashboard, export(f"districtsummary{slots}")).body == newest


def test_c_the_root_honours_the_as_of_beside_any_month(dashboard: DashboardServer) -> None:
    """C: with a month end, whichever it is, the root gives the state of the as-of. [B10]"""
    expected = stored(date(2026, 5, 31), date(2026, 6, 2), "districtsummary")
    for month in ("5/31/2026", "6/30/2026", "7/31/2025", "30/05/31/2026"):
        assert ask(dashboard, export(f"districtsummary~{month}~6/2/2026~2025-2026")).body == expected


def test_g_the_root_ignores_the_year_for_districts_too(dashboard: DashboardServer) -> None:
    """G: a district asked for at a date of a finished year is answered with its current figures. [R10.3]"""
    dashboard.today = date(2023, 2, 9)
    reply = ask(dashboard, export("clubperformance~91~6/30/2022~7/28/2022~2021-2022"))
    assert reply.body == stored(JAN, JAN_CLOSE, "clubperformance", "91")


def test_the_root_hides_what_is_not_published_yet(dashboard: DashboardServer) -> None:
    """What was published after the server's day does not exist for it: not as the newest state, nor by its as-of. [R10.3]"""
    dashboard.today = date(2023, 2, 7)
    reply = ask(dashboard, export("clubperformance~91"))
    assert reply.body == stored(date(2022, 12, 31), date(2023, 1, 10), "clubperformance", "91")
    reply = ask(dashboard, export(f"clubperformance~91~1/31/2023~2/8/2023~{YEAR}"))
    assert empty(reply, "Month of Jan, As of 02/08/2023")


def test_the_root_without_any_figures_says_yesterday(dashboard: DashboardServer) -> None:
    """Where the archive has nothing of the open year, the newest state is one of yesterday, or of the last day of figures. [B10]"""
    assert empty(ask(dashboard, export("clubperformance~91")), "Month of May, As of 06/03/2026")
    dashboard.today = date(2022, 7, 31)
    assert empty(ask(dashboard, export("clubperformance~91")), "Month of Jun, As of 07/28/2022")


def test_the_day_may_be_a_function(dashboard: DashboardServer) -> None:
    """The day can be told by a clock, for instance a virtual one. [R10.3]"""
    dashboard.today = lambda: date(2023, 2, 9)
    assert dashboard.today == date(2023, 2, 9)
    assert ask(dashboard, export("districtsummary")).footer == "Month of Jan, As of 02/08/2023"


# D, E, F: finished years


def test_d_states_of_a_month_before_its_close_are_served(tmp_path: Path) -> None:
    """D: a finished year gives each as-of of a closed month that the archive has, not only the last. [B10]"""
    for as_of in ("2023-01-15", "2023-02-08"):
        folder = tmp_path / "2022-2023" / "2023-01-31" / as_of
        folder.mkdir(parents=True)
        footer = f"Month of Jan, As of {as_of[5:7]}/{as_of[8:]}/2023"
        (folder / "clubperformance~91.csv").write_bytes(f'"Club Number"\r\n"{as_of}"\r\n{footer}\r\n'.encode())
    with DashboardServer(tmp_path, today=date(2024, 1, 1)) as server:
        for as_of, slot in (("2023-01-15", "1/15/2023"), ("2023-02-08", "2/8/2023")):
            reply = ask(server, export(f"clubperformance~91~1/31/2023~{slot}~{YEAR}", YEAR))
            assert reply.rows == [f'"{as_of}"'.encode()]


def test_e_no_data_for_a_date_is_a_report_without_rows(dashboard: DashboardServer) -> None:
    """E: an as-of of the month without figures gives headings, the footer that was asked for, and zero rows. [B10]"""
    reply = ask(dashboard, export(f"clubperformance~91~1/31/2023~1/20/2023~{YEAR}", YEAR))
    assert empty(reply, "Month of Jan, As of 01/20/2023")
    assert reply.body.splitlines()[0] == stored(JAN, JAN_CLOSE, "clubperformance", "91").splitlines()[0]


def test_e_after_the_last_publication_a_summary_is_408_bytes(dashboard: DashboardServer) -> None:
    """E: the day that a page names but that has no data gives 408 bytes: 21 headings and a footer. [B10]"""
    reply = ask(dashboard, export("districtsummary~6/30/2022~7/29/2022~2021-2022", "2021-2022"))
    assert empty(reply, "Month of Jun, As of 07/29/2022")
    assert len(reply.body) == 408


def test_e_a_day_still_to_come_has_no_data(dashboard: DashboardServer) -> None:
    """E: an as-of in the future gives zero rows, at the root as under a year. [B10]"""
    assert empty(ask(dashboard, export("districtsummary~6/30/2026~6/20/2026~2025-2026")), "Month of Jun, As of 06/20/2026")
    reply = ask(dashboard, export("districtsummary~6/30/2022~6/20/2031~2021-2022", "2021-2022"))
    assert empty(reply, "Month of Jun, As of 06/20/2031")


@pytest.mark.parametrize("district", ["231", "1", "f", ""])
def test_e_an_unknown_district_has_no_rows(dashboard: DashboardServer, district: str) -> None:
    """E: a district that was not there, or is not written as it is published, has zero rows and no error. [R10.3]"""
    reply = ask(dashboard, export(f"clubperformance~{district}~1/31/2023~2/8/2023~{YEAR}", YEAR))
    assert empty(reply, "Month of Jan, As of 02/08/2023")


def test_e_a_district_may_have_one_report_and_not_another(dashboard: DashboardServer) -> None:
    """E: District F has clubs in January 2023; its division and district reports have zero rows. [R6.1]"""
    assert len(ask(dashboard, export(f"clubperformance~F~1/31/2023~2/8/2023~{YEAR}", YEAR)).rows) == 114
    for report in ("divisionperformance", "districtperformance"):
        reply = ask(dashboard, export(f"{report}~F~1/31/2023~2/8/2023~{YEAR}", YEAR))
        assert empty(reply, "Month of Jan, As of 02/08/2023")


def test_f_a_wrong_pair_gives_another_months_figures(dashboard: DashboardServer) -> None:
    """F: an as-of of February beside the month end of January gives February, with February's footer. [B10]"""
    reply = ask(dashboard, export(f"clubperformance~91~1/31/2023~3/9/2023~{YEAR}", YEAR))
    assert reply.body == stored(date(2023, 2, 28), date(2023, 3, 9), "clubperformance", "91")


def test_f_a_wrong_pair_without_figures_has_no_rows(dashboard: DashboardServer) -> None:
    """F: a pair across years, or a month of another year, gives zero rows and the footer that was asked for. [B10]"""
    for slots, footer in (
        ("1/31/2023~2/11/2021", "Month of Jan, As of 02/11/2021"),
        ("1/31/2021~2/11/2021", "Month of Jan, As of 02/11/2021"),
        ("1/31/2021~", "Month of Jan, As of 06/04/2026"),
    ):
        assert empty(ask(dashboard, export(f"districtsummary~{slots}~{YEAR}", YEAR)), footer)


def test_f_a_day_of_a_closing_month_shows_that_month(dashboard: DashboardServer) -> None:
    """F: 5 February 2023 is January's: asked for as February it answers for January, so that the footer tells. [B10]"""
    reply = ask(dashboard, export(f"clubperformance~91~2/28/2023~2/5/2023~{YEAR}", YEAR))
    assert empty(reply, "Month of Jan, As of 02/05/2023")
    reply = ask(dashboard, export(f"clubperformance~91~2/28/2023~2/8/2023~{YEAR}", YEAR))
    assert reply.body == stored(JAN, JAN_CLOSE, "clubperformance", "91")


# H: early July


def test_h_early_july_is_june_of_the_year_before(dashboard: DashboardServer) -> None:
    """H: July's figures as of 20 July 2023 are June's, in the open year at the root and under the new year's path. [B10]"""
    june = stored(JUN, JUN_CLOSE, "clubperformance", "91")
    dashboard.today = date(2023, 7, 20)
    assert ask(dashboard, export("clubperformance~91~7/31/2023~7/20/2023~2023-2024")).body == june
    dashboard.today = date(2026, 6, 4)
    assert ask(dashboard, export("clubperformance~91~7/31/2023~7/20/2023~2023-2024", "2023-2024")).body == june


# What is not there


@pytest.mark.parametrize(
    "target",
    [
        export("membership~91~1/31/2023~2/8/2023~2022-2023", YEAR),
        "/2022-2023/export.aspx?type=PDF&report=clubperformance~91",
        "/2022-2023/export.aspx",
    ],
)
def test_an_unknown_export_leads_to_the_error_page(dashboard: DashboardServer, target: str) -> None:
    """What the export does not know ends on the error page, with status 200 for who follows. [R10.3]"""
    reply = ask(dashboard, target)
    assert (reply.status, reply.headers["Location"]) == (302, "/error.aspx?aspxerrorpath=/2022-2023/export.aspx")


@pytest.mark.parametrize(
    "target", ["/2007-2008/export.aspx?type=CSV&report=districtsummary", "/2022-2024/Club.aspx", "/robots.txt"]
)
def test_other_addresses_are_not_found(dashboard: DashboardServer, target: str) -> None:
    """Years before 2008-09, years that are none, and other files are 404. [R10.3]"""
    assert ask(dashboard, target).status == 404


def test_an_archive_without_a_report_has_its_headings_all_the_same(tmp_path: Path) -> None:
    """Where no file shows the headings of a report, those of the shipped archive stand in. [R10.3]"""
    with DashboardServer(tmp_path) as server:
        assert server.today == date(2026, 6, 4)
        reply = ask(server, export(f"clubperformance~91~1/31/2023~1/31/2023~{YEAR}", YEAR))
    assert empty(reply, "Month of Jan, As of 01/31/2023")
    assert reply.body.startswith(b'"District","Division","Area","Club Number"')
