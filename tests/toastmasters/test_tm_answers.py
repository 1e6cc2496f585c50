"""Which answers of the dashboard are believed, and what becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import InvalidRequest, TransientSourceError
from backfill.model import RetryPolicy
from backfill.retrying import attempt
from backfill.testing import VirtualClock
from backfill.testing.fetch import DictFetch
from backfill.toastmasters.answers import MAX_ATTEMPTS, check_report
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reports import as_report
from backfill.toastmasters.rows import ClubRow
from foundation_samples import bounded
from tm_files import Cells, answer, export

JANUARY, AS_OF = date(2023, 1, 31), date(2023, 2, 8)
CLUB = {"district": "61", "club_number": "00000042", "club_name": "One", "active_members": "25", "distinguished_status": "D"}

ROWS: dict[ReportKind, Cells] = {
    kind: CLUB if kind is not ReportKind.SUMMARY else {"region": "06", "district": "61", "paid_clubs": "150"}
    for kind in ReportKind
}

ERROR_PAGE = b"""\r\n\r\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN">\r\n<html><head><title>Error</title></head>
<body><p>An error has occured, "please" report this, District, Division, Area, Club Number, Club Name</p></body></html>\r\n"""


def refused(
    content: bytes, kind: ReportKind = ReportKind.CLUBS, district: str | None = "61", **options: int
) -> TransientSourceError:
    """Return the error with which an answer to the usual question is refused."""
    with pytest.raises(TransientSourceError) as caught:
        check_report(answer(content), kind, month_end=JANUARY, as_of=AS_OF, district=district, **options)
    error = caught.value
    assert error.stage == "validate"
    assert str(error).startswith("the answer: ")
    return error


@pytest.mark.parametrize("kind", ReportKind)
@pytest.mark.parametrize("district", ["61", "District 61", None])
def test_the_right_answer_is_believed(kind: ReportKind, district: str | None) -> None:
    """A report of the right kind, month, day and district with rows is taken as it is, as the ``check`` of a fetch. [R3.2]"""
    url = "https://dashboard.example/export.aspx"
    check = partial(check_report, kind=kind, month_end=JANUARY, as_of=AS_OF, district=district)
    document = DictFetch({url: export(kind, [ROWS[kind]])})(url, check=check)
    report = as_report(document.parsed, type(check(document).rows[0]))
    assert report.kind is kind
    assert [row.district for row in report.rows] == ["61"]


@pytest.mark.parametrize(
    "footer",
    [
        "Month of Feb, As of 02/08/2023",
        "Month of Jun, As of 02/08/2023",
        "Month of Jan, As of 02/09/2023",
        "Month of Jan, As of 01/31/2023",
        "Month of Jan, As of 02/08/2024",
        "Month of Jun, As of 09/13/2025",
    ],
)
@pytest.mark.parametrize("rows", [[CLUB], []])
def test_another_period_is_refused(footer: str, rows: list[Cells]) -> None:
    """An answer of another month or another as-of day is refused, with rows or without: the footer alone says what a file is of, never the question (pitfall 3). [R6.2, B10]"""
    error = refused(export(ReportKind.CLUBS, rows, footer=footer))
    assert error.kind == "wrong_period"
    assert "2023-01 as of 2023-02-08 was asked for" in str(error)


def test_a_closed_year_answers_with_the_day_of_the_download() -> None:
    """The June of a closed year with the day of the download for as-of date is not the state of the day that was asked for. [B10]"""
    document = answer(export(ReportKind.CLUBS, [CLUB], footer="Month of Jun, As of 09/13/2025"))
    check = partial(check_report, document, ReportKind.CLUBS, month_end=date(2023, 6, 30), district="61")
    with pytest.raises(TransientSourceError, match="of 2023-06 as of 2025-09-13"):
        check(as_of=date(2023, 7, 20))
    assert check(as_of=date(2025, 9, 13)).rows


@pytest.mark.parametrize(
    "content",
    [
        ERROR_PAGE,
        b'{"error":"not a csv"}',
        b"Service unavailable",
        b"a,b\r\n1,2\r\nMonth of Jan, As of 02/08/2023",
        b"\x00" * 9,
        b"\xef\xbb\xbf",
    ],
)
def test_what_is_no_report_is_refused(content: bytes) -> None:
    """An error page with status 200, JSON or prose is no report, whatever its size (error page saved as data). [R6.2]"""
    error = refused(content)
    assert error.kind == "not_csv"
    assert repr(content[:60]) in str(error)


@pytest.mark.parametrize("asked", ReportKind)
@pytest.mark.parametrize("came", ReportKind)
def test_another_report_is_refused(asked: ReportKind, came: ReportKind) -> None:
    """An answer with the headings of another report is refused by both names. [R6.2]"""
    content = export(came, [ROWS[came]])
    if asked is came:
        assert check_report(answer(content), asked, month_end=JANUARY, as_of=AS_OF).kind is asked
    else:
        error = refused(content, asked)
        assert error.kind == "wrong_report"
        assert came in str(error)


@pytest.mark.parametrize("content", [b"", b" ", b"\r\n\r\n"])
def test_nothing_at_all_counts_as_cut(content: bytes) -> None:
    """An empty answer says nothing about the day, not even which report it is: it was cut, and never means "nothing was published". [R6.2]"""
    assert refused(content).kind == "truncated"


def test_headings_alone_count_as_cut() -> None:
    """Headings without a footer are cut, whole or in part: where the dashboard has no rows it says so with a footer. [R6.2, B10]"""
    for kind in ReportKind:
        header = export(kind, [], footer=None)
        for content in (header, header.rstrip()):
            assert refused(content, kind).kind == "truncated"
        assert refused(header[: len(header) * 2 // 3], kind).kind == "truncated"
        assert refused(header + b'"6', kind).kind == "truncated"


@pytest.mark.parametrize("kind", ReportKind)
def test_no_rows_are_no_empty_district(kind: ReportKind) -> None:
    """The right footer and no rows is a failed answer, and not a district without clubs (pitfall 13); also where rows name no club. [R6.2]"""
    assert refused(export(kind, []), kind).kind == "missing_rows"
    assert refused(export(kind, [{"division": "A"}]), kind, district=None).kind == "missing_rows"


@pytest.mark.parametrize("cell", ["62", "F", "116"])
def test_rows_of_another_district_are_refused(cell: str) -> None:
    """An answer with a row of another district is refused, and the strangers are named; a blank is no stranger. [R6.2, R7.3]"""
    other = CLUB | {"district": cell, "club_number": "7"}
    error = refused(export(ReportKind.CLUBS, [CLUB, other]))
    assert error.kind == "wrong_district"
    assert f"rows of {cell}, where 61 was asked for" in str(error)
    blank = CLUB | {"district": "", "club_number": "7"}
    report = check_report(
        answer(export(ReportKind.CLUBS, [CLUB, blank])), ReportKind.CLUBS, month_end=JANUARY, as_of=AS_OF, district="61"
    )
    assert len(report.rows) == 2


def test_the_district_is_compared_in_its_normal_form() -> None:
    """District 5 of the question is district 05 of the file; what names no district is refused at once. [R2.3]"""
    document = answer(export(ReportKind.CLUBS, [CLUB | {"district": "05"}]))
    check = partial(check_report, document, ReportKind.CLUBS, month_end=JANUARY, as_of=AS_OF)
    assert check(district="5").rows
    with pytest.raises(InvalidRequest):
        check(district="five")


@bounded
@given(st.integers(1, 12), st.data())
def test_a_cut_answer_is_never_believed(count: int, data: st.DataObject) -> None:
    """However far into a report it is cut, in the middle of a row or behind one, the answer is refused: its size plays no part. [R6.2]"""
    rows = [CLUB | {"club_number": str(number), "club_name": 'A "quoted", name\r\n'} for number in range(1, count + 1)]
    content = export(ReportKind.CLUBS, rows).rstrip()
    cut = data.draw(st.integers(0, len(content) - 1))
    error = refused(content[:cut])
    assert error.kind in {"truncated", "not_csv"}
    if cut >= content.index(b"\r\n"):  # where the dashboard has no rows it says so with a footer
        assert error.kind == "truncated"


@pytest.mark.parametrize("attempts", [MAX_ATTEMPTS, 1])
@pytest.mark.parametrize(
    ("content", "is_answer"),
    [
        (export(ReportKind.CLUBS, []), True),
        (export(ReportKind.CLUBS, [CLUB], footer="Month of Feb, As of 02/08/2023"), True),
        (b"", False),
        (ERROR_PAGE, False),
        (export(ReportKind.CLUBS, [CLUB], footer=None), False),
        (export(ReportKind.CLUBS, [CLUB | {"district": "62"}]), False),
    ],
)
def test_how_often_it_is_worth_asking(attempts: int, content: bytes, is_answer: bool) -> None:
    """A wrong answer is asked for a second time and no more; where the caller steps back from day to day, one that says that the day has nothing is not, and one that says nothing still is. [R6.5]"""
    contents = [content, content, export(ReportKind.CLUBS, [CLUB])]
    asked: list[int] = []

    def ask(number: int) -> object:
        asked.append(number)
        return check_report(
            answer(contents[number - 1]),
            ReportKind.CLUBS,
            month_end=JANUARY,
            as_of=AS_OF,
            district="61",
            max_attempts=attempts,
        )

    with pytest.raises(TransientSourceError) as caught:
        attempt(ask, policy=RetryPolicy(), clock=VirtualClock(), cancel=threading.Event())
    most = attempts if is_answer else MAX_ATTEMPTS
    assert asked == list(range(1, most + 1))
    assert caught.value.attempts == most


def test_a_second_answer_may_be_right() -> None:
    """What was wrong once may be right when asked again. [R6.5]"""
    contents: list[Callable[[], bytes]] = [lambda: ERROR_PAGE, lambda: export(ReportKind.CLUBS, [CLUB])]

    def ask(number: int) -> object:
        return check_report(answer(contents[number - 1]()), ReportKind.CLUBS, month_end=JANUARY, as_of=AS_OF, district="61")

    report = attempt(ask, policy=RetryPolicy(), clock=VirtualClock(), cancel=threading.Event())
    assert len(as_report(report, ClubRow).rows) == 1
