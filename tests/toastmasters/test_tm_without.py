"""The dashboard's package is one adapter among others: without it the rest still works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import backfill

SOURCE = Path(backfill.__file__).parent
OF_THE_DASHBOARD = ("toastmasters", "cli", "__main__.py")
"""The adapter, and the command line that is made for it."""

IMPORTS = """
import importlib, json, pkgutil, sys
import backfill, backfill.errors
names = [module.name for module in pkgutil.walk_packages(backfill.__path__, "backfill.") if not module.name.endswith(".__main__")]
for name in names:
    try:
        importlib.import_module(name)
    except backfill.errors.MissingExtra:  # an extra that is not installed here
        pass
print(json.dumps({"from": backfill.__file__, "imported": names, "loaded": [name for name in sys.modules if "toastmasters" in name]}))
"""

RUNS = """
import json, sys
from datetime import date
from backfill import BackfillRequest, BackfillService, DataUnavailable, function_source
from backfill.stores import PerDistrictFileSnapshotStore

@function_source("rain")
def rain(day, district, fetch):
    if district == "east":
        raise DataUnavailable("not measured")
    return {"rain": day.day, "text": fetch("memory:" + district).text}

from backfill.testing.fetch import DictFetch
fetch = DictFetch({"memory:north": "n", "memory:south": "s"})
store = PerDistrictFileSnapshotStore(sys.argv[1])
with BackfillService(rain, store, fetch=fetch) as service:
    report = service.run_backfill(BackfillRequest("2024-02-28", "2024-02-29", ["north", "south", "east"]), progress=False)
data = store.read(date(2024, 2, 29)).district("north").data
print(json.dumps([report.status, report.progress.completed, report.progress.unavailable, data, "backfill.toastmasters" in sys.modules]))
"""


def without_the_dashboard(folder: Path) -> Path:
    """Return a copy of the package without what is made for the dashboard."""
    shutil.copytree(SOURCE, folder / "backfill", ignore=shutil.ignore_patterns("__pycache__"))
    for name in OF_THE_DASHBOARD:
        gone = folder / "backfill" / name
        if gone.is_dir():
            shutil.rmtree(gone)
        else:
            gone.unlink(missing_ok=True)
    return folder


def python(folder: Path, script: str, *arguments: str) -> object:
    """Run *script* in a process that finds the package in *folder*, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_the_rest_can_be_imported_without_the_dashboard(tmp_path: Path) -> None:
    """With the dashboard's package deleted, and the command line that is made for it, every other module can be imported. [R3.4, R10.5]"""
    folder = without_the_dashboard(tmp_path)
    said = python(folder, IMPORTS)
    assert isinstance(said, dict)
    assert said["from"].startswith(str(folder))
    assert {
        "backfill.service",
        "backfill.fetching.fetcher",
        "backfill.stores.per_district_file",
        "backfill.testing.dashboard",
    } <= {*said["imported"]}
    assert said["loaded"] == []


def test_the_rest_runs_without_the_dashboard(tmp_path: Path) -> None:
    """With the dashboard's package deleted a backfill from another source runs into files. [R3.4, R10.5]"""
    folder = without_the_dashboard(tmp_path / "code")
    said = python(folder, RUNS, str(tmp_path / "snapshots"))
    assert said == ["complete", 4, 2, {"rain": 29, "text": "n"}, False]


def test_who_knows_the_dashboard() -> None:
    """Nothing but the adapter itself and the command line names the adapter. [R3.4]"""
    naming = {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        if "backfill.toastmasters" in path.read_text(encoding="utf-8")
    }
    assert naming <= {"toastmasters", "cli"}
