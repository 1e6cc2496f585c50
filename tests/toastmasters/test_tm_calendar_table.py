"""The table of closes that comes with the package."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise

import pytest

from backfill.toastmasters.closings import (
    COLLECTED_SHORT,
    LONGEST_CLOSING,
    LONGEST_JUNE,
    Closing,
    Evidence,
    shipped_closings,
)
from backfill.toastmasters.sightings import Sighting
from backfill.toastmasters.years import month_text, next_month, parse_month
from tm_calendar_cases import CALENDAR, DAY, TODAY, on, shared_file

TABLE = shipped_closings()


def row(month: str) -> Closing:
    """Return what the table says of a month written as YYYY-MM."""
    return TABLE[parse_month(month)]


def test_the_table_has_each_month_once_from_2012_on() -> None:
    """The table runs from July 2012 to September 2026 without a month left out. [B10]"""
    months = list(TABLE)
    assert (month_text(months[0]), month_text(months[-1]), len(months)) == ("2012-07", "2026-09", 171)
    assert months == sorted(months)
    assert all(next_month(before) == after for before, after in pairwise(months))


def test_closes_lie_within_the_limits_of_experience() -> None:
    """Every close known of lies 0 to 18 days after its month's end, June's 13 to 29: the limits assumed for other months. [B10]"""
    known = [(closing.month.month == 6, closing.lag) for closing in TABLE.values() if closing.lag is not None]
    june = sorted(lag for is_june, lag in known if is_june)
    others = sorted(lag for is_june, lag in known if not is_june)
    assert (len(june), june[0], june[-1]) == (14, 13, 29)
    assert june[-1] < LONGEST_JUNE
    assert (len(others), others[0], others[-1]) == (154, 0, LONGEST_CLOSING)


def test_months_hand_over_without_overlap() -> None:
    """In the table a month's first as-of follows the last of the month before; only July 2026 is in doubt, and said to be. [B10]"""
    overlapping = []
    last = date.min
    for closing in TABLE.values():
        if closing.first is not None and closing.last is not None:
            if closing.first <= last:
                overlapping.append(month_text(closing.month))
            assert closing.month.replace(day=1) <= closing.last
            assert closing.month <= closing.last
            assert all(closing.first < missing < closing.last for missing in closing.missing)
            last = closing.last
    assert overlapping == ["2026-07"]
    assert [str(found) for found in CALENDAR.contradictions] == [
        "2026-06 was seen as of 2026-07-29, but 2026-07 as of 2026-07-26"
    ]


@pytest.mark.parametrize(
    ("month", "first", "last", "evidence"),
    [
        ("2022-06", "2022-06-18", "2022-07-28", Evidence.PROBED),
        ("2022-07", "2022-08-01", "2022-08-09", Evidence.LISTED),
        ("2022-08", "2022-08-10", "2022-09-08", Evidence.LISTED),
        ("2022-04", "2022-04-11", "2022-04-30", Evidence.LABEL),
        ("2018-12", "2018-12-06", "2019-01-02", Evidence.LABEL),
        ("2013-12", "2013-12-05", "2014-01-01", Evidence.LABEL),
        ("2018-03", "2018-03-08", "2018-04-18", Evidence.CONFIRMED),
        ("2012-12", "2013-01-01", "2013-01-01", Evidence.LISTED),
        ("2025-01", "2025-01-09", "2025-02-10", Evidence.COLLECTED),
        ("2026-09", "2026-09-10", "2026-10-10", Evidence.ASSUMED),
    ],
)
def test_some_months_of_the_table(month: str, first: str, last: str, evidence: Evidence) -> None:
    """The table says when a month was first and last shown, and how that is known. [B10]"""
    found = row(month)
    assert (found.first, found.last, found.evidence) == (on(first), on(last), evidence)


