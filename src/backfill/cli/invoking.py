"""How the command was called, so that what it suggests can be pasted."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NAME = "backfill"


def invoked_as() -> str:
    """Return what to write to call the command again: its name where the shell finds it, else the way it was called."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name == NAME:
        return f"{_short(Path(sys.executable))} -m {NAME}"
    found = shutil.which(NAME)
    if called.stem != NAME or (found is not None and Path(found).resolve() == called.resolve()):
        return NAME
    return _short(called)


def _short(path: Path) -> str:
    """Return *path* as seen from the working directory, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
