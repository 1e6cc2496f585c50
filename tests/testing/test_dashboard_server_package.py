"""The dashboard server comes with the package, and depends on nothing that it is a test for."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SERVE = """
import sys
import urllib.request

import backfill
from backfill.testing.dashboard import DashboardServer

with DashboardServer() as server:
    address = f"{server.url}/2022-2023/export.aspx?type=CSV&report=districtsummary~1/31/2023~2/8/2023~2022-2023"
    body = urllib.request.urlopen(address).read()
print(backfill.__file__)
print(body.decode().splitlines()[-1])
print(sorted({"requests", "urllib3", "backfill.toastmasters", "backfill.fetching"} & set(sys.modules)))
"""


def serve(path: str) -> list[str]:
    """Serve one request in a fresh interpreter that finds the package at *path*; return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", SERVE],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_the_server_imports_nothing_that_it_is_a_test_for() -> None:
    """Of the package it imports the exceptions and itself; serving loads neither requests nor the adapter. [R10.5]"""
    grimp = pytest.importorskip("grimp", reason="import-linter is not installed; the extra 'lint' has it")
    graph = grimp.build_graph("backfill", include_external_packages=True, cache_dir=None)
    own = {module for module in graph.modules if module.startswith("backfill.testing.dashboard")}
    assert len(own) > 10
    imported = set().union(*(graph.find_modules_directly_imported_by(module) for module in own)) - own
    assert {module for module in imported if module.partition(".")[0] not in sys.stdlib_module_names} == {
        "attrs",
        "backfill.errors",
    }
    assert serve(str(ROOT / "src"))[2] == "[]"


@pytest.mark.slow
def test_the_wheel_has_the_archive_and_serves_it(tmp_path: Path) -> None:
    """The built wheel holds archive and provenance, and serves from within the wheel itself. [R10.3]"""
    pytest.importorskip("hatchling", reason="hatchling is not installed; the extra 'test' has it")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("backfill-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        archive = packed.read("backfill/testing/data/dashboard.zip")
    assert {"backfill/testing/data/PROVENANCE.md", "backfill/testing/dashboard/__main__.py"} <= names
    assert archive == (ROOT / "src" / "backfill" / "testing" / "data" / "dashboard.zip").read_bytes()
    where, footer, _ = serve(str(wheel))
    assert where.startswith(str(wheel))
    assert footer == "Month of Jan, As of 02/08/2023"
