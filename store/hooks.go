package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

const (
	putInputsSQL    = `INSERT INTO hook_inputs (name) SELECT value FROM json_each(?)`
	forgetInputsSQL = `DELETE FROM hook_inputs WHERE name IN (SELECT value FROM json_each(?))`
)

// applyInputs is the part of apply that is about hooks' inputs.
func (w *writer) applyInputs(b *Batch) error {
	for _, part := range []struct {
		names []string
		query string
	}{{b.Inputs, putInputsSQL}, {b.Forget, forgetInputsSQL}} {
		if len(part.names) == 0 {
			continue
		}
		list, err := json.Marshal(part.names)
		if err != nil {
			return err
		}
		if _, err := w.rarely(part.query, string(list)); err != nil {
			return err
		}
	}
	return nil
}

// HookInputs returns the names of the hooks' inputs that were taken in and not
// forgotten since.
func (s *Store) HookInputs(ctx context.Context) (names []string, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	err = each(ctx, s.db, `SELECT name FROM hook_inputs`, nil, func(rows *sql.Rows) (bool, error) {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the names of hooks' inputs: %w", err)
	}
	return names, nil
}

// What the query of a session was is in no block any more; see 00003_search.sql.
const (
	putQuerySQL  = `UPDATE session_launches SET folded_query = ?, query = ? WHERE n = ?`
	leaveSlotSQL = `DELETE FROM session_slots WHERE n = ?`
	unindexSQL   = `INSERT INTO session_unindexed (n) VALUES (?) ON CONFLICT DO UPDATE SET touched = touched + 1`
)

// putQuery changes the query of a session that began without one.
func (w *writer) putQuery(n int64, query string) error {
	if _, err := w.rarely(putQuerySQL, fold(query), query, n); err != nil {
		return err
	}
	if _, err := w.rarely(leaveSlotSQL, n); err != nil {
		return err
	}
	w.store.indexer.added(len(query))
	_, err := w.rarely(unindexSQL, n)
	return err
}
