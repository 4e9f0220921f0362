package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

const (
	// blockSessions is how many sessions a block has at most: a slot is a byte.
	blockSessions = 256
	// A block is made when so many sessions, or so much text, is in none: until
	// then every search looks through them. One of so few is made anew with those
	// that come next.
	blockDue      = blockSessions / 2
	blockDueBytes = 256 << 10
	// Whether one is due is looked at behind so many new sessions, or so much text.
	lookSessions = 16
	lookBytes    = 64 << 10
	// A block ends behind so much text, or so many grams of its sessions, which
	// bounds the transaction that writes it; a session with more is in none.
	blockBytes = 4 << 20
	blockGrams = 64 << 10
	mostGrams  = 16 << 10
)

// indexer makes the blocks in which the texts of sessions are searched.
type indexer struct {
	store  *Store
	logger *slog.Logger
	due    chan struct{} // a token: there may be a block to make
	ended  chan struct{}
	full   int64 // the newest block, if it has as much text as one can have; run's

	sessions, bytes int // since the last token; the writer's
}

func newIndexer(s *Store, o Options) *indexer {
	x := &indexer{store: s, logger: o.Logger, due: make(chan struct{}, 1), ended: make(chan struct{})}
	x.look() // for what an earlier program has left
	return x
}

// look has the indexer look whether there is something to do.
func (x *indexer) look() {
	select {
	case x.due <- struct{}{}:
	default: // it will
	}
}

// added is told by the writer of a new session and its text. Titles that change
// wait for the next ones.
func (x *indexer) added(bytes int) {
	x.sessions++
	x.bytes += bytes
	if x.sessions >= lookSessions || x.bytes >= lookBytes {
		x.sessions, x.bytes = 0, 0
		x.look()
	}
}

// run is the indexer's goroutine: it ends when the store closes or is in a hurry.
func (x *indexer) run() {
	defer close(x.ended)
	ctx := x.store.hurry
	for {
		select {
		case <-x.due:
		case <-ctx.Done():
			return
		}
		again, err := x.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			x.logger.Error("titles and queries are searched slowly for now", "error", err)
			select {
			case <-time.After(choreRetry):
				x.look()
			case <-ctx.Done():
			}
		case again:
			x.look()
		}
	}
}

// step makes a block, or takes one apart, if that is due.
func (x *indexer) step(ctx context.Context) (done bool, err error) {
	var due, block, thin, half int64
	var b textBlock
	err = x.store.snapshot(ctx, func(q *reading) error {
		err := q.QueryRowContext(ctx, `SELECT
			(SELECT count(*) >= ? OR coalesce(sum(octet_length(d.folded_title) + octet_length(l.folded_query)), 0) >= ?
				FROM session_unindexed u JOIN session_documents d USING (n) JOIN session_launches l USING (n) WHERE NOT u.too_large),
			(SELECT coalesce(max(block), 0) + 1 FROM session_blocks),
			coalesce((SELECT block FROM session_blocks WHERE living * 2 <= members LIMIT 1), 0),
			coalesce((SELECT block FROM session_blocks WHERE block = (SELECT max(block) FROM session_blocks) AND members <= ? AND block <> ?), 0)`,
			blockDue, blockDueBytes, blockDue, x.full).Scan(&due, &block, &thin, &half)
		if err != nil || due == 0 || half != 0 {
			return err
		}
		b, err = readBlock(ctx, q)
		return err
	})
	switch {
	case err != nil:
		return false, fmt.Errorf("read what is to be searched: %w", err)
	case due != 0 && half != 0:
		err = x.write(ctx, func(c *conn) error { return dissolve(c, half) })
	case due != 0:
		if x.full = 0; b.full {
			x.full = block
		}
		err = x.write(ctx, func(c *conn) error { return b.write(c, block) })
	case thin != 0:
		err = x.write(ctx, func(c *conn) error { return dissolve(c, thin) })
	default:
		return false, nil
	}
	return err == nil, err
}

// write has the writer run fn in a transaction.
func (x *indexer) write(ctx context.Context, fn func(*conn) error) error {
	w, done := x.store.writer, make(chan error, 1)
	job := func() {
		err := w.transact(func() error { return fn(w.conn) })
		if err == nil {
			w.touch()
		}
		done <- err
	}
	select {
	case w.jobs <- job:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	}
}
