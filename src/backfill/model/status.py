"""The state of a job, and which state may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class BackfillStatus(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    PROCESSING = "processing"
    PAUSED = "paused"
    COMPLETE = "complete"
    PARTIAL_SUCCESS = "partial_success"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return not TRANSITIONS[self]

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody works on the job, nor will unless somebody asks for it: it has ended, or is paused."""
        return self is BackfillStatus.PAUSED or self.is_final

    def may_become(self, other: BackfillStatus) -> bool:
        """Return whether *other* may follow directly. No state follows itself: two owners who both begin a job would go unnoticed."""
        return other in TRANSITIONS[self]


_FINAL = frozenset(
    {BackfillStatus.COMPLETE, BackfillStatus.PARTIAL_SUCCESS, BackfillStatus.ERROR, BackfillStatus.CANCELLED},
)

TRANSITIONS: Mapping[BackfillStatus, frozenset[BackfillStatus]] = MappingProxyType(
    {
        BackfillStatus.QUEUED: frozenset(
            {
                BackfillStatus.PROCESSING,
                BackfillStatus.PAUSED,
                BackfillStatus.CANCELLED,
                BackfillStatus.ERROR,  # it could not even begin
            }
        ),
        BackfillStatus.PROCESSING: _FINAL | {BackfillStatus.PAUSED},
        BackfillStatus.PAUSED: frozenset({BackfillStatus.QUEUED, BackfillStatus.PROCESSING, BackfillStatus.CANCELLED}),
        **dict.fromkeys(_FINAL, frozenset[BackfillStatus]()),
    }
)
"""For each state those that may follow it; a state that none may follow is final."""
