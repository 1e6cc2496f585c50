"""How long it takes from an empty environment to the first picture of history.

    python tests/benchmarks/first_picture.py [--short]

Makes a virtual environment, installs this checkout with the extra `plots` from the package index that pip is configured for, collects four month-ends
of the dashboard from a server on this machine, and draws their coverage. With --short the environment that runs it is used, and nothing is installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

PICTURE = """
import sys
from pathlib import Path
from backfill import BackfillRequest
from backfill.plots import coverage_map
from backfill.testing.dashboard import DashboardServer, ReportArchive
from backfill.toastmasters import open_service

place = Path(sys.argv[1])
with DashboardServer(ReportArchive.shipped()) as dashboard, open_service(place / "history", base_url=dashboard.url, rate=None) as service:
    report = service.run_backfill(BackfillRequest("2022-10-01", "2023-01-31", frequency="month-end"), progress=False)
    assert report.progress.completed == 512, report
    path = coverage_map(service.coverage("2022-10-01", "2023-01-31", frequency="month-end")).save(place / "coverage.png")
    assert path.stat().st_size > 10_000
"""


def main() -> None:
    """Time each step, and print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="install nothing: use this environment")
    short = parser.parse_args().short
    with tempfile.TemporaryDirectory() as place:
        python = Path(sys.executable) if short else Path(place, "venv", "bin", "python")
        steps: list[tuple[str, list[str | Path]]] = []
        if not short:
            steps.append(("make a virtual environment", [sys.executable, "-m", "venv", Path(place, "venv")]))
            steps.append(("install backfill[plots]", [python, "-m", "pip", "install", "-q", f"{ROOT}[plots]"]))
        steps.append(("collect four months and draw them", [python, "-c", PICTURE, place]))
        total = 0.0
        for title, command in steps:
            began = time.perf_counter()
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            seconds = time.perf_counter() - began
            total += seconds
            sys.stdout.write(f"{title}: {seconds:.1f} s\n")
        kind = "with what is installed" if short else "from an empty environment"
        sys.stdout.write(f"{kind} to the first picture: {total:.1f} s\n")


if __name__ == "__main__":
    main()
