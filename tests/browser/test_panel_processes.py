"""The panel over processes that come and go: two servers on one folder, and one that is killed in the middle of a job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backfill.testing.dashboard import DashboardServer
from browsing import Tabs
from serve_running import launched

BODY = {"startDate": "2022-07-31", "endDate": "2023-06-30", "frequency": "month-end"}


@pytest.fixture
def dashboard() -> Iterator[DashboardServer]:
    """Serve the archive of the public dashboard."""
    with DashboardServer() as server:
        yield server


def status(page: Any, name: str) -> None:
    """Wait until the job that is shown is in a state."""
    page.locator("article .badge", has_text=name).wait_for()


def stored_some(page: Any) -> None:
    """Wait until the job that is shown has stored some of its units, of which each day has one for each district."""
    page.locator(".legend li", has_text=re.compile("^Stored: [1-9]")).wait_for()


def start(page: Any) -> None:
    """Start a year of month-ends with the form."""
    page.get_by_role("tab", name="New backfill").click()
    page.get_by_label("First day").fill("2022-07-31")
    page.get_by_label("Last day").fill("2023-06-30")
    page.get_by_text("More options").click()
    page.get_by_label("Which days").select_option("month-end")
    page.get_by_text("districtsummary: 12").wait_for()
    page.get_by_role("button", name="Start this backfill").click()
    page.get_by_role("button", name="All backfills").wait_for()


def test_started_in_one_process_and_cancelled_in_another(tabs: Tabs, tmp_path: Path, dashboard: DashboardServer) -> None:
    """Two servers on one folder: a job started in the one is watched live in the other, paused, resumed and cancelled there. [R4.4, R9.5, R12.2, P1]"""
    root = tmp_path / "root"
    with launched(root, dashboard, rate=1) as (_, one), launched(root, dashboard, rate=1) as (_, other):
        here = tabs.open(f"{one}/panel")
        start(here)
        status(here, "Running")
        there = tabs.open(f"{other}/panel")
        there.get_by_role("button", name="All districts, accepted").click()
        status(there, "Running")
        stored_some(there)  # it goes on while it is watched
        there.get_by_role("button", name="Pause", exact=True).click()
        status(there, "Paused")
        status(here, "Paused")
        there.get_by_role("button", name="Resume", exact=True).click()
        status(here, "Running")
        there.get_by_role("button", name="Cancel", exact=True).click()
        there.get_by_role("button", name="Yes, cancel it").click()
        status(there, "Cancelled")
        status(here, "Cancelled")


def test_killed_in_the_middle_and_started_again(tabs: Tabs, tmp_path: Path, dashboard: DashboardServer) -> None:
    """The server is killed in mid-job; the panel says that it is away, and when it is back, shows the same job going on to its end. [B2, R12.3]"""
    tabs.allow("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    root = tmp_path / "root"
    with launched(root, dashboard, rate=1) as (process, url):
        page = tabs.open(f"{url}/panel")
        start(page)
        stored_some(page)
        (job,) = httpx.get(f"{url}/backfills", trust_env=False).json()["items"]
        process.kill()
        page.get_by_text("No answer from the server").wait_for()
        status(page, "Running")
    with launched(root, dashboard, "--port", url.rpartition(":")[2], rate=20):
        status(page, "Complete")
        page.get_by_text(job["backfillId"]).wait_for()
        asked = dashboard.requests
        assert len(asked) <= 12 + 3, "what was stored before is not asked for again"
