"""The states of jobs in tables: read as a whole, and changed in the rows that a change concerns.

What a change does is decided by `JobState` alone: it is given the days concerned, lets the changes happen, and what has become of
the rows is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from backfill.jobstores._codec import (
    decode_cause,
    decode_change,
    decode_error,
    decode_finding,
    decode_time,
    encode_cause,
    encode_change,
    encode_detail,
    encode_finding,
    encode_name,
    encode_time,
)
from backfill.jobstores._json import as_list, as_text, load
from backfill.jobstores._plans import Lists, Plans, Writing
from backfill.jobstores._rows import JobRow
from backfill.model import (
    Change,
    DayListed,
    DayPublished,
    DayRow,
    DistrictError,
    ErrorGroup,
    Finding,
    Found,
    JobEvent,
    JobState,
    StatusChanged,
    UnitAttempted,
    UnitFailed,
    UnitsSettled,
)
from backfill.model.job import NEWEST
from backfill.model.units import CODES

_MOST_DAYS = 50_000  # of ended jobs that are remembered
_BYTES = bytes(range(len(CODES)))
_ERROR = "day, district, cause, detail"
_SELECT_ROWS = "SELECT day, list, states, published, is_partial FROM days WHERE job = ? ORDER BY place"
_SELECT_NEWEST = f"SELECT {_ERROR} FROM errors WHERE job = ? AND number IS NOT NULL ORDER BY number DESC LIMIT {NEWEST}"  # noqa: S608 - our own names
_SELECT_PENDING = f"SELECT {_ERROR} FROM errors WHERE job = ? AND number IS NULL"  # noqa: S608 - column names of this module
_SELECT_PAGE = f"SELECT {_ERROR} FROM errors WHERE job = ? AND number >= ? ORDER BY number LIMIT ?"  # noqa: S608 - as above
_SELECT_EVENTS = "SELECT seq, (SELECT job_id FROM jobs WHERE number = job), at, change FROM events"
_SELECT_CAUSES = """
    SELECT cause, count(*), max(number) FROM errors WHERE job = ? AND number IS NOT NULL GROUP BY cause ORDER BY min(number)
