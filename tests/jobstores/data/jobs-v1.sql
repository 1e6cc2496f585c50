PRAGMA journal_mode = WAL;
PRAGMA application_id = 1650870867;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE claims (
    job   INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    day   TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (job, day)
) STRICT, WITHOUT ROWID;
INSERT INTO "claims" VALUES(1,'2026-01-05',1);
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
INSERT INTO "days" VALUES(1,'2026-01-05',1,NULL,'closing',NULL,'system-wide',3,NULL,0,3,X'',NULL,NULL);
INSERT INTO "days" VALUES(1,'2026-01-06',2,NULL,NULL,NULL,'per-district',NULL,NULL,0,4,X'0000',NULL,NULL);
INSERT INTO "days" VALUES(1,'2026-01-07',0,'2026-01-16',NULL,'2027-01-01','targeted',1,2,1,1,X'0402',6,1);
CREATE TABLE errors (
    job      INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    day      TEXT NOT NULL,
    district TEXT NOT NULL,                     -- JSON; null = the day as a whole
    number   INTEGER,                           -- of the job's failures, from 0; NULL = still to be done
    cause    TEXT NOT NULL,                     -- JSON
    detail   TEXT NOT NULL,                     -- JSON
    PRIMARY KEY (job, day, district)
) STRICT, WITHOUT ROWID;
INSERT INTO "errors" VALUES(1,'2026-01-06','"F"',NULL,'["fetch","http_500",true]','["\ud800",2,"2026-01-15T12:00:00.000000+00:00"]');
INSERT INTO "errors" VALUES(1,'2026-01-07','"61"',0,'["fetch","http_500",true]','["it broke",4,"2026-01-15T12:00:00.000000+00:00"]');
CREATE TABLE events (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: readers ask for what came after one
    job    INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    at     TEXT NOT NULL,
    change TEXT NOT NULL                        -- JSON
) STRICT;
INSERT INTO "events" VALUES(1,1,'2026-01-15T12:00:00.000000+00:00','["status","processing","2026-01-15T12:00:00.000000+00:00",null]');
INSERT INTO "events" VALUES(2,1,'2026-01-15T12:00:00.000000+00:00','["listed","2026-01-06",["F","01"]]');
INSERT INTO "events" VALUES(3,1,'2026-01-15T12:00:00.000000+00:00','["attempted","2026-01-06","\"F\"","[\"fetch\",\"http_500\",true]","[\"\\ud800\",2,\"2026-01-15T12:00:00.000000+00:00\"]"]');
INSERT INTO "events" VALUES(4,1,'2026-01-15T12:00:00.000000+00:00','["settled","2026-01-07",{"skipped":["F"]}]');
INSERT INTO "events" VALUES(5,1,'2026-01-15T12:00:00.000000+00:00','["failed","2026-01-07","\"61\"","[\"fetch\",\"http_500\",true]","[\"it broke\",4,\"2026-01-15T12:00:00.000000+00:00\"]"]');
INSERT INTO "events" VALUES(6,1,'2026-01-15T12:00:00.000000+00:00','["published","2026-01-07",true,"2026-01-15T12:00:00.000000+00:00"]');
INSERT INTO "events" VALUES(7,1,'2026-01-15T12:00:00.000000+00:00','["found","[\"odd\",\"twice the same\",\"2026-01-07\",\"F\"]"]');
CREATE TABLE findings (
    job     INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    finding TEXT NOT NULL,                      -- JSON
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "findings" VALUES(1,0,'["odd","twice the same","2026-01-07","F"]');
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
INSERT INTO "jobs" VALUES(1,'ä-9','2026-01-15T12:00:00.000007+00:00','"key"','processing',NULL,'2026-01-15T12:00:00.000000+00:00',NULL,7,1,'"me"','golden','2026-01-15T12:00:20.000000+00:00',0,1);
CREATE TABLE lists (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job    INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    digest BLOB NOT NULL,
    names  TEXT NOT NULL,                       -- JSON
    UNIQUE (job, digest)
) STRICT;
INSERT INTO "lists" VALUES(1,1,X'029DEFEAAFF3C474F4A5E11DD8BE10F9','["61","F"]');
INSERT INTO "lists" VALUES(2,1,X'680DAAAC7FF4F10173AB3DC6D7AA5086','["F"]');
INSERT INTO "lists" VALUES(3,1,X'7EBB3C7C2A87B1A2F8A7ED729ECB040D','[]');
INSERT INTO "lists" VALUES(4,1,X'C1C18666FE92FBF216226EC2743CF858','["F","01"]');
CREATE TABLE outcome_names (
    place INTEGER PRIMARY KEY,                  -- in the rows of outcomes
    name  TEXT NOT NULL UNIQUE                  -- JSON; null = the day as a whole
) STRICT;
INSERT INTO "outcome_names" VALUES(0,'null');
INSERT INTO "outcome_names" VALUES(1,'"F"');
INSERT INTO "outcome_names" VALUES(2,'"61"');
CREATE TABLE outcomes (
    day    TEXT PRIMARY KEY,
    states BLOB NOT NULL                        -- a byte for each name; 0 = not known
) STRICT, WITHOUT ROWID;
INSERT INTO "outcomes" VALUES('2026-01-06',X'00');
INSERT INTO "outcomes" VALUES('2026-01-07',X'000204');
CREATE TABLE specs (
    job  INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    spec TEXT NOT NULL                          -- JSON
) STRICT;
INSERT INTO "specs" VALUES(1,'{"operation":"refresh","retry_of":"j0","request":{"start_date":"2026-01-05","end_date":"2026-01-07","target_districts":["61","F","x"],"collection_type":"per-district","detail":"full","concurrency":7,"retry_failures":false,"skip_existing":false,"enable_caching":false,"min_interval":0.1,"frequency":"weekly","order":"oldest-first"},"scope":["targeted",["61","F"],[["x","unknown \ud800 \u0000 \u00e4",["61","F"]]],[["F","new",[]]]],"strategy":["per-district","full","for a test"],"source":"test","requests":{"clubs":3,"divisions":null},"seconds_at_rate":0.30000000000000004,"exact":false,"fingerprint":"f9"}');
CREATE INDEX jobs_by_age ON jobs (created_at);
CREATE UNIQUE INDEX failures ON errors (job, number, cause) WHERE number IS NOT NULL;
CREATE INDEX attempts ON errors (job) WHERE number IS NULL;
CREATE INDEX events_by_job ON events (job);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',1);
INSERT INTO "sqlite_sequence" VALUES('lists',4);
INSERT INTO "sqlite_sequence" VALUES('events',7);
COMMIT;
