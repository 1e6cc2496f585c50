"""A district's figures from its reports, or from its row in the summary."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.jsonvalues import JsonValue, to_json_value
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.statistics import DistrictData, district_data, summary_data
from foundation_samples import bounded
from tm_files import clubs, only, payments, summary, visits

DAY = date(2023, 1, 31)
NEWER = {"year": 2025, "footer": "Month of May, As of 06/02/2026"}
MAY = date(2026, 5, 31)

CLUB = {
    "district": "61", "division": "A", "area": "01", "club_number": "00000042", "club_name": "One", "club_status": "Active",
    "membership_base": "20", "active_members": "25", "goals_met": "7", "level1s": "4", "level2s": "2", "add_level2s": "0", "level3s": "1",
    "level4s": "1", "add_level4s": "0", "new_members": "4", "add_new_members": "6", "trained_round1": "5", "trained_round2": "7",
    "dues_october": "1", "dues_april": "0", "officer_list": "1", "distinguished_status": "S",
}  # fmt: skip
PAID = {
    "district": "61", "division": "A", "area": "01", "club_number": "00000042", "club_name": "One", "new_members": "10", "late_renewals": "1",
    "october_renewals": "15", "april_renewals": "14", "total_renewals": "30", "charter_payments": "0", "payments": "40", "distinguished_status": "S",
    "dates": "Charter 07/01/22 Susp 01/23/23",
}  # fmt: skip
VISITED = {
    "district": "61", "division": "A", "area": "01", "club_number": "00000042", "club_name": "One", "october_renewals": "15", "april_renewals": "14",
    "november_visit": "1", "may_visit": "0", "members": "25", "goals_met": "7", "area_base": "4", "area_paid_for_distinguished": "4",
    "area_paid_for_select": "5", "area_paid_for_presidents": "6", "area_paid": "3", "area_level_for_distinguished": "2",
    "area_level_for_select": "3", "area_level_for_presidents": "4", "area_distinguished": "1", "area_status": "D", "division_base": "22",
    "division_paid_for_distinguished": "23", "division_paid_for_select": "24", "division_paid_for_presidents": "25", "division_paid": "21",
    "division_level_for_distinguished": "9", "division_level_for_select": "10", "division_level_for_presidents": "11",
    "division_distinguished": "2", "division_status": "",
}  # fmt: skip
TWO = {"club_number": "00000043", "club_name": "Two"}


class Entry(dict[str, JsonValue]):
    """A club, a division or an area as its readers see it: a key that is not there is unknown."""

    def __missing__(self, key: str) -> None:
        """Return that it is unknown."""


def entries(made: DistrictData, part: str = "clubs") -> list[Entry]:
    """Return a part of the data, which has entries."""
    return [Entry(entry) for entry in cast("list[dict[str, JsonValue]]", made.data[part])]


def totals(made: DistrictData) -> dict[str, JsonValue]:
    """Return the totals."""
    return cast("dict[str, JsonValue]", made.data["totals"])


def kinds(made: DistrictData) -> list[str]:
    """Return what the findings are about."""
    return [finding.kind for finding in made.findings]


def test_one_club_in_full() -> None:
    """All that three reports say of a club, its area, its division and its district stands in the district's data, under fixed names. [R3.2, R5.2]"""
    made = district_data(DAY, "61", clubs([CLUB]), payments([PAID]), visits([VISITED]))
    assert made.data == {
        "districtId": "61",
        "snapshotDate": "2023-01-31",
        "dcpColumns": [
            "level1s", "level2s", "addLevel2s", "level3s", "level4s", "addLevel4s", "newMembers", "addNewMembers",
            "trainedRound1", "trainedRound2", "duesOctober", "duesApril", "officerList",
        ],
        "clubs": [
            {
                "clubId": "00000042",
                "clubName": "One",
                "divisionId": "A",
                "divisionName": "Division A",
                "areaId": "01",
                "areaName": "Area 01",
                "membershipCount": 25,
                "membershipBase": 20,
                "newMembers": 10,
                "paymentsCount": 40,
                "octoberRenewals": 15,
                "aprilRenewals": 14,
                "status": "Select Distinguished",
                "dcpGoals": 7,
                "dcpGoalsAchieved": [True, True, False, False, True, False, True, True, True, True],
                "dcp": [4, 2, 0, 1, 1, 0, 4, 6, 5, 7, 1, 0, 1],
                "netGrowth": 5,
                "lateRenewals": 1,
                "totalRenewals": 30,
                "charterPayments": 0,
                "clubStatus": "Active",
                "distinguishedStatus": "S",
                "clubLevel": "Select",
                "clubLevelProvisional": True,
                "charterDate": "2022-07-01",
                "suspendDate": "2023-01-23",
                "novemberVisit": 1,
                "mayVisit": 0,
            }
        ],
        "divisions": [
            {
                "divisionId": "A",
                "divisionName": "Division A",
                "clubCount": 1,
                "membershipTotal": 25,
                "paymentsTotal": 40,
                "clubBase": 22,
                "paidClubs": 21,
                "paidClubGoals": {"distinguished": 23, "select": 24, "presidents": 25},
                "distinguishedClubs": 2,
                "distinguishedClubGoals": {"distinguished": 9, "select": 10, "presidents": 11},
            }
        ],
        "areas": [
            {
                "areaId": "01",
                "areaName": "Area 01",
                "divisionId": "A",
                "clubCount": 1,
                "membershipTotal": 25,
                "paymentsTotal": 40,
                "clubBase": 4,
                "paidClubs": 3,
                "paidClubGoals": {"distinguished": 4, "select": 5, "presidents": 6},
                "distinguishedClubs": 1,
                "distinguishedClubGoals": {"distinguished": 2, "select": 3, "presidents": 4},
                "distinguishedStatus": "D",
            }
        ],
        "totals": {
            "totalClubs": 1,
            "activeClubs": 0,
            "totalMembership": 25,
            "totalPayments": 40,
            "membershipBase": 20,
            "distinguishedClubs": 1,
            "selectDistinguishedClubs": 1,
            "presidentDistinguishedClubs": 0,
            "smedleyDistinguishedClubs": None,
        },
    }  # fmt: skip
    assert made.settled
    assert made.findings == ()
    assert to_json_value(made.data)[0] == made.data


