"""What the server was asked: a log of requests, and counts of them."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from attrs import frozen


@frozen
class RequestRecord:
    """One request, noted before the first byte of its answer is sent.

    Attributes:
        at: When it came, in seconds of the server's monotonic clock.
        method: The method.
        target: The address without scheme and host.
        headers: Its headers, names in small letters.
        path: The path of the address.
        report: The report; empty for a page.
        district: The district; empty for the summary and for pages.
        month: The month end, ``YYYY-MM-DD``; what is no date stands as it was written.
        as_of: The as-of; as *month*.
        status: The status of the answer; ``None`` where the connection was broken off instead.
        fault: The name of the fault, or ``""``.
    """

    at: float
    method: str
    target: str
    headers: Mapping[str, str]
    path: str
    report: str
    district: str
    month: str
    as_of: str
    status: int | None
    fault: str = ""


@frozen
class Counts:
    """How many requests there were, in all and by what they asked for."""

    total: int
    by_report: Mapping[str, int]
    by_district: Mapping[str, int]
    by_as_of: Mapping[str, int]
    by_status: Mapping[int | None, int]
    most_in_flight: int


class RequestLog:
    """The log of one server. Any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._records: list[RequestRecord] = []
        self._in_flight = 0
        self._most = 0

    @contextmanager
    def flight(self) -> Iterator[Callable[[], None]]:
        """Count a request as in flight until the function is called that this yields, or else until the end of the block."""
        landed = False

        def land() -> None:
            nonlocal landed
            with self._changed:
                self._in_flight -= not landed
                landed = True

        with self._changed:
            self._in_flight += 1
            self._most = max(self._most, self._in_flight)
        try:
            yield land
        finally:
            land()

    def add(self, record: RequestRecord) -> None:
        """Note what it was and how it will be answered."""
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout: float) -> bool:
        """Wait until there are *count* records; return whether there are."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._records) >= count, timeout)

    def reset(self) -> None:
        """Forget all records and counts; what is in flight stays so."""
        with self._changed:
            self._records.clear()
            self._most = self._in_flight

    @property
    def records(self) -> tuple[RequestRecord, ...]:
        """All records, in the order in which they were answered."""
        with self._changed:
            return tuple(self._records)

    @property
    def in_flight(self) -> int:
        """How many requests are being answered now."""
        with self._changed:
            return self._in_flight

    @property
    def counts(self) -> Counts:
        """How many requests there were."""
        with self._changed:
            records, most = tuple(self._records), self._most
        return Counts(
            len(records),
            _count(record.report for record in records),
            _count(record.district for record in records),
            _count(record.as_of for record in records),
            MappingProxyType(Counter(record.status for record in records)),
            most,
        )


def most_within(seconds: float, times: Iterable[float]) -> int:
    """Return the most of *times* that lie in any window of this length, which does not hold its own end."""
    window: deque[float] = deque()
    most = 0
    for time in sorted(times):
        window.append(time)
        while window[0] <= time - seconds:
            window.popleft()
        most = max(most, len(window))
    return most


def _count(names: Iterable[str]) -> Mapping[str, int]:
    return MappingProxyType(Counter(filter(None, names)))
