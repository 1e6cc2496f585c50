"""Plans in tables: what never changes of a job, one row for each of its days."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import blake2b
from threading import Lock

from backfill.jobstores._codec import (
    decode_day,
    decode_names,
    decode_spec,
    encode_day,
    encode_name,
    encode_names,
    encode_spec,
    encode_time,
)
from backfill.jobstores._rows import JobRow
from backfill.model import BackfillStatus, JobSpec, JobState, Method, PlannedDay
from backfill.model.plan import Gap

_MOST_DAYS = 50_000  # of plans that are remembered; a day takes some 300 bytes
_MOST_HEADS = 1_000
_MOST_LISTS = 5_000

_INSERT_JOB = "INSERT INTO jobs (job_id, created_at, idempotency_key, status) VALUES (?, ?, ?, ?)"
_INSERT_DAY = """
    INSERT INTO days (job, day, place, as_of, gap, settled_on, strategy, planned, existing, listed, list, states)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT_DAYS = """
    SELECT day, as_of, gap, settled_on, strategy, planned, existing, listed FROM days WHERE job = ? ORDER BY place
"""


class Lists:
    """The lists of districts of all jobs. What it has read once it remembers: a list never changes, nor is its number given twice."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, ...]] = {}

    def read(self, connection: sqlite3.Connection, number: int | None) -> tuple[str, ...] | None:
        """Return the list of this number; ``None`` for ``None``."""
        known = None if number is None else self._known.get(number)
        if number is None or known is not None:
            return known
        (names,) = connection.execute("SELECT names FROM lists WHERE number = ?", (number,)).fetchone()
        return self._remember(number, names)

    def read_all(self, connection: sqlite3.Connection, job: int) -> dict[int | None, tuple[str, ...] | None]:
        """Return the lists of a job by their numbers, with ``None`` for ``None``."""
        found = connection.execute("SELECT number, names FROM lists WHERE job = ?", (job,)).fetchall()
        return {None: None, **{number: self._known.get(number) or self._remember(number, names) for number, names in found}}

    def _remember(self, number: int, names: str) -> tuple[str, ...]:
        if len(self._known) >= _MOST_LISTS:
            self._known.clear()
        known = self._known[number] = decode_names(names)
        return known


class Writing:
    """The lists of one job while it is being written. Not remembered, since what is written may be undone."""

    def __init__(self, connection: sqlite3.Connection, job: int) -> None:
        self._connection = connection
        self._job = job
        self._numbers: dict[tuple[str, ...], int] = {}

    def number_of(self, names: tuple[str, ...] | None) -> int | None:
        """Return the number of a list, new or known; ``None`` for ``None``."""
        if names is None:
            return None
        number = self._numbers.get(names)
        if number is None:
            text = encode_names(names)
            key = (self._job, blake2b(text.encode(), digest_size=16).digest())
            found = self._connection.execute("SELECT number FROM lists WHERE job = ? AND digest = ?", key).fetchone()
            if found is None:
                insert = "INSERT INTO lists (job, digest, names) VALUES (?, ?, ?)"
                found = (self._connection.execute(insert, (*key, text)).lastrowid,)
            number = self._numbers[names] = int(found[0])
        return number


class Plans:
    """The specifications of jobs. Those read last it remembers: a specification never changes, nor is a job's number given twice."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._lock = Lock()
        self._known: dict[int, JobSpec] = {}
        self._heads: dict[int, JobSpec] = {}

    def write(self, connection: sqlite3.Connection, spec: JobSpec, key: str | None) -> None:
        """Write a new job.

        Raises:
            ValueError: There is a job of this identifier, or a day or a district stands twice in the plan.
        """
        if connection.execute("SELECT 1 FROM jobs WHERE job_id = ?", (spec.job_id,)).fetchone():
            message = f"there is a job {spec.job_id!r} already"
            raise ValueError(message)
        state = JobState(spec)
        values = (spec.job_id, encode_time(spec.created_at), None if key is None else encode_name(key), BackfillStatus.QUEUED)
        job = connection.execute(_INSERT_JOB, values).lastrowid
        assert job is not None  # noqa: S101 - an insert into a table with numbers, for the type checker
        connection.execute("INSERT INTO specs VALUES (?, ?)", (job, encode_spec(spec)))
        lists = Writing(connection, job)
        rows = list(_rows(job, state, lists))
        rows.sort(key=lambda row: str(row[1]))  # in the order of the table, into which they go twice as fast then
        connection.executemany(_INSERT_DAY, rows)

    def read(self, connection: sqlite3.Connection, job: JobRow) -> JobSpec:
        """Return what was accepted."""
        with self._lock:
            known = self._known.pop(job.number, None)
        if known is None:
            known = self._read(connection, job)
        with self._lock:
            self._known[job.number] = known  # at the end, as the one used last
            self._forget()
        return known

    def read_without_days(self, connection: sqlite3.Connection, job: JobRow) -> JobSpec:
        """Return what was accepted, with a plan of no days: quicker where they do not matter."""
        head = self._heads.get(job.number)
        if head is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            head = self._heads[job.number] = self._decode(connection, job, ())
        return head

    def _read(self, connection: sqlite3.Connection, job: JobRow) -> JobSpec:
        lists = self._lists.read_all(connection, job.number)
        strategies = {str(method): method for method in Method}
        days = tuple(
            PlannedDay(
                date.fromisoformat(day),
                decode_day(as_of),
                None if gap is None else Gap(gap),
                decode_day(settled_on),
                strategies[strategy],
                lists[planned],
                lists[existing] or (),
                bool(listed),
            )
            for day, as_of, gap, settled_on, strategy, planned, existing, listed in connection.execute(
                _SELECT_DAYS, (job.number,)
            )
        )
        return self._decode(connection, job, days)

    def _decode(self, connection: sqlite3.Connection, job: JobRow, days: tuple[PlannedDay, ...]) -> JobSpec:
        (spec,) = connection.execute("SELECT spec FROM specs WHERE job = ?", (job.number,)).fetchone()
        return decode_spec(spec, job.job_id, job.created_at, days)

    def _forget(self) -> None:
        days = sum(len(spec.plan.days) for spec in self._known.values())
        for number in list(self._known)[:-1]:
            if days <= _MOST_DAYS:
                break
            days -= len(self._known.pop(number).plan.days)


def _rows(job: int, state: JobState, lists: Writing) -> Iterator[Sequence[object]]:
    for place, planned in enumerate(state.spec.plan.days):
        number = lists.number_of(planned.districts)
        yield (
            job,
            planned.day.isoformat(),
            place,
            encode_day(planned.as_of),
            planned.gap,
            encode_day(planned.settled_on),
            planned.strategy,
            number,
            lists.number_of(planned.existing or None),
            int(planned.listed),
            number,
            state.rows[planned.day].states,
        )
