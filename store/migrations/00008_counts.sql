-- How many sessions have each status is kept as they change: with 100,000 of them
-- counting took as long as all else that `health` does.

-- +goose Up

CREATE TABLE session_counts (
    status   TEXT PRIMARY KEY,
    sessions INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO session_counts (status, sessions) SELECT status, count(*) FROM sessions GROUP BY status;

-- +goose StatementBegin
CREATE TRIGGER session_counted AFTER INSERT ON sessions BEGIN
    INSERT INTO session_counts (status, sessions) VALUES (new.status, 1) ON CONFLICT DO UPDATE SET sessions = sessions + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_counted_anew AFTER UPDATE OF status ON sessions WHEN old.status <> new.status BEGIN
    UPDATE session_counts SET sessions = sessions - 1 WHERE status = old.status;
    INSERT INTO session_counts (status, sessions) VALUES (new.status, 1) ON CONFLICT DO UPDATE SET sessions = sessions + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_uncounted AFTER DELETE ON sessions BEGIN
    UPDATE session_counts SET sessions = sessions - 1 WHERE status = old.status;
END;
-- +goose StatementEnd
