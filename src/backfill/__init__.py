"""Rebuild history: collect any range of past days for any set of districts, one snapshot per day, one file per district.

The public names below are loaded on first use, so that ``import backfill`` costs next to nothing.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backfill.errors import (
        BackfillError,
        DataUnavailable,
        InvalidRequest,
        JobNotFound,
        PermanentSourceError,
        PlanOutdated,
        TransientSourceError,
    )
    from backfill.job import Job
    from backfill.model import (
        BackfillPlan,
        BackfillReport,
        BackfillRequest,
        BackfillScope,
        BackfillStatus,
        Collected,
        Coverage,
        DistrictRecord,
        Document,
        DocumentRequest,
        Edition,
    )
    from backfill.protocols import DataSource, Fetch, Fetcher, JobStore, ScopeResolver, SnapshotStore
    from backfill.service import BackfillService
    from backfill.sources import function_source, try_source

__all__ = [
    "BackfillError",
    "BackfillPlan",
    "BackfillReport",
    "BackfillRequest",
    "BackfillScope",
    "BackfillService",
    "BackfillStatus",
    "Collected",
    "Coverage",
    "DataSource",
    "DataUnavailable",
    "DistrictRecord",
    "Document",
    "DocumentRequest",
    "Edition",
    "Fetch",
    "Fetcher",
    "InvalidRequest",
    "Job",
    "JobNotFound",
    "JobStore",
    "PermanentSourceError",
    "PlanOutdated",
    "ScopeResolver",
    "SnapshotStore",
    "TransientSourceError",
    "function_source",
    "try_source",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library says nothing unless its host configures logging

_HOMES = {
    "backfill.errors": (
        "BackfillError", "DataUnavailable", "InvalidRequest", "JobNotFound", "PermanentSourceError", "PlanOutdated",
        "TransientSourceError",
    ),
    "backfill.job": ("Job",),
    "backfill.model": (
        "BackfillPlan", "BackfillReport", "BackfillRequest", "BackfillScope", "BackfillStatus", "Collected", "Coverage",
        "DistrictRecord", "Document", "DocumentRequest", "Edition",
    ),
    "backfill.protocols": ("DataSource", "Fetch", "Fetcher", "JobStore", "ScopeResolver", "SnapshotStore"),
    "backfill.service": ("BackfillService",),
    "backfill.sources": ("function_source", "try_source"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name, or the version of the installed distribution, on first use."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - reads files; only who asks for it pays

        return version("backfill")
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module 'backfill' has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted([*__all__, "__version__"])
