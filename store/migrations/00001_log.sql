-- The log, and the rows that are changed in the transaction of the event that
-- changes them. Times are milliseconds since the Unix epoch, documents are the
-- JSON of package api; a column stands beside a document only where it is
-- searched by, hot, or large.

-- +goose Up

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The log is whole from this seq on.
INSERT INTO meta (name, value) VALUES ('oldest_seq', 1);

-- Searched and hot: written again with every batch, so the rows are small. A
-- number is never given to a second session: events outlive their session.
CREATE TABLE sessions (
    n                 INTEGER PRIMARY KEY AUTOINCREMENT,
    id                TEXT NOT NULL UNIQUE,
    run_id            TEXT NOT NULL UNIQUE,
    claude_session_id TEXT NOT NULL,
    parent_session_id TEXT,
    status            TEXT NOT NULL,
    working_dir       TEXT NOT NULL,
    archived          INTEGER NOT NULL,
    last_activity_at  INTEGER NOT NULL,
    journal_offset    INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_activity ON sessions (archived, last_activity_at);
CREATE INDEX sessions_by_status ON sessions (archived, status, last_activity_at);
CREATE INDEX sessions_by_directory ON sessions (archived, working_dir, last_activity_at);
CREATE INDEX sessions_by_parent ON sessions (parent_session_id) WHERE parent_session_id IS NOT NULL;
CREATE INDEX sessions_by_conversation ON sessions (claude_session_id);
CREATE INDEX sessions_open ON sessions (status) WHERE status NOT IN ('completed', 'failed', 'interrupted');

-- What never changes after the launch. Folded text is for searching in any case.
CREATE TABLE session_launches (
    n               INTEGER PRIMARY KEY REFERENCES sessions (n) ON DELETE CASCADE,
    idempotency_key TEXT UNIQUE,
    params_hash     TEXT NOT NULL,
    options         TEXT,
    folded_query    TEXT NOT NULL,
    query           TEXT NOT NULL
) STRICT;

-- The session as clients see it, without its query and last_activity_at.
CREATE TABLE session_documents (
    n            INTEGER PRIMARY KEY REFERENCES sessions (n) ON DELETE CASCADE,
    folded_title TEXT NOT NULL,
    document     TEXT NOT NULL
) STRICT;

-- Private state of whoever runs the session.
CREATE TABLE session_engines (
    n     INTEGER PRIMARY KEY REFERENCES sessions (n) ON DELETE CASCADE,
    state TEXT NOT NULL
) STRICT;

CREATE TABLE session_tags (
    tag TEXT NOT NULL,
    n   INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    PRIMARY KEY (tag, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_tags_by_session ON session_tags (n);

-- What turns that ended on a day (in UTC, 2006-01-02) have cost in US dollars.
-- The log has it too, in the results; this is their sum.
CREATE TABLE spending (
    day TEXT PRIMARY KEY,
    usd REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- The one log. session is a sessions.n, also of a session that is gone: then
-- only its session_deleted event is shown, and the others are removed behind it.
-- part is set on what comes from a line of Claude Code's: 0 on the first event
-- of each line, which holds the line's bytes; the others follow it at seq + part.
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    session      INTEGER NOT NULL,
    type         TEXT NOT NULL,
    time         INTEGER NOT NULL,
    kind         TEXT,
    tool_id      TEXT,
    part         INTEGER,
    unterminated INTEGER,
    data         TEXT,
    line         BLOB
) STRICT;

CREATE INDEX events_by_session ON events (session);
CREATE INDEX events_by_tool_result ON events (session, tool_id) WHERE kind = 'tool_result';
CREATE INDEX events_by_rare_type ON events (type) WHERE type <> 'conversation_updated';

-- Sessions that were deleted: who they were, and whether their events are gone.
CREATE TABLE deletions (
    n                 INTEGER PRIMARY KEY,
    session_id        TEXT NOT NULL UNIQUE,
    run_id            TEXT NOT NULL UNIQUE,
    claude_session_id TEXT NOT NULL,
    purged            INTEGER NOT NULL
) STRICT;

CREATE INDEX deletions_open ON deletions (purged) WHERE purged = 0;

-- n is the order in which they came. content stands alone to keep the bytes
-- that were given.
CREATE TABLE messages (
    n          INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    session    INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    state      TEXT NOT NULL,
    position   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    document   TEXT NOT NULL,
    content    TEXT NOT NULL
) STRICT;

CREATE INDEX messages_by_session ON messages (session, position);
CREATE INDEX messages_waiting ON messages (created_at) WHERE state IN ('queued', 'sent');

CREATE TABLE approvals (
    n           INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    session     INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    status      TEXT NOT NULL,
    tool_use_id TEXT NOT NULL,
    document    TEXT NOT NULL
) STRICT;

CREATE INDEX approvals_by_session ON approvals (session, tool_use_id);
CREATE INDEX approvals_by_status ON approvals (status);
