-- What hooks of Claude Code's tell of sessions that were started elsewhere.

-- +goose Up

-- The inputs that were taken in, by the names that they have in the spool, until they
-- are removed there: nothing is taken in twice.
CREATE TABLE hook_inputs (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Observations are the tool calls, which are numbered by the user's prompts.
CREATE INDEX events_by_tool_call ON events (session) WHERE kind = 'tool_call';
CREATE INDEX events_by_prompt ON events (session) WHERE kind = 'message' AND part IS NULL;
