"""What changes often of a job, as one row: its state, its owner, and what the owner is asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from attrs import frozen

from backfill.jobstores._codec import decode_name, decode_time, encode_name, encode_time
from backfill.model import BackfillStatus, Ownership, Requests

_COLUMNS = (
    "number, job_id, created_at, status, reason, started_at, completed_at, events, "
    "epoch, owner, machine, expires, cancel_requested, pause_requested"
)
_SELECT = f"SELECT {_COLUMNS} FROM jobs"  # noqa: S608 - our own names, here and below


@frozen
class JobRow:
    """One job.

    Attributes:
        number: Its number within the file.
        job_id: Its identifier.
        created_at: When it was accepted.
        status: The state it is in.
        reason: Why.
        started_at: When its work began.
        completed_at: When it ended.
        events: How many of its events are kept.
        ownership: Who owns it.
        requests: What the owner is asked for.
    """

    number: int
    job_id: str
    created_at: datetime
    status: BackfillStatus
    reason: str | None
    started_at: datetime | None
    completed_at: datetime | None
    events: int
    ownership: Ownership
    requests: Requests


def find_job(connection: sqlite3.Connection, job_id: str) -> JobRow | None:
    """Return the job of this identifier, if there is one."""
    try:
        found = connection.execute(f"{_SELECT} WHERE job_id = ?", (job_id,)).fetchone()
    except UnicodeEncodeError:  # no text that a file could hold, and so no identifier of ours
        return None
    return None if found is None else _read(found)


def find_key(connection: sqlite3.Connection, key: str) -> JobRow | None:
    """Return the job that was created with this idempotency key, if there is one."""
    found = connection.execute(f"{_SELECT} WHERE idempotency_key = ?", (encode_name(key),)).fetchone()
    return None if found is None else _read(found)


def newest_jobs(
    connection: sqlite3.Connection, states: Iterable[BackfillStatus], limit: int, after: JobRow | None = None
) -> list[JobRow]:
    """Return jobs in one of *states*, newest first; of two as old, the one created last. *after* = only those that follow it."""
    wanted: tuple[str | int, ...] = tuple(states)
    which = f"status IN ({', '.join('?' * len(wanted))})"
    if after is not None:
        which += " AND (created_at, number) < (?, ?)"
        wanted += (encode_time(after.created_at), after.number)
    query = f"{_SELECT} WHERE {which} ORDER BY created_at DESC, number DESC LIMIT ?"
    return [_read(found) for found in connection.execute(query, (*wanted, limit))]


def open_jobs(connection: sqlite3.Connection) -> Iterator[JobRow]:
    """Return the jobs that have not ended, oldest first."""
    states = tuple(status for status in BackfillStatus if not status.is_final)
    marks = ", ".join("?" * len(states))
    return map(_read, connection.execute(f"{_SELECT} WHERE status IN ({marks}) ORDER BY created_at, number", states).fetchall())


def _read(found: Sequence[str]) -> JobRow:
    number, job_id, created, status, reason, started, completed, events, epoch, owner, machine, expires, cancel, pause = found
    return JobRow(
        number=int(number),
        job_id=job_id,
        created_at=decode_time(created),
        status=BackfillStatus(status),
        reason=None if reason is None else decode_name(reason),
        started_at=_time(started),
        completed_at=_time(completed),
        events=int(events),
        ownership=Ownership(int(epoch), None if owner is None else decode_name(owner), machine, _time(expires)),
        requests=Requests(cancel=bool(cancel), pause=bool(pause)),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else decode_time(text)
