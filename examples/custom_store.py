"""A store of your own, over nothing that is there: a history in one SQLite file, each day published in a transaction.

What a day becomes when something is added to it is the library's: `combine_day`. The store keeps bytes, and answers with them. The tests of a
store come with the library: `check_snapshot_store` runs them all against it.

    python examples/custom_store.py

Where hypothesis is installed, it also tries any order of calls, and leaves its folder ``.hypothesis``.

It prints:

    stored 2024-01-31: east, west
    stored 2024-02-29: east, west
    opened anew: 2024-02-29 east is {'day': 29}
    the store's contract: passed
"""

from __future__ import annotations

import hashlib
import pickle
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from attrs import evolve, frozen

from backfill import BackfillRequest, BackfillService, DistrictRecord, Fetch, InvalidRequest, function_source
from backfill.clock import SystemClock
from backfill.errors import SnapshotNotFound, StoreError
from backfill.jsonvalues import JsonValue, loads, to_json_value
from backfill.model import (
    Contribution,
    EncodedRecord,
    RecordHeader,
    SnapshotInfo,
    SnapshotMetadata,
    StoredDay,
    SummaryHeader,
    combine_day,
    normalize_district,
    refuse_collisions,
)
from backfill.protocols import Clock
from backfill.serialization import decode_record, encode_record
from backfill.testing.contracts import check_snapshot_store

TABLES = """
CREATE TABLE IF NOT EXISTS day (day TEXT PRIMARY KEY, said BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS content (day TEXT NOT NULL, name TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (day, name)) STRICT;
"""
DISTRICT, SUMMARY = "district ", "summary "


class SqliteSnapshotStore:
    """Keeps snapshots in one file. Any thread, any number of processes on one machine: SQLite lets one of them write at a time.

    Args:
        place: The folder of the file.
        clock: Tells when a day was stored.
    """

    def __init__(self, place: Path, *, clock: Clock | None = None) -> None:
        self._path = place / "snapshots.sqlite3"
        self._clock = clock or SystemClock()
        with self._open("IMMEDIATE") as database:
            for statement in filter(str.strip, TABLES.split(";")):
                database.execute(statement)

    def begin(self, day: date, /, *, job_id: str) -> Draft:
        """Return a draft of the day."""
        key(day)
        return Draft(self, day, job_id)

    def read(self, day: date, /) -> StoredSnapshot:
        """Return the stored day, as it is now.

        Raises:
            SnapshotNotFound: There is none.
        """
        with self._open("DEFERRED") as database:
            said = said_of(database, day)
            rows = database.execute("SELECT name, bytes FROM content WHERE day = ?", [key(day)])
            contents: dict[str, bytes] = dict(rows.fetchall())
        if said is None:
            raise SnapshotNotFound(f"no snapshot of {day}; days() lists those there are")
        return StoredSnapshot(said, contents)

    def entries(self, day: date, /) -> Mapping[str, RecordHeader]:
        """Return what is said of each record of the day."""
        with self._open("DEFERRED") as database:
            said = said_of(database, day)
        return {} if said is None else said.entries

    def days(self, start: date | None = None, end: date | None = None, /) -> Iterator[date]:
        """Iterate over the stored days."""
        span = [str(start or date.min), str(end or date.max)]
        with self._open("DEFERRED") as database:
            rows = database.execute("SELECT day FROM day WHERE day BETWEEN ? AND ? ORDER BY day", span).fetchall()
        return (date.fromisoformat(day) for (day,) in rows)

    def delete(self, day: date, /) -> None:
        """Remove a day."""
        with self._open("IMMEDIATE") as database:
            for table in ("day", "content"):
                database.execute(f"DELETE FROM {table} WHERE day = ?", [key(day)])  # noqa: S608 - one of two names

    def publish(
        self,
        day: date,
        records: Mapping[str, EncodedRecord],
        summaries: Mapping[str, tuple[SummaryHeader, bytes]],
        contribution: Contribution,
    ) -> SnapshotInfo | None:
        """Merge what was staged into the day, in one transaction."""
        with self._open("IMMEDIATE") as database:
            old = said_of(database, day)
            refuse_twins([*records, *(old.entries if old else ())], [*summaries, *(old.summaries if old else ())])
            headers = {name: named(record.header, contribution) for name, record in records.items()}
            heads = {name: header for name, (header, _content) in summaries.items()}
            merged = combine_day(old, headers, heads, contribution, self._clock.now())
            if merged is None:
                return None
            database.execute("INSERT OR REPLACE INTO day VALUES (?, ?)", [key(day), pickle.dumps(merged.day)])
            fresh = {DISTRICT + name: records[name].content for name in merged.fresh}
            fresh |= {SUMMARY + name: summaries[name][1] for name in merged.fresh_summaries}
            rows = [(key(day), name, content) for name, content in fresh.items()]
            database.executemany("INSERT OR REPLACE INTO content VALUES (?, ?, ?)", rows)
            return merged.info

    @contextmanager
    def _open(self, kind: str) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, which is undone when anything is raised."""
        database = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            database.execute(f"BEGIN {kind}")
            yield database
            database.execute("COMMIT")
        finally:
            database.close()


class Draft:
    """What was put into a day and is not published yet, in memory."""

    def __init__(self, store: SqliteSnapshotStore, day: date, job_id: str) -> None:
        self._store, self._day, self._job_id = store, day, job_id
        self._records: dict[str, EncodedRecord] = {}
        self._summaries: dict[str, tuple[SummaryHeader, bytes]] = {}
        self._open = True
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._open = False

    def put(self, record: DistrictRecord | EncodedRecord, /) -> None:
        """Stage one district's record."""
        checked_district(record.district_id)
        if record.day != self._day:
            raise InvalidRequest("record.day", record.day, f"the draft is of {self._day}", "put it into a draft of its own day")
        encoded = self._encoded(record)
        with self._lock:
            self._check_open()
            refuse_twins({*self._records, encoded.district_id}, ())
            self._records[encoded.district_id] = evolve(encoded, header=evolve(encoded.header, job_id=self._job_id))

    def put_summary(self, name: str, payload: object, /, *, as_of: date) -> None:
        """Stage a summary of the day."""
        content = to_json_value(payload)[1]
        header = SummaryHeader(as_of, hashlib.sha256(content).hexdigest(), len(content), self._job_id)
        with self._lock:
            self._check_open()
            refuse_twins((), {*self._summaries, checked_name(name)})
            self._summaries[name] = header, content

    def commit(self, contribution: Contribution, /) -> SnapshotInfo | None:
        """Publish the day."""
        if contribution.day != self._day:
            raise InvalidRequest("contribution.day", contribution.day, f"the draft is of {self._day}", "commit it to its own day")
        with self._lock:
            self._check_open()
            info = self._store.publish(self._day, self._records, self._summaries, contribution)
            self._open = False
            return info

    def _encoded(self, record: DistrictRecord | EncodedRecord) -> EncodedRecord:
        if isinstance(record, DistrictRecord):
            try:
                return encode_record(record, job_id=self._job_id)
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidRequest(
                    "record.data", record.data, f"JSON cannot hold it ({error})", "pass what JSON has"
                ) from error
        if record.header.sha256 != hashlib.sha256(record.content).hexdigest() or record.header.size != len(record.content):
            raise InvalidRequest("record", record, "its content is not what its header says", "encode it with encode_record")
        return record

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(f"this draft of {self._day} was committed or left already; begin another")


