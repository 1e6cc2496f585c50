"""There is one service for every kind of backfill, and everything it collects goes through a snapshot store."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import backfill
from backfill import BackfillRequest, BackfillService
from backfill.model import Method
from backfill.protocols import SnapshotDraft
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.source import ScriptedDashboard
from backfill.toastmasters import open_service
from service_doubles import PATIENCE, ask, day, serving


def test_one_service_does_every_kind_of_backfill() -> None:
    """System-wide, targeted and single-district jobs run in one service and stand in one list; there is no second service. [R1.1, R1.4]"""
    store = MemorySnapshotStore()
    requests = [ask(1, collection_type="system-wide"), ask(1, "A", "B"), ask(1, "A")]
    with serving(ScriptedDashboard(), store) as service:
        jobs = [service.initiate_backfill(request) for request in requests]
        reports = [job.wait(PATIENCE) for job in jobs]
        listed = [report.backfill_id for report in service.list_backfills()]
    methods = [report.collection_strategy.method for report in reports]
    assert methods == [Method.SYSTEM_WIDE, Method.TARGETED, Method.PER_DISTRICT]
    assert sorted(listed) == sorted(job.backfill_id for job in jobs)
    assert [name for name in backfill.__all__ if name.endswith("Service")] == ["BackfillService"]


def test_whatever_is_collected_goes_through_the_store() -> None:
    """A job of every kind stores by the store's drafts and in no other way. [R1.5]"""
    begun: list[str] = []

    class Watched(MemorySnapshotStore):
        def begin(self, on: date, /, *, job_id: str) -> SnapshotDraft:  # type: ignore[override] # the same draft, by its protocol
            begun.append(job_id)
            return super().begin(on, job_id=job_id)

    store = Watched()
    with serving(ScriptedDashboard(), store) as service:
        jobs = [service.initiate_backfill(ask(1, *names, skip_existing=False)) for names in ((), ("A",), ("A", "B"))]
        published = [job.wait(PATIENCE).snapshot_ids for job in jobs]
    assert published == [(day(0).isoformat(),)] * 3
    assert begun == [job.backfill_id for job in jobs]


def test_the_default_store_keeps_a_file_for_each_district(tmp_path: Path) -> None:
    """A folder that is opened for the dashboard has the per-district file store. [R5.1, R1.5]"""
    with open_service(tmp_path) as service:
        assert isinstance(service, BackfillService)
        assert isinstance(service.store, PerDistrictFileSnapshotStore)
        assert service.store.root == tmp_path / "snapshots"
        assert service.plan(BackfillRequest("2023-01-31")).days
    assert not (tmp_path / "snapshots").exists(), "opening and planning write nothing"
