"""What runs a job says what it is: metadata and logs tell a backfill from a refresh."""

from __future__ import annotations

import logging

import pytest

from backfill import BackfillService
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedSource
from service_doubles import PATIENCE, NoDoor, ask, day


class Refreshing(BackfillService):
    """A service whose jobs are refreshes."""

    operation = "refresh"


@pytest.mark.parametrize(("kind", "said"), [(BackfillService, "backfill"), (Refreshing, "refresh")])
def test_metadata_and_logs_tell_operations_apart(
    kind: type[BackfillService], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A day's metadata and the job's log records name the operation that contributed. [R11.4]"""
    caplog.set_level(logging.INFO, "backfill")
    store = MemorySnapshotStore()
    with kind(ScriptedSource(), store, fetch=NoDoor(), clock=VirtualClock()) as service:
        service.initiate_backfill(ask(1, "A")).wait(PATIENCE)
    assert [operation["operation"] for operation in store.read(day(0)).metadata.operations] == [said]
    assert any(record.getMessage().startswith(f"{said} accepted") for record in caplog.records)
    assert any(record.getMessage().startswith(f"{said} started") for record in caplog.records)
