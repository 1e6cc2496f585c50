"""What passes between the engine and the door out: the unit on whose behalf is fetched, and the door's state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime

from attrs import field, frozen

from backfill.errors import TransientSourceError
from backfill.model.document import Document
from backfill.model.request import BackfillRequest


@frozen(eq=False)
class JobContext:
    """What all fetching on behalf of one job shares. Compared by identity.

    Attributes:
        job_id: The job.
        created_at: When it was accepted (aware, UTC): what was archived since then serves it.
        cancel: Set when the job is cancelled; every wait ends at once.
        retry: ``False`` = one attempt a document.
        reuse: ``False`` = ask the publisher anew even for what was archived before the job was accepted.
        min_interval: Seconds between this job's requests, on top of the host's limit; ``None`` = none.
    """

    job_id: str
    created_at: datetime
    cancel: threading.Event = field(factory=threading.Event)
    retry: bool = True
    reuse: bool = True
    min_interval: float | None = None

    @classmethod
    def of(cls, request: BackfillRequest, *, job_id: str, created_at: datetime) -> JobContext:
        """Return the context in which everything is fetched on behalf of *request*, with its options."""
        return cls(
            job_id,
            created_at,
            retry=request.retry_failures,
            reuse=request.enable_caching,
            min_interval=request.min_interval,
        )


def _ignore(_thing: object, /) -> None:
    pass


class Attempts:
    """The failed attempts at one unit: how many there were before, and where each further one is noted. Any thread.

    Args:
        earlier: Those that were made by processes which are gone.
        note: Called with each failed attempt after which there will be another, before the pause between the two.
    """

    def __init__(self, earlier: int = 0, note: Callable[[TransientSourceError], None] = _ignore) -> None:
        self.earlier = earlier
        self.note = note
        self._left = [earlier]

    def take_earlier(self) -> int:
        """Return how many were made before; 0 from then on, since they were made at the document that is asked for first."""
        try:
            return self._left.pop()
        except IndexError:  # another has taken them
            return 0


@frozen(eq=False)
class UnitContext:
    """One unit of work on whose behalf documents are fetched.

    Attributes:
        job: What it shares with the other units of its job.
        day: The day.
        district: The district; ``None`` for calls that serve the day as a whole.
        reuse_since: A document archived at or after this moment serves; ``None`` = any does not.
        record: Called with every document handed to the source, in the thread that asked for it (provenance).
        attempts: The failed attempts at the unit so far, and where further ones are noted.
    """

    job: JobContext
    day: date
    district: str | None = None
    reuse_since: datetime | None = None
    record: Callable[[Document], None] = _ignore
    attempts: Attempts = field(factory=Attempts, repr=False)


@frozen
class HostStatus:
    """The protective machinery at work for one host.

    Attributes:
        host: Scheme, name and port.
        rate: Requests a second allowed; ``None`` = no limit.
        concurrency: Requests at once allowed.
        in_flight: Requests under way.
        waiting: Calls that wait for their turn.
        breaker: ``closed``, ``open`` or ``half-open``.
        parked_seconds: For how long the host is left alone from now on, because it asked for it or does not answer; 0 = not.
        slowdown: By how much it is asked less often than its rate allows, because it shows strain; 1 = not.
    """

    host: str
    rate: float | None
    concurrency: int
    in_flight: int
    waiting: int
    breaker: str
    parked_seconds: float
    slowdown: float = 1.0


@frozen
class FetchStatus:
    """The state of the door out: its limits and breakers, and what was asked for and served.

    Attributes:
        hosts: One entry for each host seen.
        requests: Requests sent.
        retries: Of them, those that repeated a failed one.
        reused: Documents served from the archive.
        shared: Documents served by another unit's request that was under way.
        bytes_received: Bytes of the bodies received, as they came over the wire.
        rate: Requests a second that any one host will be asked for at most; ``None`` = no limit.
    """

    hosts: tuple[HostStatus, ...] = ()
    requests: int = 0
    retries: int = 0
    reused: int = 0
    shared: int = 0
    bytes_received: int = 0
    rate: float | None = None