def test_the_years_since_2025() -> None:
    """From 2025-26 on the success plan, the printed net growth and the Smedley level are there; which columns goals are counted from is each year's own. [R3.2]"""
    newer = CLUB | {"csp": "N", "net_growth": "5", "distinguished_status": "M"}
    made = district_data(MAY, "61", clubs([newer], **NEWER), payments([PAID]), visits([VISITED]))
    club = entries(made)[0]
    assert (club["cspSubmitted"], club["netGrowth"], club["clubLevel"], club["clubLevelProvisional"]) == (
        False,
        5,
        "NotDistinguished",
        None,
    )
    assert totals(made)["smedleyDistinguishedClubs"] == totals(made)["distinguishedClubs"] == 1
    then = district_data(DAY, "61", clubs([CLUB | {"ccs": "1"}], year=2018), None, None)
    older = entries(then)[0]
    columns = dict(zip(cast("list[str]", then.data["dcpColumns"]), cast("list[JsonValue]", older["dcp"]), strict=True))
    assert {"ccs": 1, "level5s": None}.items() <= columns.items()
    assert older["dcpGoalsAchieved"] == [None] * 6 + [True] * 4


def test_payments_are_no_members() -> None:
    """Members come from the club report and payments from the district report, and neither stands in for the other (pitfall 28). [R3.2]"""
    made = district_data(DAY, "61", clubs([CLUB | {"active_members": ""}]), payments([PAID]), visits([VISITED]))
    club = entries(made)[0]
    assert (club["membershipCount"], club["netGrowth"], club["paymentsCount"]) == (None, None, 40)
    assert (totals(made)["totalMembership"], totals(made)["totalPayments"]) == (None, 40)
    unpaid = district_data(DAY, "61", clubs([CLUB]), payments([PAID | {"payments": ""}]), None)
    assert (totals(unpaid)["totalMembership"], totals(unpaid)["totalPayments"]) == (25, None)


def test_no_clubs_are_made_up() -> None:
    """Only rows of the club report are clubs: those that other reports list, or that a total would need, are not added (pitfall 27). [R3.2, R5.4]"""
    row = only(
        summary(
            [{"region": "06", "district": "61", "active_clubs": "3", "total_payments": "120", "total_distinguished_clubs": "2"}]
        )
    )
    paid = payments([PAID, PAID | TWO | {"payments": "50"}])
    made = district_data(DAY, "61", clubs([CLUB | {"club_number": "42"}]), paid, visits([VISITED]), row)
    assert [club["clubId"] for club in entries(made)] == ["42"]
    assert entries(made)[0]["paymentsCount"] == 40
    assert totals(made)["totalPayments"] == 90
    assert kinds(made) == ["clubs_differ", "sums_differ", "sums_differ", "sums_differ", "fewer_clubs"]
    assert [finding.message for finding in made.findings] == [
        "districtperformance has clubs that clubperformance has not: '43'",
        "90 payments by the clubs' rows, 120 by districtsummary",
        "0 active clubs by the clubs' rows, 3 by districtsummary",
        "1 distinguished clubs by the clubs' rows, 2 by districtsummary",
        "clubperformance has 1 clubs, districtsummary says that 3 are active",
    ]
    assert {(finding.day, finding.district) for finding in made.findings} == {(DAY, "61")}


