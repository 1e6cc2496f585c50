"""Programs that tests run in a process of their own: with limits, another user, or a small disk, which only root can make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="mounts a small disk: needs root on Linux",
)


def run(program: str, *command: str) -> None:
    """Run a program with the same modules as this process, and see that it says that all is well; *command* goes before it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    arguments = [*command, sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ok\n"
