-- By this number what is derived from the log elsewhere (the index of texts) tells
-- whether it was derived from this database.

-- +goose Up
INSERT INTO meta (name, value) VALUES ('database_id', abs(random() / 2) + 1);
