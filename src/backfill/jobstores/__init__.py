"""Where jobs are kept: in memory, or in a file. Loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backfill.jobstores.memory import MemoryJobStore
    from backfill.jobstores.sqlite import SqliteJobStore

__all__ = ["MemoryJobStore", "SqliteJobStore"]

_HOME_OF = {"MemoryJobStore": "backfill.jobstores.memory", "SqliteJobStore": "backfill.jobstores.sqlite"}


def __getattr__(name: str) -> object:
    """Load a public name on first use, so that who keeps jobs in memory does not load a database."""
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module 'backfill.jobstores' has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(__all__)
