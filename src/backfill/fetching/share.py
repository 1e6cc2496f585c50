"""Sharing in flight: units that ask for the same document at the same time cost one request.

Whoever asks first leads; the others follow and wait. A leader that is cancelled hands over: one of its followers leads anew. Its
failure to get the document is theirs as well; its own mistakes (an exception that is no `SourceError`) are not.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Hashable

from attrs import define, field

from backfill.errors import Cancelled, SourceError, TransientSourceError
from backfill.fetching.call import Call, Door, examined
from backfill.fetching.counters import Counters
from backfill.model import Document
from backfill.protocols import Clock

_LOOK = 0.1
"""Seconds between a follower's looks at its own cancel flag."""


@define(eq=False)
class _Flight:
    """One request under way, and what came of it: a document, a failure, or neither when it was given up."""

    leader: int = field(factory=threading.get_ident)
    done: threading.Event = field(factory=threading.Event)
    document: Document | None = None
    failure: SourceError | None = None


class Sharing:
    """A door through which equal calls go together. Any thread.

    Args:
        inner: Brings the document for the leader.
        counters: Count what was shared.
        clock: Waits.
    """

    def __init__(self, inner: Door, *, counters: Counters, clock: Clock) -> None:
        self._inner, self._counters, self._clock = inner, counters, clock
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight] = {}

    def __call__(self, call: Call) -> Document:
        """Return the document, brought by this call or by an equal one."""
        key = (call.identity, None if call.unit.job.reuse else call.unit.job)  # who wants it anew shares with its own job only
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    mine = self._flights[key] = _Flight()
            if flight is None:
                return self._lead(call, key, mine)
            if flight.leader == threading.get_ident():  # a check that asks for the very document it checks would wait for itself
                return self._inner(call)
            self._wait(call, flight)
            if flight.failure is not None:
                raise copy.copy(flight.failure)
            if flight.document is not None:
                return self._follow(call, flight.document)

    def _lead(self, call: Call, key: Hashable, flight: _Flight) -> Document:
        try:
            flight.document = self._inner(call)
        except Cancelled:
            raise
        except SourceError as error:
            flight.failure = copy.copy(error)
            raise
        finally:  # in this order: who comes now asks anew, who waited sees what came of it
            with self._lock:
                del self._flights[key]
            flight.done.set()
        return flight.document

    def _wait(self, call: Call, flight: _Flight) -> None:
        while not self._clock.wait(flight.done, _LOOK):
            if call.cancel.is_set():
                raise Cancelled("the job was cancelled while another unit fetched the document")

    def _follow(self, call: Call, document: Document) -> Document:
        try:
            followed = examined(call, document)
        except TransientSourceError:
            return self._inner(call)  # this call's own check wants another answer, so it asks for itself
        self._counters.shared()
        return followed
