"""What single cells and identifiers say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from backfill.errors import InvalidRequest
from backfill.model import naming
from backfill.toastmasters import cells
from backfill.toastmasters.cells import ClubDates, Unit
from backfill.toastmasters.identifiers import club_key, district_in_file, normalize_district


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", 0), ("00", 0), ("25", 25), (" 25 ", 25), ("-3", -3), ("+4", 4), ("1,234", 1234), ("-1,234,567", -1234567),
        ("", None), ("  ", None), ("N/A", None), ("n/a", None), ("-", None),
    ],
)  # fmt: skip
def test_counts(cell: str, value: int | None) -> None:
    """A whole number may have a sign and thousands separators; blank and N/A are unknown, never 0. [R3.2]"""
    assert cells.count(cell) == value


@pytest.mark.parametrize("cell", ["1,23", "12,34,567", "1.5", "1_000", "many", "5%", "1e3", "٣"])
def test_what_is_no_count_is_refused(cell: str) -> None:
    """Half a number is no number: reading stops nowhere in the middle of a cell. [R3.2]"""
    with pytest.raises(ValueError, match="not a whole number"):
        cells.count(cell)


@pytest.mark.parametrize(("cell", "value"), [("7", 7), ("7/10", 7), (" 10 / 10 ", 10), ("", None)])
def test_goals(cell: str, value: int | None) -> None:
    """Goals met may be written as a fraction of ten. [R3.2]"""
    assert cells.goals(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [("-53.56%", "-53.56"), ("5%", "5"), ("5", "5"), ("5.00 %", "5.00"), ("1,234.5%", "1234.5"), ("N/A", None), ("", None)],
)
def test_percentages(cell: str, value: str | None) -> None:
    """A percentage is kept exactly as printed. [R3.2]"""
    assert cells.percent(cell) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("read", "cell"),
    [
        (cells.percent, "invalid%"), (cells.percent, "%"), (cells.flag, "maybe"), (cells.level, "X"), (cells.level, "Diamond"),
        (cells.day, "2023-01-31"), (cells.day, "02/30/2023"), (cells.club_dates, "Charter 13/40/25"),
        (cells.club_dates, "Merged 01/01/25"), (cells.club_dates, "Charter 01/01/25 with a remark"), (district_in_file, "42!"),
        (district_in_file, "As of 03/19/2026"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(read: object, cell: str) -> None:
    """Whatever a column cannot mean is told apart from a blank. [R3.2]"""
    assert callable(read)
    with pytest.raises(ValueError, match=r"."):
        read(cell)


@pytest.mark.parametrize(
    ("cell", "value"), [("Y", True), ("n", False), ("Yes", True), ("False", False), ("1", True), ("", None), ("N/A", None)]
)
def test_flags(cell: str, value: bool | None) -> None:
    """Y and N are bools; a blank is unknown, since nobody has seen how the dashboard writes a no. [R3.2]"""
    assert cells.flag(cell) is value


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("D", "D"), ("s", "S"), (" P ", "P"), ("M", "M"), ("Distinguished", "D"), ("Select Distinguished", "S"),
        ("President's Distinguished", "P"), ("Presidents Distinguished", "P"), ("SMEDLEY DISTINGUISHED", "M"), ("", None),
        ("Not Distinguished", None),
    ],
)  # fmt: skip
def test_levels(cell: str, code: str | None) -> None:
    """Real files hold the letters D, S, P and M for levels; the words are understood as well (letter codes). [R3.2]"""
    assert cells.level(cell) == code


@pytest.mark.parametrize(
    ("cell", "charter", "suspend"),
    [
        ("Charter 04/15/26", date(2026, 4, 15), None),
        (" Susp 09/30/25", None, date(2025, 9, 30)),
        ("Charter 07/01/22 Susp 01/23/23", date(2022, 7, 1), date(2023, 1, 23)),
        ("Susp 01/23/23 Charter 07/01/22 ", date(2022, 7, 1), date(2023, 1, 23)),
        ("CHARTERED: 4/5/1987", date(1987, 4, 5), None),
        ("Charter 04/05/87", date(1987, 4, 5), None),
    ],
)
def test_club_dates(cell: str, charter: date | None, suspend: date | None) -> None:
    """One cell holds when a club was chartered, suspended, or both, with blanks before and two-digit years. [R3.2]"""
    assert cells.club_dates(cell) == ClubDates(charter, suspend)


def test_blank_dates() -> None:
    """A blank cell of dates says nothing; neither does one of a single date. [R3.2]"""
    assert cells.club_dates("  ") is None
    assert cells.day(" ") is None
    assert cells.day("4/5/1987") == date(1987, 4, 5)


def test_text_is_kept_as_it_stands() -> None:
    """A name keeps the blanks at its ends; an identifier does not. [R3.2]"""
    assert cells.text("Reading Speakers Club ") == "Reading Speakers Club "
    assert cells.text("") is None
    assert cells.word(" 00009905 ") == "00009905"
    assert cells.word("  ") is None


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("A", Unit("A", "Division A")), ("Division A", Unit("A", "Division A")), ("DIVISION C", Unit("C", "DIVISION C")),
        ("0D", Unit("0D", "Division 0D")), ("Division", Unit("Division", "Division Division")), ("", None),
    ],
)  # fmt: skip
def test_divisions(cell: str, unit: Unit | None) -> None:
    """A division is its letter, with or without the word; clubs in none have a code of their own. [R3.2]"""
    assert cells.division(cell) == unit


def test_areas() -> None:
    """An area is its number as the file has it, with or without the word. [R3.2]"""
    assert [cells.area(cell) for cell in ("12", "Area 12", "0A", " ")] == [
        Unit("12", "Area 12"),
        Unit("12", "Area 12"),
        Unit("0A", "Area 0A"),
        None,
    ]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("1", "01"), ("01", "01"), ("001", "01"), ("61", "61"), ("061", "61"), ("117", "117"), ("f", "F"), (" U ", "U"),
        ("District 5", "05"), ("district  f", "F"), ("DISTRICT 117", "117"),
    ],
)  # fmt: skip
def test_districts_have_one_spelling(text: str, normal: str) -> None:
    """Every spelling of a district has the published one as its normal form: 1 and 01 are one district, F and U are two more (pitfall 12). [R2.3, R3.4]"""
    assert normalize_district(text) == normal
    assert normalize_district(normal) == normal
    assert naming.normalize_district(normal) == normal


@pytest.mark.parametrize(
    "text",
    ["", " ", "District", "1234", "D42", "42A", "42-A", "FF", "../1", "As of 03/19/2026", "٤٢", "4\n2", None, 42, b"42"],
)
def test_what_names_no_district_is_refused(text: object) -> None:
    """Whatever is neither a number of up to three digits nor a letter is refused by name, with what to write. [R2.3, R7.4]"""
    with pytest.raises(InvalidRequest) as caught:
        normalize_district(text)
    assert caught.value.field == "district"
    assert caught.value.value == text
    assert caught.value.remedy


@pytest.mark.parametrize(("cell", "district"), [("5", "05"), ("f", "F"), ("District 9", "09"), ("D101", "D101"), ("  ", None)])
def test_districts_in_files(cell: str, district: str | None) -> None:
    """In a file any letters and digits may name a district: a rule too narrow once dropped F and U (pitfall 12). [R3.2]"""
    assert district_in_file(cell) == district


@pytest.mark.parametrize(
    ("number", "key"), [("00009905", "9905"), ("9905", "9905"), ("0100", "100"), ("0000", "0000"), ("0", "0")]
)
def test_club_numbers_are_joined_without_zeros(number: str, key: str) -> None:
    """Club 00009905 of one file is club 9905 of another; a number of zeros only stays as it is (pitfall 31). [R3.2]"""
    assert club_key(number) == key
