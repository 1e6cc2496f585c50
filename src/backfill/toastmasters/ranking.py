"""Which district stands where: a Borda count over three categories, the only implementation.

Rules: toast-stats' rankings, corrected by published figures (the dashboard's 128 districts at three states of the close of May 2026,
reproduced in every figure):

* All districts of the summary are ranked, never only those that somebody is interested in.
* The categories are growth of paid clubs and growth of payments, each as printed, to two decimals; and distinguished clubs: the exact
  quotient of all distinguished clubs and the paid club base. What cannot be read counts as 0.
* Ranks are those of a competition: 1, 1, 3. A rank is worth *number of districts* - *rank* + 1 points; where a whole category
  ties, everybody has rank 1 in it and no points.
* The score is the sum of the points. The overall rank is a competition rank on the score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from backfill.jsonvalues import JsonValue
from backfill.toastmasters.levels import district_level
from backfill.toastmasters.reports import Report
from backfill.toastmasters.rows import SummaryRow
from backfill.toastmasters.versions import CALCULATION_VERSION, RANKING_VERSION, SCHEMA_VERSION
from backfill.toastmasters.years import program_year

_NO_REGION = frozenset({"", "unknown"})
_FIRST_WITH_LEVELS = 2025  # the programme's rules for districts are known from then on

Number = Decimal | Fraction | int


def competition_ranks(values: Sequence[Number]) -> list[int]:
    """Return the rank of each of *values*, the highest first; equal ones share a rank, and the next is as many behind. Pure."""
    first: dict[Number, int] = {}
    for place, value in enumerate(sorted(values, reverse=True), 1):
        first.setdefault(value, place)
    return [first[value] for value in values]


def ranks_within(groups: Sequence[str | None], values: Sequence[Number]) -> list[int | None]:
    """Return the rank of each of *values* among those of the same group; ``None`` for those of no group. Pure."""
    found: list[int | None] = [None] * len(values)
    for group in set(groups) - {None}:
        members = [index for index, other in enumerate(groups) if other == group]
        for index, rank in zip(members, competition_ranks([values[index] for index in members]), strict=True):
            found[index] = rank
    return found


def world_percentile(rank: int, districts: int) -> float | None:
    """Return the share of *districts* that stand behind *rank*, in per cent to one decimal; ``None`` for a lone district."""
    if districts <= 1:
        return None
    tenths = Fraction(1000 * (districts - rank), districts)
    return math.floor(tenths + Fraction(1, 2)) / 10  # halves away from zero


def points(ranks: Sequence[int]) -> list[int]:
    """Return what each of *ranks* is worth; nothing where all are the same, also that of a lone district. Pure."""
    if all(rank == 1 for rank in ranks):
        return [0] * len(ranks)
    return [len(ranks) - rank + 1 for rank in ranks]


def rankings(day: date, as_of: date, summary: Report[SummaryRow], *, fetched_at: datetime | None = None) -> dict[str, JsonValue]:
    """Return what `all-districts-rankings.json` holds: every district of the summary, best first. Pure; any thread.

    Beside the fields of toast-stats' rankings each district has, for each category and overall, its world percentile and its rank
    among the districts of its region; and its level by the programme's rules. What the summary does not say is null.

    Args:
        day: The day that the figures describe.
        as_of: The day on which they stood so.
        summary: The summary of all districts.
        fetched_at: When it was fetched. The rankings follow from it alone, so this is when they are said to be calculated, and they come
            out the same whenever they are made.
    """
    rows = summary.rows
    values: dict[str, Sequence[Number]] = {
        "clubs": [row.club_growth or 0 for row in rows],
        "payments": [row.payment_growth or 0 for row in rows],
        "distinguished": [distinguished_share(row) or 0 for row in rows],
    }
    ranks = {name: competition_ranks(of_all) for name, of_all in values.items()}
    scores = [sum(worth) for worth in zip(*map(points, ranks.values()), strict=True)]
    values["overall"], ranks["overall"] = scores, competition_ranks(scores)
    regions = [_region(row) for row in rows]
    within = {name: ranks_within(regions, of_all) for name, of_all in values.items()}
    order = sorted(range(len(rows)), key=lambda index: (ranks["overall"][index], str(rows[index].district)))
    moment = None if fetched_at is None else fetched_at.isoformat()
    return {
        "metadata": {
            "snapshotId": day.isoformat(),
            "calculatedAt": moment,
            "schemaVersion": SCHEMA_VERSION,
            "calculationVersion": CALCULATION_VERSION,
            "rankingVersion": RANKING_VERSION,
            "sourceCsvDate": as_of.isoformat(),
            "csvFetchedAt": moment,
            "totalDistricts": len(rows),
            "fromCache": False,
        },
        "rankings": [
            {
                **_figures(rows[index], program_year(day).start),
                "clubsRank": ranks["clubs"][index],
                "paymentsRank": ranks["payments"][index],
                "distinguishedRank": ranks["distinguished"][index],
                "aggregateScore": scores[index],
                "overallRank": ranks["overall"][index],
                "worldPercentile": {name: world_percentile(of_all[index], len(rows)) for name, of_all in ranks.items()},
                "regionRank": {name: of_all[index] for name, of_all in within.items()},
                "totalInRegion": regions.count(regions[index]) if regions[index] else 0,
            }
            for index in order
        ],
    }


def distinguished_share(row: SummaryRow) -> Fraction | None:
    """Return the share of distinguished clubs among the paid club base, in per cent; ``None`` without clubs or base."""
    if row.total_distinguished_clubs is None or not row.paid_club_base:
        return None
    return Fraction(100 * row.total_distinguished_clubs, row.paid_club_base)


def _region(row: SummaryRow) -> str | None:
    return None if (row.region or "").casefold() in _NO_REGION else row.region


def _figures(row: SummaryRow, year: int) -> dict[str, JsonValue]:
    share = distinguished_share(row)
    gates = (row.dsp, row.training, row.market_analysis, row.communication_plan, row.region_advisor_visit)
    level = district_level(
        gates,
        paid_clubs=row.paid_clubs,
        paid_club_base=row.paid_club_base,
        club_growth=row.club_growth,
        payment_growth=row.payment_growth,
        distinguished=share,
    )
    return {
        "districtId": row.district,
        "districtName": row.district,
        "region": row.region,
        "paidClubs": row.paid_clubs,
        "paidClubBase": row.paid_club_base,
        "clubGrowthPercent": _float(row.club_growth),
        "totalPayments": row.total_payments,
        "paymentBase": row.payment_base,
        "paymentGrowthPercent": _float(row.payment_growth),
        "activeClubs": row.active_clubs,
        "distinguishedClubs": row.total_distinguished_clubs,
        "selectDistinguished": row.select_distinguished_clubs,
        "presidentsDistinguished": row.presidents_distinguished_clubs,
        "smedleyDistinguished": row.smedley_distinguished_clubs,
        "distinguishedPercent": None if share is None else float(share / 100) * 100,  # as published, to the last bit
        "dspSubmitted": row.dsp,
        "trainingMet": row.training,
        "marketAnalysisSubmitted": row.market_analysis,
        "communicationPlanSubmitted": row.communication_plan,
        "regionAdvisorVisitMet": row.region_advisor_visit,
        "clubsWith20PlusMembers": None,
        "newCharteredClubs": None,
        "newPayments": row.new_payments,
        "aprilPayments": row.april_payments,
        "octoberPayments": row.october_payments,
        "latePayments": row.late_payments,
        "charterPayments": row.charter_payments,
        "districtLevel": None if level is None or year < _FIRST_WITH_LEVELS else level.value,
    }


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
