package search

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// batch is what goes into the index at once, and up to which seq that is.
type batch struct {
	rows    []row
	indexed int64
}

// row is an event in the index.
type row struct {
	seq, session, time int64
	said
	words string
}

// add adds an event, if it says something. One that cannot be shown says nothing.
func (b *batch) add(ev *store.Event, render func(*store.Event) (api.ConversationEvent, error)) {
	if ev.Kind == api.ConversationSystem {
		return
	}
	shown, err := render(ev)
	if err != nil {
		return
	}
	if s, ok := whatIsSaid(&shown); ok {
		r := row{seq: ev.Seq, session: ev.SessionN, time: ev.Time.Millis(), said: s, words: words(s.text)}
		r.text = "" // the words will do
		b.rows = append(b.rows, r)
	}
}

// write commits a batch. A shard has so many events and bytes of words at most, but for
// the last event's.
func (f *file) write(ctx context.Context, b *batch, events, bytes int) error {
	ctx = context.WithoutCancel(ctx) // it is short, and a context that ends would have to be watched
	newest := f.shard
	err := f.transact(ctx, func(tx *sql.Tx) error {
		for rest := b.rows; len(rest) > 0; {
			if newest.n == 0 || newest.added >= int64(events) || newest.bytes >= int64(bytes) {
				if err := newest.next(ctx, tx, rest[0]); err != nil {
					return err
				}
			}
			n := room(rest, events-int(newest.added), bytes-int(newest.bytes))
			if err := newest.insert(ctx, tx, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		_, err := tx.ExecContext(ctx, "UPDATE state SET value = ? WHERE name = 'indexed_seq'", b.indexed)
		crashpoint.Reach(crashpoint.SearchApplied)
		return err
	})
	if err != nil {
		return err
	}
	crashpoint.Reach(crashpoint.SearchCommitted)
	f.shard = newest
	f.indexed.Store(b.indexed)
	return nil
}

// room is how many rows a shard takes that has room for so many, and for so many bytes.
func room(rows []row, events, bytes int) (n int) {
	for n < min(len(rows), events) && bytes > 0 {
		bytes -= len(rows[n].words)
		n++
	}
	return n
}

// next begins the shard behind s, with a row to come.
func (s *shard) next(ctx context.Context, tx *sql.Tx, first row) error {
	if _, err := tx.ExecContext(ctx, "UPDATE shards SET untidy = 1 WHERE n = ?", s.n); err != nil {
		return err
	}
	*s = shard{n: s.n + 1, first: first.seq, minTime: first.time, maxTime: first.time}
	_, err := tx.ExecContext(ctx, "CREATE VIRTUAL TABLE "+textTable(s.n)+
		` USING fts5(said, meta, content='', contentless_delete=1, tokenize="ascii")`)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO shards VALUES (?, 0, 0, 0, ?, ?, ?, ?, 0)", s.n, s.first, s.first, s.minTime, s.maxTime)
	return err
}

// insert adds rows, for which there is room.
func (s *shard) insert(ctx context.Context, tx *sql.Tx, rows []row) (err error) {
	var stmts [3]*sql.Stmt
	for i, query := range [...]string{
		"INSERT INTO " + textTable(s.n) + " (rowid, said, meta) VALUES (?, ?, ?)",
		"INSERT INTO events (seq, session, time, tool) VALUES (?, ?, ?, nullif(?, ''))",
		"INSERT INTO shard_sessions (shard, session) VALUES (?, ?) ON CONFLICT DO NOTHING",
	} {
		if stmts[i], err = tx.PrepareContext(ctx, query); err != nil { //nolint:sqlclosecheck // right below
			return err
		}
		defer func() { err = errors.Join(err, stmts[i].Close()) }()
	}
	last := int64(0)
	for i := range rows {
		r := &rows[i]
		if err := r.knowTool(ctx, tx); err != nil {
			return err
		}
		if _, err := stmts[0].ExecContext(ctx, r.seq, r.words, metaWords(r.session, r.role, r.tool)); err != nil {
			return err
		}
		if _, err := stmts[1].ExecContext(ctx, r.seq, r.session, r.time, r.tool); err != nil {
			return err
		}
		if r.session != last {
			if _, err := stmts[2].ExecContext(ctx, s.n, r.session); err != nil {
				return err
			}
			last = r.session
		}
		s.added++
		s.living++
		s.bytes += int64(len(r.words))
		s.last, s.minTime, s.maxTime = r.seq, min(s.minTime, r.time), max(s.maxTime, r.time)
	}
	_, err = tx.ExecContext(ctx, "UPDATE shards SET added = ?, living = ?, bytes = ?, last_seq = ?, min_time = ?, max_time = ? WHERE n = ?",
		s.added, s.living, s.bytes, s.last, s.minTime, s.maxTime, s.n)
	return err
}

// knowTool remembers the tool of a call until its result has come, which does not
// name it.
func (r *row) knowTool(ctx context.Context, tx *sql.Tx) error {
	switch {
	case r.toolID == "":
		return nil
	case r.tool != "":
		_, err := tx.ExecContext(ctx, "INSERT INTO calls (session, tool_id, tool) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET tool = excluded.tool",
			r.session, r.toolID, r.tool)
		return err
	}
	err := tx.QueryRowContext(ctx, "DELETE FROM calls WHERE session = ? AND tool_id = ? RETURNING tool", r.session, r.toolID).Scan(&r.tool)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return err
}
