"""The door out: the only part of this library that opens a connection.

`PoliteFetcher` is the door to the network, `ArchiveFetch` a door that opens to the raw archive only, and `BareFetcher` makes a
door of any function that fetches. They are loaded on first use, since the network's library takes a while to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backfill.fetching.archive import RawArchive
    from backfill.fetching.bare import BareFetcher
    from backfill.fetching.fetcher import PoliteFetcher
    from backfill.fetching.offline import ArchiveFetch

__all__ = ["ArchiveFetch", "BareFetcher", "PoliteFetcher", "RawArchive"]

_HOMES = {"ArchiveFetch": "offline", "BareFetcher": "bare", "PoliteFetcher": "fetcher", "RawArchive": "archive"}


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return list(__all__)