def test_reports_that_agree_make_no_finding() -> None:
    """Where the sums of the reports and the summary's row agree, nothing is said. [R3.2]"""
    row = only(
        summary(
            [{"region": "06", "district": "61", "active_clubs": "0", "total_payments": "40", "total_distinguished_clubs": "1"}]
        )
    )
    assert district_data(DAY, "61", clubs([CLUB]), payments([PAID]), visits([VISITED]), row).findings == ()
    unknown = only(summary([{"region": "06", "district": "61"}]))
    assert district_data(DAY, "61", clubs([CLUB]), payments([PAID]), visits([VISITED]), unknown).findings == ()


def test_reports_that_disagree_are_left_as_they_are() -> None:
    """Members and goals that two reports or two columns give differently are findings; what is stored is what the club report says. [R3.2]"""
    made = district_data(
        DAY,
        "61",
        clubs([CLUB | {"goals_met": "9"}]),
        payments([PAID]),
        visits([VISITED | {"members": "24"}, VISITED | TWO | {"members": "1"}]),
    )
    assert kinds(made) == ["clubs_differ", "goals_differ", "sums_differ"]
    assert "25 members by the clubs' rows, 24 by divisionperformance" in made.findings[2].message
    assert (entries(made)[0]["dcpGoals"], entries(made)[0]["membershipCount"]) == (9, 25)
    lacking = district_data(DAY, "61", clubs([CLUB, CLUB | TWO]), payments([PAID]), visits([VISITED, VISITED | TWO]))
    assert [finding.message for finding in lacking.findings][:1] == [
        "clubperformance has clubs that districtperformance has not: '43'"
    ]
    assert entries(lacking)[1]["paymentsCount"] is None


@pytest.mark.parametrize("empty", [True, False])
def test_without_the_district_report(empty: bool) -> None:
    """Without the district report, or with one of no rows, payments, renewals and active clubs are unknown and not 0, and the district is not settled. [R3.2, R6.3]"""
    made = district_data(DAY, "61", clubs([CLUB]), payments([]) if empty else None, visits([VISITED]))
    club = entries(made)[0]
    unknown = (
        "paymentsCount",
        "octoberRenewals",
        "aprilRenewals",
        "lateRenewals",
        "totalRenewals",
        "charterPayments",
        "charterDate",
        "suspendDate",
    )
    assert {club[name] for name in unknown} == {None}
    assert {"paymentsCount", "octoberRenewals", "aprilRenewals"} <= club.keys()
    assert (totals(made)["totalPayments"], totals(made)["activeClubs"]) == (None, None)
    assert (club["membershipCount"], club["newMembers"], club["novemberVisit"]) == (25, 10, 1)
    assert club["clubLevelProvisional"] is None
    assert not made.settled
    assert kinds(made) == ["missing_report"]
    assert made.findings[0].message.startswith(str(ReportKind.DISTRICT))


@pytest.mark.parametrize("empty", [True, False])
def test_without_the_division_report(empty: bool) -> None:
    """Without the division report, or with one of no rows, visits and goals of areas and divisions are unknown; the clubs are still counted by them. [R3.2, R6.3]"""
    made = district_data(DAY, "61", clubs([CLUB]), payments([PAID]), visits([]) if empty else None)
    club = entries(made)[0]
    assert (club["novemberVisit"], club["mayVisit"]) == (None, None)
    division = entries(made, "divisions")[0]
    assert division == {
        "divisionId": "A",
        "divisionName": "Division A",
        "clubCount": 1,
        "membershipTotal": 25,
        "paymentsTotal": 40,
    }
    assert (totals(made)["activeClubs"], totals(made)["totalPayments"]) == (0, 40)
    assert not made.settled
    assert kinds(made) == ["missing_report"]


def test_without_the_club_report() -> None:
    """Without the club report there are no clubs, and nothing pretends that there are none; what the district report counts is kept. [R3.2, R6.3]"""
    made = district_data(DAY, "61", None, payments([PAID]), visits([VISITED]))
    assert (made.data["clubs"], made.data["divisions"], made.data["areas"], made.data["dcpColumns"]) == (None,) * 4
    assert totals(made) == dict.fromkeys(totals(made)) | {"totalPayments": 40}
    assert not made.settled
    nothing = district_data(DAY, "61", clubs([]), None, None)
    assert set(totals(nothing).values()) == {None}
    assert kinds(nothing) == ["missing_report"] * 3


