"""Summaries of days made anew, as a job like any other."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from backfill import BackfillService
from backfill.errors import InvalidRequest, StoreUnavailable
from backfill.fetching import ArchiveFetch, RawArchive
from backfill.model import CellState, Collected
from backfill.protocols import Fetch
from backfill.rebuilding.replay import make_summaries
from backfill.sources import function_source
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.toastmasters import ranking
from tm_serving import counts
from trust_roots import DAY, END, START, blob_of, file_of, over, stored

FIRST, LAST = date(2023, 1, 31), date(2023, 2, 28)
PATIENCE = 60
RANKINGS = "all-districts-rankings"


def test_rankings_are_made_and_nothing_else(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under other rules the rankings of the days change and no record does; what is the same is left alone. (Pitfall 37.) [B4]"""
    before = stored(root)
    with over(root) as service:
        same = service.rerank(START, END).wait(PATIENCE)
        assert (same.status, counts(same)) == ("complete", {"skipped": 2})
        monkeypatch.setattr(ranking, "RANKING_VERSION", "9.0")
        blob_of(root, "districtsummary~2023-02-28~2023-03-09").unlink()
        done = service.rerank(START, END).wait(PATIENCE)
        assert (done.status, counts(done), done.snapshot_ids) == ("partial_success", {"completed": 1, "failed": 1}, (DAY,))
        assert [(error.day, error.district_id, error.kind) for error in done.errors] == [(LAST, None, "document_missing")]
        snapshot = service.store.read(FIRST)
        assert snapshot.summary(RANKINGS)["metadata"]["rankingVersion"] == "9.0"  # type: ignore[index,call-overload] # their form
        assert snapshot.metadata.operations[-1]["operation"] == "rerank"
        assert snapshot.metadata.operations[-1]["job"] == done.backfill_id
        coverage = service.coverage(START, END, districts=["61", "99"])
        said = "what becomes of a summary says nothing of a district; that the day's own list lacks it does"
        assert coverage.state(LAST, "99") is CellState.UNAVAILABLE, said
    changed = {name for name, content in stored(root).items() if content != before[name]}
    assert changed == {f"snapshots/{DAY}/{RANKINGS}.json"}


def test_lost_rankings_come_back(root: Path) -> None:
    """Rankings whose file is gone are made anew. [B4]"""
    before = stored(root)
    file_of(root, f"{RANKINGS}.json").unlink()
    with over(root) as service:
        assert counts(service.rerank(DAY).wait(PATIENCE)) == {"completed": 1}
    assert stored(root) == before


def test_it_is_listed_paused_gone_on_with_and_tried_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is among the jobs, of which any process may pause it and go on; what failed can be tried again. [R4.1, R4.2, R6.6, B2]"""
    monkeypatch.setattr(ranking, "RANKING_VERSION", "9.0")
    blob = blob_of(root, "districtsummary~2023-02-28~2023-03-09")
    aside = root / "aside"
    shutil.move(blob, aside)
    with over(root) as service:
        paused: list[bool] = []

        def pausing(*arguments: object) -> Mapping[str, Collected]:
            if not paused:
                paused.append(service.pause_backfill(service.list_backfills(states=["processing"])[0].backfill_id))
            return make_summaries(*arguments)  # type: ignore[arg-type] # passed through

        monkeypatch.setattr("backfill.rebuilding.reranking.make_summaries", pausing)
        job = service.rerank(START, END)
        report = job.wait(PATIENCE)
        assert (report.status, paused, report.progress.total, report.progress.is_estimate) == ("paused", [True], 2, False)
        assert counts(report) == {"completed": 1, "pending": 1}
    with over(root) as service:
        assert service.resume_backfill(job.backfill_id)
        report = service.get_job(job.backfill_id).wait(PATIENCE)
        assert (report.status, counts(report)) == ("partial_success", {"completed": 1, "failed": 1})
        assert job.backfill_id in {one.backfill_id for one in service.list_backfills()}
        shutil.move(aside, blob)
        again = service.retry_failed(job.backfill_id).wait(PATIENCE)
        assert (again.status, counts(again), again.snapshot_ids) == ("complete", {"completed": 1}, (END,))


def test_it_can_be_cancelled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled job leaves the rest of its days undone. [R4.4]"""
    with over(root) as service:

        def cancelling(*arguments: object) -> Mapping[str, Collected]:
            service.cancel_backfill(service.list_backfills(states=["processing"])[0].backfill_id)
            return make_summaries(*arguments)  # type: ignore[arg-type] # passed through

        monkeypatch.setattr("backfill.rebuilding.reranking.make_summaries", cancelling)
        report = service.rerank(START, END).wait(PATIENCE)
        assert (report.status, counts(report)) == ("cancelled", {"skipped": 1, "pending": 1})


@pytest.mark.parametrize(
    ("error", "status"), [(StoreUnavailable("the disk is full"), "paused"), (ZeroDivisionError("a bug"), "error")]
)
def test_what_stops_it_as_a_whole(root: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: str) -> None:
    """A full disk pauses it, with the reason; a bug ends it, and whoever waits hears of that. [R6.2, B2]"""

    def broken(*_arguments: object) -> Mapping[str, Collected]:
        raise error

    monkeypatch.setattr("backfill.rebuilding.reranking.make_summaries", broken)
    with over(root) as service:
        report = service.rerank(START, END).wait(PATIENCE)
        assert report.status == status
        assert str(error) in str(report.error or report.status_reason)


@function_source("plain")
def plain(day: date, district: str, fetch: Fetch) -> object:
    """Return a figure."""
    return {}


def test_what_cannot_be_is_refused(root: Path, tmp_path: Path) -> None:
    """Without summaries, without an archive, or without a stored day there is nothing to do. [B4]"""
    archive = ArchiveFetch(RawArchive(tmp_path / "raw"))
    with (
        BackfillService(plain, MemorySnapshotStore(), fetch=archive) as service,
        pytest.raises(InvalidRequest, match="summaries"),
    ):
        service.rerank(START)
    with over(root) as service, pytest.raises(InvalidRequest, match="stored"):
        service.rerank("2020-01-31")
    with (
        BackfillService(plain, PerDistrictFileSnapshotStore(root / "snapshots"), fetch=no_archive) as service,  # type: ignore[arg-type] # never called
        pytest.raises(InvalidRequest, match="keeps none"),
    ):
        service.rerank(START)


def no_archive(url: str, /, **_options: object) -> object:
    """Fetch nothing."""
    raise AssertionError(url)