"""
_REPLACE_ERROR = f"REPLACE INTO errors (job, {_ERROR}, number) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - as above
_UPDATE_STATUS = "UPDATE jobs SET status = ?, reason = ?, started_at = ?, completed_at = ? WHERE number = ?"


class States:
    """The states of jobs.

    Args:
        plans: Reads what was accepted.
        lists: Reads lists of districts.
        max_events: So many of the newest events of each job are kept, up to a tenth more.
    """

    def __init__(self, plans: Plans, lists: Lists, max_events: int) -> None:
        self._plans = plans
        self._lists = lists
        self._max_events = max_events
        self._ended: dict[int, JobState] = {}

    # --- reading --------------------------------------------------------------------------------------------------------

    def read(self, connection: sqlite3.Connection, job: JobRow) -> JobState:
        """Return the state of a job."""
        return self._read(
            connection,
            job,
            errors=reversed(_errors(connection, _SELECT_NEWEST, job.number)),
            findings=_findings(connection, job.number),
            attempts=_errors(connection, _SELECT_PENDING, job.number),
        )

    def read_briefly(self, connection: sqlite3.Connection, job: JobRow) -> JobState:
        """Return the state of a job without its errors, findings and attempts. That of one that has ended is remembered."""
        if not job.status.is_final:
            return self._read(connection, job)
        state = self._ended.get(job.number)
        if state is None:
            if sum(len(known.rows) for known in self._ended.values()) > _MOST_DAYS:
                self._ended.clear()
            state = self._ended[job.number] = self._read(connection, job)
        return state.copy()

    def _read(
        self,
        connection: sqlite3.Connection,
        job: JobRow,
        *,
        errors: Iterable[DistrictError] = (),
        findings: Iterable[Finding] = (),
        attempts: Iterable[DistrictError] = (),
    ) -> JobState:
        lists = self._lists.read_all(connection, job.number)
        rows: dict[date, DayRow] = {}
        published: dict[date, tuple[int, bool]] = {}
        alike: dict[tuple[int | None, bytes], DayRow] = {}  # most days of a job are; rows may be shared
        for text, number, states, event, is_partial in connection.execute(_SELECT_ROWS, (job.number,)):
            day = date.fromisoformat(text)
            rows[day] = alike.get((number, states)) or alike.setdefault((number, states), _row(lists[number], states))
            if event is not None:
                published[day] = event, bool(is_partial)
        return JobState.restore(
            self._plans.read(connection, job),
            rows,
            status=job.status,
            status_reason=job.reason,
            started_at=job.started_at,
            completed_at=job.completed_at,
            published={day: is_partial for day, (_, is_partial) in sorted(published.items(), key=lambda item: item[1])},
            groups=_groups(connection, job.number),
            errors=errors,
            findings=findings,
            attempts=attempts,
        )

    def read_errors(self, connection: sqlite3.Connection, job: JobRow, after: int, limit: int) -> list[DistrictError]:
        """Return failures from the *after*-th on, oldest first."""
        return _errors(connection, _SELECT_PAGE, job.number, after, limit)

    def read_events(self, connection: sqlite3.Connection, job: JobRow | None, after: int, limit: int) -> list[JobEvent]:
        """Return events of a job, or of all, after one, oldest first."""
        query = f"{_SELECT_EVENTS} WHERE seq > ? {'' if job is None else 'AND job = ?'} ORDER BY seq LIMIT ?"
        values = (after, *(() if job is None else (job.number,)), limit)
        return [
            JobEvent(seq, job_id, decode_time(at), decode_change(change))
            for seq, job_id, at, change in connection.execute(query, values)
        ]

    def read_part(self, connection: sqlite3.Connection, job: JobRow, days: Iterable[date]) -> JobState:
        """Return the state of a job in those of *days* that it has, without errors and findings."""
        rows: dict[date, DayRow] = {}
        attempts: list[DistrictError] = []
        for day in days:
            key = (job.number, day.isoformat())
            found = connection.execute("SELECT list, states FROM days WHERE job = ? AND day = ?", key).fetchone()
            if found is not None:
                rows[day] = _row(self._lists.read(connection, found[0]), found[1])
                attempts += _errors(connection, f"{_SELECT_PENDING} AND day = ?", *key)
        return JobState.restore(
            self._plans.read_without_days(connection, job),
            rows,
            status=job.status,
            status_reason=job.reason,
            started_at=job.started_at,
            completed_at=job.completed_at,
            attempts=attempts,
        )

    # --- writing --------------------------------------------------------------------------------------------------------

    def write(
        self,
        connection: sqlite3.Connection,
        job: JobRow,
        before: JobState,
        after: JobState,
        changes: Sequence[Change],
        at: datetime,
    ) -> list[JobEvent]:
        """Write what *changes* have made of *before*, the state in their days; return them as events."""
        if any(isinstance(change, StatusChanged) for change in changes):
            reason = None if after.status_reason is None else encode_name(after.status_reason)
            status = (after.status, reason, _time(after.started_at), _time(after.completed_at), job.number)
            connection.execute(_UPDATE_STATUS, status)
        _write_rows(connection, job.number, before.rows, after.rows)
        _write_failures(connection, job.number, [change.error for change in changes if isinstance(change, UnitFailed)])
        _write_attempts(connection, job.number, before, after)
        _write_findings(
            connection, job.number, [encode_finding(change.finding) for change in changes if isinstance(change, Found)]
        )
        events = self._write_events(connection, job, changes, at)
        for event in events:
            if isinstance(event.change, DayPublished):
                values = (event.seq, int(event.change.is_partial), job.number, event.change.day.isoformat())
                query = "UPDATE days SET published = ifnull(published, ?), is_partial = ? WHERE job = ? AND day = ?"
                connection.execute(query, values)
        return events

    def _write_events(
        self, connection: sqlite3.Connection, job: JobRow, changes: Sequence[Change], at: datetime
    ) -> list[JobEvent]:
        noted = encode_time(at)
        insert = "INSERT INTO events (job, at, change) VALUES (?, ?, ?)"
        events = [
            JobEvent(
                connection.execute(insert, (job.number, noted, encode_change(change))).lastrowid or 0, job.job_id, at, change
            )
            for change in changes
        ]
        kept = job.events + len(events)
        if kept > self._max_events + self._max_events // 10:  # a tenth at a time: to find the oldest to keep takes a while
            oldest = "SELECT seq FROM events WHERE job = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
            delete = f"DELETE FROM events WHERE job = ? AND seq < ({oldest})"  # noqa: S608 - our own words
            connection.execute(delete, (job.number, job.number, self._max_events - 1))
            kept = self._max_events
        connection.execute("UPDATE jobs SET events = ? WHERE number = ?", (kept, job.number))
        return events


def days_of(changes: Iterable[Change]) -> Iterator[date]:
    """Return the days that changes concern, each once."""
    days: dict[date, None] = {}
    for change in changes:
        if isinstance(change, DayListed | UnitsSettled | DayPublished):
            days[change.day] = None
        elif isinstance(change, UnitFailed | UnitAttempted):
            days[change.error.day] = None
    return iter(days)


def _row(districts: tuple[str, ...] | None, states: bytes) -> DayRow:
    if len(states) != (1 if districts is None else len(districts)) or states.translate(None, _BYTES):
        message = f"{states!r} are not the states of {districts}"
        raise ValueError(message)
    return DayRow(districts, states)


def _errors(connection: sqlite3.Connection, query: str, *values: object) -> list[DistrictError]:
    return [decode_error(*found) for found in connection.execute(query, values)]


def _findings(connection: sqlite3.Connection, job: int) -> list[Finding]:
    query = "SELECT finding FROM findings WHERE job = ? ORDER BY number"
    return [decode_finding(text) for (text,) in connection.execute(query, (job,))]


def _groups(connection: sqlite3.Connection, job: int) -> list[ErrorGroup]:
    groups: list[ErrorGroup] = []
    for cause, count, newest in connection.execute(_SELECT_CAUSES, (job,)).fetchall():
        query = "SELECT detail FROM errors WHERE job = ? AND number = ?"
        (detail,) = connection.execute(query, (job, newest)).fetchone()
        stage, kind, is_retryable = decode_cause(cause)
        groups.append(ErrorGroup(stage, kind, count, is_retryable, as_text(as_list(load(detail))[0])))
    return groups


def _write_rows(connection: sqlite3.Connection, job: int, before: Mapping[date, DayRow], after: Mapping[date, DayRow]) -> None:
    lists = Writing(connection, job)
    for day, row in after.items():
        if row is not before[day]:
            key = (job, day.isoformat())
            if row.districts is before[day].districts:
                connection.execute("UPDATE days SET states = ? WHERE job = ? AND day = ?", (row.states, *key))
            else:
                values = (lists.number_of(row.districts), row.states, *key)
                connection.execute("UPDATE days SET list = ?, states = ? WHERE job = ? AND day = ?", values)


def _write_failures(connection: sqlite3.Connection, job: int, errors: Sequence[DistrictError]) -> None:
    if errors:
        query = "SELECT ifnull(max(number) + 1, 0) FROM errors WHERE job = ? AND number IS NOT NULL"
        (first,) = connection.execute(query, (job,)).fetchone()
        for number, error in enumerate(errors, first):
            connection.execute(_REPLACE_ERROR, (job, *_encode_error(error), number))


def _write_attempts(connection: sqlite3.Connection, job: int, before: JobState, after: JobState) -> None:
    """Write the attempts at units still to be done; forget those at units that came to another end than a failure."""
    for day, district in before.attempts.keys() - after.attempts.keys():
        query = "DELETE FROM errors WHERE job = ? AND day = ? AND district = ? AND number IS NULL"
        connection.execute(query, (job, day.isoformat(), encode_name(district)))
    for unit, error in after.attempts.items():
        if before.attempts.get(unit) is not error:
            connection.execute(_REPLACE_ERROR, (job, *_encode_error(error), None))


def _write_findings(connection: sqlite3.Connection, job: int, findings: Sequence[str]) -> None:
    if findings:
        (first,) = connection.execute("SELECT ifnull(max(number) + 1, 0) FROM findings WHERE job = ?", (job,)).fetchone()
        rows = [(job, number, finding) for number, finding in enumerate(findings, first)]
        connection.executemany("INSERT INTO findings VALUES (?, ?, ?)", rows)
        connection.execute("DELETE FROM findings WHERE job = ? AND number < ?", (job, first + len(findings) - NEWEST))


def _encode_error(error: DistrictError) -> tuple[str, str, str, str]:
    return error.day.isoformat(), encode_name(error.district_id), encode_cause(error), encode_detail(error)


def _time(at: datetime | None) -> str | None:
    return None if at is None else encode_time(at)