def test_columns_that_are_not_there_are_unknown() -> None:
    """A column that the file lacks leaves unknown what needs it, the counts of levels too (pitfall 30). [R3.2]"""
    made = district_data(
        DAY,
        "61",
        clubs([CLUB], without=["distinguished_status", "active_members", "division"]),
        payments([PAID]),
        visits([VISITED]),
    )
    club = entries(made)[0]
    assert [club[name] for name in ("membershipCount", "distinguishedStatus", "divisionId", "divisionName")] == [None] * 4
    assert {"membershipCount", "divisionId"} <= club.keys()
    assert (club["status"], club["clubLevel"]) == ("Active", None)
    assert {totals(made)[name] for name in ("totalMembership", "distinguishedClubs", "selectDistinguishedClubs")} == {None}
    assert kinds(made) == ["missing_column"]
    bare = entries(district_data(DAY, "61", clubs([{"club_number": "1"}]), None, None))[0]
    assert bare["status"] is None


def test_unknown_columns_reach_the_data() -> None:
    """What no column of ours holds is kept with the club, marked with its report unless that is the club report (pitfall 29). [R3.2]"""
    made = district_data(
        DAY,
        "61",
        clubs([CLUB | {"Fancy": "x"}, CLUB | TWO], more=["Fancy"]),
        payments([PAID | {"Fancy": "y"}], more=["Fancy"]),
        visits([VISITED | {"Mar Visit award": "1"}], more=["Mar Visit award"]),
    )
    assert [club["extra"] for club in entries(made)] == [
        {"Fancy": "x", "districtperformance: Fancy": "y", "divisionperformance: Mar Visit award": "1"},
        {"Fancy": ""},
    ]
    assert kinds(made)[:3] == ["unknown_column"] * 3


def test_active_clubs() -> None:
    """A club is active unless a date or its status says that it is suspended; all clubs count among the total. [R3.2]"""
    rows = [CLUB, CLUB | TWO, CLUB | {"club_number": "44", "club_status": "SUSPENDED"}, CLUB | {"club_number": "45"}]
    paid = [
        PAID | {"dates": ""},
        PAID | TWO | {"dates": " Susp 09/30/22"},
        PAID | {"club_number": "44", "dates": "Charter 07/01/22"},
    ]
    made = district_data(
        DAY, "61", clubs(rows), payments(paid), visits([VISITED | {"club_number": "45", "dates": "Susp 09/30/22"}])
    )
    assert (totals(made)["totalClubs"], totals(made)["activeClubs"]) == (4, 1)
    assert [club["suspendDate"] for club in entries(made)] == [None, "2022-09-30", None, "2022-09-30"]


def test_levels_are_counted_by_their_letters() -> None:
    """The totals count the letters that the dashboard prints, each level apart and all together; words count as their letters (letter codes). [R3.2]"""
    codes = ["D", "S", "S", "P", "M", "", "Select Distinguished", "Distinguished"]
    rows = [CLUB | {"club_number": str(number), "distinguished_status": code} for number, code in enumerate(codes, 1)]
    made = district_data(MAY, "61", clubs(rows, **NEWER), None, None)
    assert [totals(made)[f"{level}istinguishedClubs"] for level in ("d", "selectD", "presidentD", "smedleyD")] == [7, 3, 1, 1]
    assert [club["distinguishedStatus"] for club in entries(made)] == ["D", "S", "S", "P", "M", None, "S", "D"]
    assert entries(made)[5]["status"] == "Active"


def test_a_club_row_may_have_payments_of_its_own() -> None:
    """Where the club report has columns of payments, they count for clubs that the district report does not list. [R3.2]"""
    more = {"Total to Date": "30", "Oct. Ren.": "10", "Apr. Ren.": "8", "Chartered": "4/5/2001"}
    report = clubs([CLUB | more, CLUB | TWO | more], more=list(more))
    made = district_data(DAY, "61", report, payments([PAID]), visits([VISITED, VISITED | TWO]))
    assert [(club["paymentsCount"], club["octoberRenewals"], club["aprilRenewals"]) for club in entries(made)] == [
        (40, 15, 14),
        (30, 10, 8),
    ]
    assert [club["charterDate"] for club in entries(made)] == ["2022-07-01", "2001-04-05"]
    assert totals(district_data(DAY, "61", report, None, None))["totalPayments"] == 60


