"""Job stores that can do a part of what the one in memory can, as an adapter of somebody else's might."""

from __future__ import annotations

from typing import cast

from backfill.jobstores import MemoryJobStore
from backfill.protocols import Clock, JobStore

BASIC = ("create", "load", "apply", "list", "delete")
LEASES = ("acquire", "renew", "release", "abandoned")


class _Part:
    """Some methods of a store."""

    def __init__(self, store: MemoryJobStore, names: tuple[str, ...]) -> None:
        for name in names:
            setattr(self, name, getattr(store, name))


def basic(clock: Clock) -> JobStore:
    """Return a job store without any ability."""
    return cast("JobStore", _Part(MemoryJobStore(clock=clock), BASIC))


def leasing(clock: Clock) -> JobStore:
    """Return a job store whose one ability are leases."""
    return cast("JobStore", _Part(MemoryJobStore(clock=clock), (*BASIC, *LEASES)))
