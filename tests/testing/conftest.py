"""A dashboard on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backfill.testing.dashboard import DashboardServer


@pytest.fixture
def dashboard() -> Iterator[DashboardServer]:
    """The server over the shipped archive; its day is 2026-06-04, so that program year 2025-26 is open."""
    with DashboardServer() as running:
        yield running
