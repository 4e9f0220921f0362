-- Text in titles and queries is found by its grams: every three bytes of a folded
-- text, as a number, the last two with what no text has behind them (0xff). Grams
-- are kept in blocks of up to 256 sessions, which are written as a whole behind
-- the scenes: a row for each session and gram would be a page written for each of
-- hundreds of grams at every launch. What is in no block is looked through.

-- +goose Up

-- The sessions that are in no block: new ones, those whose title has changed, and
-- those whose text is too large for one. touched tells whether it has changed again.
CREATE TABLE session_unindexed (
    n         INTEGER PRIMARY KEY REFERENCES sessions (n) ON DELETE CASCADE,
    touched   INTEGER NOT NULL DEFAULT 0,
    too_large INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE session_blocks (
    block   INTEGER PRIMARY KEY,
    members INTEGER NOT NULL, -- when it was written
    living  INTEGER NOT NULL  -- those that are still in it
) STRICT;

-- Who is in a block: place is block * 256 + slot.
CREATE TABLE session_slots (
    place INTEGER PRIMARY KEY,
    n     INTEGER NOT NULL UNIQUE REFERENCES sessions (n) ON DELETE CASCADE
) STRICT;

-- The slots, a byte each and ascending, of the sessions in a block that have a gram.
CREATE TABLE session_grams (
    block INTEGER NOT NULL,
    gram  INTEGER NOT NULL,
    slots BLOB NOT NULL,
    PRIMARY KEY (block, gram)
) STRICT, WITHOUT ROWID;

INSERT INTO session_unindexed (n) SELECT n FROM session_documents;

-- +goose StatementBegin
CREATE TRIGGER session_text_new AFTER INSERT ON session_documents BEGIN
    INSERT INTO session_unindexed (n) VALUES (new.n);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_text_changed AFTER UPDATE OF folded_title ON session_documents WHEN old.folded_title <> new.folded_title BEGIN
    DELETE FROM session_slots WHERE n = new.n;
    INSERT INTO session_unindexed (n) VALUES (new.n) ON CONFLICT DO UPDATE SET touched = touched + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER session_slot_gone AFTER DELETE ON session_slots BEGIN
    UPDATE session_blocks SET living = living - 1 WHERE block = old.place / 256;
END;
-- +goose StatementEnd
