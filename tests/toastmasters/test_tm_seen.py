"""Rows that were seen before, also by another process."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from backfill.model import Document
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.opening import open_service
from backfill.toastmasters.seen import SeenRows
from tm_calendar_cases import on
from tm_serving import SUMMARY, clock_at, file, of_district, opened, ran, serving, summary_row, whole

TODAY, DAY, TWIN = "2024-01-15", "2023-01-18", "2023-01-17"


def report(rows: str = "a", footer: str = "Month of Jan, As of 01/17/2023") -> Document:
    """Return a report."""
    return Document.of("https://x.example/", f"heading\r\n{rows}\r\n{footer}\r\n")


def first(seen: SeenRows, day: date, document: Document, district: str | None = "61") -> date:
    """Return which day had the rows first."""
    return seen.first_day(ReportKind.CLUBS, district, day, document)


def test_the_same_rows_are_noticed_by_another_process(tmp_path: Path) -> None:
    """Two days with the same rows, collected by two services one after the other, are told: in the second's report and metadata. (Pitfall 9.) [R5.5]"""
    rows = [summary_row("61", DAY), summary_row("F", DAY)]
    files = file(SUMMARY, "2023-01", DAY, rows) | file(SUMMARY, "2023-01", TWIN, rows)
    files |= of_district("2023-01", DAY, "61") | whole("2023-01", "2023-01-16")
    with serving(files, TODAY) as server:
        with opened(tmp_path, server, TODAY) as service:
            assert [one.kind for one in ran(service, TWIN).findings] == []
        with opened(tmp_path, server, TODAY) as service:
            told = [one for one in ran(service, DAY).findings if one.kind == "same_rows"]
            assert [(one.day, one.message.partition(" has ")[2]) for one in told] == [
                (on(DAY), f"the same rows as the report of {TWIN}")
            ]
            assert service.store.read(on(DAY)).metadata.findings == tuple(told)
    with open_service(tmp_path, base_url="http://127.0.0.1:9", clock=clock_at(TODAY)) as service:
        rebuilt = service.rebuild(TWIN, DAY).wait()
        assert [(one.kind, one.day) for one in rebuilt.findings] == [("same_rows", on(DAY))], "a rebuild notices it as well"


@pytest.mark.parametrize("place", ["memory", "file"])
def test_the_footer_and_the_district_tell_rows_apart(place: str, tmp_path: Path) -> None:
    """The rows count, not the footer; of another district, or with other rows, it is another report. [R5.5]"""
    seen = SeenRows(None if place == "memory" else tmp_path / "seen.sqlite3")
    assert first(seen, on(TWIN), report()) == on(TWIN)
    assert first(seen, on(DAY), report(footer="Month of Jan, As of 01/18/2023")) == on(TWIN)
    assert first(seen, on(DAY), report("b")) == on(DAY)
    assert first(seen, on(DAY), report(), "62") == on(DAY)
    assert first(seen, on(DAY), report(), None) == on(DAY)
    seen.close()
    assert first(seen, on(DAY), report()) == on(TWIN)


def test_a_copy_for_another_process_uses_the_same_file(tmp_path: Path) -> None:
    """Workers of an executor notice what others have read. [B8]"""
    almanac = Almanac(seen=SeenRows(tmp_path / "seen.sqlite3"))
    assert almanac.seen_before(ReportKind.CLUBS, "61", on(TWIN), report()) is None
    copy: Almanac = pickle.loads(pickle.dumps(almanac))
    for other in (copy, almanac.apart()):
        assert other.seen_before(ReportKind.CLUBS, "61", on(DAY), report()) == on(TWIN)
        other.close()


def test_memory_has_a_bound() -> None:
    """Without a file the newest reports are remembered. [B8]"""
    seen = SeenRows()
    for number in range(8193):
        first(seen, on(TWIN), report(str(number)))
    assert first(seen, on(DAY), report("8192")) == on(TWIN)
    assert first(seen, on(DAY), report("0")) == on(DAY)


def test_a_damaged_file_begins_anew(tmp_path: Path) -> None:
    """It costs a notice and no figure; so does a folder in its place. [B2]"""
    path = tmp_path / "seen.sqlite3"
    path.write_bytes(b"no database" * 100)
    seen = SeenRows(path)
    assert first(seen, on(TWIN), report()) == on(TWIN)
    assert first(seen, on(TWIN), report()) == on(TWIN)
    assert first(seen, on(DAY), report()) == on(TWIN)
    seen.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert first(SeenRows(path), on(DAY), report()) == on(DAY), "of another release it begins anew"
    (tmp_path / "folder").mkdir()
    assert first(SeenRows(tmp_path / "folder"), on(DAY), report()) == on(DAY)
