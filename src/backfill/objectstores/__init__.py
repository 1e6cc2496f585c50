"""Snapshots and raw documents in a bucket: S3, and what speaks its language; Google's and Azure's stores. Needs the extra ``s3``.

For several machines that share one history. On one machine, `backfill.stores` and `backfill.fetching.RawArchive` are faster.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from backfill.errors import MissingExtra

if TYPE_CHECKING:
    from backfill.objectstores.archive import ObjectRawArchive
    from backfill.objectstores.snapshots import ObjectSnapshotStore

__all__ = ["ObjectRawArchive", "ObjectSnapshotStore"]

_HOMES = {"ObjectRawArchive": "archive", "ObjectSnapshotStore": "snapshots"}


def __getattr__(name: str) -> object:
    """Load a public name on first use.

    Raises:
        MissingExtra: The library that speaks to buckets is not installed.
    """
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "obstore":
            raise
        what = f"{__name__}.{name}"
        raise MissingExtra(what, "s3") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(__all__)
