"""Roots that earlier versions have written say to this one what they said then, are sound, and are gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backfill import BackfillRequest
from backfill.model import BackfillStatus
from backfill.stores import check
from golden_roots import DATES, ROOTS, TODAY, account_of, files
from tm_serving import opened, ran, serving
from trust_roots import copied, over

VERSIONS = sorted(path.name for path in ROOTS.iterdir() if path.is_dir())


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Return one of the versions of which there is a root."""
    return str(request.param)


@pytest.fixture
def root(version: str, tmp_path: Path) -> Path:
    """Return a copy of its root."""
    return copied(ROOTS / version, tmp_path / "root")


def test_there_is_a_root() -> None:
    """At least one version has left one."""
    assert VERSIONS


def test_an_old_root_says_what_it_said(version: str, root: Path) -> None:
    """Days, figures, jobs, failures, districts and gaps are those that the version that wrote the root read from it. [B2, R5.1]"""
    expected = json.loads((ROOTS / f"{version}.json").read_text("utf-8"))
    found = account_of(root)
    for part, said in expected.items():
        assert found[part] == said, part


def test_an_old_root_is_sound_and_proves_itself(root: Path) -> None:
    """Every byte is the one that was written, and every figure follows from the documents in the archive. [B2, B3, B10]"""
    report = check(root / "snapshots", data=True)
    assert not report.damaged_days, str(report)
    with over(root, TODAY, resume=False) as service:
        verification = service.verify(DATES[0], DATES[-1])
        assert not verification.differences, str(verification)


def test_an_old_job_is_gone_on_with(root: Path) -> None:
    """A job that rests in an old root does its rest with this version, and what was stored then is not collected again. [B2, R6.5]"""
    with serving(files(), TODAY) as server, opened(root, server, TODAY) as service:
        (paused,) = service.list_backfills(states=["paused"])
        request = BackfillRequest(DATES[2], DATES[2], ["61"])
        assert service.initiate_backfill(request, idempotency_key="to be gone on with").backfill_id == paused.backfill_id
        assert service.resume_backfill(paused.backfill_id)
        assert service.get_job(paused.backfill_id).wait(60).status is BackfillStatus.COMPLETE
        sent = len(server.requests)
        again = ran(service, DATES[0], DATES[1], ["61"], frequency="month-end")
        assert (again.progress.skipped, again.progress.total) == (2, 2)
        assert len(server.requests) == sent
        assert (
            service.retry_failed(service.list_backfills(states=["partial_success"])[0].backfill_id).wait(60).status == "complete"
        )
        assert service.store.entries(service.plan(request).days[0].day)["61"].detail == "full"
