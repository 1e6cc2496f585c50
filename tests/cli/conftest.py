"""A dashboard on loopback, and a folder in which a year was collected from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill.testing.dashboard import DashboardServer, ReportArchive
from cli_running import YEAR, at, call


@pytest.fixture(scope="session")
def reports() -> ReportArchive:
    """The shipped archive, opened once."""
    return ReportArchive.shipped()


@pytest.fixture
def dashboard(reports: ReportArchive) -> Iterator[DashboardServer]:
    """A server over the shipped archive."""
    with DashboardServer(reports) as running:
        yield running


@pytest.fixture(scope="session")
def collected(reports: ReportArchive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the year in summary and District 91 in full; to be read only."""
    root = tmp_path_factory.mktemp("collected") / "root"
    with DashboardServer(reports) as running:
        for districts in ((), ("-d", "91")):
            done = call("run", root, *YEAR, *districts, *at(running), "-q")
            assert done.exit_code == 0, done.stderr
    return root
