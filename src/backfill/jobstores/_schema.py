"""The tables of a job store's file, and how a file is recognised as one.

Times are text in UTC, days text in ISO form; what is said to be JSON is written and read by `backfill.jobstores._codec`. The bytes of
states are those of `backfill.model.units.CODES`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from backfill.errors import DamagedFile, StoreUnavailable

VERSION = 1
"""Of the tables and of the JSON in them; a file of a later one is refused."""

APPLICATION = 0x62664A53
"""Marks the file as one of ours: "bfJS"."""

LEAST_SQLITE = (3, 37)  # has STRICT tables

_TABLES = """
-- What changes often of a job. A number is never given twice: it names the lock of the job's owner.
CREATE TABLE jobs (
    number           INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id           TEXT NOT NULL UNIQUE,
    created_at       TEXT NOT NULL,
    idempotency_key  TEXT UNIQUE,               -- JSON
    status           TEXT NOT NULL,
    reason           TEXT,                      -- JSON
    started_at       TEXT,
    completed_at     TEXT,
    events           INTEGER NOT NULL DEFAULT 0, -- kept
    epoch            INTEGER NOT NULL DEFAULT 0, -- the number of the newest owner
    owner            TEXT,                      -- JSON; NULL = nobody
    machine          TEXT,
    expires          TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    pause_requested  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_by_age ON jobs (created_at);

-- What never changes of a job, beside its days.
CREATE TABLE specs (
    job  INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    spec TEXT NOT NULL                          -- JSON
) STRICT;

-- Lists of districts, each once a job.
CREATE TABLE lists (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job    INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    digest BLOB NOT NULL,
    names  TEXT NOT NULL,                       -- JSON
    UNIQUE (job, digest)
) STRICT;

CREATE TABLE days (
    job        INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    day        TEXT NOT NULL,
    place      INTEGER NOT NULL,                -- in the plan
    as_of      TEXT,
    gap        TEXT,
    settled_on TEXT,
    strategy   TEXT NOT NULL,
    planned    INTEGER,                         -- the list as planned; NULL = to be listed
    existing   INTEGER,                         -- the list of those stored already; NULL = none
    listed     INTEGER NOT NULL,
    list       INTEGER,                         -- the list as it is now; NULL = not listed yet
    states     BLOB NOT NULL,                   -- a byte for each district of the list, or one for the day
    published  INTEGER,                         -- the event of its first publishing
    is_partial INTEGER,
    PRIMARY KEY (job, day)
) STRICT, WITHOUT ROWID;

-- Failures, and failed attempts at units that are still to be done.
CREATE TABLE errors (
    job      INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    day      TEXT NOT NULL,
    district TEXT NOT NULL,                     -- JSON; null = the day as a whole
    number   INTEGER,                           -- of the job's failures, from 0; NULL = still to be done
    cause    TEXT NOT NULL,                     -- JSON
    detail   TEXT NOT NULL,                     -- JSON
    PRIMARY KEY (job, day, district)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX failures ON errors (job, number, cause) WHERE number IS NOT NULL;
CREATE INDEX attempts ON errors (job) WHERE number IS NULL;

CREATE TABLE findings (
    job     INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    finding TEXT NOT NULL,                      -- JSON
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: readers ask for what came after one
    job    INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    at     TEXT NOT NULL,
    change TEXT NOT NULL                        -- JSON
) STRICT;
CREATE INDEX events_by_job ON events (job);

CREATE TABLE claims (
    job   INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    day   TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (job, day)
) STRICT, WITHOUT ROWID;

-- The ledger of outcomes. Of no job, and never cleaned.
CREATE TABLE outcome_names (
    place INTEGER PRIMARY KEY,                  -- in the rows of outcomes
    name  TEXT NOT NULL UNIQUE                  -- JSON; null = the day as a whole
) STRICT;
INSERT INTO outcome_names VALUES (0, 'null');
CREATE TABLE outcomes (
    day    TEXT PRIMARY KEY,
    states BLOB NOT NULL                        -- a byte for each name; 0 = not known
) STRICT, WITHOUT ROWID;
"""


def is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is empty; ``False`` = it is a job store that this release can read.

    Raises:
        DamagedFile: It is something else, or was written by a later release.
        StoreUnavailable: The installed SQLite is too old.
    """
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        least = ".".join(map(str, LEAST_SQLITE))
        message = f"{path}: job stores need SQLite {least}, and this Python has {sqlite3.sqlite_version}; use a newer Python"
        raise StoreUnavailable(message)
    application, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application == APPLICATION and version <= VERSION:
        return False
    if application == APPLICATION:
        rule = f"is a job store of version {version}, and this release knows versions up to {VERSION}"
        raise DamagedFile(str(path), rule, "update backfill")
    if application or version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise DamagedFile(str(path), "is the database of another program, not a job store", "name another file")
    return True


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty file a job store, as a whole."""
    connection.executescript(
        f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT"
    )
