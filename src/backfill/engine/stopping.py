"""Why a job comes to rest before it is done: one idea with four meanings."""

from __future__ import annotations

from enum import IntEnum

from backfill.model import BackfillStatus, JobState, UnitState

CANCELLED_ON_REQUEST = "cancelled on request"
PAUSED_ON_REQUEST = "paused on request"
LOST_TO_ANOTHER = "another process has taken the job over"
RESUMED = "resumed"


class Stop(IntEnum):
    """What becomes of a job that is stopped; of two that were asked for, the greater counts.

    What happens is the same for all of them: every wait ends at once, nothing new starts, what is in flight ends (or is dropped, if an
    executor has it and is not done soon), what is collected is published, and the rest stays pending. Only of a job that was lost nothing more is published, nor noted.
    """

    LET_GO = 1
    """It stays in the state that it is in, and without an owner: whoever comes next goes on with it."""
    PAUSE = 2
    """It rests until somebody resumes it."""
    CANCEL = 3
    """It has ended, for ever."""
    LOST = 4
    """It belongs to another by now."""


def conclude(
    state: JobState, stop: Stop | None, reason: str | None, error: str | None
) -> tuple[BackfillStatus | None, str | None]:
    """Return the state in which a job comes to rest, and why; ``None`` = in that in which it is. Pure.

    Args:
        state: What has become of it so far.
        stop: Why it was stopped; ``None`` = it was not.
        reason: That for people.
        error: What stopped it as a whole.
    """
    if stop is Stop.LOST:
        return None, reason
    if error is not None:
        return BackfillStatus.ERROR, error
    counts = state.counts
    if counts[UnitState.PENDING] or state.status is BackfillStatus.QUEUED:
        if stop is None:
            return BackfillStatus.PAUSED, "what is left is being collected elsewhere; resume the job when that has ended"
        ends = {Stop.CANCEL: BackfillStatus.CANCELLED, Stop.PAUSE: BackfillStatus.PAUSED}
        return ends.get(stop), reason
    failed = counts[UnitState.FAILED]
    if not failed:
        return BackfillStatus.COMPLETE, None
    why = f"{failed} of {state.total} units failed"
    return (BackfillStatus.PARTIAL_SUCCESS if failed < state.total else BackfillStatus.ERROR), why
