"""Rankings of all districts, held against those that were published."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.jsonvalues import JsonValue, to_json_value
from backfill.toastmasters import versions
from backfill.toastmasters.ranking import competition_ranks, distinguished_share, points, rankings, ranks_within, world_percentile
from backfill.toastmasters.rows import SummaryRow
from foundation_samples import bounded
from tm_files import summary

PUBLISHED = Path(__file__).parents[1] / "data" / "rankings-2026-05-31.csv"
DAY, AS_OF = date(2026, 5, 31), date(2026, 6, 2)
STATES = ("2026-05-31", "2026-06-02", "2026-06-03")
FIGURES = {"clubs_rank": "clubsRank", "payments_rank": "paymentsRank", "distinguished_rank": "distinguishedRank", "score": "aggregateScore", "overall_rank": "overallRank"}  # fmt: skip


def published(state: str) -> list[dict[str, str]]:
    """Return the districts of one state, with their figures and ranks."""
    lines = [line for line in PUBLISHED.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [row for row in csv.DictReader(lines) if row.pop("as_of") == state]


def entries(payload: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    """Return the districts of a payload."""
    return cast("list[dict[str, JsonValue]]", payload["rankings"])


def ranked(rows: list[dict[str, str]]) -> dict[object, dict[str, JsonValue]]:
    """Return the entry of each district."""
    return {entry["districtId"]: entry for entry in entries(rankings(DAY, AS_OF, summary(rows, year=2025)))}


def values(part: dict[object, dict[str, JsonValue]], name: str) -> list[object]:
    """Return one figure of all districts, in their order."""
    return [entry[name] for _district, entry in sorted(part.items(), key=str)]


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest) -> str:
    """Return each of the three states."""
    return str(request.param)


@pytest.mark.parametrize("turned", [False, True])
def test_the_published_rankings_come_out(state: str, turned: bool) -> None:
    """Ranks, scores and overall ranks of all 128 districts are those that were published, at three states of one close, in whatever order the rows come (pitfalls 5 and 37). [R3.2, R5.3]"""
    rows = published(state)
    assert len(rows) == 128
    found = ranked(rows[::-1] if turned else rows)
    agreeing = sum(all(found[row["district"]][name] == int(row[figure]) for figure, name in FIGURES.items()) for row in rows)
    assert agreeing == 128


def test_unrounded_growth_would_rank_otherwise(state: str) -> None:
    """Growths count as printed: unrounded growth of payments would change ranks that were published, so the rule is shown to matter. [R3.2]"""
    rows = published(state)
    exact = [Fraction(int(row["total_payments"]) - int(row["payment_base"]), int(row["payment_base"])) for row in rows]
    assert competition_ranks(exact) != [int(row["payments_rank"]) for row in rows]


def test_all_rows_are_ranked() -> None:
    """Every district of the summary is ranked, those of one letter too, and rows that name none are not (pitfalls 5, 11 and 12). [R3.2, R5.3]"""
    rows = [
        {"region": "DNAR", "district": "U"},
        {"region": "02", "district": "F"},
        {"district": ""},
        {"region": "As of 03/19/2026"},
    ]
    payload = rankings(DAY, AS_OF, summary(rows, year=2025))
    assert [entry["districtId"] for entry in entries(payload)] == ["F", "U"]
    assert cast("dict[str, JsonValue]", payload["metadata"])["totalDistricts"] == 2


def test_the_payload() -> None:
    """The payload has the fields of the published rankings and says what it follows from: the as-of date is the footer's (pitfall 3), and no clock is asked. [R5.5, B4]"""
    fetched = datetime(2026, 6, 3, 1, 2, 3, tzinfo=UTC)
    row = {
        "region": "09", "district": "93", "dsp": "Y", "training": "Y", "market_analysis": "Y", "communication_plan": "Y", "region_advisor_visit": "Y",
        "new_payments": "674", "april_payments": "1041", "october_payments": "1009", "late_payments": "3", "charter_payments": "135",
        "total_payments": "2,862", "payment_base": "2567", "payment_growth": "11.49%", "paid_club_base": "69", "paid_clubs": "76",
        "club_growth": "10.14%", "active_clubs": "76", "distinguished_clubs": "25", "select_distinguished_clubs": "6",
        "presidents_distinguished_clubs": "5", "smedley_distinguished_clubs": "4", "total_distinguished_clubs": "40",
    }  # fmt: skip
    report = summary([row, {"region": "09", "district": "5"}], year=2025)
    payload = rankings(DAY, AS_OF, report, fetched_at=fetched)
    assert payload["metadata"] == {
        "snapshotId": "2026-05-31",
        "calculatedAt": fetched.isoformat(),
        "schemaVersion": versions.SCHEMA_VERSION,
        "calculationVersion": versions.CALCULATION_VERSION,
        "rankingVersion": versions.RANKING_VERSION,
        "sourceCsvDate": "2026-06-02",
        "csvFetchedAt": fetched.isoformat(),
        "totalDistricts": 2,
        "fromCache": False,
    }
    first, second = entries(payload)
    assert first == {
        "districtId": "93", "districtName": "93", "region": "09", "paidClubs": 76, "paidClubBase": 69, "clubGrowthPercent": 10.14,
        "totalPayments": 2862, "paymentBase": 2567, "paymentGrowthPercent": 11.49, "activeClubs": 76, "distinguishedClubs": 40,
        "selectDistinguished": 6, "presidentsDistinguished": 5, "smedleyDistinguished": 4, "distinguishedPercent": 57.971014492753625,
        "dspSubmitted": True, "trainingMet": True, "marketAnalysisSubmitted": True, "communicationPlanSubmitted": True,
        "regionAdvisorVisitMet": True, "clubsWith20PlusMembers": None, "newCharteredClubs": None, "newPayments": 674, "aprilPayments": 1041,
        "octoberPayments": 1009, "latePayments": 3, "charterPayments": 135, "districtLevel": "President", "clubsRank": 1, "paymentsRank": 1,
        "distinguishedRank": 1, "aggregateScore": 6, "overallRank": 1,
        "worldPercentile": {"clubs": 50.0, "payments": 50.0, "distinguished": 50.0, "overall": 50.0},
        "regionRank": {"clubs": 1, "payments": 1, "distinguished": 1, "overall": 1}, "totalInRegion": 2,
    }  # fmt: skip
    unknown = (
        "dspSubmitted",
        "paidClubs",
        "clubGrowthPercent",
        "distinguishedClubs",
        "distinguishedPercent",
        "newPayments",
        "districtLevel",
    )
    assert {second[name] for name in unknown} == {None}
    assert (second["districtId"], second["overallRank"], second["aggregateScore"]) == ("05", 2, 3)
    assert to_json_value(payload)[0] == payload
    assert cast("dict[str, JsonValue]", rankings(DAY, AS_OF, report)["metadata"])["calculatedAt"] is None
    assert rankings(DAY, AS_OF, report) == rankings(DAY, AS_OF, report)


