"""Inputs and outputs of another system for the same dashboard, where they lie beside the checkout: used, or set aside for a reason.

``pytest -s`` prints a table of both.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TypeAlias, cast

import pytest

from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, Frequency, RecordHeader, decide
from backfill.toastmasters.calendar import ClosingCalendar, day_of, newest_day
from backfill.toastmasters.dashboard import DASHBOARD_URL, export_url
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.years import ProgramYear, month_of, month_text, parse_month, previous_month, program_year
from tm_calendar_cases import CALENDAR, TODAY, on
from tm_vectors import all_vectors

Vector: TypeAlias = Mapping[str, object]

BARE_MONTH = "a month without its year, as a footer has it: the reader of footers gives it one"
NO_DATE = "text that is no date or month: the types here do not let it in"
OTHER_FILE = "a file of another format"
NOT_OURS = "a rule of pruning, which is not the calendar's"

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{4}-\d{2}")


def text(vector: Vector, name: str) -> str:
    """Return a member that is text."""
    return cast("str", vector[name])


def part(vector: Vector, name: str) -> Vector:
    """Return a member that is an object."""
    return cast("Vector", vector[name])


def agree(month: date, as_of: date, expected: Vector) -> None:
    """Check the day that figures of a month as of a day describe, and whether that is a closing."""
    found = {
        "snapshotDate": day_of(month, as_of).isoformat(),
        "logicalDate": day_of(month, as_of).isoformat(),
        "isClosingPeriod": as_of > month_of(month),
        "dataMonth": month_text(month_of(month)),
        "collectionDate": as_of.isoformat(),
        "actualDate": as_of.isoformat(),
    }
    assert {name: found.get(name, value) for name, value in expected.items()} == dict(expected)


def closing_period(vector: Vector) -> str | None:
    """A closing, detected from a date and a month, or from what is written down of them."""
    expected = part(vector, "expected")
    if "metadata" in vector:
        return snapshot_date(vector)
    if "csvDate" in vector:
        as_of, month = text(vector, "csvDate"), text(vector, "dataMonth")
        if not _ISO.fullmatch(as_of):
            return NO_DATE
        if not _MONTH.fullmatch(month):
            return BARE_MONTH if re.fullmatch(r"0[1-9]|1[0-2]", month) else NO_DATE
        agree(parse_month(month), on(as_of), expected)
    else:
        as_of = str(vector.get("actualCsvDate") or vector.get("actualDate"))
        agree(parse_month(str(vector.get("dataMonth") or text(vector, "requestedDate")[:7])), on(as_of), expected)
    return None


def snapshot_date(vector: Vector) -> str | None:
    """The day under which something is stored."""
    metadata = part(vector, "metadata")
    as_of, month = text(metadata, "date"), metadata.get("dataMonth")
    if not _ISO.fullmatch(as_of):
        return NO_DATE
    if month is None:
        return "notes without a month: here every answer has one"
    if not _MONTH.fullmatch(str(month)):
        return BARE_MONTH
    agree(parse_month(str(month)), on(as_of), part(vector, "expected"))
    return None


def month_end(vector: Vector) -> str | None:
    """The last days of months."""
    expected = vector["expected"]
    match str(vector["fn"]).partition(" ")[0]:
        case "isLastDayOfMonth":
            if not _ISO.fullmatch(text(vector, "date")):
                return NO_DATE
            assert (month_of(on(text(vector, "date"))) == on(text(vector, "date"))) == expected
        case "getLastDayOfMonth":
            assert month_of(date(cast("int", vector["year"]), cast("int", vector["month"]), 1)).day == expected
        case "parseDataMonth":
            if expected is not None:
                return BARE_MONTH
            with pytest.raises(InvalidRequest):
                parse_month(text(vector, "text"))
        case "computeMonthEndDate":
            assert previous_month(month_of(on(text(vector, "date")))).isoformat() == expected
        case _:
            return NOT_OURS
    return None


def urls(vector: Vector) -> str | None:
    """Addresses. Most of theirs leave the month's slot empty, which ours never do: compared with it emptied."""
    if vector.get("fn") == "buildBaseUrl":
        assert text(vector, "expected_contains") == str(program_year(on(text(vector, "date"))))
        return None
    as_of, month = on(text(vector, "date")), vector["monthEndDate"]
    month_end = month_of(as_of) if month is None else on(str(month))
    url = export_url(
        DASHBOARD_URL,
        ReportKind(text(vector, "report")),
        cast("str | None", vector["districtId"]),
        month_end,
        as_of,
        open_year=False,
    )
    slot = f"{month_end.month}/{month_end.day}/{month_end.year}"
    found = url if month is not None else url.replace(f"~{slot}~", "~~", 1)
    assert text(vector, "expected" if "expected" in vector else "expected_contains") in found
    return None


def date_grid(vector: Vector) -> str | None:
    """The days of a program year, month by month."""
    year, expected = ProgramYear.parse(text(vector, "programYear")), part(vector, "expected")
    days = list(CALENDAR.editions(year.first_day, year.last_day, Frequency.MONTH_END, today=TODAY))
    assert cast("int", expected["min_count"]) <= len(days) <= cast("int", expected["max_count"])
    return None