def test_areas_are_told_apart_by_division() -> None:
    """Area 0A of two divisions is two areas; clubs in no division at all are counted together under null. [R3.2]"""
    rows = [CLUB | {"club_number": str(number), "division": division, "area": area} for number, (division, area) in enumerate(
        [("A", "0A"), ("B", "0A"), ("A", "0A"), ("0D", "0A"), ("", ""), ("A", "01")], 1
    )]  # fmt: skip
    made = district_data(DAY, "61", clubs(rows), None, None)
    assert [(area["divisionId"], area["areaId"], area["clubCount"]) for area in entries(made, "areas")] == [
        ("A", "0A", 2),
        ("B", "0A", 1),
        ("0D", "0A", 1),
        (None, None, 1),
        ("A", "01", 1),
    ]
    assert [(division["divisionId"], division["membershipTotal"]) for division in entries(made, "divisions")] == [
        ("A", 75),
        ("B", 25),
        ("0D", 25),
        (None, 25),
    ]


@bounded
@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(0, 60), st.sampled_from("AB"), st.sampled_from(["", "D", "S", "P"])),
        min_size=1,
        max_size=12,
    )
)
def test_the_parts_add_up(drawn: list[tuple[int, int, str, str]]) -> None:
    """Clubs of areas, of divisions and of the district add up to the same, whatever the rows, and each club number counts once. [R3.2]"""
    rows = [
        CLUB
        | {"club_number": f"{number:08d}", "active_members": str(members), "division": division, "distinguished_status": code}
        for number, members, division, code in drawn
    ]
    made = district_data(DAY, "61", clubs(rows), None, None)
    found = entries(made)
    assert len(found) == totals(made)["totalClubs"] == len({number for number, *_rest in drawn})
    for part in ("divisions", "areas"):
        assert sum(cast("int", entry["clubCount"]) for entry in entries(made, part)) == len(found)
        assert sum(cast("int", entry["membershipTotal"]) for entry in entries(made, part)) == totals(made)["totalMembership"]
    assert totals(made)["distinguishedClubs"] == sum(club["distinguishedStatus"] is not None for club in found)
    assert json.loads(json.dumps(made.data)) == made.data


def test_the_data_follow_from_the_reports_alone() -> None:
    """The same reports give the same data, in the same order of keys, every time; what a caller does with them changes nothing. [R3.5, B4]"""
    reports = clubs([CLUB]), payments([PAID]), visits([VISITED])
    first = district_data(DAY, "61", *reports)
    kept = json.dumps(copy.deepcopy(first.data))
    entries(first).clear()
    assert json.dumps(district_data(DAY, "61", *reports).data) == kept


def test_a_summary_record() -> None:
    """A record made from the summary alone has the same keys; what the summary does not say is null, members first of all. [R3.2, R5.3]"""
    row = only(
        summary(
            [
                {
                    "region": "06", "district": "61", "dsp": "Y", "training": "N", "market_analysis": "", "new_payments": "1,017",
                    "total_payments": "6157", "payment_base": "6851", "payment_growth": "-10.13%", "paid_clubs": "189", "active_clubs": "203",
                    "distinguished_clubs": "14", "select_distinguished_clubs": "10", "presidents_distinguished_clubs": "3",
                    "smedley_distinguished_clubs": "3", "total_distinguished_clubs": "30", "Fancy": "x",
                }
            ],
            more=["Fancy"],
            **NEWER,
        )
    )  # fmt: skip
    data = summary_data(MAY, "61", row)
    full = district_data(DAY, "61", clubs([CLUB]), payments([PAID]), visits([VISITED])).data
    assert [*data] == [*full, "summary"]
    assert [*cast("dict[str, JsonValue]", data["totals"])] == [*cast("dict[str, JsonValue]", full["totals"])]
    assert data["totals"] == {
        "totalClubs": None,
        "activeClubs": 203,
        "totalMembership": None,
        "totalPayments": 6157,
        "membershipBase": None,
        "distinguishedClubs": 30,
        "selectDistinguishedClubs": 10,
        "presidentDistinguishedClubs": 3,
        "smedleyDistinguishedClubs": 3,
    }
    typed = cast("dict[str, JsonValue]", data["summary"])
    assert {
        "region": "06",
        "district": "61",
        "dsp": True,
        "training": False,
        "marketAnalysis": None,
        "newPayments": 1017,
    }.items() <= typed.items()
    assert (typed["paymentGrowth"], typed["clubGrowth"], typed["extra"]) == (-10.13, None, {"Fancy": "x"})
    assert (data["clubs"], data["divisions"], data["areas"], data["snapshotDate"]) == (None, None, None, "2026-05-31")
    assert to_json_value(data)[0] == data
