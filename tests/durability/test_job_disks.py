"""Jobs on disks that are full, limited, read-only, or that do not keep what they are given: they rest with the reason, and go on."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest

from backfill.jobstores import SqliteJobStore
from backfill.model import BackfillStatus
from backfill.stores._atomic import FileSystem
from durability.small_jobs import DISTRICTS, collected, open_small, run_small
from own_process import mounts, run

HEAD = """
import contextlib, os, resource, subprocess, sys
from contextlib import closing
from datetime import date
from pathlib import Path
from backfill import BackfillService
from backfill.errors import StoreUnavailable
from backfill.jobstores import SqliteJobStore
from backfill.model import BackfillStatus
from backfill.stores import PerDistrictFileSnapshotStore, check
from service_doubles import NoDoor, ask, days

class Large:
    name = "large"
    calls = []
    def collect_district(self, day, district, fetch):
        self.calls.append((day, district))
        return "x" * 40_000

root = notes = Path({root!r})

@contextlib.contextmanager
def opened():
    with closing(SqliteJobStore(notes / "jobs.sqlite3")) as jobs:
        with BackfillService(Large(), PerDistrictFileSnapshotStore(root / "snapshots"), jobs=jobs, fetch=NoDoor()) as service:
            yield service

def remount(options):
    subprocess.run(["mount", "-o", "remount," + options, root], check=True)

def whole(count):
    store = PerDistrictFileSnapshotStore(root / "snapshots")
    assert not check(root / "snapshots", data=True).damaged_days
    for day in store.days():
        for name in store.read(day).districts:
            assert store.read(day).district(name).data == "x" * 40_000
    assert count is None or list(store.days()) == list(days(count)), list(store.days())
"""

FULL = (
    HEAD
    + """
notes = root.parent / "notes"  # a disk of their own
notes.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "none", root], check=True)
(root / "snapshots").mkdir()
with opened() as service:
    job = service.initiate_backfill(ask(20, "A", "B", concurrency=2))
    report = job.wait(60)
    assert report.status is BackfillStatus.PAUSED, report
    assert "No space left on device" in report.status_reason and "free some space" in report.status_reason, report.status_reason
    whole(None)
    before = report.progress.completed
    assert 2 < before < 40, before
with opened() as service:
    assert service.resume_jobs() == [], "a pause holds"
    job = service.get_job(job.backfill_id)
    assert job.status is BackfillStatus.PAUSED
    assert job.resume()
    assert job.wait(60).status is BackfillStatus.PAUSED, "still full"
    whole(None)
    remount("size=1200k")
    assert job.resume()
    assert job.wait(60).status is BackfillStatus.PAUSED, "full again"
    whole(None)
    remount("size=8m")
    assert job.resume()
    assert job.wait(60).status is BackfillStatus.COMPLETE
whole(20)
assert len(set(Large.calls)) == 40
remount("ro")
with opened() as service:
    try:
        service.initiate_backfill(ask(1, "C"))
    except StoreUnavailable as error:
        assert "Read-only file system" in str(error) and "mount it writable" in str(error), error
    else:
        raise AssertionError("nothing can be stored there")
whole(20)
print("ok")
"""
)

FULL_FOR_NOTES = (
    HEAD
    + """
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", root], check=True)
(root / "snapshots").mkdir()
class Filling(Large):
    def collect_district(self, day, district, fetch):
        if len(self.calls) == 6:
            with contextlib.suppress(OSError), (root / "filler").open("wb", buffering=0) as file:  # until the disk is full
                while True:
                    file.write(b"z" * 4096)
        return super().collect_district(day, district, fetch)

with closing(SqliteJobStore(root / "jobs.sqlite3")) as jobs:
    with BackfillService(Filling(), PerDistrictFileSnapshotStore(root / "snapshots"), jobs=jobs, fetch=NoDoor()) as service:
        job = service.initiate_backfill(ask(20, "A", concurrency=1))
        report = job.wait(60)
        assert report.status is BackfillStatus.PAUSED, report
        assert "free some space" in report.status_reason, report.status_reason
(root / "filler").unlink()
with opened() as service:
    resumed = service.resume_jobs()
    job = service.get_job(job.backfill_id)
    if job.status is BackfillStatus.PAUSED:
        assert job.resume()
    assert job.wait(60).status is BackfillStatus.COMPLETE
whole(20)
assert all(Large.calls.count(call) <= 2 for call in Large.calls)
print("ok")
"""
)


@pytest.mark.root
@mounts
def test_a_job_on_a_full_disk_rests_and_goes_on_with_room(tmp_path: Path) -> None:
    """A disk that is full pauses the job with the reason, as often as it is; with room the rest is stored; read-only is refused. [R6.1, B2]"""
    (tmp_path / "disk").mkdir()
    run(FULL.replace("{root!r}", repr(str(tmp_path / "disk"))), "unshare", "-m")


@pytest.mark.root
@mounts
def test_a_job_whose_notes_find_no_room_goes_on_with_room(tmp_path: Path) -> None:
    """A disk with no room for the job store either: the job rests here with the reason, and is gone on with once there is room. [R6.1, B2]"""
    run(FULL_FOR_NOTES.replace("{root!r}", repr(str(tmp_path))), "unshare", "-m")


class Unkept(FileSystem):
    """A disk of which one file in *every* is not brought to the disk."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._synced = 0

    def sync(self, descriptor: int) -> None:
        """Fail now and then."""
        self._synced += 1
        if self._synced % self._every == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)


@pytest.mark.parametrize("every", [2, 3, 5, 7])
def test_a_disk_that_fails_to_sync_stores_nothing_half(tmp_path: Path, every: int) -> None:
    """What could not be brought to the disk is not published, and told; run again on a disk that does, everything is there, once. [P6, B2]"""
    with closing(SqliteJobStore(tmp_path / "jobs.sqlite3")) as jobs:
        with open_small(tmp_path, files=Unkept(every), jobs=jobs) as service:
            report = run_small(service, count=6)
            assert report.status.is_final
            assert report.progress.failed
            assert {error.stage for error in report.errors} == {"store"}
            assert all("Input/output error" in error.message for error in report.errors)
        with open_small(tmp_path, jobs=jobs) as service:
            kept = {(day, name) for day in service.store.days() for name in service.store.entries(day)}
            assert len(kept) == report.progress.completed
            assert service.retry_failed(report.backfill_id).wait(60).status is BackfillStatus.COMPLETE
            stored = {(day, name): 1 for day in service.store.days() for name in service.store.entries(day)}
            assert len(stored) == len(collected(tmp_path)) == 6 * len(DISTRICTS)