def test_districts_have_no_level_before_its_rules() -> None:
    """The level of districts follows rules of 2025-26: earlier years have none. [R3.2]"""
    row = {"district": "93", "dsp": "N"}
    assert entries(rankings(DAY, AS_OF, summary([row], year=2025)))[0]["districtLevel"] == "NotDistinguished"
    assert entries(rankings(date(2025, 6, 30), AS_OF, summary([row], year=2022)))[0]["districtLevel"] is None


def test_what_cannot_be_read_counts_as_nothing_gained() -> None:
    """Growth of a district without a base is N/A: it is ranked as 0, and said to be unknown. [R3.2]"""
    growths = {"1": "5%", "2": "N/A", "3": "-5%", "4": ""}
    found = ranked(
        [
            {"district": district, "club_growth": growth, "paid_club_base": "0", "total_distinguished_clubs": "3"}
            for district, growth in growths.items()
        ]
    )
    assert values(found, "clubsRank") == [1, 2, 4, 2]
    assert values(found, "clubGrowthPercent") == [5.0, None, -5.0, None]
    assert values(found, "distinguishedPercent") == [None] * 4


def test_a_category_that_ties_counts_for_nothing() -> None:
    """Where all districts are equal in a category, all have rank 1 in it and no points, and so a lone district scores 0 (pitfall 37). [R3.2]"""
    found = ranked(
        [{"district": str(number), "club_growth": f"{number}%", "payment_growth": f"{-number}%"} for number in (1, 2, 3)]
    )
    assert values(found, "distinguishedRank") == [1, 1, 1]
    assert values(found, "aggregateScore") == [4, 4, 4]
    assert values(found, "overallRank") == [1, 1, 1]
    assert values(ranked([{"district": "1", "club_growth": "9%"}]), "aggregateScore") == [0]
    assert rankings(DAY, AS_OF, summary([], year=2025))["rankings"] == []


