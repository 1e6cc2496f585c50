"""The last line of an export."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.model.checks import last_of_month
from backfill.toastmasters.csvfile import read_table
from backfill.toastmasters.footer import Footer, footer_text, parse_footer
from foundation_samples import bounded

SEPTEMBER = Footer(date(2022, 9, 30), date(2022, 10, 17))


@pytest.mark.parametrize(
    "text",
    [
        "Month of Sep, As of 10/17/2022", "Month of September, As of 10/17/2022", "month of SEP, as of 10/17/2022",
        "Month of Sept., As of 10/17/2022", "Month of Sep,  As of 10/17/2022", "Month of Sep As of 10/17/2022",
        "Month of Sep, As of 10/17/2022 ", "Month of Sep, As of 10/17/2022,,,,,,,", '"Month of Sep, As of 10/17/2022"',
        '"Month of Sep, As of 10/17/2022","",""', '"Month of Sep","As of 10/17/2022","",""', '"","Month of Sep","As of 10/17/2022"',
    ],
)  # fmt: skip
def test_every_form_of_the_footer_is_read(text: str) -> None:
    """Three letters or the whole month, any case, quoted or not, in one cell or in two, with anything blank behind: all are the footer, with real ones among them (pitfall 7). [B10]"""
    for end in ("", "\r\n", "\n\n\r\n"):
        table = read_table(f'"District","Club"\r\n"61","1"\r\n{text}{end}'.encode())
        assert table.rows == (["61", "1"],)
        assert [parse_footer(found) for found in table.footers] == [SEPTEMBER]


@pytest.mark.parametrize(
    "text",
    [
        "", "Month of Sep", "As of 10/17/2022", "Month of Nothing, As of 01/08/2026", "Month of Se, As of 10/17/2022",
        "Month of Sep, As of 13/17/2022", "Month of Sep, As of 02/30/2022", "Month of Sep, As of 10/17/22",
        "Month of Sep, As of 10/17/202", "Month of Mayor, As of 10/17/2022", "The Month of Sep, As of 10/17/2022",
    ],
)  # fmt: skip
def test_what_is_no_footer(text: str) -> None:
    """A footer that is cut, or whose month or day there is not, is none. [R6.2]"""
    assert parse_footer(text) is None


@pytest.mark.parametrize(
    ("text", "month_end", "closing"),
    [
        ("Month of Jan, As of 01/15/2026", date(2026, 1, 31), False),
        ("Month of Jan, As of 01/31/2026", date(2026, 1, 31), False),
        ("Month of Jan, As of 02/05/2026", date(2026, 1, 31), True),
        ("Month of Dec, As of 01/01/2026", date(2025, 12, 31), True),
        ("Month of Dec, As of 12/31/2025", date(2025, 12, 31), False),
        ("Month of Feb, As of 03/08/2024", date(2024, 2, 29), True),
        ("Month of Jun, As of 07/29/2022", date(2022, 6, 30), True),
    ],
)
def test_the_year_of_the_month_is_the_as_of_dates(text: str, month_end: date, closing: bool) -> None:
    """The footer does not name the month's year: a month later in the year than the as-of date is last year's. [B10]"""
    footer = parse_footer(text)
    assert footer is not None
    assert footer.month_end == month_end
    assert footer.is_closing is closing


@pytest.mark.parametrize(
    ("requested", "month_end"),
    [
        (None, date(2025, 6, 30)),
        (date(2023, 6, 30), date(2023, 6, 30)),
        (date(2023, 3, 31), date(2023, 6, 30)),
        (date(2022, 7, 31), date(2023, 6, 30)),
        (date(2025, 5, 31), date(2025, 6, 30)),
        (date(2026, 1, 31), date(2025, 6, 30)),
    ],
)
def test_a_closed_year_has_the_day_of_the_download(requested: date | None, month_end: date) -> None:
    """Of a closed year asked for without a day the as-of date is that of the download: the month is the one of the program year that was asked for, unless it would lie in the future. [B10]"""
    assert parse_footer("Month of Jun, As of 09/13/2025", requested=requested) == Footer(month_end, date(2025, 9, 13))


@bounded
@given(st.dates(date(2008, 7, 1), date(2040, 12, 31)), st.integers(0, 29), st.booleans(), st.booleans())
def test_footers_come_back(day: date, lag: int, whole: bool, padded: bool) -> None:
    """Month and as-of date of any footer are read back exactly, whatever the form, with or without the request. [B10]"""
    month_end = last_of_month(day)
    as_of = min(day, month_end - timedelta(days=lag)) if lag % 2 else month_end + timedelta(days=lag)
    as_of = max(as_of, month_end.replace(day=1))
    month = f"{month_end:%B}" if whole else f"{month_end:%b}"
    when = f"{as_of:%m/%d/%Y}" if padded else f"{as_of.month}/{as_of.day}/{as_of.year}"
    for requested in (None, month_end):
        assert parse_footer(f"Month of {month}, As of {when}", requested=requested) == Footer(month_end, as_of)


@pytest.mark.parametrize(
    ("row", "is_footer"),
    [
        (["Month of Jan", "As of 02/08/2023", "", ""], True), (["As of 02/08/2023", "", ""], True), (["", "As of 02/08/2023"], True),
        (["Month of Jan"], True), (["Month of Nothing", "As of 02/08/2023"], True), (["Month of Jan", "As of a damaged day"], True),
        (["Month of Sundays", "A", "12", "25"], False), (["As of 02/08/2023", "61", "Y"], False), (["61", "Y"], False), (["", ""], False),
    ],
)  # fmt: skip
def test_pieces_of_the_footer_are_no_data(row: list[str], is_footer: bool) -> None:
    """A row that holds pieces of the footer and nothing else is no district and no club (pitfall 11); a row that holds more is data. [R3.2]"""
    assert (footer_text(row) is not None) is is_footer


def test_a_month_before_all_years_is_no_footer() -> None:
    """A footer whose month would lie before the year 1 says nothing; it stops nobody. [R6.1]"""
    assert parse_footer("Month of Dec, As of 01/10/0001") is None
