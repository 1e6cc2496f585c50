"""Jobs that nobody works on: the right to them, and what is noted when they come to rest without being worked on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backfill.engine.jobs import LiveJob
from backfill.engine.ownership import Tenure, owner_text, take
from backfill.engine.releasing import LateReleases
from backfill.errors import LeaseLost
from backfill.model import BackfillStatus, Change, JobState, StatusChanged
from backfill.protocols import Clock, JobStore, SupportsLeases

Unnoted = Callable[[JobState], Sequence[Change]]
"""Tells what a job has published that was not noted."""


class Settling:
    """Takes, and settles, the jobs that nobody works on, for one service. Any thread.

    Args:
        jobs: Where they are kept.
        clock: The time.
        late: Lets go of them.
        unnoted: Tells what they have published that was not noted.
    """

    def __init__(self, jobs: JobStore, clock: Clock, late: LateReleases, unnoted: Unnoted) -> None:
        self._jobs = jobs
        self._clock = clock
        self._late = late
        self._unnoted = unnoted
        self._owner = owner_text()

    def take_new(self, job_id: str) -> Tenure | None:
        """Return the right to work on a job that was just created here; ``None`` = another was so quick as to take it."""
        return take(self._jobs, job_id, self._owner)

    def take(self, job_id: str, known: LiveJob | None) -> Tenure | None:
        """Return the right to work on a job, if nobody works on it; *known* is the job, if it is known here."""
        if not isinstance(self._jobs, SupportsLeases):
            is_paused = self._jobs.load(job_id).status is BackfillStatus.PAUSED  # else whoever made it works on it, if anybody
            return Tenure(self._jobs, job_id, None) if is_paused else None
        self._late.retry(job_id)
        tenure = take(self._jobs, job_id, self._owner)
        if tenure is not None or known is None or not known.is_at_rest:
            return tenure
        try:  # it rests here, but that could not be noted, nor that it was let go
            known.tenure.renew()
        except LeaseLost:  # another has taken it meanwhile
            return None
        self._late.take_back(known.tenure)
        return known.tenure

    def settle(self, job_id: str, known: LiveJob | None, status: BackfillStatus, reason: str) -> bool:
        """Bring a job that nobody works on to another state; return whether that was done."""
        tenure = self.take(job_id, known)
        if tenure is None:
            return False
        try:
            self.note(tenure, status, reason)
        except ValueError:  # somebody else brought it to that state meanwhile
            return False
        finally:
            self._late.release(tenure)
        return True

    def note(self, tenure: Tenure, status: BackfillStatus, reason: str) -> None:
        """Note that a job rests, and first what it has published: whoever worked on it may have ended in between."""
        state, now = self._jobs.load(tenure.job_id), self._clock.now()
        tenure.apply([*self._unnoted(state), StatusChanged(status, now, reason)], at=now)
