"""The newest day, from the command line."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from backfill.testing import VirtualClock
from backfill.testing.dashboard import DashboardServer
from backfill.toastmasters import RefreshService, open_service
from cli_running import at, call

Publisher = Callable[[DashboardServer], tuple[str, ...]]


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """Let today be 8 June 2023, when May has just been closed; return the options that point there."""
    clock = VirtualClock(datetime(2023, 6, 8, 12, tzinfo=UTC))
    monkeypatch.setattr("backfill.cli.options.open_service", partial(open_service, clock=clock))

    def options(dashboard: DashboardServer) -> tuple[str, ...]:
        dashboard.today = clock.today()
        return tuple(option for option in at(dashboard) if option != "--no-retry")

    return options


def test_the_newest_day_is_collected(dashboard: DashboardServer, publisher: Publisher, tmp_path: Path) -> None:
    """All districts in summary; what is stored is told apart from a backfill by its operation. [R3.5, R11.1, R11.4]"""
    done = call("refresh", tmp_path, *publisher(dashboard))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == ["day        2023-05-31 (success)", "stored     128 districts", "unchanged  0 districts"]
    metadata = json.loads((tmp_path / "snapshots" / "2023-05-31" / "metadata.json").read_bytes())
    assert [operation["operation"] for operation in metadata["operations"]] == ["refresh"]


def test_only_configured_districts_are_refreshed(dashboard: DashboardServer, publisher: Publisher, tmp_path: Path) -> None:
    """With a configuration, named districts outside it are left out and named, and nothing of them is asked. [R7.3, R7.5]"""
    call("config", tmp_path, "set", "91")
    done = call("refresh", tmp_path, "-d", "91", "-d", "61", *publisher(dashboard), "--json")
    assert done.exit_code == 0
    assert "Left out: 61, which is not configured." in done.stderr
    info = json.loads(done.stdout)
    assert (info["day"], info["stored"]) == ("2023-05-31", ["91"])
    assert set(dashboard.counts.by_district) == {"91"}


def test_a_district_that_fails_makes_it_partial(dashboard: DashboardServer, publisher: Publisher, tmp_path: Path) -> None:
    """Some of it is exit code 1, and says which districts are missing. [R6.3]"""
    done = call("refresh", tmp_path, "-d", "91", "-d", "F", *publisher(dashboard))
    assert done.exit_code == 1
    assert "day        2023-05-31 (partial)" in done.stdout
    assert "failed     F" in done.stdout


def test_no_newest_day_is_exit_code_3(dashboard: DashboardServer, tmp_path: Path) -> None:
    """Where the dashboard has none of the newest days, the command says which were tried. [R6.4]"""
    done = call("refresh", tmp_path, "--base-url", dashboard.url, "--rate", "none", "-q")
    assert done.exit_code == 3
    assert done.stderr.startswith("Error: ")
    assert done.stdout == ""


def test_stopped_while_it_refreshes_it_ends_with_130(
    dashboard: DashboardServer, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C reaches the refresh, which cancels its job; the command ends without a traceback. [R4.4]"""
    monkeypatch.setattr(RefreshService, "refresh", lambda *_: signal.raise_signal(signal.SIGINT))
    done = call("refresh", tmp_path, *publisher(dashboard), "-q")
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "Interrupted.\n")
