-- The documents of sessions and the engine's state have more fields. No table
-- changes; but a program that does not know them would drop them when it writes,
-- so it is to refuse the database.

-- +goose Up
SELECT 1;
