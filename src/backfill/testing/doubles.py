"""Stores that fail or dawdle as a test says, around any other store; and what goes wrong when, for these and for files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from types import TracebackType
from typing import Self

from backfill.clock import SystemClock
from backfill.errors import StoreError
from backfill.jsonvalues import JsonValue
from backfill.model import Contribution, DistrictRecord, EncodedRecord, RecordHeader, SnapshotInfo, SnapshotMetadata
from backfill.protocols import Clock, Snapshot, SnapshotDraft, SnapshotStore

Operation = tuple[str, tuple[object, ...]]
"""One operation: its name and its arguments."""

Around = Callable[[str, tuple[object, ...]], AbstractContextManager[None]]


class Faults:
    """Counts operations, and says which of them goes wrong. Any thread.

    Args:
        at: The number of the operation that goes wrong, from 0, or several numbers; ``None`` = none, they are only counted.
        go_wrong: Returns what is raised; it may also end the process.
        forever: Whether all later operations go wrong as well, as when a process has ended or a disk is full.

    Attributes:
        log: The operations so far.
    """

    def __init__(self, at: int | Iterable[int] | None, go_wrong: Callable[[], BaseException], *, forever: bool = False) -> None:
        self._at = frozenset(() if at is None else (at,) if isinstance(at, int) else at)
        self._go_wrong = go_wrong
        self._forever = forever
        self._lock = threading.Lock()
        self.log: list[Operation] = []

    def note(self, name: str, *arguments: object) -> BaseException | None:
        """Note an operation; return what goes wrong with it, if anything does.

        *go_wrong* is called here, so that what must be done before it is done by `is_next`.
        """
        with self._lock:
            goes_wrong = self._goes_wrong(len(self.log))
            self.log.append((name, arguments))
        return self._go_wrong() if goes_wrong else None

    def is_next(self) -> bool:
        """Return whether the next operation is the first to go wrong."""
        return len(self.log) == min(self._at, default=-1)

    def _goes_wrong(self, number: int) -> bool:
        return number in self._at or (self._forever and bool(self._at) and number > min(self._at))


class StoreAround:
    """A snapshot store around another, in which something happens around each operation. Any thread.

    Operations are ``begin``, ``put``, ``put_summary``, ``commit``, ``leave``, ``read``, ``district``, ``summary``, ``entries``, ``days``
    and ``delete``.

    Args:
        store: The store that does the work.
        around: Called with the name of an operation and its arguments; the operation happens inside what it returns.
    """

    def __init__(self, store: SnapshotStore, around: Around) -> None:
        self._store = store
        self._around = around

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._store!r})"

    def begin(self, day: date, /, *, job_id: str) -> SnapshotDraft:
        """Return a draft around a draft of the store."""
        with self._around("begin", (day, job_id)):
            return _DraftAround(self._store.begin(day, job_id=job_id), self._around)

    def read(self, day: date, /) -> Snapshot:
        """Return a snapshot around the store's."""
        with self._around("read", (day,)):
            return _SnapshotAround(self._store.read(day), self._around)

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        """Return the store's entries."""
        with self._around("entries", (day,)):
            return self._store.entries(day)

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Return the store's days."""
        with self._around("days", (start, end)):
            return self._store.days(start, end)

    def delete(self, day: date, /) -> None:
        """Delete the day from the store."""
        with self._around("delete", (day,)):
            self._store.delete(day)


class FlakyStore(StoreAround):
    """A snapshot store of which chosen operations fail: what a disk, a lock or a network does to any store now and then.

    >>> from backfill.errors import StoreUnavailable
    >>> from backfill.stores import MemorySnapshotStore
    >>> store = FlakyStore(MemorySnapshotStore(), at=1, go_wrong=lambda: StoreUnavailable("the disk is full"))
    >>> list(store.days())
    []
    >>> list(store.days())
    Traceback (most recent call last):
    backfill.errors.StoreUnavailable: the disk is full

    Args:
        store: The store that does the work.
        at: The number of the operation that fails, from 0, or several; ``None`` = none.
        go_wrong: Returns what is raised.
        forever: Whether all later operations fail as well.
        afterwards: Whether a failing operation happens all the same, and only its answer is lost.

    Attributes:
        log: The operations so far, with their arguments.
    """

    def __init__(
        self,
        store: SnapshotStore,
        at: int | Iterable[int] | None = None,
        go_wrong: Callable[[], BaseException] = lambda: StoreError("the store fails here, as the test says"),
        *,
        forever: bool = False,
        afterwards: bool = False,
    ) -> None:
        faults = Faults(at, go_wrong, forever=forever)
        self.log = faults.log

        @contextmanager
        def around(name: str, arguments: tuple[object, ...]) -> Iterator[None]:
            error = faults.note(name, *arguments)
            if error is not None and not afterwards:
                raise error
            yield
            if error is not None:
                raise error

        super().__init__(store, around)


class SlowStore(StoreAround):
    """A snapshot store each of whose operations takes its time.

    Args:
        store: The store that does the work.
        seconds: How long each operation takes more than it does.
        clock: Waits; ``None`` = the system's. On a `VirtualClock` no time is lost.
    """

    def __init__(self, store: SnapshotStore, seconds: float, *, clock: Clock | None = None) -> None:
        its_clock, never = clock or SystemClock(), threading.Event()

        @contextmanager
        def around(_name: str, _arguments: tuple[object, ...]) -> Iterator[None]:
            its_clock.wait(never, seconds)
            yield

        super().__init__(store, around)


class _DraftAround:
    def __init__(self, draft: SnapshotDraft, around: Around) -> None:
        self._draft = draft
        self._around = around

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        with self._around("leave", ()):
            self._draft.__exit__(kind, error, traceback)

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        with self._around("put", (record,)):
            self._draft.put(record)

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        with self._around("put_summary", (name, payload, as_of)):
            self._draft.put_summary(name, payload, as_of=as_of)

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        with self._around("commit", (contribution,)):
            return self._draft.commit(contribution)


class _SnapshotAround:
    def __init__(self, snapshot: Snapshot, around: Around) -> None:
        self._snapshot = snapshot
        self._around = around

    @property
    def day(self) -> date:
        return self._snapshot.day

    @property
    def metadata(self) -> SnapshotMetadata:
        return self._snapshot.metadata

    @property
    def districts(self) -> tuple[str, ...]:
        return self._snapshot.districts

    def district(self, district: str, /) -> DistrictRecord:
        with self._around("district", (self.day, district)):
            return self._snapshot.district(district)

    def summary(self, name: str, /) -> JsonValue:
        with self._around("summary", (self.day, name)):
            return self._snapshot.summary(name)
