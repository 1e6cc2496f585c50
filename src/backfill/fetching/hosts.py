"""The protective machinery of each host that is asked, made when it is asked first, and the doors that use it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

from attrs import evolve, field, frozen

from backfill.errors import TransientSourceError
from backfill.fetching.addresses import full_address, host_of
from backfill.fetching.breaker import Breaker
from backfill.fetching.call import Call, Door
from backfill.fetching.limiter import Limiter
from backfill.fetching.pace import HostPace, JobPace, kept_in_memory
from backfill.fetching.shared import kept_in_file
from backfill.model import Document, HostStatus, JobContext
from backfill.protocols import Clock

_log = logging.getLogger(__name__)

_STRAIN = frozenset({"http_429", "http_503"})
"""What a host says that has too much to do."""


@frozen(eq=False)
class Host:
    """What protects one host."""

    name: str
    pace: HostPace
    limiter: Limiter
    breaker: Breaker


@frozen(eq=False)
class Hosts:
    """All hosts that were asked so far. Any thread.

    Attributes:
        rate: Requests a second to each; ``None`` = no limit.
        concurrency: Requests at once to each.
        shared_state: The folder through which processes share their pace, or ``None``.
        clock: Time, and waiting.
        longest_park: Seconds: for a host that asks to be left alone for longer nobody waits; it is a `HostDown`.
    """

    rate: float | None
    concurrency: int
    shared_state: Path | None
    clock: Clock
    longest_park: float = 3600.0
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _hosts: dict[str, Host] = field(factory=dict, init=False, repr=False)
    _spacings: WeakKeyDictionary[JobContext, Limiter] = field(factory=WeakKeyDictionary, init=False, repr=False)

    def of(self, call: Call) -> Host | None:
        """Return the host that *call* asks; ``None`` when its address names none."""
        name = host_of(full_address(call.request))
        if not name:
            return None
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = self._made(name)
            return self._hosts[name]

    def breaker_of(self, call: Call) -> Breaker | None:
        """Return the breaker of the host that *call* asks."""
        host = self.of(call)
        return None if host is None else host.breaker

    @contextmanager
    def turn(self, call: Call, host: Host) -> Iterator[Callable[[], None]]:
        """Wait until *call* may be sent: its job's interval, then the host's limits; the turn lasts as long as the block.

        Yields:
            What to call when the request has left: from then on the seconds count.

        Raises:
            Cancelled: The job was cancelled meanwhile.
            HostDown: The host wants to be left alone for too long.
        """
        spacing = self._spacing(call.unit.job)
        with ExitStack() as held, ExitStack() as spaced:
            if spacing is not None:
                spaced.enter_context(spacing.turn(call.cancel))  # held until the request has left
            host_left = held.enter_context(host.limiter.turn(call.cancel, call.unit.job.job_id))

            def left() -> None:
                host_left()
                spaced.close()

            yield left

    def status(self) -> tuple[HostStatus, ...]:
        """Return the state of every host, by name."""
        with self._lock:
            hosts = sorted(self._hosts.values(), key=lambda host: host.name)
        return tuple(self._status(host) for host in hosts)

    def _status(self, host: Host) -> HostStatus:
        in_flight, waiting = host.limiter.status()
        breaker, open_seconds = host.breaker.status()
        return HostStatus(
            host=host.name,
            rate=self.rate,
            concurrency=self.concurrency,
            in_flight=in_flight,
            waiting=waiting,
            breaker=breaker,
            parked_seconds=max(open_seconds, host.pace.parked_seconds),
            slowdown=host.pace.slowdown,
        )

    def _made(self, name: str) -> Host:
        if self.shared_state is None:
            keeper = kept_in_memory(self.rate)
        else:
            keeper = kept_in_file(self.shared_state, name, self.rate, self.clock)
        pace = HostPace(keeper, self.clock, name, longest_wait=self.longest_park)
        return Host(name, pace, Limiter(pace, self.concurrency, self.clock), Breaker(self.clock))

    def _spacing(self, job: JobContext) -> Limiter | None:
        """Return what spaces the requests of *job*: whoever holds the only turn is the next of the job to send."""
        if not job.min_interval:
            return None
        with self._lock:
            if job not in self._spacings:
                self._spacings[job] = Limiter(JobPace(job.min_interval, self.clock), 1, self.clock)
            return self._spacings[job]


def limited(inner: Door, hosts: Hosts) -> Door:
    """Return a door that takes turns, parks a host that asks to be left alone, and slows down for one that shows strain.

    Args:
        inner: Sends.
        hosts: Their limits.
    """

    def door(call: Call) -> Document:
        host = hosts.of(call)
        if host is None:
            return inner(call)
        with hosts.turn(call, host) as left:
            began = hosts.clock.monotonic()
            try:
                document = inner(evolve(call, left=left))
            except TransientSourceError as error:
                if error.kind in _STRAIN:
                    host.pace.strained()
                if error.retry_after:  # while the turn is held, so that nobody slips in between
                    _log.info("%s asks to be left alone for %g s", host.name, error.retry_after, extra=call.log_extra)
                    host.pace.penalise(error.retry_after)
                raise
            host.pace.answered(hosts.clock.monotonic() - began)
            return document

    return door
