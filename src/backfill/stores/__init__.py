"""Where snapshots are kept: one directory per day with one file per district, or memory. Loaded on first use.

`check` looks over the files without touching them, `repair` finishes or undoes what an interrupted writer has left.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backfill.stores._reports import CheckReport, Problem, ProblemKind, RepairReport
    from backfill.stores.checking import check, repair
    from backfill.stores.memory import MemorySnapshotStore
    from backfill.stores.per_district_file import PerDistrictFileSnapshotStore

__all__ = [
    "CheckReport",
    "MemorySnapshotStore",
    "PerDistrictFileSnapshotStore",
    "Problem",
    "ProblemKind",
    "RepairReport",
    "check",
    "repair",
]

_HOME_OF = {
    **dict.fromkeys(["CheckReport", "Problem", "ProblemKind", "RepairReport"], "backfill.stores._reports"),
    **dict.fromkeys(["check", "repair"], "backfill.stores.checking"),
    "MemorySnapshotStore": "backfill.stores.memory",
    "PerDistrictFileSnapshotStore": "backfill.stores.per_district_file",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use, so that who keeps snapshots in memory does not load locks and ctypes."""
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module 'backfill.stores' has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(__all__)
