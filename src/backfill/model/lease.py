"""Who owns a job, under which number, and what others have asked its owner for."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from attrs import evolve, frozen

from backfill.errors import LeaseLost
from backfill.model.status import BackfillStatus


class Wanted(StrEnum):
    """What any process may ask of the owner of a job."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


@frozen
class Requests:
    """What the owner of a job is asked to do. Not messages but a state: it holds until it is taken back, whoever owns the job.

    Attributes:
        cancel: The job shall end. Never taken back.
        pause: The job shall rest; ``False`` again = it shall go on.
    """

    cancel: bool = False
    pause: bool = False

    def after(self, wanted: Wanted) -> Requests:
        """Return what is asked for once *wanted* is, too; equal to this where that changes nothing."""
        if self.cancel:
            return self
        return evolve(self, cancel=True) if wanted is Wanted.CANCEL else evolve(self, pause=wanted is Wanted.PAUSE)

    def need_owner(self, status: BackfillStatus) -> bool:
        """Return whether a job in *status* needs somebody who works on it: not when it has ended, nor while it rests as it should."""
        return not status.is_final and (status is not BackfillStatus.PAUSED or self.cancel or not self.pause)


@frozen
class Lease:
    """The right to work on a job, for a while.

    Attributes:
        job_id: The job.
        owner: Who has it: a text of the owner's own making, for people.
        epoch: The fencing number. Grows with every acquisition; a change under an older number is refused.
        ttl: Seconds from one renewal to the moment at which owners elsewhere may take over.
        expires: That moment (aware, UTC).
    """

    job_id: str
    owner: str
    epoch: int
    ttl: float
    expires: datetime


@frozen
class Renewal:
    """What a renewal tells.

    Attributes:
        lease: The lease with its new moment of expiry.
        requests: What the owner is asked for.
    """

    lease: Lease
    requests: Requests


@frozen
class Ownership:
    """Who owns a job, as a job store keeps it.

    Attributes:
        epoch: The number of the newest acquisition; 0 = nobody ever owned it.
        owner: Who has it; ``None`` = nobody.
        machine: Where the owner runs; ``None`` = it does not matter.
        expires: When owners elsewhere may take over (aware, UTC).
    """

    epoch: int = 0
    owner: str | None = None
    machine: str | None = None
    expires: datetime | None = None

    def taken_by(self, owner: str, *, machine: str | None, until: datetime) -> Ownership:
        """Return the ownership after *owner* has taken the job over."""
        return Ownership(self.epoch + 1, owner, machine, until)

    def released(self) -> Ownership:
        """Return the ownership after its owner has let the job go."""
        return Ownership(self.epoch)

    def is_under(self, epoch: int) -> bool:
        """Return whether *epoch* is the number under which changes are accepted now.

        That of the owner, expired or not, for as long as nobody else has taken over; 0 for a job that nobody has owned yet.
        """
        return epoch == self.epoch and (self.owner is not None or epoch == 0)

    def has_expired(self, now: datetime) -> bool:
        """Return whether nobody owns the job, or its owner has not renewed in time."""
        return self.expires is None or self.expires <= now

    def check(self, job_id: str, epoch: int) -> None:
        """Refuse whoever is not the owner.

        Raises:
            LeaseLost: *epoch* is not the number under which changes are accepted now.
        """
        if not self.is_under(epoch):
            raise LeaseLost(job_id, epoch, self.epoch)


def expiry(now: datetime, ttl: float) -> datetime:
    """Return the moment *ttl* seconds after *now*."""
    return now + timedelta(seconds=ttl)