def test_equal_values_share_a_rank() -> None:
    """Equal values share a rank, and the next is as many places behind; overall ranks too (pitfall 37). [R3.2]"""
    assert competition_ranks([10, 30, 10, 20]) == [3, 1, 3, 2]
    assert competition_ranks([]) == []
    assert points([3, 1, 3, 2]) == [2, 4, 2, 3]
    found = ranked([{"district": str(number), "club_growth": growth} for number, growth in enumerate(["5%", "5%", "4%"], 1)])
    assert values(found, "overallRank") == [1, 1, 3]
    assert [entry["districtId"] for entry in found.values()] == ["01", "02", "03"]


def test_the_share_is_exact() -> None:
    """The share of distinguished clubs is the exact quotient over the paid club base, not over active clubs and not the printed figure. [R3.2]"""
    row = SummaryRow(total_distinguished_clubs=1, paid_club_base=3, active_clubs=2, distinguished_percent=Decimal("33.33"))
    assert distinguished_share(row) == Fraction(100, 3)
    assert distinguished_share(row._replace(paid_club_base=0)) is None
    assert distinguished_share(row._replace(total_distinguished_clubs=None)) is None
    close = ranked([
        {"district": "1", "total_distinguished_clubs": "33333", "paid_club_base": "100000"},
        {"district": "2", "total_distinguished_clubs": "1", "paid_club_base": "3"},
    ])  # fmt: skip
    assert values(close, "distinguishedRank") == [2, 1]


@pytest.mark.parametrize(
    ("rank", "districts", "percentile"), [(1, 100, 99.0), (3, 7, 57.1), (1, 2, 50.0), (7, 7, 0.0), (1, 1, None), (1, 16, 93.8)]
)
def test_world_percentiles(rank: int, districts: int, percentile: float | None) -> None:
    """The world percentile is the share of districts behind, to one decimal, halves up; a lone district has none. [R3.2]"""
    assert world_percentile(rank, districts) == percentile


def test_ranks_within_a_region() -> None:
    """Region ranks count the districts of one region only; those without a region, or an unknown one, have none. [R3.2]"""
    assert ranks_within(["a", "b", "a", None, "a"], [1, 9, 3, 5, 3]) == [3, 1, 1, None, 1]
    rows = [("1", "10", "5%"), ("2", "10", "7%"), ("3", "11", "6%"), ("4", "Unknown", "9%"), ("5", "", "9%"), ("6", "DNAR", "0%")]
    found = ranked([{"district": district, "region": region, "club_growth": growth} for district, region, growth in rows])
    assert [cast("dict[str, JsonValue]", rank)["clubs"] for rank in values(found, "regionRank")] == [2, 1, 1, None, None, 1]
    assert values(found, "totalInRegion") == [2, 2, 1, 0, 0, 1]


@bounded
@given(st.permutations(range(40)), st.integers(1, 40))
def test_the_order_of_rows_means_nothing(order: list[int], count: int) -> None:
    """However the rows are shuffled the rankings are the same, ranks run from 1, and points never exceed three times the districts. [R3.2]"""
    rows = published(STATES[0])[:count]
    shuffled = [rows[index] for index in order if index < count]
    payload = rankings(DAY, AS_OF, summary(rows, year=2025))
    assert rankings(DAY, AS_OF, summary(shuffled, year=2025)) == payload
    found = entries(payload)
    assert found[0]["overallRank"] == 1
    assert all(0 <= cast("int", entry["aggregateScore"]) <= 3 * count for entry in found)
    assert [entry["overallRank"] for entry in found] == sorted(cast("int", entry["overallRank"]) for entry in found)
