"""How much quicker the index beside the days makes looking over years of snapshots. Ratios count, not times.

Run it as ``python tests/benchmarks/store_index.py [--short]``; it needs some 300 MB of disk (``--short``: 20 MB) for a moment.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from backfill.model import RecordHeader, SnapshotMetadata, SnapshotStatus, StoredDay
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.stores._atomic import FileSystem
from backfill.stores._generations import Generations
from backfill.stores._layout import Layout
from backfill.stores._manifest import FileFacts, encode_manifest
from backfill.stores._metadata import encode_metadata
from backfill.testing import VirtualClock

FIRST = date(2014, 7, 1)
DISTRICTS = tuple(f"{number:02d}" for number in range(1, 131))
AT = datetime(2026, 1, 1, tzinfo=UTC)


def write_manifests(root: Path, days: int) -> None:
    """Write manifests and metadata of *days* days with 130 districts each; the records that they name are there, and never opened here."""
    for number in range(days):
        day = FIRST + timedelta(days=number)
        entries = {district: _header(day, district) for district in DISTRICTS}
        said = SnapshotMetadata(day, SnapshotStatus.SUCCESS, AT, AT, day, "benchmark", DISTRICTS, DISTRICTS)
        metadata = encode_metadata(said, "1.0.0")
        content = encode_manifest(StoredDay(said, entries, {}), dict.fromkeys(DISTRICTS, AT), FileFacts.of(metadata), "1.0.0")
        directory = root / day.isoformat()
        directory.mkdir()
        (directory / "manifest.json").write_bytes(content)
        (directory / "metadata.json").write_bytes(metadata)
        for district in DISTRICTS:
            os.close(os.open(directory / f"district_{district}.json", os.O_CREAT | os.O_WRONLY))


def _header(day: date, district: str) -> RecordHeader:
    digest = hashlib.sha256(f"{day}{district}".encode()).hexdigest()
    return RecordHeader("full", day, settled=True, content_digest=digest, sha256=digest[::-1], size=45_000, job_id="job-1")


def seconds(work: Callable[[], int]) -> float:
    """Return how long *work* takes, after a look that it did something."""
    gc.collect()
    started = time.perf_counter()
    found = work()
    taken = time.perf_counter() - started
    if not found:
        message = "the benchmark found nothing to measure"
        raise RuntimeError(message)
    return taken


def main() -> None:
    """Measure, and say the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="250 days instead of ten years")
    count = 250 if parser.parse_args().short else 3650
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_manifests(root, count)
        days = [FIRST + timedelta(days=number) for number in range(count)]
        generations = Generations(Layout(root), FileSystem(), VirtualClock())

        def from_manifests() -> int:
            return sum(len(manifest.entries) for day in days if (manifest := generations.manifest(day)) is not None)

        def from_index() -> int:
            store = PerDistrictFileSnapshotStore(root)
            return sum(len(store.entries(day)) for day in days)

        def first_answer() -> int:
            return len(PerDistrictFileSnapshotStore(root).entries(days[-1]))

        def listed() -> int:
            return len(list(PerDistrictFileSnapshotStore(root).days()))

        build = seconds(from_index)
        manifests = min(seconds(from_manifests) for _ in range(3))
        index = min(seconds(from_index) for _ in range(3))
        size = sum(path.stat().st_size for path in (root / ".index").iterdir())
        lines = [
            f"{count} days of {len(DISTRICTS)} districts",
            f"reading manifests        {manifests:8.3f} s   1.0",
            f"first look (builds)      {build:8.3f} s   {manifests / build:.1f} times as quick",
            f"entries from the index   {index:8.3f} s   {manifests / index:.1f} times as quick",
            f"opening, one day's look  {min(seconds(first_answer) for _ in range(5)) * 1000:8.3f} ms",
            f"listing the days         {min(seconds(listed) for _ in range(3)) * 1000:8.3f} ms",
            f"index on the disk        {size / 2**20:8.1f} MiB",
            f"memory of the process    {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.1f} MiB at most",
        ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
