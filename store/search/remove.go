package search

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

// removeRows is how many events of a deleted session go at once.
const removeRows = 256

// remove takes a session that was deleted out of the index, a few events at a time.
func (f *file) remove(ctx context.Context, session int64) error {
	inner := context.WithoutCancel(ctx)
	if _, err := f.writer.ExecContext(inner, "DELETE FROM calls WHERE session = ?", session); err != nil {
		return fault(err)
	}
	shards, err := numbers(inner, f.writer, "SELECT shard FROM shard_sessions WHERE session = ? ORDER BY shard", session)
	if err != nil {
		return fault(err)
	}
	for _, n := range shards {
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			if more, err = f.removeSome(inner, n, session); err != nil {
				return err
			}
			crashpoint.Reach(crashpoint.SearchRemoving)
		}
	}
	return nil
}

// removeSome removes some of a session's events from a shard, and at last the session.
func (f *file) removeSome(ctx context.Context, n, session int64) (more bool, err error) {
	newest := f.shard
	err = f.transact(ctx, func(tx *sql.Tx) error {
		seqs, err := numbers(ctx, tx, "SELECT rowid FROM "+textTable(n)+" WHERE "+textTable(n)+" MATCH ? LIMIT ?",
			`"`+sessionWord(session)+`"`, removeRows)
		if err != nil {
			return err
		}
		for _, seq := range seqs {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+textTable(n)+" WHERE rowid = ?", seq); err != nil { // #nosec G202 -- a number's
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM events WHERE seq = ?", seq); err != nil {
				return err
			}
		}
		if n == newest.n {
			newest.living -= int64(len(seqs))
		}
		if _, err := tx.ExecContext(ctx, "UPDATE shards SET living = living - ?, untidy = 1 WHERE n = ?", len(seqs), n); err != nil {
			return err
		}
		if more = len(seqs) == removeRows; more {
			return nil
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM shard_sessions WHERE shard = ? AND session = ?", n, session)
		return err
	})
	if err == nil {
		f.shard = newest
	}
	return more, err
}

// tidy packs a shard that is full, or that something has left: only then it is gone
// from the file too. A shard in which nothing is left is dropped. It reports whether
// there was something to do.
func (f *file) tidy(ctx context.Context) (done bool, err error) {
	if f.tidied {
		return false, nil
	}
	ctx = context.WithoutCancel(ctx)
	var n, living int64
	err = f.writer.QueryRowContext(ctx, "SELECT n, living FROM shards WHERE untidy LIMIT 1").Scan(&n, &living)
	if errors.Is(err, sql.ErrNoRows) {
		f.tidied = true
		return false, nil
	}
	if err != nil {
		return false, fault(err)
	}
	err = f.transact(ctx, func(tx *sql.Tx) error {
		queries := []string{"INSERT INTO " + textTable(n) + " (" + textTable(n) + ") VALUES ('optimize')"}
		if living == 0 && n != f.shard.n {
			queries = []string{"DROP TABLE " + textTable(n), "DELETE FROM shard_sessions WHERE shard = ?1", "DELETE FROM shards WHERE n = ?1"}
		}
		for _, query := range append(queries, "UPDATE shards SET untidy = 0 WHERE n = ?1") {
			if _, err := tx.ExecContext(ctx, query, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, query := range []string{"PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(PASSIVE)"} {
		if _, err := numbers(ctx, f.writer, query); err != nil {
			return false, fault(err)
		}
	}
	return true, nil
}

// queryer is a database, or a transaction of it.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// numbers is the first column of what a query answers.
func numbers(ctx context.Context, q queryer, query string, args ...any) (list []int64, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var n int64
	row := make([]any, max(1, len(columns)))
	for i := range row {
		row[i] = new(any)
	}
	row[0] = &n
	for rows.Next() {
		if err := rows.Scan(row[:len(columns)]...); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, rows.Err()
}
