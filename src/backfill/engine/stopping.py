"""Why a job comes to rest before it is done: one idea with four meanings."""

from __future__ import annotations

from enum import IntEnum

CANCELLED_ON_REQUEST = "cancelled on request"
PAUSED_ON_REQUEST = "paused on request"
LOST_TO_ANOTHER = "another process has taken the job over"
RESUMED = "resumed"


class Stop(IntEnum):
    """What becomes of a job that is stopped; of two that were asked for, the greater counts.

    What happens is the same for all of them: every wait ends at once, nothing new starts, what is in flight ends, what is collected is
    published, and the rest stays pending. Only of a job that was lost nothing more is published, nor noted.
    """

    LET_GO = 1
    """It stays in the state that it is in, and without an owner: whoever comes next goes on with it."""
    PAUSE = 2
    """It rests until somebody resumes it."""
    CANCEL = 3
    """It has ended, for ever."""
    LOST = 4
    """It belongs to another by now."""
