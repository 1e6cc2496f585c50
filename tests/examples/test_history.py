"""The example of a history that can be trusted does what it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "history" / "prove_history.py"


def test_the_history_is_damaged_proved_and_rebuilt(tmp_path: Path) -> None:
    """Run as a user runs it: proved, damaged by hand, told, rebuilt, proved again; nothing is asked for it. [B3, B4, B5, R10.4]"""
    done = subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "proved: True" in lines
    assert "2023-01-31 91: file edited" in lines
    assert "rebuilt: complete, 512 made; proved again: True" in lines
    assert lines[-1] == "requests while proving and rebuilding: 0"
    assert list(tmp_path.iterdir()) == []