def program_years(vector: Vector) -> str | None:
    """Program years of days and months."""
    match vector["fn"]:
        case "getProgramYearRange":
            start, end = cast("int", vector["start"]), cast("int", vector["end"])
            assert [str(ProgramYear(year)) for year in range(start, end + 1)] == vector["expected"]
        case "isProgramYearComplete":
            year = ProgramYear.parse(text(vector, "programYear"))
            assert year.has_ended(on(text(vector, "today"))) == vector["expected"]
        case "getMonthsInProgramYear":
            months = ProgramYear.parse(text(vector, "programYear")).months
            assert [month_text(month) for month in months] == vector["expected"]
        case "getProgramYearForMonth" if vector.get("expected_error"):
            with pytest.raises(InvalidRequest):
                parse_month(text(vector, "month"))
        case "getProgramYearForMonth":
            assert str(program_year(parse_month(text(vector, "month")))) == vector["expected"]
        case _:
            assert str(program_year(on(text(vector, "date")))) == vector["expected"]
    return None


def header(as_of: str, digest: str) -> RecordHeader:
    """Return what is said of a full record."""
    return RecordHeader("full", on(as_of), True, digest, digest, 1, "job")


def should_update(vector: Vector) -> str | None:
    """Whether newer figures replace older ones: the model's rule."""
    known, new = vector["existingMetadata"], text(vector, "newCollectionDate")
    wanted = part(vector, "expected")["shouldUpdate"]
    if known is None:
        assert (decide(None, header(new, "new")) == "replace") == wanted
        return None
    metadata = cast("Vector", known)
    old = metadata.get("collectionDate") or metadata.get("dataAsOfDate")
    if not isinstance(old, str):
        return "a damaged file is refused by name, not written over"
    if old == new:  # one of the two systems replaces, the other does not: here the content decides
        assert decide(header(old, "old"), header(new, "new")) == "replace"
        assert decide(header(old, "old"), header(new, "old")) == "same"
        return None
    assert (decide(header(old, "old"), header(new, "new")) == "replace") == wanted
    return None


def month_end_keeper(vector: Vector) -> str | None:
    """The last as-of of a month among several answers."""
    if vector["fn"] == "groupByDataMonth":
        return "notes that are partly without a month: here every answer has one"
    calendar = ClosingCalendar(closings={})
    for entry in cast("list[Vector]", vector["entries"]):
        as_of = text(entry, "collectionDate")
        calendar = calendar.learn(parse_month(str(entry["dataMonth"] or as_of[:7])), on(as_of))
    month = parse_month(text(vector, "dataMonth"))
    seen = calendar.sightings.get(month)
    assert (seen.last.isoformat() if seen is not None and seen.last > month else None) == vector["expected"]
    return None


def closing_registry(vector: Vector) -> str | None:
    """A registry of closes, appended to."""
    if vector["file"] is not None:
        corrupt = "raw_text" in part(vector, "file")
        return "a damaged file is refused by name, not taken for an empty one" if corrupt else OTHER_FILE
    calendar, added = ClosingCalendar(closings={}), []
    for month, as_of in cast("list[tuple[str, str]]", vector["appends"]):
        wiser = calendar.learn(parse_month(month), on(as_of))
        added.append(wiser is not calendar)
        calendar = wiser
    expected = part(vector, "expected")
    assert added == expected.get("added", added)
    assert [[month_text(month), seen.last.isoformat()] for month, seen in calendar.sightings.items()] == expected["months"]
    return None


def request_dates(vector: Vector) -> str | None:
    """Which ranges may be asked for."""
    start, end = (_resolved(text(vector, name)) for name in ("startDate", "endDate"))
    error = part(vector, "expected").get("error")
    if error in {"START_AFTER_END", "INVALID_DATE_FORMAT"}:
        with pytest.raises(InvalidRequest):
            BackfillRequest(start, end)
    else:
        assert (BackfillRequest(start, end).end_date <= newest_day(TODAY)) == (error is None)
    return None


def _resolved(day: str) -> str:
    relative = re.fullmatch(r"today(?:([+-]\d+))?", day)
    return (TODAY + timedelta(days=int(relative[1] or 0))).isoformat() if relative else day


SECTIONS: Mapping[str, tuple[Callable[[Vector], str | None], int, int]] = {
    "closing_period": (closing_period, 25, 10),
    "month_end": (month_end, 24, 10),
    "urls": (urls, 7, 0),
    "date_grid": (date_grid, 1, 0),
    "program_year": (program_years, 21, 0),
    "should_update": (should_update, 10, 2),
    "month_end_keeper": (month_end_keeper, 5, 1),
    "closing_registry": (closing_registry, 2, 2),
    "snapshot_date": (snapshot_date, 3, 2),
    "request_dates": (request_dates, 5, 0),
}
"""Each section with its check, and how many of its vectors are used and set aside."""


@pytest.mark.parametrize("section", SECTIONS)
def test_vectors_of_another_system(section: str) -> None:
    """Every vector of the section agrees with ours, or is set aside for a reason that is told; none is left out. [B10]"""
    vectors = all_vectors()[section]
    check, used, aside = SECTIONS[section]
    outcomes = Counter(check(vector) for vector in vectors)
    rows = [f"| {section} | {count} | {reason or 'used'} |" for reason, count in outcomes.items()]
    sys.stdout.write("\n" + "\n".join(rows) + "\n")
    assert (outcomes.pop(None), sum(outcomes.values())) == (used, aside)
