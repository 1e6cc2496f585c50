"""A job whose process ends at each file-system and job-store operation in turn, enumerated and not sampled: another finishes it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from backfill import BackfillService
from backfill.errors import BackfillError, StoreUnavailable
from backfill.jobstores import SqliteJobStore
from backfill.model import BackfillReport, BackfillStatus
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.files import CrashingFiles
from backfill.testing.jobs import FlakyJobStore
from durability.small_jobs import (
    DAYS,
    DISTRICTS,
    EXIT,
    PRELOADED,
    collected,
    end_process,
    go_on,
    look_after,
    open_small,
    run_small,
)
from stores.store_changes import full_disk


def end_at_file(root: Path, at: int, torn: float | None) -> None:
    """Run the job, and end at an operation of the snapshot store's files."""
    with open_small(root, files=CrashingFiles(at=at, go_wrong=end_process, torn=torn)) as service:
        run_small(service)


def end_at_note(root: Path, at: int) -> None:
    """Run the job, and end before an operation of the job store: after the one before it, too."""
    kept = SqliteJobStore(root / "jobs.sqlite3")
    with closing(kept), open_small(root, jobs=FlakyJobStore(kept, at, end_process)) as service:
        run_small(service)


def file_operations(root: Path) -> list[str]:
    """Return the operations of the undisturbed job on files."""
    files = CrashingFiles()
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, open_small(root, files=files, jobs=jobs) as service:
        run_small(service)
    look_after(root)
    return [name for name, _arguments in files.log]


def job_operations(root: Path) -> list[str]:
    """Return the operations of the undisturbed job on the job store."""
    with closing(SqliteJobStore(root / "jobs.sqlite3")) as kept:
        jobs = FlakyJobStore(kept)
        with open_small(root, jobs=jobs) as service:
            run_small(service)
    look_after(root)
    return [name for name, _arguments in jobs.log]


def ended(target: Callable[..., None], *arguments: object) -> bool:
    """Run *target* in a process; return whether it ended in the midst, else it had reached its end."""
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    child = context.Process(target=target, args=arguments)
    child.start()
    child.join(60)
    assert child.exitcode in {0, EXIT}
    return child.exitcode == EXIT


def told(service: BackfillService) -> tuple[BackfillReport | None, str]:
    """Run the job; return its report, or what its refusal says."""
    try:
        return run_small(service), ""
    except BackfillError as error:
        return None, str(error)


def look_at_what_is_left(root: Path, *, rested: bool = False) -> None:
    """See that another process finishes the job, and asks again for nothing that is stored."""
    store = PerDistrictFileSnapshotStore(root / "snapshots")
    stored = {(day.isoformat(), name) for day in store.days() for name in store.entries(day)}
    before = collected(root)
    assert go_on(root, rested=rested).status is BackfillStatus.COMPLETE
    assert len(collected(root)) == DAYS * len(DISTRICTS)
    again = collected(root) - before
    assert not again.keys() & stored, (stored, again)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server")
def test_a_process_that_ends_at_any_file_operation_loses_nothing(tmp_path: Path) -> None:
    """Wherever the process ends while days are published, the job is finished by the next one, and each day published once. [B2, P6]"""
    counted = file_operations(tmp_path / "undisturbed")
    points = [
        (at, torn) for at, name in enumerate(counted) for torn in ((None, 0.5) if name in {"create", "overwrite"} else (None,))
    ]
    for number, (at, torn) in enumerate(points):
        root = tmp_path / str(number)
        root.mkdir()
        assert ended(end_at_file, root, at, torn), (at, counted[at])
        look_at_what_is_left(root)
    sys.stdout.write(f"a job: {len(points)} crash points of files\n")
    assert len(points) > 40


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server")
def test_a_process_that_ends_at_any_note_loses_nothing(tmp_path: Path) -> None:
    """Wherever the process ends while the job is noted, nothing that was accepted is lost, and it is finished by the next one. [B2, R4.2]"""
    counted = job_operations(tmp_path / "undisturbed")
    points = 0
    for at, name in enumerate(counted):
        root = tmp_path / str(at)
        root.mkdir()
        if ended(end_at_note, root, at):
            points += 1
        else:
            assert at > len(counted) - 3, (at, name)  # heartbeats come when they come
        look_at_what_is_left(root)
    sys.stdout.write(f"a job: {points} crash points of notes: {counted}\n")
    assert points > 10


@pytest.mark.parametrize("afterwards", [False, True])
def test_a_job_store_that_fails_at_any_operation_loses_nothing(tmp_path: Path, afterwards: bool) -> None:
    """Whichever operation of the job store fails, done or not, it is told, or did not matter; the job is finished when it works again. [B2, P6]"""
    counted = job_operations(tmp_path / "undisturbed")
    for at, name in enumerate(counted):
        root = tmp_path / str(at)
        root.mkdir()
        with closing(SqliteJobStore(root / "jobs.sqlite3")) as kept:
            jobs = FlakyJobStore(kept, at, lambda: StoreUnavailable("the disk is full"), afterwards=afterwards)
            with open_small(root, jobs=jobs) as service:
                report, refusal = told(service)
                assert ("the disk is full" in refusal) if report is None else report.status.is_at_rest, (at, name, refusal)
        look_at_what_is_left(root, rested=True)


def test_files_that_fail_at_any_operation_lose_nothing(tmp_path: Path) -> None:
    """Whichever operation finds the disk full, the job rests with the reason, or it did not matter; with room again it is finished. [B2, P6]"""
    counted = file_operations(tmp_path / "undisturbed")
    rested = 0
    for at, name in enumerate(counted):
        root = tmp_path / str(at)
        root.mkdir()
        files = CrashingFiles(at=at, go_wrong=full_disk, forever=False)
        with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs, open_small(root, files=files, jobs=jobs) as service:
            report, refusal = told(service)
            if report is None:
                assert "No space left on device" in refusal, (at, name)
            elif report.status is not BackfillStatus.COMPLETE:
                rested += 1
                assert report.status is BackfillStatus.PAUSED, (at, name, report)
                assert "No space left on device" in str(report.status_reason), (at, name)
        look_at_what_is_left(root, rested=True)
    assert rested > 10
