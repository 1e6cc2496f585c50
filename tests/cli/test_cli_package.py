"""The wheel has the command, and it runs outside of any checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from cli_running import environment

ROOT = Path(__file__).parents[2]


def run(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [str(argument) for argument in arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment_runs_the_demo(tmp_path: Path) -> None:
    """Built, and installed where the package was never seen before, the program rebuilds the year from what the wheel holds. [R10.4]

    The libraries that it needs come from the environment of the tests, so that no network is used.
    """
    pytest.importorskip("hatchling", reason="hatchling is not installed; the extra 'test' has it")
    pytest.importorskip("pip", reason="pip is not installed")
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, folder=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("backfill-*.whl")

    fresh = tmp_path / "env"
    assert run(sys.executable, "-m", "venv", "--without-pip", fresh, folder=tmp_path).returncode == 0
    scripts = fresh / ("Scripts" if sys.platform == "win32" else "bin")
    installed = run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        scripts / "python",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        wheel,
        folder=tmp_path,
    )
    assert installed.returncode == 0, installed.stderr
    (site,) = fresh.rglob("site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = run(scripts / "python", "-c", "import backfill; print(backfill.__file__)", folder=elsewhere)
    assert Path(where.stdout.strip()).is_relative_to(site), where.stderr
    demo = run(scripts / "backfill", "demo", folder=elsewhere)
    assert demo.returncode == 0, demo.stderr
    assert "1,536: 1,500 summaries, 36 in full" in demo.stdout
    assert (elsewhere / "backfill-demo" / "snapshots" / "2023-06-30" / "district_91.json").is_file()
