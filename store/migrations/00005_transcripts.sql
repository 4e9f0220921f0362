-- What Claude Code itself has kept of conversations, its transcripts, can be taken
-- in as sessions. Sessions say where they come from: documents have a field more.

-- +goose Up

-- How far each file was read. A conversation has one, and one for each of its
-- subagents; it is changed in the transaction of the events that its lines became.
-- mark is a sign of what stands before the offset, state what the lines come to.
CREATE TABLE transcripts (
    conversation TEXT NOT NULL,
    agent        TEXT NOT NULL, -- id of the subagent; '' for the conversation itself
    session      INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    path         TEXT NOT NULL,
    read_to      INTEGER NOT NULL,
    mark         TEXT NOT NULL,
    parent       TEXT, -- the conversation that it was copied from, while its session is not known
    root         TEXT, -- its first line, which copies have in common
    state        TEXT,
    PRIMARY KEY (conversation, agent)
) STRICT, WITHOUT ROWID;

CREATE INDEX transcripts_by_session ON transcripts (session);
CREATE INDEX transcripts_by_parent ON transcripts (parent) WHERE parent IS NOT NULL;
CREATE INDEX transcripts_by_root ON transcripts (root, session) WHERE root IS NOT NULL;

-- Every conversation that a session has had, and which session had it last; also of
-- sessions that are gone: what was deleted does not come back by itself, and what a
-- session has recorded is not taken in a second time.
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    n  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO conversations (id, n) SELECT claude_session_id, n FROM deletions WHERE true
    ON CONFLICT DO UPDATE SET n = max(n, excluded.n);
INSERT INTO conversations (id, n) SELECT claude_session_id, n FROM sessions WHERE true
    ON CONFLICT DO UPDATE SET n = max(n, excluded.n);
-- Those that a process was started on, and has left by /clear.
INSERT INTO conversations (id, n) SELECT json_extract(state, '$.conversation'), n FROM session_engines
    WHERE json_valid(state) AND json_type(state, '$.conversation') = 'text'
    ON CONFLICT DO UPDATE SET n = max(n, excluded.n);

-- +goose StatementBegin
CREATE TRIGGER conversation_new AFTER INSERT ON sessions BEGIN
    INSERT INTO conversations (id, n) VALUES (new.claude_session_id, new.n) ON CONFLICT DO UPDATE SET n = max(n, excluded.n);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER conversation_changed AFTER UPDATE OF claude_session_id ON sessions WHEN old.claude_session_id <> new.claude_session_id BEGIN
    INSERT INTO conversations (id, n) VALUES (new.claude_session_id, new.n) ON CONFLICT DO UPDATE SET n = max(n, excluded.n);
END;
-- +goose StatementEnd
