"""Make a root as this version writes it, which every later version must open: once for each format, and never again.

    python tests/data/make_golden_root.py VERSION

It goes to ``tests/data/roots/VERSION``, and what it says when it is asked beside it. Over a dashboard on loopback: month-ends in full
and in summary, a close that is still open, a district that fails, one that is not published, a configuration with a history, a
paused job, a document of each report in the archive.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backfill import BackfillRequest
from backfill.testing.dashboard import Fault
from golden_roots import DATES, ROOTS, TODAY, account_of, files
from tm_serving import opened, ran, serving

TRANSIENT = ("*-locks", ".locks", "*.lock", "limits", "*-wal", "*-shm", ".index", ".retired", ".staging")
"""What a root holds only while it is used, or can do without."""


def make(root: Path) -> None:
    """Collect what the root is to hold."""
    with serving(files(), TODAY) as server, opened(root, server, TODAY) as service:
        service.configuration.set_districts(["61", "F"], by="who made it", note="to begin with")
        service.configuration.add("U", by="who made it")
        server.fail(Fault.status(403), report="divisionperformance", district="F", month="2023-02-28")
        ran(service, DATES[0], DATES[1], frequency="month-end")
        ran(service, DATES[0], DATES[1], ["61", "F"], frequency="month-end")
        ran(service, DATES[-1], DATES[-1], ["61"])
        server.fail(Fault.status(503))
        job = service.initiate_backfill(BackfillRequest(DATES[2], DATES[2], ["61"]), idempotency_key="to be gone on with")
        job.pause()
        job.wait(60)


def main(version: str) -> None:
    """Make the root, and write down what it says."""
    target = ROOTS / version
    if target.exists():
        raise SystemExit(f"{target} is there: what a version has written stays as it is; name another version")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        make(root)
        account = account_of(shutil.copytree(root, Path(folder) / "copy"))
        shutil.copytree(root, target, ignore=shutil.ignore_patterns(*TRANSIENT))
    target.with_suffix(".json").write_text(
        json.dumps(account, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
