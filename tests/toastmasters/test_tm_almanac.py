"""What is learnt as answers come: closing months, and rows that were seen before."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime

import pytest

import backfill.toastmasters
from backfill.errors import DataUnavailable
from backfill.model import Document
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.dashboard import DashboardServer
from backfill.toastmasters import RefreshService
from backfill.toastmasters import seen as seen_module
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.kinds import ReportKind

JANUARY = date(2023, 1, 31)


def test_an_answer_that_cannot_be_teaches_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A month that is said to have been shown half a year later is the date of a download: nothing is learnt, and the log says why. [B10]"""
    known = Almanac()
    before = known.calendar
    known.learn(JANUARY, date(2023, 7, 1))
    assert known.calendar is before
    assert "nothing is learnt" in caplog.text


def test_what_contradicts_the_table_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A month that is shown after its known close is learnt, and the contradiction is told, once. [B10]"""
    known = Almanac()
    for _ in range(2):
        known.learn(JANUARY, date(2023, 2, 20))
    assert known.calendar.contradictions
    told = [record.getMessage() for record in caplog.records if "closing months" in record.getMessage()]
    assert told
    assert len(told) == len(set(told))


def test_so_many_reports_are_remembered_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest reports are compared with; what was forgotten is no finding. [R9.3]"""
    monkeypatch.setattr(seen_module, "_REMEMBERED", 2)
    known = Almanac()

    def seen(day: int, rows: str) -> date | None:
        return known.seen_before(ReportKind.CLUBS, "61", date(2023, 1, day), Document.of("http://h/", f"{rows}\nfooter {day}\n"))

    assert seen(1, "a") is None
    assert seen(2, "a") == date(2023, 1, 1)
    assert [seen(3, "b"), seen(4, "c")] == [None, None]
    assert seen(5, "a") is None, "forgotten"


def test_a_refresh_tries_each_day_once(caplog: pytest.LogCaptureFixture) -> None:
    """While January is being closed each of the newest as-ofs may describe its last day, which is tried once, and then nothing is left. [R11.5, B10]"""
    caplog.set_level(logging.CRITICAL, "backfill")
    clock = VirtualClock(datetime(2023, 2, 5, 12, tzinfo=UTC))
    store = MemorySnapshotStore()
    with DashboardServer(today=clock.today()) as server, RefreshService(base_url=server.url, clock=clock) as service:
        with pytest.raises(DataUnavailable, match=r"any of the newest days \(2023-01-31\)"):
            service.refresh(store)
        assert server.requests
    assert list(store.days()) == []


def test_the_package_lists_its_names() -> None:
    """What can be imported from the package is listed, loaded or not. [R10.2]"""
    assert "open_service" in dir(backfill.toastmasters)
