-- Jobs, the summaries that they make, and what was used, by session, by directory
-- and by day. The documents of sessions have a field more (summary).

-- +goose Up

-- due is a time in nanoseconds on the clock that nobody sets, of the run of the
-- machine that boot names: with queued the job is not claimed before, with running
-- its lease ends then. lease names who has claimed it.
CREATE TABLE jobs (
    n            INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    session      INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    last_seq     INTEGER NOT NULL,
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    retry_at     INTEGER NOT NULL,
    lease_until  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    due          INTEGER NOT NULL,
    boot         TEXT NOT NULL,
    lease        TEXT NOT NULL,
    UNIQUE (session, kind, last_seq)
) STRICT;

CREATE INDEX jobs_by_state ON jobs (state, n);

CREATE TABLE summaries (
    n                           INTEGER PRIMARY KEY,
    session                     INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    from_seq                    INTEGER NOT NULL,
    to_seq                      INTEGER NOT NULL,
    title                       TEXT NOT NULL,
    request                     TEXT NOT NULL,
    investigated                TEXT NOT NULL,
    learned                     TEXT NOT NULL,
    completed                   TEXT NOT NULL,
    next_steps                  TEXT NOT NULL,
    model                       TEXT NOT NULL,
    usd                         REAL NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL,
    job                         TEXT NOT NULL,
    created_at                  INTEGER NOT NULL,
    UNIQUE (session, to_seq)
) STRICT;

-- What each session has used, as its document says too.
CREATE TABLE session_usage (
    n                           INTEGER PRIMARY KEY REFERENCES sessions (n) ON DELETE CASCADE,
    usd                         REAL NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL
) STRICT;

CREATE INDEX session_usage_by_cost ON session_usage (usd, n);

-- Its sums: those of a session stay when it is deleted.
CREATE TABLE directory_usage (
    n                           INTEGER PRIMARY KEY,
    working_dir                 TEXT NOT NULL UNIQUE,
    sessions                    INTEGER NOT NULL,
    usd                         REAL NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL
) STRICT;

CREATE INDEX directory_usage_by_cost ON directory_usage (usd, n);

CREATE TABLE total_usage (
    one                         INTEGER PRIMARY KEY CHECK (one = 1),
    usd                         REAL NOT NULL,
    input_tokens                INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL
) STRICT;

INSERT INTO total_usage VALUES (1, 0, 0, 0, 0, 0);

-- +goose StatementBegin
CREATE TRIGGER session_usage_new AFTER INSERT ON session_usage BEGIN
    INSERT INTO directory_usage (working_dir, sessions, usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens)
        SELECT working_dir, 1, new.usd, new.input_tokens, new.output_tokens, new.cache_creation_input_tokens, new.cache_read_input_tokens
        FROM sessions WHERE n = new.n
        ON CONFLICT (working_dir) DO UPDATE SET sessions = sessions + 1, usd = usd + excluded.usd,
            input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
            cache_creation_input_tokens = cache_creation_input_tokens + excluded.cache_creation_input_tokens,
            cache_read_input_tokens = cache_read_input_tokens + excluded.cache_read_input_tokens;
    UPDATE total_usage SET usd = usd + new.usd,
        input_tokens = input_tokens + new.input_tokens, output_tokens = output_tokens + new.output_tokens,
        cache_creation_input_tokens = cache_creation_input_tokens + new.cache_creation_input_tokens,
        cache_read_input_tokens = cache_read_input_tokens + new.cache_read_input_tokens;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_usage_changed AFTER UPDATE ON session_usage BEGIN
    UPDATE directory_usage SET usd = usd + new.usd - old.usd,
        input_tokens = input_tokens + new.input_tokens - old.input_tokens,
        output_tokens = output_tokens + new.output_tokens - old.output_tokens,
        cache_creation_input_tokens = cache_creation_input_tokens + new.cache_creation_input_tokens - old.cache_creation_input_tokens,
        cache_read_input_tokens = cache_read_input_tokens + new.cache_read_input_tokens - old.cache_read_input_tokens
        WHERE working_dir = (SELECT working_dir FROM sessions WHERE n = new.n);
    UPDATE total_usage SET usd = usd + new.usd - old.usd,
        input_tokens = input_tokens + new.input_tokens - old.input_tokens,
        output_tokens = output_tokens + new.output_tokens - old.output_tokens,
        cache_creation_input_tokens = cache_creation_input_tokens + new.cache_creation_input_tokens - old.cache_creation_input_tokens,
        cache_read_input_tokens = cache_read_input_tokens + new.cache_read_input_tokens - old.cache_read_input_tokens;
END;
-- +goose StatementEnd

-- What sessions have used so far. Of a document that is damaged nothing is known.
INSERT INTO session_usage
    SELECT n, usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens FROM (
        SELECT n, coalesce(cast(document ->> '$.cost_usd' AS REAL), 0.0) AS usd,
            coalesce(cast(document ->> '$.input_tokens' AS INTEGER), 0) AS input_tokens,
            coalesce(cast(document ->> '$.output_tokens' AS INTEGER), 0) AS output_tokens,
            coalesce(cast(document ->> '$.cache_creation_input_tokens' AS INTEGER), 0) AS cache_creation_input_tokens,
            coalesce(cast(document ->> '$.cache_read_input_tokens' AS INTEGER), 0) AS cache_read_input_tokens
        FROM (SELECT n, CASE WHEN json_valid(document) THEN document ELSE '{}' END AS document FROM session_documents))
    WHERE usd <> 0 OR input_tokens <> 0 OR output_tokens <> 0 OR cache_creation_input_tokens <> 0 OR cache_read_input_tokens <> 0;

-- Beside the dollars of a day, of which those of summaries are a part. Of days that
-- were before this, tokens are not known.
ALTER TABLE spending ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN cache_creation_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN cache_read_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN summaries_usd REAL NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN summaries_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN summaries_output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN summaries_cache_creation_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spending ADD COLUMN summaries_cache_read_input_tokens INTEGER NOT NULL DEFAULT 0;