def test_how_much_the_evidence_shows() -> None:
    """A page's label shows no data by itself, a collector's last day may be short, an assumption limits nothing. [B10]"""
    assert row("2022-07").sighting == Sighting(on("2022-08-01"), on("2022-08-09"))
    assert row("2023-04").sighting == Sighting(on("2023-05-12"), on("2023-05-12"))
    assert row("2016-01").sighting is None
    assert row("2016-07").sighting is None
    assert row("2019-06").sighting == Sighting(on("2019-07-16"), on("2019-07-16"))
    assert row("2026-08").sighting == Sighting(on("2026-08-20"), on("2026-08-20"))
    assert row("2019-06").latest == on("2019-07-17")
    assert row("2025-01").latest == on("2025-02-10") + timedelta(days=COLLECTED_SHORT)
    assert row("2026-09").latest is None
    assert (row("2026-09").lag, row("2016-07").lag, row("2025-01").lag) == (None, None, 10)
    listed = Closing(month=on("2022-07-31"), first=on("2022-08-01"), last=None, first_is_exact=True, evidence=Evidence.ASSUMED)
    assert listed.sighting == Sighting(on("2022-08-01"), on("2022-08-01"))


DIFFERENCES = {"2026-07": {"first_as_of": ("2026-07-30", "2026-07-26")}}
"""Where the table departs from the copy beside the checkout, on purpose: July 2026 had data from the 26th on, says its source."""

_EVIDENCE = (
    (r"exactly one as-of", {Evidence.LISTED}),
    (r"probe", {Evidence.PROBED}),
    (r"month absent", {Evidence.NEVER_EXISTED}),
    (r"registry|tm_data taken", {Evidence.COLLECTED}),
    (r"^ASSUMED", {Evidence.ASSUMED}),
    (r"collected up to", {Evidence.LABEL, Evidence.LISTED}),
    (r"unproven", {Evidence.LABEL}),
    (r"page label", {Evidence.CONFIRMED, Evidence.LABEL, Evidence.LISTED}),
)


def differences(theirs: Mapping[str, str], ours: Closing) -> dict[str, tuple[str, str]]:
    """Return the columns in which a row beside the checkout differs from ours."""
    mine = {
        "month_end": ours.month.isoformat(),
        "first_as_of": ours.first.isoformat() if ours.first else "",
        "last_as_of": ours.last.isoformat() if ours.last else "",
        "missing_as_of": " ".join(sorted(map(str, ours.missing))),
    }
    return {name: (theirs[name], value) for name, value in mine.items() if theirs[name] != value}


def test_the_table_restates_its_sources() -> None:
    """The dates are those of the collection beside the checkout, but for what is named here, and each as well known as there. [B10]"""
    with shared_file("dashboard", "calendar.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [theirs["data_month"] for theirs in rows] == [month_text(month) for month in TABLE]
    found = {theirs["data_month"]: differences(theirs, row(theirs["data_month"])) for theirs in rows}
    assert {month: differing for month, differing in found.items() if differing} == DIFFERENCES
    for theirs in rows:
        ours = row(theirs["data_month"])
        allowed = next(kinds for pattern, kinds in _EVIDENCE if re.search(pattern, theirs["source"]))
        assert ours.evidence in allowed, theirs
        collected = re.search(r"collected up to ([\d-]+)", theirs["source"])
        if collected and ours.evidence is Evidence.LABEL:
            assert ours.seen == on(collected[1])
            assert ours.last == on(collected[1]) + DAY


def test_the_real_files_are_of_the_as_ofs_that_the_calendar_says() -> None:
    """The last as-of of each month among the real exports beside the checkout is the month's close by the calendar. [B10]"""
    checked = 0
    for folder in sorted(shared_file("dashboard").glob("20*-20*/*-*-*")):
        month, as_ofs = on(folder.name), sorted(on(path.name) for path in folder.iterdir())
        in_time = [as_of for as_of in as_ofs if as_of < month + timedelta(days=45)]  # the others bear the day of their download
        if in_time and in_time[-1] > month:
            close = CALENDAR.close_of(month)
            assert in_time[-1] == close.as_of or (close.as_of is None and close.earliest <= in_time[-1] <= close.latest)
            assert in_time[-1] in CALENDAR.closing_candidates(month, today=TODAY)
            checked += 1
    assert checked == 36