@frozen
class StoredSnapshot:
    """One stored day."""

    said: StoredDay
    contents: Mapping[str, bytes]

    @property
    def day(self) -> date:
        """The day."""
        return self.said.metadata.day

    @property
    def metadata(self) -> SnapshotMetadata:
        """What is said of the day as a whole."""
        return self.said.metadata

    @property
    def districts(self) -> tuple[str, ...]:
        """The districts stored."""
        return tuple(self.said.entries)

    def district(self, district: str, /) -> DistrictRecord:
        """Return one district's record."""
        header = self.said.entries.get(checked_district(district))
        if header is None:
            raise SnapshotNotFound(f"the snapshot of {self.day} has no district {district!r}; it has {', '.join(self.districts)}")
        return decode_record(self.contents[DISTRICT + district], settled=header.settled)

    def summary(self, name: str, /) -> JsonValue:
        """Return a summary of the day."""
        if checked_name(name) not in self.said.summaries:
            raise SnapshotNotFound(f"the snapshot of {self.day} has no summary {name!r}; it has {', '.join(self.said.summaries)}")
        return loads(self.contents[SUMMARY + name])


def said_of(database: sqlite3.Connection, day: date) -> StoredDay | None:
    """Return what is said of a day."""
    found = database.execute("SELECT said FROM day WHERE day = ?", [key(day)]).fetchone()
    if found is None:
        return None
    said: StoredDay = pickle.loads(found[0])  # noqa: S301 - this store's own file; one from elsewhere must not be read so
    return said


def key(day: date) -> str:
    """Return what the file calls a day."""
    if isinstance(day, datetime):
        raise InvalidRequest("day", day, "is a moment", "pass its date()")
    return day.isoformat()


def named(header: RecordHeader, contribution: Contribution) -> RecordHeader:
    """Return *header* with the operation's method, if it was encoded before that was known."""
    return header if header.method else evolve(header, method=contribution.method)


def refuse_twins(districts: Iterable[str], summaries: Iterable[str]) -> None:
    """Refuse names that differ only in case."""
    refuse_collisions(districts)
    refuse_collisions(summaries)


def checked_district(district: str) -> str:
    """Return an identifier that is in its normal form."""
    if normalize_district(district) != district:
        raise InvalidRequest("district", district, "has blanks around it", "write it without")
    return district


def checked_name(name: str) -> str:
    """Return what can name a summary, in a store of files too."""
    own = name.lower() in {"manifest", "metadata"} or name.lower().startswith("district_")
    if own or re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", name) is None:
        raise InvalidRequest("name", name, "cannot name a summary", "write something like 'all-districts-rankings'")
    return name


@function_source("example")
def example(day: date, _district: str, _fetch: Fetch) -> dict[str, int]:
    """Return a figure."""
    return {"day": day.day}


def main() -> None:
    """Collect into the store, open it anew, and prove it."""
    request = BackfillRequest("2024-01-01", "2024-02-29", ["east", "west"], frequency="month-end")
    with TemporaryDirectory() as folder:
        store = SqliteSnapshotStore(Path(folder))
        with BackfillService(example, store) as service:
            service.run_backfill(request, progress=False)
        for day in store.days():
            print(f"stored {day}: {', '.join(store.entries(day))}")
        again = SqliteSnapshotStore(Path(folder))
        print(f"opened anew: 2024-02-29 east is {again.read(date(2024, 2, 29)).district('east').data}")
    report = check_snapshot_store(SqliteSnapshotStore, durable=True)
    print(f"the store's contract: {report if report.failed else 'passed'}")


if __name__ == "__main__":
    main()
