"""A store of your own, made of one that is there: whatever is published is told to somebody, and old days cannot be deleted.

The tests of a store come with the library: `check_snapshot_store` runs them all against it.

    python examples/custom_store.py

Where hypothesis is installed, it also tries any order of calls, and leaves its folder ``.hypothesis``.

It prints:

    published 2024-01-31: 2 districts
    published 2024-02-29: 2 districts
    deleting: 2024-01-31 is kept for good
    the store's contract: passed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import TracebackType
from typing import Self

from backfill import BackfillRequest, BackfillService, DistrictRecord, Fetch, SnapshotStore, function_source
from backfill.errors import StoreError
from backfill.model import Contribution, EncodedRecord, RecordHeader, SnapshotInfo
from backfill.protocols import Snapshot, SnapshotDraft
from backfill.stores import MemorySnapshotStore
from backfill.testing.contracts import check_snapshot_store

Tell = Callable[[SnapshotInfo], object]


class TellingStore:
    """Keeps days in another store, tells of each that is published, and keeps those that *keep* names for good."""

    def __init__(self, store: SnapshotStore, tell: Tell, keep: frozenset[date] = frozenset()) -> None:
        self._store = store
        self._tell = tell
        self._keep = keep

    def begin(self, day: date, /, *, job_id: str) -> SnapshotDraft:
        """Return a draft of the day."""
        return _Draft(self._store.begin(day, job_id=job_id), self._tell)

    def read(self, day: date, /) -> Snapshot:
        """Return the stored day."""
        return self._store.read(day)

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        """Return what is said of each record of the day."""
        return self._store.entries(day)

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the stored days."""
        return self._store.days(start, end)

    def delete(self, day: date, /) -> None:
        """Remove a day that need not be kept."""
        if day in self._keep:
            raise StoreError(f"{day} is kept for good")
        self._store.delete(day)


class _Draft:
    def __init__(self, draft: SnapshotDraft, tell: Tell) -> None:
        self._draft = draft
        self._tell = tell

    def __enter__(self) -> Self:
        self._draft.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._draft.__exit__(kind, error, traceback)

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Stage one district's record."""
        self._draft.put(record)

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Stage a summary of the day."""
        self._draft.put_summary(name, payload, as_of=as_of)

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        """Publish the day, and tell of it."""
        info = self._draft.commit(contribution)
        if info is not None:
            self._tell(info)
        return info


@function_source("example")
def example(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
    """Return a figure."""
    return {"day": day.day}


def main() -> None:
    """Collect into the store, try to delete from it, and prove it."""
    store = TellingStore(
        MemorySnapshotStore(),
        lambda info: print(f"published {info.snapshot_id}: {len(info.districts)} districts"),
        frozenset({date(2024, 1, 31)}),
    )
    request = BackfillRequest(
        "2024-01-01", "2024-02-29", ["east", "west"], frequency="month-end", order="oldest-first", concurrency=1
    )
    with BackfillService(example, store) as service:
        service.run_backfill(request, progress=False)
    try:
        store.delete(date(2024, 1, 31))
    except StoreError as error:
        print(f"deleting: {error}")
    report = check_snapshot_store(lambda _place: TellingStore(MemorySnapshotStore(), lambda _info: None))
    print(f"the store's contract: {report if report.failed else 'passed'}")


if __name__ == "__main__":
    main()
