"""The polite door, put together from its parts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import requests

from backfill.clock import SystemClock
from backfill.errors import ServiceUnusable
from backfill.fetching.answers import judged
from backfill.fetching.breaker import guarded, patient
from backfill.fetching.call import BoundFetch, Call, Door
from backfill.fetching.counters import Counters, counted
from backfill.fetching.environment import Surroundings
from backfill.fetching.hosts import Hosts, limited
from backfill.fetching.http import HttpTransport
from backfill.fetching.kept import Kept
from backfill.fetching.memory import MemoryArchive
from backfill.fetching.offline import ArchiveFetch
from backfill.fetching.options import as_folder, as_kind, as_names, as_rate, as_transports, as_user_agent
from backfill.fetching.redaction import Secrets
from backfill.fetching.redirects import following
from backfill.fetching.reuse import Archive, keeping, reusing, revalidating
from backfill.fetching.share import Sharing
from backfill.fetching.transports import Transport, Ways, admitted, dispatched
from backfill.fetching.trying import DEFAULT_RETRY, checked, retrying
from backfill.model import Document, FetchStatus, RetryPolicy, UnitContext
from backfill.model.checks import as_count, as_seconds
from backfill.protocols import Clock

DEADLINE = 60.0
MAX_BYTES = 50 * 1024 * 1024
PATIENCE = 600.0

_A_DAY = 86400.0


class PoliteFetcher:
    """The door to the network. Any thread; made cheaply, opens nothing before its first use.

    What is asked for passes, in this order: the archive (what was fetched recently enough is not asked for again); sharing (units
    that ask for the same at the same time cost one request); the attempt loop with the caller's check; a conditional request
    where the archive holds an earlier copy; redirections; the breaker and the limits of the host.

    Args:
        rate: Requests a second to each host, over all threads, and over all processes that share *shared_state*; ``None`` = no
            limit.
        concurrency: Requests at once to each host, in this process.
        retry: How often, and with which pauses in seconds, a transient failure is tried again.
        deadline: Seconds that one request may take, from connecting to the last byte. A *session* is held to it between the
            pieces that its adapters receive.
        max_bytes: Bytes of a body, on the wire and decoded.
        user_agent: Who asks; name yourself and where you can be reached. ``None`` = this library and its home page. It replaces
            a session's.
        session: A ``requests.Session`` that carries authentication: used as it is, never closed, and not used where a request was
            redirected to another host. Without one there is no authentication, and cookies are not kept. If its ``trust_env`` is
            off, the proxies and certificates that the environment names are not used with it.
        redact: Names of further parameters and headers whose values must not reach a log, an error, an identity or the archive.
        transports: What answers instead of HTTP, by prefix or scheme of the address: ``{"file:": read_file}``, where
            ``read_file(request: DocumentRequest)`` returns the content, or a `Document` if there is a status or header to tell.
            An address that names no host is not limited.
        archive: Keeps what was received (`RawArchive`); ``None`` = in memory, so that nothing is fetched twice in this process.
        shared_state: A folder through which processes share the pace of each host and the pauses that it asks for; ``None`` = this
            process goes by itself.
        patience: Seconds that one document waits in all for a host that does not answer; then it is a `HostDown`, which pauses the job.
        clock: Time, and waiting; ``None`` = the system's.

    Raises:
        InvalidRequest: An argument, or the environment, names something that cannot be used.
    """

    def __init__(
        self,
        *,
        rate: float | None = 5.0,
        concurrency: int = 4,
        retry: RetryPolicy = DEFAULT_RETRY,
        deadline: float = DEADLINE,
        max_bytes: int = MAX_BYTES,
        user_agent: str | None = None,
        session: requests.Session | None = None,
        redact: Iterable[str] = (),
        transports: Mapping[str, Transport] | None = None,
        archive: Archive | None = None,
        shared_state: str | os.PathLike[str] | None = None,
        patience: float = PATIENCE,
        clock: Clock | None = None,
    ) -> None:
        self._rate = as_rate(rate)
        self._clock = SystemClock() if clock is None else as_kind("clock", clock, Clock, "pass a Clock, see backfill.protocols")
        self._secrets = Secrets(as_names("redact", redact))
        self._counters = Counters()
        self._archive: Archive = MemoryArchive()
        if archive is not None:
            self._archive = as_kind("archive", archive, Archive, "pass a RawArchive, or leave it out")
        policy = as_kind("retry", retry, RetryPolicy, "pass a backfill.model.RetryPolicy")
        self._hosts = Hosts(
            rate=self._rate,
            concurrency=as_count("concurrency", concurrency, least=1, most=256),
            shared_state=as_folder("shared_state", shared_state),
            clock=self._clock,
            longest_park=policy.max_retry_after,
        )
        self._http = HttpTransport(
            session=None if session is None else as_kind("session", session, requests.Session, "pass a requests.Session"),
            user_agent=as_user_agent(user_agent),
            deadline=as_seconds("deadline", deadline, least=0.001, most=_A_DAY),
            max_bytes=as_count("max_bytes", max_bytes, least=1, most=1 << 40),
            connections=concurrency,
            clock=self._clock,
            secrets=self._secrets,
            counters=self._counters,
            surroundings=Surroundings.read(),
        )
        self._door = self._assembled(
            Ways(as_transports(transports)),
            policy,
            as_seconds("patience", patience, most=_A_DAY),
        )
        self._pid: int | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"PoliteFetcher(rate={self._rate!r}, concurrency={self._hosts.concurrency!r}, archive={self._archive!r})"

    def bind(self, unit: UnitContext, /) -> BoundFetch:
        """Return the door for one unit of work.

        Raises:
            ServiceUnusable: The fetcher was closed, or carried over a fork.
        """
        self._refuse_if_unusable()
        return BoundFetch(self._enter, unit, self._secrets)

    def status(self) -> FetchStatus:
        """Return the state of limits, breakers and cache; never waits; any thread."""
        self._refuse_if_forked()
        return self._counters.status(self._hosts.status(), self._rate)

    def offline(self) -> ArchiveFetch:
        """Return a fetcher that answers from this one's archive only."""
        return ArchiveFetch(self._archive)

    def close(self) -> None:
        """Let go of connections and files. May be called twice; what is being received is received, and nothing more is sent."""
        self._closed = True
        if self._pid in {None, os.getpid()}:  # what a fork carried here belongs to the parent
            self._http.close()
            self._archive.close()

    def _enter(self, call: Call) -> Document:
        self._refuse_if_unusable()
        self._pid = os.getpid()
        return self._door(call)

    def _refuse_if_unusable(self) -> None:
        if self._closed:
            raise ServiceUnusable("this PoliteFetcher was closed; make a new one")
        self._refuse_if_forked()

    def _refuse_if_forked(self) -> None:
        if self._pid not in {None, os.getpid()}:
            message = (
                "this PoliteFetcher was in use before this process was forked, and its connections and locks are the parent's; "
                "make one in each process, with the same shared_state=, or start processes by 'spawn'"
            )
            raise ServiceUnusable(message)

    def _assembled(self, ways: Ways, retry: RetryPolicy, patience: float) -> Door:
        """Return the door, built from the inside out: each line wraps all above it."""
        clock, secrets, hosts, counters, archive = self._clock, self._secrets, self._hosts, self._counters, self._archive
        kept = Kept()
        door = dispatched(self._http, ways, clock=clock, secrets=secrets)
        door = counted(door, counters)
        door = judged(door, clock=clock, secrets=secrets)
        door = guarded(door, hosts.breaker_of)
        door = limited(door, hosts)
        door = patient(door, hosts.breaker_of, patience=patience, clock=clock)
        door = following(door, secrets=secrets)
        door = revalidating(door, archive, secrets=secrets)
        door = checked(door, on_refused=lambda document: archive.put(document, usable=False))
        door = retrying(door, policy=retry, clock=clock)
        door = keeping(door, archive, kept=kept)
        door = reusing(
            door, archive, kept=kept, counters=counters
        )  # again, for what was archived while this call became the leader
        door = Sharing(door, counters=counters, clock=clock)
        door = reusing(door, archive, kept=kept, counters=counters)
        return admitted(door, ways, secrets=secrets)
