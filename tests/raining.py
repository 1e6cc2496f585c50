"""A source of another kind than the dashboard, in memory, with three days of two districts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from backfill import BackfillRequest, BackfillService, function_source
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore


@function_source("rain")
def rain(day: date, district: str, fetch: Fetch) -> object:
    """Return a figure that changes from day to day."""
    return {"mm": day.day, "parts": [1, 2], "by": {"hour": {"max": 3}}}


@pytest.fixture
def raining() -> Iterator[BackfillService]:
    """Provide a service of another source, in memory, with three days of two districts."""
    with BackfillService(rain, MemorySnapshotStore()) as service:
        service.run_backfill(BackfillRequest("2024-01-29", "2024-01-31", ["north", "south"]), progress=False)
        yield service
